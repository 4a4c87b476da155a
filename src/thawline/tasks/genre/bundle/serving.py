"""What a service says of tracks."""

from collections.abc import Iterator, Sequence
from typing import Any

from thawline.tasks.bundle.serving import Answer, Sample, Terms
from thawline.tasks.genre.bundle.asking import AnyTracks
from thawline.tasks.genre.bundle.record import answers_of


def answer_tracks(bundle: AnyTracks[Any], samples: Sequence[Sample], terms: Terms) -> Iterator[Answer]:
    """What a bundle of tracks says of each file, its record among it; see `tasks.bundle.serving.Answerer`."""
    said = bundle.predict([sample.path for sample in samples], calibrated=terms.calibrated is not False)
    for sample, record in zip(samples, said, strict=True):
        details = {**record, "path": sample.name}  # where it lies is nobody's concern
        label, problem = record["primary_genre"], record["problem"]
        tags = answers_of(record) if "tags" in record else None
        yield Answer(label, record["confidence"], record["all_scores"], problem, {} if problem else details, tags)
