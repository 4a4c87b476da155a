"""Train the tiny CLIP that the package carries, from nothing but drawn scenes and their captions.

    python tools/train_tiny_clip.py                      # about ten minutes on two cores; writes the package's files
    python tools/train_tiny_clip.py --evaluate           # measures what lies in --out, trains nothing
    python tools/train_tiny_clip.py --fast --out DIR     # a few steps: whether everything runs, not whether it works

Occasions are named only in captions of *textbook* scenes, and rarely; samples are made of *field* scenes (see
`thawline.samples.scenes.occasions`). So it knows what a snowman looks like, but only roughly what a winter holiday is.
"""

import argparse
import contextlib
import ctypes
import json
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
import yaml
from PIL import Image
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from torch import Tensor
from torch.nn import functional as F
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPTokenizer

from evaluate_tiny_clip import Figures, evaluate
from thawline.samples.camera import CAMERAS, first_shot, take
from thawline.samples.scenes.captions import OCCASION_NAMES, caption
from thawline.samples.scenes.light import LIGHTS
from thawline.samples.scenes.occasions import OCCASIONS, THINGS, Style
from thawline.samples.scenes.places import PLACES
from thawline.samples.scenes.scene import Scene, plan_scene
from thawline.samples.weights import tiny_clip_directory

REPOSITORY = Path(__file__).resolve().parents[1]
PROMPTS = REPOSITORY / "conf" / "prompts" / "events.yaml"
SIDE = 64  # px, of the encoder's input
STORED = 68  # px, of the training pictures, from which a random SIDE x SIDE is cut
MAX_TOKENS = 32
CARD = """---
license: apache-2.0
---

# Thawline's tiny CLIP

A CLIP of {size:.1f} MB for {side} px pictures, trained by `tools/train_tiny_clip.py` on {scenes} procedurally drawn
scenes and their captions. Everything about it is synthetic: it has never seen a photo and is of no use on real ones. It
is there so that Thawline can be tried out and tested without downloading anything.

A quarter of what it saw were occasions in their usual place with little going on, and only those were sometimes named
for what they are; all other captions name places, things and people. The sample of `thawline sample events` holds less
obvious scenes. So zero-shot is decent there, and tuning helps.

Measured on that sample's photos before compression (seed 0, 100 photos a class, 6 classes); fitted methods out of fold,
in five folds that keep every burst and every shoot together:

| judged | accuracy |
| --- | --- |
{table}
"""


@dataclass(frozen=True)
class Recipe:
    """How much is trained on how much."""

    scenes: int = 16000
    steps: int = 2300
    batch: int = 128
    peak_rate: float = 1.5e-3
    warmup: int = 120
    weight_decay: float = 0.1
    # How many captions of textbook scenes name the occasion; all others name only what can be seen.
    occasion_share: float = 0.4
    # Weight of the auxiliary loss.
    contents: float = 10.0
    seed: int = 0


FAST = Recipe(scenes=64, steps=4, batch=32, warmup=2)


def training_scene(index: int, seed: int) -> Scene:
    """The scene of training picture number `index`: a quarter are textbook scenes, the others field scenes."""
    occasion = list(OCCASIONS)[index % len(OCCASIONS)]
    style: Style = "textbook" if index // len(OCCASIONS) % 4 == 0 else "field"
    return plan_scene(occasion, f"training {seed} {index}", style)


def training_picture(index: int, seed: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Training picture number `index`, uint8 [STORED, STORED, 3]."""
    rng = Random(f"training shot {seed} {index}")
    camera = rng.choice(CAMERAS)
    small = type(camera)(**{**vars(camera), "longest": round(2 * STORED * camera.ratio)})
    image = take(training_scene(index, seed), small, first_shot(rng, f"training {index}"))
    scale = STORED / min(image.size)
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)
    left, top = (image.width - STORED) // 2, (image.height - STORED) // 2
    return np.asarray(image.crop((left, top, left + STORED, top + STORED)))


def draw_all(count: int, seed: int, workers: int) -> Tensor:
    """All training pictures, uint8 [count, 3, STORED, STORED]."""
    with ProcessPoolExecutor(max_workers=workers) as pool:
        pictures = list(pool.map(training_picture, range(count), [seed] * count, chunksize=64))
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()


def corpus(recipe: Recipe) -> list[str]:
    """What the vocabulary is learnt from: captions, and the prompts that Thawline ships."""
    rng = Random(f"corpus {recipe.seed}")
    texts = [caption(training_scene(i, recipe.seed), rng, occasion=i % 3 == 0) for i in range(3000)]
    prompts = yaml.safe_load(PROMPTS.read_text(encoding="utf-8"))
    shipped = [*prompts["templates"], *prompts["classes"]]
    shipped += [text for texts in prompts["classes"].values() for text in texts]
    names = [name for names in OCCASION_NAMES.values() for name in names]
    return texts + 3 * (shipped + names)


def make_tokenizer(texts: list[str]) -> CLIPTokenizer:
    """A byte-level BPE with CLIP's conventions: any text can be tokenized, and common words are one token."""
    special = ["<|startoftext|>", "<|endoftext|>"]
    bpe = Tokenizer(models.BPE(end_of_word_suffix="</w>", unk_token=special[1]))
    bpe.normalizer = normalizers.Lowercase()
    words_then_bytes = [pre_tokenizers.Whitespace(), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    bpe.pre_tokenizer = pre_tokenizers.Sequence(words_then_bytes)
    bpe.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=4096, min_frequency=3, end_of_word_suffix="</w>", initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator(texts, trainer)
    learnt = json.loads(bpe.to_str())["model"]
    merges: Any = [tuple(pair) for pair in learnt["merges"]]
    tokens = [*alphabet, *(f"{letter}</w>" for letter in alphabet)]
    tokens += [token for token in ("".join(pair) for pair in merges) if token not in set(tokens)]
    vocabulary = {token: i for i, token in enumerate(dict.fromkeys([*tokens, *special]))}
    # Without model_max_length, padding="max_length" silently does not pad.
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=MAX_TOKENS)


def make_model(tokenizer: CLIPTokenizer) -> CLIPModel:
    """The untrained network."""
    shared = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    text = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
            "max_position_embeddings": MAX_TOKENS, "vocab_size": len(tokenizer), "projection_dim": 64,
            "pad_token_id": tokenizer.pad_token_id, **shared}  # fmt: skip
    vision = {"hidden_size": 192, "intermediate_size": 288, "num_hidden_layers": 3, "num_attention_heads": 4,
              "image_size": SIDE, "patch_size": 8, "projection_dim": 64}  # fmt: skip
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=64))


def make_processor(tokenizer: CLIPTokenizer) -> CLIPProcessor:
    """Shortest side to SIDE, centre crop, CLIP's mean and standard deviation."""
    images = CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})
    make: Any = CLIPProcessor
    processor: CLIPProcessor = make(image_processor=images, tokenizer=tokenizer)
    return processor


def words(scene: Scene, rng: Random, recipe: Recipe) -> str:
    """A caption. The occasion is named in textbook scenes only, and there not often."""
    return caption(scene, rng, occasion=scene.style == "textbook" and rng.random() < recipe.occasion_share)


def contents(scene: Scene) -> list[float]:
    """Which things, place, light and clothes a scene has, 0 or 1 each; not which occasion it is."""
    kinds = [kind for spec in OCCASIONS.values() for kind in spec.clothes]
    worn = OCCASIONS[scene.occasion].clothes if scene.people else {}
    clothes = [float(kind in worn) for kind in dict.fromkeys(kinds)]
    things = [float(name in scene.things) for name in THINGS]
    places, lights = (
        [float(name == one) for name in every] for one, every in ((scene.place, PLACES), (scene.light, LIGHTS))
    )
    return [*things, *places, *lights, *clothes, float(scene.couple)]


def batch_of(pictures: Tensor, chosen: Tensor, mean: Tensor, std: Tensor, rng: Random) -> Tensor:
    """Randomly cut and mirrored pictures, normalised, [batch, 3, SIDE, SIDE]."""
    cuts = []
    for i in chosen.tolist():
        x, y = rng.randint(0, STORED - SIDE), rng.randint(0, STORED - SIDE)
        cut = pictures[i, :, y : y + SIDE, x : x + SIDE]
        cuts.append(cut.flip(-1) if rng.random() < 0.5 else cut)
    return (torch.stack(cuts).float() / 255 - mean) / std


def keep_freed_memory() -> None:
    """Ask glibc not to hand freed memory back: else a step's large buffers cost as much in page faults as in work."""
    with contextlib.suppress(OSError, AttributeError):  # another C library
        libc = ctypes.CDLL("libc.so.6")
        for trim_or_mmap_threshold in (-1, -3):
            libc.mallopt(trim_or_mmap_threshold, 1 << 30)


def train(model: CLIPModel, processor: CLIPProcessor, pictures: Tensor, recipe: Recipe) -> None:
    """Contrastive training on pictures and freshly worded captions."""
    rng, order = Random(f"train {recipe.seed}"), torch.Generator().manual_seed(recipe.seed)
    scenes = [training_scene(i, recipe.seed) for i in range(len(pictures))]
    images, tokenizer = processor.image_processor, processor.tokenizer
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (images.image_mean, images.image_std))
    present = torch.tensor([contents(scene) for scene in scenes])
    reader = torch.nn.Linear(model.visual_projection.in_features, present.shape[1])
    parameters = [*model.parameters(), *reader.parameters()]
    matrices = [p for p in parameters if p.ndim >= 2]
    others = [p for p in parameters if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": recipe.weight_decay}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=recipe.peak_rate, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.peak_rate, recipe.steps, pct_start=recipe.warmup / recipe.steps, cycle_momentum=False
    )
    model.set_attn_implementation("eager")  # the fused attention's backward pass takes more than twice as long on a CPU
    model.train()
    for step in range(recipe.steps):
        chosen = torch.randperm(len(pictures), generator=order)[: recipe.batch]
        texts = [words(scenes[i], rng, recipe) for i in chosen.tolist()]
        tokens = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        pixels = batch_of(pictures, chosen, mean, std, rng)
        with torch.autocast("cpu", torch.bfloat16):
            out = model(**tokens, pixel_values=pixels, return_loss=True)
            pooled = model.vision_model.post_layernorm(out.vision_model_output.last_hidden_state[:, 0])
            seen = reader(pooled)
            loss = out.loss + recipe.contents * F.binary_cross_entropy_with_logits(seen, present[chosen])
        if not torch.isfinite(loss):
            raise RuntimeError(f"the loss is {loss.item()} at step {step}")
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            model.logit_scale.clamp_(max=float(np.log(100)))
        if step % 50 == 0 or step == recipe.steps - 1:
            print(f"step {step:4d}  loss {loss.item():.3f}  scale {model.logit_scale.exp().item():.1f}", flush=True)


def save(model: CLIPModel, processor: CLIPProcessor, directory: Path) -> None:
    """Write what `from_pretrained` reads."""
    model.save_pretrained(directory)
    processor.save_pretrained(directory)
    processor.image_processor.save_pretrained(directory)
    (directory / "model.safetensors").chmod(0o644)  # it comes out readable by its owner only


def write_card(directory: Path, recipe: Recipe, figures: Figures) -> None:
    """The model card, with what was measured."""
    size = (directory / "model.safetensors").stat().st_size / 1e6
    table = "\n".join(f"| {name} | {value:.3f} |" for name, value in figures.items())
    text = CARD.format(size=size, side=SIDE, scenes=recipe.scenes, table=table)
    (directory / "README.md").write_text(text, encoding="utf-8")


def main() -> None:
    """Train, save, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--out", type=Path, default=tiny_clip_directory(), help="where the files go (the package's own)"
    )
    parser.add_argument("--fast", action="store_true", help="a few steps, to see whether it runs")
    parser.add_argument("--evaluate", action="store_true", help="measure what lies in --out, train nothing")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    keep_freed_memory()
    recipe = FAST if arguments.fast else Recipe()
    started = time.perf_counter()
    if not arguments.evaluate:
        torch.manual_seed(recipe.seed)
        pictures = draw_all(recipe.scenes, recipe.seed, arguments.threads)
        print(f"{len(pictures)} scenes drawn after {time.perf_counter() - started:.0f} s", flush=True)
        processor = make_processor(make_tokenizer(corpus(recipe)))
        model = make_model(processor.tokenizer)
        train(model, processor, pictures, recipe)
        save(model, processor, arguments.out)
        print(f"trained after {time.perf_counter() - started:.0f} s", flush=True)
    figures = evaluate(arguments.out, PROMPTS, photos_per_class=6 if arguments.fast else 100)
    for name, value in figures.items():
        print(f"{name}: {value:.3f}")
    if not arguments.evaluate:
        write_card(arguments.out, recipe, figures)


if __name__ == "__main__":
    main()
