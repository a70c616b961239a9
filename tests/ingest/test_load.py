"""What was ingested reads back exactly; a graph is stored whole or not at all."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Semaphore
from typing import Any

import numpy as np
import pytest
from neo4j import Session
from neo4j.exceptions import IncompleteCommit, ServiceUnavailable
from support import oracle
from support.database import clear
from support.examples import EXAMPLES, NAMES, example_document, example_file, ingest_examples
from support.graphs import make_graph, status_of
from support.program import run_program

from circuit_atlas import Atlas, GraphHandle
from circuit_atlas.config import STORE_VARIABLE
from circuit_atlas.database import Database
from circuit_atlas.errors import (
    GraphExistsError,
    GraphNotFoundError,
    IngestError,
    InvalidArgumentError,
    SchemaVersionError,
)
from circuit_atlas.graph.data import KINDS, GraphData
from circuit_atlas.graph.influence import compute_influence
from circuit_atlas.graph.order import topological_order
from circuit_atlas.ingest import edge_writer, load, load_graph, owner, read_graph, remove_leftovers, statements, steps
from circuit_atlas.ingest.content import content_hash
from circuit_atlas.ingest.delete import delete_graph, remove_graph
from circuit_atlas.ingest.graph_rows import graph_rows
from circuit_atlas.ingest.owner import in_use, owner_of_this_process
from circuit_atlas.ingest.rows import node_rows
from circuit_atlas.ingest.steps import node_steps
from circuit_atlas.schema.apply import ensure_schema
from circuit_atlas.schema.graph_lock import LOCK
from circuit_atlas.schema.keys import Kind
from circuit_atlas.server import LocalServer
from circuit_atlas.store import verify


def everything(atlas: Atlas) -> list[Any]:
    """All there is in the database, in a form that can be compared."""
    nodes = (
        "MATCH (n) RETURN labels(n) AS labels, properties(n) AS p "
        "ORDER BY labels[0], n.graph, n.key, n.name, n.hops, n.layer, n.index, n.sign LIMIT 100000"
    )
    counts = "MATCH ()-[r]->() RETURN type(r) AS type, count(*) AS n, sum(r.weight) AS weight ORDER BY type LIMIT 10"
    rows = [row for query in (nodes, counts) for row in atlas.cypher(query).rows]
    return [str(row | {"p": sorted(row.get("p", {}).items())}) for row in rows]


@pytest.fixture(scope="module")
def stored() -> list[Any]:
    """All there was in the database of `few` when it was filled."""
    return []


@pytest.fixture
def few(own_server: LocalServer, stored: list[Any]) -> Iterator[Atlas]:
    """A database with two graphs, which can be compared as a whole. They know the features that tests write again.

    It is filled again only if a test has changed it.
    """
    own_server.start(quiet=True)
    with Atlas(store=own_server.store.path, timeout=120) as atlas:
        if not stored or everything(atlas) != stored:
            clear(atlas.driver)
            ingest_examples(atlas, "dallas", "night")
            stored[:] = everything(atlas)
        yield atlas


def without_own(rows: list[str]) -> list[str]:
    """The rows without what differs from one publish to the next: times and the version."""
    own = r"neo4j.time.DateTime\([^()]*(\([^()]*\))?[^()]*\)|\('version', '[^']*'\)"
    return sorted(re.sub(own, "", row) for row in rows)


SMALL, LARGE = example_file("dallas"), example_file("dallas-haiku")  # the second as if it were large, see `limits`


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every graph is written in several transactions."""
    monkeypatch.setattr(steps, "_MAX_SMALL_EDGES", 0)
    monkeypatch.setattr(edge_writer, "EDGES_PER_BATCH", 500)


@pytest.fixture(params=[SMALL, LARGE], ids=["in one transaction", "in several"])
def file(request: pytest.FixtureRequest) -> Path:
    """A graph that is written in one transaction, and one in several: with supernodes, and features of its own."""
    chosen: Path = request.param
    if chosen == LARGE:
        request.getfixturevalue("limits")
    return chosen


Feature = tuple[str, str, int, int]


@pytest.fixture(scope="module")
def labels() -> dict[Feature, str]:
    """The first label that an example has for a transcoder feature."""
    found: dict[Feature, str] = {}
    for name in NAMES:
        data = read_graph(example_file(name))
        for i, label in enumerate(data.nodes.label):
            if (label or "").strip():
                found.setdefault(feature_of(data, i), (label or "").strip())
    return found


def feature_of(data: GraphData, i: int) -> Feature:
    return data.metadata.model, data.metadata.source_set, int(data.nodes.layer[i]), int(data.nodes.index[i])


@pytest.mark.parametrize("name", NAMES)
def test_everything_ingested_is_read_back_exactly(
    name: str, examples: dict[str, GraphHandle], atlas: Atlas, labels: dict[Feature, str]
) -> None:
    data, handle = read_graph(example_file(name)), examples[name]
    rows = atlas.cypher(
        "MATCH (n:Node {graph: $graph}) RETURN properties(n) AS p, labels(n) AS labels ORDER BY n.ordinal LIMIT 100000",
        {"graph": name},
    ).rows
    for i, (row, (kind, expected)) in enumerate(
        zip(
            rows,
            node_rows(data, compute_influence(data, topological_order(data.edges, data.nodes.depth))),
            strict=True,
        )
    ):
        if kind is Kind.FEATURE and not (data.nodes.label[i] or "").strip():
            expected["name"] = labels.get(feature_of(data, i), expected["name"])
        assert row["p"] == {**expected, "graph": name, "ordinal": i}
        assert row["labels"] == ["Node", kind.label]
    stored = atlas.cypher(
        "MATCH (s:Node {graph: $graph})-[r:DIRECT_EFFECT]->(t) "
        "RETURN s.ordinal AS s, t.ordinal AS t, r.weight AS w ORDER BY t, s LIMIT 100000",
        {"graph": name},
    ).rows
    [block] = data.edges.blocks(10**6)
    assert [row["s"] for row in stored] == block.source.tolist()
    assert [row["t"] for row in stored] == block.target.tolist()
    assert np.array_equal([row["w"] for row in stored], block.weight)
    assert json.loads(handle.metadata["file_metadata"]) == data.metadata.file_metadata
    assert json.loads(handle.metadata["file_qparams"]) == data.metadata.file_qparams
    groups = atlas.cypher(
        "MATCH (s:Supernode {graph: $graph})-[:GROUPS]->(n) WITH s, n ORDER BY n.ordinal "
        "WITH s, collect(n.ordinal) AS members ORDER BY s.order RETURN s.name AS name, members LIMIT 100",
        {"graph": name},
    ).rows
    assert [(g["name"], g["members"]) for g in groups] == [(s.name, sorted(s.members)) for s in data.supernodes]


def test_features_of_two_prompts_meet_in_one_node(examples: dict[str, GraphHandle], atlas: Atlas) -> None:
    features = [
        {tuple(node["node_id"].split("_")[:2]) for node in example_document(name)["nodes"] if is_feature(node)}
        for name in ("dallas", "night")
    ]
    shared = atlas.cypher(
        "MATCH (a:Feature {graph: 'dallas'})-[:ACTIVATION_OF]->(f)"
        "<-[:ACTIVATION_OF]-(b:Feature {graph: 'night'}) "
        "RETURN count(DISTINCT f) AS n"
    )
    assert shared.rows == [{"n": len(features[0] & features[1])}]


def is_feature(node: dict[str, Any]) -> bool:
    return bool(node["feature_type"] == "cross layer transcoder")


def test_ingesting_the_same_file_again_changes_nothing(few: Atlas) -> None:
    name = "g"
    first = few.ingest(EXAMPLES / "dallas.json", name=name)
    before = everything(few)
    second = few.ingest(EXAMPLES / "dallas.json", name=name)
    assert (status_of(first), status_of(second)) == ("ingested", "unchanged")
    assert everything(few) == before


def test_other_content_needs_replace(few: Atlas) -> None:
    name = "g"
    few.ingest(EXAMPLES / "dallas.json", name=name)
    before = everything(few)
    with pytest.raises(GraphExistsError, match="--replace"):
        few.ingest(example_file("night"), name=name)
    assert everything(few) == before
    replaced = few.ingest(example_file("night"), name=name, replace=True)
    assert status_of(replaced) == "replaced"
    nodes = len(example_document("night")["nodes"])
    assert replaced.stats().nodes.total == nodes
    assert few.cypher("MATCH (n:Node {graph: $graph}) RETURN count(*) AS n", {"graph": name}).rows == [{"n": nodes}]


def test_deleting_leaves_only_what_other_graphs_use(few: Atlas, stored: list[Any]) -> None:
    before = stored
    name = "g"
    load_graph(few, make_graph([0, 1, 2], [(0, 1, 1.0), (1, 2, -1.0)]), name=name)
    few.ingest(EXAMPLES / "dallas.json", name=f"{name}-copy")
    few.delete(name)
    few.delete(f"{name}-copy")
    assert everything(few) == before
    with pytest.raises(GraphNotFoundError):
        few.delete(name)


@pytest.mark.parametrize("name", ["", "a~b", "a\nb", "x" * 201])
def test_impossible_names_are_refused(name: str, atlas: Atlas) -> None:
    with pytest.raises(InvalidArgumentError):
        load_graph(atlas, make_graph([0, 1], [(0, 1, 1.0)]), name=name or "\t")


def test_a_name_is_never_cypher(atlas: Atlas, new_name: Callable[[], str]) -> None:
    name = "'}) DETACH DELETE g //" + new_name()
    atlas.ingest(EXAMPLES / "dallas-haiku.json", name=name)
    assert atlas.graph(name).stats().edges == 2205
    atlas.delete(name)


def test_nothing_is_published_when_counts_differ(
    file: Path, few: Atlas, stored: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stored
    for name in ("EDGES", "WRITE_EDGE_BATCH"):
        lossy = getattr(statements, name).replace("CREATE (source)", "WITH * WHERE weight > 0 CREATE (source)")
        monkeypatch.setattr(statements, name, lossy)
    with pytest.raises(IngestError, match="the database has"):
        few.ingest(file, name="g")
    assert everything(few) == before


def test_a_stopped_ingest_leaves_nothing(
    file: Path, few: Atlas, stored: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stored

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(load, "_check_counts", interrupt)
    with pytest.raises(KeyboardInterrupt):
        few.ingest(file, name="g")
    assert everything(few) == before


def test_a_killed_ingest_is_invisible_and_cleaned_up_by_the_next(
    file: Path, few: Atlas, stored: list[Any], own_server: LocalServer
) -> None:
    before = stored
    name = "g"
    code = textwrap.dedent("""
        import os, signal, sys
        from circuit_atlas import Atlas
        from circuit_atlas.ingest import edge_writer, load, steps
        steps._MAX_SMALL_EDGES, edge_writer.EDGES_PER_BATCH = map(int, sys.argv[3:])
        load._check_counts = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        Atlas().ingest(sys.argv[1], name=sys.argv[2])
    """)
    environment = {**os.environ, STORE_VARIABLE: str(own_server.store.path)}
    limits = map(str, (steps._MAX_SMALL_EDGES, edge_writer.EDGES_PER_BATCH))
    command = [sys.executable, "-c", code, str(file), name, *limits]
    killed = subprocess.run(command, env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert (everything(few) != before) == (file == LARGE)
    assert name not in [summary.graph for summary in few.graphs().graphs]
    assert few.cypher("MATCH (n:Node {graph: $graph}) RETURN count(*) AS n", {"graph": name}).rows == [{"n": 0}]
    assert few.ingest(file, name=name).stats().edges == len(oracle.read_document(file)["links"])
    few.delete(name)
    assert everything(few) == before


def test_transactions_repeated_after_lost_answers_change_nothing(
    file: Path, few: Atlas, stored: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every transaction is repeated after it was committed, as the driver does when the server goes away meanwhile."""
    ensure_schema(few)
    before, name = stored, "g"
    few.ingest(file, name=name)
    plain = everything(few)
    few.delete(name)
    once = Session.execute_write

    def twice(session: Session, work: Any, *arguments: Any) -> Any:
        once(session, work, *arguments)
        return once(session, work, *arguments)

    monkeypatch.setattr(Session, "execute_write", twice)
    few.ingest(file, name=name)
    assert without_own(everything(few)) == without_own(plain)
    few.ingest(example_file("night"), name=name, replace=True)
    assert not few.verify(name, example_file("night")).damaged
    few.ingest(file, name=name, replace=True)
    assert without_own(everything(few)) == without_own(plain)
    few.delete(name)
    assert everything(few) == before


@pytest.mark.usefixtures("limits")
def test_an_ingest_whose_last_answer_is_lost_succeeds(
    few: Atlas, stored: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    name, once = "g", load._rename
    before = stored

    def lost(*arguments: Any) -> None:
        monkeypatch.setattr(load, "_rename", once)
        once(*arguments)
        raise IncompleteCommit

    monkeypatch.setattr(load, "_rename", lost)
    assert status_of(few.ingest(LARGE, name=name)) == "ingested"
    monkeypatch.setattr(load, "_rename", lost)
    assert status_of(few.ingest(EXAMPLES / "dallas.json", name=name, replace=True)) == "replaced"
    assert remove_leftovers(few) == []
    few.delete(name)
    assert everything(few) == before


def test_an_ingest_in_one_transaction_whose_answer_is_lost_succeeds(
    atlas: Atlas, new_name: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    once = steps.write_at_once

    def lost(*arguments: Any) -> None:
        monkeypatch.setattr(load, "write_at_once", once)
        once(*arguments)
        raise IncompleteCommit

    monkeypatch.setattr(load, "write_at_once", lost)
    name = new_name()
    assert status_of(atlas.ingest(SMALL, name=name)) == "ingested"
    assert status_of(atlas.ingest(SMALL, name=name)) == "unchanged"


@pytest.mark.usefixtures("limits")
def test_a_graph_removed_meanwhile_is_not_published(
    few: Atlas, stored: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    name, before, once = "g", stored, load._rename

    def too_late(database: Database, staging: str, *arguments: Any) -> None:
        remove_graph(database, staging)
        once(database, staging, *arguments)

    monkeypatch.setattr(load, "_rename", too_late)
    with pytest.raises(IngestError, match="deleted by another process"):
        few.ingest(LARGE, name=name)
    assert everything(few) == before


@pytest.mark.usefixtures("limits")
def test_a_graph_that_is_being_removed_is_not_published(
    few: Atlas, stored: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process has taken its owner for dead, and has deleted some of its effects."""
    name, before, once, delete = "g", stored, load._rename, statements.DELETE_EDGES

    def too_late(database: Database, staging: str, *arguments: Any) -> None:
        few.write(statements.CONDEMN, graph=staging, owner="another")
        assert few.write(delete, graph=staging, batch=3) == [{"deleted": 3}]
        once(database, staging, *arguments)

    monkeypatch.setattr(load, "_rename", too_late)
    with pytest.raises(IngestError, match="deleted by another process"):
        few.ingest(LARGE, name=name)
    assert everything(few) == before


def test_a_clock_that_is_set_ends_no_ingest(atlas: Atlas, new_name: Callable[[], str]) -> None:
    """Then the start time of a process looks like that of another one with its id."""
    staging = f"{new_name()}~running"
    own, pid, started = owner_of_this_process().rsplit(" ", 2)
    earlier = f"{own} {pid} {float(started) - 3600:.2f}"
    atlas.write(statements.BEGIN, graph=staging, target_name="x", properties={}, owner=earlier)
    assert remove_leftovers(atlas) == []
    atlas.write("MATCH (g:Graph {name: $graph}) SET g.heartbeat = timestamp() - 60000", graph=staging)
    assert remove_leftovers(atlas) == [staging.partition("~")[0]]


def test_the_leftovers_of_a_running_ingest_are_kept(atlas: Atlas, new_name: Callable[[], str]) -> None:
    staging = f"{new_name()}~living"
    begin = {"graph": staging, "target_name": "x", "properties": {}, "owner": owner_of_this_process()}
    atlas.write(statements.BEGIN, **begin)
    with in_use(atlas, staging):
        assert remove_leftovers(atlas) == []
    assert remove_leftovers(atlas) == [staging.partition("~")[0]]  # an ingest of this process that failed


@pytest.mark.parametrize("ended", ["host a0b1/pid:[7] 1 1.00", f"{socket.gethostname()} 999999999 1.00"])
def test_an_owner_that_cannot_be_seen_is_alive_as_long_as_its_heartbeat(
    atlas: Atlas, new_name: Callable[[], str], ended: str
) -> None:
    """In two containers, host name and process id can be the same. No process has the ids that stand here."""
    staging = f"{new_name()}~elsewhere"
    atlas.write(statements.BEGIN, graph=staging, target_name="x", properties={}, owner=ended)
    assert remove_leftovers(atlas) == []
    atlas.write("MATCH (g:Graph {name: $graph}) SET g.heartbeat = timestamp() - 110000", graph=staging)
    assert remove_leftovers(atlas) == []
    atlas.write("MATCH (g:Graph {name: $graph}) SET g.heartbeat = timestamp() - 130000", graph=staging)
    assert remove_leftovers(atlas) == [staging.partition("~")[0]]


def test_processes_of_another_namespace_are_not_looked_for(
    atlas: Atlas, new_name: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    staging = f"{new_name()}~dead"
    own = owner_of_this_process().rsplit(" ", 2)[0]
    atlas.write(statements.BEGIN, graph=staging, target_name="x", properties={}, owner=f"{own} 999999999 1.00")
    with monkeypatch.context() as patched:
        patched.setattr(owner, "_process_ids", lambda: "the same boot/another namespace")
        assert remove_leftovers(atlas) == []
    assert remove_leftovers(atlas) == [staging.partition("~")[0]]  # seen from here, the process has ended


def test_an_ingest_renews_its_heartbeat_until_it_is_published(
    atlas: Atlas, new_name: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it does meanwhile, and however long; also when the database does not answer once."""
    name, beats, once = new_name(), Semaphore(0), load._check_counts
    times: list[int] = []
    write, failures = Database.write, [ServiceUnavailable("away")]
    monkeypatch.setattr(owner, "_BEAT", 0.01)

    def counted(database: Database, *texts: str, **parameters: Any) -> Any:
        if texts != (statements.HEARTBEAT,):
            return write(database, *texts, **parameters)
        if failures:
            raise failures.pop()
        write(database, *texts, **parameters)
        if found := write(database, "MATCH (g:Graph {name: $graph}) RETURN g.heartbeat AS beat", **parameters):
            times.append(found[0]["beat"])
            beats.release()
        return []

    def after_two_beats(*arguments: Any) -> None:
        assert beats.acquire(timeout=60)
        assert beats.acquire(timeout=60)
        once(*arguments)

    monkeypatch.setattr(Database, "write", counted)
    monkeypatch.setattr(load, "_check_counts", after_two_beats)
    atlas.ingest(EXAMPLES / "opposite-small.json", name=name)
    assert times[0] < times[1]
    atlas.write(statements.HEARTBEAT, graph=name)  # one that comes too late
    assert atlas.cypher("MATCH (g:Graph {name: $graph}) RETURN g.heartbeat AS beat", {"graph": name}).rows == [
        {"beat": None}
    ]


def blocked(atlas: Atlas, work: Callable[[], object], meanwhile: Callable[[], object]) -> None:
    """Start work, wait until its transaction waits for a lock, do something meanwhile, and wait for its end."""
    waiting = "SHOW TRANSACTIONS YIELD status WHERE status STARTS WITH 'Blocked' RETURN count(*) AS n"
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(work)
        while not (running.done() or atlas.cypher(waiting).rows[0]["n"]):
            pass
        meanwhile()
        running.result(60)


def test_two_deletes_at_once_leave_nothing(atlas: Atlas, new_name: Callable[[], str]) -> None:
    """Both rename the graph. The second must not rename it again: the first would not find all of it any more."""
    name = new_name()
    atlas.ingest(EXAMPLES / "dallas.json", name=name)
    with in_use(atlas, f"{name}~old") as hidden, atlas.driver.session() as session:
        delete = session.begin_transaction()
        own: dict[str, Any] = {"owner": owner_of_this_process(), "given": name, "version": None}
        delete.run(statements.RENAME, graph=name, name=hidden, status="deleting", **own).consume()
        blocked(atlas, lambda: delete_graph(atlas, name), delete.commit)
        remove_graph(atlas, hidden)
    left = "MATCH (n) WHERE n.graph STARTS WITH $name OR n.name STARTS WITH $name RETURN labels(n) AS labels"
    assert atlas.cypher(left, {"name": name}).rows == []


def test_a_transaction_that_waits_for_a_graph_does_not_undo_its_deletion(
    atlas: Atlas, new_name: Callable[[], str]
) -> None:
    name, hidden = new_name(), new_name() + "~old"
    atlas.ingest(EXAMPLES / "dallas.json", name=name)
    with in_use(atlas, hidden), atlas.driver.session() as session:
        delete = session.begin_transaction()
        own: dict[str, Any] = {"owner": owner_of_this_process(), "given": name, "version": None}
        delete.run(statements.RENAME, graph=name, name=hidden, status="deleting", **own).consume()
        blocked(atlas, lambda: atlas.write(LOCK, graph=name), delete.commit)
        status = "MATCH (g:Graph {name: $graph}) RETURN g.status AS status, g.lock AS lock"
        assert atlas.cypher(status, {"graph": hidden}).rows == [{"status": "deleting", "lock": None}]
        remove_graph(atlas, hidden)


def test_two_ingests_at_once_make_one_graph(atlas: Atlas, new_name: Callable[[], str]) -> None:
    name = new_name()
    with ThreadPoolExecutor(2) as pool:
        handles = list(pool.map(lambda _: atlas.ingest(EXAMPLES / "dallas.json", name=name), range(2)))
    assert sorted(status_of(handle) for handle in handles) == ["ingested", "unchanged"]
    assert atlas.cypher("MATCH (n:Node {graph: $graph}) RETURN count(*) AS n", {"graph": name}).rows == [{"n": 415}]


def test_the_tags_of_two_ingests_that_replace_a_graph_at_once_are_all_kept(
    atlas: Atlas, new_name: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name, publish = new_name(), load._publish
    atlas.ingest(EXAMPLES / "dallas.json", name=name, tags=["kept"])

    def first_by_another(*arguments: Any) -> str:
        monkeypatch.setattr(load, "_publish", publish)
        replaced = atlas.ingest(EXAMPLES / "dallas-haiku.json", name=name, replace=True, tags=["another"])
        assert status_of(replaced) == "replaced"
        return publish(*arguments)

    monkeypatch.setattr(load, "_publish", first_by_another)
    again = atlas.ingest(EXAMPLES / "dallas-haiku.json", name=name, replace=True, tags=["own"])
    assert status_of(again) == "unchanged"
    assert next(found for found in atlas.graphs().graphs if found.graph == name).tags == ["another", "kept", "own"]
    atlas.delete(name)


def test_the_schema_can_be_repeated_and_a_newer_one_is_refused(own_atlas: Atlas, own_env: dict[str, str]) -> None:
    for _ in range(2):
        ensure_schema(own_atlas)
    own_atlas.cypher("MATCH (s:CircuitAtlas) SET s.schema_version = 99", write=True)
    with pytest.raises(SchemaVersionError, match="schema version 99"):
        ensure_schema(own_atlas)
    findings = run_program("doctor", env=own_env)
    assert findings.returncode == 3
    assert "schema version 99" in findings.stdout


def test_no_file_replaces_the_graph_of_another_file_of_the_same_ingest(
    atlas: Atlas, new_name: Callable[[], str], tmp_path: Path
) -> None:
    """Files of the same content are one graph."""
    name, document = new_name(), example_document("winter")
    document["metadata"]["slug"] = name
    for folder in ("a", "b", "c"):
        (tmp_path / folder).mkdir()
        document["metadata"]["prompt"] = "another" if folder == "c" else "one"
        (tmp_path / folder / "graph.json").write_text(json.dumps(document))
    for _ in range(2):
        found = atlas.ingest_all([tmp_path], replace=True)
        errors = [file.error for file in found.files if file.error]
        assert errors
        assert all("another of these files has a graph" in error for error in errors)
        assert len(found.files) == 3
    with pytest.raises(GraphExistsError, match="already exists with different content"):
        atlas.ingest_all(
            [tmp_path / ("a" if atlas.graph(name).metadata["prompt"] == "another" else "c")], fail_fast=True
        )


def test_a_whole_verify_goes_on_when_a_graph_is_deleted_meanwhile(
    atlas: Atlas, new_name: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [new_name(), new_name()]
    for name in names:
        load_graph(atlas, make_graph([0, 1, 2], [(0, 1, 1.0), (1, 2, 1.0)]), name=name)
    there = atlas.graphs()
    both = there.model_copy(update={"graphs": [graph for graph in there.graphs if graph.graph in names]})
    monkeypatch.setattr(verify, "list_graphs", lambda _: both)
    atlas.delete(names[0])
    found = atlas.verify()
    assert [graph.graph for graph in found.graphs] == [names[1]]
    assert found.notes == [f"{names[0]} was deleted or replaced before it was verified."]


def test_every_ingest_writes_transcoder_features_in_the_same_order() -> None:
    """Two that write the same ones in different orders would wait for each other."""
    data = read_graph(EXAMPLES / "dallas.json")
    rows = graph_rows(data, content_hash(data))
    written = [
        (row["source_set"], row["layer"], row["index"])
        for statement, parameters in node_steps("dallas", rows)
        if statement == statements.TRANSCODER_FEATURES
        for row in parameters["rows"]
    ]
    assert written == sorted(written) != []
    assert len(written) == (data.nodes.kind == KINDS.index(Kind.FEATURE)).sum()
