"""What the sample's genres are: who plays, how fast, in which keys, over which chords and drum patterns."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from thawline.samples.music.sounds import Generator, Note
from thawline.samples.music.studios import House

MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)
_STEPS = 16  # of a bar

# Kick, snare and hat on the sixteenths of a bar.
_PATTERNS = {
    "rock": ("x.......x.x.....", "....x.......x...", "x.x.x.x.x.x.x.x."),
    "train": ("x.......x.......", "..x.x.x...x.x.xx", "x...x...x...x..."),
    "shuffle": ("x.......x.......", "....x.......x...", "x..xx..xx..xx..x"),
    "four": ("x...x...x...x...", "....x.......x...", "..x...x...x...x."),
    "boom": ("x..x......x.x...", "....x.......x...", "x.x.x.x.x.xxx.x."),
    "half": ("x.....x...x.....", "........x.......", "x.x.x.xxx.x.x.xx"),
    "double": ("xx.xxx.xxx.xxx.x", "....x.......x...", "x...x...x...x..."),
    "none": ("................", "................", "................"),
}
_STRUMS = ("x.x.x.x.", "x.xx.xxx", "x..xx.x.", "x...x.xx")


@dataclass(frozen=True)
class Genre:
    """What a genre's artists have in common; much of it is other genres' as well.

    Attributes:
        tempo: Beats a minute, from and to.
        minor: How many of the tracks are in a minor key.
        chords: Degrees of the scale, one a bar.
        drums: Patterns, each as likely as it stands here.
        parts: Instrument to the share of the genre's artists that play it.
        drum_level: How loud drums are.
        house: How it is usually recorded.
    """

    tempo: tuple[float, float]
    minor: float
    chords: tuple[tuple[int, ...], ...]
    drums: tuple[str, ...]
    parts: Mapping[str, float]
    drum_level: float
    house: House


_SONG_CHORDS = ((0, 3, 4, 0), (0, 4, 5, 3), (0, 3, 0, 4), (0, 5, 3, 4))
_DARK_CHORDS = ((0, 5, 6, 0), (0, 6, 5, 6), (0, 0, 5, 4), (0, 3, 5, 4))

# Country and rock differ by the fiddle, and by little else. Rock and metal share the distorted guitar, electronic and
# hip-hop the synthesizers, country and classical the violin.
GENRES: Mapping[str, Genre] = {
    "classical": Genre(
        (62, 112),
        0.5,
        (*_SONG_CHORDS, (0, 1, 4, 0), (0, 3, 1, 4)),
        ("none",),
        {"violin": 0.6, "strings": 0.75, "piano": 0.6, "acoustic guitar": 0.3},
        0.0,
        House(-1.2, 0.3, 0.8),
    ),
    "country": Genre(
        (88, 142),
        0.15,
        _SONG_CHORDS,
        ("rock", "train", "shuffle", "rock"),
        {"acoustic guitar": 0.8, "violin": 0.9, "electric guitar": 0.5, "piano": 0.25, "bass guitar": 0.95},
        0.5,
        House(-0.5, 0.7, 0.35),
    ),
    "electronic": Genre(
        (104, 138),
        0.6,
        (*_DARK_CHORDS, (0, 5, 3, 4)),
        ("four", "four", "four", "boom"),
        {"synthesizer": 0.8, "synth pad": 0.7, "synth bass": 0.95, "piano": 0.1},
        0.8,
        House(1.7, 1.1, 0.5),
    ),
    "hip-hop": Genre(
        (78, 116),
        0.7,
        (*_DARK_CHORDS, (0, 5, 3, 4)),
        ("boom", "half", "boom", "half"),
        {"synthesizer": 0.35, "synth pad": 0.4, "sub bass": 0.95, "piano": 0.5, "electric guitar": 0.15},
        1.1,
        House(-1.7, 1.2, 0.2),
    ),
    "metal": Genre(
        (112, 176),
        0.95,
        _DARK_CHORDS,
        ("double", "double", "half", "rock"),
        {"distorted guitar": 1.0, "electric guitar": 0.3, "bass guitar": 0.9, "strings": 0.1},
        0.7,
        House(0.6, 1.5, 0.3),
    ),
    "rock": Genre(
        (92, 150),
        0.35,
        (*_SONG_CHORDS, (0, 5, 6, 0)),
        ("rock", "rock", "shuffle", "train"),
        {
            **{"acoustic guitar": 0.6, "violin": 0.05, "electric guitar": 0.7, "distorted guitar": 0.35},
            **{"piano": 0.25, "bass guitar": 1.0},
        },
        0.55,
        House(-0.4, 0.8, 0.35),
    ),
}


@dataclass(frozen=True)
class Song:
    """What is played: tempo, key and chords, and the drums' pattern.

    Attributes:
        beat: Seconds.
        tonic: MIDI number of the key's lowest tone, an octave below middle C or so.
        scale: Semitones above the tonic.
        chords: Degree of each bar, as often as the track has bars.
        drums: Name of the pattern.
    """

    beat: float
    tonic: float
    scale: tuple[int, ...]
    chords: tuple[int, ...]
    drums: str

    def pitch(self, degree: int) -> float:
        """The pitch of a degree of the scale, counted from the tonic over all octaves."""
        octave, step = divmod(degree, len(self.scale))
        return self.tonic + 12 * octave + self.scale[step]

    def bars(self) -> Iterator[tuple[float, int]]:
        """Start and degree of each bar."""
        for number, degree in enumerate(self.chords):
            yield number * 4 * self.beat, degree


@dataclass(frozen=True)
class Habits:
    """What an artist keeps to in all songs.

    Attributes:
        tempo: Beats a minute, from which songs differ by little.
        tonic: MIDI number of the usual key's tonic, tuned as the artist tunes.
        drums: Name of the pattern.
    """

    tempo: float
    tonic: float
    drums: str


def choose_habits(genre: Genre, rng: Generator) -> Habits:
    """Those of an artist of the genre."""
    return Habits(
        tempo=float(rng.uniform(*genre.tempo)),
        tonic=float(48 + rng.integers(-5, 7) + rng.uniform(-0.4, 0.4)),
        drums=genre.drums[rng.integers(len(genre.drums))],
    )


def compose(genre: Genre, habits: Habits, seconds: float, rng: Generator) -> Song:
    """A song of the genre by someone of these habits."""
    beat = 60 / (habits.tempo + rng.uniform(-6, 6))
    bars = int(seconds / (4 * beat)) + 1
    pattern = genre.chords[rng.integers(len(genre.chords))]
    return Song(
        beat=beat,
        tonic=habits.tonic + int(rng.integers(-2, 3)),
        scale=MINOR if rng.random() < genre.minor else MAJOR,
        chords=tuple(pattern[number % len(pattern)] for number in range(bars)),
        drums=habits.drums,
    )


def strum(song: Song, rng: Generator) -> Iterator[Note]:
    """Chords on a guitar, its strings one after another."""
    hits = _STRUMS[rng.integers(len(_STRUMS))]
    for start, degree in song.bars():
        for step, hit in enumerate(hits):
            if hit == "x":
                at = start + step * song.beat / 2
                for string, up in enumerate((0, 2, 4, 7)):
                    loud = 0.5 if step % 2 else 0.8
                    yield Note(at + 0.012 * string, 1.2 * song.beat, song.pitch(degree + up), loud)


def pick(song: Song, rng: Generator) -> Iterator[Note]:
    """Broken chords in eighths."""
    order = rng.permutation([0, 2, 4, 7, 9, 4, 7, 2]).tolist()
    for start, degree in song.bars():
        for step, up in enumerate(order):
            yield Note(start + step * song.beat / 2, song.beat, song.pitch(degree + up), 0.8)


def chug(song: Song, rng: Generator) -> Iterator[Note]:
    """Fifths on low strings, short ones and long ones."""
    hits = "x.x.x.x." if rng.random() < 0.5 else "xxx.xxx."
    for start, degree in song.bars():
        root = song.pitch(degree) - (12 if song.pitch(degree) > 50 else 0)
        for step, hit in enumerate(hits):
            if hit == "x":
                length = (0.45 if step % 4 else 0.9) * song.beat
                for up in (0, 7, 12):
                    yield Note(start + step * song.beat / 2, length, root + up)


def chords(song: Song, rng: Generator) -> Iterator[Note]:
    """Chords that last, in one of two positions."""
    position = (7, 9, 11) if rng.random() < 0.5 else (4, 7, 9)
    for start, degree in song.bars():
        for up in position:
            yield Note(start, 4 * song.beat, song.pitch(degree + up), 0.7)


def stabs(song: Song, rng: Generator) -> Iterator[Note]:
    """Chords on some of the beats."""
    beats = rng.choice([0.0, 1.0, 1.5, 2.0, 2.5, 3.0], size=3, replace=False).tolist()
    for start, degree in song.bars():
        for beat in beats:
            for up in (7, 9, 11):
                yield Note(start + beat * song.beat, 0.9 * song.beat, song.pitch(degree + up), 0.7)


def melody(song: Song, rng: Generator, *, above: int = 14) -> Iterator[Note]:
    """A line that walks along the scale and meets the chord on each bar; it repeats its rhythm."""
    lengths = rng.choice([0.5, 0.5, 1.0, 1.0, 1.5, 2.0], size=8).tolist()
    for start, degree in song.bars():
        at, step = 0.0, degree + above + int(rng.choice([0, 2, 4]))
        for length in lengths:
            if at + length > 4:
                break
            if rng.random() < 0.9:
                yield Note(start + at * song.beat, 0.95 * length * song.beat, song.pitch(step))
            at += length
            step = min(max(step + int(rng.choice([-2, -1, 1, 2])), above - 4), above + 8)


def pulse(song: Song, rng: Generator) -> Iterator[Note]:
    """Roots in eighths or sixteenths, some of them an octave up."""
    steps = 8 if rng.random() < 0.5 else 16
    up = rng.permutation([0, 0, 0, 12]).tolist()
    for start, degree in song.bars():
        for step in range(steps):
            length = 4 * song.beat / steps
            yield Note(start + step * length, 0.8 * length, song.pitch(degree) - 12 + up[step % 4])


def long_bass(song: Song, rng: Generator) -> Iterator[Note]:
    """A low root that rings, and a shorter one after it."""
    second = float(rng.choice([2.0, 2.5, 3.0]))
    for start, degree in song.bars():
        root = song.pitch(degree) - (24 if song.pitch(degree) > 52 else 12)
        yield Note(start, 0.95 * second * song.beat, root)
        yield Note(start + second * song.beat, 0.9 * (4 - second) * song.beat, root)


def bass(song: Song, rng: Generator) -> Iterator[Note]:
    """Roots and fifths below the chords."""
    hits = ("x...x...", "x..xx..x", "x.x.x.x.", "x.....x.")[rng.integers(4)]
    for start, degree in song.bars():
        root = song.pitch(degree) - 12
        for step, hit in enumerate(hits):
            if hit == "x":
                yield Note(start + step * song.beat / 2, 0.9 * song.beat, root + (7 if step == 4 else 0))


def hits(song: Song, kind: str, rng: Generator) -> Iterator[Note]:
    """When a kick, snare or hat is struck; its pitch means nothing."""
    pattern = _PATTERNS[song.drums][("kick", "snare", "hat").index(kind)]
    for start, _ in song.bars():
        for step, hit in enumerate(pattern):
            if hit == "x":
                late = float(rng.normal(0, 0.004))
                at = max(0.0, start + step * 4 * song.beat / _STEPS + late)
                yield Note(at, 1.0, 0.0, float(rng.uniform(0.7, 1.0)))
