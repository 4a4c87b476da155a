"""A Ray cluster of two nodes on this machine fills a store with what one process fills another with; one node is lost.

    python tools/fill_by_nodes.py [--photos 1000] [--pictures 600] [--artists 8] [--kinds photos pairs tracks]

For photos, pairs and tracks `thawline train` runs three times, each on a store of its own: in one process, with
`cluster=ray`, and with `cluster=ray` where one of the nodes is killed in mid-pass. The stores are compared file by
file: by names (but for the random part of those of rows) and bytes, databases by what stands in them in its order. The
checksums in a shelf's index are taken over such a name too, so `store verify` looks at them. Exit status 1 where
anything differs.
"""

import argparse
import contextlib
import io
import os
import re
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from thawline.cli import main as thawline
from thawline.features.store.store import FeatureStore
from thawline.features.upkeep import verify
from thawline.samples.events import make_events
from thawline.samples.genre import make_genre
from thawline.samples.pairs import make_pairs

_TOKEN = re.compile(r"\.[0-9a-f]{8}\.rows$")
WORDS = {
    "photos": ("encoder=tiny_clip", "method=zero_shot"),
    "pairs": ("task=match", "encoder=tiny_clip", "method=zero_shot"),
    "tracks": ("task=genre", "encoder=mfcc", "method=logistic", "method.folds=2", "data.reference=null"),
}


def what_differs(one: Path, other: Path) -> list[str]:
    """The files that are not the same in two stores."""
    contents = [dict(_contents(root)) for root in (one, other)]
    names = sorted(contents[0].keys() | contents[1].keys())
    return [name for name in names if contents[0].get(name) != contents[1].get(name)]


def _contents(root: Path) -> Iterator[tuple[str, Any]]:
    for path in sorted(root.rglob("*")):
        name = _TOKEN.sub(".rows", str(path.relative_to(root)))
        if path.is_file() and path.suffix != ".lock":
            yield name, _tables(path) if path.suffix == ".sqlite" else path.read_bytes()


def _tables(path: Path) -> dict[str, list[Any]]:
    """What a database holds, in the order in which it was written; of a shelf's columns not the random names."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {name: db.execute(f"SELECT * FROM {name} ORDER BY rowid").fetchall() for name in names}  # noqa: S608
    if "columns" in rows:
        rows["columns"] = [(name, dtype, shape) for name, _, dtype, shape, _ in rows["columns"]]
        rows["samples"] = [(digest, row) for digest, row, _ in rows["samples"]]
    return rows


@contextlib.contextmanager
def two_nodes() -> Iterator[Any]:
    """A cluster of a head that computes nothing and two nodes of a core each; gives the cluster and the nodes."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        yield cluster, [cluster.add_node(num_cpus=1) for _ in range(2)]
    finally:
        cluster.shutdown()


def lose(cluster: Any, node: Any, store: Path, done: threading.Event, held: list[int]) -> None:
    """Kill a node when the first rows are in the store, and say how many bytes of rows there are then."""
    while not done.is_set():
        if size := rows_of(store):
            cluster.remove_node(node, allow_graceful=False)
            held.append(size)
            return
        time.sleep(0.01)


def rows_of(store: Path) -> int:
    """Bytes of all rows."""
    return sum(path.stat().st_size for path in store.rglob("*.rows"))


def train(source: Path, store: Path, words: Sequence[str]) -> None:
    """One run on a store."""
    given = [*words, "logger=none", "trainer=cpu", f"store.dir={store}", f"paths.outputs={store.parent / 'outputs'}"]
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            thawline(["train", str(source), *given])
        except SystemExit as end:
            raise RuntimeError(said.getvalue()) from end


def compare(source: Path, root: Path, words: Sequence[str], runs: Sequence[str]) -> list[str]:
    """Fill a store in one process and one in each way of `runs`; what differs.

    Args:
        source: The samples.
        root: Where the stores go.
        words: Of the run.
        runs: `whole`, and `lost` where a node is to be killed in mid-pass.
    """
    train(source, root / "alone", words)
    wrong = []
    for name in runs:
        store, done, held = root / name, threading.Event(), list[int]()
        with two_nodes() as (cluster, nodes):
            killer = threading.Thread(target=lose, args=(cluster, nodes[0], store, done, held))
            if name == "lost":
                killer.start()
            try:
                train(source, store, (*words, "cluster=ray", f"cluster.address={cluster.address}"))
            finally:
                done.set()
            if name == "lost":
                killer.join()
                if not held or held[0] == rows_of(store):
                    wrong.append("lost: the node was not lost in mid-pass")
        wrong += [f"{name}: {what}" for what in what_differs(root / "alone", store)]
        wrong += [f"{name}: {problem.what}" for problem in verify(FeatureStore(store)).problems]
    return wrong


def make(kind: str, root: Path, photos: int = 1000, pictures: int = 600, artists: int = 8) -> Path:
    """Samples of one kind, written long enough ago for the store to trust their times."""
    source = folder = root / kind
    if kind == "photos":
        make_events(folder, photos_per_class=photos // 5)
    elif kind == "pairs":
        make_pairs(folder, pictures=pictures)
        source = folder / "pairs.csv"
    else:
        make_genre(folder, artists=artists, seconds=2)
        source = folder / "tracks.csv"
    for path in folder.rglob("*"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    return source


def main() -> int:
    """Compare each kind, whole and with a lost node."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=1000)
    parser.add_argument("--pictures", type=int, default=600)
    parser.add_argument("--artists", type=int, default=8)
    parser.add_argument("--kinds", nargs="+", choices=WORDS, default=list(WORDS))
    given = parser.parse_args()
    wrong = []
    with tempfile.TemporaryDirectory(prefix="thawline-nodes-") as scratch:
        for kind in given.kinds:
            source = make(kind, Path(scratch), given.photos, given.pictures, given.artists)
            start = time.monotonic()
            found = compare(source, Path(scratch) / f"{kind}-stores", WORDS[kind], ("whole", "lost"))
            wrong += [f"{kind}, {what}" for what in found]
            print(f"{kind}: {'; '.join(found) or 'equal, file by file'} ({time.monotonic() - start:.0f} s)", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
