"""Photos as items: a folder of them added, one found, judged by hand, or taken out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from thawline.data.listing import LeftOut, Listed, as_text
from thawline.data.photos.groups import find_groups
from thawline.data.photos.photo import PhotoFacts
from thawline.data.walking import walk_photos
from thawline.errors import UserError
from thawline.features.facts import find_facts
from thawline.features.media import Photos
from thawline.features.store.store import FeatureStore
from thawline.files import digest_of
from thawline.versions.database import Database
from thawline.versions.feedback import add_item, correct, record, retract
from thawline.versions.schema import Feedback, Item, ModelVersion, VersionFeedback, now


@dataclass(frozen=True)
class Added:
    """What came of a folder.

    Attributes:
        new: items that were not known before.
        known: photos that are items already.
        removed: photos that were taken out before, and stay out.
        copies: (a photo, the first photo of the same content).
        groups: groups of several photos: near-duplicates, bursts, and folders where asked for.
        left_out: what can't be used.
    """

    new: int
    known: int
    removed: int
    copies: tuple[tuple[str, str], ...]
    groups: int
    left_out: tuple[LeftOut, ...]


def add_folder(folder: Path, database: Database, store: Path, *, by_folder: bool, max_megapixels: float) -> Added:
    """Make the photos below `folder` items, with the group of each: those that a split or a question may not part.

    Args:
        folder: A folder.
        database: Where the items go.
        store: The root of the feature store, where facts of files are kept.
        by_folder: Whether the photos in one folder below `folder` are a group: those of a person or a shoot.
        max_megapixels: A larger photo is left out.

    Raises:
        UserError: `folder` is none, or holds no photo that can be used.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder; give one with photos")
    unopened: dict[str, str] = {}
    paths = [Path(path) for path in walk_photos([str(folder)], unopened)]
    photos = [_listed(path, folder, by_folder=by_folder) for path in paths if str(path) not in unopened]
    facts = find_facts(photos, FeatureStore(store), Photos(max_megapixels=max_megapixels))
    left_out = [LeftOut(as_text(path), reason) for path, reason in unopened.items()]
    left_out += [LeftOut(photo.name, str(facts[photo.name].problem)) for photo in photos if facts[photo.name].problem]
    usable = [photo for photo in photos if facts[photo.name].problem is None]
    if not usable:
        why = f"; {left_out[0].name}: {left_out[0].reason}" if left_out else ""
        raise UserError(f"{folder} holds no photo that can be used{why}")
    return _add(usable, [facts[photo.name] for photo in usable], database, tuple(left_out))


def answer_item(session: Session, text: str, answer: str | None) -> tuple[Item, str | None]:
    """Note by hand what is answered of an item: of a path, also one that is no item yet, a number or a digest.

    Args:
        session: The database.
        text: Which item.
        answer: The answer; None: what was answered is deleted, and the item is asked about again.

    Returns:
        The item, and what counted before.
    """
    path = Path(text).expanduser()
    item = find_item(session, text)
    if item is None and path.is_file() and answer is not None:
        item = add_item(session, path, digest_of(path))
    if item is None:
        raise UserError(f"there is no item '{text}': give its path, its number or its digest")
    before = _standing(session, item)
    if answer is not None:
        item.removed_at = None
    if answer is None:
        _retract_all(session, item)
    elif before is None:
        record(session, item, answer)
    elif before.answer != answer:
        correct(session, before, answer)
    return item, before.answer if before else None


def remove_item(session: Session, text: str) -> tuple[Item, int, list[ModelVersion]]:
    """Take an item out, and delete its answers; all that stays a fact.

    Returns:
        The item, how many answers were deleted now, and the versions that were trained on one.

    Raises:
        UserError: There is no such item.
    """
    item = find_item(session, text)
    if item is None:
        raise UserError(f"there is no item '{text}': give its path, its number or its digest")
    deleted = _retract_all(session, item)
    item.removed_at = item.removed_at or now()
    return item, deleted, versions_trained_on(session, item)


def find_item(session: Session, text: str) -> Item | None:
    """The item that is meant by its number, its digest, the content of the file at a path, or the path that it had."""
    if text.isascii() and text.isdigit() and (by_number := session.get(Item, int(text))) is not None:
        return by_number
    path = Path(text).expanduser().absolute()
    digest = digest_of(path) if path.is_file() else text.lower()
    by_content = session.scalar(select(Item).where(Item.digest == digest))
    by_path = select(Item).where(Item.path == str(path)).order_by(Item.id.desc()).limit(1)
    return by_content or session.scalar(by_path)


def versions_trained_on(session: Session, item: Item) -> list[ModelVersion]:
    """The versions that were trained on an answer of `item`, by number."""
    rows = select(Feedback.id).where(Feedback.item_id == item.id)
    used = select(VersionFeedback.version_id).where(VersionFeedback.feedback_id.in_(rows))
    return list(session.scalars(select(ModelVersion).where(ModelVersion.id.in_(used)).order_by(ModelVersion.number)))


def _retract_all(session: Session, item: Item) -> int:
    """Delete every answer of an item: to delete the last alone would bring back what it corrected."""
    wanted = select(Feedback).where(Feedback.item_id == item.id, Feedback.retracted_at.is_(None))
    standing = list(session.scalars(wanted))
    for feedback in standing:
        retract(session, feedback)
    return len(standing)


def _standing(session: Session, item: Item) -> Feedback | None:
    wanted = select(Feedback).where(Feedback.item_id == item.id, Feedback.retracted_at.is_(None))
    return session.scalar(wanted.order_by(Feedback.id.desc()).limit(1))


def _listed(path: Path, folder: Path, *, by_folder: bool) -> Listed:
    relative = path.relative_to(folder)
    within = as_text(relative.parent.as_posix()) if by_folder and relative.parent.parts else ""
    return Listed(path, as_text(relative.as_posix()), label="", folder=within, side=None)


def _add(
    photos: Sequence[Listed], facts: Sequence[PhotoFacts], database: Database, left_out: tuple[LeftOut, ...]
) -> Added:
    grouping = find_groups(photos, facts)
    members: dict[int, set[str]] = {}
    for number, fact in zip(grouping.ids.tolist(), facts, strict=True):
        members.setdefault(number, set()).add(fact.digest)
    first: dict[str, Listed] = {}
    copies = []
    for photo, fact in zip(photos, facts, strict=True):
        if fact.digest in first:
            copies.append((photo.name, first[fact.digest].name))
        else:
            first[fact.digest] = photo
    with database.session() as session:
        known = {item.digest: item for item in session.scalars(select(Item)) if item.digest in first}
        out = {digest for digest, item in known.items() if item.removed_at is not None}
        groups = _groups(session, [digests for digests in members.values() if len(digests) > 1], known)
        for digest, photo in first.items():
            if digest not in out:
                add_item(session, photo.path, digest, groups.get(digest))
    several = sum(len(digests) > 1 for digests in members.values())
    return Added(len(first) - len(known), len(known) - len(out), len(out), tuple(copies), several, left_out)


def _groups(session: Session, members: Sequence[set[str]], known: Mapping[str, Item]) -> dict[str, int]:
    """The number of each content's group; groups that were two before and now share a photo become one."""
    free = (session.scalar(select(func.max(Item.group))) or 0) + 1
    numbers: dict[str, int] = {}
    for digests in members:
        before = {item.group for digest in digests if (item := known.get(digest)) and item.group is not None}
        number = min(before, default=free)
        free += number == free
        if len(before) > 1:
            session.execute(update(Item).where(Item.group.in_(before)).values(group=number))
        numbers |= dict.fromkeys(digests, number)
    return numbers
