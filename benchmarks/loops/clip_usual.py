"""The usual fine-tune of CLIP: every epoch decodes every photo and runs the whole network. One epoch is measured.

By default the visual projection trains, everything else is frozen, and the classes' prompts, padded to the longest,
stand for them. With `--blocks K` a new linear head, the projection and the last K blocks of the vision tower train.
"""

import argparse
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from transformers import CLIPModel, CLIPProcessor, CLIPVisionModelWithProjection


class Photos(Dataset):
    """PIL images and their classes."""

    def __init__(self, folder: Path) -> None:
        self.classes = sorted(path.name for path in folder.iterdir())
        self.files = sorted(folder.rglob("*.jpg"))

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        path = self.files[index]
        return Image.open(path).convert("RGB"), self.classes.index(path.parent.name)


Forward = Callable[[dict[str, torch.Tensor]], torch.Tensor]


def projection(folder: Path) -> tuple[nn.Module, Forward]:
    """CLIP whose visual projection trains, and what gives its logits."""
    model = CLIPModel.from_pretrained(folder).requires_grad_(False)
    model.visual_projection.requires_grad_(True)
    return model, lambda inputs: model(**inputs).logits_per_image


def blocks_and_head(folder: Path, blocks: int, classes: int) -> tuple[nn.Module, Forward]:
    """CLIP's vision tower with a new head; its last blocks and all above them train."""
    tower = CLIPVisionModelWithProjection.from_pretrained(folder).requires_grad_(False)
    vision = tower.vision_model
    for part in (*vision.encoder.layers[-blocks:], vision.post_layernorm, tower.visual_projection):
        part.requires_grad_(True)
    model = nn.ModuleDict({"tower": tower, "head": nn.Linear(tower.config.projection_dim, classes)})
    # The texts are not the tower's: what else it is given it takes for a mask of patches.
    return model, lambda inputs: model["head"](model["tower"](inputs["pixel_values"]).image_embeds)


def cpu() -> float:
    """Seconds of all cores so far, those of loader workers that have ended included."""
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def main() -> None:
    """Train one epoch, and print its seconds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--take", type=int, default=0, help="so many of the photos; 0: all")
    parser.add_argument("--blocks", type=int, default=0)
    given = parser.parse_args()
    photos = Photos(given.folder)
    processor = CLIPProcessor.from_pretrained(given.model)
    classes = len(photos.classes)
    model, forward = blocks_and_head(given.model, given.blocks, classes) if given.blocks else projection(given.model)
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    prompts = [f"a photo of a {name}" for name in photos.classes]

    def collate(batch: list[tuple[Image.Image, int]]) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        images, labels = zip(*batch, strict=True)
        return dict(processor(text=prompts, images=list(images), return_tensors="pt", padding=True)), torch.tensor(
            labels
        )

    taken = torch.utils.data.Subset(photos, range(given.take or len(photos)))
    loader = DataLoader(taken, batch_size=16, shuffle=True, num_workers=given.workers, collate_fn=collate)
    started, used = time.perf_counter(), cpu()
    for inputs, labels in loader:
        loss = F.cross_entropy(forward(inputs), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    seconds = time.perf_counter() - started
    spent = cpu() - used
    print(json.dumps({"epoch": seconds, "per_photo": seconds / len(taken), "cpu_per_photo": spent / len(taken)}))


if __name__ == "__main__":
    main()
