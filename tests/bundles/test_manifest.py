"""A bundle that is not what was written is refused by name, and nothing in it is executed."""

import hashlib
import json
import pickle
import random
import shutil

import pytest
from tests.bundles.conftest import Kind

import thawline
from thawline.bundles.manifest import MANIFEST, SEAL, check_config, seal, verify
from thawline.errors import UserError

CLIP, VIT, TIMM = (
    Kind("clip", "prompts", "projection"),
    Kind("vit", "linear", 2),
    Kind("timm:test_resnet", "linear", "all"),
)
FLIPS = 1000


@pytest.fixture
def copy(write, tmp_path):
    """A copy of a bundle that a test may change."""

    def make(kind=CLIP):
        return shutil.copytree(write(kind)[0], tmp_path / kind.name.replace(":", "-"))

    return make


def reseal(folder, **files):
    """What an attacker does who knows the format: a manifest that fits what lies there. `files` are further entries."""
    manifest = json.loads((folder / MANIFEST).read_text())
    for name in (MANIFEST, SEAL):
        (folder / name).unlink()
    facts = {name: value for name, value in manifest.items() if name not in ("format", "files")}
    seal(folder, facts)
    if files:
        manifest = json.loads((folder / MANIFEST).read_text())
        manifest["files"] |= files
        rewrite(folder, manifest)


def rewrite(folder, manifest):
    (folder / MANIFEST).write_text(json.dumps(manifest))
    digest = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    (folder / SEAL).write_text(f"{digest}  {MANIFEST}\n")


def change(path, **values):
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_a_sealed_bundle_verifies_and_sha256sum_says_the_same(copy):
    folder = copy()
    manifest = verify(folder)
    assert set(manifest["files"]) == {path.name for path in folder.iterdir()} - {MANIFEST, SEAL}
    assert manifest["versions"]["torch"]
    digest = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    assert (folder / SEAL).read_text().split() == [digest, MANIFEST]


def test_any_flipped_bit_is_refused_by_the_name_of_its_file(copy):
    folder = copy()
    draw = random.Random(0)
    paths = sorted(folder.iterdir())
    said = {}
    for number in range(FLIPS):
        path = paths[number % len(paths)]
        position, bit = draw.randrange(path.stat().st_size), draw.randrange(8)
        with path.open("r+b") as file:
            file.seek(position)
            before = file.read(1)
            file.seek(position)
            file.write(bytes([before[0] ^ (1 << bit)]))
        with pytest.raises(UserError) as refused:
            verify(folder)
        assert path.name in str(refused.value).removeprefix(f"the bundle {folder} is not used: ")
        said[path.name] = said.get(path.name, 0) + 1
        with path.open("r+b") as file:
            file.seek(position)
            file.write(before)
    assert sum(said.values()) == FLIPS
    assert set(said) == {path.name for path in paths}
    verify(folder)


def test_files_that_are_missing_added_linked_or_folders_are_refused_by_name(copy, tmp_path):
    folder = copy()
    card = folder / "README.md"
    content = card.read_bytes()
    for spoil in (card.unlink, lambda: card.write_bytes(b"")):
        spoil()
        with pytest.raises(UserError, match=r"README\.md"):
            thawline.load(folder)
        card.write_bytes(content)
    elsewhere = tmp_path / "README.md"
    elsewhere.write_bytes(content)
    card.unlink()
    card.symlink_to(elsewhere)
    with pytest.raises(UserError, match=r"README\.md is no ordinary file"):
        thawline.load(folder)
    card.unlink()
    card.write_bytes(content)
    (folder / "code.py").write_text("raise SystemExit")
    with pytest.raises(UserError, match=r"code\.py is not in its manifest"):
        thawline.load(folder)
    (folder / "code.py").unlink()
    (folder / "deep").mkdir()
    with pytest.raises(UserError, match="deep is no ordinary file"):
        thawline.load(folder)


@pytest.mark.parametrize(
    "name", ["../outside.json", "/etc/passwd", "a/b.json", "..", "", "C:\\\\x", "model.bin", "x.pkl"]
)
def test_names_that_lead_out_or_are_of_no_bundle_are_refused(copy, name):
    folder = copy()
    reseal(folder, **{name: {"sha256": "0" * 64, "size": 3}})
    with pytest.raises(UserError, match="its manifest names '"):
        thawline.load(folder)


class Canary:
    """Unpickled, it leaves a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (eval, (f"open({str(self.path)!r}, 'w').close()",))


def hostile_files(folder, canary):
    """What an attacker may put in place of each file that is loaded."""
    payload = pickle.dumps(Canary(canary))
    return {
        "pickled weights": lambda: (folder / "model.safetensors").write_bytes(payload),
        "pickled head": lambda: (folder / "classes.safetensors").write_bytes(payload),
        "pickled config": lambda: (folder / "config.json").write_bytes(payload),
        "_target_": lambda: change(folder / "decision.json", _target_="os.system"),
        "_target_ deep": lambda: change(folder / "preprocessing.json", mean=[{"a": {"_target_": "os.system"}}]),
        "auto_map": lambda: change(folder / "config.json", auto_map={"AutoModel": "evil--code.Model"}),
        "auto_map of the processor": lambda: change(
            folder / "processor_config.json", auto_map={"AutoProcessor": "e.P"}
        ),
        "custom_code": lambda: change(folder / "config.json", custom_code="import os"),
        "another class": lambda: change(folder / "config.json", model_type="llava"),
        "kernel": lambda: change(folder / "config.json", _attn_implementation="evil/kernel"),
        "quantised": lambda: change(folder / "config.json", quantization_config={"quant_method": "awq"}),
        "family": lambda: change(folder / "decision.json", family="os"),
        "head": lambda: change(folder / "decision.json", head="os.system"),
        "decode": lambda: change(folder / "preprocessing.json", decode="os.system"),
        "deep": lambda: (folder / "decision.json").write_text("[" * 100_000),
    }


@pytest.mark.parametrize("name", hostile_files(None, None))
def test_hostile_files_with_a_fitting_manifest_are_refused_and_nothing_runs(copy, tmp_path, name):
    folder, canary = copy(), tmp_path / "canary"
    hostile_files(folder, canary)[name]()
    reseal(folder)
    with pytest.raises(UserError, match=f"the bundle {folder} is not used"):
        thawline.load(folder)
    assert not canary.exists()


@pytest.mark.parametrize(
    "values",
    [
        {"architecture": "hf-hub:evil/model"},
        {"architecture": "local-dir:/tmp"},
        {"architecture": "no_such_network"},
        {"model_args": {"pretrained_cfg": {"url": "http://x"}}},
        {"model_args": {"checkpoint_path": "x.pth"}},
        {"model_args": {"norm_layer": "os.system"}},
        {"_target_": "os.system"},
        {"url": "http://x/weights.pth"},
        {"pretrained_cfg": {"url": "http://x/weights.pth"}},
    ],
    ids=str,
)
def test_timms_config_leads_to_no_other_place(copy, values):
    folder = copy(TIMM)
    change(folder / "config.json", **values)
    reseal(folder)
    with pytest.raises(UserError, match="is not used"):
        thawline.load(folder)


def test_weights_of_another_network_are_refused(copy):
    folder = copy(VIT)
    other = copy(TIMM)
    shutil.copy(other / "model.safetensors", folder / "model.safetensors")
    reseal(folder)
    with pytest.raises(UserError):
        thawline.load(folder)


def test_what_is_no_bundle_is_told_how_to_become_one(tmp_path):
    for path in (tmp_path, tmp_path / "absent"):
        with pytest.raises(UserError, match="'thawline export RUN' makes one"):
            thawline.load(path)


def test_a_later_format_is_named(copy):
    folder = copy()
    rewrite(folder, {**json.loads((folder / MANIFEST).read_text()), "format": 2})
    with pytest.raises(UserError, match="has the format 2, and this version of thawline reads 1"):
        thawline.load(folder)


@pytest.mark.parametrize("key", ["_target_", "auto_map", "custom_code", "custom_pipelines", "trust_remote_code"])
def test_a_key_that_names_code_is_found_at_any_depth(tmp_path, key):
    for value in ({key: 1}, {"a": {key: None}}, {"a": {"b": {key: "x"}}}, {"a": [[{"b": {key: []}}]]}, [{key: {}}]):
        (tmp_path / "config.json").write_text(json.dumps(value))
        with pytest.raises(UserError, match=rf"config.json names code to run \('{key}'\)"):
            check_config(tmp_path, "config.json")
    (tmp_path / "config.json").write_text(json.dumps({"a": [{"b": key}]}))
    check_config(tmp_path, "config.json")
