"""The space of a search, in the command line's own grammar."""

from functools import partial
from pathlib import Path

import optuna
import pytest
from omegaconf import OmegaConf

from thawline.commands.line.composing import compose, is_setting
from thawline.commands.line.paths import conf_directory
from thawline.commands.line.settings import register_settings
from thawline.commands.sweeps.search import claims
from thawline.commands.sweeps.search.planning import plan_search
from thawline.commands.sweeps.search.space import read_space
from thawline.commands.sweeps.sweep import run_sweep
from thawline.errors import UserError
from thawline.runs.sweep import write_sweep

GROUPS = ("method", "encoder", "data")


def everywhere(_groups, _key):
    return True


def asked_of(study, space, applies=everywhere):
    trial = study.ask()
    return space.ask(lambda dimension: dimension.suggest(trial), applies)


def ask(space, applies=everywhere, count=40):
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    return [asked_of(study, space, applies) for _ in range(count)]


def test_each_word_of_the_grammar_is_a_setting_of_the_space():
    words = [
        "data.path=photos",
        "method.lr=tag(log,interval(1e-5,1e-1))",
        "method.dropout=range(0.1,0.6,0.1)",
        "method.epochs=int(interval(2,5))",
        "method.hidden=tag(log,range(1,4))",
        "thaw=head,1,all",
        "+encoder.note=choice('a b',c)",
    ]
    space = read_space({}, words, GROUPS)
    asked = [dict(word.split("=", 1) for word in point) for point in ask(space)]
    assert {tuple(point) for point in asked} == {
        ("method.lr", "method.dropout", "method.epochs", "method.hidden", "thaw", "+encoder.note")
    }
    assert all(1e-5 <= float(point["method.lr"]) <= 1e-1 for point in asked)
    assert min(float(point["method.lr"]) for point in asked) < 1e-3  # evenly in the logarithm
    assert {point["method.dropout"] for point in asked} == {"0.1", "0.2", "0.3", "0.4", "0.5"}
    assert {point["method.epochs"] for point in asked} == {"2", "3", "4", "5"}
    assert {point["method.hidden"] for point in asked} == {"1", "2", "3"}
    assert {point["thaw"] for point in asked} == {"head", "1", "all"}
    assert {point["+encoder.note"] for point in asked} == {r"a\ b", "c"}


def test_a_study_gives_its_points_back_in_the_same_words():
    space = read_space(
        {}, ["method=linear,mlp", "a=interval(0,1)", "b=range(0,1,0.25)", "c=tag(mlp,choice(x,y))"], GROUPS
    )
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    asked = [tuple(asked_of(study, space)) for _ in range(20)]
    assert [space.point(trial.params) for trial in study.trials] == asked


def test_settings_of_one_choice_are_searched_under_it_alone():
    words = ["method.hidden=tag(mlp,choice(64,128))", "method.lr=interval(0.1,1)", "method=linear,mlp,logistic"]
    space = read_space({}, words, GROUPS)

    def applies(groups, key):
        return groups != ["method=logistic"] or key != "method.lr"

    keys = {point[0]: [word.split("=")[0] for word in point[1:]] for point in ask(space, applies)}
    assert keys == {
        "method=linear": ["method.lr"],
        "method=mlp": ["method.hidden", "method.lr"],
        "method=logistic": [],
    }
    assert space.first(applies) == ["method=linear", "method.lr=0.443769"]


def test_the_command_line_goes_before_the_spaces_file():
    given = {"method.lr": "interval(1,2)", "method.epochs": "choice(1,2)", "thaw": "choice(head,1)"}
    space = read_space(given, ["method.lr=interval(3,4)", "method.epochs=7", "seed=1"], GROUPS)
    assert {one.key: one.low for one in space.dimensions} == {"method.lr": 3, "thaw": None}


@pytest.mark.parametrize(
    ("given", "words", "sentence"),
    [
        ({}, ["seed=1"], "nothing to search"),
        ({"method.lr": "0.1"}, [], "sweep.space gives 'method.lr' one value (0.1)"),
        ({}, ["method.lr=interval(1,1)"], "an interval goes from a number to a greater one"),
        ({}, ["method.lr=tag(log,interval(0,1))"], "begins above 0"),
        ({}, ["method.lr=tag(log,range(1,9,2))"], "a range with a step is not even in the logarithm"),
        ({}, ["thaw=tag(log,choice(1,2))"], "choices have no logarithm"),
        ({}, ["method.epochs=range(3,3)"], "the range holds no number"),
        ({}, ["method=linear,mlp", "method.hidden=tag(mpl,choice(1,2))"], "tagged 'mpl', which is no choice"),
    ],
)
def test_what_can_not_be_searched_is_refused(given, words, sentence):
    with pytest.raises(UserError, match=r".") as refused:
        read_space(given, words, GROUPS)
    assert sentence in str(refused.value)


@pytest.mark.parametrize("name", sorted(path.stem for path in (conf_directory() / "sweep/space").glob("*.yaml")))
def test_a_spaces_file_names_settings_that_its_task_has(name):
    register_settings()
    words = [f"task={name}", "data.path=x", "sweep=tpe", f"sweep/space={name}"]
    search = plan_search(_sweep(words), words, words, Path("none"), partial(compose, "train"))
    assert set(search.first) > set(words)
    config = compose("train", search.first)
    assert all(is_setting(config, key) or key in config.hydra.runtime.choices for key in search.keys)


def test_a_new_sweep_begins_a_study_of_its_own_in_a_database_and_one_that_goes_on_keeps_its_own(tmp_path):
    register_settings()
    words = ["data.path=x", "method=linear", "sweep=tpe", f"sweep.storage=sqlite:///{tmp_path}/studies.db"]
    swept, sweep = [*words, "method.lr=interval(0.1,1)"], tmp_path / "here"
    names = {plan_search(_sweep(words), swept, words, sweep, partial(compose, "train")).study for _ in range(2)}
    assert len(names) == 2  # the first one's directory may have been deleted, or be another's elsewhere
    sweep.mkdir()
    write_sweep(sweep, {"words": swept, "study": "kept"})
    assert plan_search(_sweep(words), swept, words, sweep, partial(compose, "train")).study == "kept"


def test_a_second_process_does_not_help_where_it_would_cancel_the_jobs_of_the_first(tmp_path):
    register_settings()
    words = ["data.path=x", "method=linear", "sweep=tpe", "method.lr=interval(0.1,1)"]
    words += ["hydra/launcher=submitit_local", f"hydra.sweep.dir={tmp_path}"]
    with claims.owning(tmp_path), pytest.raises(UserError, match="another process runs the sweep"):
        run_sweep(words, partial(compose, "train"), lambda *_: pytest.fail("its jobs were touched"))


def _sweep(words):
    return OmegaConf.to_object(compose("train", words).sweep)
