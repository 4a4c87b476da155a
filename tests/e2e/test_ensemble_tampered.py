"""The bundle of an ensemble of which something was changed: refused by the name of what it is."""

import hashlib
import json
import shutil

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from thawline import load
from thawline.bundles.manifest import MANIFEST, SEAL
from thawline.errors import UserError
from thawline.runs.predictions import read_predictions


def reseal(folder, change):
    """What an attacker does who knows the format: a manifest and a seal that fit."""
    manifest = json.loads((folder / MANIFEST).read_text())
    change(manifest["files"])
    (folder / MANIFEST).write_text(json.dumps(manifest))
    digest = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    (folder / SEAL).write_text(f"{digest}  {MANIFEST}\n")


def listed(folder, name):
    data = (folder / name).read_bytes()
    return {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}


def test_any_flipped_bit_of_the_tree_is_refused_by_the_name_of_its_file(joined, tmp_path):
    folder = shutil.copytree(joined[2], tmp_path / "bundle")
    draw = np.random.default_rng(0)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    assert len(paths) == 4 + 10 + 10 + 11
    for path in [path for path in paths for _ in range(3)]:
        content = path.read_bytes()
        position = draw.integers(len(content))
        path.write_bytes(
            content[:position] + bytes([content[position] ^ 1 << draw.integers(8)]) + content[position + 1 :]
        )
        with pytest.raises(UserError, match="is not used: ") as refused:
            load(folder)
        assert path.name in str(refused.value).split("is not used: ")[1]
        if "members" in path.parts:
            assert path.parent.name in str(refused.value)
        path.write_bytes(content)
    load(folder)


def test_what_is_added_taken_away_linked_or_exchanged_is_refused_by_name(joined, tmp_path):
    folder = shutil.copytree(joined[2], tmp_path / "bundle")

    def refused(says):
        with pytest.raises(UserError, match=says):
            load(folder)

    for name in ("code.py", "members/trees/code.py"):
        (folder / name).write_text("raise SystemExit")
        refused(f"{name} is not in its manifest")
        (folder / name).unlink()
    (folder / "members" / "more").mkdir()
    (folder / "members" / "more" / "README.md").write_text("")
    refused(r"members/more/README\.md is not in its manifest")
    shutil.rmtree(folder / "members" / "more")
    for name in ("deep", "members/trees/deep"):
        (folder / name).mkdir()
        refused(f"{name} is no ordinary file")
        (folder / name).rmdir()
    for name in ("ensemble.json", "README.md", "members/hints/head.safetensors", "members/trees/manifest.sha256"):
        content = (folder / name).read_bytes()
        (folder / name).unlink()
        refused(f"{name} is missing")
        (tmp_path / "elsewhere").write_bytes(content)
        (folder / name).symlink_to(tmp_path / "elsewhere")
        refused(f"{name} is no ordinary file")
        (folder / name).unlink()
        (folder / name).write_bytes(content)
    trees, elsewhere = folder / "members" / "trees", tmp_path / "trees"
    trees.rename(elsewhere)
    refused("members/trees/README.md is missing")
    trees.symlink_to(elsewhere)
    refused("members/trees is no folder of a member")
    trees.unlink()
    # A sound model, and not the one that was joined.
    shutil.copytree(folder / "members" / "mel_cnn", trees)
    refused("members/trees/")
    shutil.rmtree(trees)
    elsewhere.rename(trees)
    load(folder)


def test_a_fitting_manifest_does_not_make_it_lead_elsewhere(joined, tmp_path):
    for number, (change, says) in enumerate(
        [
            (lambda said: said["members"][0].update(folder="../bundle"), "are not those in members"),
            (lambda said: said["members"].pop(), "are not those in members"),
            (lambda said: said["members"][0].update(weight=3), "no shares of 1"),
            (lambda said: said["members"][1].update(name="mel_cnn"), "two members share a name"),
            (lambda said: said.update(labels=["rock"]), "the labels are not those of the members"),
            (lambda said: said.update(auto_map={"a": "b"}), "names code to run"),
            (lambda said: said["members"][2]["temperature"].update(value=0), "temperature is not above 0"),
        ]
    ):
        folder = shutil.copytree(joined[2], tmp_path / f"bundle{number}")
        said = json.loads((folder / "ensemble.json").read_text())
        change(said)
        (folder / "ensemble.json").write_text(json.dumps(said))
        reseal(folder, lambda files, folder=folder: files.update({"ensemble.json": listed(folder, "ensemble.json")}))
        with pytest.raises(UserError, match=f"the bundle {folder} is not used: .*{says}"):
            load(folder, device="cpu")
    for name in ("../outside.json", "/etc/passwd", "members/../more.py", "more.py", MANIFEST):
        folder = shutil.copytree(joined[2], tmp_path / "named", dirs_exist_ok=True)
        (folder / "more.py").write_text("")
        reseal(folder, lambda files, name=name, folder=folder: files.update({name: listed(folder, "more.py")}))
        with pytest.raises(UserError, match=f"its manifest names '{name}', and no bundle holds such a file"):
            load(folder)


def test_weights_and_temperatures_are_those_of_the_file(joined, tmp_path):
    root, run, before = joined
    folder = shutil.copytree(before, tmp_path / "bundle")
    said = json.loads((folder / "ensemble.json").read_text())
    said["members"][0]["temperature"]["value"] = 2.5
    for member, weight in zip(said["members"], (0.5, 0.4, 0.1), strict=True):
        member["weight"] = weight
    (folder / "ensemble.json").write_text(json.dumps(said))
    reseal(folder, lambda files: files.update({"ensemble.json": listed(folder, "ensemble.json")}))
    path = root / read_predictions(run / "predictions.parquet").paths[0]
    [plain] = load(before, device="cpu").predict(path)
    [record] = load(folder, device="cpu").predict(path)
    parts = [np.array(list(one["scores"].values())) for one in plain["components"].values()]
    parts[0] = parts[0] ** (1 / 2.5) / (parts[0] ** (1 / 2.5)).sum()
    assert list(record["all_scores"].values()) == pytest.approx(np.array([0.5, 0.4, 0.1]) @ parts, abs=1e-6)
    # What is read and checked once serves all members that cut alike.
    bundle = load(folder, device="cpu")
    bundle.members = (*bundle.members, *bundle.members)
    assert len(bundle.hear(path)) == 3


def test_a_member_with_weights_that_are_no_numbers_is_refused(joined, tmp_path):
    folder = shutil.copytree(joined[2], tmp_path / "bundle")
    member = folder / "members" / "mel_cnn"
    state = load_file(member / "model.safetensors")
    next(tensor for tensor in state.values() if tensor.is_floating_point() and tensor.ndim).view(-1)[0] = float("nan")
    save_file(state, member / "model.safetensors")
    reseal(member, lambda files: files.update({"model.safetensors": listed(member, "model.safetensors")}))
    changed = {f"members/mel_cnn/{name}": listed(member, name) for name in ("model.safetensors", MANIFEST, SEAL)}
    reseal(folder, lambda files: files.update(changed))
    with pytest.raises(UserError, match=r"is not used: model.safetensors holds what is no number"):
        load(folder)
