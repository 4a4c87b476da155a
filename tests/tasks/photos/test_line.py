"""What a pass over photos imports for what follows it."""

import importlib.util

import pytest

from thawline.commands.app import settings_of
from thawline.tasks.photos.line import imported_later

FIRST, LAST = ["scipy.fftpack"], ["scipy.special"]
PICTURES = ["matplotlib.figure", "matplotlib.backends.backend_agg"]
BY_METHOD = {
    "linear": ["thawline.fitting.methods.gradient"],
    "logistic": ["thawline.fitting.methods.logistic"],
    "gda": [],
}


@pytest.mark.parametrize("method", BY_METHOD)
def test_what_fits_and_what_draws_is_imported_where_it_will_be(method):
    words = ["data.path=Photos", "encoder=tiny_clip", f"method={method}"]
    plain, drawn = (settings_of("train", [*words, f"logger={logger}"]) for logger in ("none", "csv"))
    assert imported_later(plain) == [*FIRST, *BY_METHOD[method], *LAST]
    assert imported_later(drawn) == [*FIRST, *BY_METHOD[method], *LAST, *PICTURES]
    assert all(map(importlib.util.find_spec, imported_later(drawn)))
