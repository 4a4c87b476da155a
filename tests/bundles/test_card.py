"""A card says its licence and its figures to programs, in the front matter that the Hub reads."""

import pytest
from huggingface_hub import ModelCard
from tests.bundles.conftest import FACTS, METRICS, Kind

from thawline.bundles.card import Front, card
from thawline.encoders.licence import read_card_licence


def test_the_card_of_a_bundle_is_read_by_the_library_of_the_hub(write):
    folder, _ = write(Kind("vit", "linear", "head"))
    read = ModelCard.load(folder / "README.md")
    data = read.data
    assert (data.license, data.library_name, data.pipeline_tag) == ("mit", "thawline", "image-classification")
    assert data.model_name == "birthday, snow, wedding: a photo classifier"
    [result] = data.eval_results  # the log-loss is not known
    assert (result.metric_type, result.metric_value) == ("accuracy", 0.75)
    assert result.metric_args == {"low": 0.4, "high": 0.9, "level": 0.95}
    assert (result.dataset_name, result.task_type) == ("photos, held out", "image-classification")
    assert read.text.lstrip().startswith("# birthday, snow, wedding: a photo classifier\n")
    # As an encoder the bundle has the licence that it states.
    assert read_card_licence(folder / "README.md") == "mit"


@pytest.mark.parametrize(
    ("licences", "read"),
    [
        (["MIT", "MIT"], "mit"),
        (["Apache-2.0", None], "Apache-2.0, not stated"),
        (["CC-BY-NC-4.0", "MIT"], "CC-BY-NC-4.0, MIT"),
        (["a licence: of its own"], "a licence: of its own"),
        ([None], None),
        ([], None),
    ],
)
def test_licences_come_back_from_a_card(tmp_path, licences, read):
    front = Front("audio-classification", "tracks", METRICS, licences, FACTS["hashes"])
    (tmp_path / "README.md").write_text(card("T", ["one", "two"], front), encoding="utf-8")
    assert read_card_licence(tmp_path / "README.md") == read


def test_without_figures_there_are_no_results(tmp_path):
    front = Front("audio-classification", "tracks", {**METRICS, "estimates": {"accuracy": None}}, [None], {})
    text = card("Lärm: é", ["one"], front)
    assert text == "---\nlibrary_name: thawline\npipeline_tag: audio-classification\n---\n\n# Lärm: é\n\none\n"
