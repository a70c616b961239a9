"""When the next request may be sent."""

from __future__ import annotations

import time
from threading import Lock


class RateLimiter:
    """Spaces requests evenly. Threads can share one.

    Args:
        per_hour: how many requests may be sent in an hour.
    """

    def __init__(self, per_hour: float) -> None:
        self._interval = 3600 / per_hour
        self._next = 0.0  # when the next request may be sent, by the monotonic clock
        self._lock = Lock()

    def reserve(self) -> float:
        """Reserve the next free moment for a request, and return the seconds until then."""
        with self._lock:
            now = time.monotonic()
            reserved = max(now, self._next)
            self._next = reserved + self._interval
        return reserved - now

    def delay(self, seconds: float) -> None:
        """Delay all requests that have no moment reserved yet by `seconds` from now."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)
