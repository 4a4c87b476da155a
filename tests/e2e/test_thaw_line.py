"""Training from the store is training through the whole network."""

import dataclasses

import numpy as np
import pytest
import torch

from thawline.data.settings import DataSettings
from thawline.encoders.settings import EncoderSettings
from thawline.features.settings import StoreSettings
from thawline.fitting.settings import GradientSettings, TrainerSettings
from thawline.fitting.tail import Tail
from thawline.runs.settings import LoggerSettings, PathsSettings
from thawline.tasks.events.data import read_events
from thawline.tasks.events.settings import PromptSettings
from thawline.tasks.settings import RunSettings

CPU = torch.device("cpu")
STEPS, BATCH = 10, 12


def settings(photos, store, head, thaw):
    return RunSettings(
        task="events",
        prompts=PromptSettings(templates=["a photo of a {label}"]),
        data=DataSettings(path=str(photos)),
        encoder=EncoderSettings(family="clip", name="package:tiny_clip"),
        method=GradientSettings(
            name="x", head=head, epochs=1, batch_size=BATCH, lr=1e-2, patience=1, penalty="per_class"
        ),
        trainer=TrainerSettings(accelerator="cpu"),
        logger=LoggerSettings(name="csv"),
        store=StoreSettings(dir=str(store)),
        paths=PathsSettings(),
        thaw=thaw,
    )


def train(problem, tail, samples):
    """Ten steps of the run's own optimiser; the logits of each step."""
    module = problem.module(tail, samples, seed=0)
    optimiser = module.configure_optimizers()
    module.train()
    order = np.random.default_rng(0).permutation(len(samples))
    seen = []
    for step in range(STEPS):
        batch = samples[order[(step * BATCH + np.arange(BATCH)) % len(order)]]
        optimiser.zero_grad()
        out = module.step(batch)
        out["loss"].backward()
        optimiser.step()
        seen.append(out["output"].detach())
    return torch.stack(seen)


@pytest.mark.parametrize(("head", "thaw"), [("linear", "head"), ("prompts", "projection"), ("prompts", 2)])
def test_ten_steps_give_the_same_logits(sample, tmp_path, head, thaw):
    from_store = read_events(settings(sample, tmp_path / "store", head, thaw), CPU)
    # The whole network, from the pixels up; what lies below the thaw line is frozen, as in any usual fine-tune.
    whole = read_events(settings(sample, tmp_path / "store", head, "all"), CPU)
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
