"""Log-mel spectrograms in decibels, as librosa computes them, in one pass of PyTorch."""

from dataclasses import asdict, dataclass
from functools import cache

import scipy.sparse
import torch

from thawline.files import JSON

# Counts changes of our own code that move the values; raise it with each, so that stored ones are not mixed.
LOG_MEL_VERSION = 1
_FLOOR = 1e-10  # of the power, as librosa's power_to_db has it: -100 dB


@dataclass(frozen=True)
class LogMel:
    """How a waveform becomes a log-mel spectrogram; the defaults are librosa's but for `mels`.

    Attributes:
        rate: Hz.
        mels: Number of mel bins, of Slaney's scale and area, from 0 to rate/2 Hz.
        fft: Samples of a Hann window.
        hop: Samples between frames, each centred at its place; beyond the ends there are zeros.
    """

    rate: int = 22_050
    mels: int = 64
    fft: int = 2048
    hop: int = 512

    def __call__(self, waveform: torch.Tensor) -> torch.Tensor:
        """Float32 [samples] to decibels [mels, 1 + samples // hop], 0 dB is a power of 1.

        Equal to `power_to_db(melspectrogram(…), top_db=None)`. May be called from threads.
        """
        filters, window = _constants(self)
        spectrum = torch.stft(
            waveform, self.fft, self.hop, window=window, center=True, pad_mode="constant", return_complex=True
        )
        power = spectrum.real.square() + spectrum.imag.square()
        return 10 * torch.log10(torch.from_numpy(filters @ power.numpy()).clamp_min(_FLOOR))

    def key(self) -> dict[str, JSON]:
        """All that decides the values."""
        from importlib.metadata import version

        versions: dict[str, JSON] = {name: version(name) for name in ("torch", "librosa")}
        return {**asdict(self), "thawline": LOG_MEL_VERSION, "versions": versions}


@cache
def _constants(how: LogMel) -> tuple[scipy.sparse.csr_array, torch.Tensor]:
    """Mel filters [mels, 1 + fft/2] and the window [fft].

    The filters are sparse: the sums of a dense product depend in their last bits on how many threads compute them.
    """
    import librosa  # late: it takes a second to import

    filters = librosa.filters.mel(sr=how.rate, n_fft=how.fft, n_mels=how.mels)
    return scipy.sparse.csr_array(filters), torch.hann_window(how.fft)
