"""Uploads that nothing can be made of, requests that are no requests, and who may not ask."""

import json
import socket
import threading
import time
from pathlib import Path

import pytest
import uvicorn
from tests.serving.conftest import SETTINGS, files, png_header, running

from thawline.errors import UserError
from thawline.serving.app import create_app
from thawline.serving.environment import read_variables
from thawline.serving.guard import check_token
from thawline.serving.server import listen
from thawline.serving.source import FixedSource
from thawline.tasks.bundle.serving import Served

TOKEN = "correct-horse-battery-staple"  # noqa: S105  # of the test alone


def refused(answer, status):
    """One sentence, in one form."""
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["detail"]
    detail = answer.json()["detail"]
    assert isinstance(detail, str)
    assert detail
    assert "\n" not in detail
    return detail


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("note.jpg", b"hello", "'note.jpg' can't be used: not an image (JPEG, PNG and WebP are)"),
        ("empty.jpg", b"", "'empty.jpg' can't be used: it is empty"),
        ("large.png", png_header(10_000, 10_000), "too large: 10000 by 10000 pixels, more than data.max_megapixels=50"),
        ("bomb.png", png_header(2**31 - 1, 2**31 - 1), "too large: 2147483647 by 2147483647 pixels"),
        ("../../photo.jpg", None, "'../../photo.jpg' can't be used: its name holds a path; send the file's own name"),
        ("below\\photo.jpg", None, "its name holds a path"),
        ("a" * 300 + ".jpg", None, "its name is longer than 255 characters"),
        ("a\x07b.jpg", None, "its name holds characters that can't be printed"),
        ("half.jpg", 900, "broken JPEG"),
    ],
)
def test_a_bad_upload_is_refused_with_a_sentence(client, photos, name, content, said):
    whole = photos[0].read_bytes()
    sent = whole if content is None else whole[:content] if isinstance(content, int) else content
    if "\x07" in name:
        head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a\x07b.jpg"\r\n\r\n'
        body, kind = head + sent + b"\r\n--x--\r\n", {"Content-Type": "multipart/form-data; boundary=x"}
        answer = client.post("/predict", content=body, headers=kind)
    else:
        answer = client.post("/predict", files={"files": (name, sent)})
    assert said in refused(answer, 422)


def part(content=b"", name="files", file='; filename="a.jpg"'):
    return f'--x\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content + b"\r\n"


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (part() + b"--x--\r\n", "multipart/form-data", 400),
        (part() + b"--x--\r\n", "multipart/form-data; boundary=y", 400),
        (b"", "multipart/form-data; boundary=x", 422),
        (part(b"x") * 2000, "multipart/form-data; boundary=x", 400),
        (part(b"x", "text", "") * 2000, "multipart/form-data; boundary=x", 400),
        (part(file=f'; filename="{"n" * 10_000}.jpg"'), "multipart/form-data; boundary=x", 400),
        (part(bytes(1_100_000), "text", ""), "multipart/form-data; boundary=x", 400),
        (b"--x\r\n\r\nno header\r\n--x--\r\n", "multipart/form-data; boundary=x", 400),
        (b"{}", "application/json", 422),
        (b"files=%zz", "application/x-www-form-urlencoded", 422),
        (b"x", ";;=", 422),
    ],
)
def test_an_odd_form_is_refused_with_a_sentence(client, body, kind, status):
    refused(client.post("/predict", content=body, headers={"Content-Type": kind}), status)


def test_a_text_that_no_network_can_read(client, photos):
    sent = {"file": files(photos[:1])[0][1]}
    long = client.post("/clip/analyze", files=sent, data={"text": "word " * 3000})
    assert refused(long, 422) == "the text has 15000 characters; send at most 10000"
    half = part(photos[0].read_bytes(), "file") + part(b"\\ud800", "text", "") + b"--x--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=x; charset=unicode_escape"}
    assert refused(client.post("/clip/analyze", content=half, headers=kind), 422).startswith("text can't be used: ")


def test_of_several_bad_files_the_first_is_named(client):
    sent = [("files", ("a.jpg", b"hello")), ("files", ("b.jpg", b""))]
    assert refused(client.post("/predict", files=sent), 422).startswith(
        "none of the 2 files can be used; of the first, 'a.jpg': "
    )


def test_a_form_without_files_or_with_text_in_their_place(client):
    assert refused(client.post("/predict"), 422) == "files is missing; /openapi.json says what is asked for"
    assert "files is text; send a file" in refused(client.post("/predict", data={"files": "photo"}), 422)
    broken = client.post("/predict", content=b"abc", headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert refused(broken, 400).startswith("the form can't be read: ")
    texts = client.post("/predict", files=[("files", ("a.jpg", b"a"))], data={"text": ["a", "b"]})
    assert "2 texts don't go with 1 files" in refused(texts, 422)


def test_too_many_files(client, photos):
    assert refused(client.post("/predict", files=files(photos[:1] * 9)), 413).startswith("9 files are more than the 8")


@pytest.mark.parametrize("told", [True, False], ids=["length told", "in pieces"])
def test_a_request_that_is_too_large_is_refused_and_nothing_of_it_kept(client, told):
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'
    pieces = [head, *[bytes(10**6)] * 10]
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = client.post("/predict", content=b"".join(pieces) if told else iter(pieces), headers=headers)
    assert "larger than 2 MB" in refused(answer, 413)
    assert list(Path(client.app.state.service._folder.name).iterdir()) == []


def test_a_path_or_method_that_there_is_not(client):
    assert refused(client.get("/nothing"), 404).startswith("there is no GET /nothing")
    assert refused(client.get("/predict"), 405).startswith("there is no GET /predict")


def test_head_is_answered_as_get_without_a_body(client):
    for path in ("/health", "/metrics", "/openapi.json"):
        answer = client.head(path)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-type"] == client.get(path).headers["content-type"]
    assert client.head("/nothing").status_code == 404
    assert client.head("/predict").status_code == 405


def test_an_upload_that_still_hangs_at_the_end_gets_a_sentence(bundle):
    app = create_app(FixedSource(Served(bundle, "Model"), []), SETTINGS)
    config = uvicorn.Config(app, log_config=None, log_level="critical", timeout_graceful_shutdown=1)
    with listen("127.0.0.1", 0) as listening:
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        with socket.create_connection(listening.getsockname()[:2], timeout=20) as hanging:
            head = "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
            hanging.sendall(f"{head}Content-Type: multipart/form-data; boundary=x\r\n\r\n--x".encode())
            while not server.server_state.tasks:
                time.sleep(0.01)
            server.should_exit = True
            said = hanging.makefile("rb").read()
        thread.join()
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"application/json" in head
    assert json.loads(body) == {"detail": "the service is ending, and this request was not done in time; send it again"}


def test_pages_of_other_sites_may_not_ask(client):
    assert refused(client.get("/health", headers={"Origin": "http://example.com"}), 403)
    assert "example.com" in refused(client.get("/health", headers={"Host": "example.com"}), 403)
    assert refused(client.get("/health", headers={"Origin": "http://[::"}), 403)
    assert client.get("/health", headers={"Origin": str(client.base_url).rstrip("/")}).status_code == 200


def test_without_the_token_no_entry_but_health(bundle, photos):
    with running(FixedSource(Served(bundle, "Model"), []), token=TOKEN) as client:
        wrong = (
            {},
            {"Authorization": f"Bearer {TOKEN}x"},
            {"Authorization": TOKEN},
            {"Authorization": "Bearer é".encode()},
        )
        for headers in wrong:
            for method, path in (("POST", "/predict"), ("GET", "/metrics"), ("GET", "/openapi.json"), ("GET", "/none")):
                answer = client.request(method, path, headers=headers)
                assert "Authorization: Bearer TOKEN" in refused(answer, 401)
                assert answer.headers["www-authenticate"] == "Bearer"
        assert client.get("/health").status_code == 200
        right = {"Authorization": f"Bearer {TOKEN}"}
        assert client.post("/predict", files=files(photos[:1]), headers=right).status_code == 200
        schemes = client.get("/openapi.json", headers=right).json()["components"]["securitySchemes"]
        assert schemes == {"HTTPBearer": {"type": "http", "scheme": "bearer"}}


def test_other_machines_need_a_token():
    for host in ("0.0.0.0", "::"):  # noqa: S104  # that is what is refused
        with pytest.raises(UserError, match="THAWLINE_TOKEN"):
            check_token(host, None)
        check_token(host, TOKEN)
    for host in ("127.0.0.1", "localhost", "::1"):
        check_token(host, None)
    with pytest.raises(UserError, match="without blanks"):
        check_token("127.0.0.1", "two words")


def test_variables_come_from_the_environment_before_env(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text(
        "# a remark\nexport THAWLINE_TOKEN='a # b'  # no more\n\nCLIP_MODEL_PATH=Mo del # a place\nEMPTY=\nOF=file\n"
    )
    monkeypatch.setenv("OF", "environment")
    found = read_variables(tmp_path)
    assert (found["THAWLINE_TOKEN"], found["CLIP_MODEL_PATH"], found["OF"]) == ("a # b", "Mo del", "environment")
    assert "EMPTY" not in found
    (tmp_path / ".env").write_text("fine=1\nno assignment\n")
    with pytest.raises(UserError, match="line 2"):
        read_variables(tmp_path)


def test_openapi_describes_every_refusal(client):
    paths = client.get("/openapi.json").json()["paths"]
    responses = paths["/predict"]["post"]["responses"]
    assert set(responses) == {"200", "400", "401", "403", "413", "422", "500", "503"}
    for status in set(responses) - {"200"}:
        assert responses[status]["content"]["application/json"]["schema"]["$ref"].endswith("/Problem")
    assert "HTTPValidationError" not in json.dumps(paths)
