"""The verbs as Python functions, for scripts and notebooks: `thawline.train("Photos", "method=linear", cv=5)`.

Words and settings are those of the command line, and what runs is the command itself.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from thawline.cli import call
from thawline.commands.line.quoting import quote
from thawline.errors import UserError
from thawline.runs.directory import read_config, read_status
from thawline.runs.finished import finished_run
from thawline.runs.sweep import is_sweep_directory, read_sweep, read_trial

if TYPE_CHECKING:
    import pandas as pd

StrPath = str | os.PathLike[str]


@dataclass(frozen=True)
class Figure:
    """A picture of a run, which shows itself in a notebook.

    Attributes:
        path: The PNG file.
    """

    path: Path

    def _repr_png_(self) -> bytes:
        return self.path.read_bytes()


class Figures(dict[str, Figure]):
    """Pictures by name."""

    def __missing__(self, name: str) -> Figure:
        """There is no such picture.

        Raises:
            UserError: It says which there are.
        """
        there = f"it has {', '.join(self)}" if self else "it has none, as with logger=none; train with logger=csv"
        raise UserError(f"the run has no picture {name!r}; {there}")


class Run:
    """A run's directory, which is the truth about it; as the last line of a notebook's cell it shows its page.

    Attributes:
        path: The directory.

    Raises:
        UserError: There is no run in it.
    """

    def __init__(self, path: StrPath) -> None:
        self.path = _absolute(path)
        read_status(self.path)

    @property
    def settings(self) -> dict[str, Any]:
        """Its whole config, secrets left out."""
        settings: dict[str, Any] = OmegaConf.to_container(read_config(self.path))  # type: ignore[assignment]  # str keys
        return settings

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """What it came to, as `metrics.json` has it; shares between 0 and 1.

        Raises:
            UserError: It is not finished, or its files were changed since.
        """
        return finished_run(self.path)[1]

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """A row for each sample that was judged: path, group, label, prediction, probabilities.

        Raises:
            UserError: It is not finished, or its files were changed since.
        """
        import pandas as pd  # late: what only trains needs no frames

        finished_run(self.path)
        return pd.read_parquet(self.path / "predictions.parquet")

    @property
    def figures(self) -> Figures:
        """Its pictures by name: `run.figures["confusion"]`; a run with `logger=none` has none."""
        return Figures({path.stem: Figure(path) for path in sorted(self.path.glob("*.png"))})

    def export(self, out: StrPath | None = None, *words: str, **settings: Any) -> Path:
        """Write its model as a bundle, as `thawline export` does.

        Args:
            out: Where it goes; `bundle` in the run's directory if left out.
            words: Settings as on the command line.
            settings: Settings whose names have no dot.

        Returns:
            The bundle's directory.

        Raises:
            UserError: It has no model to export, or the bundle can't go there.
            RunError: The bundle does not compute what the run did, or misses a gate.
        """
        given = {} if out is None else {"out": _absolute(out)}
        exported: Path = call("export", [self.path, *_checked(words), *_words({**given, **settings})])
        return exported

    def predict(self, *files: StrPath, **settings: Any) -> pd.DataFrame:
        """What its model says of files, as `thawline predict` does; the bundle in its directory is asked.

        That is written where there is none yet; once the run was fitted on everything, `export()` writes it anew.

        Args:
            files: Files and folders.
            settings: Settings of `thawline predict`, such as `calibrated=True`.

        Returns:
            A row for each file; where one can't be used, its `problem` says why.

        Raises:
            UserError: There is no model, no file is named, or `out` is given.
            RunError: None of the files can be used.
        """
        import pandas as pd  # late, as above

        if "out" in settings:
            raise UserError("predict gives a frame and takes no out; 'thawline predict' writes a file")
        bundle = self.path / "bundle"
        if not bundle.is_dir():
            self.export()
        with tempfile.TemporaryDirectory() as folder:
            said = Path(folder) / "said.parquet"
            call("predict", [bundle, *files, *_words({**settings, "out": said})])
            return pd.read_parquet(said)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"

    def _repr_html_(self) -> str:
        from thawline.reports.notebook import compare  # late, as above

        return compare(self.path)._repr_html_()


class Sweep(Run):
    """A sweep's directory; its metrics and predictions are those of the setting that was chosen, on outer samples.

    Raises:
        UserError: There is no sweep in it.
    """

    def __init__(self, path: StrPath) -> None:
        super().__init__(path)
        if not is_sweep_directory(self.path):
            raise UserError(f"{self.path} is a single run, not a sweep; open it by thawline.Run")

    @property
    def leaderboard(self) -> pd.DataFrame:
        """A row for each setting, the best first, by what its trials said of inner samples.

        Raises:
            UserError: The sweep is not finished, or its files were changed since.
        """
        import pandas as pd  # late, as above

        finished_run(self.path)
        return pd.read_csv(self.path / "leaderboard.csv")

    @property
    def winner(self) -> Run:
        """The run of the trial that was chosen.

        Raises:
            UserError: The sweep is not finished.
        """
        return Run(read_trial(self.path, read_sweep(self.path, "winner")["winner"]).path)


def train(path: StrPath | None = None, *words: str, **settings: Any) -> Run | Sweep:
    """Fit a method and judge it against its baseline, as `thawline train` does.

    Args:
        path: The data, or the directory of a run or sweep that was cut off and goes on.
        words: Settings as on the command line: "experiment=events_linear", "method.lr=1e-3".
        settings: Settings whose names have no dot: `cv=5`, `encoder="clip"`; a list is one value.

    Returns:
        The run; with `method=auto`, which tries several, a sweep.

    Raises:
        UserError: The settings or the data can't be used.
        RunError: The training can't go on.
    """
    return _opened(call("train", [*_given(path), *_checked(words), *_words(settings)]))


def sweep(path: StrPath | None = None, *words: str, **settings: Any) -> Sweep:
    """Launch a sweep, as `thawline train -m` does.

    Args:
        path: The data.
        words: Settings as on the command line; several values are given there: "seed=0,1", "method.lr=1e-3,1e-2".
        settings: Settings whose names have no dot, with one value each.

    Raises:
        UserError: The sweep can't be run as it is asked for.
        RunError: Trials failed; the others are done and judged, and `thawline.Sweep(DIRECTORY)` has them.
    """
    return Sweep(call("train", [*_given(path), "-m", *_checked(words), *_words(settings)]))


def evaluate(run: Run | StrPath, data: StrPath | None = None, *words: str, **settings: Any) -> Run | None:
    """Judge a finished run again, or a bundle, as `thawline evaluate` does.

    Args:
        run: A run, its directory, or a bundle.
        data: Other data; left out: what the run held out.
        words: Settings as on the command line.
        settings: Settings whose names have no dot, such as `gates="gates.yaml"`.

    Returns:
        The run that says how it was judged; None with `golden=FILE`, which prints a table and leaves nothing.

    Raises:
        UserError: The run did not finish, or the data can't be used.
        RunError: A gate is missed.
    """
    judged = call("evaluate", [_place(run), *_given(data), *_checked(words), *_words(settings)])
    return None if judged is None else Run(judged)


def ensemble(*runs: Run | StrPath, **settings: Any) -> Run:
    """Join finished runs that share a split, and judge that against the best of them, as `thawline ensemble` does.

    Args:
        runs: The runs, or their directories.
        settings: Settings of `thawline ensemble`, such as `weights=[0.6, 0.4]`.

    Raises:
        UserError: The runs can't be joined, or the weights don't fit them.
    """
    return Run(call("ensemble", [*map(_place, runs), *_words(settings)]))


def sample(collection: str, directory: StrPath, **settings: Any) -> Path:
    """Make a sample collection, as `thawline sample` does; one that is there already stays.

    Args:
        collection: `events`, `pairs`, `genre`, `preference` or `library`.
        directory: The folder to make.
        settings: Settings of `thawline sample`, such as `photos_per_class=24`.

    Returns:
        The folder or file that `thawline.train` takes.

    Raises:
        UserError: There is no such collection, or the directory holds something else.
    """
    made: Path = call("sample", [collection, directory, *_words(settings)])
    return made


def _opened(path: Path) -> Run | Sweep:
    return Sweep(path) if is_sweep_directory(path) else Run(path)


def _absolute(path: StrPath) -> Path:
    return Path(path).expanduser().absolute()


def _place(run: Run | StrPath) -> StrPath:
    return run.path if isinstance(run, Run) else run


def _checked(words: Sequence[str]) -> Sequence[str]:
    """Words that are settings.

    Raises:
        UserError: One is an option, which prints something or makes a sweep of a run.
    """
    for word in words:
        if word.startswith("-"):
            raise UserError(
                f"'{word}' is an option of the command line; settings are \"key=value\", and a sweep is thawline.sweep"
            )
    return words


def _given(path: StrPath | None) -> list[StrPath]:
    return [] if path is None else [path]


def _words(settings: Mapping[str, Any]) -> list[str]:
    """The words of the command line that settings stand for."""
    return [f"{key}={_value(value)}" for key, value in settings.items()]


def _value(value: Any) -> str:
    """A value in Hydra's override grammar.

    Raises:
        UserError: Nothing there stands for it.
    """
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case Integral():  # NumPy's, too, which write themselves otherwise
            return repr(int(value))
        case Real():
            return repr(float(value))
        case str() | os.PathLike():
            return quote(os.fspath(value))
        case Mapping():
            return "{" + ",".join(f"{quote(str(key))}:{_value(one)}" for key, one in value.items()) + "}"
        case Sequence() if not isinstance(value, bytes | bytearray):
            return "[" + ",".join(map(_value, value)) + "]"
    raise UserError(f"a setting can't be {value!r}; give a number, a text, a list of such, True, False or None")
