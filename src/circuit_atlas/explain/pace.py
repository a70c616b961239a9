"""When the next request may be sent."""

from __future__ import annotations

import asyncio
import time


class Pacer:
    """Lets requests begin at equal distances.

    Args:
        per_hour: how many may begin in an hour.
    """

    def __init__(self, per_hour: float) -> None:
        self._interval = 3600 / per_hour
        self._next = 0.0

    async def wait(self) -> None:
        """Wait for one's turn."""
        turn = max(time.monotonic(), self._next)
        self._next = turn + self._interval
        await asyncio.sleep(max(0.0, turn - time.monotonic()))

    def hold(self, seconds: float) -> None:
        """Nobody who does not wait yet begins for so long."""
        self._next = max(self._next, time.monotonic() + seconds)
