"""`make full-disk`: every command that writes, on a store whose disk is full, then read-only. A fault ends it.

The store is on a small file system in memory, which takes root to mount. Each command must end with an error of ours,
or succeed because its bit still fitted. With space again, the database must be as it was, or as it is after the
command; and the same command again must complete it, as after a kill.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from support.chaos import Chaos, Step
from support.program import CONTEXT
from support.server import started

from circuit_atlas.errors import AtlasError

_SIZE = "1500m"
_REFUSED = 7  # exit code of a command that ended with an error of ours
_PART = 1 << 16  # bytes of the file that fills the disk, written together
_LEFT = (0, 1 << 16, 1 << 20, 8 << 20)  # bytes that are free in the laps


def main() -> None:
    """Try every command once with each amount of free space, and once with a read-only disk."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--free", type=int, nargs="*", default=_LEFT, help="bytes left on the disk, a lap for each")
    arguments = parser.parse_args()
    ended = Counter[str]()
    with tempfile.TemporaryDirectory(prefix="full-disk-") as folder, _disk(Path(folder) / "disk") as disk:
        for server in started(disk / "store"):
            chaos = Chaos(server, Path(folder))
            chaos.undisturbed(rare=True)
            for free in arguments.free:
                for number, step in enumerate(chaos.lap(rare=True)):
                    with _filled(disk, free):
                        how = _try(chaos, step)
                    ended[how] += 1
                    chaos.check_and_repeat(number, step, f"{free} bytes free: {how}")
            for number, step in enumerate(chaos.lap(rare=True)):
                server.stop()
                with _read_only(disk):
                    how = _try(chaos, step)
                ended[f"read-only: {how}"] += 1
                chaos.check_and_repeat(number, step, f"read-only: {how}")
    print(", ".join(f"{how} {number}" for how, number in ended.items()))


def _try(chaos: Chaos, step: Step) -> str:
    """Run a command, and say how it ended."""
    process = CONTEXT.Process(target=_run, args=(step, chaos.store))
    process.start()
    process.join(600)
    assert process.exitcode in (0, _REFUSED), (step.name, process.exitcode)
    return "refused" if process.exitcode else "succeeded"


def _run(step: Step, store: str) -> None:
    try:
        step.work(store, *step.arguments)
    except AtlasError as error:
        print(f"{step.name}: {type(error).__name__}: {error}", flush=True)
        sys.exit(_REFUSED)


@contextlib.contextmanager
def _disk(path: Path) -> Iterator[Path]:
    """A small file system."""
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "tmpfs", path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


@contextlib.contextmanager
def _filled(disk: Path, free: int) -> Iterator[None]:
    """Fill a disk up to some bytes, for the time of the block."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(_PART))
    kept = os.stat(ballast).st_size - free
    os.truncate(ballast, max(kept, 0))
    try:
        yield
    finally:
        ballast.unlink()


@contextlib.contextmanager
def _read_only(disk: Path) -> Iterator[None]:
    """Let nobody write to a disk, for the time of the block. Nothing there may be open."""
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    try:
        yield
    finally:
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)


if __name__ == "__main__":
    main()
