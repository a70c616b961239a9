"""Which paths are meant: what searches, counts and distributions of paths are asked, and between which nodes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.queries.addresses import resolve
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.checks import check_choice, check_kinds, check_layers, check_positions, check_range
from circuit_atlas.queries.circuits import nodes_within
from circuit_atlas.queries.contrast_results import Contrast
from circuit_atlas.queries.edge_value import EdgeValue
from circuit_atlas.queries.graphs import StoredGraph
from circuit_atlas.queries.path_notes import FEATURE
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.limits import DEFAULT_HOPS, MAX_HOPS, SHOWN_MIN_HOPS, SIGNS

_SUMS = ("mean", "sum")


@dataclass(frozen=True)
class PathSearch:
    """Nodes are given by their keys; an empty list of `kinds` and the like means all.

    `order` is 1 for the largest score first, -1 for the smallest. `sign` is 1 for paths that promote, -1 for those that
    inhibit, 0 for all. A path passes a node of each of the lists in `must_pass`.
    """

    sources: list[str] | None  # None: all tokens
    max_hops: int
    min_hops: int = 1
    score: str = "mean"
    order: int = 1
    sign: int = 0
    kinds: list[str] = field(default_factory=list)
    layers: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    avoid: list[str] = field(default_factory=list)
    must_pass: list[list[str]] = field(default_factory=list)
    within: list[str] = field(default_factory=list)  # all nodes that paths may pass
    named: list[str] = field(default_factory=list)  # addresses of the nodes to avoid and to pass, as they were given
    min_weight: float = 0.0
    edge_value: EdgeValue | None = None
    contrast: Contrast | None = None  # where paths end, instead of at targets

    @property
    def restrictions(self) -> list[str]:
        """Why the search does not mean all paths between its ends, apart from their number of hops, in words."""
        given = {
            {1: "sign promoting", -1: "sign inhibiting", 0: ""}[self.sign]: self.sign != 0,
            "kinds": self.kinds,
            "layers": self.layers,
            "positions": self.positions,
            "nodes to avoid": self.avoid,
            "nodes to pass": self.must_pass,
            "circuit": self.within,
            "least weight": self.min_weight > 0,
        }
        return [words for words, is_given in given.items() if is_given]

    @property
    def is_restricted(self) -> bool:
        """Whether it has `restrictions`."""
        return bool(self.restrictions)

    @property
    def needs_bounds(self) -> bool:
        """Whether it needs other bounds than those made at ingest, which are for sums over all paths from tokens."""
        others = self.sources is not None or self.edge_value is not None or self.score not in _SUMS
        return others or self.is_restricted or self.contrast is not None


def path_search(
    graph: StoredGraph,
    *,
    sources: Sequence[str],
    max_hops: int,
    min_hops: int,
    hops: int | None,
    sign: str,
    kinds: Iterable[str],
    layers: Iterable[int],
    positions: Iterable[int],
    avoid: Sequence[str],
    must_pass: Sequence[str],
    must_pass_any: Sequence[str],
    min_weight: float,
    circuit: str | None,
    **scoring: Any,
) -> PathSearch:
    """The search that arguments of `search_paths` describe; `scoring` are fields of `PathSearch`.

    Raises:
        InvalidArgumentError, NodeNotFoundError, AmbiguousNodeError: see `search_paths`.
    """
    fewest, most = _hop_range(min_hops, max_hops, hops)
    check_choice("sign", sign, tuple(SIGNS))
    if not min_weight >= 0.0:
        raise InvalidArgumentError(f"min_weight cannot be {min_weight}", fix="It must be 0 or more.")
    any_of = [key for address in must_pass_any for key in _activations(graph, address)]
    avoided = [key for address in avoid for key in _activations(graph, address)]
    starts = source_nodes(graph, sources)
    _check_ends(starts or [], avoided)
    return PathSearch(
        sources=starts,
        min_hops=fewest,
        max_hops=most,
        sign=SIGNS[sign],
        kinds=check_kinds(kinds),
        layers=check_layers(layers, graph.properties["n_layers"]),
        positions=check_positions(positions, graph.properties["n_pos"]),
        avoid=avoided,
        must_pass=[*(_activations(graph, address) for address in must_pass), *([any_of] if any_of else [])],
        within=[] if circuit is None else nodes_within(graph, circuit),
        named=[*avoid, *must_pass, *must_pass_any],
        min_weight=min_weight,
        **scoring,
    )


def shown_min_hops(min_hops: int, hops: int | None) -> int:
    """`min_hops` for `path_search` where its default is `SHOWN_MIN_HOPS`. With `hops`, the default counts as not
    given."""
    return 1 if hops is not None and min_hops == SHOWN_MIN_HOPS else min_hops


def _hop_range(min_hops: int, max_hops: int, hops: int | None) -> tuple[int, int]:
    """The fewest and most edges of a path.

    Raises:
        InvalidArgumentError: one is out of range, or they contradict each other.
    """
    if hops is not None:
        check_range("hops", hops, 1, MAX_HOPS)
        if min_hops not in (1, hops) or max_hops not in (DEFAULT_HOPS, hops):
            raise InvalidArgumentError(
                "hops cannot be combined with min_hops or max_hops", fix="Give hops alone, or the other two."
            )
        return hops, hops
    check_range("max_hops", max_hops, 1, MAX_HOPS)
    check_range("min_hops", min_hops, 1, MAX_HOPS)
    if min_hops > max_hops:
        raise InvalidArgumentError(
            f"min_hops {min_hops} is more than max_hops {max_hops}", fix="Raise max_hops (--max-hops), or give hops."
        )
    return min_hops, max_hops


def _activations(graph: StoredGraph, address: str) -> list[str]:
    """Keys of the nodes that an address means: all activations of a feature without a position, else one node."""
    if feature := FEATURE.fullmatch(address):
        rows = ask(graph.database, "nodes.starting", graph=graph.name, starts=[f"{Kind.FEATURE}:{feature[1]}@"])
        if rows:
            return [row["key"] for row in rows]
    return [resolve(graph, address).key]


def source_nodes(graph: StoredGraph, addresses: Sequence[str]) -> list[str] | None:
    """Keys of the nodes where paths begin; None for all tokens."""
    if addresses:
        return [resolve(graph, address, prefer=Kind.TOKEN).key for address in addresses]
    if not graph.properties["token_nodes"]:
        raise InvalidArgumentError(
            "the graph has no tokens to start from", where=graph.name, fix="Name sources (--from)."
        )
    return None


def target_nodes(graph: StoredGraph, addresses: Sequence[str], *, avoid: Sequence[str] = ()) -> list[str]:
    """Keys of the nodes where paths end: those given, or the most probable logit.

    Raises:
        InvalidArgumentError: the graph has no logits, or one of the nodes is one to avoid.
    """
    if addresses:
        ends = [resolve(graph, address, prefer=Kind.LOGIT).key for address in addresses]
    elif graph.logits:
        ends = [graph.logits[0]["key"]]
    else:
        raise InvalidArgumentError("the graph has no logits to end at", where=graph.name, fix="Name targets (--to).")
    _check_ends(ends, avoid)
    return ends


def _check_ends(ends: Sequence[str], avoid: Sequence[str]) -> None:
    """Refuse an end of the paths that is also a node to avoid."""
    if contradictory := [key for key in ends if key in avoid]:
        raise InvalidArgumentError(
            f"{contradictory[0]} is both an end of the paths and a node to avoid",
            fix="Leave it out of the nodes to avoid (--avoid), or choose other ends (--from, --to).",
        )
