"""Trials that are fitted together, rehearsed."""

import shutil
from collections.abc import Sequence
from dataclasses import replace

from thawline.commands.forecast.forecast import Part
from thawline.commands.forecast.kinds import EPOCHS_WORD, Kind, Rehearsed
from thawline.commands.forecast.stage import Stage
from thawline.commands.sweeps.alike import ReadTrial
from thawline.commands.sweeps.packing import Here, jobs_of, packs_of, read_together
from thawline.features.rehearsing.costs import Clock, Cost

_FEW = 4  # trials of which all is written
_BRIEF, _LONGER = 1, 3  # epochs, by which those between are measured


def rehearse_pack(kind: Kind, least: int, stage: Stage, seen: Rehearsed) -> Part | None:
    """What a kind takes whose trials are fitted together; None where they are not.

    Args:
        kind: The trials.
        least: So many are fitted together, see `plan.Plan`.
        stage: Where they are rehearsed.
        seen: What was seen of other kinds.
    """
    if not least or len(kind.words) < least:
        return None
    words = {n: [w for w in own if not w.startswith(EPOCHS_WORD)] for n, own in kind.words.items()}
    with stage.playing():
        whole = read_together(stage.sweep, words, stage.compose)
    if not whole:
        return None
    few = dict(list(words.items())[:_FEW])
    first = _write(few, stage)
    for number in few:
        shutil.rmtree(stage.sweep / str(number), ignore_errors=True)
    again = _write(few, stage)
    if not seen.parts:
        seen.first += first - again
    settings = whole[0].problem.settings
    part = Part(settings.encoder.model or settings.encoder.name, str(settings.cut), settings.method.name, len(words))
    epochs = max(stage.epochs(own) for own in kind.words.values())
    least = min(epochs, 1 + min(trial.problem.settings.method.patience for trial in whole))
    with stage.playing():
        for pack in packs_of(whole):
            brief, longer = _fit(pack, _BRIEF), _fit(pack, _LONGER)
            each = (longer - brief) * (1 / (_LONGER - _BRIEF))
            part.most += brief + each * (epochs - _BRIEF)
            part.least += brief + each * (least - _BRIEF)
        some = _fit(read_together(stage.sweep, few, stage.compose), settings.method.epochs)
    part.most, part.least = part.most * stage.rehearsal.share, part.least * stage.rehearsal.share
    part.fits = part.most  # a pack goes on until the last of its fits has ended
    part.rest = (again - some) * (len(words) / len(few))
    return part


def _write(few: dict[int, list[str]], stage: Stage) -> Cost:
    """What some trials take with all that they write."""
    with stage.playing() as played:
        Here(stage.sweep, stage.compose, least=1).run(few)
    return played.cost


def _fit(pack: Sequence[ReadTrial], epochs: int) -> Cost:
    """What fitting trials together for some epochs takes."""
    from thawline.fitting.packed.fit import fit_together  # late: what is fitted alone needs none of it

    changed = []
    for trial in pack:
        settings = trial.problem.settings
        settings = replace(settings, method=replace(settings.method, epochs=epochs))
        changed.append(replace(trial, problem=replace(trial.problem, settings=settings)))
    clock = Clock()
    fit_together(jobs_of(changed))
    return clock.cost()
