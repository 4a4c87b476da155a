"""Batches of one size, and the threads that compute them."""

import random
from collections.abc import Callable, Iterator

import pytest
import torch

from thawline.features.filling import BATCH, CPU, Threads, fill, threads
from thawline.features.store import Shelf

Network = Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]


@pytest.fixture
def workers() -> Iterator[Threads]:
    with threads(CPU) as workers:
        yield workers


def samples(order: list[int]) -> list[tuple[str, dict[str, torch.Tensor]]]:
    pixels = torch.randint(0, 256, (50, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return [(str(number), {"pixels": pixels[number]}) for number in order]


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
                count = fill(
                    shelf, network, samples(part), workers=workers, device=CPU, more=lambda: 0, advance=done.append
                )
                assert count == sum(done) == len(part)
        found.append(shelf.rows([str(number) for number in range(50)])[:])
    for other in found[1:]:
        assert all(torch.equal(other[name], tensor) for name, tensor in found[0].items())
    assert set(network.given) == {BATCH}


def test_samples_are_drawn_as_they_are_needed(
    make_shelf: Callable[..., Shelf], network: Network, workers: Threads
) -> None:
    shelf, ahead = make_shelf(), []

    def drawn() -> Iterator[tuple[str, dict[str, torch.Tensor]]]:
        for i in range(20 * BATCH):
            ahead.append(i - len(shelf.digests()))
            yield str(i), {"pixels": torch.zeros(3, 32, 32, dtype=torch.uint8)}

    with shelf.filling():
        fill(shelf, network, drawn(), workers=workers, device=CPU, more=lambda: 0, advance=lambda _: None)
    assert max(ahead) <= (workers.count + 1) * BATCH + BATCH


def test_each_network_runs_on_one_core() -> None:
    before = torch.get_num_threads()
    with threads(CPU) as workers:
        asked = [workers.compute.submit(torch.get_num_threads) for _ in range(8)]
        assert {future.result() for future in asked} == {1}
        assert workers.read is workers.compute
    assert torch.get_num_threads() == before


def test_one_thread_drives_a_gpu() -> None:
    with threads(torch.device("cuda")) as workers:
        assert workers.read is not workers.compute
        assert workers.count == 1
