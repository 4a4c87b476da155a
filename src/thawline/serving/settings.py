"""The settings of `thawline serve`."""

from dataclasses import dataclass, field

from omegaconf import MISSING

from thawline.data.settings import check_megapixels
from thawline.encoders.settings import EncoderSettings
from thawline.errors import UserError
from thawline.features.settings import StoreSettings
from thawline.runs.settings import PathsSettings
from thawline.tasks.bundle.predicting import PredictData
from thawline.tasks.settings import PromptSettings
from thawline.versions.settings import VersionsSettings


@dataclass
class ServeSettings:
    """`thawline serve`.

    Attributes:
        bundle: A directory that `thawline export` wrote; `base`: the pretrained encoder, zero-shot; null: the one that
            `CLIP_MODEL_PATH` names, or else the active version, or else `base`.
        host: The address to listen at. Any but the machine's own needs a token.
        port: The port; 0: any that is free.
        token: What requests must bring along (`Authorization: Bearer TOKEN`); null: `THAWLINE_TOKEN` of the environment
            or of a file `.env` says, and if that does not, none is asked for.
        calibrated: Whether probabilities are at the bundle's temperature; null: as `thawline predict` has them.
        max_upload_mb: The largest request, MB.
        max_files: The most files in one request.
        max_waiting: How many files may wait for the network; more are refused until some are done.
        wait_ms: How long a busy network waits for more files to take along, ms; an idle one never waits.
        grace: How long running requests may take after SIGTERM, s.
        results: Whether what was said is kept in the database of `versions`, so that feedback can be given on it; if
            not, nothing is written, and there are no versions.
        accelerator: What to compute on.
        data: For `base`; `max_megapixels` is for bundles too.
        encoder: For `base`.
        prompts: For `base`.
        store: For `base`: where the prompts' features are kept.
        versions: The registry.
        paths: Where the registry is if it is nowhere else.
    """

    bundle: str | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    calibrated: bool | None = None
    max_upload_mb: float = 64
    max_files: int = 32
    max_waiting: int = 512
    wait_ms: float = 2
    grace: int = 25
    results: bool = True
    accelerator: str = "auto"
    data: PredictData = field(default_factory=PredictData)
    encoder: EncoderSettings = MISSING
    prompts: PromptSettings = field(default_factory=PromptSettings)
    store: StoreSettings = MISSING
    versions: VersionsSettings = MISSING
    paths: PathsSettings = MISSING

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_megapixels(self.data.max_megapixels)
        if not 0 <= self.port < 2**16:
            raise UserError(f"port={self.port} must be a number from 0 to 65535")
        for name in ("max_upload_mb", "max_files", "max_waiting"):
            if not getattr(self, name) > 0:
                raise UserError(f"{name}={getattr(self, name)} must be more than 0")
        for name in ("wait_ms", "grace"):
            if not getattr(self, name) >= 0:
                raise UserError(f"{name}={getattr(self, name)} must be 0 or more")
