"""A bundle of a taste: new answers that it is judged by, its export, and its use."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from thawline.bundles.trained import read_trained
from thawline.runs.predictions import Predictions
from thawline.tasks.bundle.exporting import Exportable
from thawline.tasks.classes import number_classes
from thawline.tasks.photos.bundle.export import export_photos
from thawline.tasks.photos.bundle.labelled import LabelledPhotos
from thawline.tasks.photos.bundle.photos import Bundle, load_photos
from thawline.tasks.photos.facts import photo_facts
from thawline.tasks.preference.answers import LIKE, guess_sentence, guesses
from thawline.tasks.preference.examination import examine_answers
from thawline.tasks.preference.report import feedback_report
from thawline.tasks.preference.settings import FeedbackSettings
from thawline.tasks.preference.table import Feedback, collect, read_feedback
from thawline.tasks.run_model import RunModel, trained_of


def load_preference(folder: Path, manifest: dict[str, Any], decision: dict[str, Any], device: torch.device) -> Bundle:
    """The bundle in `folder`, whose score is the probability of a like; see `tasks.capabilities.BundleLoader`.

    One that has learnt from few answers adds to each answer that it is a guess.
    """
    bundle = load_photos(folder, manifest, decision, device)
    bundle.scored = LIKE
    trained = read_trained(folder)
    if trained is not None and guesses(trained.counts):
        bundle.notes = (*bundle.notes, guess_sentence(trained.counts))
    return bundle


def export_preference(fitted: RunModel) -> Exportable:
    """What the run fitted; see `tasks.capabilities.TaskExporter`."""
    plain = export_photos(fitted)
    said = guess_sentence(counts) if guesses(counts := trained_of(fitted).counts) else ""
    return replace(plain, lines=[*plain.lines, said], notes=[said, *plain.notes] if said else plain.notes)


@dataclass(frozen=True, kw_only=True)
class AnsweredPhotos(LabelledPhotos):
    """New photos that were answered; see `tasks.bundle.labelled.Labelled`.

    Attributes:
        feedback: The answers.
    """

    feedback: Feedback

    def report(self) -> dict[str, Any]:
        """What the file holds, as plain JSON."""
        return self._with_notes(feedback_report(self.collection, self.feedback))

    def examine(self, predictions: Predictions) -> dict[str, Any]:
        """What there is to say of `predictions` besides."""
        trained = read_trained(self.bundle.path)
        learnt = {} if trained is None else trained.counts
        return examine_answers(self.feedback.answers(predictions.paths), predictions, learnt)


def label_preference(bundle: Bundle, data: FeedbackSettings, store: Path) -> AnsweredPhotos:
    """Read the answers of `data` and their photos; see `tasks.bundle.labelled.Labeller`."""
    given = read_feedback(data)
    collection, feedback = collect(given, photo_facts(given.listing, data, store), data)
    classes, labels = number_classes(collection, bundle.labels)
    return AnsweredPhotos(bundle, collection, classes, labels, store, feedback=feedback)
