"""Parallel work in threads: its results, its limits, and its end."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import Future, ProcessPoolExecutor
from contextvars import ContextVar
from functools import partial
from multiprocessing import get_context
from threading import Event, Thread, current_thread
from typing import Any

import pytest

from circuit_atlas import threads
from circuit_atlas.threads import in_order, in_thread, map_in_threads

BLOCKED = """
from threading import Event
from circuit_atlas.threads import map_in_threads

def work(item):
    if item:
        Event().wait()
    raise ValueError("item 0 failed")

list(map_in_threads(work, range(2), 2))
"""

# A signal that another thread gets does not wake the main thread, as one that arrives just before it blocks.
INTERRUPTED = """
import signal
from threading import Event, get_ident
from circuit_atlas.threads import map_in_threads

signal.signal(signal.SIGINT, signal.default_int_handler)

def work(item):
    signal.pthread_kill(get_ident(), signal.SIGINT)
    Event().wait()

list(map_in_threads(work, range(2), 2))
"""


def test_every_item_has_a_result() -> None:
    assert sorted(map_in_threads(lambda item: item * item, range(50), 4)) == [item * item for item in range(50)]
    assert list(map_in_threads(str, [], 4)) == []


def test_results_in_order_of_the_items() -> None:
    go_on = Event()

    def work(item: int) -> int:
        if item == 0:
            go_on.wait()
        elif item == 5:
            go_on.set()  # the first item ends after others
        return item

    assert list(in_order(work, range(50), 3)) == list(range(50))
    assert list(in_order(str, [], 3)) == []


def test_no_item_is_started_before_a_result_is_dealt_with() -> None:
    started: list[int] = []
    results = map_in_threads(started.append, range(10), 3)
    for dealt_with in range(5):
        next(results)
        assert len(started) <= 3 + dealt_with


def test_an_error_ends_it_at_once() -> None:
    go_on, other_began, started = Event(), Event(), []

    def work(item: int) -> None:
        started.append(item)
        if item == 0:
            other_began.wait()
            raise ValueError("item 0 failed")
        other_began.set()
        go_on.wait()

    with pytest.raises(ValueError, match="item 0 failed"):  # though the other item has not ended
        list(map_in_threads(work, range(10), 2))
    assert sorted(started) == [0, 1]
    go_on.set()


def test_the_interpreter_does_not_wait_for_a_thread_that_is_blocked() -> None:
    done = subprocess.run([sys.executable, "-c", BLOCKED], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "ValueError: item 0 failed" in done.stderr


def test_a_thread_that_cannot_start_is_waited_for_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Thread, "start", fail)
    monkeypatch.setattr(threads, "_idle", [])
    future: Future[None] = Future()
    with pytest.raises(RuntimeError, match="can't start"):
        in_thread(lambda: None, future)
    assert future.done()


class _Idle(list[Any]):
    """As `threads._idle`; says when a thread waits for work."""

    def __init__(self) -> None:
        self.waits = Event()

    def append(self, queue: Any) -> None:
        super().append(queue)
        self.waits.set()


def test_a_thread_does_more_than_one_piece_of_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each in a context of its own."""
    monkeypatch.setattr(threads, "_idle", idle := _Idle())
    variable: ContextVar[int] = ContextVar("variable", default=0)

    def work(number: int) -> tuple[int, Thread]:
        before = variable.get()
        variable.set(number)
        return before, current_thread()

    workers = set()
    for number in range(1, 20):
        before, worker = in_thread(partial(work, number)).result()
        assert before == 0
        workers.add(worker)
        assert idle.waits.wait(timeout=60)
        idle.waits.clear()
    assert len(workers) == 1


def test_a_thread_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_idle", idle := _Idle())
    monkeypatch.setattr(threads, "_IDLE", 0.01)
    worker = in_thread(current_thread).result()
    worker.join(timeout=60)
    assert not worker.is_alive()
    assert idle == []


def test_a_child_process_has_threads_of_its_own() -> None:
    in_thread(lambda: None).result()
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
        assert pool.submit(_square_in_thread, 7).result(timeout=60) == 49


def _square_in_thread(number: int) -> int:
    return in_thread(lambda: number * number).result(timeout=30)


def test_an_interrupt_that_wakes_nobody_ends_the_wait() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=60, check=False)
    assert "KeyboardInterrupt" in done.stderr
