"""Which of a library's entries are read."""

from collections.abc import Iterable, Iterator
from itertools import islice

from thawline.tasks.library.entries.entry import Entry, key_of
from thawline.tasks.library.entries.settings import EntrySettings, since_of


def choose(entries: Iterable[Entry], settings: EntrySettings) -> Iterator[Entry]:
    """Those of a day or moment on, with one of the tags, and no more than the limit.

    Raises:
        UserError: `since` is no time.
    """
    since = since_of(settings)
    tags = {key_of(tag.strip()) for tag in settings.tags} if settings.tags else None

    def is_wanted(entry: Entry) -> bool:
        if since is not None and (entry.created_at is None or entry.created_at < since):
            return False
        return tags is None or not tags.isdisjoint(map(key_of, entry.tags))

    return islice(filter(is_wanted, entries), settings.limit)
