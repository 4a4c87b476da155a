"""`thawline serve` from the command line: what is refused before it serves, and how it ends."""

import os
import signal
import subprocess
import sys
import threading
import time

import httpx
import pytest

from thawline.serving import server
from thawline.serving.server import listen

BASE = ("base", "encoder=tiny_clip", "data.classes=[wedding,birthday]", "port=0")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nothing",), "there is no bundle nothing; 'thawline export RUN' makes one"),
        ((*BASE, "host=0.0.0.0"), "host=0.0.0.0 can be reached from other machines, so requests need a token"),
        ((*BASE, "host=no.such.host.invalid"), "host=no.such.host.invalid is no address of this machine"),
        ((*BASE, "port=70000"), "port=70000 must be a number from 0 to 65535"),
        ((*BASE, "max_files=0"), "max_files=0 must be more than 0"),
        ((*BASE, "grace=-1"), "grace=-1 must be 0 or more"),
        ((*BASE, "data.max_megapixels=0"), "data.max_megapixels=0 must be more than 0"),
        (("base", "encoder=tiny_clip", "data.classes=[wedding]", "port=0"), "at least two classes"),
    ],
)
def test_wrong_use_is_refused_before_anything_is_served(thawline, monkeypatch, words, said):
    monkeypatch.delenv("THAWLINE_TOKEN", raising=False)
    assert said in thawline.refused("serve", *words)


def test_a_port_that_is_taken(thawline):
    with listen("127.0.0.1", 0) as other:
        port = other.getsockname()[1]
        said = thawline.refused("serve", *BASE[:-1], f"port={port}")
    assert said.startswith(f"the service can't listen at http://127.0.0.1:{port}: address already in use")


@pytest.fixture
def ended_at_once(monkeypatch):
    """A service that ends as soon as it answers; gives what /health said."""
    heard = []

    class Short(server._Server):
        async def startup(self, sockets=None):
            await super().startup(sockets)
            where = f"http://127.0.0.1:{sockets[0].getsockname()[1]}/health"

            def ask():
                heard.append(httpx.get(where, trust_env=False).json())
                self.should_exit = True

            threading.Thread(target=ask).start()

    monkeypatch.setattr(server, "_Server", Short)
    return heard


def test_the_model_comes_from_the_environment_or_env(thawline, tuned, monkeypatch, ended_at_once):
    monkeypatch.setenv("CLIP_MODEL_PATH", str(tuned[1]))
    printed = thawline("serve", "port=0", "encoder=tiny_clip")
    assert ended_at_once[0]["model"] == "bundle"
    assert ended_at_once[0]["status"] == "ok"
    assert "model  bundle (task events, " in printed
    monkeypatch.delenv("CLIP_MODEL_PATH")
    (thawline.directory / ".env").write_text(f"CLIP_MODEL_PATH={thawline.directory / 'gone'}\n")
    printed = thawline("serve", "port=0", "encoder=tiny_clip")
    assert "there is no bundle" in printed
    said = "CLIP_MODEL_PATH names no bundle that can be used; the base model answers"
    assert f"note   {said}" in printed
    assert (ended_at_once[1]["status"], ended_at_once[1]["model"]) == ("degraded", "base")
    assert ended_at_once[1]["problems"] == [said]
    assert "wedding" in ended_at_once[1]["labels"]
    monkeypatch.setenv("CLIP_MODEL_PATH", "x" * 5000)
    printed = thawline("serve", "port=0", "encoder=tiny_clip")
    assert "CLIP_MODEL_PATH: File name too long" in printed
    assert ended_at_once[2]["problems"] == [said]
    (thawline.directory / ".env").write_text("CLIP MODEL PATH\n")
    assert ".env, line 1 is no NAME=value" in thawline.refused("serve", "port=0", "encoder=tiny_clip")


@pytest.mark.long
def test_sigterm_lets_running_requests_finish(tmp_path, sample):
    photo = next(sample.rglob("*.jpg"))
    words = [sys.executable, "-m", "thawline", "serve", *BASE]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(words, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as process:
        where = next(line.split()[1] for line in process.stdout if line.startswith("at "))
        answers = []

        def ask():
            with httpx.Client(trust_env=False, timeout=60) as client:
                sent = [("files", (f"{i}.jpg", photo.read_bytes())) for i in range(32)]
                answers.append(client.post(f"{where}/predict", files=sent).status_code)

        asking = threading.Thread(target=ask)
        asking.start()
        until = time.monotonic() + 20
        while time.monotonic() < until and "thawline_waiting_files 32.0" not in httpx.get(f"{where}/metrics").text:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        asking.join()
        assert answers == [200]
        assert process.wait(20) == 0


def test_without_a_name_the_active_version_answers(thawline, tuned, monkeypatch, ended_at_once):
    monkeypatch.delenv("CLIP_MODEL_PATH", raising=False)
    printed = thawline("serve", "port=0", "encoder=tiny_clip")
    assert ended_at_once[0]["problems"] == ["no version is active yet, base answers"]
    assert "note   no version is active yet, base answers" in printed
    thawline("versions", "import", tuned[1])
    thawline("versions", "activate", "1")
    printed = thawline("serve", "port=0", "encoder=tiny_clip")
    assert (ended_at_once[1]["model"], ended_at_once[1]["version"], ended_at_once[1]["problems"]) == ("v1", 1, [])
    assert "model  v1 (task events, 6 answers)" in printed
