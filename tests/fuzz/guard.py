"""What every fuzzer asks: an error of ours or a graph, within time and memory, and no code run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import atheris

with atheris.instrument_imports(include=["circuit_atlas"]):
    from circuit_atlas.errors import AtlasError
    from circuit_atlas.graph.data import GraphData
    from circuit_atlas.ingest.content import content_hash
    from circuit_atlas.ingest.graph_json import read_json
    from circuit_atlas.ingest.pt import read_pt

__all__ = ["check", "fuzz", "read_json", "read_pt"]

LIMITS = ["-timeout=10", "-rss_limit_mb=4096", "-max_len=65536"]
_FORBIDDEN = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "os.remove",
    "os.rename",
    "os.mkdir",
    "subprocess.Popen",
    "socket.connect",
    "socket.bind",
    "ctypes.dlopen",
    "webbrowser.open",
    "shutil.rmtree",
)
_FOLDER = Path(mkdtemp(prefix="fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))


class CodeRunError(BaseException):
    """A file made its reader do something."""


class _Guard:
    """An audit hook that refuses what a reader has no reason to do, while one reads."""

    is_reading = False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.is_reading and event in _FORBIDDEN:
            raise CodeRunError(f"{event} {arguments!r:.200}")


_guard = _Guard()


def check(read: Callable[[Path], GraphData], content: bytes, name: str) -> None:
    """Read a file of that content; anything but a graph or an error of ours is a finding."""
    path = _FOLDER / name
    path.write_bytes(content)
    _guard.is_reading = True
    try:
        content_hash(read(path))
    except AtlasError as error:
        if not error.what:
            raise AssertionError("an error without a text") from error
    finally:
        _guard.is_reading = False


def fuzz(one_input: Callable[[bytes], None]) -> None:
    """Run until a finding, or as long as libFuzzer's options say."""
    sys.addaudithook(_guard)
    atheris.Setup([sys.argv[0], *LIMITS, *sys.argv[1:]], one_input)
    atheris.Fuzz()
