"""Errors of the system and of config files: one sentence each, with the file's name and what mends it."""

import errno
import os

import pytest

from thawline.cli import main
from thawline.files import write_atomically, write_folder, write_text
from thawline.runs.ends import explain_os_error


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_every_error_of_the_system_is_a_sentence(number):
    said = str(explain_os_error(OSError(number, os.strerror(number), "/a/.model.4711.tmp")))
    assert "(/a/model); " in said
    assert "\n" not in said


def test_an_error_without_a_number_says_its_own():
    assert str(explain_os_error(OSError("Corrupt thing.\nmore"))).startswith("the system refused: corrupt thing; ")
    assert str(explain_os_error(OSError())).startswith("the system refused: oSError; ")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("I/O error: No space left on device (os error 28)", errno.ENOSPC),
        ("Error: File too large (os error 27)", errno.EFBIG),
    ],
)
def test_what_a_library_says_in_words_is_the_system_s_error(tmp_path, text, number):
    def fail(_):
        raise RuntimeError(text)

    for write in (write_atomically, write_folder):
        with pytest.raises(OSError, match=os.strerror(number)) as caught:
            write(tmp_path / "x", fail)
        assert (caught.value.errno, caught.value.filename) == (number, str(tmp_path / "x"))
    assert not list(tmp_path.iterdir())


def test_no_file_takes_the_place_of_a_device_or_a_folder(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="a device or a pipe is there") as caught:
        write_text(tmp_path / "pipe", "x")
    assert f"no file can take its place ({tmp_path / 'pipe'})" in str(explain_os_error(caught.value))
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        write_text(tmp_path / "folder", "x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "pipe"]


def refused(capsys, *words):
    with pytest.raises(SystemExit) as end:
        main([str(word) for word in words])
    said = capsys.readouterr().err
    assert (end.value.code, said.count("thawline: "), "Traceback" in said) == (2, 1, False), said
    return said


@pytest.mark.parametrize("words", [("store", "list"), ("train", "Photos"), ("evaluate", "/run"), ("weights", "list")])
def test_a_working_directory_that_was_deleted(tmp_path, monkeypatch, capsys, words):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert "the working directory was deleted; go to another folder" in refused(capsys, *words)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"a: !!python/object/apply:os.system [ls]", "e.yaml, line 2 can't be read (could not determine a constructor"),
        (b"seed: !foo 1", "e.yaml, line 2 can't be read (could not determine a constructor for the tag '!foo')"),
        (b"seed: [1", "e.yaml, line 2 can't be read (expected ',' or ']'"),
        (b"seed: 1\0", "a config file (experiment=e) can't be read (unacceptable character #x0000"),
        (b"seed: \xff", "a config file (experiment=e) can't be read ('utf-8' codec can't decode byte 0xff"),
        (b"seed: &a [*a]", "a config file (experiment=e) can't be read (it is nested too deeply, or within itself)"),
        (b'paths: {outputs: "\\0"}', "the setting 'paths.outputs' holds a NUL byte"),
        (b"- 1", "ConfigTypeError raised while composing config: Cannot merge DictConfig with ListConfig"),
    ],
)
def test_an_experiment_that_is_no_plain_yaml(tmp_path, monkeypatch, capsys, content, sentence):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf" / "experiment").mkdir(parents=True)
    (tmp_path / "conf" / "experiment" / "e.yaml").write_bytes(b"# @package _global_\n" + content)
    assert sentence in refused(capsys, "train", "Photos", "experiment=e")


@pytest.mark.parametrize("text", ["defaults: [override /method: linear]\n", "seed: 1\n# @package _global_\n", ""])
def test_an_experiment_that_does_not_say_that_its_settings_are_the_run_s(tmp_path, monkeypatch, capsys, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf" / "experiment").mkdir(parents=True)
    (tmp_path / "conf" / "experiment" / "own.yaml").write_text(text)
    said = refused(capsys, "train", "Photos", "experiment=own")
    assert "experiment=own: the file must begin with the line '# @package _global_', so" in said


def test_an_experiment_of_another_directory(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine" / "experiment" / "dusk").mkdir(parents=True)
    (tmp_path / "mine" / "experiment" / "dusk" / "own.yaml").write_text("thaw: head")
    place = f"hydra.searchpath=[file://{tmp_path / 'mine'}]"
    said = refused(capsys, "train", "Photos", place, "experiment=dusk/own")
    assert "experiment=dusk/own: the file must begin with the line '# @package _global_', so" in said


def test_an_experiment_that_overrides_a_group_without_its_slash(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf" / "experiment").mkdir(parents=True)
    text = "# @package _global_\ndefaults: [override method: linear]\n"
    (tmp_path / "conf" / "experiment" / "own.yaml").write_text(text)
    assert "experiment=own: write 'override /method: …', with a slash" in refused(
        capsys, "train", "Photos", "experiment=own"
    )


def test_a_nul_byte_in_a_word(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert "the setting 'out' holds a NUL byte" in refused(capsys, "export", "run", "out=a\0b")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["callbacks=[emma]"],
            "there is no callbacks=emma; did you mean callbacks=ema? there are: early_stopping, ema,",
        ),
        (["callbacks=[ema]", "callbacks.ema.decai=1"], "callbacks.ema has no setting 'decai'; it takes decay, warmup,"),
        (
            ["callbacks=[ema]", "+callbacks.ema.decai=1"],
            "callbacks.ema has no setting 'decai'; it takes decay, warmup,",
        ),
        (["+callbacks.foo.a=1"], "there is no callback 'foo'; there are early_stopping, ema,"),
        (["callbacks.ema.decay=0.9"], "that callback was not chosen; add 'callbacks=[ema]'"),
        (["callbacks=[ema,swa]"], "callbacks ema and swa both say which weights are kept"),
        (["callbacks=[ema]", "method=gda"], "callbacks ema: method=gda is not fitted by gradient descent"),
        (
            ["callbacks=[early_stopping]", "method.patience=null"],
            "callbacks early_stopping: method.patience=null holds",
        ),
        (["callbacks=[swa]", "method.batch_norm=train"], "callbacks swa: the statistics of method.batch_norm=train"),
        (["callbacks=[gradient_norm]", "trainer.precision=16-mixed"], "callbacks gradient_norm: trainer.precision=16"),
        (["+callbacks.ema._target_=torch.load"], "_target_=torch.load is not on the list of what a config may run"),
        (["method.optimiser_settings.momentum=1"], "add it as '+method.optimiser_settings.momentum=…'"),
        (["data.classes=beach"], "data.classes is a list; write 'data.classes=[beach]'"),
        (["method.optimiser=adamm"], "method.optimiser=adamm is not known; use one of adabelief,"),
    ],
)
def test_what_a_config_names_that_there_is_not_is_one_sentence(capsys, tmp_path, words, said):
    given = [] if any(word.startswith("method=") for word in words) else ["method=linear"]
    assert said in " ".join(refused(capsys, "train", tmp_path, "encoder=tiny_clip", *given, *words).split())
