"""A run whose features are all stored builds no network and imports no library of networks."""

import json
import os
import subprocess
import sys
import time

import pytest
from tests.e2e.conftest import enter
from tests.encoders.hearers import save

from thawline.cli import main
from thawline.features.files import Stamp
from thawline.samples.genre import make_genre
from thawline.samples.pairs import make_pairs

PLAIN = ("trainer=cpu", "logger=none")
# Each run, then what was imported of libraries of networks.
ONE_AFTER_ANOTHER = """
import json, sys
from thawline.cli import main
for words in json.loads(sys.argv[1]):
    main(words)
    print("imported", *(name for name in ("transformers", "timm", "torchvision") if name in sys.modules))
"""


@pytest.fixture(scope="module")
def warm(sample, weights, tmp_path_factory):
    """Runs of all tasks and several families, made once: (directory, the words of each)."""
    root = tmp_path_factory.mktemp("warm")
    answers = root / "answers.csv"
    photos = sorted(sample.rglob("*.jpg"))[::4]
    answers.write_text("\n".join(["path,feedback", *(f'"{p}",{"dis" * (i % 2)}like' for i, p in enumerate(photos))]))
    pairs = make_pairs(root / "Pairs", pictures=16, seed=0).file
    songs = make_genre(root / "Songs", artists=3, tracks_per_artist=1, seconds=2, seed=0).file
    network = save(root / "network", "ast")
    # Of what was written just now nothing is remembered.
    while not all(stamp and stamp.settled for stamp in map(Stamp.found, (weights, *network.iterdir()))):
        time.sleep(0.1)
    hears = ("encoder=ast", f"encoder.name={network}", "encoder.revision=null", "encoder.seconds=0.6")
    timm = ("encoder=mobilenetv2_035", f"encoder.weights={weights}")
    runs = [
        [
            "train",
            str(sample),
            "encoder=tiny_clip",
            "method=logistic",
            "method.c=[1]",
            "data.classes=[birthday,wedding]",
        ],  # and prompts
        ["train", str(answers), "task=preference", *timm, "method=gda"],
        ["train", str(pairs), "task=match", "encoder=tiny_clip", "method=zero_shot"],
        [
            "train",
            str(songs),
            "task=genre",
            *hears,
            "method=logistic",
            "data.reference=null",
            "data.classes=[country,metal]",
        ],
    ]
    runs = [[*words, *PLAIN, f"name=run{number}"] for number, words in enumerate(runs)]
    with pytest.MonkeyPatch.context() as patch:
        enter(patch, root)
        patch.setenv("THAWLINE_STORE", str(root / "store"))
        for words in runs:
            main(words)
    return root, runs


@pytest.mark.long
def test_what_is_stored_needs_no_network(warm):
    root, runs = warm
    again = root / "again"
    again.mkdir()
    environment = {**os.environ, "THAWLINE_STORE": str(root / "store")}
    command = [sys.executable, "-c", ONE_AFTER_ANOTHER, json.dumps(runs)]
    done = subprocess.run(command, cwd=again, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("imported")] == ["imported"] * len(runs)
    for number in range(len(runs)):
        (first,), (second,) = (list((at / "outputs" / "train").glob(f"run{number}_*")) for at in (root, again))
        assert (first / "predictions.parquet").read_bytes() == (second / "predictions.parquet").read_bytes()
        figures = json.loads((second / "metrics.json").read_text())
        assert figures["features"]["computed"] == 0, runs[number]
