"""What is asked about, and what is answered."""

from dataclasses import dataclass

from sqlalchemy import func, select
from starlette.exceptions import HTTPException

from thawline.errors import UserError
from thawline.features.settings import StoreSettings
from thawline.tasks.preference.asking.ask import next_items
from thawline.tasks.preference.asking.asked import QueriedItem
from thawline.tasks.preference.asking.between import next_between
from thawline.tasks.preference.page.schemas import AnswerOut, ItemOut, Items, Undone
from thawline.versions.feedback import candidates, record, retract
from thawline.versions.registry import Registry
from thawline.versions.schema import Feedback, Item, ModelVersion


@dataclass(frozen=True)
class _Shown:
    """What was said of an item when it was asked about."""

    version_id: int | None
    score: float | None
    why: str


class Asking:
    """Chooses items, and remembers what was said of each until it is answered.

    Attributes:
        strategy: How they are chosen, unless it is said.
    """

    strategy = "uncertainty"

    def __init__(self) -> None:
        """Begin with nothing shown."""
        self._shown: dict[int, _Shown] = {}
        self._drafted: tuple[tuple[int, int], list[QueriedItem]] | None = None

    def next(self, registry: Registry, n: int, strategy: str, store: StoreSettings) -> Items:
        """The next `n` items by `strategy`; raises HTTPException where they can't be chosen."""
        try:
            with registry.database.reading() as session:
                asking = next_items(session, registry, n, strategy, store=store)
        except UserError as error:
            raise HTTPException(409, str(error)) from error
        version = None if asking.version is None else asking.version.id
        self._shown |= {one.item_id: _Shown(version, one.score, one.why) for one in asking.items}
        return Items(items=[ItemOut(id=one.item_id, name=one.path.name, why=one.why) for one in asking.items])

    def next_between(self, registry: Registry, n: int, between: tuple[int, int], store: StoreSettings) -> Items:
        """The next `n` items that two versions picked in turn; raises HTTPException where they can't be chosen.

        What was drafted stays who drafted it until it is answered, however often is asked.
        """
        drafted = self._drafted[1] if self._drafted is not None and self._drafted[0] == between else []
        try:
            with registry.database.reading() as session:
                open_ = {one.id for one in candidates(session)}
                waiting = [one for one in drafted if one.item_id in open_]
                if (more := n - len(waiting)) > 0:
                    ids = {one.item_id for one in waiting}
                    found = next_between(session, registry, more, between, store=store, without=ids).items
                    drafted, waiting = [*drafted, *found], [*waiting, *found]
        except UserError as error:
            raise HTTPException(409, str(error)) from error
        self._drafted = (between, drafted)
        for one in waiting:
            self._shown[one.item_id] = _Shown(one.by.id if one.by else None, one.score, one.why)
        return Items(items=[ItemOut(id=one.item_id, name=one.path.name, why=one.why) for one in waiting[:n]])

    def note(self, registry: Registry, item_id: int, answer: str) -> AnswerOut:
        """Keep an answer, if it is not the one that counts already."""
        with registry.database.session() as session:
            item = session.get(Item, item_id)
            if item is None or item.removed_at is not None:
                raise HTTPException(404, f"there is no item {item_id}")
            newest = select(func.max(Feedback.id)).where(Feedback.item_id == item_id, Feedback.retracted_at.is_(None))
            row = session.scalar(select(Feedback).where(Feedback.id == newest.scalar_subquery()))
            if row is None or row.answer != answer:
                shown = self._shown.get(item_id, _Shown(None, None, "chosen by hand"))
                version = None if shown.version_id is None else session.get_one(ModelVersion, shown.version_id)
                row = record(session, item, answer, version=version, score=shown.score, why=shown.why)
            version = None if row.version_id is None else session.get_one(ModelVersion, row.version_id)
            number = None if version is None else version.number
            return AnswerOut(feedback_id=row.id, answer=row.answer, score=row.score, version=number)

    def undo(self, registry: Registry, feedback_id: int) -> Undone:
        """Retract an answer; that it was given stays a fact."""
        with registry.database.session() as session:
            row = session.get(Feedback, feedback_id)
            if row is None:
                raise HTTPException(404, f"there is no answer {feedback_id}")
            retract(session, row)
        return Undone(feedback_id=feedback_id)
