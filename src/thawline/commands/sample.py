"""`thawline sample COLLECTION DIR`: make a sample collection."""

from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from thawline.commands.line.verbs import COLLECTIONS
from thawline.errors import UserError
from thawline.output import report
from thawline.samples.settings import SampleSettings
from thawline.screen import as_word, say, say_next, say_whole
from thawline.tasks.capabilities import SampleMaker
from thawline.tasks.task import imported, in_folder
from thawline.tasks.typed import to_settings


def sample(config: DictConfig) -> Path:
    """Make the sample collection of a task.

    Returns:
        The folder or file that `thawline train` takes.

    Raises:
        UserError: There is no such collection, or the directory is taken.
    """
    settings: SampleSettings = to_settings(config)
    if settings.collection not in COLLECTIONS:
        raise UserError(f"there is no sample collection '{settings.collection}'; there are: {', '.join(COLLECTIONS)}")
    task, collection = COLLECTIONS[settings.collection]
    make: SampleMaker = imported(in_folder(task, collection.make))
    made = make(Path(settings.directory), settings)
    report(collection=settings.collection, made=not made.already_there)
    console = Console()
    there = " (there already)" if made.already_there else ""
    say_whole(console, f"{made.what} in {made.place}{there}")
    for line in made.said:
        say(console, line)
    place, words = as_word(made.place), list(made.settings)
    check = ["thawline data check", place, *(word for word in words if word.startswith("task="))]
    say_next(console, [" ".join(check), " ".join(["thawline train", place, *words])])
    return made.place
