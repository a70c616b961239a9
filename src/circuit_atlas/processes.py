"""Whether a process that was noted down is still there."""

from __future__ import annotations

import psutil

_CLOCK_SHIFT = 10.0  # seconds by which the start of a process looks different once the clock was set


def find_process(pid: int, created: float) -> psutil.Process | None:
    """The process of that id, unless it has ended or the id is another's by now.

    Args:
        pid: its id.
        created: when it was started, seconds since the epoch, as psutil said then.
    """
    try:
        process = psutil.Process(pid)
        is_same = abs(process.create_time() - created) <= _CLOCK_SHIFT
        return process if is_same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None
