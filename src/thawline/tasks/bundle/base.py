"""The pretrained encoder as it is, asked zero-shot: what stands in where no tuned bundle is used."""

from collections.abc import Sequence

from thawline.encoders.device import find_device
from thawline.encoders.settings import EncoderSettings
from thawline.features.settings import StoreSettings
from thawline.tasks.bundle.load import AnyBundle
from thawline.tasks.settings import PromptSettings
from thawline.tasks.task import capability, find_task, task_names


def load_base(
    encoder: EncoderSettings,
    prompts: PromptSettings,
    classes: Sequence[str],
    decode: str,
    store: StoreSettings,
    accelerator: str,
) -> AnyBundle:
    """The bundle of the first task whose record has `zero_shot`; its arguments are that capability's.

    Raises:
        UserError: The encoder has no text, its weights are absent, or the classes are no choice.
    """
    records = {name: find_task(name) for name in task_names()}
    task = min((name for name, one in records.items() if one.zero_shot), key=lambda name: (records[name].order, name))
    bundle: AnyBundle = capability(task, "zero_shot")(
        task, encoder, prompts, classes, decode, store, find_device(accelerator)
    )
    return bundle
