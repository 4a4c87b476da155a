"""`thawline versions forget` of a photo whose features a bundle holds."""

import csv

import pytest
from safetensors.torch import load_file

from thawline.versions.database import open_database
from thawline.versions.feedback import add_item, record

WORDS = ("encoder=tiny_clip", "trainer=cpu", "logger=none", "data.classes=[birthday,wedding]")


@pytest.mark.usefixtures("shared_store")
def test_a_version_that_holds_a_photos_features_knows_of_it(thawline, sample):
    cache = ("method=tip_adapter", "method.epochs=0", "method.alpha=[1]", "method.beta=[2]", "method.folds=2")
    thawline("train", sample, *WORDS, *cache)
    [run] = thawline.runs()
    thawline("export", run)
    thawline("versions", "import", run / "bundle")
    with (run / "split.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    held, kept = ([row for row in rows if bool(row["fold"]) == judged] for judged in (True, False))
    assert len(load_file(run / "bundle" / "head.safetensors")["keys"]) == len(kept)  # a row for each photo
    url = f"sqlite:///{thawline.directory / 'outputs' / 'versions' / 'versions.sqlite3'}"
    with open_database(url) as database, database.session() as session:
        for row in (kept[0], held[0]):
            record(session, add_item(session, sample / row["path"], row["digest"]), "yes")
    said = thawline("versions", "forget", sample / kept[0]["path"], status=1)
    assert "v1 was trained on it" in said
    assert "v1 still knows of it" in said
    assert "no version that is there knows of it" in thawline("versions", "forget", sample / held[0]["path"])
