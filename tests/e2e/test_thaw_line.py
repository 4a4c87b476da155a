"""Training from the store is training through the whole network."""

import dataclasses

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from thawline.data.settings import DataSettings
from thawline.encoders.settings import EncoderSettings
from thawline.features.settings import StoreSettings
from thawline.fitting.settings import GradientSettings, TrainerSettings
from thawline.fitting.tail import Tail
from thawline.runs.settings import LoggerSettings, PathsSettings
from thawline.tasks.events.module import EventsModule
from thawline.tasks.events.read import read_events
from thawline.tasks.settings import PromptSettings, RunSettings

CPU = torch.device("cpu")
STEPS, BATCH = 10, 12


TINY_VIT = {"depth": 4, "embed_dim": 48, "num_heads": 3, "img_size": 64}


def timm_encoder(folder, model, **model_args):
    """A network of timm's with random weights, for photos of 64 px."""
    torch.manual_seed(0)
    network = timm.create_model(model, num_classes=0, **model_args)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):  # statistics that matter: those of a trained network are not 0 and 1
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    save_file(network.state_dict(), folder / f"{model}.safetensors")
    return EncoderSettings(family="timm", name=model, model=model, weights=str(folder), model_args=model_args, size=64)


ENCODERS = {
    "clip": lambda _: EncoderSettings(family="clip", name="package:tiny_clip"),
    "vit": lambda folder: timm_encoder(folder, "vit_tiny_patch16_224", **TINY_VIT),
    "resnet": lambda folder: timm_encoder(folder, "test_resnet"),
}


def settings(photos, folder, encoder, head, thaw):
    how = {"schedule": "cosine", "warmup": 0.5, "penalty": "per_class", "weight_decay": 0.01, "layer_decay": 0.7}
    return RunSettings(
        task="events",
        prompts=PromptSettings(templates=["a photo of a {label}"]),
        data=DataSettings(path=str(photos), classes=["birthday", "wedding", "winter_holiday"]),
        encoder=ENCODERS[encoder](folder),
        method=GradientSettings(name="x", head=head, epochs=1, batch_size=BATCH, lr=1e-2, patience=1, **how),
        trainer=TrainerSettings(accelerator="cpu"),
        logger=LoggerSettings(name="csv"),
        store=StoreSettings(dir=str(folder / "store")),
        paths=PathsSettings(),
        thaw=thaw,
    )


def train(problem, tail, samples):
    """Ten steps of the run's own optimiser and its course of learning rates; the logits of each step."""
    module = EventsModule(problem, samples, tail)
    how = module.configure_optimizers()
    optimiser, scheduler = how["optimizer"], how["lr_scheduler"]["scheduler"]
    module.train()
    order = np.random.default_rng(0).permutation(len(samples))
    seen = []
    for step in range(STEPS):
        batch = samples[order[(step * BATCH + np.arange(BATCH)) % len(order)]]
        optimiser.zero_grad()
        out = module.step(batch)
        out["loss"].backward()
        optimiser.step()
        scheduler.step()
        seen.append(out["output"].detach())
    return torch.stack(seen)


@pytest.mark.parametrize(
    ("encoder", "head", "thaw"),
    [
        ("clip", "linear", "head"),
        ("clip", "prompts", "projection"),
        ("clip", "prompts", 2),
        ("clip", "linear", 2),
        ("vit", "linear", 2),
        ("resnet", "linear", 2),
    ],
)
def test_ten_steps_give_the_same_logits(sample, tmp_path, encoder, head, thaw):
    from_store = read_events(settings(sample, tmp_path, encoder, head, thaw), CPU)
    # The whole network, from the pixels up; what lies below the thaw line is frozen, as in any usual fine-tune.
    whole = read_events(settings(sample, tmp_path, encoder, head, "all"), CPU)
    indices = np.arange(0, len(whole.labels), 3)

    torch.manual_seed(0)
    tail = from_store.tail()
    torch.manual_seed(0)
    full = Tail(whole.encoder.tail(0), from_store.tail().head)
    trainable = {name for name, _ in tail.named_parameters()}
    below = len(whole.encoder.stages) - len(tail.stages.stages)
    for number, stage in enumerate(full.stages.stages):
        stage.requires_grad_(number >= below)
    assert len([p for p in full.parameters() if p.requires_grad]) == len(trainable) > 0

    a = train(from_store, tail, from_store.samples(indices))
    b = train(dataclasses.replace(whole), full, whole.samples(indices))
    assert (a - b).abs().max() <= 1e-5 * max(1.0, a.abs().max().item())
    assert (a[0] - a[-1]).abs().max() > 1e-2  # it did train
