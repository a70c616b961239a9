"""One question about many graphs: each answers as if it were asked alone."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from support.program import Run, fails

from circuit_atlas import Atlas, Connection, GraphHandle
from circuit_atlas.database import Database
from circuit_atlas.errors import (
    AtlasError,
    GraphNotFoundError,
    InvalidArgumentError,
    NodeNotFoundError,
    NotFoundError,
)
from circuit_atlas.queries.graph_results import Graphs
from circuit_atlas.results.answer import Result
from circuit_atlas.results.answers import Answers, GraphAnswer, GraphError, joined_notes
from circuit_atlas.results.tables import Cells
from circuit_atlas.threads import in_thread

SOME = ("night", "winter", "foot")
Question = Callable[[Any], Any]
QUESTIONS: dict[str, Question] = {
    "stats": lambda graph: graph.stats(),
    "node": lambda graph: graph.node("token:1"),
    "neighbors": lambda graph: graph.neighbors("logit:1", k=3),
    "subgraph": lambda graph: graph.subgraph("logit:1", hops=2, k=3),
    "paths": lambda graph: graph.paths(k=2, score="product", min_hops=2),
    "score": lambda graph: graph.score(["token:1", "logit:1"]),
    "count": lambda graph: graph.count(max_hops=3),
    "score_distribution": lambda graph: graph.score_distribution(max_hops=2),
    "influence": lambda graph: graph.influence(k=3),
    "influence_by": lambda graph: graph.influence_by("layer"),
    "influence_by_length": lambda graph: graph.influence_by_length(),
    "edge_influence": lambda graph: graph.edge_influence(k=3),
    "motifs": lambda graph: graph.motifs(random=20, strongest=300),
    "supernodes": lambda graph: graph.supernodes(),
    "supernode_links": lambda graph: graph.supernode_links(),
    "suggest_supernodes": lambda graph: graph.suggest_supernodes(features=10),
    "circuit": lambda graph: graph.circuit(nodes=3),
    "circuits": lambda graph: graph.circuits(),
    "score_circuit": lambda graph: graph.score_circuit("logit:1"),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_each_graph_answers_as_if_it_were_asked_alone(
    name: str, atlas: Atlas, examples: dict[str, GraphHandle]
) -> None:
    question = QUESTIONS[name]
    graphs = ("opposite-small", *SOME[:2]) if "supernode" in name else SOME
    alone = {graph: question(examples[graph]) for graph in graphs}
    together = question(atlas.each(*graphs))
    assert {one.graph: one.answer for one in together} == alone
    assert [one.graph for one in together] == list(graphs)
    assert json.loads(together.to_json())["answers"][1]["answer"] == json.loads(alone[graphs[1]].to_json())
    headers, rows = together.table()
    assert headers[0] == "graph"
    assert [row[1:] for row in rows] == [row for answer in alone.values() for row in answer.table()[1]]
    frame = together.to_pandas()
    assert frame["graph"].unique().tolist() == [graph for graph in graphs if len(alone[graph].to_pandas())]
    assert len(frame) == sum(len(answer.to_pandas()) for answer in alone.values())


def test_every_question_about_a_graph_can_be_asked_of_many() -> None:
    from circuit_atlas.each import EachGraph

    assert set(QUESTIONS) == {name for name in vars(EachGraph) if not name.startswith("_")} - {"ask"}
    assert all(vars(GraphHandle)[name].__doc__ == vars(EachGraph)[name].__doc__ for name in QUESTIONS)


@pytest.mark.parametrize(
    "how",
    [
        {"order": "strongest"},
        {"order": "inhibiting"},
        {"score": "product", "sign": "promoting"},
        {"score": "product", "sign": "inhibiting"},
    ],
)
def test_the_best_paths_of_all_graphs(how: dict[str, Any], atlas: Atlas, examples: dict[str, GraphHandle]) -> None:
    answers = atlas.each(*SOME).paths(k=5, max_hops=3, **how)
    is_largest_first = "inhibiting" not in how.values()
    all_paths = [(path.score, one.graph, path) for one in answers for path in one.answer]
    ranked = sorted(all_paths, key=lambda found: found[0], reverse=is_largest_first)[:5]
    best = answers.best(5)
    assert [row[1] for row in best.table()[1]] == [score for score, *_ in ranked]
    assert [row[0] for row in best.table()[1]] == [graph for _, graph, _ in ranked]
    assert {(one.graph, path.score) for one in best for path in one.answer} == {
        (graph, score) for score, graph, _ in ranked
    }
    assert list(best.to_pandas("paths")["score"]) == [score for score, *_ in ranked]
    assert {one.graph for one in answers.best(1)} == {ranked[0][1]}
    none = atlas.each(*SOME).paths(min_weight=1e6).best(5)
    assert none.data().columns == answers.data().columns
    assert none.table()[1] == []
    assert [row[1] for row in answers.best(100).table()[1]] == sorted(
        (score for score, *_ in all_paths), reverse=is_largest_first
    )


def test_the_best_of_given_paths(atlas: Atlas, examples: dict[str, GraphHandle]) -> None:
    """They are not in order of their scores."""
    answers = atlas.each(*SOME).ask(
        lambda graph: graph.score(*([node.key for node in path.nodes] for path in reversed(graph.paths(k=4).paths)))
    )
    every = sorted((path.score for one in answers for path in one.answer), reverse=True)
    best = answers.best(3)
    assert [row[1] for row in best.table()[1]] == every[:3]
    assert sorted((path.score for one in best for path in one.answer), reverse=True) == every[:3]


def test_the_most_influential_nodes_and_effects_of_all_graphs(atlas: Atlas, examples: dict[str, GraphHandle]) -> None:
    graphs = atlas.each(*SOME)
    for answers in (graphs.influence(k=5), graphs.edge_influence(k=5)):
        every = sorted((found.influence for one in answers for found in one.answer), reverse=True)
        assert [row[1] for row in answers.best(5).table()[1]] == every[:5]


def test_answers_that_cannot_be_ranked(atlas: Atlas, examples: dict[str, GraphHandle]) -> None:
    with pytest.raises(InvalidArgumentError, match="cannot be ranked together"):
        atlas.each(*SOME).stats().best(3)
    with pytest.raises(InvalidArgumentError, match="k cannot be 0"):
        atlas.each(*SOME).paths(k=1).best(0)


def test_graphs_without_an_answer_are_listed(atlas: Atlas, examples: dict[str, GraphHandle]) -> None:
    found = atlas.each("dallas", "night").paths(targets="Austin", k=1)
    assert [one.graph for one in found] == ["dallas"]
    assert [one.graph for one in found.failed] == ["night"]
    assert found.exit_code == 1
    assert found.notes[-1].startswith("1 of 2 graphs has no answer: no node of 'night'")
    with pytest.raises(NodeNotFoundError, match="no node of 'night' matches 'Austin'"):
        atlas.each("night", "winter").paths(targets="Austin")
    with pytest.raises(GraphNotFoundError, match="no graph is named 'nobody'"):
        atlas.each("nobody")
    with pytest.raises(NotFoundError, match="no graph has the tag 'nothing'"):
        atlas.each(tags="nothing")


@pytest.mark.parametrize("order", [("night", "winter"), ("winter", "night")])
def test_answers_may_have_different_columns(
    order: tuple[str, str], atlas: Atlas, examples: dict[str, GraphHandle]
) -> None:
    """Paths of three effects have more columns than those of two."""

    def ask(graph: GraphHandle) -> Any:
        return graph.paths(k=2, hops=2 if graph.name == "night" else 3)

    frame = atlas.each(*order).ask(ask).to_pandas("paths")
    for name in order:
        alone = ask(examples[name]).to_pandas("paths")
        ours = frame[frame["graph"] == name].reset_index(drop=True)
        assert ours[list(alone.columns)].astype(object).equals(alone.astype(object))
        assert ours[[column for column in frame if column not in alone]].isna().all(axis=None)
    headers, rows = Answers(
        answers=[
            GraphAnswer(graph="a", answer=Two(headers=["", "x", ""])),
            GraphAnswer(graph="b", answer=Two(headers=["y"])),
        ]
    ).table()
    assert headers == ["graph", "", "x", "", "y"]
    assert rows == [["a", 0, 1, 2, ""], ["b", "", "", "", 0]]


class Two(Result):
    """An answer whose table has these headers."""

    headers: list[str]

    def table(self) -> tuple[list[str], Cells]:
        return self.headers, [list(range(len(self.headers)))]


def test_statements_of_other_threads_are_ended(atlas: Atlas) -> None:
    endless = in_thread(lambda: atlas.run("UNWIND range(1, 100000000000) AS i RETURN sum(i % 7) AS s"))
    while not atlas._running:
        pass
    atlas.interrupt()
    with pytest.raises(AtlasError):
        endless.result(100)


def test_a_connection_can_be_closed_beside_a_statement(atlas: Atlas, connection: Connection) -> None:
    with Database(connection, timeout=30) as other:
        slow = "UNWIND range(1, 100000000000) AS i RETURN sum(i % 7) AS s // beside"
        endless = in_thread(lambda: other.run(slow))
        running = "SHOW TRANSACTIONS YIELD currentQuery, transactionId WHERE currentQuery ENDS WITH $end"
        while not (found := atlas.run(f"{running} RETURN transactionId AS id", {"end": "// beside"}).rows):
            pass
    assert not endless.done()
    atlas.run("TERMINATE TRANSACTION $id", {"id": found[0]["id"]})
    with pytest.raises(AtlasError):
        endless.result(100)


def test_what_is_no_answer_is_refused(atlas: Atlas, examples: dict[str, GraphHandle]) -> None:
    with pytest.raises(InvalidArgumentError, match="returned int, which is not an answer"):
        atlas.each("night").ask(lambda graph: len(graph.paths()))  # type: ignore[arg-type, return-value]


def test_any_function_of_a_graph_can_be_asked(atlas: Atlas, examples: dict[str, GraphHandle]) -> None:
    found = atlas.each(tags="analogies").ask(lambda graph: graph.supernodes())
    assert {one.graph for one in found} >= set(SOME)


def test_a_note_is_given_once_with_its_graphs() -> None:
    answers = [
        GraphAnswer(graph=name, answer=Graphs(graphs=[], notes=["same", *own]))
        for name, own in (("a", []), ("b", ["own"]), ("c", []), ("d", []), ("e", []))
    ]
    failed = [GraphError(graph=name, error=f"{name}: no such node") for name in "wxyz"]
    assert joined_notes(answers, failed) == [
        "a, b, c and 2 more: same",
        "b: own",
        "4 of 9 graphs have no answer: w: no such node; x: no such node; y: no such node; z.",
    ]
    assert joined_notes([], [GraphError(graph="a", error="no node matches 'Texas'")]) == [
        "1 of 1 graphs has no answer: a: no node matches 'Texas'."
    ]


def test_the_command_line_asks_many_graphs(run: Run, examples: dict[str, GraphHandle]) -> None:
    done = run("paths", "--tag", "analogies", "-k", "1", "--csv")
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert {row["graph"] for row in rows} >= set(SOME)
    assert {row["path"] for row in rows} == {"0"}
    neighbors = json.loads(run("neighbors", "--graph", "night", "--graph=winter", "logit:1", "-k", "2").stdout)
    assert [one["graph"] for one in neighbors["answers"]] == ["night", "winter"]
    part = run("count", "--graph", "dallas", "--graph", "night", "--to", "Austin", "--table")
    assert part.returncode == 1
    assert part.stdout.splitlines()[2].startswith("dallas")
    assert "1 of 2 graphs has no answer" in part.stderr
    scored = run("score", "--graph", "night", "--graph", "winter", "--file", "-", stdin='[["token:1", "logit:1"]]')
    assert len(json.loads(scored.stdout)["answers"]) == 2
    fails(run("paths", "--tag", "analogies", "--collapsed"), 2, "--collapsed needs one GRAPH")
    fails(run("paths"), 2, "Missing argument 'GRAPH'")
    fails(run("paths", "dallas", "--each"), 2, "--each needs --tag or --graph")
    fails(run("count", "dallas", "night"), 2, "unexpected extra argument (night). To ask several graphs", "--graph")
    extra = run("neighbors", "dallas", "capital", "city")
    fails(extra, 2, "unexpected extra argument (city)")
    assert "several graphs" not in extra.stderr
    fails(run("paths", "night", "--tag", "analogies"), 2, "With --tag or --graph, leave out GRAPH")
    wrong = run("paths", "--tag", "analogies", "--max-hops", "99")
    fails(wrong, 2, "99")
    assert "leave out GRAPH" not in wrong.stderr
    fails(run("score-circuit", "night", "--pinned", "--graph", "winter"), 2, "'night' is a graph")
    for command in (["supernodes", "list"], ["supernodes", "links"], ["circuits"]):
        several = run(*command, "--graph", "opposite-small", "--graph", "night")
        assert [one["graph"] for one in json.loads(several.stdout)["answers"]] == ["opposite-small", "night"]
    fails(run("circuits", "--graph", "night", "--delete", "one"), 2, "--delete needs one GRAPH")
    fails(run("supernodes", "suggest", "dallas", "--replace"), 2, "--replace needs --write")
    fails(run("paths", "--tag", "nothing"), 1, "no graph has the tag 'nothing'")
