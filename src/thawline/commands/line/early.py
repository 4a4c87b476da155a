"""What `thawline train` can begin before its libraries are imported: reading the samples. Nothing heavy is imported."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from omegaconf import DictConfig

from thawline.errors import UserError
from thawline.features import ahead
from thawline.tasks.settings import RunSettings
from thawline.tasks.task import capability, find_task
from thawline.tasks.typed import to_settings


@contextmanager
def reading_ahead(config: DictConfig) -> Iterator[None]:
    """Read samples within, where the task of the run can begin so early."""
    with suppress(UserError):  # what is wrong is said when the run begins
        settings: RunSettings = to_settings(config)
        if find_task(settings.task).ahead is not None:
            capability(settings.task, "ahead")(settings)
    try:
        yield
    finally:
        ahead.forget()
