"""Result types of the comparison of two graphs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from pydantic import Field

from circuit_atlas.printable import printable
from circuit_atlas.queries.contrast_results import Contrast
from circuit_atlas.queries.path_results import Path
from circuit_atlas.results.answer import Result
from circuit_atlas.results.tables import Cells, NodeName, printable_cells
from circuit_atlas.results.tidy import Tidy, tidy
from circuit_atlas.schema.limits import STATUSES
from circuit_atlas.schema.models import Node, Record


class Overlap(Record):
    """How many nodes of a kind, or direct effects, two graphs share."""

    what: str = Field(description="`feature`, `error`, `token`, `logit`, `other`: nodes; or `direct effect`")
    shared: int
    only_a: int
    only_b: int
    smaller: float = Field(description="Sum over all of the smaller of the two weights")
    larger: float = Field(description="Sum over all of the larger of the two weights")
    similarity: float | None = Field(description="Weighted Jaccard similarity, smaller / larger; null when both are 0")


class AlignedNode(Record):
    """A node that both graphs have, or only one of them. Several nodes only if positions are ignored."""

    identity: str = Field(
        description="What it is aligned by, e.g. `feature:20/44686@-1`, `token: is@-1`, `logit:22605`, `target`"
    )
    a: list[Node] = Field(description="The nodes of the first graph")
    b: list[Node] = Field(description="The nodes of the second graph")

    @property
    def name(self) -> str:
        """The name that is shown."""
        return (self.a or self.b)[0].name


class NodePair(AlignedNode):
    """An aligned node with what is known of it in each graph."""

    influence_a: float = Field(description="Its influence in the first graph; 0 if that does not have it")
    influence_b: float
    activations_a: list[float | None] = Field(description="Activation of each of `a`; null except for features")
    activations_b: list[float | None]


class EffectPair(Record):
    """A direct effect in one graph or both."""

    source: AlignedNode = Field(description="The nodes of each graph that have it")
    target: AlignedNode = Field(description="The nodes of each graph that it is an effect on")
    weight_a: float = Field(description="Direct effect in the first graph, 0 where there is none")
    weight_b: float
    change: float = Field(description="weight_b - weight_a")


class PathPair(Record):
    """A path that is among the k best of either graph; null in the graph where it is not."""

    identities: list[str] = Field(
        description="Identities of its nodes; a first token by its position, and `target` for the last node"
    )
    a: Path | None
    b: Path | None


class NodePairs(Record):
    """Nodes, the most influential first, at most k of each."""

    shared: list[NodePair]
    only_a: list[NodePair]
    only_b: list[NodePair]


class EffectPairs(Record):
    """Direct effects, those that differ most first, at most k of each."""

    shared: list[EffectPair]
    only_a: list[EffectPair] = Field(description="Effects that the second graph has lost")
    only_b: list[EffectPair] = Field(description="Effects that the second graph has gained")


class PathPairs(Record):
    """Paths, best first."""

    shared: list[PathPair] = Field(description="Among the k best of both graphs")
    only_a: list[PathPair]
    only_b: list[PathPair]


class ComparedNode(Record):
    """An aligned node, as a row of data. Where positions are ignored, it may be several nodes of a graph, which are the
    rows `members`."""

    status: str = Field(description="`shared`, `only_a` or `only_b`")
    identity: str = Field(description="What it is aligned by")
    name: str
    nodes_a: int = Field(description="Number of its nodes in the first graph")
    nodes_b: int
    key_a: str | None = Field(description="Key of its node in the first graph; null if it has none there, or several")
    key_b: str | None
    influence_a: float
    influence_b: float
    change: float = Field(description="influence_b - influence_a")


class AlignedMember(Record):
    """A node of one graph, as a row of data."""

    status: str
    identity: str
    graph: str
    node: Node
    activation: float | None = Field(description="Null except for features")


class ComparedEffect(Record):
    """A direct effect in one graph or both, as a row of data."""

    status: str
    source: str = Field(description="Identity of the source")
    source_name: str
    target: str = Field(description="Identity of the target")
    target_name: str
    weight_a: float
    weight_b: float
    change: float


class ComparedPath(Record):
    """A path, as a row of data."""

    status: str
    path: int = Field(description="Place of the path in the answer, from 0")
    hops: int
    score_a: float | None
    score_b: float | None
    text: str = Field(description="The names of its nodes; `->` promotes, `-|` inhibits")


class ComparedStep(Record):
    """A node of a path, as a row of data."""

    status: str
    path: int = Field(description="Place of the path in the answer, from 0")
    step: int = Field(description="Place of the node on the path, from 0")
    identity: str
    name: str
    key_a: str | None = Field(description="Its key in the first graph; null if the path is not one of its best")
    key_b: str | None
    weight_a: float | None = Field(description="Weight of the edge that leads to the node; null for the first")
    weight_b: float | None


class Comparison(Result):
    """The parts that two graphs share, and those that only one of them has."""

    _list: ClassVar[str | None] = None

    a: str = Field(description="The first graph")
    b: str = Field(description="The second graph")
    align: str = Field(description="`relative`, `exact` or `feature`: how positions are compared")
    score: str = Field(description="The score by which paths are ranked")
    sign: str = Field(description="Which paths are compared: `promoting`, `inhibiting` or `any`")
    min_hops: int = Field(description="Fewest edges of a path")
    max_hops: int = Field(description="Most edges of a path")
    contrast_a: Contrast | None = Field(
        None,
        exclude_if=lambda contrast: contrast is None,
        description="What stands in the place of the first graph's targets, if some were added up or subtracted",
    )
    contrast_b: Contrast | None = Field(
        None, exclude_if=lambda contrast: contrast is None, description="The same of the second graph"
    )
    overlaps: list[Overlap] = Field(description="Totals, exact whatever k is")
    nodes: NodePairs
    direct_effects: EffectPairs = Field(alias="edges")
    paths: PathPairs

    def overlap(self, what: str) -> Overlap:
        """The totals of `feature`, `error`, `token`, `logit`, `other` or `direct effect`."""
        none = Overlap(what=what, shared=0, only_a=0, only_b=0, smaller=0.0, larger=0.0, similarity=None)
        return next((overlap for overlap in self.overlaps if overlap.what == what), none)

    def table(self) -> tuple[list[str], Cells]:
        """A row per node, direct effect and path."""
        rows = [[what, *row] for what, _, cells in self._parts() for row in cells]
        return ["", "", "name", self.a, self.b, "change"], rows

    def __str__(self) -> str:
        from tabulate import tabulate

        totals = [[o.what, o.shared, o.only_a, o.only_b, o.similarity] for o in self.overlaps]
        headers = ["", "shared", f"only {self.a}", f"only {self.b}", "similarity"]
        tables = [tabulate(totals, headers, tablefmt="simple", floatfmt=".3f")]
        for _, headers, cells in self._parts():
            if cells:
                shown = printable_cells(cells)
                tables.append(tabulate(shown, headers, tablefmt="simple", floatfmt=".4g", disable_numparse=[0, 1]))
        return printable("\n\n".join([*tables, *(f"Note: {note}" for note in self.notes)]))

    @property
    def _which(self) -> str:
        return self.score if self.sign == "any" else f"{self.sign}, {self.score}"

    def _items(self) -> Sequence[NodePair]:
        return [pair for _, pair in _by_status(self.nodes)]

    def _tidy(self) -> dict[str, Tidy]:
        paths = list(enumerate(_by_status(self.paths)))
        kinds = {
            "nodes": tidy(ComparedNode, (_node_row(*one) for one in _by_status(self.nodes))),
            "edges": tidy(ComparedEffect, (_effect_row(*one) for one in _by_status(self.direct_effects))),
            "paths": tidy(ComparedPath, (_path_row(number, *one) for number, one in paths)),
            "steps": tidy(ComparedStep, (row for number, one in paths for row in _step_rows(number, *one))),
            "members": tidy(AlignedMember, (row for one in _by_status(self.nodes) for row in self._members(*one))),
            "overlaps": tidy(Overlap, self.overlaps),
        }
        return {name: found.with_first(graph_a=self.a, graph_b=self.b) for name, found in kinds.items()}

    def _members(self, status: str, pair: NodePair) -> Iterator[AlignedMember]:
        sides = (self.a, pair.a, pair.activations_a), (self.b, pair.b, pair.activations_b)
        for graph, nodes, activations in sides:
            for node, activation in zip(nodes, activations, strict=True):
                yield AlignedMember(
                    status=status, identity=pair.identity, graph=graph, node=node, activation=activation
                )

    def _parts(self) -> list[tuple[str, list[str], Cells]]:
        """Features, direct effects and paths: name, headers and rows of each."""
        words = {"shared": "shared", "only_a": f"only {self.a}", "only_b": f"only {self.b}"}

        def rows(pairs: Record, row: str) -> Cells:
            return [
                [word, *getattr(self, row)(pair)] for status, word in words.items() for pair in getattr(pairs, status)
            ]

        return [
            ("node", ["", "influence of", self.a, self.b, "change"], rows(self.nodes, "_node")),
            ("direct effect", ["", "direct effect", self.a, self.b, "change"], rows(self.direct_effects, "_effect")),
            ("path", ["", f"path ({self._which})", self.a, self.b, "change"], rows(self.paths, "_path")),
        ]

    @staticmethod
    def _node(pair: NodePair) -> list[object]:
        values = pair.influence_a if pair.a else None, pair.influence_b if pair.b else None
        return [NodeName.of((pair.a or pair.b)[0], _named(pair)), *values, pair.influence_b - pair.influence_a]

    @staticmethod
    def _effect(pair: EffectPair) -> list[object]:
        values = pair.weight_a or None, pair.weight_b or None
        return [f"{_named(pair.source)} -> {_named(pair.target)}", *values, pair.change]

    @staticmethod
    def _path(pair: PathPair) -> list[object]:
        scores = pair.a and pair.a.score, pair.b and pair.b.score
        return [_path_text(pair), *scores, pair.b.score - pair.a.score if pair.a and pair.b else None]


def _arrow(weights: list[float]) -> str:
    """A step of a path: `->` promotes, `-|` inhibits; both, where two graphs differ in that."""
    return "/".join(dict.fromkeys("-|" if weight < 0 else "->" for weight in weights))


def _titles(nodes: list[Node]) -> str:
    """The names of a node in one graph or two, each once, and their places where they have one."""
    names, places = (dict.fromkeys(texts) for texts in ((n.name for n in nodes), (n.place for n in nodes if n.place)))
    return "|".join(names) + (f" ({'|'.join(places)})" if places else "")


def _by_status(pairs: Record) -> Iterator[tuple[str, Any]]:
    """Each pair with its status."""
    return ((status, pair) for status in STATUSES for pair in getattr(pairs, status))


def _node_row(status: str, pair: NodePair) -> ComparedNode:
    return ComparedNode(
        status=status,
        identity=pair.identity,
        name=pair.name,
        nodes_a=len(pair.a),
        nodes_b=len(pair.b),
        key_a=pair.a[0].key if len(pair.a) == 1 else None,
        key_b=pair.b[0].key if len(pair.b) == 1 else None,
        influence_a=pair.influence_a,
        influence_b=pair.influence_b,
        change=pair.influence_b - pair.influence_a,
    )


def _effect_row(status: str, pair: EffectPair) -> ComparedEffect:
    source, target = pair.source, pair.target
    names = {"source_name": source.name, "target_name": target.name}
    weights = {"weight_a": pair.weight_a, "weight_b": pair.weight_b, "change": pair.change}
    return ComparedEffect(status=status, source=source.identity, target=target.identity, **names, **weights)


def _path_row(number: int, status: str, pair: PathPair) -> ComparedPath:
    scores = {"score_a": pair.a.score if pair.a else None, "score_b": pair.b.score if pair.b else None}
    return ComparedPath(status=status, path=number, hops=len(pair.identities) - 1, text=_path_text(pair), **scores)


def _step_rows(number: int, status: str, pair: PathPair) -> Iterator[ComparedStep]:
    """The nodes of a path, with what each graph knows of them."""
    sides = {name: path for name, path in (("a", pair.a), ("b", pair.b)) if path}
    for step, identity in enumerate(pair.identities):
        nodes = {side: path.nodes[step] for side, path in sides.items()}
        row: dict[str, Any] = {f"{what}_{side}": None for what in ("key", "weight") for side in "ab"}
        row |= {f"key_{side}": node.key for side, node in nodes.items()}
        row |= {f"weight_{side}": path.weights[step - 1] for side, path in sides.items() if step}
        name = next(iter(nodes.values())).name
        yield ComparedStep(status=status, path=number, step=step, identity=identity, name=name, **row)


def _path_text(pair: PathPair) -> str:
    """The nodes of a path with arrows between them."""
    paths = [path for path in (pair.a, pair.b) if path]
    names = [_titles(list(step)) for step in zip(*(path.nodes for path in paths), strict=True)]
    arrows = [_arrow(list(step)) for step in zip(*(path.weights for path in paths), strict=True)]
    return names[0] + "".join(f" {arrow} {name}" for arrow, name in zip(arrows, names[1:], strict=True))


def _named(node: AlignedNode) -> str:
    """A feature with its layer and index, since several features can have the same name; else the title."""
    if not node.identity.startswith("feature:"):
        return _titles([*node.a, *node.b])
    place = node.identity.removeprefix("feature:")
    without_position = place.partition("@")[0].partition(" of ")[0]
    return f"feature {place}" if node.name == f"feature {without_position}" else f"{node.name} ({place})"
