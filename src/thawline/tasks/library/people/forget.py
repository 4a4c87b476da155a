"""A person forgotten: no encoding and no name of theirs is left in a library's directory, and none comes back."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from thawline.files import remove_leftovers, write_json, write_text
from thawline.tasks.library.people.faces import Faces
from thawline.tasks.library.people.people import People
from thawline.tasks.library.people.store import NUMBERS, WORDS, write_people

INSTEAD = "[forgotten]"
_HEAD = 8  # numbers that tell an encoding
_NUMBER = re.compile(rb"-?\d{1,20}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,3})?")
_OWNERS = "corrections.json"  # the owner's words: of a name's parts each may be a tag
_TEXTS = frozenset({".log", ".txt", ".md", ".csv", ".yaml", ".yml", ".jsonl", ".tsv"})


@dataclass(frozen=True)
class _Trace:
    """Encodings to look for, [n, d] as given and of length 1."""

    rows: NDArray[np.float32]

    def is_in(self, data: bytes) -> bool:
        """Whether `data` has the first numbers of one, as half, single or double precision or in digits."""
        if not len(self.rows):
            return False
        for kind in ("<f4", "<f8", "<f2"):
            heads = np.asarray(self.rows, kind)[:, :_HEAD]
            size = 4 if kind == "<f2" else heads.itemsize  # two halves are looked for at once
            wanted = np.unique(np.frombuffer(b"".join(row.tobytes()[:size] for row in heads), f"<u{size}"))
            whole = {row.tobytes() for row in heads}
            length = heads.shape[1] * heads.itemsize
            for offset in range(min(size, len(data) - size + 1)):
                count = (len(data) - offset) // size
                found = np.flatnonzero(np.isin(np.frombuffer(data, f"<u{size}", count, offset), wanted))
                starts = (found * size + offset).tolist()
                if any(data[start : start + length] in whole for start in starts):
                    return True
        return self._is_in_digits(data)

    def _is_in_digits(self, data: bytes) -> bool:
        with np.errstate(over="ignore"):  # what is no single is none of an encoding's numbers
            numbers = np.array([float(word) for word in _NUMBER.findall(data)], np.float32)
        heads = self.rows[:, :_HEAD]
        width = heads.shape[1]
        found = np.flatnonzero(np.isin(numbers[: len(numbers) - width + 1], heads[:, 0]))
        return any((np.abs(heads - numbers[start : start + width]).max(1) < 1e-6).any() for start in found.tolist())


_NO_TRACE = _Trace(np.empty((0, 0), np.float32))


def _trace(faces: Faces) -> _Trace:
    return _Trace(np.concatenate([faces.encodings, faces.units]))


def without_person(people: People, person: int) -> People:
    """`people` without `person`, whose faces are known again as such and never taken."""
    gone = people.persons == person
    faces = people.faces.take(gone)
    return replace(
        people,
        faces=people.faces.take(~gone),
        persons=people.persons[~gone],
        names={number: name for number, name in people.names.items() if number != person},
        former={number: had for number, had in people.former.items() if number != person},
        constraints=people.constraints.without(faces.keys),
        forgotten=people.forgotten.also(faces),
        unsure=tuple(pair for pair in people.unsure if person not in (pair.first, pair.second)),
    )


def forget_person(directory: Path, people: People, person: int) -> tuple[People, list[str]]:
    """Forget `person`: their faces, their names, of before too, and these in whatever else lies in `directory`.

    A name goes out of texts, as words of their own, whatever their case; out of lists of words each of its words goes,
    and what is its stem. Any other file with a name or encoding in it, and any page, is deleted: the next training, or
    `library page`, makes it anew.

    Returns:
        Who is left, and the files that were changed or deleted besides the people's own, below `directory`.
    """
    names = names_to_forget(people, person)
    faces = people.faces.take(people.persons == person)
    left = without_person(people, person)
    write_people(directory, left)
    remove_leftovers(directory.rglob(".*.tmp"))
    trace = _trace(faces)
    touched = []
    for path in sorted(directory.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.name not in (NUMBERS, WORDS):
            found = _clean(path, names[0] if names else None, trace)
            for name in names[1:]:
                found |= path.exists() and _clean(path, name, _NO_TRACE)
            touched += [path.relative_to(directory).as_posix()] if found else []
    return left, touched


def names_to_forget(people: People, person: int) -> list[str]:
    """The name of `person`, and those they had before, but for those that another has now."""
    others = {name.text.casefold() for number, name in people.names.items() if number != person}
    own = {people.names[person].text} if person in people.names else set()
    return sorted(name for name in own | people.former.get(person, frozenset()) if name.casefold() not in others)


def _clean(path: Path, name: str | None, trace: _Trace) -> bool:
    """Take the name and the encodings out of a file. Returns whether there were any."""
    data = path.read_bytes()
    if path.suffix == ".html":  # a page with pictures of people, who may have no name: it is drawn anew
        path.unlink()
        return True
    if (name is not None and _pattern(name).search(normalize("NFC", path.name))) or trace.is_in(data):
        path.unlink()
        return True
    if name is None:
        return False
    return _rewrite(path, data, name)


def _rewrite(path: Path, data: bytes, name: str) -> bool:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        if not _is_in_arrays(path, data, name):
            return False
        path.unlink()
        return True
    if path.suffix == ".json":
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if value is not None:
            words = frozenset() if path.name == _OWNERS else _listed_words(name)
            clean, changed = _redacted(value, _replacer(name, words))
            if changed:
                write_json(path, clean)
            return changed
    new = _replacer(name)(text)
    for form in _forms(name):
        new = new.replace(form.decode("utf-8", "ignore"), INSTEAD)
    if new == text:
        return False
    if path.suffix in _TEXTS or path.suffix == ".json":
        write_text(path, new)
    else:
        path.unlink()
    return True


def _is_in_arrays(path: Path, data: bytes, name: str) -> bool:
    """Whether a binary file has the name, or a list of words in one of its arrays a word of it."""
    if any(form in data for form in _forms(name)):
        return True
    try:
        with np.load(path, allow_pickle=False) as arrays:
            texts = [arrays[key].tobytes() for key in arrays if arrays[key].dtype == np.uint8]
    except Exception:  # it is none of NumPy's, or damaged
        return False
    words = {line.casefold() for text in texts for line in text.decode("utf-8", "replace").split("\n")}
    return not words.isdisjoint({*_listed_words(name), normalize("NFC", name).casefold()})


def _listed_words(name: str) -> frozenset[str]:
    """The words of a name and their stems, casefolded, as lists of a library's words have them one by one."""
    import Stemmer  # late, as in search

    words = normalize("NFC", name).casefold().split()
    stems = (stem for language in Stemmer.algorithms() for stem in Stemmer.Stemmer(language).stemWords(words))
    return frozenset([*words, *stems])


def _redacted(value: Any, without: Callable[[str], str]) -> tuple[Any, bool]:
    """A JSON value with its texts, keys among them, rid of the name; and whether there was one."""
    if isinstance(value, str):
        new = without(value)
        return new, new != value
    if isinstance(value, list):
        pairs = [_redacted(one, without) for one in value]
        return [one for one, _ in pairs], any(changed for _, changed in pairs)
    if isinstance(value, dict):
        items = {without(key): _redacted(one, without) for key, one in value.items()}
        changed = any(changed for _, changed in items.values()) or items.keys() != value.keys()
        return {key: one for key, (one, _) in items.items()}, changed
    return value, False


def _pattern(name: str) -> re.Pattern[str]:
    words = r"\s+".join(map(re.escape, normalize("NFC", name).split()))
    return re.compile(rf"(?<!\w){words}(?!\w)", re.IGNORECASE)


def _replacer(name: str, words: frozenset[str] = frozenset()) -> Callable[[str], str]:
    """What takes the name out of a text; a text that is nothing but one of `words`, casefolded, goes too."""
    pattern = _pattern(name)

    def without(text: str) -> str:
        composed = normalize("NFC", text)
        if composed.casefold() in words:
            return INSTEAD
        return pattern.sub(INSTEAD, composed) if pattern.search(composed) else text

    return without


def _forms(name: str) -> list[bytes]:
    """The name's bytes as files may have them."""
    texts = {name, normalize("NFC", name), normalize("NFD", name)}
    escaped = {json.dumps(text)[1:-1] for text in texts}
    wide = {text.encode(code) for text in texts for code in ("utf-16-le", "utf-32-le")}  # NumPy's, for one
    return sorted({text.encode("utf-8") for text in texts | escaped} | wide)
