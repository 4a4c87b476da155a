"""Settings of few-shot methods: what they fit begins at the classes' prompts, and no validation samples are needed."""

from dataclasses import dataclass

from omegaconf import MISSING

from thawline.errors import UserError
from thawline.fitting.settings import MethodSettings, require_at_least

PER_CLASS, PER_SAMPLE = "per_class", "per_sample"


@dataclass
class _ProbeSettings(MethodSettings):
    """A method that fits `head=probe`."""

    def __post_init__(self) -> None:
        """Check the head."""
        super().__post_init__()
        if self.head != "probe":
            raise UserError(f"method={self.name} begins at the classes' prompts; use method.head=probe")


@dataclass
class ClapSettings(_ProbeSettings):
    """A linear probe that begins at zero-shot and is drawn back to it, each class as far as zero-shot knows it.

    CLAP (arXiv 2312.12730, section 4), by the authors' defaults.

    Attributes:
        steps: Steps of gradient descent over all samples, with a momentum of 0.9 and a cosine to nothing.
        lr: Its learning rate.
        constrained: Whether classes are drawn back; `false` is the paper's ZS-LP.
    """

    fit: str = "clap"
    steps: int = MISSING
    lr: float = MISSING
    constrained: bool = True

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        require_at_least("method.steps", self.steps, 1)
        if not self.lr > 0:
            raise UserError(f"method.lr={self.lr} must be above 0")


@dataclass
class SSTextSettings(_ProbeSettings):
    """A class's text and its photos, added up: no training at all.

    SS-Text (arXiv 2506.06076, and of unequal classes arXiv 2506.17500, section 2).

    Attributes:
        text: What a class's text weighs against its photos: `per_class` (one by how many photos the class has),
            `per_sample` (one by how many there are in all), or a number.
    """

    fit: str = "ss_text"
    text: float | int | str = PER_CLASS

    def __post_init__(self) -> None:
        """Check the weight."""
        super().__post_init__()
        if isinstance(self.text, str):
            if self.text not in (PER_CLASS, PER_SAMPLE):
                raise UserError(f"method.text={self.text} is not known; use {PER_CLASS}, {PER_SAMPLE} or a number")
        elif not self.text > 0:
            raise UserError(f"method.text={self.text} must be above 0")
