"""The command line as a program."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from pkgutil import walk_packages

import circuit_atlas
from circuit_atlas.cli import main

PROGRAM = str(Path(sys.executable).with_name("circuit-atlas"))
Run = Callable[..., subprocess.CompletedProcess[str]]
# Processes that begin with everything imported, except torch: imports are most of what a short command does.
CONTEXT = multiprocessing.get_context("forkserver")
_MODULES = (module.name for module in walk_packages(circuit_atlas.__path__, "circuit_atlas."))
CONTEXT.set_forkserver_preload([name for name in _MODULES if not name.startswith("circuit_atlas.attribution")])
_LAUNCHER = """
import os, signal, sys
for number in (signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""


def run_program(
    *arguments: str,
    env: Mapping[str, str],
    cwd: Path | None = None,
    stdin: str | None = None,
    timeout: float = 600,
) -> subprocess.CompletedProcess[str]:
    """Run circuit-atlas in a process of its own, which has everything imported already.

    Args:
        arguments: after the name of the program.
        env: its whole environment.
        cwd: its working directory.
        stdin: what it reads; by default nothing.
        timeout: seconds until it is killed, which is an error.
    """
    with tempfile.TemporaryDirectory(prefix="program-") as folder:
        streams = [Path(folder) / name for name in ("stdin", "stdout", "stderr")]
        for stream, text in zip(streams, (stdin or "", "", ""), strict=True):
            stream.write_text(text, encoding="utf-8")
        process = CONTEXT.Process(target=_main, args=(arguments, dict(env), cwd or Path.cwd(), streams))
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired([PROGRAM, *arguments], timeout)
        printed = [stream.read_text(encoding="utf-8") for stream in streams[1:]]
        return subprocess.CompletedProcess([PROGRAM, *arguments], process.exitcode, *printed)


def _main(arguments: tuple[str, ...], env: dict[str, str], cwd: Path, streams: list[Path]) -> None:
    for number, (path, flags) in enumerate(zip(streams, (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY), strict=True)):
        descriptor = os.open(path, flags)
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin = open(0, encoding="utf-8", closefd=False)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    sys.argv = [PROGRAM, *arguments]
    main()


def interruptible(*arguments: str) -> list[str]:
    """The command line of circuit-atlas with signals as they are in a terminal.

    A shell starts what runs in the background with SIGINT ignored, and `nohup` with SIGHUP ignored. Children inherit
    that, those of tests, too.
    """
    return [sys.executable, "-S", "-c", _LAUNCHER, PROGRAM, *arguments]


def fails(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr
