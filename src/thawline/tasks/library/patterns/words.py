"""Words: how a text is cut into them, and which of them say nothing. The one place for both."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

BREAK: Final = 0  # the number of what stands between sentences and parts of them
MOST: Final = 2000  # words of an entry that are looked at
_LONGEST = 40  # characters of a word
_PIECES = re.compile(r"[^\W_]+(?:'[^\W_]+)?|[.!?;:,()\n\"]")

# Words that hold English sentences together. Those of other languages are told by how evenly they are spread.
STOP_WORDS: Final = frozenset(
    """a about above after again against all also am an and any are aren't as at be because been before being below
    between both but by can can't cannot could couldn't did didn't do does doesn't doing don't down during each few for
    from further had hadn't has hasn't have haven't having he he'd he'll her here hers herself him himself his how i
    i'd i'll i'm i've if in into is isn't it its itself just let me more most must my myself no nor not now of off on
    once only onto or other others our ours ourselves out over own same shan't she she'd she'll should shouldn't so some
    such than that the their theirs them themselves then there these they they'd they'll they're they've this those
    through to too under until up upon us very was wasn't we we'd we'll we're we've were weren't what when where which
    while who whom whose why will with won't would wouldn't you you'd you'll you're you've your yours yourself
    yourselves""".split()  # noqa: SIM905  # a list takes a screen
)


def words_of(text: str) -> list[str]:
    """The words of a text in order, in lower case and composed, function words among them.

    An apostrophe belongs to a word, but for the `'s` at its end; a hyphen ends it. Languages without blanks between
    words are not cut: a run of their letters is one word.
    """
    return [word for piece in _pieces(text) if (word := _word(piece))]


def is_content(word: str) -> bool:
    """Whether a word says something: no function word, no number, no single letter of a Latin alphabet."""
    return word not in STOP_WORDS and not word.isdigit() and (len(word) > 1 or ord(word) > 0x2FF)


class Vocabulary(dict[str, int]):
    """The number of each piece of a text, given when it is first met; 0 are breaks.

    Attributes:
        words: By number; the first is "".
    """

    def __init__(self, words: Iterable[str] = ()) -> None:
        """Begin with `words`, numbered from 1."""
        super().__init__()
        self.words = [""]
        for word in words:
            self._add(word)

    def __missing__(self, piece: str) -> int:
        word = _word(piece)
        number = BREAK if not word else self[word] if word != piece else self._add(word)
        self[piece] = number
        return number

    def _add(self, word: str) -> int:
        self[word] = number = len(self.words)
        self.words.append(word)
        return number

    def encode(self, text: str) -> list[int]:
        """The numbers of a text's words in order, with breaks between sentences, at most `MOST`."""
        return list(map(self.__getitem__, _pieces(text)[:MOST]))


@dataclass(frozen=True)
class Texts:
    """Texts as numbers of words.

    Attributes:
        words: By number; the first is "", which stands for breaks.
        numbers: [all] of all texts, one after the other, each with a break at its end.
        ends: [n + 1] where they end; the first is 0.
        lengths: [n] words of the first part of each.
    """

    words: Sequence[str]
    numbers: npt.NDArray[np.int32]
    ends: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.ends) - 1

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """[all] the text that each number belongs to."""
        return np.repeat(np.arange(len(self)), np.diff(self.ends))

    @property
    def content(self) -> npt.NDArray[np.bool_]:
        """[words] whether each says something."""
        return np.array([bool(word) and is_content(word) for word in self.words])


def encode(texts: Iterable[Sequence[str]], words: Iterable[str] = ()) -> Texts:
    """Texts as numbers of words.

    Args:
        texts: In order, each in parts.
        words: Those that have numbers already, from 1 on.
    """
    vocabulary = Vocabulary(words)
    numbers, ends, lengths = [np.zeros(0, np.int32)], [0], []
    for parts in texts:
        first, *others = (vocabulary.encode(part) for part in parts)
        text = [*first, BREAK, *(number for part in others for number in (*part, BREAK))]
        numbers.append(np.array(text, np.int32))
        ends.append(ends[-1] + len(text))
        lengths.append(len(first) - first.count(BREAK))
    return Texts(vocabulary.words, np.concatenate(numbers), np.array(ends, np.int64), np.array(lengths, np.int32))


def _pieces(text: str) -> list[str]:
    if not text.isascii():
        text = unicodedata.normalize("NFC", text.replace("\u2019", "'"))
    return _PIECES.findall(text.casefold())


def _word(piece: str) -> str:
    """The word that a piece of a text is; "": it is none."""
    word = piece.removesuffix("'s")
    return word if len(word) <= _LONGEST and word[:1].isalnum() else ""
