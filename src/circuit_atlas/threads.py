"""Work in threads. After an error or an interrupt, the program does not wait for them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, InvalidStateError, wait
from contextlib import suppress
from functools import partial
from itertools import islice
from math import inf
from threading import Thread
from time import monotonic
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
_STEP = 0.2  # seconds


def in_thread(work: Callable[[], Result], future: Future[Result] | None = None) -> Future[Result]:
    """Start work in a thread of its own. The interpreter does not wait for it at exit.

    Args:
        work: called without arguments.
        future: gets the result. A caller that gives one still has it when an interrupt ends this call.
    """
    future = Future() if future is None else future

    def run() -> None:
        with suppress(InvalidStateError):  # an interrupt ended the call below
            try:
                future.set_result(work())
            except BaseException as error:  # whatever it is, the caller has to get it
                future.set_exception(error)

    thread = Thread(target=run, daemon=True)
    try:
        thread.start()
    except BaseException as error:
        if thread.ident is None:  # it may never start, so nothing else would end a wait for the future
            future.set_exception(error)
        raise
    return future


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
