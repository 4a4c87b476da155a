"""What a service says of pictures and texts, by a matcher or by any CLIP."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from fastapi import APIRouter, File, Form, UploadFile
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from thawline.bundles.pictures import read_picture
from thawline.data.pairs.labels import MATCH, MISMATCH
from thawline.errors import UnusableError
from thawline.tasks.bundle.serving import Answer, Ask, Sample, Served, Service, Terms
from thawline.tasks.match.bundle.pairs import Match, PairBundle

_NO_TEXT = "no text was sent along with it"


class Analysis(BaseModel):
    """Whether a text describes a picture. Only a matcher has a decision; any CLIP has the cosine."""

    result_id: str | None = Field(description="By which feedback on it is given; null: there is no decision.")
    model: str = Field(description="What judged it.")
    version: int | None = Field(description="The model's number in the registry; null: it is in none.")
    name: str = Field(description="What the file is called, as it was sent.")
    text: str = Field(description="What may describe it.")
    similarity: float = Field(description="The cosine of the two, -1 to 1.")
    probability: float | None = Field(description="Of a match; null: the model is no matcher.")
    threshold: float | None = Field(description="From which probability on it is a match.")
    is_mismatch: bool | None = Field(description="Whether the probability is below that.")


def answer_pairs(bundle: PairBundle, samples: Sequence[Sample], terms: Terms) -> Iterator[Answer]:
    """What a matcher says of each file and its text; see `tasks.bundle.serving.Answerer`."""
    bundle.max_megapixels = terms.max_megapixels
    said = bundle.predict(
        [(sample.path, sample.text) for sample in samples if sample.text], calibrated=terms.calibrated is True
    )
    for sample in samples:
        yield _answer(next(said)) if sample.text else Answer(problem=_NO_TEXT)


def add_routes(router: APIRouter, service: Service) -> None:
    """Add `POST /clip/analyze`; see `tasks.bundle.serving.RouteAdder`."""

    @router.post("/clip/analyze", responses=service.responses | _other_model(service))
    async def analyze(
        file: Annotated[UploadFile, File(description="The picture.")],
        text: Annotated[str, Form(min_length=1, description="What may describe it.")],
    ) -> Analysis:
        """Say whether a text describes a picture."""
        served = service.served
        [asked] = await service.analyse([file], [text], _asking(served), served)
        said: Any = {name: asked.answer.details.get(name) for name in _SAID}
        return Analysis(
            result_id=asked.result_id,
            model=served.name,
            version=served.version,
            name=asked.sample.name,
            text=text,
            **said,
        )


_SAID = ("similarity", "probability", "threshold", "is_mismatch")


def _other_model(service: Service) -> dict[int | str, dict[str, Any]]:
    return {409: {**service.responses[422], "description": "The model that is served knows no texts."}}


def _asking(served: Served) -> Ask:
    """What compares pictures with texts by the model that is served."""
    bundle: Any = served.bundle
    if isinstance(bundle, PairBundle):
        return served.ask
    if not getattr(bundle, "knows_texts", False):
        raise HTTPException(409, f"{served.name} knows no texts; serve a matcher or a CLIP (task: {bundle.task})")
    return _Cosines(served)


@dataclass(frozen=True)
class _Cosines:
    """Asks a CLIP that is no matcher; equal where the model is, so that requests are asked together."""

    served: Served

    def __call__(self, samples: Sequence[Sample]) -> Iterator[Answer]:
        """How near each text is to its picture."""
        bundle: Any = self.served.bundle
        read = [_read(sample, self.served) for sample in samples]
        usable = [i for i, one in enumerate(read) if isinstance(one, torch.Tensor)]
        cosines: Iterator[float] = iter(())
        if usable:
            stacked = torch.stack([one for one in read if isinstance(one, torch.Tensor)])
            cosines = iter(bundle.cosines(stacked, [samples[i].text or "" for i in usable]).tolist())
        for one in read:
            yield Answer(problem=one) if isinstance(one, str) else Answer(details={"similarity": next(cosines)})


def _read(sample: Sample, served: Served) -> torch.Tensor | str:
    """What enters the network, or why the file can't be used."""
    bundle: Any = served.bundle
    try:
        return read_picture(sample.path, bundle.preprocessing, served.terms.max_megapixels)
    except UnusableError as error:
        return str(error)


def _answer(said: Match) -> Answer:
    if said.probability is None or said.is_mismatch is None:
        return Answer(problem=said.problem)
    probabilities = {MATCH: said.probability, MISMATCH: 1 - said.probability}
    label = MISMATCH if said.is_mismatch else MATCH
    details = {"text": said.text, **{name: getattr(said, name) for name in _SAID}}
    return Answer(label, probabilities[label], probabilities, details=details)
