"""What docs/serving.md says of a service is typed here as it stands there."""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from thawline.serving import server

ROOT = Path(__file__).parents[2]
PORT = ":8000"
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")


def blocks(page, start, end):
    """The blocks of code that a page has between two of its texts."""
    text = (ROOT / page).read_text(encoding="utf-8")
    text = text[text.index(start) :]
    found = re.findall(r"(?m)^ {4}.+\n(?:(?: {4}.*)?\n)*", text[: text.index(end)])
    return [textwrap.dedent(block).strip() for block in found]


def lines(shell):
    """The lines of blocks of a shell, without comments."""
    return [re.sub(r"\s+# .*", "", line) for block in shell for line in block.splitlines()]


@pytest.fixture
def typed(thawline, tuned, sample, monkeypatch):
    """Puts what a reader has into the text of the page: a run called RUN, a photo, a port that is free."""
    runs = thawline.directory / "outputs" / "train"
    runs.mkdir(parents=True)
    (runs / "RUN").symlink_to(tuned[0])
    shutil.copy(next(sample.glob("wedding/*.jpg")), thawline.directory / "photo.jpg")
    for name in ("THAWLINE_TOKEN", "CLIP_MODEL_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return lambda text, **names: re.sub(
        r"\b(?:ID|HOST)\b", lambda name: names[name[0]], text.replace(PORT, f":{port}")
    ), port


def curl(line):
    """What the service answers to a line of the page."""
    words = [os.path.expandvars(word) for word in shlex.split(line)]
    done = subprocess.run([*words, "-sS", "--fail-with-body"], check=True, capture_output=True, timeout=60)
    return json.loads(done.stdout)


@pytest.mark.long
def test_a_model_is_exported_served_and_called_from_other_programs(thawline, typed):
    put, port = typed
    there = blocks("docs/serving.md", "# A model", "| request |")
    [program] = [block for block in there if block.startswith("import ")]
    export, serve, *calls = lines([block for block in there if block != program])
    assert len(calls) == 2
    thawline(*shlex.split(export)[1:])
    words = [sys.executable, "-m", "thawline", *shlex.split(serve)[1:], f"port={port}"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True) as process:
        place = next(line.split()[1] for line in process.stdout if line.startswith("at "))
        assert put(f"http://127.0.0.1{PORT}") == place
        seen = {}
        exec(put(program), seen)  # noqa: S102  # the page's own
        if shutil.which("curl"):
            [asked] = curl(put(calls[0]))["results"]
            assert [asked[key] for key in ("label", "score")] == [seen["said"][key] for key in ("label", "score")]
            curl(put(calls[1], ID=asked["result_id"]))
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    rows = (thawline.directory / "outputs" / "versions" / "corrections.csv").read_text().splitlines()[1:]
    assert len(rows) == (2 if shutil.which("curl") else 1)
    assert all(",photo.jpg," in row and ",wedding," in row for row in rows)


@needs_curl
def test_other_machines_bring_the_token(thawline, typed, tuned, monkeypatch):
    put, port = typed
    token, serve, call = lines(blocks("docs/serving.md", "## Other machines", "Without a token"))
    name, _, value = token.removeprefix("export ").partition("=")
    assert value == "$(openssl rand -hex 32)"
    monkeypatch.setenv(name, "5f" * 32)
    (thawline.directory / "Model").symlink_to(tuned[1])
    answers = []

    class Called(server._Server):
        async def startup(self, sockets=None):
            await super().startup(sockets)
            threading.Thread(target=self.call).start()

        def call(self):
            try:
                answers.append(curl(put(call, HOST="127.0.0.1"))["results"][0]["label"])
            finally:
                self.should_exit = True

    monkeypatch.setattr(server, "_Server", Called)
    thawline(*shlex.split(serve)[1:], f"port={port}")
    assert len(answers) == 1
    for line in lines(blocks("docs/serving.md", "Without a token only", "/model\n")):
        assert line.startswith("docker ")
