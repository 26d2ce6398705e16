"""The lock of a file's threads: first come, first served, and nobody is ever left standing."""

import random
import threading
import time

import pytest

from mastra_duckdb.fair_lock import FairLock


def until(claim, timeout_s=60.0):
    """Wait for something to become true."""
    deadline = time.monotonic() + timeout_s
    while not claim():
        assert time.monotonic() < deadline, "it did not become true"
        time.sleep(0.001)


def started(work):
    """A thread that runs this."""
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_threads_get_it_in_the_order_in_which_they_asked():
    """Whoever came first is let in first, however many wait."""
    lock, order, threads = FairLock(), [], []

    def enter(number):
        with lock:
            order.append(number)

    with lock:
        for number in range(20):
            threads.append(started(lambda number=number: enter(number)))
            until(lambda number=number: lock.waiting_count == number + 1)
    for thread in threads:
        thread.join()
    assert order == list(range(20))
    assert lock.waiting_count == 0


def test_who_takes_it_again_and_again_lets_the_others_in_between():
    """Of a thread that releases it and asks at once, the one that waits has its turn before the next."""
    lock, order = FairLock(), []

    def enter():
        with lock:
            order.append("other")

    other = None
    for turn in range(5):
        with lock:
            order.append("loop")
            if turn == 1:
                other = started(enter)
                until(lambda: lock.waiting_count == 1)
    other.join()
    assert order == ["loop", "loop", "other", "loop", "loop", "loop"]


def test_its_owner_enters_again_without_waiting_also_where_others_wait():
    """It is reentrant, and free only after as many releases as entries."""
    lock, order = FairLock(), []

    def enter():
        with lock:
            order.append("other")

    with lock:
        other = started(enter)
        until(lambda: lock.waiting_count == 1)
        with lock:
            assert lock.acquire(blocking=False)
            lock.release()
        order.append("owner")
    other.join()
    assert order == ["owner", "other"]


@pytest.mark.parametrize("how", [{"blocking": False}, {"timeout_s": 0.01}, {"timeout_s": 0.0}])
def test_who_does_not_get_it_in_time_leaves_the_line(how):
    """A try that failed stands in nobody's way, and says so."""
    lock, got = FairLock(), []
    with lock:
        other = started(lambda: got.append(lock.acquire(**how)))
        other.join()
        assert lock.waiting_count == 0
    assert got == [False]
    assert lock.acquire(**how)
    lock.release()


def test_many_threads_that_give_up_at_random_never_share_it_and_never_stall():
    """Under any mixture of waiting, trying and giving up there is one owner at a time, and an end."""
    lock, inside, entries = FairLock(), [], []

    def work(seed):
        draw = random.Random(seed)
        for _ in range(300):
            how = draw.choice([{}, {"blocking": False}, {"timeout_s": draw.random() / 1000}])
            if lock.acquire(**how):
                inside.append(seed)
                if draw.random() < 0.1:
                    time.sleep(0.0005)
                assert inside == [seed]
                inside.pop()
                entries.append(seed)
                lock.release()

    threads = [started(lambda seed=seed: work(seed)) for seed in range(8)]
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert set(entries) == set(range(8))
    assert lock.acquire(blocking=False)


def test_an_interrupt_at_any_moment_leaves_nobody_standing(interruption):
    """Wherever Ctrl-C comes amid taking it, having it and leaving it, others get it as before."""
    lock, moment, is_left = FairLock(), 0, True

    def take():
        with lock, lock:
            pass

    while is_left:
        is_left = interruption(moment).run(take)
        moment += 1
        other = started(take)
        other.join(60)
        assert not other.is_alive()
    assert moment > 5  # it went through all of them
    assert lock.waiting_count == 0


def test_an_interrupt_at_any_moment_of_waiting_leaves_nobody_standing(interruption):
    """The same where it comes amid standing in the line, before another one that waits."""
    lock, moment, is_left = FairLock(), 0, True

    def take():
        with lock:
            pass

    while is_left:
        is_held, is_awaited = threading.Event(), threading.Event()

        def hold(is_held=is_held, is_awaited=is_awaited):
            with lock:
                is_held.set()
                is_awaited.wait(60)

        def take_behind(is_awaited=is_awaited):
            until(lambda: lock.waiting_count or is_awaited.is_set())
            is_awaited.set()
            take()

        holder = started(hold)
        assert is_held.wait(60)
        behind = started(take_behind)
        is_left = interruption(moment).run(take)
        is_awaited.set()
        for thread in (holder, behind):
            thread.join(60)
            assert not thread.is_alive()
        assert lock.waiting_count == 0
        moment += 1
    assert moment > 10
