"""Where the project's `conf/` is."""

from pathlib import Path


def conf_directory() -> Path:
    """The project's `conf/`: inside the package when installed from a wheel, at the top of the repository otherwise."""
    package = Path(__file__).parents[2]
    inside = package / "conf"
    return inside if inside.is_dir() else package.parents[1] / "conf"
