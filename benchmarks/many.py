"""Many at once: clients that ask one server, each a program of its own, and then beside one that asks something heavy.

The server has 100 graphs of 60,000 effects. A client asks the kinds of questions in turn, of graphs in turn, without a
pause. What is heavy is a statement that takes a core until its time limit: all walks of four effects of every graph.
"""

from __future__ import annotations

import multiprocessing as mp
import time
from collections.abc import Callable, Iterator
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path
from queue import Queue
from typing import Any

import numpy as np
from tabulate import tabulate

from benchmarks.atlas import LARGE, Store, write_graphs
from benchmarks.report import milliseconds
from benchmarks.worker import peak_memory
from circuit_atlas import Atlas, Connection, GraphHandle
from circuit_atlas.errors import QueryTimeoutError
from circuit_atlas.server import LocalServer

Record = dict[str, Any]
GRAPHS = 100
CLIENTS = (1, 4, 16, 64)
SECONDS = 60.0
_TAG = "many"
_HEAVY = "MATCH (:Node)-[:DIRECT_EFFECT]->{4}(n) RETURN count(n)"
_HEAVY_LIMIT = 30.0

_QUESTIONS: dict[str, Callable[[Atlas, GraphHandle], Any]] = {
    "paths": lambda _, graph: graph.paths(),
    "paths from a token": lambda _, graph: graph.paths(sources=["token:3"]),
    "neighbors": lambda _, graph: graph.neighbors("error:10@5"),
    "count": lambda _, graph: graph.count(),
    "search": lambda atlas, _: atlas.search("token7"),
    "influence": lambda _, graph: graph.influence(),
    "feature": lambda atlas, _: atlas.feature("1/100"),
}


def measure(folder: Path) -> Iterator[Record]:
    """Answers a second and quantiles of their seconds, for each number of clients, without and beside the heavy one."""
    write_graphs(Store(GRAPHS, LARGE), folder / "graphs", range(GRAPHS))
    server = LocalServer(folder / "store")
    try:
        with Atlas(store=folder / "store", timeout=300) as atlas:
            atlas.ingest_all([folder / "graphs"], bulk=True, fail_fast=True, tags=[_TAG])
        connection = server.start(quiet=True)
        # Clients are forked from a small process that has imported what they need.
        context = mp.get_context("forkserver")
        context.set_forkserver_preload(["benchmarks.many"])
        _ask_at_once(context, server, connection, CLIENTS[1], False)  # a new server gets faster for a minute or two
        for clients in CLIENTS:
            for is_beside_heavy in (False, True):
                yield _ask_at_once(context, server, connection, clients, is_beside_heavy)
    finally:
        server.stop()


def _ask_at_once(context: Any, server: LocalServer, connection: Connection, clients: int, is_heavy: bool) -> Record:
    answers: Queue[Any] = context.Queue()
    begin: Barrier = context.Barrier(clients + is_heavy + 1)
    end: Event = context.Event()
    programs = [context.Process(target=_client, args=(number, connection, begin, answers)) for number in range(clients)]
    if is_heavy:
        programs.append(context.Process(target=_heavy_client, args=(connection, begin, end)))
    for program in programs:
        program.start()
    begin.wait()
    started = time.monotonic()
    found = [answers.get() for _ in range(clients)]
    seconds = time.monotonic() - started
    end.set()
    for program in programs:
        program.join()
    asked = [pair for pairs, *_ in found for pair in pairs]
    times = np.array([taken for _, taken in asked])
    pid = server.status().pid
    assert pid is not None
    return {
        "clients": clients,
        "heavy": is_heavy,
        "rate": len(asked) / seconds,
        "quantiles": np.quantile(times, [0.5, 0.95, 0.99]).tolist(),
        "medians": {
            kind: float(np.median([taken for question, taken in asked if question == kind])) for kind in _QUESTIONS
        },
        "errors": sum(errors for _, errors, _ in found),
        "client": max(memory for *_, memory in found) / 1e6,
        "server": peak_memory(pid) / 1e6,
    }


def _client(number: int, connection: Connection, begin: Barrier, answers: Queue[Any]) -> None:
    """Ask for a minute; put all questions with their seconds, the number of errors, and the memory."""
    with Atlas(connection) as atlas:
        kinds = list(_QUESTIONS)
        graphs = [atlas.graph(f"{(number + turn) % GRAPHS:05}") for turn in range(GRAPHS)]

        def ask(turn: int) -> tuple[str, float]:
            kind = kinds[(number + turn) % len(kinds)]
            started = time.perf_counter()
            _QUESTIONS[kind](atlas, graphs[turn % GRAPHS])
            return kind, time.perf_counter() - started

        for turn in range(len(kinds)):
            ask(turn)
        begin.wait()
        asked, errors, until, turn = [], 0, time.monotonic() + SECONDS, 0
        while time.monotonic() < until:
            try:
                asked.append(ask(turn))
            except Exception as error:
                errors += 1
                print(repr(error), flush=True)
            turn += 1
        answers.put((asked, errors, peak_memory("self")))


def _heavy_client(connection: Connection, begin: Barrier, end: Event) -> None:
    """Ask what takes a core until its time limit, again and again."""
    with Atlas(connection, timeout=_HEAVY_LIMIT) as atlas:
        begin.wait()
        while not end.is_set():
            try:
                atlas.cypher(_HEAVY)
            except QueryTimeoutError:
                continue


def markdown(records: list[Record]) -> str:
    """A row for each number of clients; milliseconds."""
    heads = [
        "clients",
        "answers/s",
        "p50",
        "p95",
        "p99",
        "p99 / p50",
        *_QUESTIONS,
        "errors",
        "client, MB",
        "server, MB",
    ]
    rows = []
    for record in records:
        middle, _, high = record["quantiles"]
        rows.append(
            [
                f"{record['clients']}{' and a heavy one' if record['heavy'] else ''}",
                f"{record['rate']:.1f}",
                *(milliseconds(seconds) for seconds in record["quantiles"]),
                f"{high / middle:.1f}",
                *(milliseconds(record["medians"][kind]) for kind in _QUESTIONS),
                record["errors"],
                f"{record['client']:,.0f}",
                f"{record['server']:,.0f}",
            ]
        )
    return str(tabulate(rows, heads, tablefmt="github", disable_numparse=True)) + "\n"
