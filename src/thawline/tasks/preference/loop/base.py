"""The first version, and the encoder that it fixes for all that follow."""

from dataclasses import asdict, replace

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from thawline.encoders.settings import EncoderSettings
from thawline.errors import UserError
from thawline.tasks.preference.loop.first import write_base
from thawline.tasks.preference.loop.settings import PreferenceTrainSettings, is_asked_for
from thawline.versions.jobs import scratch
from thawline.versions.registry import BASE, Registry
from thawline.versions.schema import ModelVersion

_ENCODER = "encoder"  # in what the base version's row says


def make_base(registry: Registry, settings: PreferenceTrainSettings) -> ModelVersion:
    """The first version; where there is none, the base model is made, and active."""
    there = registry.versions()
    if there:
        return there[0]
    with scratch(registry.root) as folder:
        bundle = folder / "bundle"
        write_base(settings, bundle)
        version = registry.add(bundle, type=BASE, metrics={_ENCODER: asdict(settings.encoder)})
    return registry.activate(version.number)


def with_encoder_of(registry: Registry, settings: PreferenceTrainSettings) -> PreferenceTrainSettings:
    """`settings` with the encoder that the versions are of, unless another one was asked for.

    Raises:
        UserError: It was.
    """
    there = registry.versions()
    kept = there[0].metrics.get(_ENCODER) if there else None
    if kept is None:
        return settings
    try:
        encoder = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(EncoderSettings), kept))
    except OmegaConfBaseException:  # another version of the program wrote it
        return settings
    if encoder == settings.encoder or not isinstance(encoder, EncoderSettings):
        return settings
    if is_asked_for(_ENCODER):
        asked, of = (one.model or one.name for one in (settings.encoder, encoder))
        raise UserError(
            f"the versions in {registry.root} are of the encoder {of}, not {asked}; leave encoder=… out, or keep "
            "others in a folder of their own: versions.dir=…"
        )
    return replace(settings, encoder=encoder)
