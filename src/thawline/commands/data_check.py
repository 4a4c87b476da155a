"""`thawline data check`: what a folder of photos or a file of pairs holds, before anything is trained."""

from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from thawline.data.photos.people import write_people
from thawline.files import write_json
from thawline.output import report
from thawline.screen import say_whole
from thawline.tasks.settings import CheckSettings
from thawline.tasks.task import capability
from thawline.tasks.typed import to_settings


def data_check(config: DictConfig) -> None:
    """Print what the data hold and what is wrong with them, and write it as JSON.

    Raises:
        UserError: The data can't be used at all.
    """
    settings: CheckSettings = to_settings(config)
    console = Console()
    facts = capability(settings.task, "check")(settings, console)
    path = Path(settings.paths.run) / "data_report.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_people(path.parent, facts)
    write_json(path, facts)
    report(**facts, written={"report": path})
    say_whole(console, f"report {path}")
