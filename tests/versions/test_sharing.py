"""What versions of one base share, and that nobody who reads one sees it."""

import hashlib
import json
import os
import shutil

import pytest
import torch
from tests.bundles.conftest import Kind
from transformers import AutoModel

import thawline
from thawline.bundles.golden import golden_pixels
from thawline.bundles.manifest import INDEX, MODEL, seal
from thawline.bundles.shards import load_weights
from thawline.errors import UserError
from thawline.versions import sharing
from thawline.versions.sharing import check_whole, own_bytes, store_bundle, write_out

BASE, BLOCKS = Kind("clip", "prompts", "head"), Kind("clip", "prompts", 2)
FAMILIES = [
    BASE,
    Kind("vit", "linear", 2),
    Kind("timm:test_resnet", "linear", "all"),
    Kind("torchvision:mobilenet_v2", "linear", "all"),
]


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def inodes(folder):
    return {path.name: path.stat().st_ino for path in folder.glob("model*.safetensors")}


@pytest.mark.parametrize("kind", FAMILIES, ids=lambda kind: kind.network)
def test_a_stored_bundle_of_any_family_says_the_same_and_leaves_as_it_came(write, tmp_path, kind):
    bundle, _ = write(kind)
    store_bundle(bundle, tmp_path / "v0001", [])
    stored, was = thawline.load(tmp_path / "v0001", device="cpu"), thawline.load(bundle, device="cpu")
    pixels = golden_pixels(was.preprocessing.size)
    assert (stored.logits(pixels) == was.logits(pixels)).all()
    assert stored.check() == 0
    assert not (tmp_path / "v0001" / MODEL).exists()
    write_out(tmp_path / "v0001", tmp_path / "out")
    assert contents(tmp_path / "out") == contents(bundle)


def test_two_blocks_are_stored_again_and_all_else_is_the_same_file(write, tmp_path):
    (base, _), (tuned, _) = write(BASE), write(BLOCKS)
    first, second = tmp_path / "v0001", tmp_path / "v0002"
    store_bundle(base, first, [])
    store_bundle(tuned, second, [first])
    was, now = load_weights(base), load_weights(tuned)
    changed = {name for name in was if not torch.equal(was[name], now[name])}
    trained = {name.partition(".layers.")[2].partition(".")[0] for name in changed if ".layers." in name}
    assert len(trained) == 2
    before, after = inodes(first), inodes(second)
    index = json.loads((second / INDEX).read_text())["weight_map"]
    assert {file for file in after if after[file] != before[file]} == {index[name] for name in changed}
    assert len({index[name] for name in changed}) < len(after)
    assert own_bytes(second) < sum(file.stat().st_size for file in tuned.iterdir()) / 2
    # The library reads it by itself, and the other version is not needed.
    shutil.rmtree(first)
    model = AutoModel.from_pretrained(second, local_files_only=True)
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in now.items())
    pixels = golden_pixels(thawline.load(tuned, device="cpu").preprocessing.size)
    assert (
        thawline.load(second, device="cpu").logits(pixels) == thawline.load(tuned, device="cpu").logits(pixels)
    ).all()


def test_the_same_tensors_are_the_same_files(write, tmp_path):
    bundle, _ = write(BASE)
    for name in ("a", "b"):
        store_bundle(bundle, tmp_path / name, [])
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert not set(inodes(tmp_path / "a").values()) & set(inodes(tmp_path / "b").values())


def test_where_there_are_no_hard_links_files_are_copied(write, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(1, "Operation not permitted")

    bundle, _ = write(BASE)
    store_bundle(bundle, tmp_path / "a", [])
    monkeypatch.setattr(os, "link", refuse)
    store_bundle(bundle, tmp_path / "b", [tmp_path / "a"])
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert own_bytes(tmp_path / "b") > 0


def test_what_was_damaged_in_one_version_is_not_shared(write, tmp_path):
    bundle, _ = write(BASE)
    store_bundle(bundle, tmp_path / "a", [])
    shard = next((tmp_path / "a").glob("model-00001-*"))
    shard.chmod(0o644)
    shard.write_bytes(shard.read_bytes()[:-1] + b"!")
    store_bundle(bundle, tmp_path / "b", [tmp_path / "a"])
    check_whole(tmp_path / "b")
    with pytest.raises(UserError, match=rf"{shard.name} was changed"):
        check_whole(tmp_path / "a")


@pytest.mark.parametrize("named", ["../model.safetensors", "model-00009-of-00009.safetensors"])
def test_an_index_that_leads_elsewhere_is_refused(write, tmp_path, named):
    bundle, _ = write(BASE)
    store_bundle(bundle, tmp_path / "a", [])
    index = tmp_path / "a" / INDEX
    said = json.loads(index.read_text())
    said["weight_map"][min(said["weight_map"])] = named
    index.unlink()
    index.write_text(json.dumps(said))
    facts = sharing._facts(tmp_path / "a")
    for name in ("manifest.json", "manifest.sha256"):
        (tmp_path / "a" / name).unlink()
    seal(tmp_path / "a", facts)
    with pytest.raises(UserError, match="names other files than lie there"):
        thawline.load(tmp_path / "a")


def test_a_bundle_with_weights_in_two_forms_is_refused(write, tmp_path):
    bundle, _ = write(BASE)
    store_bundle(bundle, tmp_path / "a", [])
    facts = sharing._facts(tmp_path / "a")
    shutil.copy(bundle / MODEL, tmp_path / "a")
    for name in ("manifest.json", "manifest.sha256"):
        (tmp_path / "a" / name).unlink()
    seal(tmp_path / "a", facts)
    with pytest.raises(UserError, match=rf"both {MODEL} and {INDEX}"):
        thawline.load(tmp_path / "a")


def test_digests_of_the_manifest_are_those_of_the_files(write, tmp_path):
    bundle, _ = write(BLOCKS)
    store_bundle(bundle, tmp_path / "a", [])
    said = check_whole(tmp_path / "a")["files"]
    assert {name: hashlib.sha256((tmp_path / "a" / name).read_bytes()).hexdigest() for name in said} == {
        name: entry["sha256"] for name, entry in said.items()
    }
