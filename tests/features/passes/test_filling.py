"""Batches of one size, and the threads that compute them."""

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import torch

from thawline.features.passes.computing import CPU, Chain, Segment
from thawline.features.passes.filling import fill, threads
from thawline.features.passes.workers import BATCH, Sample, Threads
from thawline.features.store.store import Shelf

Network = Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]


@pytest.fixture
def workers() -> Iterator[Threads]:
    with threads(CPU) as workers:
        yield workers


def samples(order: list[int], chain: Chain) -> list[Sample]:
    pixels = torch.randint(0, 256, (50, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return [Sample(str(number), {chain: {"pixels": pixels[number]}}) for number in order]


def test_bits_do_not_depend_on_what_is_computed_together(
    make_shelf: Callable[..., Shelf], network: Network, workers: Threads
) -> None:
    found = []
    for trial in range(4):
        order, shelf = list(range(50)), make_shelf(name=str(trial))
        random.Random(trial).shuffle(order)
        parts = [order] if trial else [[number] for number in order]
        with shelf.filling():
            for part in parts:
                done: list[int] = []
                drawn = samples(part, (Segment(network, shelf),))
                count = fill(drawn, workers=workers, device=CPU, owed=lambda _: 0, advance=done.append)
                assert count == {shelf: len(part)}
                assert sum(done) == len(part)
        found.append(shelf.rows([str(number) for number in range(50)])[:])
    for other in found[1:]:
        assert all(torch.equal(other[name], tensor) for name, tensor in found[0].items())
    assert set(network.given) == {BATCH}


@pytest.mark.parametrize("kinds", [1, 3, 40])
def test_samples_are_drawn_as_they_are_needed(
    make_shelf: Callable[..., Shelf], network: Network, workers: Threads, kinds: int
) -> None:
    """However many kinds of samples wait for others that lack the same."""
    shelves, ahead = [make_shelf(name=str(kind)) for kind in range(kinds)], []
    chains = [(Segment(network, shelf),) for shelf in shelves]
    stored = [0]

    def drawn() -> Iterator[Sample]:
        for i in range(20 * BATCH):
            ahead.append(i - stored[0])
            yield Sample(str(i), {chains[i % kinds]: {"pixels": torch.zeros(3, 32, 32, dtype=torch.uint8)}})

    def advance(count: int) -> None:
        stored[0] += count

    with ExitStack() as stack:
        for shelf in shelves:
            stack.enter_context(shelf.filling())
        counts = fill(drawn(), workers=workers, device=CPU, owed=lambda _: 0, advance=advance)
    assert max(ahead) <= (workers.count + 1) * BATCH + 4 * BATCH
    assert counts.total() == stored[0] == 20 * BATCH


def test_a_stretch_that_works_in_place_leaves_what_is_stored_below_it(
    make_shelf: Callable[..., Shelf], workers: Threads
) -> None:
    def double(features: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {"x": features["x"].mul_(2)}

    shelves = [make_shelf(cut=cut) for cut in (1, 2, 3)]
    chain = tuple(Segment(double, shelf) for shelf in shelves)
    inputs = {str(i): torch.tensor([float(i)]) for i in range(20)}
    with ExitStack() as stack:
        for shelf in shelves:
            stack.enter_context(shelf.filling())
        drawn = [Sample(digest, {chain: {"x": x}}) for digest, x in inputs.items()]
        fill(drawn, workers=workers, device=CPU, owed=lambda _: 0, advance=lambda _: None)
    for power, shelf in enumerate(shelves, 1):
        assert torch.equal(shelf.rows(list(inputs))[:]["x"], torch.stack(list(inputs.values())) * 2**power)
    assert inputs["3"] == 3


def test_a_sample_is_finished_when_all_of_its_chains_are(
    make_shelf: Callable[..., Shelf], network: Network, workers: Threads
) -> None:
    shelves = [make_shelf(name=name) for name in "abc"]
    chains = [(Segment(network, shelf),) for shelf in shelves]
    pixels = torch.zeros(3, 32, 32, dtype=torch.uint8)
    held: list[list[int]] = []

    def advance(count: int) -> None:
        held.append([count, *(len(shelf.digests()) for shelf in shelves)])

    with ExitStack() as stack:
        for shelf in shelves:
            stack.enter_context(shelf.filling())
        drawn = [Sample(str(i), {chain: {"pixels": pixels} for chain in chains}) for i in range(40)]
        counts = fill(drawn, workers=workers, device=CPU, owed=lambda _: 0, advance=advance)
    assert held == [[16, 16, 16, 16], [16, 32, 32, 32], [8, 40, 40, 40]]
    assert counts == dict.fromkeys(shelves, 40)


def test_each_network_runs_on_one_core() -> None:
    before = torch.get_num_threads()
    with threads(CPU) as workers:
        asked = [workers.compute.submit(torch.get_num_threads) for _ in range(8)]
        assert {future.result() for future in asked} == {1}
        assert workers.read is workers.compute
    assert torch.get_num_threads() == before


def test_one_thread_drives_a_gpu_and_another_sends_while_all_cores_read() -> None:
    with threads(torch.device("cuda")) as gpu, threads(torch.device("mps")) as apple, threads(CPU) as cpu:
        assert len({id(pool) for pool in (gpu.read, gpu.compute, gpu.send)}) == 3
        assert apple.read is not apple.compute
        assert apple.send is apple.compute, "Metal wants one thread"
        assert gpu.ahead == 4 * cpu.count
        assert gpu.count == 2
        assert cpu.send is None
