"""Where weights are, and fetching them, from a Hub that runs on this machine."""

import hashlib
import json
import pickle
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub.constants
import pytest
import timm
import torch
from rich.filesize import decimal
from safetensors.torch import load_file
from transformers import CLIPModel

from thawline.cli import main
from thawline.encoders.settings import EncoderSettings
from thawline.encoders.sound.separator import load_separator
from thawline.encoders.sound.separator_weights import fetch_separator, look_up_separator
from thawline.encoders.vision.clip import load_clip
from thawline.encoders.vision.timm import load_timm
from thawline.encoders.weights import Cached, fetch, locate, look_up, safetensors_in, weights_file
from thawline.errors import UserError

COMMIT = "1234567890abcdef1234567890abcdef12345678"
REPOSITORY = "someone/some-clip"
NOWHERE = "http://127.0.0.1:9"  # nothing listens there


class Hub(ThreadingHTTPServer):
    """The little of the Hub's protocol that a download needs; keeps what was asked for."""

    daemon_threads = True

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.downloads: list[str] = []
        super().__init__(("127.0.0.1", 0), HubRequest)


class HubRequest(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, *, body):
        if self.path.split("?")[0] in (f"/api/models/{REPOSITORY}/revision/{rev}" for rev in ("main", COMMIT)):
            files = [{"rfilename": path.name} for path in sorted(self.server.directory.iterdir())]
            self.send(json.dumps({"id": REPOSITORY, "sha": COMMIT, "siblings": files}).encode(), {}, body)
            return
        if self.path.startswith(f"/api/models/{REPOSITORY}/tree/{COMMIT}?"):
            entries = [
                {"type": "file", "path": path.name, "size": path.stat().st_size, "oid": "0" * 40}
                for path in sorted(self.server.directory.iterdir())
            ]
            self.send(json.dumps(entries).encode(), {}, body)
            return
        for revision in ("main", COMMIT):
            prefix = f"/{REPOSITORY}/resolve/{revision}/"
            path = self.server.directory / self.path.removeprefix(prefix)
            if self.path.startswith(prefix) and path.is_file():
                if body:
                    self.server.downloads.append(path.name)
                content = path.read_bytes()
                etag = f'"{hashlib.sha256(content).hexdigest()}"'
                self.send(content, {"X-Repo-Commit": COMMIT, "ETag": etag}, body)
                return
        missing = "RevisionNotFound" if f"/{REPOSITORY}/" in self.path else "RepoNotFound"
        self.send(b"", {"X-Error-Code": missing}, body, status=404)

    def send(self, content, headers, body, status=200):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *_):
        """Keep the test's output clean."""


def point_to(monkeypatch, endpoint: str) -> None:
    """Let the Hub's library take `endpoint` for the Hub, as HF_ENDPOINT would if it was set before the import."""
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", endpoint)
    template = f"{endpoint}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """An empty cache of the Hub's, and no Hub."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    point_to(monkeypatch, NOWHERE)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    return tmp_path / "cache"


@pytest.fixture
def hub(make_clip, tmp_path, cache, monkeypatch) -> Iterator[Hub]:
    directory = make_clip(tmp_path / "repository")
    (directory / "modeling_clip.py").write_text("raise SystemExit('remote code ran')", encoding="utf-8")
    (directory / "tf_model.h5").write_bytes(b"another framework's")
    with Hub(directory) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        point_to(monkeypatch, f"http://127.0.0.1:{server.server_port}")
        yield server
        server.shutdown()
        thread.join()


def clip(**given):
    return EncoderSettings(family="clip", **{"name": REPOSITORY, **given})


def make_old(directory: Path) -> dict[str, torch.Tensor]:
    """Replace the safetensors file by what one was before."""
    state = load_file(directory / "model.safetensors")
    torch.save(state, directory / "pytorch_model.bin")
    (directory / "model.safetensors").unlink()
    return state


@pytest.mark.extra
@pytest.mark.parametrize("revision", [COMMIT, None])
def test_a_separator_is_fetched_and_found(hub, cache, revision):
    from tests.encoders import separators  # skips without Demucs

    for path in hub.directory.iterdir():
        path.unlink()
    separators.save(hub.directory)
    for name in ("955717e8.json", "955717e8.th", "hubconf.py"):
        (hub.directory / name).write_text("not asked for", encoding="utf-8")
    settings = EncoderSettings(family="ast", name="an/ast", stems=4, separator=REPOSITORY, separator_revision=revision)
    assert look_up_separator(settings) == Cached(None, 0)
    with pytest.raises(UserError, match="are not on this machine; fetch"):
        load_separator(settings)
    directory = fetch_separator(settings)
    assert (directory.name, directory.is_relative_to(cache)) == (COMMIT, True)
    assert set(hub.downloads) == {"955717e8.safetensors", "htdemucs.yaml", "README.md"}
    size = (hub.directory / "955717e8.safetensors").stat().st_size
    assert look_up_separator(settings) == Cached(directory, size)
    count = len(hub.downloads)
    assert load_separator(settings).licence == "mit"
    assert fetch_separator(settings) == directory
    assert len(hub.downloads) == count, "what is here is not fetched again"
    local = EncoderSettings(family="ast", name="x", stems=2, separator=str(hub.directory))
    assert fetch_separator(local) == hub.directory


@pytest.mark.extra
def test_the_command_brings_network_and_separator(hub, monkeypatch, capsys):
    from tests.encoders import separators  # skips without Demucs

    separators.save(hub.directory)
    given = EncoderSettings(family="ast", name=REPOSITORY, stems=4, separator=REPOSITORY)
    monkeypatch.setattr("thawline.commands.weights._names", lambda: ["mine"])
    monkeypatch.setattr("thawline.commands.weights._encoders", lambda names: dict.fromkeys(names, given))
    monkeypatch.setenv("COLUMNS", "200")

    def listed():
        main(["weights", "list"])
        return next(line for line in capsys.readouterr().out.splitlines() if "mine" in line).split()[2:]

    assert listed() == [REPOSITORY, "-", "-"], "neither is here"
    directory = fetch(given)
    network = (directory / "model.safetensors").stat().st_size
    assert " ".join(listed()[2:]) == f"{decimal(network)}, no separator"
    main(["weights", "fetch", "mine"])
    main(["weights", "fetch", REPOSITORY])
    assert capsys.readouterr().out.splitlines() == [f"{one}: {directory}" for one in ("mine", "separator", REPOSITORY)]
    size = network + (directory / "955717e8.safetensors").stat().st_size
    assert " ".join(listed()[2:]) == decimal(size)


@pytest.mark.parametrize("revision", [COMMIT, None])
def test_fetched_weights_are_found_and_load(hub, cache, revision, texts):
    settings = clip(revision=revision)
    assert look_up(settings) == Cached(None, 0)
    directory = fetch(settings)
    assert directory.name == COMMIT
    assert directory.is_relative_to(cache)
    assert set(hub.downloads) == {
        "config.json", "model.safetensors", "processor_config.json", "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip
    size = (hub.directory / "model.safetensors").stat().st_size
    assert look_up(settings) == Cached(directory, size, COMMIT)

    count = len(hub.downloads)
    towers = load_clip(settings)
    tokens = towers.tokenize(texts)
    with torch.no_grad():
        theirs = CLIPModel.from_pretrained(hub.directory).eval().get_text_features(**tokens).pooler_output
    ours = towers.text.prefix(len(towers.text.stages))(tokens)["features"]
    assert (ours - theirs).abs().max() <= 1e-5
    assert fetch(settings) == directory
    assert len(hub.downloads) == count, "what is here is not fetched again"


def test_another_revision_is_not_here(hub):
    fetch(clip(revision=COMMIT))
    with pytest.raises(UserError, match="are not on this machine"):
        locate(clip(revision="f" * 40))
    with pytest.raises(UserError, match="can't be fetched from the Hub: it has no revision fff"):
        fetch(clip(revision="f" * 40))


def test_an_old_repository_is_converted_once(hub):
    state = make_old(hub.directory)
    directory = fetch(clip(revision=COMMIT))
    assert "pytorch_model.bin" in hub.downloads
    converted = load_file(directory / "model.safetensors")
    assert converted.keys() == state.keys()
    assert all(torch.equal(converted[name], state[name]) for name in state)
    before = (directory / "model.safetensors").stat().st_mtime_ns
    load_clip(clip(revision=COMMIT))
    assert (directory / "model.safetensors").stat().st_mtime_ns == before
    assert not list(directory.glob("*.tmp"))
    assert look_up(clip(revision=COMMIT)).bytes == (directory / "model.safetensors").stat().st_size


def test_an_unknown_repository_and_no_network(hub, monkeypatch, capfd):
    with pytest.raises(UserError, match="someone/else can't be fetched from the Hub: there is no such repository"):
        fetch(clip(name="someone/else"))
    directory = fetch(clip(revision=COMMIT))
    capfd.readouterr()
    point_to(monkeypatch, NOWHERE)
    assert fetch(clip(revision=COMMIT)) == directory, "what is here needs no network"
    started = time.monotonic()
    with pytest.raises(UserError, match="someone/else can't be fetched from the Hub: the Hub can't be reached; check"):
        fetch(clip(name="someone/else"))
    assert time.monotonic() - started < 6
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("cache")
def test_what_is_not_here_is_said_without_asking_the_network():
    with pytest.raises(UserError, match=r"^the weights of openai/clip-vit-base-patch32 are not on this machine; fetch"):
        load_clip(clip(name="openai/clip-vit-base-patch32"))
    said = r"'thawline weights fetch ENCODER', or set encoder.name to a local directory or encoder.weights to a safe"
    with pytest.raises(UserError, match=said):
        load_timm(EncoderSettings(family="timm", name="timm/resnet50.a1_in1k", model="resnet50"))
    said = "'mobilenetv2_035' is neither a directory nor a Hub id; set encoder.name to one of these or encoder.weights"
    with pytest.raises(UserError, match=said):
        load_timm(EncoderSettings(family="timm", name="mobilenetv2_035", model="mobilenetv2_035"))
    with pytest.raises(UserError, match="'~/nothing/here' is neither a directory nor a Hub id"):
        load_clip(clip(name="~/nothing/here"))
    with pytest.raises(UserError, match=r"'\.\./nothing' is neither"):
        load_clip(clip(name="../nothing"))
    with pytest.raises(UserError, match="the package carries no huge_clip"):
        load_clip(clip(name="package:huge_clip"))


@pytest.mark.usefixtures("cache")
def test_what_is_here_already_is_not_fetched(make_clip, tmp_path):
    directory = make_clip(tmp_path / "clip")
    with pytest.raises(UserError, match="is on this machine already"):
        fetch(clip(name=str(directory)))
    with pytest.raises(UserError, match="'mobilenetv2_035' is no Hub id"):
        fetch(EncoderSettings(family="timm", name="mobilenetv2_035", model="mobilenetv2_035"))


def test_looking_up_a_directory_and_a_file(make_clip, tmp_path):
    directory = make_clip(tmp_path / "clip")
    size = (directory / "model.safetensors").stat().st_size
    assert look_up(clip(name=str(directory))) == Cached(directory, size)
    file = directory / "model.safetensors"
    assert look_up(EncoderSettings(family="timm", name="x", model="resnet18", weights=str(file))) == Cached(
        directory, size
    )
    make_old(directory)
    assert look_up(clip(name=str(directory))).bytes == (directory / "pytorch_model.bin").stat().st_size
    assert not file.exists(), "looking writes nothing"
    (directory / "pytorch_model.bin").unlink()
    assert look_up(clip(name=str(directory))) == Cached(None, 0)


@pytest.fixture
def folder(tmp_path):
    """A folder with files of several networks; what they hold is not asked."""
    folder = tmp_path / "mes poids, été"
    folder.mkdir()
    names = ("mobilenetv2_035_backbone", "squeezenet1_0-b66bff10", "resnet50d", "resnet18.a", "resnet18_b", "notes")
    for name in names:
        (folder / f"{name}.safetensors").write_bytes(name.encode())
    (folder / "efficientnet_b0.pth").write_bytes(b"")
    return folder


def in_folder(folder, model, family="timm"):
    return EncoderSettings(family=family, name="x", model=model, weights=str(folder))


@pytest.mark.parametrize(
    ("family", "model", "file"),
    [
        ("timm", "mobilenetv2_035", "mobilenetv2_035_backbone"),
        ("torchvision", "squeezenet1_0", "squeezenet1_0-b66bff10"),
        ("timm", "resnet50d.ra2_in1k", "resnet50d"),
    ],
)
def test_the_file_of_an_architecture_in_a_folder(folder, family, model, file):
    path = folder / f"{file}.safetensors"
    settings = in_folder(folder, model, family)
    assert weights_file(settings) == path
    assert look_up(settings) == Cached(folder, path.stat().st_size)


def test_a_folder_with_no_file_or_several_for_an_architecture(folder, tmp_path, monkeypatch):
    several = (
        r"encoder.weights=.*mes poids, été has several files for resnet18: resnet18\.a\.\w+, resnet18_b\.\w+; name"
    )
    with pytest.raises(UserError, match=several):
        load_timm(in_folder(folder, "resnet18.a1_in1k"))
    # resnet50d is another network than resnet50, and a .pth is not read.
    for model in ("resnet50", "efficientnet_b0"):
        with pytest.raises(
            UserError, match=rf"has no {model}\*\.safetensors; put it there or .*: there is mobilenetv2_0"
        ):
            weights_file(in_folder(folder, model))
        assert look_up(in_folder(folder, model)) == Cached(None, 0)
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(UserError, match="there is no safetensors file at all"):
        weights_file(in_folder("~/empty", "resnet50"))


def test_torchvisions_weights_are_not_asked_of_the_hub():
    settings = EncoderSettings(family="torchvision", name="torchvision/squeezenet1_0", model="squeezenet1_0")
    said = "torchvision's weights are not the Hub's; set encoder.weights to a safetensors file, or a folder of such"
    with pytest.raises(UserError, match=f"'torchvision/squeezenet1_0' is no directory, and {said}"):
        weights_file(settings)
    with pytest.raises(UserError, match=f"torchvision/squeezenet1_0 can't be fetched: {said}"):
        fetch(settings)
    assert look_up(settings) == Cached(None, 0)


def test_an_old_directory_of_timms(tmp_path):
    torch.manual_seed(0)
    network = timm.create_model("test_resnet", pretrained=False)
    torch.save(network.state_dict(), tmp_path / "pytorch_model.bin")
    encoder = load_timm(EncoderSettings(family="timm", name=str(tmp_path), model="test_resnet"))
    assert torch.equal(encoder.model.layer4[0].conv1.weight, network.layer4[0].conv1.weight)


class Payload:
    def __reduce__(self):
        return (print, ("code of the file ran",))


@pytest.mark.parametrize("content", ["code", "torn", "list"])
def test_an_old_file_that_is_not_just_weights_is_not_read(tmp_path, capsys, content):
    path = tmp_path / "pytorch_model.bin"
    if content == "code":
        path.write_bytes(pickle.dumps(Payload()))
    elif content == "torn":
        torch.save({"weight": torch.zeros(1000)}, path)
        path.write_bytes(path.read_bytes()[:500])
    else:
        torch.save([1, 2], path)
    with pytest.raises(UserError, match=r"pytorch_model\.bin holds something other than weights, or is damaged"):
        safetensors_in(tmp_path)
    assert capsys.readouterr().out == ""
    assert [entry.name for entry in tmp_path.iterdir()] == ["pytorch_model.bin"]


def test_tensors_that_share_memory_are_converted(tmp_path):
    weight = torch.arange(12.0).view(3, 4)
    torch.save({"a": weight, "b": weight.T, "c": weight[1]}, tmp_path / "pytorch_model.bin")
    converted = load_file(safetensors_in(tmp_path))
    assert torch.equal(converted["b"], weight.T)
    assert torch.equal(converted["c"], weight[1])


def test_several_files_are_one_network(make_clip, tmp_path, pixels):
    one = make_clip(tmp_path / "one")
    several = tmp_path / "several"
    CLIPModel.from_pretrained(one).save_pretrained(several, max_shard_size="20KB")
    for name in ("processor_config.json", "tokenizer.json", "tokenizer_config.json"):
        (several / name).write_bytes((one / name).read_bytes())
    assert not (several / "model.safetensors").exists()
    first, second = (load_clip(clip(name=str(path))).image for path in (one, several))
    assert first.key(3) == second.key(3)
    sizes = [path.stat().st_size for path in several.glob("*.safetensors")]
    assert len(sizes) > 1
    assert look_up(clip(name=str(several))).bytes == sum(sizes)
    # A file that is lost later is named.
    next(several.glob("model-00001*")).unlink()
    with pytest.raises(UserError, match="holds no CLIP model that can be loaded"):
        load_clip(clip(name=str(several)))
