"""The command line as a program."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

PROGRAM = str(Path(sys.executable).with_name("circuit-atlas"))
Run = Callable[..., subprocess.CompletedProcess[str]]
_LAUNCHER = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"


def interruptible(*arguments: str) -> list[str]:
    """The command line of circuit-atlas with SIGINT as it is in a terminal.

    A shell starts what runs in the background with SIGINT ignored, which children inherit: those of tests, too.
    """
    return [sys.executable, "-S", "-c", _LAUNCHER, PROGRAM, *arguments]


def fails(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr
