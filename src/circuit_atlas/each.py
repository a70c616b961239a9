"""Many graphs of a database, to each of which the same question is put."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from circuit_atlas.arguments import checks_arguments
from circuit_atlas.circuits import choose_circuit, list_circuits, score_circuit
from circuit_atlas.database import Database
from circuit_atlas.errors import AtlasError, DatabaseError, InvalidArgumentError
from circuit_atlas.handle import GraphHandle
from circuit_atlas.queries.ask import ask_together
from circuit_atlas.queries.count import count_paths
from circuit_atlas.queries.distribution import score_distribution
from circuit_atlas.queries.graphs import GraphReference, statistics
from circuit_atlas.queries.influence import contributors, edge_influence, influence_by, influence_by_length
from circuit_atlas.queries.motifs import graph_motifs
from circuit_atlas.queries.neighbors import neighbors, subgraph
from circuit_atlas.queries.nodes import node_details
from circuit_atlas.queries.paths import score_paths, search_paths
from circuit_atlas.queries.supernodes import list_supernodes, supernode_links
from circuit_atlas.results.answer import Result
from circuit_atlas.results.answers import Answers, GraphAnswer, GraphError, joined_notes
from circuit_atlas.supernodes import suggest_supernodes

P = ParamSpec("P")
R = TypeVar("R", bound=Result)


def _of_each(
    question: Callable[Concatenate[GraphReference, P], Result],
) -> Callable[Concatenate[EachGraph, P], Answers]:
    """Makes a question about one graph a method of `EachGraph`, with the same arguments."""

    @wraps(question)
    def ask_each(graphs: EachGraph, /, *args: P.args, **kwargs: P.kwargs) -> Answers:
        return graphs.ask(lambda graph: question(graph, *args, **kwargs))

    return ask_each


@checks_arguments
class EachGraph:
    """Several graphs. Its methods are those of `GraphHandle`, with the same arguments: each graph is asked, and the
    answers come together as `Answers`. See `Atlas.each`.

    Args:
        database: the database.
        names: the graphs, in order.
    """

    def __init__(self, database: Database, names: list[str]) -> None:
        self.database, self.names = database, names

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self.names):,} graphs>"

    def __len__(self) -> int:
        return len(self.names)

    stats = _of_each(statistics)
    node = _of_each(node_details)
    neighbors = _of_each(neighbors)
    subgraph = _of_each(subgraph)

    paths = _of_each(search_paths)
    score = _of_each(score_paths)
    count = _of_each(count_paths)
    score_distribution = _of_each(score_distribution)

    influence = _of_each(contributors)
    influence_by = _of_each(influence_by)
    influence_by_length = _of_each(influence_by_length)
    edge_influence = _of_each(edge_influence)
    motifs = _of_each(graph_motifs)

    supernodes = _of_each(list_supernodes)
    supernode_links = _of_each(supernode_links)
    suggest_supernodes = _of_each(suggest_supernodes)

    circuit = _of_each(choose_circuit)
    score_circuit = _of_each(score_circuit)
    circuits = _of_each(list_circuits)

    def ask(self, question: Callable[[GraphHandle], Result]) -> Answers:
        """The answer of each graph to a question. Four graphs at a time are asked, and in memory.

        Args:
            question: asks a graph and returns its answer, for instance `lambda graph: graph.paths(k=1)`.

        Returns:
            The answers in order of the graphs. Those that have none, because they have no such node for instance, are
            listed in `failed`, and a note says why.

        Raises:
            AtlasError: no graph has an answer: the error of the first; or the database cannot be used.
            InvalidArgumentError: the function returns something else than an answer.
        """

        def answer(name: str) -> Result | AtlasError:
            try:
                found = question(GraphHandle(self.database, name))
            except DatabaseError:
                raise
            except AtlasError as error:
                return error
            if not isinstance(found, Result):
                raise InvalidArgumentError(
                    f"the function returned {type(found).__name__}, which is not an answer",
                    fix="Return the result of a question, such as graph.paths().",
                )
            return found

        found = list(zip(self.names, ask_together(self.database, answer, self.names, unit="graphs"), strict=True))
        answers = [GraphAnswer(graph=name, answer=one) for name, one in found if isinstance(one, Result)]
        errors = [(name, one) for name, one in found if isinstance(one, AtlasError)]
        if errors and not answers:
            raise errors[0][1]
        failed = [GraphError(graph=name, error=str(error).partition("\n")[0]) for name, error in errors]
        return Answers(answers=answers, failed=failed, notes=joined_notes(answers, failed))
