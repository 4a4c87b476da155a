"""What each verb prints fits 80 columns, but for paths and commands, which are there to be copied and stay whole."""

import re

import pytest

from thawline.cli import VERBS

FAST = ("trainer=cpu", "logger=none")
TINY = ("encoder=tiny_clip", *FAST)


@pytest.fixture(params=["s"])
def narrow(thawline, own_store, tmp_path, monkeypatch, request):
    """The command on a screen of 80 columns, with a store of that name; what it prints is checked line by line."""
    store = tmp_path / request.param
    monkeypatch.setenv("THAWLINE_STORE", str(store))
    monkeypatch.setenv("COLUMNS", "80")
    root = str(tmp_path)

    def run(*words, status=0):
        said = thawline(*words, status=status)
        for line in said.splitlines():
            # A path here begins with the folder of all that the test has, or with outputs/, and ends with the line or
            # with a quote.
            plain = re.sub(rf"'?({re.escape(root)}|outputs/)[^']*('|$)", "", line)
            assert len(plain) <= 80, line
            assert "PosixPath" not in line
            assert not re.search(r"\w…", line), line  # nothing is cut
        # No path is folded within the part that has no blanks.
        assert said.count(root[:-1]) == said.count(root)
        assert said.count(f"{root}/{request.param[:2]}") == said.count(str(store))
        return said

    run.thawline, run.store = thawline, store
    return run


@pytest.mark.parametrize("narrow", ["s" * 150], indirect=True)
def test_photos(narrow, photos, filled_store):
    filled_store.mkdir(exist_ok=True)
    narrow.store.symlink_to(filled_store)
    narrow("data", "check", photos)
    said = narrow("train", photos, *TINY, "method=logistic", "method.c=[1]")
    run = narrow.thawline.runs()[-1]
    here = run.relative_to(narrow.thawline.directory)
    # What is shown of the data are a few lines, and what comes next stands at the end.
    assert said.index("samples in") - said.index("photos of 6 classes in ") < 1200
    assert said.count("DSC_") + said.count("IMG_") == 0
    assert said.endswith(
        f"next   thawline export {here}\n"
        f"       thawline evaluate {here} NEWDATA\n"
        "       thawline compare outputs/train\n"
    )
    said = narrow("train", photos, *TINY, "method=zero_shot", "cv=2", "refit=false")
    crossed = narrow.thawline.runs()[-1].relative_to(narrow.thawline.directory)
    assert f"next   thawline train {crossed} refit=true\n" in said
    assert "next   thawline compare outputs/evaluate/" in narrow("evaluate", run, "logger=none")
    narrow("compare", "outputs/train")
    narrow("export", run)
    narrow("predict", run / "bundle", photos / "wedding", "out=said.jsonl")
    narrow("store", "list")
    narrow("store", "verify")
    narrow("train", photos, "-m", *TINY, "method=zero_shot", "seed=0,1")


def test_the_other_verbs(narrow):
    narrow("sample", "events", "S", "photos_per_class=4")
    narrow("weights", "list")
    narrow("store", "list")
    narrow("store", "prune", "all=true")
    for verb in VERBS:
        narrow(*verb.split(), "--help")


def test_pairs(narrow):
    narrow("sample", "pairs", "P", "products=40")
    narrow("data", "check", "P/pairs.csv", "task=match")
    narrow("data", "split", "P/pairs.csv", "out=parts")
    narrow("train", "P/pairs.csv", "task=match", *TINY, "method.epochs=1")
    (run,) = narrow.thawline.runs()
    narrow("export", run)
    narrow("predict", run / "bundle", "P/pairs.csv", "out=said.jsonl")
    narrow("evaluate", run, "logger=none")


def test_tracks(narrow):
    narrow("sample", "genre", "T", "artists=5", "tracks_per_artist=1", "seconds=2")
    narrow("data", "check", "T/tracks.csv", "task=genre")
    words = ("task=genre", "encoder=descriptors", *FAST, "data.reference=null")
    narrow("train", "T/tracks.csv", *words, "method=trees", "method.rounds=2", "method.depth=[2]")
    narrow("train", "T/instruments.csv", *words, "method=linear", "method.epochs=2", "data.labels=several")
    run = narrow.thawline.runs()[0]
    narrow("export", run)
    narrow("predict", run / "bundle", "T/tracks.csv", "out=said.jsonl")
    narrow("train", "T/tracks.csv", *words, "method=rules")
    narrow("ensemble", run, narrow.thawline.runs()[-1], "weights=50/50")
    track = next((narrow.thawline.directory / "T").rglob("*.flac"))
    (narrow.thawline.directory / "golden.yaml").write_text(f"- {{file: '{track}', acousticness: [1, 1]}}\n")
    narrow("evaluate", run / "bundle", "golden=golden.yaml", status=1)
