"""One question about many graphs: the answer of each."""

from __future__ import annotations

from heapq import nsmallest
from itertools import chain
from typing import Annotated

from pydantic import Field, PrivateAttr, SerializeAsAny, WithJsonSchema

from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.results.answer import Result
from circuit_atlas.results.tables import Cells
from circuit_atlas.results.tidy import Tidy
from circuit_atlas.schema.models import Record

_NAMED, _EXPLAINED = 3, 3  # graphs in a note, and those whose errors it tells


class GraphAnswer(Record):
    """What one of the graphs answers."""

    graph: str
    answer: Annotated[SerializeAsAny[Result], WithJsonSchema({"type": "object"})] = Field(
        description="As the question about this graph alone is answered"
    )


class GraphError(Record):
    """A graph that has no answer."""

    graph: str
    error: str


class Answers(Result):
    """The answers of many graphs to one question, in order of the graphs."""

    _list = "answers"

    answers: list[GraphAnswer]
    failed: list[GraphError] = Field([], description="Graphs that have no answer, for instance without such a node")

    _is_ranked: bool = PrivateAttr(False)
    """Whether the rows of the table are in order of rank, and not of the graphs."""

    def best(self, k: int) -> Answers:
        """The best of all graphs together: of `paths` those with the best scores, of `influence` and `edge_influence`
        the nodes and effects with the most influence. Each graph keeps those of its answer that are among them; graphs
        that have none are left out.

        Ask each graph for as many: the best 10 of all are then among the best 10 of each.

        Args:
            k: how many.

        Raises:
            InvalidArgumentError: k is below 1, or answers to this question cannot be ranked.
        """
        if k < 1:
            raise InvalidArgumentError(f"k cannot be {k}", fix="It must be 1 or more.")
        ranks = [one.answer.ranks() for one in self.answers]
        if None in ranks:
            raise InvalidArgumentError(
                "what several graphs answer to this question cannot be ranked together",
                fix="Ask for paths, or for the influence of nodes or effects.",
            )
        ranked = ((rank, place, i) for place, one in enumerate(ranks) for i, rank in enumerate(one or []))
        kept: dict[int, list[int]] = {}
        for _, place, i in sorted(nsmallest(k, ranked), key=lambda found: found[1:]):
            kept.setdefault(place, []).append(i)
        if not kept and self.answers:
            kept = {0: []}  # its columns, without rows
        answers = [
            GraphAnswer(graph=self.answers[place].graph, answer=self.answers[place].answer.only(records))
            for place, records in kept.items()
        ]
        found = Answers(answers=answers, failed=self.failed, notes=self.notes)
        found._is_ranked = True
        return found

    @property
    def exit_code(self) -> int:
        """1 if a graph has no answer."""
        return int(bool(self.failed))

    @property
    def heading(self) -> str:
        """The heading of each answer that has one, after its graph."""
        return "\n".join(f"{one.graph}: {one.answer.heading}" for one in self.answers if one.answer.heading)

    def table(self) -> tuple[list[str], Cells]:
        """The tables of all answers, with the graph in front."""
        tables = [(one.graph, *one.answer.table()) for one in self.answers]
        # Some answers have other columns than others. Two columns of a table may have the same header.
        columns = list(dict.fromkeys(column for _, headers, _ in tables for column in _numbered(headers)))
        rows: Cells = []
        for graph, headers, found in tables:
            for row in found:
                cells = dict(zip(_numbered(headers), row, strict=True))
                rows.append([graph, *(cells.get(column, "") for column in columns)])
        if self._is_ranked:
            ranks = chain.from_iterable(one.answer.ranks() or [] for one in self.answers)
            rows = [row for _, row in sorted(zip(ranks, rows, strict=True), key=lambda pair: pair[0])]
        return ["graph", *(header for header, _ in columns)], rows

    def _tidy(self) -> dict[str, Tidy]:
        """The data of all answers, by what a row stands for, with the graph in front."""
        parts = [
            {kind: found.with_first(graph=one.graph) for kind, found in one.answer.data_by_rows().items()}
            for one in self.answers
        ]
        kinds = dict.fromkeys(kind for part in parts for kind in part)
        return {kind: Tidy.joined(*(part[kind] for part in parts if kind in part)) for kind in kinds}


def joined_notes(answers: list[GraphAnswer], failed: list[GraphError]) -> list[str]:
    """The notes of answers, each once, after the graphs that it is about; and which graphs have no answer."""
    about: dict[str, list[str]] = {}
    for one in answers:
        for note in one.answer.notes:
            about.setdefault(note, []).append(one.graph)
    notes = [f"{_named(graphs)}: {note}" for note, graphs in about.items()]
    if failed:
        shown = [one.error if one.graph in one.error else f"{one.graph}: {one.error}" for one in failed[:_EXPLAINED]]
        shown += [one.graph for one in failed[_EXPLAINED:]]
        have = "has" if len(failed) == 1 else "have"
        notes.append(f"{len(failed)} of {len(failed) + len(answers)} graphs {have} no answer: {'; '.join(shown)}.")
    return notes


def _numbered(headers: list[str]) -> list[tuple[str, int]]:
    """Each header, and how many of the same come before it."""
    return [(header, headers[:place].count(header)) for place, header in enumerate(headers)]


def _named(graphs: list[str]) -> str:
    more = len(graphs) - _NAMED
    return ", ".join(graphs[:_NAMED]) + (f" and {more} more" if more > 0 else "")
