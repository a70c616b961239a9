"""Finds out whether a process that was recorded earlier still runs."""

from __future__ import annotations

import psutil

# The start time of a process is computed from the clock and the time since the boot: when the clock is set, it changes.
_CLOCK_TOLERANCE = 10.0  # seconds


def runs(pid: int) -> bool:
    """Whether any process with that id runs."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def find_process(pid: int, created: float) -> psutil.Process | None:
    """The process with that id; None when it has ended, or when another process has the id by now.

    Args:
        pid: the id of the process.
        created: when the process was started, in seconds since the epoch, as psutil reported it at that time.
    """
    try:
        process = psutil.Process(pid)
    except psutil.NoSuchProcess:
        return None
    try:
        is_same = abs(process.create_time() - created) <= _CLOCK_TOLERANCE
        # A zombie has ended; it only waits for its parent to read its exit code.
        return process if is_same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None
    except psutil.AccessDenied:  # a process of another user, which runs; whether it is the same cannot be known
        return process
