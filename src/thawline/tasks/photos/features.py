"""The photos' and the prompts' features: from the store, or through the frozen part of the encoder into it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from thawline.data.listing import Listing
from thawline.data.photos.collection import Collection
from thawline.data.photos.photo import PhotoFacts
from thawline.encoders.encoder import Encoder
from thawline.encoders.towers import ClipTowers
from thawline.errors import UserError
from thawline.features.encoders import load_late
from thawline.features.store.key import shelf_key
from thawline.features.store.store import FeatureStore
from thawline.features.survey import Survey
from thawline.features.texts import encode_texts
from thawline.features.wanted import Wanted
from thawline.fitting.feature_set import FeatureRows, Features
from thawline.judging.intervals import Estimate
from thawline.tasks.capabilities import Filled
from thawline.tasks.photos.line import has_line, survey_photos
from thawline.tasks.settings import RunSettings

# What makes of the facts of the photos that were listed a report, as plain JSON, and a collection.
Describe = Callable[[Mapping[str, PhotoFacts]], dict[str, Any]]
Collect = Callable[[Mapping[str, PhotoFacts]], Collection]


@dataclass(frozen=True)
class Prompts:
    """The classes' prompts at the text encoder's cut.

    Attributes:
        features: Named tensors, each [prompts, …].
        texts: What they say, [prompts].
        class_of_prompt: Class of each prompt, [prompts].
        used: Which stand for their class, bool [prompts]; None: all do, and there is nothing to choose.
        gains: What each was worth where they were chosen, see `PromptChoice`; None: they were not.
        cut: The text encoder's cut.
        computed: Prompts that were computed now.
        read: Prompts that were read from the store.
    """

    features: Features
    texts: tuple[str, ...]
    class_of_prompt: torch.Tensor
    used: torch.Tensor | None
    cut: int
    computed: int
    read: int
    gains: tuple[Estimate | None, ...] | None = None

    def taken(self) -> "Prompts":
        """Those alone that stand for their class."""
        if self.used is None:
            return self
        return replace(
            self,
            features={name: tensor[self.used] for name, tensor in self.features.items()},
            texts=tuple(text for text, used in zip(self.texts, self.used.tolist(), strict=True) if used),
            class_of_prompt=self.class_of_prompt[self.used],
            used=None,
        )


@dataclass(frozen=True)
class Brought:
    """The photos of a run at its thaw line.

    Attributes:
        encoder: The image encoder.
        towers: The CLIP that it belongs to; None for an encoder without text.
        cut: The encoder's cut, the thaw line.
        found: What the pass over the photos found.
        wanted: What it was to compute.
    """

    encoder: Encoder
    towers: ClipTowers | None
    cut: int
    found: Survey[PhotoFacts]
    wanted: Wanted[PhotoFacts]

    def rows(self, names: Sequence[str]) -> list[FeatureRows]:
        """The features of the photos `names`, of the plain view and of each augmented one."""
        return [self.found.rows(names, target) for target in self.wanted.targets]


def load_towers(settings: RunSettings) -> tuple[Encoder, ClipTowers | None]:
    """The image encoder, and the CLIP that it belongs to; None for an encoder without text.

    Raises:
        UserError: Its weights are absent or don't fit.
    """
    loaded = load_late(settings.encoder, settings.store.root)
    return (loaded.image, loaded) if isinstance(loaded, ClipTowers) else (loaded, None)


def bring_photos(settings: RunSettings, listing: Listing, device: torch.device) -> Brought:
    """Bring the photos of `listing` to the thaw line of the run.

    Raises:
        UserError: The encoder can't be used.
    """
    encoder, towers = load_towers(settings)
    cut = encoder.cut_for(settings.cut)
    return Brought(encoder, towers, cut, *survey_photos(listing.photos, [settings], encoder, device))


def fill_photos(
    runs: Sequence[RunSettings], listing: Listing, device: torch.device, refusals: list[UserError], describe: Describe
) -> Filled | None:
    """Compute what is missing of the photos' features at the thaw lines of `runs`, in one pass over the photos.

    Args:
        runs: Differ only in what lies above their thaw lines, and in where these lie.
        listing: The photos.
        device: What the frozen part is computed on.
        refusals: Gets the reason why a run's thaw line is left out.
        describe: Says what there is of the photos.

    Returns:
        What was done; None where no thaw line can be used.

    Raises:
        UserError: The folder or the encoder can't be used.
    """
    encoder, _ = load_towers(runs[0])
    usable = [run for run in runs if has_line(encoder, run, refusals)]
    if not usable:
        return None
    found, _ = survey_photos(listing.photos, usable, encoder, device)
    report = describe(found.facts)
    return Filled(report, report["photos"], found.computed, found.read, found.opened, round(found.seconds, 2))


def read_prompts(
    settings: RunSettings,
    towers: ClipTowers,
    texts: Sequence[Sequence[str]],
    device: torch.device,
    candidates: Sequence[Sequence[str]] | None = None,
) -> Prompts:
    """The prompts of each class, `texts`, at the text encoder's cut.

    `candidates` are further prompts of each class, which are not used unless they are chosen; None: there is no choice.
    """
    given = texts
    if candidates is not None:
        texts = [
            [*mine, *(text for text in more if text not in mine)] for mine, more in zip(given, candidates, strict=True)
        ]
    cut = towers.cut_text(settings.text_cut)
    flat = [text for prompts in texts for text in prompts]
    key = shelf_key(towers.text.key(cut), None, cut=cut, dtype=settings.store.dtype, device=device.type)
    label = f"prompts of {settings.encoder.name} at {towers.text.borders[cut]}"
    store = FeatureStore(settings.store.root)
    found = encode_texts(
        flat,
        store,
        key,
        towers.tokenize,
        lambda: towers.text.prefix(cut).to(device),
        entering=towers.text.key(towers.text.end),
        device=device,
        label=label,
    )
    class_of_prompt = torch.tensor([index for index, prompts in enumerate(texts) for _ in prompts])
    used = None
    if candidates is not None:
        used = torch.tensor(
            [i < len(mine) for mine, every in zip(given, texts, strict=True) for i in range(len(every))]
        )
    return Prompts(found.rows[:], tuple(flat), class_of_prompt, used, cut, found.computed, found.read)
