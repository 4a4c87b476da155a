"""`thawline export` of a run of the match task: both networks, a CLIP's or two, with the decision beside."""

from thawline.decisions.threshold import Threshold
from thawline.encoders.device import find_device
from thawline.encoders.settings import TEXT
from thawline.errors import UserError
from thawline.runs.split import change_of
from thawline.tasks.bundle.exporting import Exportable, some_places
from thawline.tasks.capabilities import task_reader
from thawline.tasks.match.bundle.write import KnownPair, TunedPairs
from thawline.tasks.match.features import load_pretrained
from thawline.tasks.match.problem import MatchProblem
from thawline.tasks.match.tail import split_state
from thawline.tasks.run_model import RunModel, temperature_of

_PAIRS = 8


def export_pairs(fitted: RunModel) -> Exportable:
    """What the run fitted; see `tasks.capabilities.TaskExporter`."""
    settings = fitted.settings
    if settings.text is not None and settings.text.family not in TEXT:
        raise UserError(
            f"the text tower of {settings.text.name} can't be exported for task={settings.task} beside another image "
            "encoder; train with encoder=clip and without encoder@text, or with encoder@text=minilm"
        )
    parts, pretrained = split_state(fitted.fit.state), load_pretrained(settings)
    # The stages of a text encoder from scratch, all of which train, are numbered by themselves.
    text = {f"stages.{name}": tensor for name, tensor in parts.text.items()} if pretrained.scratch else parts.text
    tuned = TunedPairs(
        task=settings.task,
        encoder=settings.encoder,
        decode=settings.data.decode,
        tails=list(zip(pretrained.cuts(settings.cut), (parts.image, text), strict=True)),
        scale=parts.scale,
        bias=parts.bias,
        threshold=Threshold(**fitted.fit.chosen["threshold"]),
        temperature=temperature_of(fitted),
        text=settings.text,
        projections=parts.projections,
    )
    known, lost = _known(fitted)
    threshold = f"a match from probability {tuned.threshold.value:.3f} on, fitted for {tuned.threshold.balance}"
    return Exportable(tuned, known, [lost, threshold])


def _known(fitted: RunModel) -> tuple[list[KnownPair], str]:
    """Some of the pairs that the run judged, from its first to its last, and a sentence where some are gone.

    Raises:
        UserError: It was said where the pairs are now, and they are not there, or others.
    """
    judged = fitted.judged
    rows = {row.path: row for row in fitted.rows}
    try:
        problem = task_reader(fitted.settings.task)(fitted.settings, find_device(fitted.settings.trainer.accelerator))
    except UserError as error:
        if fitted.moved:
            raise
        return [], f"golden examples of the run's own pairs: none, since {fitted.absent or error}"
    assert isinstance(problem, MatchProblem)  # noqa: S101  # it is the task's
    # A row of the file may hold another pair by now.
    now = problem.split_rows(())
    if fitted.moved and (change := change_of(list(rows.values()), now, folds=False)):
        raise UserError(f"these are not the pairs of {fitted.source}: {change}; give where they are now")
    same = {row.path for row in now if row.path in rows and row.text == rows[row.path].text}
    pairs = {name: pair for name, pair in zip(problem.names, problem.pairs, strict=True) if name in same}
    places = some_places(judged, _PAIRS)
    chosen = [(int(i), judged.paths[i]) for i in places if judged.paths[i] in pairs]
    lost = len(places) - len(chosen)
    known = [
        KnownPair(
            pairs[path].path,
            rows[path].digest,
            judged.probabilities[i, 1:] if fitted.judged_itself else None,
            pairs[path].text,
        )
        for i, path in chosen
    ]
    return known, f"golden examples of the run's own pairs: {lost} fewer, since their rows have changed" if lost else ""
