"""`thawline export` of classes of photos: the network with its head, and the decision beside."""

from thawline.data.photos.people import people_note
from thawline.decisions.abstention import UNKNOWN, Abstention
from thawline.decisions.label_thresholds import THRESHOLDS
from thawline.decisions.out_of_place import OUT_OF_PLACE, OutOfPlace
from thawline.tasks.bundle.exporting import Exportable, known_files
from thawline.tasks.photos.bundle.out_of_place import place
from thawline.tasks.photos.bundle.write import TunedPhotos
from thawline.tasks.photos.prompts import PROMPTS, class_prompts
from thawline.tasks.run_model import RunModel, fit_decision

_PHOTOS = 8


def export_photos(fitted: RunModel) -> Exportable:
    """What the run fitted; see `tasks.capabilities.TaskExporter`."""
    settings = fitted.settings
    prompts, (temperature, abstention) = None, fit_decision(fitted)
    placed = None if fitted.out_of_place is None else place(fitted, fitted.out_of_place)
    if settings.method.head == "prompts":
        chosen = fitted.fit.chosen.get(PROMPTS)
        given = dict(zip(fitted.classes, class_prompts(settings.prompts, fitted.classes), strict=True))
        prompts = given if chosen is None else {name: chosen[name]["used"] for name in fitted.classes}
    tuned = TunedPhotos(
        task=settings.task,
        encoder=settings.encoder,
        decode=settings.data.decode,
        thaw=settings.cut,
        text_thaw=settings.text_cut,
        state=fitted.fit.state,
        classes=("score",) if fitted.judged.scores is not None else fitted.classes,
        prompts=prompts,
        temperature=temperature,
        abstention=abstention,
        placed=placed,
        thresholds=fitted.fit.chosen.get(THRESHOLDS),
        people_from=settings.people.min_confidence if settings.people.mode == "require" else None,
        renamed=settings.data.rename or {},
        scored=fitted.judged.scores is not None,
    )
    note = "" if tuned.people_from is None else people_note(tuned.people_from)
    lines = [_answers(abstention), "" if placed is None else _out_of_place(placed[0]), note]
    known = [photo for photo, _ in known_files(fitted, _PHOTOS)]
    return Exportable(tuned, known, lines, [note] if note else [])


def _answers(abstention: Abstention | None) -> str:
    """The line that says when the model does not answer; "" where it always does."""
    if abstention is None:
        return ""
    return (
        f"answers from {100 * abstention.threshold:.1f} % on, {UNKNOWN} below: of {abstention.samples} "
        f"{abstention.fitted_on} photos {100 * abstention.answered:.0f} % are answered, {100 * abstention.error:.1f} % "
        f"of these wrongly; at most {100 * abstention.max_error:g} % will be (with 95 % confidence)"
    )


def _out_of_place(placed: OutOfPlace) -> str:
    """The line that says which photos are of none of the classes."""
    return (
        f"{UNKNOWN}, {OUT_OF_PLACE}, beyond a distance of {placed.threshold:.3f}: of {placed.samples} "
        f"{placed.fitted_on} photos {100 * placed.called:.1f} % are called so; at most {100 * placed.most:g} % of "
        "photos of the classes will be (with 95 % confidence)"
    )
