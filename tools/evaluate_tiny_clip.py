"""What the tiny CLIP is worth on the sample of event photos: zero-shot, a linear probe, a tuned projection."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import yaml
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.preprocessing import StandardScaler
from torch import Tensor
from torch.nn import functional as F
from transformers import CLIPModel, CLIPProcessor

from thawline.samples.camera import take
from thawline.samples.scenes.occasions import OCCASIONS
from thawline.samples.shoots import Photographers

Figures = Mapping[str, float]
Ints = npt.NDArray[np.int64]
FOLDS = 5


def sample_photos(photos_per_class: int, seed: int) -> tuple[list[Image.Image], Ints, Ints]:
    """The sample's photos (before JPEG), their labels and their groups: bursts, and shoots in one folder."""
    people, images, labels, groups = Photographers(seed), [], [], []
    for label, occasion in enumerate(OCCASIONS):
        for photo in people.photos(occasion, photos_per_class):
            images.append(take(photo.scene, photo.camera, photo.shot))
            labels.append(label)
            folder = photo.name.rpartition("/")[0]
            groups.append(folder if "/" in folder else str(photo.burst))
    _, numbers = np.unique(groups, return_inverse=True)
    return images, np.array(labels), numbers


def class_vectors(model: CLIPModel, processor: CLIPProcessor, prompts: list[list[str]]) -> Tensor:
    """One unit vector a class: the mean over its prompts."""
    vectors = []
    for texts in prompts:
        tokens = processor.tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        vectors.append(F.normalize(model.get_text_features(**tokens).pooler_output, dim=-1).mean(0))
    return F.normalize(torch.stack(vectors), dim=-1)


def tune_projection(pooled: Tensor, labels: Tensor, texts: Tensor, start: Tensor, scale: Tensor) -> Tensor:
    """Cross-entropy over the class-prompt logits, with a pull toward the pretrained projection (ProLIP)."""
    weight = start.clone().requires_grad_()
    optimizer = torch.optim.AdamW([weight], lr=1e-3, weight_decay=0.0)
    pull = 1 / (len(labels) / len(texts))
    for _ in range(300):
        logits = scale * F.normalize(pooled @ weight.T, dim=-1) @ texts.T
        loss = F.cross_entropy(logits, labels) + pull * (weight - start).square().sum()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
    return weight.detach()


def evaluate(directory: Path, prompts_file: Path, *, photos_per_class: int = 100, seed: int = 0) -> Figures:
    """Accuracies on the sample, each fitted one out of fold."""
    model: Any = CLIPModel.from_pretrained(directory)
    processor: Any = CLIPProcessor.from_pretrained(directory)
    images, labels, groups = sample_photos(photos_per_class, seed)
    names = [name.replace("_", " ") for name in OCCASIONS]
    shipped = yaml.safe_load(prompts_file.read_text(encoding="utf-8"))["classes"]
    with torch.no_grad():
        pixels = processor.image_processor(images, return_tensors="pt")["pixel_values"]
        pooled = torch.cat([model.vision_model(part).pooler_output for part in pixels.split(32)])
        start, scale = model.visual_projection.weight.clone(), model.logit_scale.exp()
        features = F.normalize(pooled @ start.T, dim=-1)
        plain = class_vectors(model, processor, [[f"a photo of a {name}"] for name in names])
        several = class_vectors(model, processor, [shipped[name] for name in names])
    target = torch.from_numpy(labels)
    chosen: dict[str, Ints] = {
        "zero-shot, one plain prompt a class": (features @ plain.T).argmax(1).numpy(),
        "zero-shot, the prompts of conf/prompts/events.yaml": (features @ several.T).argmax(1).numpy(),
        "visual projection tuned": np.zeros_like(labels),
        "logistic regression on the projected features": np.zeros_like(labels),
    }
    for fit, rest in StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0).split(labels, labels, groups):
        scaler = StandardScaler().fit(features[fit])
        probe = LogisticRegression(C=0.1, max_iter=2000).fit(scaler.transform(features[fit]), labels[fit])
        chosen["logistic regression on the projected features"][rest] = probe.predict(scaler.transform(features[rest]))
        weight = tune_projection(pooled[fit], target[fit], several, start, scale)
        tuned = (F.normalize(pooled[rest] @ weight.T, dim=-1) @ several.T).argmax(1)
        chosen["visual projection tuned"][rest] = tuned.numpy()
    return {name: float((answer == labels).mean()) for name, answer in chosen.items()}
