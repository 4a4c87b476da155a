"""A pretrained CLIP with the classes' prompts, asked as a bundle is."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from thawline.bundles.heads import ClassHead
from thawline.bundles.networks.classifier import Classifier
from thawline.data.settings import DataSettings
from thawline.encoders.settings import EncoderSettings
from thawline.errors import UserError
from thawline.features.settings import StoreSettings
from thawline.fitting.heads.head import PromptHead
from thawline.fitting.settings import ZeroShotSettings
from thawline.runs.settings import LoggerSettings, PathsSettings
from thawline.tasks.photos.bundle.photos import Bundle
from thawline.tasks.photos.features import load_towers, read_prompts
from thawline.tasks.photos.prompts import class_prompts
from thawline.tasks.settings import PromptSettings, RunSettings


def load_zero_shot(
    task: str,
    encoder: EncoderSettings,
    prompts: PromptSettings,
    classes: Sequence[str],
    decode: str,
    store: StoreSettings,
    device: torch.device,
) -> Bundle:
    """The pretrained `encoder` with the prompts of `classes`: what `method=zero_shot` says of a photo.

    Args:
        task: The task's name.
        encoder: A CLIP.
        prompts: What stands for the classes.
        classes: Their names.
        decode: How large JPEGs are decoded: `reduced` or `full`.
        store: Where the prompts' features are kept.
        device: What to compute on.

    Raises:
        UserError: The encoder has no text, its weights are absent, or the classes are no choice.
    """
    if prompts.candidates is not None:
        raise UserError("prompts.candidates are chosen among by photos of known classes; leave it out, or train")
    if len(set(classes)) < 2 or len(set(classes)) < len(classes):
        raise UserError("data.classes must name at least two classes, each once: 'data.classes=[wedding,birthday]'")
    settings = RunSettings(
        task=task,
        prompts=prompts,
        data=DataSettings(path="", classes=list(classes), decode=decode),
        encoder=encoder,
        method=ZeroShotSettings(name="zero_shot", head="prompts"),
        logger=LoggerSettings(name="none"),
        store=store,
        paths=PathsSettings(outputs="", run=""),
    )
    image, towers = load_towers(settings)
    if towers is None or image.preprocessing is None:
        raise TypeError("the settings let no encoder without text through")
    found = read_prompts(settings, towers, class_prompts(prompts, classes), device)
    head = PromptHead(found.features, found.class_of_prompt, towers.logit_scale)
    texts = ClassHead(head.class_embeddings(), head.logit_scale)
    bundle = Bundle(
        Path("base"),
        {},
        {"labels": list(classes), "temperature": {"value": 1.0}},
        replace(image.preprocessing, decode=decode),
        Classifier(image.prefix(len(image.stages)), texts, device),
        lambda: towers,
    )
    bundle.task = task
    return bundle
