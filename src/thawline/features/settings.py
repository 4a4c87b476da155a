"""Settings of the feature store."""

from dataclasses import dataclass
from pathlib import Path

from thawline.errors import UserError


@dataclass
class StoreSettings:
    """Where features lie and how they are kept.

    Attributes:
        dir: The folder; null: `thawline/store` in the user's cache directory.
        dtype: Data type of the stored features: `float32`, `float16` or `bfloat16`.
    """

    dir: str | None = None
    dtype: str = "float32"

    def __post_init__(self) -> None:
        """Check the names."""
        if self.dtype not in ("float32", "float16", "bfloat16"):
            raise UserError(f"store.dtype={self.dtype} is not known; use float32, float16 or bfloat16")

    @property
    def root(self) -> Path:
        """The store's folder, absolute."""
        if self.dir:
            return Path(self.dir).expanduser().absolute()
        import platformdirs

        return Path(platformdirs.user_cache_dir("thawline")) / "store"
