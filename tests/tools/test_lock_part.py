"""What an image of the service is built of: the lock's part, and files that there are."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tools.lock_part import own_builds, part

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def names(lock):
    return {canonicalize_name(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", lock, re.MULTILINE)}


def missing(there):
    """What packages of a part need that is not in it."""
    found = set()
    for name in there:
        try:
            needed = map(Requirement, distribution(name).requires or ())
        except PackageNotFoundError:  # another platform's
            continue
        wanted = {one for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})}
        found |= {(name, canonicalize_name(one.name)) for one in wanted if canonicalize_name(one.name) not in there}
    return found


def test_the_part_is_closed_and_has_nothing_that_only_developers_need():
    kept = part(LOCK, PROJECT, ["serve", "postgres", "hatchling"])
    there = names(kept)
    assert missing(there) == set()
    assert {"fastapi", "uvicorn", "psycopg", "torch", "hatchling"} <= there
    assert not {"pytest", "mypy", "ruff", "schemathesis", "tensorboard", "demucs"} & there
    assert kept.count("--hash=sha256:") >= len(there)


def test_demo_tests_and_everything_are_three_steps_of_one_lock():
    demo, test, all_ = (names(part(LOCK, PROJECT, given)) for given in (["hatchling", "editables"], ["test"], ["dev"]))
    assert missing(demo) == missing(test) == set()
    assert demo < test < all_ == names(LOCK)
    assert {"torch", "wandb", "optuna", "hatchling", "editables"} <= demo
    assert not {"pytest", "ipykernel", "onnxruntime", "fastapi", "ruff"} & demo
    assert {"pytest", "onnxruntime", "fastapi", "ipykernel", "submitit", "psycopg", "mypy"} <= test
    large = {"demucs", "sphn", "dlib-bin", "face-recognition-models", "ray", "sentence-transformers", "ultralytics"}
    assert large < all_ - test
    assert len(all_ - test) < 60


def test_an_own_build_of_pytorch_stays_and_nvidias_libraries_stay_away(tmp_path, monkeypatch):
    for name, version in {"torch": "2.14.1+cpu", "torchvision": "0.29.1+cpu", "numpy": "2.4.6"}.items():
        about = tmp_path / f"{name}-{version}.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    assert sorted(own_builds()) == ["torch", "torchvision"]
    plain, without = (names(part(LOCK, PROJECT, ["test"], less)) for less in ((), own_builds()))
    of_cuda = {name for name in plain if name.startswith(("nvidia", "cuda", "triton"))}
    assert {"nvidia-cublas", "triton", "cuda-toolkit"} <= of_cuda
    assert not (of_cuda | {"torch", "torchvision"}) & without
    assert {"numpy", "timm", "lightning", "torchmetrics", "onnx"} <= without
    (tmp_path / "torchvision-0.29.1+cpu.dist-info" / "METADATA").unlink()
    with pytest.raises(SystemExit, match="that of torchvision is missing: install it likewise"):
        own_builds()


def test_every_python_that_is_supported_gets_each_package():
    kept = map(Requirement, re.findall(r"^[A-Za-z0-9._-]+==[^\\\n]+", part(LOCK, PROJECT, ["serve"]), re.MULTILINE))
    of_numpy = [one.marker for one in kept if one.name == "numpy"]
    for python in ("3.11", "3.12", "3.13"):
        environment = {"python_full_version": f"{python}.0", "python_version": python}
        assert sum(marker is None or marker.evaluate(environment) for marker in of_numpy) == 1


def test_a_name_that_there_is_not():
    with pytest.raises(SystemExit, match="'serv' is neither an extra nor in the lock"):
        part(LOCK, PROJECT, ["serv"])


def test_the_image_is_built_of_files_that_there_are():
    lines = (ROOT / "Dockerfile").read_text("utf-8").splitlines()
    copied = [word for line in lines if re.match(r"COPY (?!--from)", line) for word in line.split()[1:-1]]
    assert len(copied) == 7
    assert [name for name in copied if not (ROOT / name).exists()] == []
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert ignored[0] == "*"
    assert {f"!{name}" for name in copied} <= set(ignored)
    asked = re.search(r"lock_part\.py (.*) >", "\n".join(lines))[1].split()
    installed = part((ROOT / "requirements.lock").read_text("utf-8"), PROJECT, asked)
    assert {"fastapi", "uvicorn", "psycopg", "hatchling"} <= {
        line.partition("==")[0] for line in installed.splitlines()
    }
    assert "STOPSIGNAL SIGTERM" in lines
    assert "USER thawline" in lines
