"""How long `thawline library train` takes, and how much memory: `python benchmarks/library.py --entries 10000 200000`.

Synthetic libraries, an encoding of a face in each entry; each is learnt in a process of its own, then once more, as a
library that has not changed. The time of an entry must not grow by half from the smaller to the larger. Then it is
searched for three words at a time. With `--sentences` it is learnt by meaning too: by a sentence encoder of 384 numbers
that only looks words up, a first time that is not shown, so that the vectors are in the store.
"""

import argparse
import json
import os
import resource
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from thawline.features.settings import StoreSettings
from thawline.samples.library import Encodings
from thawline.tasks.library.search.searcher import load
from thawline.tasks.library.search.settings import SearchSettings
from thawline.tasks.library.training.settings import LibraryTrainSettings
from thawline.tasks.library.training.train import train_library

WORDS, TAGS = 20_000, 3_000  # that there are, their frequencies falling as Zipf's
PEOPLE_EACH = 50  # entries of a person, on average
FACES = 5_000  # different ones at most: writing more takes longer than learning


def write_library(path: Path, entries: int, seed: int) -> None:
    """A JSON list of entries with about 40 words, 5 tags and a face each."""
    rng = np.random.default_rng(seed)
    words = rng.zipf(1.3, (entries, 40)) % WORDS
    tags = rng.zipf(1.4, (entries, 5)) % TAGS
    people = max(entries // PEOPLE_EACH, 2)
    faces = Encodings(seed, people)
    drawn = [
        json.dumps([[round(float(value), 5) for value in face]])
        for face in faces.of(rng.integers(0, people, min(entries, FACES)).tolist())
    ]
    with path.open("w", encoding="utf-8") as file:
        file.write("[\n")
        for number in range(entries):
            said = [f"w{word}" for word in words[number]]
            entry = {
                "id": number,
                "image_path": f"images/{number}.jpg",
                "description": " ".join(said[:12]),
                "detailed_description": f"{' '.join(said[12:26])}. {' '.join(said[26:])}.",
                "meta_tags": [f"t{tag}" for tag in dict.fromkeys(tags[number].tolist())],
                "created_at": "2024-01-01T00:00:00Z",
            }
            end = ",\n" if number < entries - 1 else "\n]\n"
            file.write(f'{json.dumps(entry)[:-1]}, "face_encodings": {drawn[number % len(drawn)]}}}{end}')


def write_encoder(folder: Path) -> None:
    """A sentence encoder that looks up a vector for each word: it costs nothing, and all else is as with any other."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    words = ["?", *(f"{kind}{number}" for kind, count in (("w", WORDS), ("t", TAGS)) for number in range(count))]
    tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate(words)}, unk_token="?"))  # noqa: S106  # no password
    tokenizer.pre_tokenizer = Whitespace()
    SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=384)], device="cpu").save(str(folder))


def settings_of(path: Path, out: Path, sentences: Path | None) -> LibraryTrainSettings:
    """A training on the library in `path`."""
    search = SearchSettings(sentences=None if sentences is None else str(sentences))
    return LibraryTrainSettings(
        file=str(path), out=str(out), search=search, store=StoreSettings(dir=str(path.with_name("store")))
    )


def search(out: Path, seed: int) -> None:
    """Ask for three words at a time, and say what it takes."""
    began = time.perf_counter()
    searcher = load(out)
    searcher.search("w0")  # the sentence encoder is loaded by the first
    loaded = time.perf_counter() - began
    took = []
    for words in np.random.default_rng(seed + 1).zipf(1.3, (200, 3)) % WORDS:
        began = time.perf_counter()
        searcher.search(" ".join(f"w{word}" for word in words))
        took.append(1000 * (time.perf_counter() - began))
    low, high = np.percentile(took, [50, 95])
    print(f"search: loaded in {loaded:.1f} s, {low:.1f} ms a query in the middle, {high:.1f} ms at 95 %", flush=True)


def measure(given: LibraryTrainSettings) -> None:
    """Learn, and say what it took."""
    began = time.monotonic()
    report = train_library(given)
    seconds, entries = time.monotonic() - began, report["total_images"]
    stages = ", ".join(f"{name} {said['seconds']:.1f} s" for name, said in report["stages"].items())
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(
        f"{entries:,} entries: {seconds:.1f} s ({used.ru_utime + used.ru_stime:.1f} s CPU), "
        f"{1e6 * seconds / entries:.0f} µs each, {memory:,.0f} MB; {stages}",
        flush=True,
    )


def main() -> None:
    """Write the libraries, and learn each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, nargs="+", default=[10_000])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sentences", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for entries in given.entries:
            path = Path(folder) / f"{entries}.json"
            write_library(path, entries, given.seed)
            print(f"{path.stat().st_size / 1e6:,.0f} MB of JSON")
            sys.stdout.flush()
            encoder = Path(folder) / "encoder" if given.sentences else None
            wanted = settings_of(path, Path(folder) / f"learnt {entries}", encoder)
            if encoder is not None:
                if not encoder.exists():
                    apart(partial(write_encoder, encoder))
                before = replace(wanted, out=str(Path(folder) / "before"))
                apart(partial(train_library, before))
            for _ in range(2):
                apart(partial(measure, wanted))
            apart(partial(search, wanted.folder, given.seed))


def apart(work: Callable[[], object]) -> None:
    """Do it in a process of its own, whose memory is its own too."""
    process = os.fork()
    if process == 0:
        try:
            work()
            sys.stdout.flush()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    if os.waitpid(process, 0)[1]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
