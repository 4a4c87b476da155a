"""Settings of the run directory and its loggers."""

from dataclasses import dataclass, field

from omegaconf import MISSING


@dataclass
class PathsSettings:
    """Where a run writes.

    Attributes:
        outputs: The folder under which run directories are made.
        run: This run's directory.
    """

    outputs: str = MISSING
    run: str = MISSING


@dataclass
class LoggerSettings:
    """What mirrors a run besides its own CSV files.

    Attributes:
        name: `wandb` or `csv`.
        mode: W&B's mode: `offline` (default; nothing goes on the network), `online` or `disabled`.
        project: W&B's project.
        group: W&B's group; null: none.
        tags: W&B's tags.
    """

    name: str = MISSING
    mode: str = "offline"
    project: str = "thawline"
    group: str | None = None
    tags: list[str] = field(default_factory=list)
