"""What a pass over photos imports for what follows it."""

import importlib.util

import pytest

from thawline.commands.app import settings_of
from thawline.tasks.photos.line import imported_later

FIRST, LAST = ["scipy.fftpack"], ["scipy.special"]
TEXTS = ["transformers.models.clip.tokenization_clip"]
PICTURES = ["matplotlib.figure", "matplotlib.backends.backend_agg"]
BY_METHOD = {
    "linear": ["thawline.fitting.methods.gradient"],
    "logistic": ["thawline.fitting.methods.logistic"],
    "gda": [],
}


@pytest.mark.parametrize("method", BY_METHOD)
def test_what_fits_and_what_draws_is_imported_where_it_will_be(method):
    words = ["data.path=Photos", f"method={method}"]
    plain, drawn = (
        settings_of("train", [*words, f"encoder={encoder}", f"logger={logger}"])
        for encoder, logger in (("resnet50", "none"), ("tiny_clip", "csv"))
    )
    assert imported_later(plain) == [*FIRST, *BY_METHOD[method], *LAST]
    assert imported_later(drawn) == [*FIRST, *TEXTS, *BY_METHOD[method], *LAST, *PICTURES]
    assert all(map(importlib.util.find_spec, imported_later(drawn)))
