"""What default settings ask of the system: no name, no connection, no file outside the run and the declared caches."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from tests.extras import require

CALLS = (
    "connect,sendto,sendmsg,sendmmsg,open,openat,openat2,creat,mkdir,mkdirat,mknod,mknodat,truncate,"
    "rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,execve"
)
# The feature store, matplotlib's list of fonts and its folder for settings, W&B's own log.
CACHES = (".cache/thawline", ".cache/matplotlib", ".config/matplotlib", ".cache/wandb")
# What the C library reads when a name is looked up; it reads nsswitch.conf for users' names too.
NAMES = ("/etc/hosts", "/etc/resolv.conf", "/etc/host.conf", "/etc/gai.conf")
# `RUN` is the run that was made before.
ONE_AFTER_ANOTHER = """
import json, sys
from pathlib import Path
from thawline.cli import main
for words in json.loads(sys.argv[1]):
    main([str(*Path("outputs/train").iterdir()) if word == "RUN" else word for word in words])
"""
PLAIN = ("/dev/null", "/dev/tty", "/dev/shm/sem.")  # noqa: S108  # semaphores of the standard library
_CALL = re.compile(r"^\d+ +(?P<name>\w+)\((?P<rest>.*)$")
_PATH = re.compile(r'(?:(?:AT_FDCWD|\d+)<(?P<at>[^>]*)>, )?"(?P<path>(?:[^"\\]|\\.)*)"')
_WRITES = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC")


class Traced:
    """Runs commands under strace in a working directory, a home and a temporary directory of their own."""

    def __init__(self, root):
        self.root = root
        # Short: where a socket's name in it would be too long, W&B takes /tmp instead.
        self.tmp = Path(tempfile.mkdtemp(prefix="tl"))
        for name in ("work", "home"):
            (root / name).mkdir()
        taken_out = ("THAWLINE_STORE", "ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "HF_HOME")
        kept = {name: value for name, value in os.environ.items() if name not in taken_out}
        own = {"HOME": str(root / "home"), "TMPDIR": str(self.tmp), "PYTHONDONTWRITEBYTECODE": "1"}
        self.env = {**kept, **own}

    def __call__(self, *words):
        """Run, and give what should not have been done, each once."""
        trace = self.root / "trace"
        command = ["strace", "-f", "-qq", "-y", "--seccomp-bpf", "-s", "512", "-e", f"trace={CALLS}", "-o", trace]
        done = subprocess.run(
            [*command, *words], cwd=self.root / "work", env=self.env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        found = [self._wrong(call) for call in trace.read_text(errors="replace").splitlines()]
        return sorted({what for what in found if what})

    def thawline(self, *commands):
        """Run commands of `thawline` one after another in one process, which imports the libraries once."""
        return self(sys.executable, "-c", ONE_AFTER_ANOTHER, json.dumps(commands))

    def programs(self):
        """The names of what was run last, its own processes among it."""
        run = re.findall(r'execve\("([^"]+)", .*= 0$', (self.root / "trace").read_text(errors="replace"), re.MULTILINE)
        return {Path(name).name for name in run}

    def _wrong(self, line):
        call = _CALL.match(line)
        if call is None:
            return None
        name, rest = call["name"], call["rest"]
        if name == "execve":  # see `programs`
            return None
        if name in ("connect", "sendto", "sendmsg", "sendmmsg"):
            return line if "AF_INET" in rest or "TCP" in rest or "UDP" in rest else None
        paths = [str(Path(m["at"] or self.root / "work", m["path"])) for m in _PATH.finditer(rest)]
        if name.startswith("open"):
            if paths and paths[0] in NAMES:
                return f"looked up a name: {paths[0]}"
            if not _WRITES.search(rest):
                return None
        if "= -1 " in rest:
            return None
        if name.startswith("symlink"):
            paths = paths[1:]  # what the link says, which nobody touches
        outside = [path for path in paths if not self._ours(path)]
        return f"{name} {outside[0]}" if outside else None

    def _ours(self, path):
        places = [self.root / "work", self.tmp, *(self.root / "home" / cache for cache in CACHES)]
        own = self.root / "home"
        makes_way = path in (str(own), str(own / ".cache"), str(own / ".config"))
        return path.startswith(PLAIN) or makes_way or any(f"{path}/".startswith(f"{place}/") for place in places)


@pytest.fixture
def traced(tmp_path):
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    if subprocess.run(["strace", "-f", "--seccomp-bpf", "true"], capture_output=True, check=False).returncode:
        pytest.skip("strace may not look into processes on this machine")
    traced = Traced(tmp_path)
    yield traced
    shutil.rmtree(traced.tmp)


@pytest.mark.long
def test_a_default_run_stays_at_home(traced):
    sample = ["sample", "events", "Sample", "photos_per_class=12"]
    # The libraries that train are imported while the photos are read, so only what imports none of them comes before.
    train, export = ["train", "Sample", "encoder=tiny_clip"], ["export", "RUN", "out=Model"]
    predict = ["predict", "Model", "Sample", "out=said.parquet"]
    assert traced.thawline(sample, train, export, predict) == []
    assert (traced.root / "work" / "said.parquet").exists()
    assert list(traced.tmp.iterdir()) == []


def test_what_leaves_home_is_seen(traced, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "file"
    script = (
        "import pathlib, socket; socket.getaddrinfo('localhost', 80); "
        f"socket.socket().connect_ex(('127.0.0.1', 9)); pathlib.Path({str(outside)!r}).touch()"
    )
    found = traced(sys.executable, "-c", script)
    assert f"openat {outside}" in found
    assert "looked up a name: /etc/hosts" in found
    assert any("connect(" in what and "htons(9)" in what for what in found)


@pytest.mark.extra
@pytest.mark.long
def test_a_detector_of_ultralytics_fetches_and_installs_nothing(traced, shared_data):
    require("people", "ultralytics")
    weights, classes = shared_data / "weights" / "yolov8n_int8.onnx", ("family", "christmas")
    for name in classes:
        (traced.root / "work" / "Photos" / name).mkdir(parents=True)
        for photo in sorted((shared_data / "events" / name).iterdir())[:3]:
            shutil.copy(photo, traced.root / "work" / "Photos" / name)
    command = [sys.executable, "-m", "thawline", "data", "check", "Photos", "people=tag", f"people.detector={weights}"]
    assert traced(*command) == []
    [table] = (traced.root / "work" / "outputs" / "check").glob("*/people.csv")
    assert len(table.read_text().splitlines()) == 1 + 6
    assert list(traced.tmp.iterdir()) == []
    # No pip and no uv: beside Python itself what ctypes finds libraries with.
    assert traced.programs() <= {Path(sys.executable).name, "python", "ldconfig", "gcc", "cc", "ld", "sh"}
