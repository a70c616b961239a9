"""A peer in a process of its own, that can be stopped when it takes too long or too much memory."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import psutil

from benchmarks.cases import COUNTED_HOPS, Case
from benchmarks.peers import PEERS

LIMIT = 120.0  # seconds for a question, and for loading
MEMORY = 10 << 30  # bytes
_WARM_UP = 3.0  # seconds that a quick question is asked before it is timed
_MAX_RUNS, _ENOUGH = 21, 6.0  # warm runs of a question, and seconds after which no further one is begun


@dataclass(frozen=True)
class Timing:
    """Seconds, warm: median, fastest, slowest; or why there are none."""

    answer: Any = None
    median: float | None = None
    fastest: float | None = None
    slowest: float | None = None
    runs: int = 0
    failed: str | None = None


class Worker:
    """A peer that has loaded a case, or tried to. `loaded` is a Timing, or None when it is asked before."""

    def __init__(self, peer: str, case: Path) -> None:
        context = get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other, peer, case), daemon=True)
        self._process.start()
        other.close()
        self.loaded = self._receive(LIMIT)

    @property
    def alive(self) -> bool:
        """Whether further questions make sense."""
        return self._process.is_alive()

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process.pid is not None
        return self._process.pid

    def ask(self, question: str) -> Timing:
        """Time a question."""
        self._pipe.send(question)
        return self._receive()

    def close(self) -> None:
        """Stop it."""
        self._process.kill()
        self._process.join()

    def _receive(self, seconds: float = LIMIT + _WARM_UP + 3 * _ENOUGH) -> Timing:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._pipe.poll(0.2):
                answer: Timing | Exception = self._pipe.recv()
                if isinstance(answer, Exception):
                    raise answer
                return answer
            if psutil.Process(self._process.pid).memory_info().rss > MEMORY:
                self.close()
                return Timing(failed=f"> {MEMORY >> 30} GB")
        self.close()
        return Timing(failed=f"> {LIMIT:.0f} s")


def peak_memory(pid: int | str) -> int:
    """The most memory that a process has had, in bytes. getrusage would also tell of whoever started it."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


def time_question(peer: Any, question: str) -> Timing:
    """The answer, once for its sake, then as often as makes a median; the first time counts when it is long."""
    verb, _, number = question.partition(" ")
    asks: dict[str, Callable[[], Any]] = {
        "paths": lambda: peer.best_paths(int(number)),
        "count": lambda: peer.count(COUNTED_HOPS),
        "neighbors": peer.neighbors,
        "subgraph": peer.subgraph,
    }
    first, answer = timed(asks[verb])
    if first > LIMIT:
        return Timing(failed=f"> {LIMIT:.0f} s")
    return repeated(asks[verb], first, answer)


def repeated(ask: Callable[[], Any], first: float, answer: Any) -> Timing:
    """Medians of warm runs."""
    warm = time.monotonic() + (_WARM_UP if first < _ENOUGH / 2 else 0)
    while time.monotonic() < warm:
        ask()
    taken: list[float] = []
    while first < _ENOUGH and len(taken) < _MAX_RUNS and sum(taken) < _ENOUGH:
        taken.append(timed(ask)[0])
    taken = taken or [first]
    return Timing(answer, statistics.median(taken), min(taken), max(taken), len(taken))


def timed(ask: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what came back."""
    started = time.perf_counter()
    answer = ask()
    return time.perf_counter() - started, answer


def _serve(pipe: Pipe, name: str, path: Path) -> None:
    try:
        module = import_module(f"benchmarks.peers.{PEERS[name]}")
        case = Case.load(path)
        seconds, peer = timed(lambda: module.Peer(case))
        pipe.send(Timing(median=seconds, fastest=seconds, slowest=seconds, runs=1))
        while True:
            pipe.send(time_question(peer, pipe.recv()))
    except EOFError:
        pass
    except Exception as error:
        pipe.send(error)
