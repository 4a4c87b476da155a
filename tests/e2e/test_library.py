"""A library from its file to people with names, by the commands that its owner types."""

import json

import pytest

from thawline.samples.library import make_library


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return make_library(tmp_path_factory.mktemp("library") / "Library", items=40)


def test_what_is_learnt_named_corrected_and_forgotten(thawline, library):
    learnt = thawline.directory / "outputs" / "library"
    thawline("library", "train", library.file)
    report = json.loads((learnt / "training_report.json").read_text())
    assert (report["total_images"], report["status"]) == (40, "completed")
    people = json.loads((learnt / "face_clusters.json").read_text())
    assert people
    assert "similarity" in thawline("library", "people", learnt)
    thawline("library", "name", learnt, "1", "Anna Q")
    thawline("library", "train", library.file)
    assert "Anna Q" in thawline("library", "people", learnt)
    thawline("library", "merge", learnt, "Anna Q", "2")
    thawline("library", "forget", learnt, "Anna Q")
    thawline("library", "train", library.file)
    assert "Anna Q" not in thawline("library", "people", learnt)
    assert not any(b"Anna Q" in path.read_bytes() for path in learnt.rglob("*") if path.is_file())
    assert "there is no person 'Anna Q'" in thawline.refused("library", "name", learnt, "Anna Q", "Berta")


def test_what_is_no_library_is_refused(thawline):
    assert "there is no" in thawline.refused("library", "train", "nowhere.json").lower()
    assert thawline.refused("library", "people", "nowhere")
