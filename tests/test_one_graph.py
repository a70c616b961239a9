"""An answer is of one graph, although another client replaces or deletes it between two statements of the question."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from support.graphs import make_graph

from circuit_atlas import Atlas, Connection
from circuit_atlas.errors import AtlasError, GraphChangedError, GraphNotFoundError
from circuit_atlas.graph.data import GraphData
from circuit_atlas.ingest import load_graph
from circuit_atlas.queries import graph_sets, one_answer

# The same key is another node of the second graph, or none: `feature:1/2@2` is the third node of the first one only.
A = make_graph([0, 0, 1, 2, 3], [(0, 2, 1.0), (1, 2, 2.0), (1, 3, 0.5), (2, 3, 3.0), (2, 4, -1.0), (3, 4, 4.0)])
B = make_graph([0, 0, 0, 1, 1, 2, 3], [(0, 3, 9.0), (1, 4, 8.0), (2, 4, 7.0), (3, 5, 6.0), (4, 5, 5.0), (5, 6, 3.5)])
FROM_FIRST: Any = {"sources": ["token:0"], "max_hops": 3}
Question = Callable[[Atlas, str, str], Any]


def exported(atlas: Atlas, graph: str, suffix: str) -> str:
    """The content of the file."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / f"graph.{suffix}"
        atlas.export(graph, file)
        return file.read_text(encoding="utf-8").replace(graph, "graph")


def aggregated(atlas: Atlas, *graphs: str) -> list[int]:
    """How many nodes and effects the aggregate has."""
    made = atlas.aggregate(*graphs, name=f"{graphs[0]}-map", replace=True).ingested
    return [made.nodes, made.edges]


def served(atlas: Atlas, graph: str, _: str) -> str:
    """The content of the file of circuit-tracer's page."""
    with TemporaryDirectory() as folder, atlas.serve(graph, output=folder, port=0):
        [file] = set(Path(folder).glob("*.json")) - {Path(folder) / "graph-metadata.json"}
        return file.read_text(encoding="utf-8").replace(graph, "graph")


QUESTIONS: dict[str, Question] = {
    "stats": lambda atlas, g, _: atlas.graph(g).stats(),
    "metadata": lambda atlas, g, _: atlas.graph(g).metadata["content_hash"],
    "node": lambda atlas, g, _: atlas.graph(g).node("t2"),
    "neighbors": lambda atlas, g, _: atlas.graph(g).neighbors("feature:1/2@2"),
    "neighbors of a contrast": lambda atlas, g, _: atlas.graph(g).neighbors(
        "logit:1", weights={"logit:1": 2}, direction="in"
    ),
    "subgraph": lambda atlas, g, _: atlas.graph(g).subgraph("token:0"),
    "paths": lambda atlas, g, _: atlas.graph(g).paths(),
    "paths from": lambda atlas, g, _: atlas.graph(g).paths(**FROM_FIRST),
    "paths through": lambda atlas, g, _: atlas.graph(g).paths(must_pass=["token:0"]),
    "paths by value": lambda atlas, g, _: atlas.graph(g).paths(edge_value="2 * weight"),
    "score": lambda atlas, g, _: atlas.graph(g).score(["token:0", "feature:1/2@2"]),
    "count": lambda atlas, g, _: atlas.graph(g).count(),
    "count from": lambda atlas, g, _: atlas.graph(g).count(**FROM_FIRST),
    "distribution": lambda atlas, g, _: atlas.graph(g).score_distribution(sample=1),
    "influence": lambda atlas, g, _: atlas.graph(g).influence(),
    "influence on": lambda atlas, g, _: atlas.graph(g).influence(targets=["feature:2/5@5"]),
    "influence by": lambda atlas, g, _: atlas.graph(g).influence_by("kind"),
    "edge influence": lambda atlas, g, _: atlas.graph(g).edge_influence(),
    "supernodes": lambda atlas, g, _: atlas.graph(g).supernodes(),
    "supernode links": lambda atlas, g, _: atlas.graph(g).supernode_links(),
    "suggest": lambda atlas, g, _: atlas.graph(g).suggest_supernodes(similarity=-1, write=True, replace=True),
    "create supernode": lambda atlas, g, _: atlas.graph(g).create_supernode(
        "s", ["token:0", "feature:1/2@2"], replace=True
    ),
    "matching": lambda atlas, g, _: atlas.graph(g).create_supernode(
        "m", matching="2", kinds=["token", "feature"], replace=True
    ),
    "circuit": lambda atlas, g, _: atlas.graph(g).circuit(nodes=1, name="c", replace=True),
    "score circuit": lambda atlas, g, _: atlas.graph(g).score_circuit(["t2"], name="s", replace=True),
    "circuits": lambda atlas, g, _: atlas.graph(g).circuits(),
    "view": lambda atlas, g, _: atlas.graph(g).view().figure(),
    "view two": lambda atlas, g, other: atlas.graph(other).view(compare=g).figure(),
    "view paths": lambda atlas, g, _: atlas.graph(g).view_paths().figure(),
    "report": lambda atlas, g, _: atlas.graph(g).report().markdown(),
    "compare": lambda atlas, g, other: atlas.compare(g, other, max_hops=3),
    "feature": lambda atlas, g, _: atlas.feature("feature:1/2@2", graph=g),
    "feature of any graph": lambda atlas, _, __: atlas.feature("1/2", model="test", source_set="test"),
    "common": lambda atlas, g, other: atlas.common_features(g, other),
    "only": lambda atlas, g, other: atlas.only_features(other, without=[g]),
    "recurring": lambda atlas, g, other: atlas.recurring(g, other),
    "motifs": lambda atlas, g, _: atlas.graph(g).motifs(random=2),
    "motifs of several": lambda atlas, g, other: atlas.motifs(g, other, random=2),
    "recurring motifs": lambda atlas, g, other: atlas.recurring_motifs(g, other),
    "enriched motifs": lambda atlas, g, other: atlas.enriched_motifs(g, baseline=[other]),
    "series": lambda atlas, g, other: atlas.series(g, other, must_pass=["feature:1/2@2"]),
    "paths to a contrast": lambda atlas, g, _: atlas.graph(g).paths(targets=["logit:1"], weights={"logit:1": 2}),
    "influence on a contrast": lambda atlas, g, _: atlas.graph(g).influence(
        targets=["logit:1"], weights={"logit:1": 2}
    ),
    "similar": lambda atlas, g, _: atlas.similar(g),
    "clusters": lambda atlas, g, other: atlas.clusters(g, other, groups=2),
    "enriched": lambda atlas, g, other: atlas.enriched_features(g, baseline=[other]),
    "enriched edges": lambda atlas, g, other: atlas.enriched_edges(g, baseline=[other]),
    "paths of each": lambda atlas, g, _: atlas.each(g).paths(k=1),
    "aggregate": aggregated,
    "search": lambda atlas, g, _: [hit.places for hit in atlas.search("t0", graph=g).hits],
    "export to json": lambda atlas, g, _: exported(atlas, g, "json"),
    "export to graphml": lambda atlas, g, _: exported(atlas, g, "graphml"),
    "verify": lambda atlas, g, _: atlas.verify(g),
    "label": lambda atlas, g, _: atlas.label(g, "feature:1/2@2", "a label").node,
    "tag": lambda atlas, g, _: [graph.nodes for graph in atlas.tag(g, add=["of one graph"]).graphs],
}


class Client:
    """Asks with a connection of its own. `events` happen before its statements of these numbers."""

    def __init__(self, connection: Connection, events: dict[int, Callable[[], object]] | None = None) -> None:
        self.statements, self.events = 0, dict[int, Callable[[], object]]()
        self.atlas = Atlas(connection, tracer=self._trace, timeout=120)
        self.statements, self.events = 0, events or {}

    def _trace(self, _: str) -> None:
        self.statements += 1
        self.events.get(self.statements, lambda: None)()

    def ask(self, question: Question, *graphs: str) -> str:
        """The answer as text. An error of ours is an answer, any other fails the test."""
        try:
            return _text(question(self.atlas, *graphs))
        except AtlasError as error:
            return type(error).__name__

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.atlas.close()


def _text(answer: Any) -> str:
    if hasattr(answer, "model_dump_json"):
        return str(answer.model_dump_json())
    return json.dumps(answer, default=_text, sort_keys=True)


@pytest.fixture
def graphs(atlas: Atlas, new_name: Callable[[], str]) -> tuple[str, str]:
    """Names of the graph that changes, and of one that does not."""
    changing, other = new_name(), new_name()
    load_graph(atlas, A, name=other)
    return changing, other


@pytest.fixture
def put(atlas: Atlas, graphs: tuple[str, str]) -> Callable[[GraphData | None], None]:
    """Puts a graph in the place of the changing one, unless it is stored, or deletes it."""
    there: list[GraphData | None] = [None]

    def put_graph(data: GraphData | None) -> None:
        if data is None:
            atlas.delete(graphs[0])
        elif data is not there[-1]:
            load_graph(atlas, data, name=graphs[0], replace=True)
        there.append(data)

    return put_graph


@pytest.mark.parametrize("name", QUESTIONS)
def test_an_answer_is_of_one_graph(
    name: str, connection: Connection, graphs: tuple[str, str], put: Callable[[GraphData | None], None]
) -> None:
    check_answers(name, QUESTIONS[name], connection, graphs, put)


class Everything:
    """Contains everything."""

    def __contains__(self, _: object) -> bool:
        return True

    def add(self, _: object) -> None:
        pass


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two graphs are many, so that the log is looked at."""
    monkeypatch.setattr(one_answer, "_watched", Everything())
    monkeypatch.setattr(one_answer, "MANY", 1)
    monkeypatch.setattr(graph_sets, "MANY", 1)


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize("name", ["common", "only", "recurring", "similar", "enriched", "paths of each", "neighbors"])
def test_an_answer_is_of_one_graph_where_the_log_is_looked_at(
    name: str, connection: Connection, graphs: tuple[str, str], put: Callable[[GraphData | None], None]
) -> None:
    check_answers(name, QUESTIONS[name], connection, graphs, put)


@pytest.mark.usefixtures("watched")
def test_sets_of_many_graphs_are_kept_until_something_is_written(
    connection: Connection, graphs: tuple[str, str], put: Callable[[GraphData | None], None]
) -> None:
    put(A)
    with Client(connection) as client:
        asked = []
        for data in (A, A, B, B):
            put(data)
            before = client.statements
            answer = client.ask(QUESTIONS["common"], *graphs)
            asked.append((answer, client.statements - before))
    of_a, of_b = asked[0][0], asked[2][0]
    assert of_a != of_b
    assert asked == [(of_a, 2), (of_a, 1), (of_b, 2), (of_b, 1)]  # none of them reads the versions at the end


def test_a_page_is_of_one_graph(
    torch: object, connection: Connection, graphs: tuple[str, str], put: Callable[[GraphData | None], None]
) -> None:
    check_answers("serve", served, connection, graphs, put)


def check_answers(
    name: str,
    question: Question,
    connection: Connection,
    graphs: tuple[str, str],
    put: Callable[[GraphData | None], None],
) -> None:
    """Ask while another client replaces or deletes the graph, before each statement in turn."""

    def quiet() -> str:
        with Client(connection) as client:
            return client.ask(question, *graphs)

    put(B)
    of_b = quiet()
    put(A)
    with Client(connection) as client:
        of_a = client.ask(question, *graphs)
        statements = client.statements
    assert not (of_a.endswith("Error") and of_b.endswith("Error"))
    before, after = (A, of_a), (B, of_b)
    for at in range(1, statements + 1):
        put(before[0])
        with Client(connection, {at: partial(put, after[0])}) as client:
            # A label is of a feature. It stays, also if the graph goes before the answer is complete.
            label_stays = name == "label" and GraphChangedError.__name__
            assert client.ask(question, *graphs) in (of_a, of_b, label_stays)
            if client.statements < at:  # this graph's answer is an error
                continue
            assert client.ask(question, *graphs) == after[1]
        before, after = after, before
    assert quiet() == before[1]
    put(None)
    gone = quiet()
    for at in {2, statements // 2 + 1, statements}:
        put(A)
        with Client(connection, {at: partial(put, None)}) as client:
            assert client.ask(question, *graphs) in (of_a, gone)
            if client.statements >= at:
                assert client.ask(question, *graphs) == gone


@pytest.mark.parametrize("name", ["paths from", "count from", "influence on"])
def test_nothing_wrong_is_kept_of_a_graph_that_comes_back(
    name: str, connection: Connection, graphs: tuple[str, str], put: Callable[[GraphData | None], None]
) -> None:
    """A, then B, then A again, at two statements next to each other: what was read of B is not taken for A's."""
    question = QUESTIONS[name]
    put(A)
    with Client(connection) as client:
        of_a = client.ask(question, *graphs)
        statements = client.statements
    for at in range(2, statements):
        put(None)
        put(A)
        with Client(connection, {at: partial(put, B), at + 1: partial(put, A)}) as client:
            assert client.ask(question, *graphs) == of_a
            assert client.ask(question, *graphs) == of_a
        with Client(connection) as client:
            assert client.ask(question, *graphs) == of_a


def test_a_question_that_never_meets_one_graph_fails(
    connection: Connection, graphs: tuple[str, str], put: Callable[[GraphData | None], None]
) -> None:
    put(A)
    turns = iter([B, A] * 50)
    with Client(connection) as client:
        graph = client.atlas.graph(graphs[0])
        client.events = dict.fromkeys(range(1, 100), lambda: put(next(turns)))
        with pytest.raises(GraphChangedError, match="replaced or deleted"):
            graph.neighbors("token:0")


def test_a_collapsed_graph_does_not_outlive_its_graph(
    connection: Connection, atlas: Atlas, graphs: tuple[str, str], put: Callable[[GraphData | None], None]
) -> None:
    def collapse(client: Client) -> str:
        return client.ask(lambda atlas, name, _: atlas.graph(name).collapsed().stats(), *graphs)

    def prepare() -> None:
        put(A)
        atlas.graph(graphs[0]).create_supernode("s", ["token:0", "token:1"])

    prepare()
    with Client(connection) as client:
        whole = collapse(client)
        statements = client.statements
    for at in range(1, statements + 1, 3):
        put(None)
        prepare()
        with Client(connection, {at: partial(put, None)}) as client:
            assert collapse(client) in (whole, GraphNotFoundError.__name__)
        assert not [graph for graph in atlas.graphs().graphs if graph.graph.startswith(graphs[0])]
        prepare()
