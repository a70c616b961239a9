"""A report on a graph: its statistics, the nodes with most influence, its best paths, and its picture."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path as FilePath
from typing import Any
from urllib.parse import quote

from circuit_atlas.arguments import checks_arguments
from circuit_atlas.errors import InputError, MissingExtraError
from circuit_atlas.files import unknown_format, write_file
from circuit_atlas.printable import printable
from circuit_atlas.queries.graph_results import Statistics
from circuit_atlas.queries.graphs import StoredGraph, graph_query, statistics
from circuit_atlas.queries.influence import contributors, is_defined
from circuit_atlas.queries.influence_results import Contributors
from circuit_atlas.queries.path_results import Path, Paths
from circuit_atlas.queries.path_search import shown_min_hops
from circuit_atlas.queries.paths import search_paths
from circuit_atlas.results.tables import NodeName, cell_html
from circuit_atlas.schema.limits import DEFAULT_HOPS, SHOWN_MIN_HOPS, SHOWN_SCORE, SHOWN_SIGN
from circuit_atlas.schema.models import Node
from circuit_atlas.schema.source_sets import SourceSets
from circuit_atlas.views.graph_page import asset, fill, note_paragraphs
from circuit_atlas.views.notebook import framed
from circuit_atlas.views.picture import DEFAULT_PATHS, read_picture
from circuit_atlas.views.results import ReportResult
from circuit_atlas.views.view import View, picture_view, view_circuit

# What Markdown would take for markup: in a text, at the beginning of a line, and in addresses that would become links.
_MARKUP = re.compile(r"[\\`*_\[\]<>|~&$]|^[#+=-]|#(?=#*$)|(?<=:)(?=//)|(?<=www)(?=\.)")
SUFFIXES = (".html", ".md")
_ROWS = 15
Cell = str | Path
Table = tuple[list[str], list[list[Cell]]]


@checks_arguments
@dataclass(frozen=True)
class Report:
    """A report. `contributors` and `paths` are None if the graph has none."""

    statistics: Statistics
    contributors: Contributors | None
    paths: Paths | None
    view: View

    def __repr__(self) -> str:
        return f"<Report on {self.statistics.graph!r}>"

    @property
    def notes(self) -> list[str]:
        """Notes on its parts, such as why it has no paths."""
        parts = [self.view.summary, self.paths, self.contributors]
        return list(dict.fromkeys(note for part in parts if part is not None for note in part.notes))

    @cached_property
    def html(self) -> str:
        """The report as a page with the interactive picture: one file that needs no network."""
        sets = self.statistics._source_sets
        sections = [f"<h2>{html.escape(title)}</h2>\n{_html_table(table, sets)}" for title, table in self._sections()]
        return fill(
            "report.html",
            title=html.escape(printable(self.statistics.graph)),
            style=asset("report.css"),
            prompt=html.escape(printable(self.statistics.prompt)),
            # The picture's own page has its notes.
            notes=note_paragraphs(note for note in self.notes if note not in self.view.summary.notes),
            sections="\n".join(sections),
            picture=framed(self.view.html, 900),
        )

    def markdown(self, picture: str | None = None) -> str:
        """The report as Markdown.

        Args:
            picture: relative address of the picture's file; without one, a line says that the picture is left out.
        """
        shown = (
            f"![{_markdown(self.statistics.graph)}]({picture})"
            if picture
            else "The picture is left out: drawing it needs Chromium or Chrome, and the extra `views`."
        )
        sets = self.statistics._source_sets
        parts = [
            f"# {_markdown(self.statistics.graph)}",
            f"> {_markdown(self.statistics.prompt)}",
            *map(_markdown, self.notes),
            shown,
            *(f"## {title}\n\n{_markdown_table(table, sets)}" for title, table in self._sections()),
        ]
        return "\n\n".join(parts) + "\n"

    def save(self, file: str | FilePath) -> ReportResult:
        """Write it as `.html`, or as `.md`, with a picture in a file `NAME-picture.svg` next to `NAME.md` if a Chromium
        is installed.

        Raises:
            InvalidArgumentError: another suffix.
            InputError: a file cannot be written.
            MissingExtraError: plotly is not installed, for `.html`.
        """
        path = FilePath(file)
        suffix = path.suffix.lower()
        if suffix not in SUFFIXES:
            raise unknown_format(path, "A report", SUFFIXES)
        if suffix == ".html":
            write_file(path, self.html.encode())
            return ReportResult(files=[str(path)], notes=self.notes)
        picture = path.with_name(f"{path.stem}-picture.svg")  # a file of the report, which no person has named
        try:
            drawn = self.view.image("svg")
        except (MissingExtraError, InputError) as error:
            write_file(path, self.markdown().encode())
            return ReportResult(files=[str(path)], notes=[f"no picture: {error.what}", *self.notes])
        write_file(picture, drawn)
        write_file(path, self.markdown(quote(picture.name)).encode())
        return ReportResult(files=[str(path), str(picture)], notes=self.notes)

    def _repr_html_(self) -> str:
        return framed(self.html)

    def _sections(self) -> list[tuple[str, Table]]:
        sections = [("Statistics", _statistics(self.statistics)), ("Top logits", _logits(self.statistics))]
        if self.contributors is not None:
            sections.append(("Contributors", _contributors(self.contributors)))
        if self.paths is not None:
            what = self.paths.description
            sections.append((what[0].upper() + what[1:], _paths(self.paths)))
        return sections


@graph_query
def report_on(
    graph: StoredGraph,
    *,
    k: int = _ROWS,
    max_hops: int = DEFAULT_HOPS,
    min_hops: int = SHOWN_MIN_HOPS,
    hops: int | None = None,
    score: str = SHOWN_SCORE,
    sign: str = SHOWN_SIGN,
    kinds: Sequence[str] = (),
    circuit: str | None = None,
) -> Report:
    """The report on a graph.

    Args:
        graph: the graph.
        k: how many contributors and paths.
        max_hops: most edges of a path, 1 to 12.
        min_hops: fewest edges of a path.
        hops: exactly this many edges of a path, instead of `min_hops` and `max_hops`.
        score: what paths are ranked by, see `search_paths`.
        sign: which paths, see `search_paths`.
        kinds: paths pass only nodes of these kinds between the ends; any kind when empty.
        circuit: only contributors and paths of the stored circuit of this name, which is also what the picture shows;
            at most 50 nodes.

    Raises:
        InvalidArgumentError: an argument is out of range, or the circuit has more than 50 nodes.
        CircuitNotFoundError: the graph has no such circuit.
        GraphNotFoundError: no such graph is ready.
    """
    which: dict[str, Any] = {
        "max_hops": max_hops,
        "min_hops": shown_min_hops(min_hops, hops),
        "hops": hops,
        "score": score,
        "sign": sign,
        "kinds": kinds,
    }
    has_paths = bool(graph.properties["token_nodes"] and graph.logits)
    has_influence = is_defined(graph)
    # The picture shows the best of the same paths. They are searched once: of a large graph, that takes seconds.
    found = search_paths(graph, k=max(k, DEFAULT_PATHS.k), circuit=circuit, **which) if has_paths else None
    if circuit is None:
        view = picture_view(read_picture(graph, paths=DEFAULT_PATHS if found is None else found[: DEFAULT_PATHS.k]))
    else:
        view = view_circuit(graph, name=circuit)
    return Report(
        statistics=statistics(graph),
        contributors=contributors(graph, k=k, circuit=circuit) if has_influence else None,
        paths=None if found is None else found[:k],
        view=view,
    )


def _statistics(found: Statistics) -> Table:
    """The statistics without the logits, which have their own table, and the prompt, which is above all tables."""
    rows: list[list[Cell]] = [
        [str(name), str(value)] for name, value in found.table()[1] if name not in ("logit", "prompt")
    ]
    return ["", ""], [*rows, ["tokens", " ".join(repr(token) for token in found.tokens)]]


def _logits(found: Statistics) -> Table:
    return ["probability", "logit", "key"], [
        ["" if item.probability is None else f"{item.probability:.4g}", item.node.name, item.node.key]
        for item in found.logits
    ]


def _contributors(found: Contributors) -> Table:
    return ["influence", "cumulative", "name", "where", "key"], [
        [
            f"{item.influence:.4g}",
            f"{item.cumulative_share:.1%}",
            NodeName.of(item.node),
            _location(item.node),
            item.node.key,
        ]
        for item in found.contributors
    ]


def _paths(found: Paths) -> Table:
    return ["score", "hops", "path"], [[f"{path.score:.4g}", str(path.hops), path] for path in found.paths]


def _location(node: Node) -> str:
    parts = [
        f"{name} {value}" for name, value in (("layer", node.layer), ("position", node.position)) if value is not None
    ]
    return ", ".join(parts)


def _html_table(table: Table, sets: SourceSets | None) -> str:
    headers, rows = table
    head = f"<thead>{_html_row(headers, 'th', sets)}</thead>" if any(headers) else ""
    return f"<table>{head}<tbody>{''.join(_html_row(row, 'td', sets) for row in rows)}</tbody></table>"


def _html_row(cells: Sequence[Cell], tag: str, sets: SourceSets | None) -> str:
    return "<tr>" + "".join(f"<{tag}>{cell_html(cell, sets)}</{tag}>" for cell in cells) + "</tr>\n"


def _markdown_table(table: Table, sets: SourceSets | None) -> str:
    headers, rows = table
    lines = [headers, ["---"] * len(headers), *([_markdown_cell(cell, sets) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _markdown_cell(cell: Cell, sets: SourceSets | None) -> str:
    if isinstance(cell, NodeName):
        return _markdown_link(cell, sets and sets.page(cell.node))
    if isinstance(cell, str):
        return _markdown(cell)
    names = [_markdown_link(node.title, sets and sets.page(node)) for node in cell.nodes]
    steps = (_markdown(f" --({weight:.3g})--> ") + name for weight, name in zip(cell.weights, names[1:], strict=True))
    return names[0] + " ".join(["", *steps])


def _markdown_link(text: str, address: str | None) -> str:
    return f"[{_markdown(text)}]({address})" if address else _markdown(text)


def _markdown(text: str) -> str:
    """A text on one line, with control characters in words, escaped so that Markdown shows it literally."""
    line = _MARKUP.sub(lambda found: "\\" + found[0], " ".join(printable(text).split()))
    line = re.sub(r"^(\d+)([.)] )", r"\1\\\2", line)  # `1.` would begin a list
    return line.replace("@", "&#64;")  # which a backslash does not keep from being part of an address
