"""Run by tests: real processes on one store. `crowd.py '[{"photos": DIR, "store": DIR, "scenario": NAME}, ...]'` prints
what each scenario gave, as JSON.

The processes are forked after the imports, which would take longer than everything else.
"""

import hashlib
import json
import os
import random
import resource
import signal
import sys
import time
from pathlib import Path

import torch
import torchvision.transforms.v2.functional  # noqa: F401  (what reading photos imports)
from torch import nn

from thawline.data.listing import list_photos
from thawline.data.photos.preprocessing import Preprocessing
from thawline.errors import UserError
from thawline.features.media import Photos
from thawline.features.store.key import shelf_key
from thawline.features.store.store import FeatureStore
from thawline.features.survey import Survey, survey
from thawline.features.upkeep import verify
from thawline.features.wanted import Target, Wanted

SQUARE = Preprocessing(size=32, resize=32)


class Slow(nn.Module):
    """A network that takes its time, so that a pass can be hit in the middle."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.weight = nn.Parameter(torch.randn(3 * 32 * 32, 1024, generator=generator))
        self.seconds = seconds

    def forward(self, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        time.sleep(self.seconds)
        # Far more bytes than are remembered of a photo: a file that may not grow is one of these.
        return {"features": (inputs["pixels"].flatten(1).float() @ self.weight).repeat(1, 16)}


def run(asked: dict, log: Path | None = None) -> Survey:
    """One survey; the digests of the photos that are decoded for the network are appended to `log`.

    The features are those of a view for no other reason than that views tell of their photos.
    """
    store = FeatureStore(Path(asked["store"]))

    def note(pixels: torch.Tensor, digest: str, view: int) -> torch.Tensor:
        if log:
            with log.open("a") as file:
                file.write(digest + "\n")
        return pixels

    slow = Slow(asked.get("seconds", 0.0))
    wanted = Wanted((Target(shelf_of(store), cut=1, view=1),), lambda *_: slow, Photos(SQUARE), augment=note)
    return survey(list_photos(Path(asked["photos"])).photos, store, wanted)


class Layer(nn.Module):
    """One of the stages of a network that is cut at several borders; it takes its time."""

    def __init__(self, border: int, seconds: float) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(border)
        self.weight = nn.Parameter(torch.randn(256 if border else 3 * 32 * 32, 256, generator=generator) / 16)
        self.seconds = seconds

    def forward(self, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        time.sleep(self.seconds)
        (entering,) = inputs.values()
        return {"features": torch.tanh(entering.flatten(1).float() @ self.weight)}


def run_many(asked: dict, places: list[list[int]]) -> Survey:
    """One survey of several cuts and views."""
    store = FeatureStore(Path(asked["store"]))
    layers = [Layer(border, asked.get("seconds", 0.0)) for border in range(3)]
    wanted = Wanted(
        tuple(targets_of(store, places)),
        lambda start, cut: nn.Sequential(*layers[start:cut]),
        Photos(SQUARE),
        augment=lambda pixels, digest, view: pixels.roll(view + int(digest[:2], 16), -1),
    )
    return survey(list_photos(Path(asked["photos"])).photos, store, wanted)


def targets_of(store: FeatureStore, places: list[list[int]]) -> list[Target]:
    def key(cut: int, view: int) -> dict:
        return shelf_key(
            {"family": "layers"}, SQUARE.pixel_key(), cut=cut, dtype="float32", device="cpu", view=view, augmentation={}
        ) | {"view": view}

    return [Target(store.shelf(key(cut, view), f"{cut} {view}"), cut, view) for cut, view in places]


def shelf_of(store: FeatureStore):
    return store.shelf(shelf_key({"family": "slow"}, SQUARE.pixel_key(), cut=1, dtype="float32", device="cpu"))


def told(found: Survey) -> dict:
    names = sorted(name for name, facts in found.facts.items() if facts.problem is None)
    features = found.rows(names)[:]["features"]
    return {
        "computed": found.computed,
        "read": found.read,
        "bits": hashlib.sha256(features.numpy().tobytes()).hexdigest(),
    }


def told_of_many(found: Survey) -> dict:
    """By cut and view."""
    names = sorted(found.facts)
    return {
        f"{target.cut} {target.view}": {
            "computed": counts.computed,
            "read": counts.read,
            "bits": hashlib.sha256(found.rows(names, target)[:]["features"].numpy().tobytes()).hexdigest(),
        }
        for target, counts in found.counts.items()
    }


def child(work, out: Path) -> int:
    """Fork; the child writes what `work` returns to `out`."""
    pid = os.fork()
    if pid == 0:
        try:
            out.write_text(json.dumps(work()))
            os._exit(0)
        finally:
            os._exit(1)
    return pid


def together(asked: dict) -> list[dict]:
    """Several processes that begin at the same moment."""
    return at_once(asked, [lambda: told(run(asked))] * asked["processes"])


def overlapping(asked: dict) -> list[dict]:
    """Processes that begin at the same moment and want different targets, some of them the same."""
    return at_once(asked, [lambda places=places: told_of_many(run_many(asked, places)) for places in asked["places"]])


def at_once(asked: dict, works: list) -> list[dict]:
    start = time.time() + 0.3
    outs = [Path(asked["store"]).with_name(f"out{i}.json") for i in range(len(works))]

    def waits(work) -> dict:
        time.sleep(max(0.0, start - time.time()))
        return work()

    for pid in [child(lambda work=work: waits(work), out) for work, out in zip(works, outs, strict=True)]:
        os.waitpid(pid, 0)
    return [json.loads(out.read_text()) for out in outs]


def kills_of_many(asked: dict) -> dict:
    """Passes over several shelves, each killed before one of its syncs; the last one may finish."""
    store = FeatureStore(Path(asked["store"]))
    targets = targets_of(store, asked["places"])
    held, wrong = [], []
    for point in asked["points"]:
        pid = child(
            lambda point=point: killed_at_sync(point, lambda: told_of_many(run_many(asked, asked["places"]))),
            Path("/dev/null"),
        )
        _, status = os.waitpid(pid, 0)
        wrong += [problem.what for problem in verify(store).problems]
        wrong += [] if os.WIFSIGNALED(status) else [f"not killed at sync {point}"]
        held.append([len(target.shelf.digests()) for target in targets])
    last = told_of_many(run_many(asked, asked["places"]))
    wrong += [problem.what for problem in verify(store).problems]
    return {"held": held, "wrong": wrong, "last": last}


def kills(asked: dict) -> dict:
    """Processes killed one after the other on one store, which is put aside whenever it is full.

    Every third is killed at a random moment after its start, every third at one after it decoded the first photo, and
    every third kills itself where it is about to sync a file, at one of the first eight times.
    """
    store = FeatureStore(Path(asked["store"]))
    log, out = (store.root.with_name(name) for name in ("log", "out.json"))
    chance = random.Random(asked["seed"])
    held_after, again, wrong, finished = [], 0, [], 0
    for number in range(asked["kills"]):
        held = shelf_of(store).digests()
        if len(held) == asked["all"]:
            store.root.rename(store.root.with_name(f"full{number}"))
            store, held = FeatureStore(Path(asked["store"])), set()
        log.write_text("")
        point = (number - 2) % 8 if number % 3 == 2 else None
        pid = child(lambda point=point: told(killed_at_sync(point, lambda: run(asked, log))), out)
        if point is None:
            while (
                number % 3 == 1
                and not log.read_text()
                and not os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            ):
                time.sleep(0.001)
            time.sleep(chance.uniform(0, asked["longest"]))
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        finished += os.WIFEXITED(status)
        again += len(held & set(log.read_text().split()))
        wrong += [problem.what for problem in verify(store).problems]
        held_after.append(len(shelf_of(store).digests()))
    held = shelf_of(store).digests()
    log.write_text("")
    last = told(run(asked, log))
    again += len(held & set(log.read_text().split()))
    wrong += [problem.what for problem in verify(store).problems]
    return {"held_after": held_after, "again": again, "wrong": wrong, "finished": finished, "last": last}


def killed_at_sync(point: int | None, work):
    """Work that kills its process before sync number `point`."""
    sync, calls = os.fsync, iter(range(10**6))

    def fsync(descriptor: int) -> None:
        if next(calls) == point:
            os.kill(os.getpid(), signal.SIGKILL)
        sync(descriptor)

    os.fsync = fsync
    return work()


def limited(asked: dict) -> dict:
    """A run that may write no file beyond some size."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (asked["limit"], resource.RLIM_INFINITY))
    try:
        run(asked)
    except UserError as error:
        said = str(error)
    else:
        said = ""
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    store = FeatureStore(Path(asked["store"]))
    wrong = [problem.what for problem in verify(store).problems]
    return {"said": said, "held": len(shelf_of(store).digests()), "wrong": wrong, "after": told(run(asked))}


SCENARIOS = {
    "one": lambda asked: told(run(asked)),
    "together": together,
    "kills": kills,
    "limited": limited,
    "many": lambda asked: told_of_many(run_many(asked, asked["places"])),
    "overlapping": overlapping,
    "kills of many": kills_of_many,
}

if __name__ == "__main__":
    print(json.dumps([SCENARIOS[asked["scenario"]](asked) for asked in json.loads(sys.argv[1])]))
