"""One question about many graphs: the answer of each."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import nsmallest
from itertools import chain
from operator import itemgetter
from typing import Annotated, TypeVar

from pydantic import Field, PrivateAttr, SerializeAsAny, WithJsonSchema

from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.results.answer import Result
from circuit_atlas.results.tables import Cells
from circuit_atlas.results.tidy import Tidy
from circuit_atlas.schema.models import Record

R = TypeVar("R")
_NAMED, _EXPLAINED = 3, 3  # graphs in a note, and those whose errors it quotes


class GraphAnswer(Record):
    """The answer of one of the graphs."""

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
    """Whether rows are in order of rank, and not of the graphs."""

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
            rows = _in_order(chain.from_iterable(one.answer.ranks() or [] for one in self.answers), rows)
        return ["graph", *(header for header, _ in columns)], rows

    def _tidy(self) -> dict[str, Tidy]:
        """The data of all answers, by what a row stands for, with the graph in front."""
        parts = [
            {kind: found.with_first(graph=one.graph) for kind, found in one.answer.data_by_rows().items()}
            for one in self.answers
        ]
        kinds = dict.fromkeys(kind for part in parts for kind in part)
        return {kind: self._joined([part.get(kind) for part in parts]) for kind in kinds}

    def _joined(self, parts: list[Tidy | None]) -> Tidy:
        """The rows of all answers, the best first if they are ranked together. Several rows may be of one path."""
        data = Tidy.joined(*(part for part in parts if part))
        if not self._is_ranked:
            return data
        ranks: list[float] = []
        for one, part in zip(self.answers, parts, strict=True):
            own = one.answer.ranks() or []
            ranks += [own[row.get("path", i)] for i, row in enumerate(part.rows if part else [])]
        return Tidy(data.columns, _in_order(ranks, list(data.rows)))


def _in_order(ranks: Iterable[float], rows: Iterable[R]) -> list[R]:
    """Rows by rank, those of the same rank as they are."""
    return [row for _, row in sorted(zip(ranks, rows, strict=True), key=itemgetter(0))]


def joined_notes(answers: list[GraphAnswer], failed: list[GraphError]) -> list[str]:
    """The notes of answers, each once, after the graphs that it is about; and which graphs have no answer."""
    about: dict[str, list[str]] = {}
    for one in answers:
        for note in one.answer.notes:
            about.setdefault(note, []).append(one.graph)
    notes = [f"{_named(graphs)}: {note}" for note, graphs in about.items()]
    if failed:
        shown = [one.error if _names(one) else f"{one.graph}: {one.error}" for one in failed[:_EXPLAINED]]
        shown += [one.graph for one in failed[_EXPLAINED:]]
        have = "has" if len(failed) == 1 else "have"
        notes.append(f"{len(failed)} of {len(failed) + len(answers)} graphs {have} no answer: {'; '.join(shown)}.")
    return notes


def _numbered(headers: list[str]) -> list[tuple[str, int]]:
    """Each header, and how many of the same come before it."""
    return [(header, headers[:place].count(header)) for place, header in enumerate(headers)]


def _names(failed: GraphError) -> bool:
    """Whether an error says which graph it is about."""
    return failed.error.startswith(f"{failed.graph}: ") or repr(failed.graph) in failed.error


def _named(graphs: list[str]) -> str:
    more = len(graphs) - _NAMED
    return ", ".join(graphs[:_NAMED]) + (f" and {more} more" if more > 0 else "")
