from pathlib import Path

import pytest
import yaml

from thawline.errors import UserError
from thawline.tasks.photos.prompts import class_prompts, read_candidates
from thawline.tasks.settings import PromptSettings

CONF = Path(__file__).resolve().parents[3] / "conf"


def test_templates_come_first_then_the_classs_own_prompts():
    settings = PromptSettings(["a photo of a {label}"], {"Beach-Day": ["sand and sea"], "wedding": ["a bride"]})
    assert class_prompts(settings, ["beach_day", "snow"]) == [
        ["a photo of a beach day", "sand and sea"],
        ["a photo of a snow"],
    ]


def test_a_prompt_counts_once():
    settings = PromptSettings(["a {label}"], {"cake": ["a cake", "candles"]})
    assert class_prompts(settings, ["cake"]) == [["a cake", "candles"]]


def test_braces_in_a_template_are_left_alone():
    assert class_prompts(PromptSettings(["{label} {x}"]), ["a"]) == [["a {x}"]]


def test_a_class_without_a_prompt_is_refused():
    with pytest.raises(UserError, match="class 'snow' has no prompt"):
        class_prompts(PromptSettings([], {"cake": ["a cake"]}), ["snow"])


def test_a_template_without_a_place_for_the_class_is_refused():
    with pytest.raises(UserError, match="does not say where the class goes"):
        class_prompts(PromptSettings(["a photo"]), ["snow"])


def test_the_shipped_prompts_describe_the_events_that_the_project_names():
    shipped = yaml.safe_load((CONF / "prompts" / "events.yaml").read_text(encoding="utf-8"))
    settings = PromptSettings(shipped["templates"], shipped["classes"])
    for prompts in class_prompts(settings, ["mehndi", "barat", "walima", "birthday", "corporate"]):
        assert len(prompts) > len(shipped["templates"])


@pytest.mark.parametrize(
    "text",
    ["Beach_Day: [sand, sea]\n", "templates: ['a {label}']\nclasses: {beach day: [sand]}\n"],
)
def test_candidates_are_lists_by_class_or_what_conf_prompts_has(tmp_path, text):
    (tmp_path / "c.yaml").write_text(text)
    found = read_candidates(tmp_path / "c.yaml", ["snow", "beach-day"])
    assert found == ([[], ["sand", "sea"]] if "sea" in text else [["a snow"], ["a beach day", "sand"]])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("weding: [a bride]", "has prompts for 'weding', and there is no such class; there are snow, wedding"),
        ("wedding: a bride", "holds something else than lists of texts"),
        ("wedding: [1]", "holds something else than lists of texts"),
        ("templates: [a photo]", "does not say where the class goes"),
        ("wedding: []", "holds no candidates"),
        ("[]", "holds no candidates"),
        ("wedding: [", "can't be read as YAML"),
    ],
)
def test_candidates_that_cant_be_used_are_one_sentence(tmp_path, text, said):
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(UserError, match=said):
        read_candidates(tmp_path / "c.yaml", ["snow", "wedding"])
