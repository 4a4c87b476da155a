"""Sound: what the front end costs, and what a frozen AST with a new head costs.

clips   half WAV, half MP3, 30 s of stereo at 44.1 kHz: decode, resample and log-mel spectrogram with `librosa`, one
        clip after another, and with Thawline on all cores: of files that it sees for the first time, which it also
        hashes, checks and fingerprints, and of files whose facts it remembers, which is librosa's work and no more.
        Imports and the first clip are not counted. Values are compared where they are above -80 dB of the loudest.
ast     an AST from its default config (86 million random weights; speed does not depend on them), windows of 10.24 s:
        one forward pass alone; `thawline train` from an empty store, ten epochs of a new head; a second head from the
        full store. Whole processes, and the part of each that is features and fit.

    python benchmarks/audio.py                   # both
    python benchmarks/audio.py --parts clips     # one of them

Quick: --clips 20 --windows 4.
"""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from common import LOOPS, Results, finish, in_turn, loop, middle, parser, say, thawline_train, workspace

EPOCHS = 10
SECONDS = 30
RATE = 44_100
WINDOW = 10.24  # s
GENRES = ("country", "metal")


def play(number: int, seconds: float, rate: int, channels: int) -> np.ndarray[Any, Any]:
    """Tones that come and go over noise with music's fall to the treble, [samples, channels]. The same for a number."""
    rng = np.random.default_rng((2, number))
    samples = round(seconds * rate)
    time = np.arange(samples) / rate
    spectrum = rng.standard_normal(samples // 2 + 1) + 1j * rng.standard_normal(samples // 2 + 1)
    noise = np.fft.irfft(spectrum / np.sqrt(np.arange(1, samples // 2 + 2)), samples)
    sound = 0.05 * noise / np.abs(noise).max()
    for _ in range(20):
        pulse = np.maximum(0, np.sin(2 * np.pi * (rng.uniform(0.2, 2) * time + rng.random())))
        sound += 0.02 * pulse * np.sin(2 * np.pi * rng.uniform(80, 4000) * time)
    return np.stack([sound * rng.uniform(0.7, 1.2) for _ in range(channels)], axis=1)


def _save(number: int, folder: Path, seconds: float, rate: int, channels: int, kinds: tuple[str, ...]) -> None:
    kind = kinds[number % len(kinds)]
    path = folder / GENRES[number // len(kinds) % len(GENRES)] / f"{number:04d}.{kind}"
    if not path.exists():
        part = path.with_suffix(".part")
        soundfile.write(part, play(number, seconds, rate, channels), rate, format=kind.upper())
        part.rename(path)


def make_tracks(data: Path, count: int, seconds: float, rate: int, channels: int, *kinds: str) -> Path:
    """A folder of `count` files, evenly over two classes and the kinds."""
    folder = data / f"tracks-{count}-{seconds:g}s-{rate}-{'-'.join(kinds)}"
    for genre in GENRES:
        (folder / genre).mkdir(parents=True, exist_ok=True)
    save = partial(_save, folder=folder, seconds=seconds, rate=rate, channels=channels, kinds=kinds)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(save, range(count)))
    say(f"{count} tracks of {seconds:g} s in {folder.name}")
    return folder


def make_ast(data: Path) -> Path:
    """An AST with random weights from its default config, as transformers saves it."""
    folder = data / "ast"
    if not (folder / "done").exists():
        subprocess.run([sys.executable, LOOPS / "ast_forward.py", "make", folder], check=True)
        (folder / "done").touch()
    return folder


def train(tracks: Path, model: Path, scratch: Path, rate: str, *, empty: bool) -> dict[str, Any]:
    """`thawline train`; `features and fit` is what it does between its start and its reports."""
    if empty:
        shutil.rmtree(scratch / "store", ignore_errors=True)
    done = thawline_train(
        tracks,
        scratch / "store",
        scratch / "outputs",
        *("task=genre", "encoder=ast", f"encoder.name={model}", "encoder.revision=null", f"encoder.seconds={WINDOW}"),
        *("method=linear", f"method.epochs={EPOCHS}", f"method.patience={EPOCHS}", f"method.lr={rate}"),
    )
    spent = done["spent"]
    rest = spent["start, imports, settings"] + spent["judging, reports"] + spent["pictures, exit"]
    return {**done, "features_and_fit": done["wall"] - rest}


def clip_ratios(found: Results) -> dict[str, float]:
    """Of seconds, wall-clock and of all cores, and the largest difference."""
    ratios = {}
    for ours in ("first time", "facts known"):
        for kind in ("seconds", "cpu"):
            seconds = middle(found[f"thawline, {ours}"], kind)
            ratios[f"librosa_over_thawline, {ours}, {kind}"] = middle(found["librosa"], kind) / seconds
    return {**ratios, "largest_difference_db": max(one["difference_db"] for one in found["values"])}


def ast_ratios(found: Results) -> dict[str, float]:
    """Ten epochs against one pass; seconds of a second head."""
    return {
        "features_and_fit_over_pass": middle(found["cold"], "features_and_fit") / middle(found["pass"], "seconds"),
        "process_over_process": middle(found["cold"], "wall") / middle(found["pass"], "process_wall"),
        "second_head_seconds": middle(found["second head"], "wall"),
        "second_head_features_and_fit_seconds": middle(found["second head"], "features_and_fit"),
    }


def main() -> None:
    """Measure the parts asked for."""
    options = parser(__doc__)
    options.add_argument("--clips", type=int, default=200, help="clips of 30 s (200)")
    options.add_argument("--windows", type=int, default=16, help="windows of 10.24 s, one a track (16)")
    options.add_argument("--parts", nargs="+", choices=("clips", "ast"), default=("clips", "ast"))
    given = options.parse_args()
    ratios, details = {}, {}
    with workspace(given.data) as (data, scratch):
        jobs: dict[str, Any]
        if "clips" in given.parts:
            clips = make_tracks(data, given.clips, SECONDS, RATE, 2, "wav", "mp3")
            jobs = {
                "librosa": partial(loop, "log_mel", "librosa", clips),
                "thawline, first time": partial(loop, "log_mel", "first", clips),
                "thawline, facts known": partial(loop, "log_mel", "again", clips),
                "values": partial(loop, "log_mel", "compare", clips),
            }
            details["clips"] = in_turn(given.rounds, jobs)
            ratios["clips"] = clip_ratios(details["clips"])
        if "ast" in given.parts:
            tracks, model = make_tracks(data, given.windows, WINDOW, 16_000, 1, "wav"), make_ast(data)
            jobs = {
                "pass": partial(loop, "ast_forward", "pass", model, tracks),
                "cold": partial(train, tracks, model, scratch, "0.001", empty=True),
                "second head": partial(train, tracks, model, scratch, "0.01", empty=False),
            }
            details["ast"] = in_turn(given.rounds, jobs)
            ratios["ast"] = ast_ratios(details["ast"])
    finish(given, ratios, {"clips": given.clips, "windows": given.windows, "runs": details})


if __name__ == "__main__":
    main()
