"""What a pass does on an accelerator, with the CPU in its place: batches, memory, compilation."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from thawline.data.listing import Listed
from thawline.data.photos.preprocessing import Preprocessing
from thawline.encoders.encoder import Encoder, Features, FrozenPrefix
from thawline.errors import UserError
from thawline.features.media import Photos
from thawline.features.passes.computing import CPU, Accelerated, Chain, Segment, samples_at_once
from thawline.features.passes.filling import fill, threads
from thawline.features.passes.workers import BATCH, Sample, Threads
from thawline.features.store.store import FeatureStore, Shelf
from thawline.features.survey import survey
from thawline.features.wanted import Wanted, compile_above, wanted_features

CUDA = torch.device("cuda")
SQUARE = Preprocessing(size=32, resize=32)
AT_ONCE = samples_at_once(BATCH, CUDA)
COUNT = 300  # a whole batch and some
Pass = Callable[..., list[str]]


class Small:
    """A network whose device has room for `room` samples at once."""

    def __init__(self, room: int = AT_ONCE, error: str = "CUDA out of memory. Tried to allocate 2.00 GiB.") -> None:
        self.room, self.error, self.given = room, error, list[int]()

    def __call__(self, features: Features) -> Features:
        self.given.append(len(features["x"]))
        if len(features["x"]) > self.room:
            raise torch.OutOfMemoryError(self.error) if "CUDA" in self.error else RuntimeError(self.error)
        return {"x": features["x"] * 2, "y": features["x"][:, :1] + 1}


@pytest.fixture
def workers() -> Iterator[Threads]:
    """As for a GPU: one thread sends, one computes, all cores read."""
    with ThreadPoolExecutor(2) as read, ThreadPoolExecutor(1) as compute, ThreadPoolExecutor(1) as send:
        yield Threads(read, compute, 2, 8, send)


def store(chain: Chain, workers: Threads, batch: int) -> None:
    values = torch.randn(COUNT, 4, generator=torch.Generator().manual_seed(0))
    drawn = (Sample(str(i), {chain: {"x": values[i]}}) for i in range(COUNT))
    done: list[float] = []
    with ExitStack() as stack:
        for segment in chain:
            stack.enter_context(segment.shelf.filling())
        fill(drawn, workers=workers, device=CPU, owed=lambda _: 0, advance=done.append, batch=batch)
    assert sum(done) == COUNT


def files(shelf: Shelf) -> dict[str, bytes]:
    """What lies on the shelf, in the order in which it was stored."""
    return {path.name.split(".")[0]: path.read_bytes() for path in Path(shelf.folder).glob("*.rows")}


@pytest.mark.parametrize("room", [AT_ONCE, 100, 1])
def test_what_is_stored_is_that_of_the_cpu_in_its_order_however_much_fits(
    make_shelf: Callable[..., Shelf], workers: Threads, room: int
) -> None:
    wanted, network = make_shelf(name="wanted"), Small(room)
    found = make_shelf(name="found"), make_shelf(name="above")
    with threads(CPU) as cores:
        store((Segment(Small(), wanted),), cores, BATCH)
    store((Segment(network, found[0]), Segment(lambda features: {"x": features["x"].mul_(3)}, found[1])), workers, 256)
    assert files(found[0]) == files(wanted) != {}
    above = found[1].rows([str(i) for i in range(COUNT)])[:]["x"]
    assert torch.equal(above, wanted.rows([str(i) for i in range(COUNT)])[:]["x"] * 3), (
        "the copy was worked on in place"
    )
    # Tried once each, from the largest on, and never again: all passes that went through had one number of samples.
    tried = [size for size in network.given if size > room]
    assert tried == [256, 128, 64, 32, 16, 8, 4, 2][: len(tried)] == network.given[: len(tried)]
    assert set(network.given[len(tried) :]) == {{256: 256, 100: 64, 1: 1}[room]}
    passes = {256: 2, 100: 4 + 1, 1: COUNT}  # of the second batch, 44 samples
    assert len(network.given) - len(tried) == passes[room]


@pytest.mark.parametrize(
    "error", ["CUDA out of memory", "MPS backend out of memory (MPS allocated: 9 GB)", "CUBLAS_STATUS_ALLOC_FAILED"]
)
def test_a_gpu_too_small_for_one_sample_is_said(
    make_shelf: Callable[..., Shelf], workers: Threads, error: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError, match="even for one sample at a time; end what else uses it, or use trainer=cpu"):
        store((Segment(Small(0, error), make_shelf()),), workers, 4)
    said = " ".join(capfd.readouterr().err.split())
    assert "too small for 4 samples at once: 2 from now on the GPU's" in said


def test_another_error_is_no_lack_of_memory(make_shelf: Callable[..., Shelf], workers: Threads) -> None:
    network = Small(0, "device-side assert triggered")
    with pytest.raises(RuntimeError, match="device-side assert"):
        store((Segment(network, make_shelf()),), workers, 4)
    assert set(network.given) == {4}


def test_what_found_no_room_beside_a_batch_is_sent_after_it(make_shelf: Callable[..., Shelf], workers: Threads) -> None:
    assert workers.send is not None
    work = Accelerated(CPU, 4, send=workers.send, compute=workers.compute)
    chain = (Segment(Small(), make_shelf()),)
    inputs = [{"x": torch.full((2,), float(i))} for i in range(3)]
    for error in (torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("unspecified launch failure")):
        sending: Future[tuple[Features, None]] = Future()
        sending.set_exception(error)
        if "memory" in str(error):
            ends = work._through(chain, inputs, sending)
            assert ends[0]["x"].tolist() == [[0, 0], [2, 2], [4, 4]]
        else:
            with pytest.raises(RuntimeError, match="launch failure"):
                work._through(chain, inputs, sending)


def test_the_cpus_batches_stay_as_they_are() -> None:
    assert samples_at_once(BATCH, CPU) == BATCH == 16
    assert AT_ONCE == samples_at_once(BATCH, torch.device("mps")) == 256


def test_compilation_is_for_long_passes_in_half_precision_on_a_gpu() -> None:
    half, whole = torch.bfloat16, torch.float32
    assert compile_above(None, half, CUDA) == compile_above(None, torch.float16, CUDA) == 20_000
    assert compile_above(None, whole, CUDA) is None
    assert compile_above(True, whole, CUDA) == 0
    assert compile_above(False, half, CUDA) is None
    for device in (CPU, torch.device("mps")):
        assert compile_above(True, half, device) is compile_above(None, half, device) is None


def test_a_pass_as_on_a_gpu_stores_what_that_of_the_cpu_does(
    encoder: Encoder,
    make_photos: Callable[..., list[Listed]],
    tmp_path: Path,
    workers: Threads,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    photos, found, compiled = make_photos(20), [], list[FrozenPrefix]()

    def wanted(name: str, above: int | None) -> Wanted:
        store = FeatureStore(tmp_path / name)
        how = {"cuts": [1, 3], "dtype": "float32", "device": CPU, "label": "small"}
        return replace(wanted_features(encoder, store, Photos(SQUARE), **how), compile_above=above)

    def run(one: Wanted) -> list[torch.Tensor]:
        done = survey(photos, one.targets[0].shelf.store, one)
        rows = [done.rows([photo.name for photo in photos], target)[:] for target in one.targets]
        return [tensor for row in rows for tensor in row.values()]

    found.append(run(wanted("cpu", None)))
    monkeypatch.setattr(FrozenPrefix, "compile_stages", lambda self: compiled.append(self))
    monkeypatch.setattr("thawline.features.survey.threads", lambda _: nullcontext(workers))
    found.append(run(wanted("gpu", 20)))
    assert not compiled, "20 photos are not more than 20"
    found.append(run(wanted("compiled", 19)))
    assert len({id(prefix) for prefix in compiled}) == 2, "one for each stretch of the network"
    assert all(torch.equal(*pair) for other in found[1:] for pair in zip(found[0], other, strict=True))


def test_a_long_pass_on_a_gpu_is_compiled_by_the_encoders_precision(encoder: Encoder, tmp_path: Path) -> None:
    store = FeatureStore(tmp_path / "store")
    how = {"cuts": [3], "dtype": "float32", "device": CUDA, "label": "small"}
    assert not wanted_features(encoder, store, Photos(SQUARE), **how).compiles(10**6)
    encoder.precision = torch.bfloat16
    wanted = wanted_features(encoder, store, Photos(SQUARE), **how)
    assert [wanted.compiles(samples) for samples in (20_000, 20_001)] == [False, True]
    assert not wanted_features(encoder, store, Photos(SQUARE), **how, compiled=False).compiles(10**6)
