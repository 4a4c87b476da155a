"""The command in a process of its own that has the libraries already: importing them takes ten seconds of a core."""

import atexit
import multiprocessing
import os
import signal
import sys
from pathlib import Path

from thawline.cli import program

# What a training imports sooner or later, and what takes long.
LIBRARIES = [
    "thawline.fitting.lightning.imported",
    "matplotlib.figure",
    "scipy.special",
    "thawline.fitting.methods.logistic",
    "transformers.models.clip.modeling_clip",
    "thawline.commands.app",
    "thawline.commands.train",
    "thawline.encoders.load",
    "thawline.fitting.methods.gradient",
    "thawline.tasks.events.data",
]


class Apart:
    """`thawline WORDS` as a fork of a server that has imported the libraries, with a `Popen`'s methods."""

    def __init__(self, directory, *words):
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(LIBRARIES)
        self._said = directory.with_name(f"{directory.name} said")
        given = list(map(str, words)), directory, dict(os.environ), self._said
        self._process = context.Process(target=_run, args=given)
        self._process.start()
        self.pid = self._process.pid

    @property
    def returncode(self):
        return self._process.exitcode

    def poll(self):
        return self._process.exitcode

    def send_signal(self, how):
        os.kill(self.pid, how)

    def said(self):
        """What was written to standard error so far."""
        return self._said.read_text()

    def communicate(self):
        """Wait for the end; standard output, which nobody keeps, and standard error."""
        self._process.join()
        return None, self.said()


def _run(words, directory: Path, environment, said: Path):
    os.setsid()  # a group of its own, which a terminal would send Ctrl-C to
    for number, place in ((0, os.devnull), (1, os.devnull), (2, said)):
        opened = os.open(place, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        os.dup2(opened, number)
        os.close(opened)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    # A shell that runs the tests in the background has its children ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["thawline", *words]
    try:
        program()
    finally:
        atexit._run_exitfuncs()  # which such a process leaves out; the program ends itself there
