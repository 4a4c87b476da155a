"""The usual training of CLIP on labelled pairs: every epoch decodes the photo of every pair and runs both towers.

Both projections, the logit scale and a bias train, by BCEWithLogits(scale · cos + bias); all else is frozen. Texts are
padded to the longest of all. One epoch is measured.
"""

import argparse
import csv
import json
import resource
import time
from pathlib import Path

import torch
from PIL import Image
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from transformers import CLIPModel, CLIPProcessor

Pair = tuple[Image.Image, str, float]


class Pairs(Dataset):
    """PIL images, texts and labels."""

    def __init__(self, file: Path) -> None:
        with file.open(newline="", encoding="utf-8") as opened:
            self.rows = list(csv.DictReader(opened))
        self.folder = file.parent

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Pair:
        row = self.rows[index]
        image = Image.open(self.folder / row["image_path"]).convert("RGB")
        return image, row["text"], float(row["label"])


def cpu() -> float:
    """Seconds of all cores so far, those of loader workers that have ended included."""
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def main() -> None:
    """Train one epoch, and print its seconds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--take", type=int, default=0, help="so many of the pairs; 0: all")
    parser.add_argument("--batch", type=int, default=16)
    given = parser.parse_args()
    pairs = Pairs(given.file)
    processor = CLIPProcessor.from_pretrained(given.model)
    longest = max(len(ids) for ids in processor.tokenizer([row["text"] for row in pairs.rows])["input_ids"])
    model = CLIPModel.from_pretrained(given.model).requires_grad_(False)
    bias = torch.nn.Parameter(torch.zeros(()))
    trained = [*model.visual_projection.parameters(), *model.text_projection.parameters(), model.logit_scale]
    for parameter in trained:
        parameter.requires_grad_(True)
    optimiser = torch.optim.AdamW([*trained, bias], lr=1e-3)

    def collate(batch: list[Pair]) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        images, texts, labels = zip(*batch, strict=True)
        inputs = processor(
            text=list(texts), images=list(images), return_tensors="pt", padding="max_length", max_length=longest
        )
        return dict(inputs), torch.tensor(labels)

    # A shuffled sample, so that its photos repeat no more than those of all pairs do.
    chosen = torch.randperm(len(pairs), generator=torch.Generator().manual_seed(0))[: given.take or len(pairs)]
    taken = torch.utils.data.Subset(pairs, chosen.tolist())
    loader = DataLoader(taken, batch_size=given.batch, shuffle=True, num_workers=given.workers, collate_fn=collate)
    started, used = time.perf_counter(), cpu()
    for inputs, labels in loader:
        said = model(**inputs)
        cosine = (said.image_embeds * said.text_embeds).sum(dim=-1)
        loss = F.binary_cross_entropy_with_logits(model.logit_scale.exp() * cosine + bias, labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    seconds, spent = time.perf_counter() - started, cpu() - used
    print(json.dumps({"epoch": seconds, "per_pair": seconds / len(taken), "cpu_per_pair": spent / len(taken)}))


if __name__ == "__main__":
    main()
