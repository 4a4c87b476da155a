"""Runs one lane of compared_commands.yaml with the Thawline that PYTHONPATH names; tools/compare_commits.py starts it.

python tools/run_compared.py LANE WORK [--replay OLD]

Each command works in WORK/NAME, where what it prints is kept as screen.txt and how its lines ended as ended.json. With
--replay, bundles that another commit left in OLD are asked for their golden examples and for what they said there;
the answers are in WORK/replayed-NAME.
"""

import argparse
import contextlib
import csv
import json
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import timm
import torch
import transformers
import yaml
from safetensors.torch import save_file

import thawline
from thawline.cli import main as command

TABLE = Path(__file__).with_name("compared_commands.yaml")
_SIZE: dict[str, Any] = {"hidden_size": 24, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
_HEARD = ("Flute", "Violin, fiddle", "Drum kit", "Electric guitar", "Piano", "Synthesizer", "Speech")
_NAMES: dict[str, Any] = {"id2label": dict(enumerate(_HEARD)), "label2id": {name: i for i, name in enumerate(_HEARD)}}
_THEMES = ("drinking", "heartbreak|love", "rural life", "")


def run_lines(lines: Sequence[str], added: Mapping[str, str], folder: Path) -> None:
    """Run command lines one after another in `folder`, which is made; one that fails does not keep others from it.

    Args:
        lines: As in a shell, without `thawline`.
        added: By verb, further words of its lines.
        folder: Gets screen.txt and ended.json, a list of exit statuses, besides what the commands write.
    """
    folder.mkdir(parents=True)
    ended: list[Any] = []
    with (
        contextlib.chdir(folder),
        Path("screen.txt").open("w", encoding="utf-8") as screen,
        contextlib.redirect_stdout(screen),
        contextlib.redirect_stderr(screen),
    ):
        for line in lines:
            print(f"\n$ thawline {line}", flush=True)
            words = [path for word in shlex.split(line) for path in _matches(word)]
            ended.append(_exit_status([*words, *added.get(words[0], "").split()]))
    (folder / "ended.json").write_text(json.dumps(ended), encoding="utf-8")


def _matches(word: str) -> list[str]:
    return (sorted(map(str, Path().glob(word))) if "*" in word else []) or [word]


def _exit_status(words: Sequence[str]) -> Any:
    try:
        command(words)
    except SystemExit as end:
        return end.code
    return 0


def make_inputs(lane: str, lines: Sequence[str], folder: Path) -> None:
    """Collections by Thawline's own verbs, networks with random weights, a table of tracks with themes."""
    run_lines(lines, {}, folder)
    torch.manual_seed(0)
    if lane == "photos":
        network = timm.create_model("mobilenetv2_035", num_classes=0, pad_type="same")
        save_file(network.state_dict(), folder / "mobilenet.safetensors")
        vit = transformers.ViTModel(transformers.ViTConfig(**_SIZE, image_size=32, patch_size=8))
        _save(vit, transformers.ViTImageProcessor(size={"height": 32, "width": 32}), folder / "vit")
        return
    size: dict[str, Any] = {
        "max_length": 64,
        "num_mel_bins": 16,
        "patch_size": 8,
        "frequency_stride": 6,
        "time_stride": 6,
    }
    ast = transformers.ASTForAudioClassification(transformers.ASTConfig(**_SIZE, **size, **_NAMES))
    spectrogram: Any = transformers.ASTFeatureExtractor
    _save(ast, spectrogram(num_mel_bins=16, max_length=64), folder / "ast")
    convolutions: dict[str, Any] = {"conv_dim": (16, 16, 16), "conv_kernel": (10, 3, 3), "conv_stride": (5, 4, 4)}
    places: dict[str, Any] = {
        "num_feat_extract_layers": 3,
        "num_conv_pos_embeddings": 8,
        "num_conv_pos_embedding_groups": 2,
    }
    extractor: Any = transformers.Wav2Vec2FeatureExtractor
    speech = transformers.Wav2Vec2Model(transformers.Wav2Vec2Config(**_SIZE, **convolutions, **places))
    _save(speech, extractor(), folder / "wav2vec2")
    _add_themes(folder / "songs" / "tracks.csv")


def _save(network: Any, processor: Any, folder: Path) -> None:
    with torch.no_grad():  # the usual starting weights are so small that all samples would look alike
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    network.save_pretrained(folder)
    processor.save_pretrained(folder)


def _add_themes(tracks: Path) -> None:
    with tracks.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with tracks.with_name("themes.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, [*rows[0], "themes"])
        table.writeheader()
        table.writerows({**row, "themes": _THEMES[i % len(_THEMES)]} for i, row in enumerate(rows))


def replay(lines: Sequence[str], added: Mapping[str, str], old: Path, folder: Path) -> None:
    """Ask the bundles in `old` what `lines` ask of bundles, and for golden examples: golden.json has distances."""
    asked = [words for words in map(shlex.split, lines) if words[0] == "predict" and (old / words[1]).is_dir()]
    run_lines([shlex.join(["predict", str(old / words[1]), *words[2:]]) for words in asked], added, folder)
    golden: dict[str, Any] = {}
    for _, bundle, *_ in asked:
        try:
            golden[bundle] = thawline.load(old / bundle, device="cpu").check()
        except Exception as error:  # whatever it is, the other commit's bundle is of no use
            golden[bundle] = f"{type(error).__name__}: {error}"
    (folder / "golden.json").write_text(json.dumps(golden), encoding="utf-8")


def main() -> None:
    """Make the inputs, run the lane's commands, and replay what another commit left."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lane")
    parser.add_argument("work", type=Path)
    parser.add_argument("--replay", type=Path, metavar="OLD")
    given = parser.parse_args()
    source = Path(os.environ["PYTHONPATH"])
    if not Path(thawline.__file__).is_relative_to(source):
        sys.exit(f"{thawline.__file__} was imported, which is not in {source}")
    table = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    lane = table["lanes"][given.lane]
    make_inputs(given.lane, lane["inputs"], given.work / given.lane)
    for name, lines in lane["commands"].items():
        run_lines(lines, table["added"], given.work / name)
        if given.replay is not None:
            replay(lines, table["added"], given.replay / name, given.work / f"replayed-{name}")


if __name__ == "__main__":
    main()
