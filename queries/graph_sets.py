"""Sets of graphs, given by names, by tags, or by both; and what is said about them beside an answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any
from weakref import WeakKeyDictionary

from circuit_atlas.database import Database, Rows
from circuit_atlas.errors import InvalidArgumentError, NotFoundError
from circuit_atlas.printable import first_of
from circuit_atlas.queries.age import age_notes
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.checks import check_graphs
from circuit_atlas.queries.graphs import find_graph, tag_not_found
from circuit_atlas.queries.one_answer import MANY, Position, note_versions, noted_position

_MAX_KEPT = 8  # sets
# The sets of many graphs that were read last, by names and tags, and where the log of transactions ended then.
_kept: WeakKeyDictionary[Database, tuple[Position, dict[Any, Rows]]] = WeakKeyDictionary()


def graph_set(database: Database, graphs: Sequence[str], tags: Sequence[str]) -> list[str]:
    """Names of the graphs given and of those of the tags, each once, those given first.

    Raises:
        GraphNotFoundError: no such graph is ready.
        NotFoundError: no graph has such a tag.
    """
    return [row["graph"] for row in graph_rows(database, graphs, tags)]


def graph_rows(database: Database, graphs: Sequence[str], tags: Sequence[str]) -> Rows:
    """As `graph_set`: rows of `set_rows`."""
    if not graphs and not tags:
        return []
    rows = set_rows(database, graphs, tags)
    there, tagged = {row["graph"] for row in rows}, {tag for row in rows for tag in row["tagged"]}
    for graph in graphs:
        if graph not in there:
            find_graph(database, graph)  # raises, and names the graphs that exist
            _kept.pop(database, None)
            return graph_rows(database, graphs, tags)  # it was published just now
    for tag in tags:
        if tag not in tagged:
            raise NotFoundError(f"no graph has the tag {tag!r}", fix=tag_not_found(database, tag))
    by_name = {row["graph"]: row for row in rows}
    return [by_name[name] for name in dict.fromkeys([*graphs, *by_name])]


def prompt_rows(database: Database, graphs: Sequence[str], tags: Sequence[str]) -> Rows:
    """As `graph_rows`, but a tag stands for the graphs of prompts only: collapsed graphs and aggregates with the tag
    would count the same prompts once more.

    Raises:
        InvalidArgumentError: no graph is left.
        GraphNotFoundError, NotFoundError: see `graph_set`.
    """
    rows, named = graph_rows(database, graphs, tags), set(graphs)
    left = [row for row in rows if row["is_original"] or row["graph"] in named]
    if rows and not left:
        raise no_original()
    return left


def no_original() -> InvalidArgumentError:
    """The error that tags stand for no graph of a prompt."""
    return InvalidArgumentError(
        "no graph is left: graphs with these tags are collapsed graphs or aggregates",
        fix="Name graphs, or another tag.",
    )


def prompts_or_all(database: Database, graphs: Sequence[str], tags: Sequence[str]) -> Rows:
    """As `prompt_rows`; without graphs and tags, all graphs except collapsed ones and aggregates."""
    return prompt_rows(database, graphs, tags) or set_rows(database, [], [])


def set_rows(database: Database, graphs: Sequence[str], tags: Sequence[str]) -> Rows:
    """The graphs of the names and tags that exist, in order of their names, whose versions are noted: a row of `graph`,
    `version`, `content`, `source_set`, `lorsa_source_set`, `is_original`, `tagged` and `has_influence` for each, see
    graphs.set."""
    asked, position = (tuple(graphs), tuple(tags)), noted_position()
    at, kept = _kept.get(database, (None, {}))
    if position is None or at != position:
        kept = {}
    rows = kept[asked] if asked in kept else _read_rows(database, *asked)
    if position is not None and len(rows) >= MANY:
        others = [(other, found) for other, found in kept.items() if other != asked]
        _kept[database] = position, dict([*others[1 - _MAX_KEPT :], (asked, rows)])
    note_versions({row["graph"]: row["version"] for row in rows})
    return list(rows)


def _read_rows(database: Database, graphs: Sequence[str], tags: Sequence[str]) -> Rows:
    rows = []
    for found in ask(database, "graphs.set", graphs=list(graphs), tags=list(tags)):
        for name, version, content in zip(found["names"], found["versions"], found["contents"], strict=True):
            if name:
                rows.append({"graph": name, "version": version or None, "content": content, **found["shared"]})
    return sorted(check_graphs(rows), key=itemgetter("graph"))


def apart(
    chosen: list[str],
    excluded: list[str],
    graphs: Sequence[str],
    without: Sequence[str],
    second_set: str = "graphs left out (--not, --not-tag)",
) -> tuple[list[str], list[str], list[str]]:
    """Both sets without the graphs that they have in common, and notes about those: a graph that is named in one set
    belongs to that one, and else to the first. So one graph of a tag can be compared with the others of the tag.

    Raises:
        InvalidArgumentError: a graph is named in both sets, or a set is empty without the graphs of the other.
    """
    both = _members(chosen, excluded)
    if not both:
        return chosen, excluded, []
    named = _members(_members(both, graphs), without)
    if named:
        raise InvalidArgumentError(f"{named[0]!r} is in both sets of graphs", fix="Name it in one of them.")
    moved = set(_members(both, without))
    first = [graph for graph in chosen if graph not in moved]
    inside = set(first)
    second = [graph for graph in excluded if graph not in inside]
    if not first or not second:
        raise InvalidArgumentError(
            "the two sets have the same graphs", fix=f"Give other graphs or tags for the {second_set}."
        )
    notes = []
    if moved:
        notes.append(f"{listed(sorted(moved))} counted only among the other graphs, where the name was given.")
    if len(both) > len(moved):
        rest = [graph for graph in both if graph not in moved]
        notes.append(f"{listed(rest)} counted only among the first graphs, not among the {len(second):,} others.")
    return first, second, notes


def _members(names: Iterable[str], others: Iterable[str]) -> list[str]:
    """Those of the names that are among the others."""
    known = set(others)
    return [name for name in names if name in known]


def listed(names: Sequence[str]) -> str:
    """Names as the subject of a sentence, at most three of them, and its verb."""
    if len(names) == 1:
        return f"{names[0]} is"
    return f"{', '.join(names[:3])}{f' and {len(names) - 3:,} more' if len(names) > 3 else ''} are"


def mixed_notes(rows: Rows) -> list[str]:
    """Notes that graphs do not have the same set of transcoders, or of lorsas, from rows of `set_rows`."""
    notes = []
    for name, what in (("source_set", "transcoders"), ("lorsa_source_set", "lorsas")):
        sets = sorted({row[name] for row in rows} - {None})
        if len(sets) > 1:
            notes.append(
                f"The graphs have {len(sets)} sets of {what}, whose features are different: {first_of(sets, 3)}."
            )
    return notes


def undefined_notes(rows: Rows) -> list[str]:
    """A note that names graphs in which influence is not defined, since their logits have no probabilities, for
    instance; from rows of `set_rows`."""
    without = list(dict.fromkeys(row["graph"] for row in rows if not row["has_influence"]))
    return [f"Influence is not defined in {first_of(without, 3)}, and counts as 0 there."] if without else []


def foreign_notes(inside: Rows, outside: Rows) -> list[str]:
    """A note that names graphs which were left out and have no transcoders or lorsas of the graphs chosen, from rows of
    `set_rows`."""
    sets, lorsas = ({row[name] for row in inside} - {None} for name in ("source_set", "lorsa_source_set"))
    foreign = [
        row["graph"] for row in outside if row["source_set"] not in sets and row["lorsa_source_set"] not in lorsas
    ]
    if not foreign:
        return []
    what, them = ("another set", "it") if len(foreign) == 1 else ("other sets", "them")
    note = f"of {what} of transcoders, whose features are different: leaving {them} out changes nothing."
    return [f"{listed(foreign)} {note}"]


def same_outside_notes(inside: Rows, outside: Rows) -> list[str]:
    """A note if a graph that was left out has the same content as one of the graphs chosen, from rows of `set_rows`."""
    by_content = {row["content"]: row["graph"] for row in inside}
    for row in outside:
        if same := by_content.get(row["content"]):
            return [f"{row['graph']} was left out and has the same content as {same}, so it has all of its features."]
    return []


def old_notes(database: Database, rows: Iterable[dict[str, Any]]) -> list[str]:
    """Notes that aggregates and collapsed graphs are out of date, from rows of `set_rows`."""
    made = [find_graph(database, row["graph"]) for row in rows if not row["is_original"]]
    return [note for graph in made for note in age_notes(database, graph.properties)]


def doubled_notes(rows: Rows) -> list[str]:
    """A note that names graphs which have the same content, from rows of `set_rows`."""
    doubled = doubled_graphs(rows)
    return [f"Graphs with the same content count more than once: {doubled}."] if doubled else []


def doubled_graphs(rows: Rows) -> str:
    """Names of graphs which have the same content, such as `one = two; three = four`, from rows of `set_rows`; an empty
    text if there are none."""
    by_content: dict[str, list[str]] = {}
    for row in rows:
        by_content.setdefault(row["content"], []).append(row["graph"])
    doubled = [names for names in by_content.values() if len(names) > 1]
    return "; ".join([*(" = ".join(names) for names in doubled[:3]), *(["..."] if len(doubled) > 3 else [])])
