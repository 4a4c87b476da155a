"""Weights whose licence forbids commercial use."""

import pytest
from tests.encoders.hearers import save

from thawline.encoders.licence import check_licence, is_noncommercial, read_card_licence
from thawline.encoders.load import load
from thawline.encoders.settings import EncoderSettings
from thawline.errors import UserError


@pytest.mark.parametrize(
    "licence",
    [
        "cc-by-nc-4.0",
        "CC BY-NC-SA 4.0",
        "cc-by-nc-nd-3.0",
        "Non-Commercial",
        "fair-noncommercial-research-license",
        "for research use only",
        "for research purposes only",
        "not for commercial use",
        "No commercial use",
        "CC BY\u2011NC 4.0",
        "non\u2011commercial",
        "apple-amlr",
    ],
)
def test_licences_that_forbid_it(licence):
    assert is_noncommercial(licence)


@pytest.mark.parametrize(
    "licence", ["apache-2.0", "mit", "cc-by-4.0", "cc-by-sa-4.0", "bsd-3-clause", "ncsa", "for commercial use"]
)
def test_licences_that_do_not(licence):
    assert not is_noncommercial(licence)


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: cc-by-nc-4.0\n---\n# x", "cc-by-nc-4.0"),
        ("---\nlicense: other\nlicense_name: my-nc-licence\n---\n", "my-nc-licence"),
        ("---\nlicense: other\n---\n", "other"),
        ("---\nlicense:\n- mit\n- cc-by-nc-4.0\n---\n", "mit, cc-by-nc-4.0"),
        ("---\nlanguage: en\n---\n", None),
        ("---\n: [\n---\n", None),
        ("---\n- a\n---\n", None),
        ("no front matter\nlicense: mit", None),
    ],
)
def test_the_licence_of_a_model_card(tmp_path, card, licence):
    (tmp_path / "README.md").write_text(card, encoding="utf-8")
    assert read_card_licence(tmp_path / "README.md") == licence


def test_it_is_refused_unless_allowed(tmp_path):
    directory = save(tmp_path, "hubert")
    settings = {"family": "hubert", "name": str(directory)}
    assert check_licence(EncoderSettings(**settings)) is None
    (directory / "README.md").write_text("---\nlicense: cc-by-nc-sa-4.0\n---\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"under 'cc-by-nc-sa-4\.0', which forbids commercial use; set encoder\.allow"):
        load(EncoderSettings(**settings))
    # Whoever states a licence does not overrule the card.
    with pytest.raises(UserError, match="cc-by-nc-sa"):
        load(EncoderSettings(**settings, licence="MIT"))
    assert load(EncoderSettings(**settings, allow_noncommercial=True)).licence == "cc-by-nc-sa-4.0"
    with pytest.raises(UserError, match="'Non-commercial'"):
        check_licence(EncoderSettings(family="timm", name="x", model="resnet18", licence="Non-commercial"))
