"""`thawline sample TASK DIR`: make a sample collection."""

from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from thawline.commands.settings import to_settings
from thawline.errors import UserError


def sample(config: DictConfig) -> None:
    """Make the sample collection of a task.

    Raises:
        UserError: There is no sample of that task, or the directory is taken.
    """
    settings = to_settings(config)
    if settings.collection != "events":
        raise UserError(f"there is no sample collection '{settings.collection}'; there are: events")
    if settings.photos_per_class < 1:
        raise UserError(f"photos_per_class={settings.photos_per_class} must be at least 1")
    from thawline.samples.events import make_events

    directory = Path(settings.directory)
    summary = make_events(directory, photos_per_class=settings.photos_per_class, seed=settings.seed)
    Console().print(f"{summary}\nTry: thawline train '{directory}' encoder=tiny_clip", highlight=False)
