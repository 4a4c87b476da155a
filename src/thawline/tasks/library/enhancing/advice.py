"""When it is worth training on a library again, and why."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from thawline.tasks.library.entries.entry import Entry, key_of

IMAGES: Final = 500  # new ones
CORRECTIONS: Final = 50  # entries that the owner corrected
CATEGORY: Final = 10  # new entries with a tag that the library did not have
AGE: Final = timedelta(days=30)
_NAMED = 5  # tags
_MOST = 100_000  # tags that are counted: a library of tags that come up once must not fill the memory


class News:
    """What new entries have that the library had not when it was learnt."""

    def __init__(self, ids: Collection[str], tags: Iterable[str]) -> None:
        """Take the ids and tags that were learnt of."""
        self._ids, self._tags = ids, set(map(key_of, tags))
        self._new: set[str] = set()
        self._categories: Counter[str] = Counter()

    @property
    def images(self) -> int:
        """How many new entries were seen."""
        return len(self._new)

    @property
    def categories(self) -> list[str]:
        """Tags of at least `CATEGORY` new entries that no entry had before, the most frequent first."""
        often = [(-count, tag) for tag, count in self._categories.items() if count >= CATEGORY]
        return [tag for _, tag in sorted(often)]

    def see(self, entry: Entry) -> None:
        """Take note of an entry; one that was learnt of, or seen, is no news."""
        if entry.id in self._ids or entry.id in self._new:
            return
        self._new.add(entry.id)
        for tag in entry.tags:
            key = key_of(tag)
            if key not in self._tags and (key in self._categories or len(self._categories) < _MOST):
                self._categories[key] += 1


def advise(report: Mapping[str, Any], corrections: int, news: News, now: datetime) -> list[str]:
    """Reasons to train again, each a phrase; none: there is no need.

    Args:
        report: Of the last training.
        corrections: Entries that were corrected since.
        news: What new entries have.
        now: The time.
    """
    reasons = []
    if report.get("status") != "completed":
        reasons.append("the last training did not come to its end")
    if news.images >= IMAGES:
        reasons.append(f"{news.images} images are new")
    if corrections >= CORRECTIONS:
        reasons.append(f"{corrections} entries were corrected since")
    if categories := news.categories:
        more = f" and {len(categories) - _NAMED} more" if len(categories) > _NAMED else ""
        reasons.append(f"new categories: {', '.join(categories[:_NAMED])}{more}")
    age = now - _moment(report)
    if age >= AGE:
        reasons.append(f"the last training was {age.days} days ago")
    return reasons


def _moment(report: Mapping[str, Any]) -> datetime:
    try:
        return datetime.strptime(str(report["timestamp"]), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except (KeyError, ValueError):
        return datetime.min.replace(tzinfo=UTC)
