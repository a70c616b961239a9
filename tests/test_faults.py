"""Kills of the client and of the server at random moments: a graph is complete or absent, and nothing is left over."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import psutil
import pytest
from support.killed import delete, ingest
from support.server import started

from circuit_atlas import Atlas
from circuit_atlas.database import Database
from circuit_atlas.export.json_file import write_json
from circuit_atlas.graph.data import EdgeBlock
from circuit_atlas.ingest import edge_writer
from circuit_atlas.server import LocalServer
from circuit_atlas.synth import Shape, synthesize

Work = Callable[..., object]
CLIENT_KILLS, SERVER_KILLS, DELETE_KILLS = 20, 5, 5
_CONTEXT = multiprocessing.get_context("forkserver")  # a process that has everything imported already
_CONTEXT.set_forkserver_preload(
    ["circuit_atlas.client", "circuit_atlas.ingest", "circuit_atlas.server", "support.killed"]
)
ANYTHING_LEFT = """
MATCH (n) WHERE NOT n:TranscoderFeature AND NOT n:CircuitAtlas AND (n.graph CONTAINS '~' OR n.name CONTAINS '~'
  OR n:EdgeBatch OR (n:Graph AND n.status <> 'ready') OR NOT EXISTS { (:Graph {name: coalesce(n.graph, n.name)}) })
RETURN count(n) AS left
"""


@pytest.fixture(scope="module")
def server(java: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A server of this module, to be killed."""
    yield from started(tmp_path_factory.mktemp("faults") / "store")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two graphs, written in several transactions each."""
    made = [tmp_path_factory.mktemp("graphs") / f"{seed}.json" for seed in range(2)]
    for seed, path in enumerate(made):
        write_json(synthesize(Shape(features_per_layer=32, seed=seed), slug="g"), path)
    return made


class Faults:
    """Kills what is under way after a random part of the time that it takes undisturbed, and looks at what is left."""

    def __init__(self, server: LocalServer, files: list[Path]) -> None:
        self.server, self.files, self.store = server, files, str(server.store.path)
        self.seed = int(os.environ.get("FAULT_SEED", random.randrange(1 << 30)))
        self.random, self.survived = random.Random(self.seed), 0

    def start(self, work: Work, *arguments: object) -> ForkServerProcess:
        process = _CONTEXT.Process(target=work, args=(self.store, *arguments))
        process.start()
        return process

    def time(self, work: Work, *arguments: object) -> float:
        began = time.monotonic()
        process = self.start(work, *arguments)
        process.join(60)
        assert process.exitcode == 0
        return time.monotonic() - began

    def pause(self, process: ForkServerProcess, most: float) -> None:
        process.join(self.random.uniform(0, most))

    def restart_server(self, how: str = "killed") -> None:
        if how == "killed":
            running = psutil.Process(self.server.status().pid)
            running.kill()
            running.wait(30)
        else:
            self.server.stop()
        self.server.start(quiet=True)

    def check(self, *, may_be: list[Path], may_be_absent: bool) -> None:
        """The graph is one of those files, whole, or absent."""
        with Atlas(store=self.store) as atlas:
            names = [summary.graph for summary in atlas.graphs().graphs]
            if not names:
                assert may_be_absent, self.seed
                return
            assert names == ["g"], self.seed
            found = [not atlas.verify("g", file).damaged for file in may_be]
            assert sum(found) == 1, self.seed
            assert not atlas.verify("g").damaged, self.seed

    def check_again(self, work: Work, *arguments: object, may_be: list[Path], may_be_absent: bool) -> None:
        """The same command again does it, and leaves nothing over."""
        self.time(work, *arguments)
        self.check(may_be=may_be, may_be_absent=may_be_absent)
        with Atlas(store=self.store) as atlas:
            assert atlas.cypher(ANYTHING_LEFT).rows == [{"left": 0}], self.seed
        self.survived += 1


@pytest.fixture
def faults(server: LocalServer, files: list[Path], record_property: Callable[[str, object], None]) -> Iterator[Faults]:
    with Atlas(store=server.store.path) as atlas:
        if atlas.graphs().graphs:
            atlas.delete("g")
    made = Faults(server, files)
    yield made
    if made.survived:
        record_property("kills survived", f"{made.survived} (seed {made.seed})")


def test_a_killed_client_leaves_a_whole_graph_or_none(faults: Faults) -> None:
    first, second = faults.files
    took = faults.time(ingest, str(first), False)
    with Atlas(store=faults.store) as atlas:
        atlas.delete("g")
    for number in range(CLIENT_KILLS):
        file = faults.files[number % 2]
        process = faults.start(ingest, str(file), True)
        faults.pause(process, took)
        process.kill()
        process.join()
        faults.check(may_be=[first, second], may_be_absent=number == 0)
        faults.check_again(ingest, str(file), True, may_be=[file], may_be_absent=False)
    assert faults.survived == CLIENT_KILLS


def test_a_killed_delete_leaves_a_whole_graph_or_none(faults: Faults) -> None:
    first = faults.files[0]
    faults.time(ingest, str(first), False)
    took = faults.time(delete)
    for _ in range(DELETE_KILLS):
        faults.time(ingest, str(first), False)
        process = faults.start(delete)
        faults.pause(process, took)
        process.kill()
        process.join()
        faults.check(may_be=[first], may_be_absent=True)
        if process.exitcode == 0:
            faults.survived += 1
        else:
            faults.check_again(delete, may_be=[], may_be_absent=True)
    assert faults.survived == DELETE_KILLS


def test_a_killed_server_keeps_a_whole_graph(faults: Faults) -> None:
    """The server is started again at once; the client finds it, or says that it does not."""
    first, second = faults.files
    took = faults.time(ingest, str(first), False)
    for number in range(SERVER_KILLS):
        file = faults.files[(number + 1) % 2]
        process = faults.start(ingest, str(file), True)
        faults.pause(process, took)
        faults.restart_server()
        process.join(120)
        assert process.exitcode is not None, faults.seed
        faults.check(may_be=[file] if process.exitcode == 0 else [first, second], may_be_absent=False)
        faults.check_again(ingest, str(file), True, may_be=[file], may_be_absent=False)
    assert faults.survived == SERVER_KILLS


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_an_ingest_outlives_a_restart_of_the_server(how: str, faults: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gone with two batches under way, and there again: the ingest does not notice, whatever was committed."""
    first, gone, write = faults.files[0], threading.Event(), edge_writer._write

    def write_then_restart(database: Database, graph: str, number: int, block: EdgeBlock) -> int:
        if number == 1 and not gone.is_set():
            gone.set()
            pool.submit(faults.restart_server, how)
        return write(database, graph, number, block)

    monkeypatch.setattr(edge_writer, "_write", write_then_restart)
    monkeypatch.setattr(edge_writer, "EDGES_PER_BATCH", 2_000)
    with ThreadPoolExecutor(1) as pool, Atlas(store=faults.store) as atlas:
        atlas.ingest(first, name="g")
    assert gone.is_set()
    faults.check(may_be=[first], may_be_absent=False)
    with Atlas(store=faults.store) as atlas:
        assert atlas.cypher(ANYTHING_LEFT).rows == [{"left": 0}]


def test_several_processes_at_once_make_one_graph(faults: Faults) -> None:
    """The same graph from three processes, another one in its place from two more: one graph, whole."""
    first, second = map(str, faults.files)
    plan = [(first, False)] * 3
    for work in (plan, [(first, True), (second, True), (second, True)]):
        with ThreadPoolExecutor(len(work)) as pool:
            processes = list(pool.map(lambda arguments: faults.start(ingest, *arguments), work))
        for process in processes:
            process.join(60)
            assert process.exitcode == 0
        faults.check(may_be=faults.files, may_be_absent=False)
    with Atlas(store=faults.store) as atlas:
        assert atlas.cypher(ANYTHING_LEFT).rows == [{"left": 0}]
        assert json.loads(atlas.graphs().to_json())["graphs"][0]["graph"] == "g"
