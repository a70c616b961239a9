"""Parallel work in threads: its results, its limits, and its end."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import Future
from threading import Event, Thread

import pytest

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
    go_on, started = Event(), []

    def work(item: int) -> None:
        started.append(item)
        if item == 0:
            raise ValueError("item 0 failed")
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
    future: Future[None] = Future()
    with pytest.raises(RuntimeError, match="can't start"):
        in_thread(lambda: None, future)
    assert future.done()


def test_an_interrupt_that_wakes_nobody_ends_the_wait() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=60, check=False)
    assert "KeyboardInterrupt" in done.stderr
