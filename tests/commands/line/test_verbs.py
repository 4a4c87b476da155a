"""The verbs and what tasks add to them."""

from dataclasses import fields

from thawline.commands.line.verbs import COLLECTIONS, PATH_KEYS, VERBS
from thawline.tasks.task import find_task, imported, in_folder, task_names


def test_every_verb_names_a_function_and_its_settings():
    for verb in VERBS.values():
        assert not verb.target or callable(imported(verb.target))
        assert not verb.settings or isinstance(imported(verb.settings), type)


def test_whatever_a_record_names_is_there():
    for name in task_names():
        record = find_task(name)
        values = [getattr(record, field.name) for field in fields(record)]
        named = [value for value in values if isinstance(value, str) and ":" in value]
        assert len(named) > 8
        assert all(callable(imported(in_folder(name, where))) for where in named)


def test_the_verbs_of_a_task_stand_behind_their_family():
    names = list(VERBS)
    start = names.index("data check")
    assert names[start : start + 4] == ["data check", "data labels", "data mismatches", "data split"]
    assert VERBS["data split"].target.startswith("thawline.tasks.match.")


def test_tasks_add_examples_samples_and_places():
    assert [line.split("  ")[0] for line in VERBS["train"].examples[3:5]] == [
        "thawline train pairs.csv task=match",
        "thawline train Music task=genre",
    ]
    assert VERBS["train"].notes[0] == "task=events|match|genre|preference|library: photos, pairs, tracks"
    assert {name: task for name, (task, _) in COLLECTIONS.items()} == {
        "events": "events",
        "pairs": "match",
        "genre": "genre",
        "preference": "preference",
        "library": "library",
    }
    assert {"data.path", "data.image_base", "data.splits"} <= PATH_KEYS
