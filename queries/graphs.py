"""Queries about graphs as a whole: which ones exist, and what is known of one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from circuit_atlas.database import RETRY_SECONDS, Database, Rows, Step
from circuit_atlas.errors import GraphNotFoundError
from circuit_atlas.queries.age import age_notes
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.graph_results import (
    Graphs,
    GraphSummary,
    LogitProbability,
    NodeCounts,
    Statistics,
    TaggedGraphs,
    Tags,
)
from circuit_atlas.queries.one_answer import as_one, changed, check_versions, is_asking, note_versions
from circuit_atlas.results.answer import Result
from circuit_atlas.schema.graph_lock import HELD, LOCK
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.limits import MAX_ROWS
from circuit_atlas.schema.models import Node
from circuit_atlas.schema.source_sets import SourceSets
from circuit_atlas.suggestions import known_names

P = ParamSpec("P")
R = TypeVar("R")
Properties = dict[str, Any]


class GraphReference:
    """A graph of a database, by name. `circuit_atlas.GraphHandle` is one.

    `known` is the row of graphs.stats that was last read of it, so the next question begins with it. When a question
    ends, it checks that the graph still has this version, and the `blocks` that `StoredGraph` adds to the row.
    """

    known: Properties | None = None

    def __init__(self, database: Database, name: str) -> None:
        self.database, self.name = database, name


class StoredGraph(GraphReference):
    """A graph as it was stored when a question about it began.

    Raises:
        GraphChangedError: the question has read another version of it before.
    """

    def __init__(self, database: Database, name: str, row: Properties) -> None:
        super().__init__(database, name)
        self.properties: Properties = row["graph"]
        """The properties of the `:Graph` node."""
        self.logits: list[Properties] = row["logits"]
        """Up to 100 logits, the most probable first, each with the properties of `schema.models.Node`, `token` and
        `probability`."""
        self.version: str | None = self.properties.get("version")
        """Which publish of the graph this is; None if that was before graphs had versions."""
        self.blocks: dict[str, int] = row.setdefault("blocks", {})
        """How many blocks of path tables it has, for `PathBounds` and `PathCounts` once they were found complete; see
        `queries.stored_tables`."""
        self.known = row if self.version else None
        note_versions({name: self.version})

    @property
    def source_sets(self) -> SourceSets:
        """The sets that its features belong to."""
        stored = self.properties
        return SourceSets(stored["model"], stored["source_set"], stored.get("lorsa_source_set"))

    def write(self, *steps: Step, patience: float = RETRY_SECONDS) -> None:
        """Write to the graph in one transaction, which is committed only if it still has this version. The steps can be
        repeated, as they are when the answer to the commit is lost.

        Raises:
            GraphChangedError: it was replaced or deleted; nothing was written.
            DatabaseError, CypherError: the database cannot write, or the user must not.
        """

        def check(held: Rows) -> None:
            if not held[0]["held"]:
                raise changed(self.name)

        which = {"graph": self.name, "version": self.version or ""}
        with self.database.writing():
            self.database.write_together(
                [(LOCK, which), *steps, (HELD, which)], check, repeatable=True, patience=patience
            )

    def check_unchanged(self) -> None:
        """Check that the database still has this version of the graph.

        Raises:
            GraphChangedError: it was replaced or deleted.
        """
        check_versions(self.database, {self.name: self.version})


_NODES_PER_PAGE = 10_000
_NO_GRAPH, _INGEST = "The database has no graph yet.", "`circuit-atlas ingest FILE` adds one."
_NO_TAG = "The database has no tag yet; `circuit-atlas tag` adds one."


def graph_query(function: Callable[Concatenate[StoredGraph, P], R]) -> Callable[Concatenate[GraphReference, P], R]:
    """Makes a function of a stored graph a question about one graph, and a method of `circuit_atlas.GraphHandle`. What
    it answers is of one version of the graph, see `queries.one_answer`.

    A question that asks others passes its graph on, so that the graph is read once for all of them.
    """

    @wraps(function)
    def ask_of_graph(graph: GraphReference, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if isinstance(graph, StoredGraph) and is_asking():
            return _with_pages(function(graph, *args, **kwargs), graph)
        known = None

        def ask_of_stored(*args: P.args, **kwargs: P.kwargs) -> R:
            nonlocal known
            row, graph.known = graph.known, None  # what was read before may be out of date at the next attempt
            stored = StoredGraph(graph.database, graph.name, row) if row else find_graph(graph.database, graph.name)
            known = stored.known
            answer = _with_pages(function(stored, *args, **kwargs), stored)
            if isinstance(answer, Result):
                answer.notes.extend(age_notes(stored.database, stored.properties))
            return answer

        answer = as_one(graph.database, ask_of_stored, *args, **kwargs)
        graph.known = known
        return answer

    return ask_of_graph


def _with_pages(answer: R, graph: StoredGraph) -> R:
    """An answer that knows what sets the features of its graph belong to, and so where their pages are."""
    if isinstance(answer, Result):
        answer._source_sets = graph.source_sets
    return answer


def list_graphs(database: Database, tags: Iterable[str] = ()) -> Graphs:
    """The graphs of the database, by name; with tags, only those that have one of them. A note names the tags that no
    graph has."""
    wanted = list(tags)
    found = [GraphSummary(**row) for row in ask(database, "graphs.list", tags=wanted)]
    missing = [tag for tag in wanted if not any(tag in summary.tags for summary in found)]
    notes = [f"No graph has the tag {tag!r}. {tag_not_found(database, tag)}" for tag in missing]
    if not found and not wanted:
        notes = [f"{_NO_GRAPH} {_INGEST}"]
    if len(found) >= MAX_ROWS:
        notes.append(f"There may be more than the first {MAX_ROWS:,} graphs. Give tags of fewer.")
    return Graphs(graphs=found, notes=notes)


def list_tags(database: Database) -> Tags:
    """The tags of the database, by name, each with its graphs."""
    tags = [TaggedGraphs(**row) for row in ask(database, "graphs.tags")]
    more = [f"There may be more than the first {MAX_ROWS:,} tags."] if len(tags) >= MAX_ROWS else []
    return Tags(tags=tags, notes=more if tags else [_NO_TAG])


@graph_query
def statistics(graph: StoredGraph) -> Statistics:
    """Nodes by kind, edges, density, range of weights, and logits with probabilities of a graph.

    Raises:
        GraphNotFoundError: no graph of that name is ready.
    """
    stored = graph.properties
    counts = {kind.value: stored.get(f"{kind.value}_nodes", 0) for kind in Kind}  # older stores count no biases
    optional = (
        "lorsa_source_set",
        "scan",
        "weight_min",
        "weight_max",
        "active_features",
        "node_threshold",
        "edge_threshold",
        "replacement_score",
        "completeness_score",
    )
    same = ("prompt", "tokens", "model", "source_set", "n_layers", "n_pos", "edges", "density", "zero_links")
    return Statistics(
        graph=graph.name,
        nodes=NodeCounts(**counts, total=stored["nodes"]),
        logits=[_logit(**logit) for logit in graph.logits],
        warnings=stored.get("warnings", []),
        **{name: stored[name] for name in same},
        **{name: stored.get(name) for name in optional},
    )


def _logit(token: str | None, probability: float | None, **node: Any) -> LogitProbability:
    return LogitProbability(token=token, probability=probability, node=Node(**node))


def find_graph(database: Database, name: str) -> StoredGraph:
    """The graph of that name, already read.

    Raises:
        GraphNotFoundError: no graph of that name is ready; the message names others.
    """
    rows = ask(database, "graphs.stats", graph=name)
    if not rows:
        raise _not_found(database, name)
    return StoredGraph(database, name, rows[0])


def rows_of_nodes(graph: StoredGraph, query_id: str) -> Iterator[Properties]:
    """The rows of a query about all nodes of a graph, by ordinal, which is asked for some nodes at a time. It is asked
    once of a graph that should have no nodes."""
    for first in range(0, max(graph.properties["nodes"], 1), _NODES_PER_PAGE):
        yield from ask(graph.database, query_id, graph=graph.name, first=first, stop=first + _NODES_PER_PAGE)


def _not_found(database: Database, name: str) -> GraphNotFoundError:
    stored = list_graphs(database).graphs
    if any(name in summary.tags for summary in stored):
        return GraphNotFoundError(f"{name!r} is a tag, not a graph", fix="Give it as a tag, or name one of its graphs.")
    known = known_names(name, [summary.graph for summary in stored], command="graphs") or _NO_GRAPH
    return GraphNotFoundError(f"no graph is named {name!r}", fix=f"{known} {_INGEST}")


def tag_not_found(database: Database, tag: str) -> str:
    """Advice on a tag that no graph has: the tags most like it, and how to list all."""
    tags = [tagged.tag for tagged in list_tags(database).tags]
    return known_names(tag, tags, command="tags") or _NO_TAG
