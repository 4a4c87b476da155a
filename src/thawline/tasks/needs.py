"""What a method needs, and an encoder has: compared once, for every task alike."""

from dataclasses import dataclass

from thawline.encoders.settings import EncoderSettings, Gift
from thawline.errors import UserError
from thawline.fitting.settings import CLASSES, PAIRS, SCORES, GradientSettings, MethodSettings
from thawline.tasks.task import find_task, task_names

# What to say where an encoder lacks what the method needs.
_LACKING = {
    Gift.SOUND: "method={method} is not for task={task}; add {sound}",
    Gift.TEXT: (
        "method={method} compares photos with text, but encoder '{encoder}' has none; use encoder=clip, or "
        "method=linear or logistic"
    ),
    Gift.ATTENTION: (
        "method={method} adds to the matrices of a transformer's attention, which encoder '{encoder}' has not; use "
        "encoder=clip, siglip2, dinov2 or vit_base_patch16_224_in21k, or method=finetune"
    ),
    Gift.LAYERS: (
        "method={method} needs a transformer's layers and head, which encoder={family} has not; use encoder=ast, "
        "wav2vec2_base or hubert_base"
    ),
    Gift.DESCRIPTORS: "method={method} is a table over descriptors; use encoder=descriptors",
}


@dataclass(frozen=True)
class Chosen:
    """What a run is made of, as far as its parts must suit each other.

    Attributes:
        task: The task's name.
        target: What is told of a sample.
        encoder: The encoder.
        text: The text encoder where it is another network.
        method: The method.
        thaw: What the user stated; None: nothing.
        cut: The thaw line's place.
    """

    task: str
    target: str
    encoder: EncoderSettings
    text: EncoderSettings | None
    method: MethodSettings
    thaw: int | str | None
    cut: int | str

    @property
    def sees_and_reads(self) -> bool:
        """Whether pictures and texts have a space in common without any training."""
        return Gift.TEXT in self.encoder.gifts and self.text is None


def tasks_with(target: str | None = None, *, sound: bool = False) -> str:
    """What adds a task with such a target, or one of sound: `task=NAME`, or several."""
    found = {name: find_task(name) for name in task_names()}
    return "task=" + " or ".join(
        name for name, task in found.items() if (task.target == target if target else task.sound == sound)
    )


def check_needs(chosen: Chosen) -> None:
    """Do the encoder, the method and the thaw line suit each other and the task?

    Raises:
        UserError: One does not; it says what to use instead.
    """
    _check_encoder(chosen)
    _check_target(chosen)
    _check_gifts(chosen)
    _check_labels(chosen)
    _check_line(chosen)


def _check_encoder(chosen: Chosen) -> None:
    """Is the encoder one for the task's samples, and is what it never learned trained?"""
    encoder, gifts = chosen.encoder, chosen.encoder.gifts
    name = encoder.model or encoder.name
    if Gift.SOUND in gifts and not find_task(chosen.task).sound:
        raise UserError(f"encoder '{name}' hears sound; add {tasks_with(sound=True)}, or use an encoder of photos")
    if Gift.SOUND not in gifts and find_task(chosen.task).sound:
        raise UserError(f"encoder '{name}' hears nothing; use mel_cnn, ast, wav2vec2_base, hubert_base or descriptors")
    if Gift.SOUND in gifts and Gift.WEIGHTS not in gifts and chosen.cut != "all":
        what = f"method={chosen.method.name}" if chosen.thaw is None else f"thaw={chosen.thaw}"
        raise UserError(
            f"encoder={name} has no pretrained weights, and {what} leaves some of it untrained; use method=mel_cnn "
            "without thaw, or encoder=descriptors"
        )


def _check_target(chosen: Chosen) -> None:
    """Can the method tell what the task asks?"""
    method, pairs = chosen.method, chosen.target == PAIRS
    if pairs and PAIRS not in method.targets:
        raise UserError(
            f"method={method.name} tells classes of photos apart; task={chosen.task} takes method=pairs, pairs_towers "
            "or zero_shot"
        )
    if not pairs and (method.targets == (PAIRS,) or chosen.text is not None):
        what = f"method={method.name}" if chosen.text is None else "encoder@text"
        raise UserError(f"{what} is for pairs of images and texts; add {tasks_with(PAIRS)}")


def _check_gifts(chosen: Chosen) -> None:
    """Has the encoder what the method needs?"""
    method, encoder = chosen.method, chosen.encoder
    if chosen.target == PAIRS:
        if Gift.TEXT in method.needs and not chosen.sees_and_reads:
            raise UserError(
                f"method={method.name} compares images and texts of one CLIP; use encoder=clip without encoder@text, "
                "or method=pairs, which brings two encoders together"
            )
        return
    lacking = [gift for gift in method.needs if gift not in encoder.gifts]
    if Gift.LAYERS in lacking and encoder.stems is not None:
        raise UserError(
            f"method={method.name} has no place for several stems; with encoder.stems use linear, mlp, logistic or "
            "hints"
        )
    if Gift.TEXT in lacking and Gift.SOUND in encoder.gifts:
        raise UserError(f"method={method.name} compares photos with text; of sound use method=linear, mlp or logistic")
    if lacking:
        raise UserError(
            _LACKING[lacking[0]].format(
                method=method.name,
                task=chosen.task,
                encoder=encoder.model or encoder.name,
                family=encoder.family,
                sound=tasks_with(sound=True),
            )
        )


def _check_labels(chosen: Chosen) -> None:
    """Does the method tell several labels of a sample, where there are such?"""
    if chosen.target == SCORES:
        _check_scores(chosen.method)
        return
    if chosen.method.targets == (SCORES,):
        loss = f".loss={chosen.method.loss}" if isinstance(chosen.method, GradientSettings) else ""
        raise UserError(
            f"method{loss or f'={chosen.method.name}'} is for scores; add data.labels=scores, with a table of the "
            "columns path,score"
        )
    if chosen.target not in chosen.method.targets:
        raise UserError(
            f"method={chosen.method.name} tells one class of each sample; of several take logistic, linear, mlp "
            "or finetune, of tracks layers, own and mel_cnn too"
        )
    if chosen.target != CLASSES and isinstance(chosen.method, GradientSettings) and not chosen.method.holds_out:
        raise UserError(
            "method.patience=null holds out no samples, by which thresholds are fitted; give a number of epochs"
        )


def _check_scores(method: MethodSettings) -> None:
    """Does the method tell scores, and has it settings for classes?"""
    if SCORES not in method.targets:
        if isinstance(method, GradientSettings) and method.head in ("linear", "mlp"):
            raise UserError(f"method.loss={method.loss} is for classes; of scores take mse, huber or ordinal")
        raise UserError(
            f"method={method.name} tells classes; of scores (data.labels=scores) take ridge, linear, mlp or finetune"
        )
    if isinstance(method, GradientSettings) and (method.class_weights or method.penalty == "per_class"):
        raise UserError("method.class_weights and penalty=per_class are for classes, and scores have none; set null")


def _check_line(chosen: Chosen) -> None:
    """Does something train below the head where the line is there, and nowhere else?"""
    method, cut = chosen.method, chosen.cut
    if chosen.encoder.stems is not None and cut != "head":
        raise UserError(f"thaw={cut} can't be used with encoder.stems: only a head is fitted; use thaw=head")
    if chosen.target == PAIRS:
        return
    if not isinstance(method, GradientSettings):
        if cut != "head":
            raise UserError(
                f"method={method.name} trains nothing below the head, so thaw={cut} can't be used; use thaw=head"
            )
    elif Gift.ATTENTION in method.needs:
        if cut in ("head", "projection"):
            raise UserError(
                f"method={method.name} adds to the attention of blocks, and thaw={cut} leaves all of them frozen; use "
                "thaw=1, 2, … or all"
            )
    elif Gift.TEXT in method.needs and cut == "head":
        raise UserError(
            f"method={method.name} trains the projection, so thaw=head leaves nothing to train; use thaw=projection"
        )
