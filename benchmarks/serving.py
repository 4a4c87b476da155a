"""What a service adds to its model, and what it gains by judging requests together.

python benchmarks/serving.py --json serving.json

A service of a CLIP with random weights (speed does not depend on them), or with `--small` of the tiny CLIP that is part
of the package, with a database of results, as `thawline serve` starts it. Aims: `overhead_ms` under 5, `together` at
least 1.5.

- `overhead_ms`: the median over requests of one photo, one after another, of what the client waits less what the
  network's thread took for reading and judging that photo (`thawline_batch_seconds`), ms; the client's own part is in
  it. A busy machine makes it more: each of several threads waits for a core.
- `together`: how much faster 64 requests at once are than 64 one after another, the median of the rounds.
"""

import os
import signal
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
from common import finish, make_clip, make_photos, parser, say, workspace

_AT_ONCE = 64


def start(words: list[str], place: Path) -> tuple["subprocess.Popen[str]", str]:
    """A service that answers, and its address."""
    command = [sys.executable, "-m", "thawline", "serve", *words, "port=0", f"versions.dir={place / 'versions'}"]
    environment = {**os.environ, "THAWLINE_STORE": str(place / "store"), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    for line in process.stdout or ():
        if line.startswith("at "):
            return process, line.split()[1]
    raise SystemExit("the service did not start")


def network_seconds(client: httpx.Client) -> float:
    """What the network's thread took for all requests so far."""
    lines = client.get("/metrics").text.splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("thawline_batch_seconds_sum")))


def ask(client: httpx.Client, photo: bytes) -> float:
    """Seconds that one request takes, from when it is written until it is answered."""
    request = client.build_request("POST", "/predict", files={"files": ("photo.jpg", photo)})
    request.read()
    started = time.perf_counter()
    client.send(request).raise_for_status()
    return time.perf_counter() - started


def overheads(client: httpx.Client, photos: list[bytes], requests: int) -> list[float]:
    """What each of so many requests takes besides the network's own time, ms."""
    found = []
    for number in range(requests):
        before = network_seconds(client)
        took = ask(client, photos[number % len(photos)])
        time.sleep(0.005)  # the thread counts after it has answered
        found.append(1000 * (took - (network_seconds(client) - before)))
    return found


def together(client: httpx.Client, photos: list[bytes]) -> dict[str, float]:
    """Seconds of 64 requests, one after another and at once."""
    sent = [photos[number % len(photos)] for number in range(_AT_ONCE)]
    started = time.perf_counter()
    for photo in sent:
        ask(client, photo)
    one_by_one = time.perf_counter() - started
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        started = time.perf_counter()
        list(pool.map(lambda photo: ask(client, photo), sent))
        at_once = time.perf_counter() - started
    return {"one_by_one": one_by_one, "at_once": at_once, "ratio": one_by_one / at_once}


def main() -> None:
    """Measure, print and write."""
    arguments = parser(__doc__ or "", photos=16)
    arguments.add_argument("--small", action="store_true", help="serve the tiny CLIP")
    arguments.add_argument("--requests", type=int, default=100, help="whose overhead is measured (%(default)s)")
    given = arguments.parse_args()
    with workspace(given.data) as (data, place):
        photos = [path.read_bytes() for path in make_photos(data, given.photos, 1024, 768).rglob("*.jpg")]
        encoder = ["encoder=tiny_clip"]
        if not given.small:
            encoder = ["encoder=clip", f"encoder.name={make_clip(data)}", "encoder.revision=null"]
        process, where = start(["base", *encoder, "data.classes=[wedding,birthday,snow]"], place)
        try:
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=_AT_ONCE)
            with httpx.Client(base_url=where, timeout=600, limits=limits, trust_env=False) as client:
                for photo in photos[:3]:
                    ask(client, photo)
                added = overheads(client, photos, given.requests)
                rounds: list[dict[str, float]] = [together(client, photos) for _ in range(max(3, given.rounds))]
        finally:
            process.send_signal(signal.SIGTERM)
            status = process.wait(60)
    for number, one in enumerate(rounds, 1):
        say(f"round {number}: {one['one_by_one']:.1f} s one by one, {one['at_once']:.1f} s at once")
    added.sort()
    ratios: dict[str, Any] = {
        "overhead_ms": round(statistics.median(added), 2),
        "overhead_ms_90": round(added[int(0.9 * len(added))], 2),
        "together": round(statistics.median(one["ratio"] for one in rounds), 2),
    }
    finish(given, ratios, {"rounds": rounds, "requests": given.requests, "exit_status": status})


if __name__ == "__main__":
    main()
