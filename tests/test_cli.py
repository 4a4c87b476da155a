import ast
import subprocess
import sys

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from thawline.cli import find_verb, main, to_overrides
from thawline.commands.line.verbs import VERBS
from thawline.errors import UserError


def value_of(override: str) -> object:
    """What Hydra and OmegaConf make of an override."""
    parsed = OverridesParser.create().parse_override(override)
    config = OmegaConf.create({})
    OmegaConf.update(config, "key", parsed.value())
    return config.key


def test_a_positional_becomes_an_absolute_quoted_override(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "Photos (2024), été #1"
    folder.mkdir()
    (override,) = to_overrides(VERBS["train"], [folder.name])
    assert override.startswith("data.path=")
    assert value_of(override) == str(folder)


def test_a_folder_whose_name_looks_like_an_override_is_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a=b").mkdir()
    (override,) = to_overrides(VERBS["train"], ["a=b"])
    assert value_of(override) == str(tmp_path / "a=b")


def test_overrides_and_flags_pass_unchanged():
    words = ["Photos", "cv=5", "-m", "method.lr=0.1,0.2", "~prompts.classes", "+x.y=1", "--cfg", "job"]
    options, (path, *rest) = to_overrides(VERBS["train"], words)[:3], to_overrides(VERBS["train"], words)[3:]
    assert options == ["-m", "--cfg", "job"]
    assert path.startswith("data.path=")
    assert rest == ["cv=5", "method.lr=0.1,0.2", "~prompts.classes", "+x.y=1"]


def test_values_of_path_keys_are_quoted_but_sweeps_are_not():
    path = "/data/My Photos/w (1).safetensors"
    words = to_overrides(VERBS["train"], ["P", f"encoder.weights={path}", "encoder.name=a,b", "data.split=null"])
    assert value_of(words[1]) == path
    assert words[2:] == ["encoder.name=a,b", "data.split=null"]


def test_a_sweep_may_be_longer_than_any_name_of_a_file():
    rates = f"method.lr={','.join(f'{number / 1000}' for number in range(1, 1000))}"
    overrides = to_overrides(VERBS["train"], ["-m", "Photos", rates])
    assert overrides[0] == "-m"
    assert rates in overrides


def test_a_verb_that_takes_many_words_gets_a_list():
    (override,) = to_overrides(VERBS["compare"], ["/runs/a", "/runs/b"])
    assert value_of(override) == ["/runs/a", "/runs/b"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["tran", "x"], "there is no verb 'tran'; did you mean 'thawline train'?"),
        (["data", "chek"], "there is no verb 'data chek'; did you mean 'thawline data check'?"),
        (["check", "x"], "there is no verb 'check'; did you mean 'thawline data check'?"),
        (["--verison"], "there is no verb '--verison'; did you mean 'thawline --version'?"),
        (["store"], "'thawline store' needs one of: list, verify, prune"),
        (["data", "zzz"], "'thawline data' needs one of: check, labels, mismatches, split"),
        (["zzzzzz"], "there is no verb 'zzzzzz'; 'thawline --help' lists the verbs"),
    ],
)
def test_an_unknown_verb_is_refused_with_the_nearest(words, sentence):
    with pytest.raises(UserError) as error:
        find_verb(words)
    assert str(error.value) == sentence


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--multrun"], "there is no option '--multrun'; did you mean --multirun?"),
        (["-x"], "there is no option '-x'; settings are written key=value"),
        (["--cv", "5"], "there is no option '--cv'; settings are written key=value: cv=5"),
        (["--cv=5"], "there is no option '--cv'; settings are written key=value: cv=5"),
        (
            ["--batch-size", "cv=5"],
            "there is no option '--batch-size'; settings are written key=value: batch_size=VALUE",
        ),
        (["--cfg", "jobb"], "--cfg shows one of job, hydra, all, not 'jobb'; did you mean --cfg job?"),
        (["--cfg"], "--cfg shows one of job, hydra, all, not ''"),
        (["--info", "zzz"], "--info shows one of all, config, defaults, defaults-tree, plugins, searchpath, not 'zzz'"),
    ],
)
def test_unknown_options_are_refused_with_what_was_meant(words, sentence):
    with pytest.raises(UserError) as error:
        to_overrides(VERBS["train"], ["a", *words])
    assert str(error.value) == sentence


def test_missing_and_surplus_words_are_refused():
    with pytest.raises(UserError, match="'thawline train' needs DIR; usage: thawline train DIR"):
        to_overrides(VERBS["train"], ["cv=5"])
    with pytest.raises(UserError, match="'thawline train' can't use 'b'; usage"):
        to_overrides(VERBS["train"], ["a", "b"])
    with pytest.raises(UserError, match="'thawline train' can't use 'cv'; settings are written cv=5; usage"):
        to_overrides(VERBS["train"], ["a", "cv", "5"])


def test_a_bundle_is_refused_where_something_else_is_needed(tmp_path):
    (tmp_path / "manifest.sha256").touch()
    for verb in ("train", "export", "compare", "ensemble", "data check"):
        with pytest.raises(UserError) as error:
            to_overrides(VERBS[verb], [str(tmp_path)])
        assert f"{tmp_path} is a bundle, which 'thawline {verb}' does not take" in str(error.value)
        assert f"'thawline predict {tmp_path} PATHS' asks it" in str(error.value)
    assert len(to_overrides(VERBS["evaluate"], [str(tmp_path), "golden=x.yaml"])) == 2


@pytest.mark.parametrize("words", [["--help"], *([*name.split(), "--help"] for name in VERBS)])
def test_help_shows_examples(words, capsys):
    main(words)
    out = capsys.readouterr().out
    assert "usage: thawline" in out
    assert "examples:" in out


def test_help_of_a_family_shows_each_of_its_verbs(capsys):
    main(["store", "--help"])
    assert capsys.readouterr().out.count("usage: thawline store") == 3


@pytest.mark.parametrize(
    "words", [["help", "train"], ["-h", "train"], ["train", "x", "cv=5", "-h"], ["train", "-h", "x"]]
)
def test_help_may_stand_anywhere(words, capsys):
    main(words)
    out = capsys.readouterr().out
    assert out.startswith("usage: thawline train DIR [key=value …]\n")
    assert "task=events|match|genre" in out
    assert "'thawline settings train' lists all settings" in out
    assert "conf/" not in out


def test_help_for_what_there_is_not_names_the_nearest(capsys):
    with pytest.raises(SystemExit) as end:
        main(["help", "trian"])
    assert end.value.code == 2
    assert "did you mean 'thawline train'?" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--help"], *([*name.split(), "--help"] for name in VERBS)])
def test_help_fits_80_columns(words, capsys):
    main(words)
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_help_imports_nothing_heavy():
    code = "import sys; from thawline.cli import main; main(['train', '--help']); print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"hydra", "omegaconf", "torch", "numpy"} & set(ast.literal_eval(done.stdout.splitlines()[-1]))


def test_wrong_use_exits_with_2_and_one_line():
    done = subprocess.run([sys.executable, "-m", "thawline.cli", "tran"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "thawline: there is no verb 'tran'; did you mean 'thawline train'?\n"


def test_the_package_runs_as_a_module():
    done = subprocess.run([sys.executable, "-m", "thawline", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("thawline ")
