"""Work in threads. After an error or an interrupt, the program does not wait for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from functools import partial
from itertools import islice
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_thread(work: Callable[[], Result]) -> Future[Result]:
    """Start work in a thread of its own. The interpreter does not wait for it at exit."""
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # whatever it is, the caller has to get it
            future.set_exception(error)

    Thread(target=run, daemon=True).start()
    return future


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
    ready: SimpleQueue[Future[Result]] = SimpleQueue()

    def start(number: int) -> int:
        started = [in_thread(partial(work, item)) for item in islice(left, number)]
        for future in started:
            future.add_done_callback(ready.put)
        return len(started)

    running = start(limit)
    while running:
        yield ready.get().result()
        running += start(1) - 1
