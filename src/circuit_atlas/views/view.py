"""Pictures that a notebook shows, and that can be saved as a page or an image."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from circuit_atlas.arguments import checks_arguments
from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.files import unknown_format, write_file
from circuit_atlas.queries.age import age_notes
from circuit_atlas.queries.graphs import StoredGraph, find_graph, graph_query
from circuit_atlas.queries.path_results import Paths
from circuit_atlas.queries.paths import search_paths
from circuit_atlas.results.answer import Edge
from circuit_atlas.schema.limits import DEFAULT_HOPS, SHOWN_MIN_HOPS, SHOWN_SCORE, SHOWN_SIGN
from circuit_atlas.views.circuit import MAX_CIRCUIT, best_circuit, circuit_figure
from circuit_atlas.views.figure import Figure, static_figure
from circuit_atlas.views.graph_page import LIBRARY, fill, graph_page, note_paragraphs, plotly_script, script_json
from circuit_atlas.views.image import draw_image
from circuit_atlas.views.layout import lay_out
from circuit_atlas.views.notebook import notebook_html
from circuit_atlas.views.overlay import overlay
from circuit_atlas.views.pair import read_pair
from circuit_atlas.views.picture import MAX_NODES, PathOptions, Picture, middle_places, read_picture
from circuit_atlas.views.results import ReportResult, ViewResult
from circuit_atlas.views.sankey import sankey_figure
from circuit_atlas.views.stored_circuit import stored_circuit

SUFFIXES = (".html", ".png", ".svg", ".pdf")


def check_suffix(file: str | Path) -> None:
    """Raise InvalidArgumentError if pictures are not written in the format of a file's suffix."""
    path = Path(file)
    if path.suffix.lower() not in SUFFIXES:
        raise unknown_format(path, "A picture", SUFFIXES)


@checks_arguments
class Drawing:
    """A drawing by plotly. A notebook shows it; it can be saved as `.html`, `.png`, `.svg` or `.pdf`.

    Args:
        page: makes the page, of the text of plotly.js.
        figure: makes the picture without interaction.
    """

    def __init__(self, page: Callable[[str], str], figure: Callable[[], Figure]) -> None:
        self._page, self._figure = page, figure

    @cached_property
    def html(self) -> str:
        """The page: one file that needs no network."""
        return self._page(plotly_script())

    def figure(self) -> Figure:
        """The picture without interaction, as a plotly figure made of dicts and lists."""
        return self._figure()

    def image(self, file_format: str = "svg") -> bytes:
        """The picture as `png`, `svg` or `pdf`.

        Raises:
            MissingExtraError: plotly, kaleido or a Chromium is not installed.
        """
        return draw_image(self.figure(), file_format)

    def _write(self, file: str | Path) -> str:
        """Write it to a file; returns the path."""
        path = Path(file)
        check_suffix(path)
        content = self.html.encode() if path.suffix.lower() == ".html" else self.image(path.suffix.lower()[1:])
        write_file(path, content)
        return str(path)

    def _repr_html_(self) -> str:
        return notebook_html(self._page(LIBRARY))


@checks_arguments
class FigureView(Drawing):
    """The picture of an answer across graphs, which plotly draws on its own. A notebook shows it; `save` writes it.

    Args:
        heading: what it shows.
        figure: the picture.
    """

    def __init__(self, heading: str, figure: Figure) -> None:
        super().__init__(figure_page(heading, figure), lambda: figure)
        self._heading = heading

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._heading}>"

    def save(self, file: str | Path) -> ReportResult:
        """Write it to a file. The suffix gives the format: `.html`, `.png`, `.svg` or `.pdf`.

        Raises:
            InvalidArgumentError: the suffix is another one.
            InputError: the file cannot be written.
            MissingExtraError: plotly, kaleido or a Chromium is not installed.
        """
        return ReportResult(files=[self._write(file)], notes=[])


@checks_arguments
class View(Drawing):
    """A picture. A notebook shows it; `save` writes it as `.html`, `.png`, `.svg` or `.pdf`."""

    def __init__(self, page: Callable[[str], str], figure: Callable[[], Figure], summary: Summary) -> None:
        super().__init__(page, figure)
        self.summary = summary

    def __repr__(self) -> str:
        return f"<View of {self.summary.graph!r}: {self.summary.nodes:,} nodes, {self.summary.edges:,} edges>"

    def save(self, file: str | Path) -> ViewResult:
        """Write the picture to a file. The suffix gives the format: `.html`, `.png`, `.svg` or `.pdf`.

        Raises:
            InvalidArgumentError: the suffix is another one.
            InputError: the file cannot be written.
            MissingExtraError: plotly, kaleido or a Chromium is not installed.
        """
        return ViewResult(file=self._write(file), **self.summary._asdict())


class Summary(NamedTuple):
    """How many nodes and edges a picture shows."""

    graph: str
    nodes: int
    edges: int
    notes: list[str]


@graph_query
def view_graph(
    graph: StoredGraph,
    *,
    sources: Sequence[str] = (),
    targets: Sequence[str] = (),
    max_hops: int = DEFAULT_HOPS,
    min_hops: int = SHOWN_MIN_HOPS,
    hops: int | None = None,
    k: int = 10,
    score: str = SHOWN_SCORE,
    sign: str = SHOWN_SIGN,
    kinds: Sequence[str] = (),
    compare: str | None = None,
    max_nodes: int = MAX_NODES,
) -> View:
    """The interactive picture of a graph, with its best paths drawn over it. A notebook shows it; it can be saved.

    Args:
        graph: the graph.
        sources: addresses of nodes where the paths begin; all tokens when empty.
        targets: addresses of nodes where the paths end; the most probable logit when empty.
        max_hops: most edges of a path, 1 to 12.
        min_hops: fewest edges of a path.
        hops: exactly this many edges of a path, instead of `min_hops` and `max_hops`.
        score: what paths are ranked by, see `search_paths`.
        sign: which paths, see `search_paths`.
        kinds: paths pass only nodes of these kinds between the ends; any kind when empty.
        k: how many paths.
        compare: name of a second graph to overlay on the first, with its own best paths.
        max_nodes: at most this many nodes, 1 to 10,000: those of the best paths, then tokens and logits, then the most
            influential. When graphs are compared, each shows what the other shows, besides.

    Raises:
        InvalidArgumentError: an argument is out of range.
        GraphNotFoundError, NodeNotFoundError, AmbiguousNodeError: see `queries.addresses.resolve`.
    """
    paths = PathOptions(sources, targets, max_hops, min_hops, hops, k, score, sign, kinds)
    if compare is None:
        return picture_view(read_picture(graph, paths=paths, max_nodes=max_nodes))
    both = graph, find_graph(graph.database, compare)
    others = replace(paths, sources=(), targets=())
    picture = overlay(*read_pair(both, (paths, others), max_nodes=max_nodes))
    if sources or targets:
        note = (
            f"The sources and targets given are nodes of {graph.name}. "
            f"Paths of {compare} begin at its tokens and end at its most probable logit."
        )
        picture = replace(picture, notes=(*picture.notes, note))
    return picture_view(picture)


def picture_view(picture: Picture) -> View:
    """The view of a picture."""
    return View(
        lambda library: graph_page(picture, library),
        lambda: static_figure(picture, lay_out(picture)),
        Summary(picture.title, len(picture.nodes), len(picture.edges), list(picture.notes)),
    )


@graph_query
def view_paths(
    graph: StoredGraph,
    *,
    sources: Sequence[str] = (),
    targets: Sequence[str] = (),
    max_hops: int = DEFAULT_HOPS,
    min_hops: int = SHOWN_MIN_HOPS,
    hops: int | None = None,
    k: int = 10,
    score: str = SHOWN_SCORE,
    sign: str = SHOWN_SIGN,
    kinds: Sequence[str] = (),
) -> View:
    """The k best paths as a Sankey diagram; arguments as in `view_graph`.

    Raises:
        InvalidArgumentError: an argument is out of range, or no path matches.
        GraphNotFoundError, NodeNotFoundError, AmbiguousNodeError: see `queries.addresses.resolve`.
    """
    options = PathOptions(sources, targets, max_hops, min_hops, hops, k, score, sign, kinds)
    paths = _found(graph, options)
    notes = [*paths.notes, *age_notes(graph.database, graph.properties)]
    nodes = {node.key for path in paths.paths for node in path.nodes}
    return _figure_view(graph.name, sankey_figure(paths), len(nodes), list(paths.edges()), notes)


@graph_query
def view_circuit(
    graph: StoredGraph,
    *,
    sources: Sequence[str] = (),
    targets: Sequence[str] = (),
    max_hops: int = DEFAULT_HOPS,
    min_hops: int = SHOWN_MIN_HOPS,
    hops: int | None = None,
    k: int = 10,
    score: str = SHOWN_SCORE,
    sign: str = SHOWN_SIGN,
    kinds: Sequence[str] = (),
    name: str | None = None,
    weights: bool = True,
) -> View:
    """The nodes of the best paths and the effects on these as a figure for a paper: boxes, and arrows with weights.
    Arguments as in `view_graph`; of the k best paths, as many as have up to 20 nodes together. With a `name`, the
    stored circuit of that name instead: its nodes and the most probable logit, with the strongest effects on each, and
    the tokens that these come from. In a collapsed graph, a supernode stands for those of its nodes. Without `weights`,
    arrows have none.

    Raises:
        CircuitNotFoundError: the graph has no such circuit.
        InvalidArgumentError: an argument is out of range, no path matches, or the circuit has more than 50 nodes.
        GraphNotFoundError, NodeNotFoundError, AmbiguousNodeError: see `queries.addresses.resolve`.
    """
    options = PathOptions(sources, targets, max_hops, min_hops, hops, k, score, sign, kinds)
    if name is not None:
        if replace(options, sources=(*sources,), targets=(*targets,), kinds=(*kinds,)) != PathOptions():
            raise InvalidArgumentError("a stored circuit is drawn without paths", fix="Leave their options out.")
        nodes, edges, left = stored_circuit(graph, name)
        notes = [f"{left:,} weaker effects between its nodes are not drawn."] if left else []
        notes += age_notes(graph.database, graph.properties)
        figure = circuit_figure(nodes, edges, middle_places(graph), weights=weights)
        return _figure_view(graph.name, figure, len(nodes), edges, notes)
    found = _found(graph, options)
    shown = best_circuit(found)
    left = len(found) - len(shown)
    notes = (
        [f"Only the {len(shown)} best paths are drawn: with more, there would be over {MAX_CIRCUIT} nodes."]
        if left
        else []
    )
    notes += [*found.notes, *age_notes(graph.database, graph.properties)]
    edges = list({(source.key, target.key): (source, target, w) for source, target, w in shown.edges()}.values())
    nodes = list({node.key: node for path in shown.paths for node in path.nodes}.values())
    figure = circuit_figure(nodes, edges, middle_places(graph), weights=weights)
    return _figure_view(graph.name, figure, len(nodes), edges, notes)


def _found(graph: StoredGraph, options: PathOptions) -> Paths:
    """The paths to draw.

    Raises:
        InvalidArgumentError: no path matches.
    """
    found = search_paths(graph, **options.arguments)
    if not found.paths:
        fewest, most = options.hops or options.min_hops, options.hops or options.max_hops
        raise InvalidArgumentError(
            f"no path matches: {options.sign} sign, {fewest} to {most} hops",
            where=graph.name,
            fix=" ".join(found.notes),
        )
    return found


def _figure_view(graph: str, figure: Figure, nodes: int, edges: Sequence[Edge], notes: list[str]) -> View:
    """The view of a figure of so many nodes, which plotly draws on its own."""
    ends = {(source.key, target.key) for source, target, _ in edges}
    return View(figure_page(graph, figure, notes), lambda: figure, Summary(graph, nodes, len(ends), notes))


def figure_page(title: str, figure: Figure, notes: Sequence[str] = ()) -> Callable[[str], str]:
    """A function that makes the page of a figure that plotly draws on its own, given the text of plotly.js."""

    def page(library: str) -> str:
        return fill(
            "figure_page.html",
            title=html.escape(title),
            notes=note_paragraphs(notes),
            plotly=library,
            data=script_json(figure),
        )

    return page
