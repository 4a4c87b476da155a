"""The sample of pairs says only what its pictures show, and the same seed gives the same bytes."""

import hashlib
from collections import Counter
from random import Random

import numpy as np
import pytest
from PIL import Image

from thawline.data.pairs.graph import components, text_ids
from thawline.data.pairs.table import read_pairs
from thawline.errors import UserError
from thawline.samples.pairs import make_pairs
from thawline.samples.products import BACKGROUNDS, COLOURS, FINISHES, KINDS, Product, change_one, describe, draw_product


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_pairs(tmp_path_factory.mktemp("samples") / "Products (2024)", pictures=60, seed=1)


def digests(root):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in root.rglob("*") if path.is_file()}


def test_every_row_can_be_used_and_the_summary_counts_them(made):
    table = read_pairs([(made.file, None)], made.root)
    assert table.findings == ()
    labels = Counter(pair.label for pair in table.pairs)
    assert (labels[1], labels[0]) == (made.matches, made.mismatches)
    assert 0.8 < made.matches / made.mismatches < 1.25
    assert len({pair.image for pair in table.pairs}) == made.pictures == 60
    assert {pair.difficulty for pair in table.pairs if pair.label == 0} == {"random", "hard"}
    assert {pair.difficulty for pair in table.pairs if pair.label == 1} == {None}
    for name in {pair.path for pair in table.pairs}:
        with Image.open(name) as image:
            assert (image.format, image.size) == ("JPEG", (192, 192))


def test_components_are_real_and_none_is_a_giant(made):
    pairs = read_pairs([(made.file, None)], None).pairs
    texts = text_ids([pair.text for pair in pairs])
    images_of_text = Counter(text for text, _ in {(t, p.image) for t, p in zip(texts.tolist(), pairs, strict=True)})
    assert max(images_of_text.values()) >= 2
    sizes = np.bincount(components(text_ids([pair.image for pair in pairs]), texts))
    assert len(sizes) >= 15
    assert sizes.max() < 0.15 * len(pairs)


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(made, tmp_path):
    assert digests(make_pairs(tmp_path / "again", pictures=60, seed=1).root) == digests(made.root)
    other = make_pairs(tmp_path / "other", pictures=60, seed=2)
    assert not set(digests(other.root).values()) & set(digests(made.root).values())


def test_a_second_call_finds_it_and_other_files_are_kept(made, tmp_path):
    assert not made.already_there
    assert make_pairs(made.root, pictures=60, seed=1).already_there
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="is not empty"):
        make_pairs(tmp_path, pictures=60)
    for count in (7, 1001):
        with pytest.raises(UserError, match="has 8 to 1000 pictures"):
            make_pairs(tmp_path / "new", pictures=count)


def test_a_text_names_what_the_product_is_and_one_change_makes_it_false():
    rng = Random(0)
    for seed in range(200):
        product = Product(*(rng.choice(list(options)) for options in (KINDS, COLOURS, FINISHES, BACKGROUNDS)))
        text = describe(product, Random(seed))
        words = (product.kind, product.colour, product.finish, BACKGROUNDS[product.background])
        assert all(word in text for word in words)
        assert len(text.split()) >= 5
        other = change_one(product, rng)
        attributes = ("kind", "colour", "finish", "background")
        assert sum(getattr(product, name) != getattr(other, name) for name in attributes) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_kind_colour_and_finish_can_be_seen(kind):
    pictures = {
        (kind, colour, finish): draw_product(Product(kind, colour, finish, "park"), "0", 96)
        for colour in ("red", "blue")
        for finish in FINISHES
    }
    another = "mug" if kind != "mug" else "tent"
    pictures[another, "red", "plain"] = draw_product(Product(another, "red", "plain", "park"), "0", 96)
    first = pictures[kind, "red", "plain"]
    for picture in list(pictures.values())[1:]:
        assert (np.abs(picture - first).max(-1) > 0.1).mean() > 0.01
    assert np.isfinite(first).all()
