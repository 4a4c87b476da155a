"""A frozen ResNet50 and a new head, as each library's own examples train it. Each imports only its own library."""

import argparse
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

CLASSES, BATCH, LR = 5, 16, 1e-3


def with_timm(folder: Path, epochs: int) -> None:
    """The dataset, transforms, loader and network of timm."""
    import timm
    from timm.data import create_dataset, create_loader, resolve_data_config

    model = timm.create_model("resnet50", pretrained=False, num_classes=CLASSES)
    model.requires_grad_(False)
    model.get_classifier().requires_grad_(True)
    config = resolve_data_config({}, model=model)
    size = {name: config[name] for name in ("input_size", "interpolation", "mean", "std", "crop_pct")}
    dataset = create_dataset("", root=str(folder))
    loader = create_loader(
        dataset,
        batch_size=BATCH,
        is_training=True,
        no_aug=True,
        num_workers=2,
        use_prefetcher=False,
        persistent_workers=True,
        device=torch.device("cpu"),
        **size,
    )
    optimiser = torch.optim.AdamW(model.get_classifier().parameters(), lr=LR)
    model.eval()
    for _ in range(epochs):
        for images, labels in loader:
            loss = F.cross_entropy(model(images), labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()


def with_lightning(folder: Path, epochs: int) -> None:
    """A LightningModule over torchvision's network, dataset and transforms."""
    import lightning.pytorch as L
    from torch.utils.data import DataLoader
    from torchvision import models
    from torchvision.datasets import ImageFolder

    class Classifier(L.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.body = models.resnet50(weights=None).requires_grad_(False).eval()
            self.body.fc = nn.Identity()
            self.head = nn.Linear(2048, CLASSES)

        def training_step(self, batch: Any, _: int) -> torch.Tensor:
            images, labels = batch
            return F.cross_entropy(self.head(self.body(images)), labels)

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.AdamW(self.head.parameters(), lr=LR)

    dataset = ImageFolder(folder, models.ResNet50_Weights.IMAGENET1K_V2.transforms())
    loader = DataLoader(dataset, batch_size=BATCH, shuffle=True, num_workers=2, persistent_workers=True)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    L.Trainer(accelerator="cpu", max_epochs=epochs, **quiet).fit(Classifier(), loader)


def with_trainer(folder: Path, epochs: int) -> None:
    """The Trainer over transformers' network and processor."""
    import tempfile

    from PIL import Image
    from transformers import (
        ConvNextImageProcessor,
        ResNetConfig,
        ResNetForImageClassification,
        Trainer,
        TrainingArguments,
    )

    files = sorted(folder.rglob("*.jpg"))
    names = sorted({path.parent.name for path in files})
    processor = ConvNextImageProcessor(size={"shortest_edge": 224}, crop_pct=0.875)
    model = ResNetForImageClassification(ResNetConfig(num_labels=CLASSES))  # the defaults are ResNet-50
    model.requires_grad_(False)
    model.classifier.requires_grad_(True)

    class Photos(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return len(files)

        def __getitem__(self, index: int) -> dict[str, Any]:
            image = Image.open(files[index]).convert("RGB")
            pixels = processor(image, return_tensors="pt")["pixel_values"][0]
            return {"pixel_values": pixels, "labels": names.index(files[index].parent.name)}

    with tempfile.TemporaryDirectory() as scratch:
        arguments = TrainingArguments(
            output_dir=scratch,
            num_train_epochs=epochs,
            per_device_train_batch_size=BATCH,
            learning_rate=LR,
            dataloader_num_workers=2,
            dataloader_persistent_workers=True,
            use_cpu=True,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
        )
        Trainer(model=model, args=arguments, train_dataset=Photos()).train()


def save_weights(path: Path) -> None:
    """Random weights of timm's ResNet50 for Thawline's run."""
    import timm
    from safetensors.torch import save_file

    torch.manual_seed(0)
    save_file(timm.create_model("resnet50.a1_in1k", pretrained=False, num_classes=0).state_dict(), path)


def main() -> None:
    """Do one of them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("timm", "lightning", "trainer", "weights"))
    parser.add_argument("path", type=Path)
    parser.add_argument("--epochs", type=int, default=5)
    given = parser.parse_args()
    if given.kind == "weights":
        save_weights(given.path)
        return
    loops = {"timm": with_timm, "lightning": with_lightning, "trainer": with_trainer}
    loops[given.kind](given.path, given.epochs)


if __name__ == "__main__":
    main()
