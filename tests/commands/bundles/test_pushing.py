"""Bundles sent to a server that answers as the Hub does, by the Hub's own client."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
from huggingface_hub import constants
from tests.bundles.conftest import Kind, fit, networks, photos, write  # noqa: F401  # fixtures

import thawline
from thawline.cli import main
from thawline.commands.bundles.pushing import push
from thawline.errors import RunError

TOKEN = "hf_of_the_test"  # noqa: S105  # the server's


class Hub(BaseHTTPRequestHandler):
    """As much of the Hub's API as creating a repository and committing to it takes."""

    def log_message(self, *_):
        pass

    def answer(self, value, status=200):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.answer({"error": "Invalid credentials"}, 401)
        parts = urlsplit(self.path).path.split("/")
        if parts[2] == "whoami-v2":
            return self.answer({"name": "me", "type": "user", "orgs": []})
        name = "/".join(parts[3:5])
        repo = self.server.repos[name]
        if "tree" in parts:
            tree = [
                {"type": "file", "path": path, "size": len(data), "oid": "0" * 40} for path, data in repo[1].items()
            ]
            return self.answer(tree)
        siblings = [{"rfilename": path} for path in repo[1]]
        return self.answer({"id": name, "private": repo[0], "siblings": siblings, "sha": "0" * 40})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        repos, parts = self.server.repos, urlsplit(self.path).path.split("/")
        if parts[2:4] == ["repos", "create"]:
            asked = json.loads(body)
            name = f"{asked['organization']}/{asked['name']}"
            if name in repos:
                return self.answer({"error": "You already created it", "url": f"http://127.0.0.1/{name}"}, 409)
            repos[name] = (asked["visibility"] == "private", {".gitattributes": b""})
            return self.answer({"url": f"http://127.0.0.1/{name}"})
        if parts[2] == "validate-yaml":
            return self.answer({"errors": [], "warnings": []})
        name = "/".join(parts[3:5])
        if "preupload" in parts:
            way = {"uploadMode": "regular", "shouldIgnore": False}
            ways = [{"path": one["path"], **way} for one in json.loads(body)["files"]]
            return self.answer({"files": ways})
        for line in map(json.loads, body.splitlines()):
            if line["key"] == "file":
                repos[name][1][line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            elif line["key"] == "deletedFile":
                del repos[name][1][line["value"]["path"]]
        return self.answer({"commitUrl": f"http://127.0.0.1/{name}/commit/0", "commitOid": "0" * 40, "success": True})


@pytest.fixture
def hub(monkeypatch):
    """The server's repositories, each with whether it is private, and its files."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.repos = {}
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    yield server.repos
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_bundle_is_sent_whole_with_its_card_and_can_be_loaded_from_there(hub, write, tmp_path):  # noqa: F811
    bundle = write(Kind("clip", "prompts", "head"))[0]
    assert push(bundle, "me/model", private=True).endswith("/me/model")
    private, sent = hub["me/model"]
    assert private
    assert {path: data for path, data in sent.items() if path != ".gitattributes"} == {
        path.relative_to(bundle).as_posix(): path.read_bytes() for path in bundle.rglob("*") if path.is_file()
    }
    assert b"library_name: thawline" in sent["README.md"]
    for path, data in sent.items():
        if path != ".gitattributes":
            (tmp_path / "back" / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "back" / path).write_bytes(data)
    assert thawline.load(tmp_path / "back").labels == thawline.load(bundle).labels
    sent["vision.onnx"] = b"of an older bundle"
    push(bundle, "me/model", private=True)
    assert "vision.onnx" not in sent


def test_what_is_something_else_or_public_stays_and_so_does_the_bundle(hub, tmp_path):
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "README.md").write_text("new")
    hub["me/other"] = (True, {"README.md": b"mine"})
    hub["me/open"] = (False, {})
    for name, why in (("me/other", "it holds something else than a bundle"), ("me/open", "it is public")):
        with pytest.raises(RunError, match=f"the bundle is in {bundle}, and was not sent to {name}: {why}"):
            push(bundle, name, private=True)
    assert hub["me/other"][1] == {"README.md": b"mine"}
    push(bundle, "me/open", private=False)
    assert hub["me/open"][1] == {"README.md": b"new"}


def test_a_token_that_is_not_known_and_a_hub_that_is_not_there_are_one_sentence(hub, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_another")
    with pytest.raises(RunError, match="was not sent to me/model: the token may not write there"):
        push(tmp_path, "me/model", private=True)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(RunError, match="was not sent to me/model: the Hub can't be reached"):
        push(tmp_path, "me/model", private=True)
    assert hub == {}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("model", "push=model names no repository of the Hub; write push=OWNER/NAME"),
        ("me/model", "push=me/model needs a token that may write there; set HF_TOKEN, or run 'hf auth login'"),
    ],
)
def test_what_can_not_be_sent_is_refused_before_anything_is_made(name, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.delenv("HUGGING_FACE_HUB_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    with pytest.raises(SystemExit) as end:
        main(["export", str(tmp_path), f"push={name}"])
    assert (end.value.code, capsys.readouterr().err) == (2, f"thawline: {sentence}\n")
