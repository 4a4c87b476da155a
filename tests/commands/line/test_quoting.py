from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import example, given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from thawline.commands.line.quoting import quote


def value_of(override: str) -> object:
    """What Hydra and OmegaConf make of an override."""
    parsed = OverridesParser.create().parse_override(override)
    config = OmegaConf.create({})
    OmegaConf.update(config, "key", parsed.value())
    return config.key


@given(st.text(min_size=1))
@example("Photos (2024), été #1")
@example("~/a=b&c,${oc.env:HOME}'\"\\")
@example("\\\n")
def test_any_text_survives_hydras_grammar(text):
    assert value_of(f"key={quote(text)}") == text
