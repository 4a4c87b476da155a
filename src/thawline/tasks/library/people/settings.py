"""Settings of people and of the verbs that name and correct them."""

from dataclasses import dataclass, field

from omegaconf import MISSING

from thawline.errors import UserError
from thawline.runs.settings import PathsSettings

METHODS = ("average", "whispers", "hdbscan")
GONE = ("keep", "drop")


@dataclass
class PeopleSettings:
    """How faces become people.

    Attributes:
        method: `average` linkage of the nearest neighbours' graph, Chinese `whispers`, or `hdbscan`.
        same: The least mean cosine of one person's faces; null: learnt from the faces.
        neighbours: Nearest faces that are looked at for each.
        one_a_photo: Whether two faces of one photo are two people, unless the owner said otherwise.
        gone: Faces learnt before that are not among those given now: `keep` or `drop` them.
        quality: Faces in photos whose encoding can be relied on less, 0 to 1, join people and decide on none.
    """

    method: str = "average"
    same: float | None = None
    neighbours: int = 32
    one_a_photo: bool = True
    gone: str = "keep"
    quality: float = 0.5


def check_people(settings: PeopleSettings, prefix: str = "") -> None:
    """Are the settings within their ranges?

    Args:
        settings: What was given.
        prefix: What stands before their names on the command line.

    Raises:
        UserError: One is not.
    """
    if settings.method not in METHODS:
        raise UserError(
            f"{prefix}method={settings.method} is not known; use {', '.join(METHODS[:-1])} or {METHODS[-1]}"
        )
    if settings.gone not in GONE:
        raise UserError(f"{prefix}gone={settings.gone} is not known; use {' or '.join(GONE)}")
    if settings.same is not None and not -1 < settings.same < 1:
        raise UserError(f"{prefix}same={settings.same} must be a cosine between -1 and 1, such as 0.5; null learns it")
    if not 0 <= settings.quality <= 1:
        raise UserError(f"{prefix}quality={settings.quality} must be 0 to 1")
    if not 4 <= settings.neighbours <= 256:
        raise UserError(f"{prefix}neighbours={settings.neighbours} must be 4 to 256")


@dataclass
class LibraryPeopleSettings:
    """`thawline library people|name|merge|split|forget`.

    Attributes:
        dir: The library's directory, as `library train` wrote it.
        person: The number or name of a person.
        into: `merge`: the number or name of another, whose faces become the first one's.
        called: `name`: what the person is called; "" takes the name away.
        others: `split`: the faces that are another's, `ENTRY#NUMBER` or `ENTRY`.
        convert: `people`: an old `face_clusters.pkl` to take over, where there are no people yet.
        all: `people`: whether people with one face are listed too.
        paths: Where the library lies.
    """

    dir: str | None = None
    person: str | None = None
    into: str | None = None
    called: str | None = None
    others: list[str] = field(default_factory=list)
    convert: str | None = None
    all: bool = False
    paths: PathsSettings = MISSING
