"""The stages of a training, in order: data alone, so that a further one is a line here and a module."""

from dataclasses import dataclass

from thawline.tasks.library.training.stage import Learn
from thawline.tasks.task import imported


@dataclass(frozen=True)
class Stage:
    """A stage.

    Attributes:
        name: What it is called in the report and the log.
        learn: Its function, `module:function`, a `Learn`.
    """

    name: str
    learn: str

    def load(self) -> Learn:
        """Its function; what it needs is imported now."""
        function: Learn = imported(self.learn)
        return function


STAGES = (
    Stage("patterns", "thawline.tasks.library.training.patterns:learn"),
    Stage("tags", "thawline.tasks.library.tagging.learn:learn"),
    Stage("faces", "thawline.tasks.library.training.faces:learn"),
    Stage("people", "thawline.tasks.library.training.people:learn"),
    Stage("descriptions", "thawline.tasks.library.enhancing.learn:learn"),
    Stage("search", "thawline.tasks.library.search.learn:learn"),
)
