"""Work in threads. After an error or an interrupt, the program does not wait for them.

A thread that has done its work waits a while for more: each statement of the database runs in one, and to start it
takes 0.2 ms of 1.5 ms. (The threads of a `ThreadPoolExecutor` are not daemons: the interpreter waits for them at exit.)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, InvalidStateError, wait
from contextlib import suppress
from contextvars import Context
from functools import partial
from itertools import islice
from math import inf
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from time import monotonic
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
_STEP = 0.2  # seconds
_IDLE = 10.0  # seconds that a thread waits for more work
_idle: list[SimpleQueue[Callable[[], None]]] = []  # where threads that have nothing to do wait for work
os.register_at_fork(after_in_child=_idle.clear)  # a child has none of the threads


def in_thread(work: Callable[[], Result], future: Future[Result] | None = None) -> Future[Result]:
    """Start work in another thread. The interpreter does not wait for it at exit.

    Args:
        work: called without arguments.
        future: gets the result. A caller that gives one still has it when an interrupt ends this call.
    """
    future = Future() if future is None else future
    claim = Lock()  # of the work: it begins, or is given up after an interrupt

    def run() -> None:
        if not claim.acquire(blocking=False):
            return
        with suppress(InvalidStateError):  # the caller set it
            try:
                future.set_result(work())
            except BaseException as error:  # whatever it is, the caller has to get it
                future.set_exception(error)

    try:
        try:
            _idle.pop().put(run)
        except IndexError:
            Thread(target=_work_on, args=(run,), daemon=True).start()
    except BaseException as error:
        if claim.acquire(blocking=False):  # it will not begin, so nothing else would end a wait for the future
            future.set_exception(error)
        raise
    return future


def _work_on(run: Callable[[], None]) -> None:
    """Do a piece of work, then those that come, each in a context of its own, until none comes for a while."""
    queue: SimpleQueue[Callable[[], None]] = SimpleQueue()
    while True:
        Context().run(run)
        del run  # with its result, which nobody else may need
        _idle.append(queue)
        try:
            run = queue.get(timeout=_IDLE)
        except Empty:
            try:
                _idle.remove(queue)
            except ValueError:  # work is about to come
                run = queue.get()
            else:
                return


def first_done(futures: Collection[Future[Result]], timeout: float = inf) -> set[Future[Result]]:
    """Wait until one of the futures is done, or for `timeout` seconds; the futures that are done.

    Python does not see a signal that arrives just before it blocks. It wakes after short steps, so Ctrl-C cannot wait
    for the end of the work.
    """
    end = monotonic() + timeout
    while True:
        left = end - monotonic()
        done, _ = wait(futures, max(0, min(left, _STEP)), FIRST_COMPLETED)
        if done or left <= 0:
            return done


def map_in_threads(work: Callable[[Item], Result], items: Iterable[Item], limit: int) -> Iterator[Result]:
    """Yield the results of `work` for each item, in the order in which they are ready.

    At most `limit` items are worked on at once. While the caller deals with a result, no further item is started, so a
    caller that stores each result loses at most `limit` of them when its process is killed.

    An error in `work` is raised here. After it, or after an interrupt, no further item is started and the call returns
    at once: the threads are daemons. (A `ThreadPoolExecutor` would make the interpreter wait for them at exit.)

    Args:
        work: called in a thread with one item.
        items: the items.
        limit: the number of threads, at least 1.
    """
    left = iter(items)
    running = {in_thread(partial(work, item)) for item in islice(left, limit)}
    while running:
        for future in first_done(running):
            running.remove(future)
            yield future.result()
            running.update(in_thread(partial(work, item)) for item in islice(left, 1))


def in_order(work: Callable[[Item], Result], items: Iterable[Item], limit: int) -> Iterator[Result]:
    """As `map_in_threads`, but the results come in the order of the items; those that are ready early are kept."""
    ready: dict[int, Result] = {}
    wanted = 0
    for place, result in map_in_threads(lambda item: (item[0], work(item[1])), enumerate(items), limit):
        ready[place] = result
        while wanted in ready:
            yield ready.pop(wanted)
            wanted += 1
