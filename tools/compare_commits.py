"""Runs twelve commands over the three tasks at two commits, and says whether what they write is the same.

python tools/compare_commits.py OLD NEW
python tools/compare_commits.py OLD NEW --keep DIR        keeps what OLD wrote
python tools/compare_commits.py OLD NEW --old-from DIR    runs NEW alone

Split files and predictions must be the same bytes, `metrics.json`, `leaderboard.csv` and what `predict` says the same
but for times, and bundles that OLD wrote must load at NEW, replay their golden examples and say the same of raw files.
What is printed is kept, not compared. The commands are in compared_commands.yaml. `git stash create` prints a commit of
what is not committed yet. Exit status 1 if anything differs.
"""

import argparse
import csv
import hashlib
import io
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
RUNNER = Path(__file__).with_name("run_compared.py")
TABLE = Path(__file__).with_name("compared_commands.yaml")
KEPT = "kept.json"
SCREEN = "screen.txt"  # has times in it
_COMPARED = ("split.csv", "leaderboard.csv", "metrics.json", "ended.json", "*.parquet", "said*")
# Times, and directories whose names are times; in JSON as text, and as keys or columns.
_ASIDE = ("seconds", "run")
_TIMES = re.compile(rb'("(?:seconds|run)": )(?:"[^"]*"|[-+.\de]+)')
_STARTED = re.compile(r"\d{4}-\d\d-\d\d_[\d-]+")
_GOLDEN = 1e-5  # by how much logits of golden examples may differ
_MOST = 3  # differences shown of a command
_ALONE = {
    **{"OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", "COLUMNS": "80", "CUDA_VISIBLE_DEVICES": ""},
    **{"HF_HUB_OFFLINE": "1", "ORT_DISABLE_TELEMETRY": "1", "PYTHONWARNINGS": "ignore"},
}


def run_side(commit: str, place: Path, lanes: Sequence[str], replay: Path | None) -> Path:
    """Run all lanes, at the same time, with the code of `commit`.

    Args:
        commit: A commit of this repository.
        place: A new directory, for the code, the feature stores and the work.
        lanes: Of compared_commands.yaml.
        replay: The work of another commit, whose bundles are asked as well.

    Returns:
        The directory with what was written.
    """
    started = time.monotonic()
    code, work = place / "code", place / "work"
    words = ["git", "-C", str(REPOSITORY), "archive", commit, "src", "conf"]
    packed = subprocess.run(words, check=True, capture_output=True).stdout  # noqa: S603  # the words are our own
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(code, filter="data")
    work.mkdir()
    running = [_start(lane, code, work, replay) for lane in lanes]
    failed = [lane for lane, process in zip(lanes, running, strict=True) if process.wait()]
    if failed:
        log = (work / f"{failed[0]}.log").read_text(encoding="utf-8", errors="replace")
        raise SystemExit(f"{_short(commit)}: {failed[0]} could not be run:\n{log[-2000:]}")
    print(f"{_short(commit)} has run, {time.monotonic() - started:.0f} s", flush=True)
    return work


def _start(lane: str, code: Path, work: Path, replay: Path | None) -> subprocess.Popen[bytes]:
    store = work.with_name(f"store-{lane}")
    environment = {**os.environ, **_ALONE, "PYTHONPATH": str(code / "src"), "THAWLINE_STORE": str(store)}
    replayed = [] if replay is None else ["--replay", str(replay)]
    with (work / f"{lane}.log").open("wb") as log:
        return subprocess.Popen(  # noqa: S603  # the words are our own
            [sys.executable, str(RUNNER), lane, str(work), *replayed],
            cwd=work,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def compare_folders(old: Path, new: Path, patterns: Sequence[str] = _COMPARED) -> list[str]:
    """What differs between the files of two folders that match `patterns`, a sentence each.

    Directories that are named by the time at which they were made are paired by their order.
    """
    before, after = _files(old, patterns), _files(new, patterns)
    differences = [f"{name} is there no more" for name in sorted(before.keys() - after.keys())]
    differences += [f"{name} was not there" for name in sorted(after.keys() - before.keys())]
    for name in sorted(before.keys() & after.keys()):
        difference = first_difference(before[name], after[name])
        differences += [] if difference is None else [f"{name}: {difference}"]
    return differences


def _files(folder: Path, patterns: Sequence[str]) -> dict[str, Path]:
    found = sorted({path for pattern in patterns for path in folder.rglob(pattern) if path.is_file()})
    found = [path for path in found if path.name != SCREEN]
    named: dict[str, Path] = {}
    for path in found:
        name = _STARTED.sub("TIME", path.relative_to(folder).as_posix())
        while name in named:
            name += "'"
        named[name] = path
    return named


def first_difference(old: Path, new: Path) -> str | None:
    """The first difference between two files, or None: of times and places in figures and records nothing is said."""
    was, now = old.read_bytes(), new.read_bytes()
    if was == now:
        return None
    if old.suffix in (".json", ".jsonl") and _TIMES.sub(rb"\1", was) == _TIMES.sub(rb"\1", now):
        return None
    if old.suffix == ".parquet":
        return _first(_read_parquet(old), _read_parquet(new), "row") or "the same rows in other bytes"
    if old.suffix == ".json":
        return _first(json.loads(was), json.loads(now), "") or "the same values, written otherwise"
    if old.name == "leaderboard.csv":
        return _first(_read_rows(old), _read_rows(new), "row")
    return _first(_read_lines(old), _read_lines(new), "line") or "the same lines in other bytes"


def _read_parquet(path: Path) -> Any:
    return pq.read_table(path).to_pylist()


def _read_lines(path: Path) -> list[Any]:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return [json.loads(line) for line in lines] if path.suffix == ".jsonl" else lines


def _read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _first(old: Any, new: Any, place: str) -> str | None:
    """The first difference between what two JSON files hold, keys in their order."""
    if isinstance(old, dict) and isinstance(new, dict):
        was, now = ([key for key in each if key not in _ASIDE] for each in (old, new))
        inner = (_first(old[key], new[key], f"{place}.{key}".lstrip(".")) for key in was if key in new)
        return _unequal(f"a key of {place or 'the file'}", was, now) or next(filter(None, inner), None)
    if isinstance(old, list) and isinstance(new, list):
        if len(old) != len(new):
            return f"{place} has {len(new)} entries in place of {len(old)}".lstrip()
        inner = (_first(*both, f"{place}[{i}]") for i, both in enumerate(zip(old, new, strict=True)))
        return next(filter(None, inner), None)
    # NaN is no number like itself, and 1 is not 1.0 in a file.
    return _unequal(place, old, new) if json.dumps(old, default=str) != json.dumps(new, default=str) else None


def _unequal(place: str, old: Any, new: Any) -> str | None:
    if old == new and type(old) is type(new):
        return None
    if isinstance(old, list) and isinstance(new, list) and old != new:
        pairs = itertools.zip_longest(old, new)
        old, new = next((was, now) for was, now in pairs if was != now)
    return f"{place} is {_cut(new)} in place of {_cut(old)}"


def _cut(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def compare_replayed(old: Path, new: Path) -> list[str]:
    """What a command's bundles in `old` say that the new code, whose answers are in `new`, does not say of them."""
    differences = []
    for bundle, distance in json.loads((new / "golden.json").read_text(encoding="utf-8")).items():
        if not isinstance(distance, float):
            differences.append(f"the old {bundle} does not load: {distance}")
        elif not distance <= _GOLDEN:
            differences.append(f"the old {bundle}'s golden examples differ by {distance:g}")
    for said in sorted(new.glob("said*")):
        difference = first_difference(old / said.name, said)
        differences += [] if difference is None else [f"of the old bundle {said.name}: {difference}"]
    if any(json.loads((new / "ended.json").read_text(encoding="utf-8"))):
        differences.append("an old bundle can't be asked: see the screen.txt of it")
    return differences


def compare_command(name: str, old: Path, new: Path) -> list[str]:
    """What differs of one command between two works."""
    ended = json.loads((old / name / "ended.json").read_text(encoding="utf-8"))
    failed = [f"line {i} fails at both: see its screen.txt" for i, status in enumerate(ended, 1) if status]
    differences = compare_folders(old / name, new / name)
    if any(line.startswith("ended.json") for line in differences):
        failed = []
    return [*failed, *differences, *compare_replayed(old / name, new / f"replayed-{name}")]


def show(name: str, differences: Sequence[str]) -> None:
    """A line of a command that is the same, more of one that differs; folded to 80 columns."""
    print(f"{name:20}{'differs' if differences else 'same'}")
    more = [f"and {len(differences) - _MOST} more"] if len(differences) > _MOST else []
    for line in [*differences[:_MOST], *more]:
        print(textwrap.fill(line, 80, initial_indent="    ", subsequent_indent="      "))


def main(argv: Sequence[str] | None = None) -> int:
    """Run, compare, and print a line for each command; 1 if anything differs, otherwise 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=_commit, help="a commit")
    parser.add_argument("new", type=_commit, help="a commit")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="a new directory for what OLD writes")
    parser.add_argument("--old-from", type=Path, metavar="DIR", help="what an earlier comparison kept")
    given = parser.parse_args(argv)
    kept = {"commit": given.old, "commands": hashlib.sha256(TABLE.read_bytes() + RUNNER.read_bytes()).hexdigest()}
    if given.keep is not None and given.keep.exists():
        parser.error(f"{given.keep} exists; --keep takes a new directory")
    if given.old_from is not None and (reason := _cannot_use(given.old_from, kept)):
        parser.error(reason)
    lanes = yaml.safe_load(TABLE.read_text(encoding="utf-8"))["lanes"]
    with tempfile.TemporaryDirectory(prefix="compare-") as folder:
        old = given.old_from and given.old_from.absolute()
        old = old or run_side(given.old, Path(folder).resolve() / "old", list(lanes), None)
        if given.keep is not None:
            shutil.copytree(old, given.keep)
            (given.keep / KEPT).write_text(json.dumps(kept), encoding="utf-8")
        new = run_side(given.new, Path(folder).resolve() / "new", list(lanes), old)
        found = {f"inputs: {lane}": compare_folders(old / lane, new / lane, ["*.*"]) for lane in lanes}
        found |= {name: compare_command(name, old, new) for lane in lanes.values() for name in lane["commands"]}
        for name, differences in found.items():
            show(name, differences)
    return int(any(found.values()))


def _cannot_use(folder: Path, wanted: dict[str, str]) -> str | None:
    """Why what was kept in `folder` can't stand for the old commit."""
    if not (folder / KEPT).is_file():
        return f"{folder} holds nothing that --keep wrote"
    kept = json.loads((folder / KEPT).read_text(encoding="utf-8"))
    if kept["commit"] != wanted["commit"]:
        return f"{folder} is of commit {_short(kept['commit'])}, not {_short(wanted['commit'])}"
    if kept["commands"] != wanted["commands"]:
        return f"{folder} was written by other commands than compared_commands.yaml has now; make it again by --keep"
    return None


def _commit(name: str) -> str:
    """The full name of a commit; what an argument parser calls."""
    words = ["git", "-C", str(REPOSITORY), "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"]
    done = subprocess.run(words, capture_output=True, text=True)  # noqa: S603  # the words are our own
    if done.returncode:
        raise argparse.ArgumentTypeError(f"there is no commit '{name}' here")
    return done.stdout.strip()


def _short(commit: str) -> str:
    return commit[:10]


if __name__ == "__main__":
    sys.exit(main())
