"""Runs a coroutine to its end from ordinary code, also where an event loop runs already, as in a notebook."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def run_async(work: Coroutine[None, None, None]) -> None:
    """Run `work`; an interrupt cancels it."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(work)
    else:
        _run_beside(work)


def _run_beside(work: Coroutine[None, None, None]) -> None:
    started: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = []

    async def run() -> None:
        task = asyncio.current_task()
        assert task is not None
        started.append((asyncio.get_running_loop(), task))
        await work

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(asyncio.run, run())
        try:
            done.result()
        except BaseException:
            for loop, task in started if not done.done() else []:
                loop.call_soon_threadsafe(task.cancel)
            raise
