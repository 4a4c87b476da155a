"""How many of a photo's tags are among the first five suggested, by photo, by text, by both, on entries held out.

    python tools/measure_library_tags.py FILE data.images=DIR encoder=efficientnet_lite0 encoder.weights=WEIGHTS

trains `task=library` with five folds on FILE by the settings that follow, and `library train` with that run, once with
the descriptions alone and once with the detailed ones, too, which is what tags of captioned photos are mostly made of.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from thawline.judging.intervals import Estimate
from thawline.judging.wording import percent

KNOWN = {"untagged": "entries without tags", "half_of_the_tags_known": "the other half of the tags, one half known"}


def main() -> None:
    """Train, and print the tables."""
    file, *words = sys.argv[1:]
    images = next((word.partition("=")[2] for word in words if word.startswith("data.images=")), str(Path(file).parent))
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        call(["train", file, "task=library", "cv=5", *words, f"paths.run={run}"])
        examined = json.loads((run / "metrics.json").read_bytes())["examined"]["recall_at"]["5"]
        print(f"the run itself: {percent(Estimate(**examined['suggested']))}")
        entries = json.loads(Path(file).read_bytes())
        for name in ("description alone", "both descriptions"):
            if name == "description alone":
                some = [{key: value for key, value in one.items() if key != "detailed_description"} for one in entries]
            else:
                some = entries
            written = Path(folder) / "library.json"
            written.write_text(json.dumps(some), encoding="utf-8")
            out = Path(folder) / name.replace(" ", "_")
            call(["library", "train", str(written), f"images={images}", f"tagger={run}", f"out={out}"])
            show(name, json.loads((out / "training_report.json").read_bytes())["quality"]["tags"])


def call(words: list[str]) -> None:
    """Run `thawline`, and say what it took."""
    began, before = time.monotonic(), os.times()
    subprocess.run([sys.executable, "-m", "thawline", *words], check=True, stdout=subprocess.DEVNULL)  # noqa: S603  # its own program
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    print(f"thawline {' '.join(words[:2])}: {used:.0f} s of CPU, {time.monotonic() - began:.0f} s", flush=True)


def show(name: str, figures: dict[str, Any]) -> None:
    """Print the tables of one training."""
    print(f"\n{name}: {figures['tags']} tags")
    for key, what in KNOWN.items():
        table = figures[key]
        print(f"  {what}, {table['entries']} entries: recall@5 in %")
        for source, own in table["recall@5"].items():
            print(f"    {source:15s} {percent(Estimate(**own))}")
        for test in table["tests"].values():
            print(f"    {test['summary']}")
    print(f"  what reaches its threshold: {json.dumps(figures['suggested'])}", flush=True)


if __name__ == "__main__":
    main()
