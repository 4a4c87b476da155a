"""Sound that libsndfile does not read, decoded by ffmpeg where it is installed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
import threading
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from thawline.data.tracks.sound.kinds import DEMUXERS
from thawline.errors import UnusableError

_SECONDS = 600  # for one file; an hour of AAC takes ten seconds
_PROBE_SECONDS = 60
# Kinds whose header does not say how long they are: ffprobe guesses it by the bit rate.
_GUESSED = ("AAC", "AMR")


@cache
def version() -> str | None:
    """What ffmpeg is installed, "ffmpeg 7.1"; None if there is none, or no ffprobe beside it."""
    program = shutil.which("ffmpeg")
    if program is None or shutil.which("ffprobe") is None:
        return None
    try:
        said = _said([program, "-version"])
    except (OSError, subprocess.TimeoutExpired):
        return None
    return " ".join(said.stdout.decode(errors="replace").split()[:3:2]) or None


def _said(command: list[str]) -> subprocess.CompletedProcess[bytes]:
    """What a short command says; no shell reads it."""
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PROBE_SECONDS)  # noqa: S603


class FfmpegDecoder:
    """A sound file, decoded by ffmpeg in a process of its own.

    Attributes:
        samplerate: Hz.
        channels: how many.
        seconds: that the file says; None if it says nothing.
    """

    def __init__(self, path: str, kind: str) -> None:
        """Ask ffprobe what is in a file.

        Raises:
            UnusableError: ffmpeg is not installed, or cannot read the file.
        """
        if version() is None:
            raise UnusableError(f"{kind} needs ffmpeg, which is not installed")
        self._input = ["-protocol_whitelist", "file", "-f", DEMUXERS[kind], "-i", f"file:{path}"]  # no URL, no playlist
        self._process: subprocess.Popen[bytes] | None = None
        self._kind = kind
        stream, seconds = self._probe()
        try:
            self.samplerate, self.channels = int(stream["sample_rate"]), int(stream["channels"])
        except (KeyError, ValueError):
            raise UnusableError(f"broken {kind}: its rate and channels are not said") from None
        self.seconds = None if kind in _GUESSED else seconds

    def _probe(self) -> tuple[dict[str, Any], float | None]:
        entries = "stream=sample_rate,channels,duration:format=duration"
        asked = ["ffprobe", "-v", "error", "-select_streams", "a:0", "-show_entries", entries, "-of", "json"]
        try:
            said = _said([*asked, *self._input])
        except subprocess.TimeoutExpired:
            raise UnusableError(f"broken {self._kind}: ffprobe did not end within {_PROBE_SECONDS} s") from None
        if said.returncode != 0:
            raise self._broken(said.stderr)
        found = json.loads(said.stdout)
        if not found.get("streams"):
            raise UnusableError(f"no sound in this {self._kind}")
        (stream,) = found["streams"][:1]
        try:
            return stream, float(stream.get("duration") or found["format"]["duration"])
        except (KeyError, TypeError, ValueError):
            return stream, None

    def read(self, out: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Decode on from where the last call ended; less than `out` at the end.

        Args:
            out: float32 [frames, channels], contiguous: what is filled.

        Returns:
            What of `out` was filled.

        Raises:
            UnusableError: ffmpeg cannot go on.
        """
        if not out.size:
            return out
        process = self._process or self._start(0)
        assert process.stdout is not None  # noqa: S101
        got = process.stdout.readinto(memoryview(out).cast("B"))  # type: ignore[attr-defined,arg-type]
        if got < out.nbytes and process.wait() != 0:
            self._errors.seek(0)
            if self._late:
                raise UnusableError(f"ffmpeg did not decode this {self._kind} within {_SECONDS} s")
            raise self._broken(self._errors.read())
        return out[: got // (4 * self.channels)]

    def seek(self, frame: int) -> int:
        """Go on at a frame, or near it."""
        self.close()
        self._start(frame)
        return frame

    def close(self) -> None:
        """End ffmpeg."""
        if self._process is None:
            return
        self._timer.cancel()
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None  # noqa: S101
        self._process.stdout.close()
        self._errors.close()
        self._process = None

    def _start(self, frame: int) -> subprocess.Popen[bytes]:
        begin = ["-ss", f"{frame / self.samplerate:.6f}"] if frame else []
        sound = ["-map", "0:a:0", "-ar", str(self.samplerate), "-ac", str(self.channels)]
        command = ["ffmpeg", "-nostdin", "-v", "error", *begin, *self._input, *sound, "-f", "f32le", "pipe:1"]
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # a pipe that nobody reads would stop ffmpeg
        self._process = subprocess.Popen(  # noqa: S603  # the words are our own, and no shell reads them
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._errors
        )
        self._late = False
        self._timer = threading.Timer(_SECONDS, self._stop, [self._process])
        self._timer.daemon = True
        self._timer.start()
        return self._process

    def _stop(self, process: subprocess.Popen[bytes]) -> None:
        self._late = True
        process.kill()

    def _broken(self, said: bytes) -> UnusableError:
        lines = said.decode(errors="replace").replace(f"{self._input[-1]}: ", "").split("\n")
        reasons = [reason for line in lines if (reason := re.sub(r"^(\[[^]]*\] *)+", "", line).strip())]
        return UnusableError(f"broken {self._kind}: {reasons[0] if reasons else 'ffmpeg cannot decode it'}")
