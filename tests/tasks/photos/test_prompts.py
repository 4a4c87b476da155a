from pathlib import Path

import pytest
import yaml

from thawline.errors import UserError
from thawline.tasks.photos.prompts import class_prompts
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
