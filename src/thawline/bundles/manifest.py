"""What a bundle consists of, and whether it is still what was written: every file by its digest, none too many."""

import hashlib
import json
import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from thawline.errors import UserError
from thawline.files import read_json, write_json, write_text

FORMAT = 1
MANIFEST, SEAL = "manifest.json", "manifest.sha256"
MODEL, HEAD, CLASSES = "model.safetensors", "head.safetensors", "classes.safetensors"
SURROUNDINGS = "surroundings.safetensors"
# In place of MODEL, as transformers reads it: several files, and which tensor lies in which.
INDEX, SHARD = "model.safetensors.index.json", re.compile(r"model-\d{5}-of-\d{5}\.safetensors")
SEPARATOR = "separator.safetensors"
# A text encoder that is no part of the network.
TEXT_MODEL, TEXT_CONFIG, TEXT_TOKENIZER = "text.safetensors", "text.json", "text_tokenizer.json"
CONFIG, DECISION, PREPROCESSING, GOLDEN, CARD = (
    "config.json",
    "decision.json",
    "preprocessing.json",
    "golden.json",
    "README.md",
)
OPEN_CLIP = "open_clip_config.json"
VISION, TEXT = "vision.onnx", "text.onnx"
TRAINED = "trained.json"
# Nothing else may lie in a bundle: no pickle, no code, no folder.
KNOWN = frozenset(
    {
        *(MODEL, INDEX, HEAD, CLASSES, SEPARATOR, CONFIG, DECISION, PREPROCESSING, GOLDEN, CARD, VISION, TEXT, TRAINED),
        *(SURROUNDINGS, TEXT_MODEL, TEXT_CONFIG, TEXT_TOKENIZER, OPEN_CLIP),
        *("preprocessor_config.json", "processor_config.json"),
        *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.json", "merges.txt"),
    }
)
# Keys by which some library has a config name code to run, kernels and quantisers among it. No bundle needs one.
_NAMES_CODE = frozenset(
    {
        *("_target_", "auto_map", "custom_code", "custom_pipelines", "trust_remote_code"),
        *("_attn_implementation", "attn_implementation", "quantization_config"),
    }
)
CONFIGS = frozenset(
    {
        *(CONFIG, DECISION, PREPROCESSING, GOLDEN, INDEX, TEXT_CONFIG, OPEN_CLIP),
        *("preprocessor_config.json", "processor_config.json", "tokenizer_config.json"),
    }
)
REQUIRED = frozenset({CONFIG, DECISION, PREPROCESSING, GOLDEN, CARD})


def seal(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write the manifest of what lies in `folder`, with `facts`, and the manifest's own digest.

    Raises:
        ValueError: There is something in `folder` that no bundle holds.
    """
    paths = sorted(folder.iterdir())
    if odd := [path.name for path in paths if not _is_known(path.name)]:
        raise ValueError(f"no bundle holds {odd[0]}")
    files = {path.name: {"sha256": digest(path), "size": path.stat().st_size} for path in paths}
    for path in paths:
        path.chmod((folder / CARD).stat().st_mode)  # safetensors' files are for their owner alone
    write_json(folder / MANIFEST, {"format": FORMAT, **facts, "files": files})
    write_text(folder / SEAL, seal_of((folder / MANIFEST).read_bytes()))


def is_bundle(folder: Path) -> bool:
    """Whether `folder` holds a bundle, sound or not."""
    return (folder / MANIFEST).is_file() and (folder / SEAL).is_file()


def was_bundle(folder: Path) -> bool:
    """Whether `folder` holds a bundle, or what is left of one that has lost its manifest or its seal."""
    return (folder / MANIFEST).is_file() or (folder / SEAL).is_file()


def verify(folder: Path) -> dict[str, Any]:
    """Check every file of the bundle in `folder` against the manifest.

    Returns:
        What the manifest says.

    Raises:
        UserError: A file was changed, added or taken away, or is of a kind that no bundle holds.
    """
    check_bundle(folder)
    found = {entry.name: entry for entry in os.scandir(folder)}
    for name, entry in sorted(found.items()):
        if not entry.is_file(follow_symlinks=False):
            raise refusal(folder, f"{name} is no ordinary file")
    manifest = read_manifest(folder)
    files: dict[str, Any] = manifest["files"]
    _check_names(folder, files, set(found) - {MANIFEST, SEAL})
    for name, said in sorted(files.items()):
        if found[name].stat().st_size != said["size"] or digest(folder / name) != said["sha256"]:
            raise refusal(folder, f"{name} was changed since it was written")
    for name in sorted(CONFIGS.intersection(files)):
        check_config(folder, name)
    _check_shards(folder, files)
    return manifest


def check_bundle(folder: Path) -> None:
    """Is there a bundle in `folder`, sound or not?

    Raises:
        UserError: There is none.
    """
    if not folder.is_dir():
        raise UserError(f"there is no bundle {folder}; 'thawline export RUN' makes one")
    if not is_bundle(folder):
        raise UserError(f"{folder} is no bundle (it has no {MANIFEST} and {SEAL}); 'thawline export RUN' makes one")


def refusal(folder: Path, reason: str) -> UserError:
    """Why the bundle in `folder` is not used."""
    return UserError(f"the bundle {folder} is not used: {reason}; export it again or copy it again")


def read_manifest(folder: Path) -> dict[str, Any]:
    """What the manifest in `folder` says, if its seal and its form are right."""
    written = (folder / MANIFEST).read_bytes()
    # Either of the two files may be the one that was changed.
    if (folder / SEAL).read_bytes() != seal_of(written).encode():
        raise refusal(folder, f"{MANIFEST} and {SEAL} do not belong together")
    try:
        manifest = json.loads(written)
        if manifest["format"] != FORMAT:
            raise UserError(
                f"the bundle {folder} has the format {manifest['format']}, and this version of thawline reads "
                f"{FORMAT}; use the version that wrote it"
            )
        sound = all(
            isinstance(said["size"], int) and re.fullmatch("[0-9a-f]{64}", said["sha256"])
            for said in manifest["files"].values()
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise refusal(folder, f"{MANIFEST} is no manifest") from error
    if not sound:
        raise refusal(folder, f"{MANIFEST} is no manifest")
    checked: dict[str, Any] = manifest
    return checked


def check_config(folder: Path, name: str) -> None:
    """Refuse a JSON file that names code to run."""
    try:
        key = _names_code(read_json(folder / name))
    except (ValueError, RecursionError) as error:
        raise refusal(folder, f"{name} is no JSON") from error
    if key is not None:
        raise refusal(folder, f"{name} names code to run ('{key}')")


def _names_code(value: Any) -> str | None:
    """A key within `value` by which it names code; None if there is none."""
    if isinstance(value, dict):
        if found := _NAMES_CODE.intersection(value):
            return min(found)
        value = list(value.values())
    inner = (_names_code(each) for each in value) if isinstance(value, list) else ()
    return next((key for key in inner if key), None)


def _check_names(folder: Path, said: Collection[str], found: Collection[str]) -> None:
    """Are exactly the files there that the manifest names, and none that a bundle does not hold?"""
    for name in said:
        if name != Path(name).name or "\\" in name or name in ("", ".", ".."):
            raise refusal(folder, f"its manifest names '{name}', which leads out of it")
        if not _is_known(name):
            raise refusal(folder, f"its manifest names '{name}', and no bundle holds such a file")
    if absent := sorted({*REQUIRED, *((MODEL,) if INDEX not in said else ())}.difference(said)):
        raise refusal(folder, f"its manifest lacks {absent[0]}")
    if odd := sorted(set(found).difference(said)):
        raise refusal(folder, f"{odd[0]} is not in its manifest")
    if missing := sorted(set(said).difference(found)):
        raise refusal(folder, f"{missing[0]} is missing")


def _is_known(name: str) -> bool:
    return name in KNOWN or SHARD.fullmatch(name) is not None


def _check_shards(folder: Path, said: Collection[str]) -> None:
    """Does the index name exactly the parts of the weights that lie there, and no other file?"""
    shards = {name for name in said if SHARD.fullmatch(name)}
    if INDEX not in said:
        if shards:
            raise refusal(folder, f"{INDEX} is missing")
        return
    if MODEL in said:
        raise refusal(folder, f"it has both {MODEL} and {INDEX}")
    try:
        named = set(read_json(folder / INDEX)["weight_map"].values())
    except (KeyError, TypeError, AttributeError) as error:
        raise refusal(folder, f"{INDEX} is no index") from error
    if named != shards:
        raise refusal(folder, f"{INDEX} names other files than lie there")


def seal_of(manifest: bytes) -> str:
    """The line that `sha256sum --check` reads."""
    return f"{hashlib.sha256(manifest).hexdigest()}  {MANIFEST}\n"


def digest(path: Path) -> str:
    """sha256 of the file at `path`, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
