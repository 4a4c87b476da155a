"""A config can name nothing to run but Hydra's own launchers and sweeper, wherever the name stands."""

import json
import re

import pytest
import yaml
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf, open_dict
from omegaconf.errors import InterpolationResolutionError
from tests.e2e.conftest import thawline  # noqa: F401  # a fixture

from thawline.commands.line.composing import ALLOWED, compose, refuse_targets
from thawline.commands.line.paths import conf_directory
from thawline.commands.line.settings import register_settings
from thawline.errors import UserError
from thawline.runs import secrets

# Functions and classes that run what they are given, by their own names, by names of those who import them, and by
# ways around a list of prefixes.
HOSTILE = (
    *("os.system", "os.popen", "os.execv", "os.spawnl", "os.posix_spawn", "posix.system", "shutil.rmtree"),
    *("subprocess.Popen", "subprocess.run", "subprocess.call", "subprocess.check_output", "subprocess.getoutput"),
    *("builtins.eval", "builtins.exec", "builtins.compile", "builtins.__import__", "builtins.open", "eval", "exec"),
    *("importlib.import_module", "importlib.reload", "runpy.run_path", "runpy.run_module", "pydoc.locate"),
    *(
        "pickle.load",
        "pickle.loads",
        "_pickle.loads",
        "cloudpickle.loads",
        "joblib.load",
        "marshal.loads",
        "shelve.open",
    ),
    *("torch.load", "torch.hub.load", "torch.jit.load", "torch.package.PackageImporter", "torch.ops.load_library"),
    *("torch.serialization.pickle.loads", "torch.nn.modules.os.system", "torch.utils.data.os.system"),
    *("torch.nn.Module.__init__.__globals__", "torch.optim.os.system", "lightning.pytorch.callbacks.os.system"),
    *(
        "numpy.load",
        "pandas.read_pickle",
        "pandas.eval",
        "yaml.unsafe_load",
        "code.interact",
        "pty.spawn",
        "timeit.timeit",
    ),
    *("ctypes.CDLL", "multiprocessing.Process", "threading.Thread", "webbrowser.open", "socket.create_connection"),
    *("hydra.utils.instantiate", "hydra.utils.get_method", "hydra._internal.utils._locate", "operator.methodcaller"),
    *("functools.partial", "logging.config.dictConfig", "logging.FileHandler", "thawline.cli.main"),
    *("thawline.files.write_text", "thawline.commands.app.importlib.import_module", "${oc.env:HOSTILE}", ""),
)
# Where a name can be put. {} stands for it; each place is a setting of the command line.
PLACES = (
    "hydra.launcher._target_={}",
    "hydra.sweeper._target_={}",
    "+hydra.callbacks.mine={{_target_: {}, _args_: [{canary}]}}",
    "+hydra.launcher.inner={{_target_: {}, _args_: [{canary}]}}",
    "+hydra.launcher.inner=[{{_target_: {}, _partial_: true}}]",
    "+hydra.job_logging.handlers={{h: {{class: {}}}}}",
    "+hydra.job_logging.formatters={{f: {{(): {}, cmd: {canary}}}}}",
    "+hydra.hydra_logging.filters={{f: {{(): {}}}}}",
    "+encoder.model_args={{_target_: {}, _args_: [{canary}]}}",
    "+encoder.model_args={{act_layer: [{{_target_: {}}}]}}",
    "encoder={{_target_: {}}}",
    "+data._target_={}",
    "+trainer.callbacks={{_target_: {}}}",
)


@pytest.fixture
def canary(tmp_path, monkeypatch):
    """A command that leaves a file, and the file."""
    monkeypatch.setenv("HOSTILE", "os.system")
    return tmp_path / "canary"


def test_there_are_sixty_hostile_names():
    assert len(set(HOSTILE)) >= 60


@pytest.mark.parametrize("options", [(), ("-m", "seed=0,1")], ids=["once", "many"])
@pytest.mark.parametrize("number", range(len(PLACES)))
def test_no_hostile_target_runs_wherever_it_stands(thawline, tmp_path, canary, number, options):  # noqa: F811
    command = f"'touch {canary}'"
    target = HOSTILE[number + len(PLACES) * len(options)]
    place = PLACES[number].format(f"'{target}'", canary=command)
    thawline.refused("train", tmp_path, *options, place)
    assert not canary.exists()
    assert not list((thawline.directory / "outputs").rglob("*"))


@pytest.mark.parametrize("key", [*ALLOWED, "hydra.launcher.inner._target_", "encoder.model_args._target_"])
def test_no_hostile_target_is_on_the_list_of_any_place(key):
    register_settings()
    config = compose("train", ["data.path=x"])
    refuse_targets(config)
    for target in HOSTILE:
        with open_dict(config):
            OmegaConf.update(config, key, target, force_add=True)
        with pytest.raises(UserError, match=re.escape(f"{key}={target} is not on the list of what a config may run")):
            refuse_targets(config)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("experiment/mine.yaml", ("experiment=mine",)),
        ("experiment/mine.yaml", ("-m", "experiment=mine,events_linear")),
        ("debug/mine.yaml", ("debug=mine",)),
        ("debug/mine.yaml", ("-m", "debug=none,mine")),
        ("hydra/launcher/mine.yaml", ("hydra/launcher=mine", "-m", "seed=0,1")),
        ("hydra/callbacks/mine.yaml", ("hydra/callbacks=mine",)),
        ("hydra/job_logging/mine.yaml", ("hydra/job_logging=mine",)),
        ("hydra/job_logging/mine.yaml", ("-m", "hydra/job_logging=mine,disabled")),
        ("encoder/mine.yaml", ("encoder=mine",)),
    ],
)
def test_no_target_in_a_file_of_the_users_own_runs(thawline, tmp_path, canary, file, words):  # noqa: F811
    path = thawline.directory / "conf" / file
    path.parent.mkdir(parents=True)
    call = json.dumps({"_target_": "os.system", "_args_": [f"touch {canary}"]})
    factory = json.dumps({"()": "os.system", "command": f"touch {canary}"})
    logging = f"{{version: 1, formatters: {{f: {factory}}}}}"
    path.write_text(
        {
            "hydra/launcher": call,
            "hydra/callbacks": f"mine: {call}",
            "hydra/job_logging": logging,
        }.get(str(path.parent.relative_to(thawline.directory / "conf")))
        or f"# @package _global_\nhydra: {{callbacks: {{mine: {call}}}, job_logging: {logging}}}\n"
    )
    thawline.refused("train", tmp_path, *words)
    assert not canary.exists()


def test_a_target_that_an_interpolation_makes_is_seen(thawline, tmp_path, canary):  # noqa: F811
    made = "+hydra.launcher.inner='${oc.create:{_target_: os.system, command: touch}}'"
    assert "os.system is not on the list" in thawline.refused("train", tmp_path, "-m", "seed=0,1", made)


@pytest.mark.parametrize(
    "word",
    [
        "hydra.searchpath=[pkg://hostile]",
        "hydra.searchpath=['pkg://hostile']",
        "hydra.searchpath=['${oc.env:HOSTILE}']",
        "hydra.job.env_set.LD_PRELOAD=/x.so",
        "+hydra.job.env_set={LD_PRELOAD: /x.so}",
        "hydra.output_subdir=.hydra",
        "hydra.mode=MULTIRUN",
        "hydra/job_logging=default",
    ],
)
def test_what_else_could_run_code_is_refused(thawline, tmp_path, monkeypatch, word):  # noqa: F811
    package = thawline.directory / "hostile"
    package.mkdir()
    (package / "__init__.py").write_text(f"open({str(tmp_path / 'canary')!r}, 'w')")
    monkeypatch.syspath_prepend(thawline.directory)
    said = thawline.refused("train", tmp_path, word)
    assert word.lstrip("+").partition("=")[0].split(".LD")[0].replace("/", ".") in said
    assert not (tmp_path / "canary").exists()


def test_hydras_own_launchers_and_folders_of_configs_are_let_through(thawline, tmp_path):  # noqa: F811
    (thawline.directory / "mine" / "experiment").mkdir(parents=True)
    (thawline.directory / "mine" / "experiment" / "own.yaml").write_text("# @package _global_\nseed: 77\n")
    said = thawline(
        "train", tmp_path, "--config-dir", "mine", "experiment=own", "hydra/launcher=joblib", "--cfg", "job"
    )
    assert "seed: 77" in said


@pytest.mark.parametrize("word", ["encoder=1", "method=true", "people=0.5"])
def test_a_number_chooses_no_file(word):
    group, _, value = word.partition("=")
    with pytest.raises(UserError, match=f"^{word}: there is no file '{value}' to choose; 'thawline settings {group}'"):
        compose("train", ["data.path=x", word])


def test_no_setting_of_a_verb_is_called_as_a_group_of_files():
    """Hydra would look for a file of that name."""
    groups = {path.name for path in conf_directory().iterdir() if path.is_dir()}
    for path in conf_directory().glob("*.yaml"):
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
        settings = {key for key in config if key not in ("defaults", "hydra") and not isinstance(config[key], dict)}
        assert settings & groups == set(), path.name


def test_a_secret_of_one_part_is_known_where_another_can_not_be_resolved(monkeypatch):
    """Where the run goes is made later; the variable is so short that it would not be taken for a secret by itself."""
    monkeypatch.setattr(secrets, "_known", set())
    monkeypatch.setattr(HydraConfig.instance(), "cfg", None)  # as where no run began before
    monkeypatch.setenv("PLACE", "abc123xyz")
    register_settings()
    config = compose("train", ["data.path=x", "encoder=mobilenetv2_035", "+encoder.model_args.api_key=${oc.env:PLACE}"])
    with pytest.raises(InterpolationResolutionError):
        OmegaConf.to_container(config.paths, resolve=True)
    assert secrets.without_secrets("with abc123xyz") == f"with {secrets.MASK}"
