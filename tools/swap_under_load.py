"""Ask a running service without a pause while versions are activated, and say what failed.

thawline serve versions.dir=DIR port=8000        in another terminal, with two versions at least
python tools/swap_under_load.py http://127.0.0.1:8000 PHOTOS --requests 1000 --swaps 20

Every request must be answered, each answer must name one of the versions, and a version must say the same of the same
file each time. The token, if there is one, is that of THAWLINE_TOKEN. Exit status 1 if anything is wrong.
"""

import argparse
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

_PHOTOS = (".jpg", ".jpeg", ".png", ".webp")
_CLOSE = 1e-5


@dataclass
class Outcome:
    """What came of it.

    Attributes:
        failed: Requests that were not answered, and why.
        wrong: Answers that are not what they should be.
        versions: How many answers each version gave.
        swaps: Activations that were answered.
        seconds: That each activation took.
    """

    failed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    versions: Counter[int] = field(default_factory=Counter)
    swaps: int = 0
    seconds: list[float] = field(default_factory=list)


class Load:
    """Requests and activations of one service."""

    def __init__(self, client: httpx.Client, photos: Sequence[Path], numbers: Sequence[int]) -> None:
        """Ask about `photos`; `numbers` are the versions that take turns."""
        self._client, self._photos, self._numbers = client, [(p.name, p.read_bytes()) for p in photos], numbers
        self._outcome = Outcome()
        self._lock = threading.Lock()
        self._answered = self._swapped = self._requests = self._swaps = 0
        self._said: dict[tuple[int, str], dict[str, float]] = {}

    def run(self, requests: int, swaps: int, at_once: int) -> Outcome:
        """Ask `requests` times, `at_once` at a time, with `swaps` activations spread evenly between.

        However quick requests are, no more of them come before an activation than is its share.
        """
        self._activate(self._numbers[0])
        self._requests, self._swaps = requests, swaps
        swapping = threading.Thread(target=self._swap, args=(requests, swaps))
        swapping.start()
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(self._ask, range(requests)))
        swapping.join()
        return self._outcome

    def _swap(self, requests: int, swaps: int) -> None:
        for number in range(swaps):
            while self._answered < requests * number // swaps:
                time.sleep(0.002)
            self._activate(self._numbers[(number + 1) % len(self._numbers)])
            self._swapped = number + 1

    def _activate(self, number: int) -> None:
        began = time.monotonic()
        answer = self._client.post(f"/models/versions/{number}/activate", json={"force": True})
        ended = time.monotonic()
        with self._lock:
            if answer.status_code != 200:
                self._outcome.failed.append(f"activation of v{number}: {answer.status_code} {answer.text[:200]}")
                return
            self._outcome.swaps += 1
            self._outcome.seconds.append(ended - began)

    def _ask(self, number: int) -> None:
        while number * self._swaps > self._requests * (self._swapped + 1):
            time.sleep(0.002)
        name, content = self._photos[number % len(self._photos)]
        try:
            answer = self._client.post("/predict", files={"files": (name, content)})
            problem = None if answer.status_code == 200 else f"{answer.status_code} {answer.text[:200]}"
        except httpx.HTTPError as error:
            problem = f"{type(error).__name__} {error}"
        with self._lock:
            self._answered += 1
            if problem is not None:
                self._outcome.failed.append(f"request {number}: {problem}")
            else:
                self._check(answer.json()["results"][0], name)

    def _check(self, said: dict[str, Any], name: str) -> None:
        version, wrong = said["version"], self._outcome.wrong
        self._outcome.versions[version] += 1
        if version not in self._numbers or said["model"] != f"v{version}":
            wrong.append(f"{name} was answered by {said['model']}, v{version}")
        before = self._said.setdefault((version, name), said["probabilities"])
        if any(abs(before[label] - p) > _CLOSE for label, p in said["probabilities"].items()):
            wrong.append(f"v{version} said of {name} what differs from what it said before")


def main() -> None:
    """Ask, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("service")
    parser.add_argument("photos", type=Path)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--swaps", type=int, default=20)
    parser.add_argument("--at-once", type=int, default=8)
    given = parser.parse_args()
    token = os.environ.get("THAWLINE_TOKEN")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    photos = sorted(path for path in given.photos.rglob("*") if path.suffix.lower() in _PHOTOS)[:16]
    with httpx.Client(base_url=given.service, headers=headers, timeout=120, trust_env=False) as client:
        there = client.get("/models/versions").raise_for_status().json()["versions"]
        numbers = [one["number"] for one in there if one["pruned_at"] is None][:2]
        if len(numbers) < 2 or not photos:
            sys.exit("two versions and some photos are needed")
        started = time.monotonic()
        outcome = Load(client, photos, numbers).run(given.requests, given.swaps, given.at_once)
        took = time.monotonic() - started
    for line in [*outcome.failed, *outcome.wrong][:20]:
        print(line)
    by = ", ".join(f"v{number} {count}" for number, count in sorted(outcome.versions.items()))
    middle = sorted(outcome.seconds)[len(outcome.seconds) // 2]
    print(
        f"{given.requests} requests in {took:.1f} s, {outcome.swaps - 1} activations between them (median "
        f"{middle:.2f} s): {len(outcome.failed)} failed, {len(outcome.wrong)} wrong; answered by {by}"
    )
    sys.exit(bool(outcome.failed or outcome.wrong))


if __name__ == "__main__":
    main()
