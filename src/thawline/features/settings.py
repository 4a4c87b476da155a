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


@dataclass
class ClusterSettings:
    """What computes the features that the store lacks.

    Attributes:
        kind: `ray`: the nodes of a Ray cluster; null: this process.
        address: Of the cluster: `auto` (the one that this machine belongs to) or `HOST:PORT`; null: one of this
            machine alone, which ends with the pass.
        num_cpus: Cores of each process on a node; null: all that the node has, or its GPU's share of them.
        max_retries: How often a share of the files is computed anew whose process or node was lost.
    """

    kind: str | None = None
    address: str | None = None
    num_cpus: int | None = None
    max_retries: int = 3

    def __post_init__(self) -> None:
        """Check the values."""
        if self.kind not in (None, "ray"):
            raise UserError(f"cluster.kind={self.kind} is not known; use cluster=ray or cluster=none")
        if self.num_cpus is not None and self.num_cpus < 1:
            raise UserError(f"cluster.num_cpus={self.num_cpus} is below 1")
        if self.max_retries < 0:
            raise UserError(f"cluster.max_retries={self.max_retries} is below 0")
