"""Makes the pictures of the tutorials and the README: `python tools/docs/pictures.py FOLDER [--only NAME …]`.

Runs on the samples, in FOLDER, an hour of one core; a command whose output lies there already is not run again. What is
printed becomes SVG, what a page shows WebP, by Chromium. All pictures together stay below 1.5 MB.
"""

import argparse
import html
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
from PIL import Image
from rich.console import Console
from rich.text import Text

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
RUNS = {
    "events-sample": "thawline sample events Sample",
    "events-train": "thawline train Sample encoder=tiny_clip logger=csv",
    "events-sweep": "thawline train Sample -m encoder=tiny_clip cv=5 method=projection method.epochs=15 "
    "method.lr=3e-4,1e-3,3e-3,1e-2 refit=true logger=csv",
    "events-compare": "thawline compare {sweep} out=events.html thumbnails=true",
    "match-sample": "thawline sample pairs Products",
    "match-train": "thawline train Products/pairs.csv task=match encoder=tiny_clip cv=5 logger=csv name=match",
    "match-compare": "thawline compare {match} out=match.html thumbnails=true",
    "genre-sample": "thawline sample genre Songs",
    "genre-trees": "thawline train Songs/tracks.csv task=genre cv=5 encoder=descriptors method=trees logger=csv "
    "name=trees",
    "preference-sample": "thawline sample preference Taste",
    "preference-import": "thawline preference import Taste/feedback.csv",
    "preference-add": "thawline preference add Taste",
    "preference-train": "thawline preference train encoder=tiny_clip",
    "library-sample": "thawline sample library Library",
    "library-train": "thawline library train Library/images_metadata.json",
    "library-search": 'thawline library search outputs/library "a dog on a beach" count=5',
    "library-page": "thawline library page outputs/library",
}
# Rich's own, without the font that it would load from elsewhere.
_SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">
<style>
.{unique_id}-matrix {{ font: {char_height}px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g></g>
</svg>
"""

_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
_STYLE = """
body { margin: 12px; font: 15px sans-serif; background: #fff; color: #222; }
figure { margin: 0; } figcaption { padding: 4px; }
.row img { width: 128px; height: 96px; object-fit: cover; }
.pairs { display: flex; flex-wrap: wrap; gap: 12px; }
.pairs figure, .pairs img { width: 250px; } .pairs img { height: 190px; object-fit: contain; }
.match { color: #2a6f97; } .mismatch { color: #d1495b; }
"""


class Studio:
    """A folder with the runs, and what is drawn of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "THAWLINE_STORE": str(folder / "store"), "COLUMNS": "80"}

    def said(self, name: str) -> str:
        """What a command printed, its own paths relative."""
        return (self.folder / f"{name}.txt").read_text(encoding="utf-8").replace(f"{self.folder}/", "")

    def run(self, name: str) -> None:
        """Run a command, unless it was run."""
        out = self.folder / f"{name}.txt"
        if out.exists():
            return
        named = {"sweep": self.newest("sweep/*"), "match": self.newest("train/match_*")}
        words = shlex.split(RUNS[name].format(**{key: f"'{value}'" for key, value in named.items()}))
        print(f"{name}: {shlex.join(words)}")
        done = subprocess.run(  # noqa: S603  # the table above
            words, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        if done.returncode:
            sys.exit(f"{name} failed:\n{done.stdout}")
        out.write_text(done.stdout, encoding="utf-8")

    def newest(self, pattern: str) -> Path | str:
        """The newest directory of runs that fits, if there is one."""
        return max((self.folder / "outputs").glob(pattern), default="")

    def screen(self, name: str, run: str, first: str, last: str, command: str) -> None:
        """What a command printed, from one line to another, as SVG."""
        lines = self.said(run).splitlines()
        begin = next(i for i, line in enumerate(lines) if line.startswith(first))
        end = next(i for i, line in enumerate(lines[begin:], begin) if last in line)
        shown = [f"$ {command}", *(line.rstrip() for line in lines[begin : end + 1])]
        console = Console(record=True, width=80, file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115,PTH123
        console.print(Text("\n".join(shown)))
        svg = console.export_svg(title="", code_format=_SVG, unique_id=name)
        (PICTURES / f"{name}.svg").write_text(svg, encoding="utf-8")

    def page(self, name: str, address: str, size: tuple[int, int], width: int = 1100) -> None:
        """What Chromium shows of a page, as WebP."""
        chromium = shutil.which("chromium") or shutil.which("google-chrome") or sys.exit("there is no Chromium")
        with tempfile.TemporaryDirectory() as there:
            shot = Path(there) / "shot.png"
            options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=8000"]
            words = [chromium, *options, f"--screenshot={shot}", f"--window-size={size[0]},{size[1]}", address]
            subprocess.run(words, check=True, capture_output=True)  # noqa: S603
            picture = Image.open(shot).convert("RGB")
        picture.thumbnail((width, 10_000))
        picture.save(PICTURES / f"{name}.webp", quality=72, method=6)

    def drawn(self, name: str, body: str, size: tuple[int, int]) -> None:
        """A piece of HTML as a picture."""
        file = self.folder / f"{name}-drawn.html"
        file.write_text(f"<!doctype html><meta charset=utf-8><style>{_STYLE}</style>{body}", encoding="utf-8")
        self.page(name, file.as_uri(), size)


def events(studio: Studio) -> None:
    """The sample's photos, a run, and the page that compares a sweep's trials."""
    folders = sorted(path for path in (studio.folder / "Sample").iterdir() if path.is_dir())
    cells = []
    for folder in folders:
        photos = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
        photos = photos[:: len(photos) // 6][:6]
        rows = "".join(
            f'<img src="{photo.as_uri()}" style="width:128px;height:96px;object-fit:cover">' for photo in photos
        )
        cells.append(f"<figure><figcaption>{html.escape(folder.name)}</figcaption>{rows}</figure>")
    studio.drawn("events-sample", "".join(cells), (800, 770))
    command = RUNS["events-train"].removesuffix(" logger=csv")
    studio.screen("events-train", "events-train", "120 samples", "sign-flip", command)
    command = "thawline train Sample -m encoder=tiny_clip …"
    studio.screen("events-sweep", "events-sweep", "leaderboard", "4 method", command)
    studio.page("events-compare", (studio.folder / "events.html").as_uri(), (1280, 1500))


def match(studio: Studio) -> None:
    """Pairs, a run, and its page."""
    table = pd.read_csv(studio.folder / "Products" / "pairs.csv")
    shown = pd.concat([table[table.label == 1].iloc[[0, 40, 90]], table[table.label == 0].iloc[[10, 300, 900]]])
    cells = []
    for row in shown.itertuples():
        picture = studio.folder / "Products" / str(row.image_path)
        what = "match" if row.label == 1 else "mismatch"
        said = f'{html.escape(str(row.text))}<br><b class="{what}">{what}</b>'
        cells.append(f'<figure><img src="{picture.as_uri()}"><figcaption>{said}</figcaption></figure>')
    body = f'<div class="pairs">{"".join(cells)}</div>'
    studio.drawn("match-sample", body, (830, 580))
    command = RUNS["match-train"].removesuffix(" logger=csv name=match")
    studio.screen("match-train", "match-train", "2,237 samples", "sign-flip", command)
    studio.page("match-compare", (studio.folder / "match.html").as_uri(), (1280, 1300))


def genre(studio: Studio) -> None:
    """What the sample sounds like, as spectrograms, and a run with its confusion matrix."""
    import librosa
    import numpy as np

    from thawline.drawing import drawing

    table = pd.read_csv(studio.folder / "Songs" / "tracks.csv")
    with tempfile.TemporaryDirectory() as there:
        file = Path(there) / "songs.png"
        with drawing(8.4, 4.2, file) as figure:
            axes = figure.subplots(2, 3).ravel()
            for one, (label, rows) in zip(axes, table.groupby("label"), strict=True):
                sound, rate = librosa.load(studio.folder / "Songs" / rows.audio_path.iloc[0], sr=22_050)
                mel = librosa.power_to_db(librosa.feature.melspectrogram(y=sound, sr=rate, n_mels=96), ref=np.max)
                one.imshow(
                    mel, origin="lower", aspect="auto", cmap="magma", vmin=-70, extent=(0, len(sound) / rate, 0, 96)
                )
                one.set(title=label, yticks=[], xlabel="s")
        Image.open(file).convert("RGB").resize((1100, 550)).save(PICTURES / "genre-sample.webp", quality=70, method=6)
    command = RUNS["genre-trees"].removesuffix(" logger=csv name=trees")
    studio.screen("genre-train", "genre-trees", "240 samples", "sign-flip", command)
    confusion = Image.open(Path(studio.newest("train/trees_*")) / "confusion.png").convert("RGB")
    confusion.thumbnail((760, 760))
    confusion.save(PICTURES / "genre-confusion.webp", quality=75, method=6)


def preference(studio: Studio) -> None:
    """What a training says, and the page that asks."""
    studio.screen("preference-train", "preference-train", "training", "v2 is active", RUNS["preference-train"])
    words = ["thawline", "serve", "encoder=tiny_clip", "port=8765"]
    served = subprocess.Popen(  # noqa: S603  # our own command
        words,
        cwd=studio.folder,
        env={**studio.environment, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert served.stdout  # noqa: S101  # asked for
        next(line for line in served.stdout if line.startswith("at "))
        time.sleep(5)
        studio.page("preference-page", "http://127.0.0.1:8765/", (1000, 900))
    finally:
        served.terminate()
        served.wait()


def library(studio: Studio) -> None:
    """What a search finds, and the library's page."""
    studio.screen("library-search", "library-search", " id", "next", RUNS["library-search"])
    studio.page("library-page", (studio.folder / "outputs" / "library" / "library.html").as_uri(), (1200, 1500))


DRAWN: dict[str, Callable[[Studio], None]] = {
    "events": events,
    "match": match,
    "genre": genre,
    "preference": preference,
    "library": library,
}


def main(words: Sequence[str] | None = None) -> None:
    """Run what was not run, and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="*", choices=DRAWN, default=list(DRAWN), help="of these tutorials")
    given = parser.parse_args(words)
    given.folder.mkdir(parents=True, exist_ok=True)
    PICTURES.mkdir(exist_ok=True)
    studio = Studio(given.folder.absolute())
    for task in given.only:
        for name in RUNS:
            if re.match(rf"{task}-", name):
                studio.run(name)
        DRAWN[task](studio)
    size = sum(path.stat().st_size for path in PICTURES.iterdir())
    print(f"{size / 1e6:.2f} MB in {PICTURES}")


if __name__ == "__main__":
    main()
