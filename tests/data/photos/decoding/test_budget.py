import threading
import time

from thawline.data.photos.decoding.budget import Budget


def test_no_more_is_held_than_there_is() -> None:
    budget, held, most, lock = Budget(100), 0, 0, threading.Lock()

    def work(amount: int) -> None:
        nonlocal held, most
        with budget.hold(amount):
            with lock:
                held += amount
                most = max(most, held)
            time.sleep(0.002)
            with lock:
                held -= amount

    threads = [threading.Thread(target=work, args=(amount,)) for amount in [10, 60, 50, 100, 30, 1, 99, 40] * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, held) == (100, 0)


def test_what_is_more_than_all_is_alone() -> None:
    budget, order = Budget(100), []

    def small() -> None:
        with budget.hold(1):
            order.append("small")

    with budget.hold(1000):
        thread = threading.Thread(target=small)
        thread.start()
        time.sleep(0.02)
        order.append("large")
    thread.join()
    assert order == ["large", "small"]


def test_what_is_held_comes_back_after_an_error() -> None:
    budget = Budget(1)
    for _ in range(2):
        try:
            with budget.hold(1):
                raise MemoryError
        except MemoryError:
            pass
