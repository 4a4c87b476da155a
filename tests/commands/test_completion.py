"""What a shell is told can stand at the end of a command line, and that real shells complete by it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from thawline.commands.completion import complete, completion
from thawline.errors import UserError


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "cache" / "thawline" / "completion.json"


def test_verbs_settings_and_choices():
    assert complete("thawline tr") == ["train"]
    assert complete("thawline data ch") == ["check"]
    assert complete("thawline nonsense ") == []
    assert {"method=", "method.lr=", "cv=", "seed="} <= set(complete("thawline train Photos "))
    assert complete("thawline train Photos method.weight_d") == ["method.weight_decay="]
    assert complete("thawline train Photos method=log") == ["method=logistic"]
    assert complete("thawline train Photos thaw=") == []
    assert complete("thawline export RUN form") == ["format="]


def test_what_was_chosen_decides_what_follows_and_a_wrong_choice_nothing():
    assert "method.c=" in complete("thawline train Photos method=logistic method.c")
    assert "method.c=" not in complete("thawline train Photos method.c")
    assert "callbacks=ema" in complete("thawline train Photos callbacks=e")
    assert complete("thawline train Photos callbacks=ema callbacks.ema.d") == ["callbacks.ema.decay="]
    assert complete("thawline train Photos method=nonsense method.weight_d") == ["method.weight_decay="]


def test_conf_of_the_users_own_is_offered_when_it_is_there(tmp_path, own_cache):
    assert "experiment=mine" not in complete("thawline train Photos experiment=")
    conf = tmp_path / "conf" / "experiment" / "mine.yaml"
    conf.parent.mkdir(parents=True)
    conf.write_text("# @package _global_\ncv: 5\n", encoding="utf-8")
    assert "experiment=mine" in complete("thawline train Photos experiment=")
    own_cache.write_text("no JSON", encoding="utf-8")
    assert "experiment=mine" in complete("thawline train Photos experiment=")


def test_what_is_typed_is_kept_nowhere_but_for_choices(own_cache):
    line = "thawline train Photos method=logistic method.lr=0.123 serve.token=s3cret method.c"
    assert "method.c=" in complete(line)
    kept = own_cache.read_text(encoding="utf-8")
    assert [name for name in json.loads(kept) if name != "state"] == ['["train"]', '["train", "method=logistic"]']
    assert "s3cret" not in kept
    assert "0.123" not in kept


def test_another_shell_is_refused():
    with pytest.raises(UserError, match="needs one of: bash, zsh, fish"):
        completion(["tcsh"])


@pytest.fixture
def command(tmp_path, monkeypatch):
    """`thawline` as shells find it."""
    place = tmp_path / "bin" / "thawline"
    place.parent.mkdir()
    place.write_text(f'#!/bin/sh\nexec {sys.executable} -m thawline.cli "$@"\n', encoding="utf-8")
    place.chmod(0o755)
    monkeypatch.setenv("PATH", f"{place.parent}:{Path('/usr/bin')}:/bin")


BASH = """eval "$(thawline completion bash)"
COMP_LINE='thawline train Photos method=log'; COMP_POINT=${#COMP_LINE}; _thawline; echo "${COMPREPLY[@]}"
COMP_LINE='thawline export RUN form'; COMP_POINT=${#COMP_LINE}; _thawline 2>/dev/null; echo "${COMPREPLY[@]}"
"""


def test_bash_completes_by_it(command):
    if shutil.which("bash") is None:
        pytest.skip("there is no bash")
    done = subprocess.run(["bash", "-c", BASH], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["logistic", "format="]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_can_read_theirs(command, shell):
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")
    read = "autoload -U compinit; compinit -D; " if shell == "zsh" else ""
    how = 'eval "$(thawline completion zsh)"' if shell == "zsh" else "thawline completion fish | source"
    done = subprocess.run([shell, "-c", f"{read}{how}"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_fish_completes_by_it(command):
    if shutil.which("fish") is None:
        pytest.skip("there is no fish")
    words = "thawline completion fish | source; complete -C 'thawline train Photos method=logi'"
    done = subprocess.run(["fish", "-c", words], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["method=logistic"]
