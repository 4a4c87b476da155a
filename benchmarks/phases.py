"""Where `thawline train` from an empty store spends both cores' time: processor seconds of each thread, phase by phase.

CLIP ViT-B/32 on 12-megapixel photos, ten epochs of its projection, as benchmarks/finetune.py runs it. The command runs
in a process of its own, in which a thread notes every 20 ms what each thread has used. Its phases:

- imports: until the run directory is there. `ahead` reads photos meanwhile.
- network: its library is imported and it is built.
- pass: `read` are the threads that read, decode and compute; `import` brings in what fitting and judging need.
- fit, and end: judging, pictures, the tables on screen.

`idle` are the seconds that the cores stood still, together. Only a quiet machine's answer for anything.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from common import finish, in_turn, make_clip, make_photos, middle, parser, run, workspace

EVERY = 0.02  # seconds between two looks
PHASES = ("imports", "network", "pass", "fit", "end")
THREADS = ("main", "ahead", "import", "read", "other")
_NAMES = {"MainThread": "main", "thawline-ahead": "ahead", "thawline-import": "import", "thawline-read": "read"}


def used(thread: Path) -> float:
    """Processor seconds of a thread, by its folder under /proc."""
    fields = (thread / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Watch:
    """Looks at all threads of this process again and again; `looks` are the times and what each had used."""

    def __init__(self) -> None:
        self.looks: list[tuple[float, dict[int, float]]] = []
        self.names: dict[int, str] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watch", daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._over.wait(EVERY):
            for one in threading.enumerate():
                self.names.setdefault(one.native_id or 0, one.name.rpartition("_")[0] or one.name)
            seconds = {}
            for thread in Path("/proc/self/task").iterdir():
                try:
                    seconds[int(thread.name)] = used(thread)
                except OSError:  # it has just ended
                    continue
            self.looks.append((time.time(), seconds))

    def end(self) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join()

    def reading(self) -> tuple[float, float]:
        """When the threads that read were there: first and last."""
        own = {thread for thread, name in self.names.items() if name == "thawline-read"}
        times = [at for at, seconds in self.looks if own & set(seconds)]
        return times[0], times[-1]

    def spent(self, borders: Sequence[float]) -> list[dict[str, float]]:
        """Processor seconds between each two of `borders`, by kind of thread."""
        sums = [dict.fromkeys(THREADS, 0.0) for _ in borders[1:]]
        before: dict[int, float] = {}
        for at, seconds in self.looks:
            phase = min(sum(border <= at for border in borders[1:]), len(sums) - 1)
            for thread, value in seconds.items():
                if self.names.get(thread) != "watch":
                    kind = _NAMES.get(self.names.get(thread, ""), "other")
                    sums[phase][kind] += value - before.get(thread, 0.0)
            before.update(seconds)
        return sums


def watched(words: Sequence[str], outputs: Path) -> None:
    """Run the command in this process, and print what each phase took."""
    began, watch = time.time(), Watch()
    from thawline.cli import main as thawline
    from thawline.process import keep_freed_memory, keep_imports

    keep_freed_memory()
    keep_imports()
    thawline(list(words))
    watch.end()
    (directory,) = (outputs / "train").iterdir()
    fitted = next((directory / "folds").rglob("chosen.json")).stat().st_mtime
    borders = [began, (directory / "config.yaml").stat().st_mtime, *watch.reading(), fitted, time.time()]
    cores = len(os.sched_getaffinity(0))
    said = {}
    for name, start, end, spent in zip(PHASES, borders, borders[1:], watch.spent(borders), strict=False):
        idle = max(0.0, cores * (end - start) - sum(spent.values()))
        said[name] = {"wall": end - start, **{kind: spent[kind] for kind in THREADS}, "idle": idle}
    print(json.dumps(said))


def cold(photos: Path, model: Path, scratch: Path, dtype: str) -> dict[str, Any]:
    """The command from an empty store: what each phase took, and the process's largest memory."""
    place = scratch / str(time.time_ns())
    words = ["train", str(photos), "logger=csv", f"paths.outputs={place / 'outputs'}", f"encoder.name={model}"]
    words += ["encoder.revision=null", "method.epochs=10", "method.batch_size=16", "method.patience=10"]
    words += [f"store.dtype={dtype}", f"encoder.precision={dtype}"]
    environment = {"THAWLINE_STORE": str(place / "store")}
    timing = run([sys.executable, __file__, "--watched", place / "outputs", *words], environment)
    said: dict[str, dict[str, float]] = json.loads(timing.output.splitlines()[-1])
    flat = {f"{phase}, {kind}": value for phase, kinds in said.items() for kind, value in kinds.items()}
    return {"wall": timing.wall, "cpu": timing.cpu, "peak_mb": timing.peak_mb, **flat}


def main() -> None:
    """Measure each data type in turn."""
    options = parser(__doc__ or "", photos=500)
    options.add_argument("--dtypes", nargs="+", default=["float32", "bfloat16"], help="which arithmetic")
    given = options.parse_args()
    with workspace(given.data) as (data, scratch):
        photos, model = make_photos(data, given.photos, 4000, 3000), make_clip(data)
        jobs: dict[str, Any] = {dtype: partial(cold, photos, model, scratch, dtype) for dtype in given.dtypes}
        found = in_turn(given.rounds, jobs)
    tables = {
        dtype: {
            phase: {kind: round(middle(found[dtype], f"{phase}, {kind}"), 1) for kind in ("wall", *THREADS, "idle")}
            for phase in PHASES
        }
        for dtype in given.dtypes
    }
    finish(given, tables, {"photos": given.photos, "runs": found})


if __name__ == "__main__":
    if sys.argv[1:2] == ["--watched"]:
        watched(sys.argv[3:], Path(sys.argv[2]))
    else:
        main()
