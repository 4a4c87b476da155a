"""Models that no answer has made: the base, which knows nothing, and what follows from words alone."""

from pathlib import Path
from typing import Any

import torch

from thawline.bundles.write import Extras, write_bundle
from thawline.decisions.temperature import Temperature
from thawline.encoders.device import find_device
from thawline.errors import UserError
from thawline.fitting.heads.head import DenseHead, Head, PromptHead
from thawline.tasks.photos.bundle.write import TunedPhotos
from thawline.tasks.photos.features import load_towers, read_prompts
from thawline.tasks.preference.answers import CLASSES
from thawline.tasks.preference.settings import feedback_of
from thawline.tasks.preference.texts import taste_prompts
from thawline.tasks.settings import RunSettings

_CARD = {"base": "It knows of no taste yet and says 0.5 of every photo.", "prior": "It goes by words alone."}
_TOLERANCE = 1e-4


def write_base(settings: RunSettings, target: Path) -> None:
    """Write to `target` the base of all versions: the encoder as it is, under a head that says 0.5 of every photo.

    Whether there is an encoder of texts or not, nothing is known of a taste before anything is said of it.

    Raises:
        UserError: The encoder's weights are not there.
    """
    image, _ = load_towers(settings)
    head = DenseHead(image.dim, len(CLASSES), one_logit=True)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.zero_()
    _write(settings, target, head, None, "base")


def write_prior(settings: RunSettings, target: Path) -> None:
    """Write to `target` what is said in words, `data.likes` and `data.dislikes`, as a model: zero-shot.

    Raises:
        UserError: The encoder has no text, its weights are not there, or nothing is said.
    """
    _, towers = load_towers(settings)
    texts = taste_prompts(feedback_of(settings.data), settings.prompts, CLASSES)
    if towers is None or texts is None:
        raise UserError(
            "words make a model with an encoder of texts alone: data.likes='sunsets, mountains' encoder=clip"
        )
    found = read_prompts(settings, towers, texts, find_device(settings.trainer.accelerator))
    head = PromptHead(found.features, found.class_of_prompt, towers.logit_scale)
    _write(settings, target, head, dict(zip(CLASSES, texts, strict=True)), "prior")


def _write(settings: RunSettings, target: Path, head: Head, prompts: dict[str, list[str]] | None, kind: str) -> None:
    tuned = TunedPhotos(
        task=settings.task,
        encoder=settings.encoder,
        decode=settings.data.decode,
        thaw="head",
        state={f"head.{name}": tensor for name, tensor in head.state_dict().items()},
        classes=CLASSES,
        prompts=prompts,
        temperature=Temperature(why_not="no answer was given yet"),
    )
    facts: dict[str, Any] = {
        "run": {"name": kind, "trial": None, "fit": kind, "method": kind},
        "hashes": {},
        "metrics": {"samples": 0, "groups": 0, "of": "nothing was judged", "estimates": {}},
    }
    write_bundle(target, tuned, Extras([], _TOLERANCE, facts, [_CARD[kind]]))
