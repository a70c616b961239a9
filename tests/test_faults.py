"""Kills of the client and of the server at random moments: a graph is complete or absent, and nothing is left over."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.chaos import ANYTHING_LEFT, Chaos
from support.database import clear
from support.killed import ingest, ingest_folder
from support.program import CONTEXT
from support.server import started

from circuit_atlas import Atlas
from circuit_atlas.database import Database, connect
from circuit_atlas.errors import IngestError
from circuit_atlas.export.json_file import write_json
from circuit_atlas.ingest import edge_writer
from circuit_atlas.server import LocalServer
from circuit_atlas.synth import Shape, synthesize

LAPS = 1  # of 12 commands
Answers = tuple[list[float], int]


@pytest.fixture(scope="module")
def server(java: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A server of this module, to be killed."""
    yield from started(tmp_path_factory.mktemp("faults") / "store", is_lasting=True)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two graphs, written in several transactions each."""
    made = [tmp_path_factory.mktemp("graphs") / f"{seed}.json" for seed in range(2)]
    for seed, path in enumerate(made):
        write_json(synthesize(Shape(features_per_layer=32, seed=seed), slug="g"), path)
    return made


class Faults:
    """A server that is stopped or killed under way, and a look at what is left."""

    def __init__(self, server: LocalServer, files: list[Path]) -> None:
        self.server, self.files, self.store = server, files, str(server.store.path)

    def restart_server(self, how: str) -> None:
        if how == "killed":
            running = psutil.Process(self.server.status().pid)
            running.kill()
            running.wait(30)
        else:
            self.server.stop()
        self.server.start(quiet=True)

    def check(self, may_be: list[Path]) -> None:
        """The graph is one of those files, whole, and there is nothing else."""
        with Atlas(store=self.store) as atlas:
            assert [summary.graph for summary in atlas.graphs().graphs] == ["g"]
            assert sum(not atlas.verify("g", file).damaged for file in may_be) == 1
            assert not atlas.verify("g").damaged
            assert atlas.cypher(ANYTHING_LEFT).rows == [{"left": 0}]


@pytest.fixture
def faults(server: LocalServer, files: list[Path]) -> Faults:
    with connect(server.start(quiet=True)) as driver:
        clear(driver)
    return Faults(server, files)


@pytest.mark.timeout(1800)  # two dozen starts of a server, and as many plans of each question
def test_every_command_that_writes_survives_kills(
    server: LocalServer, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Of the client, the server and both; see `support/chaos.py`. `make chaos` does it for longer."""
    with connect(server.start(quiet=True)) as driver:
        clear(driver)
    chaos = Chaos(server, tmp_path)
    chaos.undisturbed(rare=False)
    for _ in range(LAPS):
        chaos.disturbed_lap(rare=False)
    assert chaos.kills.total() == LAPS * len(chaos.lap(rare=False))
    record_property("kills survived", f"{chaos.kills.total()}, {chaos.late} of them late (seed {chaos.seed})")


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_an_ingest_outlives_a_restart_of_the_server(how: str, faults: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gone with two batches under way, and there again: the ingest does not notice, whatever was committed."""
    first, gone, write = faults.files[0], threading.Event(), edge_writer._write

    def write_then_restart(database: Database, statement: str, parameters: dict[str, Any]) -> int:
        if parameters["batch"] == 1 and not gone.is_set():
            gone.set()
            pool.submit(faults.restart_server, how)
        return write(database, statement, parameters)

    monkeypatch.setattr(edge_writer, "_write", write_then_restart)
    monkeypatch.setattr(edge_writer, "EDGES_PER_BATCH", 2_000)
    with ThreadPoolExecutor(1) as pool, Atlas(store=faults.store) as atlas:
        atlas.ingest(first, name="g")
    assert gone.is_set()
    faults.check([first])


def test_an_ingest_whose_database_is_emptied_says_so(faults: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `restore --replace` does: the nodes that edges should lead to are gone."""
    gone, write = threading.Event(), edge_writer._write

    def write_then_empty(database: Database, statement: str, parameters: dict[str, Any]) -> int:
        if parameters["batch"] == 1 and not gone.is_set():
            database.write("MATCH (n) DETACH DELETE n")  # other batches are written meanwhile
            gone.set()
        return write(database, statement, parameters)

    monkeypatch.setattr(edge_writer, "_write", write_then_empty)
    monkeypatch.setattr(edge_writer, "EDGES_PER_BATCH", 2_000)
    with Atlas(store=faults.store) as atlas:
        with pytest.raises(
            IngestError,
            match="g: what was written was deleted by another process, or the database was restored or emptied",
        ):
            atlas.ingest(faults.files[0], name="g")
        assert not len(atlas.graphs())
        atlas.ingest(faults.files[0], name="g")
    faults.check([faults.files[0]])


def test_several_processes_at_once_make_one_graph(faults: Faults) -> None:
    """The same graph from three processes, another one in its place from two more: one graph, whole."""
    first, second = map(str, faults.files)
    plan = [(first, False)] * 3
    for work in (plan, [(first, True), (second, True), (second, True)]):
        processes = [CONTEXT.Process(target=ingest, args=(faults.store, *arguments)) for arguments in work]
        for process in processes:
            process.start()
        for process in processes:
            process.join(120)
            assert process.exitcode == 0
        faults.check(faults.files)


def test_folders_are_ingested_by_four_processes_while_others_read(faults: Faults, tmp_path: Path) -> None:
    """Each folder has graphs of its own and one that is in all. A reader sees whole graphs, or none."""
    folders, names = [tmp_path / f"folder-{number}" for number in range(4)], set()
    for number, folder in enumerate(folders):
        folder.mkdir()
        for seed in (0, 2 * number + 1, 2 * number + 2):
            data = synthesize(Shape(layers=4, features_per_layer=8, seed=seed), slug=f"graph-{seed}")
            write_json(data, folder / f"{seed}.json")
            names.add(f"graph-{seed}")
    processes = [CONTEXT.Process(target=ingest_folder, args=(faults.store, str(folder))) for folder in folders]
    ended = threading.Event()
    with ThreadPoolExecutor(3) as pool:
        for process in processes:
            process.start()
        readers = [pool.submit(_read_until, ended, faults.store) for _ in range(3)]
        try:
            for process in processes:  # here alone: of two threads that ask for its exit code, one gets another
                process.join()
        finally:
            ended.set()
        seen = [answer for reader in readers for answer in reader.result()]
    assert [process.exitcode for process in processes] == [0] * 4
    with Atlas(store=faults.store) as atlas:
        assert {summary.graph for summary in atlas.graphs().graphs} == names
        whole = {name: _answers(atlas, name) for name in names}
        assert not atlas.verify().damaged
        assert atlas.cypher(ANYTHING_LEFT).rows == [{"left": 0}]
        assert all(len(atlas.graphs(tags=[folder.name]).graphs) == 3 for folder in folders)
    assert seen
    for name, answers in seen:
        assert answers == whole[name]


def _read_until(ended: threading.Event, store: str) -> list[tuple[str, Answers]]:
    """The answers to a program that only reads, about whatever graphs exist, while processes run."""
    seen = []
    with Atlas(store=store) as atlas:
        while not ended.is_set():
            seen += [(summary.graph, _answers(atlas, summary.graph)) for summary in atlas.graphs().graphs]
    return seen


def _answers(atlas: Atlas, name: str) -> Answers:
    graph = atlas.graph(name)
    return [path.score for path in graph.paths(k=5).paths], graph.count().total
