"""Forgetting an item: its answers are deleted, and every version that was trained on it is named."""

import re
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from thawline.bundles.ensemble_manifest import MEMBERS
from thawline.bundles.trained import read_trained
from thawline.errors import UserError
from thawline.files import digest_of
from thawline.versions.database import Database
from thawline.versions.feedback import retract
from thawline.versions.schema import Feedback, Item, ModelVersion, VersionFeedback, now

_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Forgotten:
    """What came of forgetting an item.

    Attributes:
        item: the item; it is not asked about any more.
        retracted: how many answers were deleted now.
        users: the versions that were trained on it, or began with one that was, pruned ones too, by number.
    """

    item: Item
    retracted: int
    users: tuple[ModelVersion, ...]

    @property
    def left(self) -> tuple[ModelVersion, ...]:
        """Those of them whose weights are still there."""
        return tuple(version for version in self.users if version.pruned_at is None)


def forget(root: Path, database: Database, item: str) -> Forgotten:
    """See `Registry.forget`, of the registry at `root`. To do it again says how far it is: nothing is deleted twice."""
    with database.session() as session:
        found = _find_item(session, item)
        answers = select(Feedback).where(Feedback.item_id == found.id, Feedback.retracted_at.is_(None))
        standing = list(session.scalars(answers))
        for feedback in standing:
            retract(session, feedback)
        found.removed_at = found.removed_at or now()
        users = users_of(root, session, found)
        stale = [version.id for version in users if version.stale_since is None]
        session.execute(update(ModelVersion).where(ModelVersion.id.in_(stale)).values(stale_since=now()))
        for version in users:
            session.refresh(version)
    return Forgotten(found, len(standing), tuple(users))


def users_of(root: Path, session: Session, item: Item) -> list[ModelVersion]:
    """The versions of the registry at `root` that know of `item`, by number.

    By their rows; by what lies in their directories, which tell the contents that a model was trained on; and by the
    version that each began with.
    """
    rows = select(VersionFeedback.version_id).join(Feedback, Feedback.id == VersionFeedback.feedback_id)
    known = set(session.scalars(rows.where(Feedback.item_id == item.id)))
    users: list[ModelVersion] = []
    for version in session.scalars(select(ModelVersion).order_by(ModelVersion.number)):
        began_with_one = version.parent_id in {user.id for user in users}
        if version.id in known or began_with_one or item.digest in _contents(root / version.path):
            users.append(version)
    return users


def _contents(folder: Path) -> set[str]:
    """The digests of what the model in a version's directory was trained on; of the members' of an ensemble."""
    digests: set[str] = set()
    for place in (folder, *folder.glob(f"{MEMBERS}/*")):
        trained = read_trained(place) if place.is_dir() else None
        digests |= {sample.digest for sample in trained.samples} if trained else set()
    return digests


def _find_item(session: Session, text: str) -> Item:
    """The item that is meant: by its number, its digest, its path, or the content of the file that is there.

    Raises:
        UserError: There is none.
    """
    by_number = session.get(Item, int(text)) if text.isascii() and text.isdigit() else None
    if by_number is not None:
        return by_number
    path = Path(text).expanduser().absolute()
    digest = text if _DIGEST.fullmatch(text) else digest_of(path) if path.is_file() else ""
    found = session.scalar(select(Item).where(Item.digest == digest))
    found = found or session.scalar(select(Item).where(Item.path == str(path)).order_by(Item.id.desc()).limit(1))
    if found is None:
        raise UserError(f"nothing was ever answered of '{text}': no item has this path, number or content")
    return found
