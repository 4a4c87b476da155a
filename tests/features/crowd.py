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
from thawline.data.preprocessing import Preprocessing
from thawline.errors import UserError
from thawline.features.key import shelf_key
from thawline.features.store import FeatureStore
from thawline.features.survey import Survey, Wanted, survey
from thawline.features.upkeep import verify

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
        return {"features": inputs["pixels"].flatten(1).float() @ self.weight}


def run(asked: dict, log: Path | None = None) -> Survey:
    """One survey; the digests of the photos that are decoded for the network are appended to `log`."""
    store = FeatureStore(Path(asked["store"]))
    shelf = shelf_of(store)

    def note(pixels: torch.Tensor, digest: str) -> torch.Tensor:
        with log.open("a") as file:
            file.write(digest + "\n")
        return pixels

    wanted = Wanted(shelf, Slow(asked.get("seconds", 0.0)), SQUARE, view=note if log else None)
    return survey(list_photos(Path(asked["photos"])).photos, store, wanted)


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
    start = time.time() + 0.3
    outs = [Path(asked["store"]).with_name(f"out{i}.json") for i in range(asked["processes"])]

    def work() -> dict:
        time.sleep(max(0.0, start - time.time()))
        return told(run(asked))

    for pid in [child(work, out) for out in outs]:
        os.waitpid(pid, 0)
    return [json.loads(out.read_text()) for out in outs]


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
        pid = child(lambda point=point: told(killed_at_sync(point, asked, log)), out)
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


def killed_at_sync(point: int | None, asked: dict, log: Path) -> Survey:
    """A run that kills itself before its sync number `point`."""
    sync, calls = os.fsync, iter(range(10**6))

    def fsync(descriptor: int) -> None:
        if next(calls) == point:
            os.kill(os.getpid(), signal.SIGKILL)
        sync(descriptor)

    os.fsync = fsync
    return run(asked, log)


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


SCENARIOS = {"one": lambda asked: told(run(asked)), "together": together, "kills": kills, "limited": limited}

if __name__ == "__main__":
    print(json.dumps([SCENARIOS[asked["scenario"]](asked) for asked in json.loads(sys.argv[1])]))
