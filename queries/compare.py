"""Compares two graphs: what they share, and what only one of them has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from circuit_atlas.database import Database
from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.queries.addresses import called_by_rank, notes_on_ranks
from circuit_atlas.queries.age import age_notes
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.checks import check_choice, check_range
from circuit_atlas.queries.compare_results import (
    AlignedNode,
    Comparison,
    EffectPair,
    EffectPairs,
    NodePair,
    NodePairs,
    Overlap,
    PathPair,
    PathPairs,
)
from circuit_atlas.queries.contrast import contrast_of, how_to_sum
from circuit_atlas.queries.graph_sets import undefined_notes
from circuit_atlas.queries.graphs import StoredGraph, find_graph
from circuit_atlas.queries.influence import influences_of, is_defined
from circuit_atlas.queries.node_rows import titled, titled_at, to_node
from circuit_atlas.queries.one_answer import one_answer
from circuit_atlas.queries.path_results import Path, Paths
from circuit_atlas.queries.path_search import shown_min_hops
from circuit_atlas.queries.paths import search_paths
from circuit_atlas.schema.keys import TARGET, Kind, split_position
from circuit_atlas.schema.limits import (
    ALIGNMENTS,
    DEFAULT_HOPS,
    MAX_NEIGHBORS,
    SHOWN_MIN_HOPS,
    SHOWN_SCORE,
    SHOWN_SIGN,
    STATUSES,
)
from circuit_atlas.schema.models import Node

if TYPE_CHECKING:
    from circuit_atlas.queries.compare_arrays import Alignment, ComparedGraph, Effect, Overlapping, Side
    from circuit_atlas.queries.contrast_results import Contrast

_KINDS = (*Kind, "direct effect")


@one_answer
def compare(
    database: Database,
    a: str,
    b: str,
    *,
    align: str = "relative",
    targets: Sequence[str] = (),
    minus: Sequence[str] = (),
    weights: Mapping[str, float] | None = None,
    k: int = 10,
    max_hops: int = DEFAULT_HOPS,
    min_hops: int = SHOWN_MIN_HOPS,
    hops: int | None = None,
    score: str = SHOWN_SCORE,
    sign: str = SHOWN_SIGN,
    kinds: Iterable[str] = (),
    circuit: str | None = None,
) -> Comparison:
    """Compares two graphs: the nodes, direct effects and best paths that both have, and those that only one has.

    Nodes are aligned by identity: features by their transcoder feature, errors by layer, tokens by their text,
    logits by their vocabulary entry; and all but logits by position, as `align` says. In paths, a first token is
    aligned by position alone, and the target with the other graph's target, whatever their texts, so that
    "Sun -> x -> night" and "Day -> x -> winter" are the same path.

    Args:
        database: the database.
        a: a graph's name.
        b: another graph's name.
        align: `relative`: positions are counted from the end of the prompt; `exact`: from its start; `feature`:
            they do not count, and what a graph has at several positions is taken together, influences and weights
            summed.
        targets: the address of a node that paths lead to, and on which influence is compared; or of several, for a
            contrast. When empty, influence is that on all logits, and paths lead to the most probable one; `logit:2` is
            the second in each graph, unless one is called `2`.
        minus: addresses of nodes that are subtracted from the targets, see `search_paths`. The contrast is one node
            more in each graph, aligned with that of the other.
        weights: weights of nodes in the contrast, by address.
        k: how many nodes, direct effects and paths of each status, 1 to 10,000. Totals are exact whatever it is.
        max_hops: most edges of a path, 1 to 12; paths lead from all tokens to the target.
        min_hops: fewest edges of a path.
        hops: exactly this many edges of a path.
        score: what paths are ranked by, see `search_paths`.
        sign: which paths, see `search_paths`.
        kinds: paths pass only nodes of these kinds; any kind when empty.
        circuit: name of a circuit that both graphs have: only its nodes, tokens and logits, the influence of nodes
            along paths in it, and effects and paths between them.

    Raises:
        InvalidArgumentError: an argument is out of range, a graph has no tokens or logits for paths between them, or
            there are several targets without `minus` and `weights`; or see `contrast_of`.
        NodeNotFoundError, AmbiguousNodeError: a graph has no such node, see `resolve`.
        CircuitNotFoundError: a graph has no such circuit.
        GraphNotFoundError: no such graph is ready.
    """
    from circuit_atlas.queries.compare_arrays import Alignment

    check_choice("align", align, ALIGNMENTS)
    check_range("k", k, 1, MAX_NEIGHBORS)
    if len(targets) > 1 and not minus and not weights:
        raise InvalidArgumentError(
            "graphs are compared with respect to one target", fix="Name one, or subtract others from it (--minus)."
        )
    graphs = [find_graph(database, name) for name in (a, b)]
    sides = {
        side: _compared(graph, circuit, targets, contrast_of(graph, targets, minus, weights))
        for side, graph in zip("ab", graphs, strict=True)
    }
    alignment = Alignment(database, sides["a"], sides["b"], align)
    of_effects, effects = alignment.effects(k)
    kinds = list(kinds)
    paths = {
        side: search_paths(
            one.graph,
            targets=targets,
            minus=minus,
            weights=weights,
            k=k,
            max_hops=max_hops,
            min_hops=shown_min_hops(min_hops, hops),
            hops=hops,
            score=score,
            sign=sign,
            kinds=kinds,
            circuit=circuit,
        )
        for side, one in sides.items()
    }
    question = {"a": a, "b": b, "align": align}
    compared = Comparison.model_validate(
        {
            "a": a,
            "b": b,
            "align": align,
            "score": score,
            "sign": sign,
            "min_hops": hops or min_hops,
            "max_hops": hops or max_hops,
            "contrast_a": sides["a"].contrast,
            "contrast_b": sides["b"].contrast,
            "overlaps": _overlaps(alignment.node_overlaps(), of_effects),
            "nodes": _nodes(database, question, k, sides),
            "edges": _effects(alignment, effects),
            "paths": _paths(database, paths, question),
            "notes": [
                *_notes(graphs, align, is_whole=circuit is None),
                *([] if targets or minus or weights else _notes_on_influence(graphs)),
                *notes_on_ranks({graph.name: called_by_rank(graph, [*targets, *minus]) for graph in graphs}),
                *(f"In {one.graph.name}, {one.contrast.note}" for one in sides.values() if one.contrast),
                *(f"In {one.graph}: {note}" for one in paths.values() if not one.paths for note in one.notes),
                *(note for graph in graphs for note in age_notes(database, graph.properties)),
            ],
        }
    )
    if graphs[0].source_sets == graphs[1].source_sets:  # else a feature is one of either
        compared._source_sets = graphs[0].source_sets
    return compared


def _notes(graphs: Sequence[StoredGraph], align: str, *, is_whole: bool) -> list[str]:
    """Notes that can be made before two graphs are compared."""
    return [
        *_notes_on_content(*graphs, is_whole=is_whole),
        *_notes_on_places(graphs, align),
        *_notes_on_weights(graphs),
    ]


def _notes_on_content(a: StoredGraph, b: StoredGraph, *, is_whole: bool) -> list[str]:
    if a.name == b.name:
        return [f"Both graphs are {a.name!r}, so everything is shared."]
    first, second = a.source_sets, b.source_sets
    same_lorsas = first.lorsas is not None and first.lorsas == second.lorsas
    if first.model != second.model or not (first.transcoders == second.transcoders or same_lorsas):
        named = "; ".join(f"{sets.model} / {sets.transcoders}" for sets in (first, second))
        return [f"The graphs have different sets of transcoders ({named}), so they share no feature."]
    notes = [
        f"The graphs have different sets of {what} ({one}; {other}), so they share no feature of these."
        for what, one, other in zip(("transcoders", "lorsas"), first[1:], second[1:], strict=True)
        if one and other and one != other
    ]
    if a.properties["content_hash"] == b.properties["content_hash"]:
        so = ", so everything is shared" if is_whole else ""
        notes.append(f"{a.name!r} and {b.name!r} have the same content{so}.")
    return notes


def _notes_on_places(graphs: Sequence[StoredGraph], align: str) -> list[str]:
    """A note if only one of the graphs has positions, and so no position in common with the other."""
    without = [graph.name for graph in graphs if not graph.properties["n_pos"]]
    if align == "feature" or len(without) != 1:
        return []
    shared = f"{without[0]!r} has no positions, so no features, errors and tokens are shared."
    return [f"{shared} Align by feature (--align feature)."]


def _notes_on_influence(graphs: Sequence[StoredGraph]) -> list[str]:
    """A note if the influence on the logits, by which nodes are compared, is not defined."""
    return undefined_notes([{"graph": graph.name, "has_influence": is_defined(graph)} for graph in graphs])


def _notes_on_weights(graphs: Sequence[StoredGraph]) -> list[str]:
    """A note if the weights of one of the graphs are shares, and those of the other direct effects."""
    shares = [(graph.name, fix) for graph in graphs if (fix := how_to_sum(graph))]
    if len(shares) != 1:
        return []
    [(name, fix)] = shares
    return [f"Weights of {name!r} are shares of each target's inputs, so effects cannot be compared in size. {fix}"]


def _compared(
    graph: StoredGraph, circuit: str | None, targets: Sequence[str], contrast: Contrast | None
) -> ComparedGraph:
    from circuit_atlas.queries.circuit_arrays import read_within
    from circuit_atlas.queries.compare_arrays import ComparedGraph

    if circuit is None:
        influences = influences_of(graph, targets, contrast) if targets or contrast else None
        return ComparedGraph(graph, contrast, None, influences)
    within = read_within(graph, circuit, targets, contrast)
    return ComparedGraph(graph, contrast, within, within.influence[: graph.properties["nodes"]].tolist())


def _overlaps(of_nodes: dict[str, Overlapping], of_effects: Overlapping | None) -> list[Overlap]:
    found: dict[str, dict[str, Any]] = {**of_nodes, **({"direct effect": of_effects} if of_effects else {})}
    return [
        Overlap(what=what, similarity=total["smaller"] / total["larger"] if total["larger"] else None, **total)
        for what, total in sorted(found.items(), key=lambda item: _KINDS.index(item[0]))
    ]


def _nodes(database: Database, question: dict[str, Any], k: int, sides: dict[str, ComparedGraph]) -> NodePairs:
    given: dict[str, Any] = {f"influences_{side}": one.influences for side, one in sides.items()}
    given |= {f"within_{side}": one.within.keys for side, one in sides.items() if one.within}
    rows = {status: ask(database, "compare.nodes", status=status, k=k, **given, **question) for status in STATUSES}
    found = (
        (question[side], to_node(node))
        for of_status in rows.values()
        for row in of_status
        for side in ("a", "b")
        for node in row[side]
    )
    nodes = titled(database, found)
    return NodePairs(
        **{status: [_node(row, question, nodes) for row in of_status] for status, of_status in rows.items()}
    )


def _node(row: dict[str, Any], question: dict[str, Any], nodes: dict[tuple[str, str], Node]) -> NodePair:
    a, b = ([nodes[question[side], node["key"]] for node in row[side]] for side in ("a", "b"))
    aligned = AlignedNode(identity=row["identity"], a=a, b=b)
    return NodePair(
        **dict(aligned),
        influence_a=row["influence_a"],
        influence_b=row["influence_b"],
        activations_a=[node["activation"] for node in row["a"]],
        activations_b=[node["activation"] for node in row["b"]],
    )


def _effects(alignment: Alignment, found: dict[str, list[Effect]]) -> EffectPairs:
    ends = {
        (side.graph.name, effect): alignment.ends(side, effect)
        for side in alignment.sides
        for effects in found.values()
        for effect in effects
    }
    nodes = {side.graph.name: _nodes_at(side, ends) for side in alignment.sides}

    def pair(effect: Effect) -> EffectPair:
        sides = [
            [[nodes[side.graph.name][ordinal] for ordinal in ordinals] for ordinals in ends[side.graph.name, effect]]
            for side in alignment.sides
        ]
        (source_a, target_a), (source_b, target_b) = sides
        return EffectPair(
            source=AlignedNode(identity=alignment.identities[effect.source], a=source_a, b=source_b),
            target=AlignedNode(identity=alignment.identities[effect.target], a=target_a, b=target_b),
            weight_a=effect.weight_a,
            weight_b=effect.weight_b,
            change=effect.weight_b - effect.weight_a,
        )

    return EffectPairs(**{status: [pair(effect) for effect in effects] for status, effects in found.items()})


def _nodes_at(side: Side, ends: dict[tuple[str, Effect], tuple[list[int], list[int]]]) -> dict[int, Node]:
    """The nodes of a graph that are ends of direct effects, by ordinal."""
    ordinals = {i for (name, _), both in ends.items() if name == side.graph.name for some in both for i in some}
    return titled_at(side.graph, sorted(ordinals), side.contrast)


def _paths(database: Database, found: dict[str, Paths], question: dict[str, Any]) -> PathPairs:
    """The best paths of both graphs, aligned."""
    keys = list({node.key for paths in found.values() for path in paths for node in path.nodes[:-1]})
    rows = ask(database, "compare.nodes", status="", k=2 * len(keys) + 1, keys=keys, **question)
    identity = {(side, node["key"]): row["identity"] for row in rows for side in ("a", "b") for node in row[side]}
    pairs: dict[tuple[str, ...], dict[str, Path]] = {}
    for side, paths in found.items():
        for path in paths:
            aligned = _sequence(path, [identity[side, node.key] for node in path.nodes[:-1]], question["align"])
            pairs.setdefault(aligned, {}).setdefault(side, path)  # of several that are the same, the best
    both = [PathPair(identities=list(ids), a=pair.get("a"), b=pair.get("b")) for ids, pair in pairs.items()]
    return PathPairs(
        shared=[pair for pair in both if pair.a and pair.b],
        only_a=[pair for pair in both if not pair.b],
        only_b=[pair for pair in both if not pair.a],
    )


def _sequence(path: Path, identities: list[str], align: str) -> tuple[str, ...]:
    """The identity of a path, from the identities of its nodes without the last."""
    first, *rest = identities
    if path.nodes[0].kind is Kind.TOKEN and path.nodes[0].position is not None and align != "feature":
        first = f"token@{split_position(first)[1]}"
    return (first, *rest, TARGET)  # one graph's is aligned with the other's
