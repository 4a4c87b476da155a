from omegaconf import OmegaConf

from thawline.reports.configs import differing, flatten, say, settings_that_differ


def test_a_config_is_flat_and_has_neither_places_nor_secrets(monkeypatch):
    monkeypatch.setenv("PLANTED", "s3cret")
    config = OmegaConf.create(
        {
            "paths": {"run": "/somewhere"},
            "method": {"lr": 0.1, "widths": [1, 2], "empty": {}},
            "logger": {"api_key": "s3cret", "auth_token": "s3cret", "keyboard": "qwerty"},
            "other": "${oc.env:PLANTED}",
        }
    )
    flat = flatten(config)
    assert flat == {
        "method.lr": 0.1,
        "method.widths": [1, 2],
        "method.empty": {},
        "logger.keyboard": "qwerty",
        "other": "${oc.env:PLANTED}",
    }


def test_only_what_differs_is_kept_and_what_is_missing_is_left_out():
    found = differing({"a": {"x": 1, "y": 2, "z": True}, "b": {"x": 1, "y": 3}})
    assert found == {"a": {"y": "2", "z": "true"}, "b": {"y": "3"}}


def test_a_groups_name_stands_for_the_group_and_seeds_are_no_setting():
    one = {"encoder.name": "clip", "encoder.size": 224, "thaw": None, "seed": 0}
    other = {"encoder.name": "vit", "encoder.size": 384, "thaw": 2, "seed": 1}
    assert settings_that_differ({"a": one, "b": other}) == {
        "a": {"encoder.name": "clip", "thaw": "null"},
        "b": {"encoder.name": "vit", "thaw": "2"},
    }


def test_values_are_written_as_yaml_has_them():
    assert [say(value) for value in (None, True, 1e-3, [1, None], "x")] == ["null", "true", "0.001", "[1, null]", "x"]
