"""`thawline settings`: every setting has a meaning, from the docstrings and conf files themselves."""

import pytest

from thawline.cli import main
from thawline.commands.line.settings import register_settings
from thawline.commands.line.verbs import VERBS
from thawline.commands.list_settings import settings_of

CONFIGS = list(dict.fromkeys(verb.config for verb in VERBS.values() if verb.config))


def printed(capsys, *words):
    main(["settings", *words])
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    return out


@pytest.mark.parametrize(
    ("config", "chosen"),
    [*((config, ()) for config in CONFIGS), *(("train", (f"task={task}",)) for task in ("match", "genre"))],
)
def test_every_setting_of_every_verb_says_what_it_means(config, chosen):
    register_settings()
    found = settings_of(config, chosen)
    assert [one.key for one in found if not one.meaning] == []
    assert len({one.key for one in found}) == len(found)


def test_a_verbs_settings_have_their_defaults_choices_and_meaning(capsys):
    out = printed(capsys, "train")
    assert "\ncv=null\n    Folds of the cross-validation; null: one hold-out.\n" in out
    assert "\nlogger=wandb\n    What mirrors the run.\n    one of csv, mlflow, none, tensorboard, wandb\n" in out
    assert "\nencoder@text=null\n    The text encoder of pairs; null: that of encoder.\n" in out
    assert "method.lr" not in out
    assert out == printed(capsys)


def test_a_choice_beside_it_counts(capsys):
    assert "\ndata=tracks\n" in printed(capsys, "train", "task=genre")
    assert "method.c=[0.01, 0.1, 1.0, 10.0, 100.0]\n" in printed(capsys, "method", "method=logistic")


def test_a_group_lists_its_files_and_what_is_in_it(capsys):
    out = printed(capsys, "method")
    assert out.startswith("method=projection\n    How the tail is fitted.\n    auto: The method is chosen\n")
    assert "\n    contrastive: The original recipe, " in out
    assert "\n    logistic: A new linear head in closed form\n" in out
    assert "\nmethod.epochs=100\n    At most this many; fewer when patience ends it.\n" in out


def test_one_setting(capsys):
    out = printed(capsys, "method.lr")
    assert out.splitlines()[0] == "method.lr=0.001"
    assert out.count("method.") == 1


def test_a_setting_of_another_choice_names_it(capsys):
    assert printed(capsys, "method.c").startswith("With method=logistic:\nmethod.c=")


def test_a_verb_of_two_words_and_a_key_without_a_value(capsys):
    out = printed(capsys, "store", "prune")
    assert "\nolder_than_days=30.0\n" in out
    assert "run=… (a value is needed)\n    The directory of a finished run, sweep or ensemble.\n" in printed(
        capsys, "export"
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["lr"], "there is no verb and no setting 'lr'; did you mean 'thawline settings method.lr'?"),
        (["trian"], "there is no verb and no setting 'trian'; did you mean 'thawline settings train'?"),
        (["zzz"], "there is no verb and no setting 'zzz'; 'thawline settings' lists those of train"),
        (["train", "method=lineer"], "there is no method=lineer; did you mean method=linear? "),
    ],
)
def test_a_wrong_name_is_refused_with_the_nearest(words, sentence, capsys):
    with pytest.raises(SystemExit) as end:
        main(["settings", *words])
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith(f"thawline: {sentence}")


def test_the_users_own_files_are_among_the_choices(tmp_path, monkeypatch, capsys):
    (tmp_path / "conf" / "experiment").mkdir(parents=True)
    (tmp_path / "conf" / "experiment" / "mine.yaml").write_text("# @package _global_\n# Mine. More of it.\nseed: 3\n")
    monkeypatch.chdir(tmp_path)
    assert "\n    mine: Mine\n" in printed(capsys, "experiment")
