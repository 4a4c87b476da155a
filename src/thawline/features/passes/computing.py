"""Batches through a frozen network: on the CPU as they are, on an accelerator as many samples at once as fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import TypeAlias

import torch

from thawline.encoders.device import lacks_memory
from thawline.encoders.encoder import Features, FrozenPrefix
from thawline.errors import UserError
from thawline.features.progress import say
from thawline.features.store.store import Shelf

CPU = torch.device("cpu")
# An accelerator needs many samples at once to be busy; where its memory is too small for so many, it gets fewer.
_TIMES = 16

Prefix = Callable[[Features], Features]


@dataclass(frozen=True)
class Segment:
    """A stretch of a frozen network, and the shelf that takes what leaves it.

    Attributes:
        prefix: On the pass's device and in eval mode: named tensors, batch first, to those at its end.
        shelf: Where these are kept.
    """

    prefix: Prefix
    shelf: Shelf


# Each segment is given what leaves the one before it.
Chain: TypeAlias = tuple[Segment, ...]
_Sent: TypeAlias = tuple[Features, "torch.cuda.Event | None"]


def samples_at_once(batch: int, device: torch.device) -> int:
    """Samples of a batch that is put together for `device`, where one for the CPU has `batch`."""
    return batch if device.type == "cpu" else _TIMES * batch


def forward(chain: Chain, inputs: Sequence[Features], batch: int) -> list[Features]:
    """What leaves each segment for at most `batch` samples, from a full batch, on the CPU; batch first."""
    features = _stacked(inputs, batch)
    ends = []
    with torch.inference_mode():
        for segment in chain:
            features = segment.prefix(features)
            # A copy, since the next segment may work in place.
            ends.append({name: tensor[: len(inputs)].to(CPU, copy=True) for name, tensor in features.items()})
    return ends


class Accelerated:
    """What a pass computes on one accelerator: while a batch is computed the next one is sent.

    Every forward pass has the same number of samples, the last one filled up. A number that the memory is too small
    for is halved for the rest of the pass: what is stored depends on it by rounding, and its order not at all.
    """

    def __init__(
        self, device: torch.device, batch: int, *, send: Executor, compute: Executor, compiled: bool = False
    ) -> None:
        """Begin with whole batches.

        Args:
            device: Where the chains' prefixes lie.
            batch: Samples in a batch.
            send: One thread, which puts batches there; it can be the one that computes.
            compute: One thread, which runs the networks.
            compiled: Whether PyTorch compiles these.
        """
        self._device = device
        self._batch = batch
        self._size = batch  # samples in a forward pass; the thread that computes changes it
        self._send = send
        self._compute = compute
        self._compiled = compiled
        cuda = device.type == "cuda"
        self._stream = torch.cuda.Stream(device) if cuda else None  # type: ignore[no-untyped-call]

    def submit(self, chain: Chain, inputs: Sequence[Features]) -> Future[list[Features]]:
        """Have computed what leaves each segment for at most a batch of samples; on the CPU, batch first.

        The future raises UserError where the memory is too small for a single sample.
        """
        sending = self._send.submit(self._put, inputs)
        return self._compute.submit(self._through, chain, inputs, sending)

    def _put(self, inputs: Sequence[Features]) -> _Sent:
        """The inputs of a full batch on the device, and what must have happened before they are read."""
        stacked = _stacked(inputs, self._batch)
        if self._stream is None:
            return {name: tensor.to(self._device) for name, tensor in stacked.items()}, None
        # From pinned memory and on a stream of its own it goes on beside what is computed.
        with torch.cuda.stream(self._stream):
            pinned = {name: tensor.pin_memory() for name, tensor in stacked.items()}
            sent = {name: tensor.to(self._device, non_blocking=True) for name, tensor in pinned.items()}
            return sent, self._stream.record_event()

    def _through(self, chain: Chain, inputs: Sequence[Features], sending: Future[_Sent]) -> list[Features]:
        """See `submit`."""
        entering = self._arrived(inputs, sending)
        if self._compiled:
            for segment in chain:
                if isinstance(segment.prefix, FrozenPrefix):
                    segment.prefix.compile_stages()
        parts: list[list[Features]] = []
        done = 0
        while done < len(inputs):
            piece = {name: tensor[done : done + self._size] for name, tensor in entering.items()}
            ends = self._attempt(chain, piece, len(inputs) - done)
            if ends is None:
                self._halve()
            else:
                parts.append(ends)
                done += self._size
        if len(parts) == 1:
            return parts[0]
        return [{name: torch.cat([end[name] for end in ends]) for name in ends[0]} for ends in zip(*parts, strict=True)]

    def _arrived(self, inputs: Sequence[Features], sending: Future[_Sent]) -> Features:
        """The inputs on the device, for the stream that computes."""
        try:
            entering, event = sending.result()
        except RuntimeError as error:
            if not lacks_memory(error):
                raise
            entering, event = self._put(inputs)  # there was no room beside another batch, which is done
        if event is not None:
            current = torch.cuda.current_stream(self._device)
            current.wait_event(event)
            for tensor in entering.values():
                tensor.record_stream(current)  # its memory belongs to the other stream
        return entering

    def _attempt(self, chain: Chain, features: Features, wanted: int) -> list[Features] | None:
        """What leaves each segment, at most the first `wanted` rows of it; None where the memory is too small."""
        ends = []
        try:
            with torch.inference_mode():
                for segment in chain:
                    features = segment.prefix(features)
                    ends.append({name: self._fetched(tensor[:wanted]) for name, tensor in features.items()})
            if self._stream is not None:
                torch.cuda.current_stream(self._device).synchronize()
        except RuntimeError as error:
            if not lacks_memory(error):
                raise
            return None
        return ends

    def _fetched(self, tensor: torch.Tensor) -> torch.Tensor:
        """A copy on the CPU, since the next segment may work in place; on CUDA it waits for the stream."""
        if self._stream is None:
            return tensor.to(CPU, copy=True)
        return torch.empty_like(tensor, device=CPU, pin_memory=True).copy_(tensor, non_blocking=True)

    def _halve(self) -> None:
        """Go on with half as many samples at once.

        Raises:
            UserError: It was one.
        """
        if self._size == 1:
            raise UserError(
                "the GPU's memory is too small for this encoder, even for one sample at a time; end what else uses it, "
                "or use trainer=cpu or a smaller encoder"
            )
        self._size //= 2
        say(f"the GPU's memory is too small for {2 * self._size} samples at once: {self._size} from now on")
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        elif self._device.type == "mps":
            torch.mps.empty_cache()


def _stacked(inputs: Sequence[Features], batch: int) -> Features:
    """A full batch, filled up with its last sample."""
    full = [*inputs, *[inputs[-1]] * (batch - len(inputs))]
    return {name: torch.stack([one[name] for one in full]) for name in full[0]}
