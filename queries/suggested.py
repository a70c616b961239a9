"""Which supernodes a graph could have: groups of features that do the same, as `graph.groups` makes them, with names
from what their nodes share."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from circuit_atlas.database import Rows
from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.printable import printable
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.checks import check_range, check_whole
from circuit_atlas.queries.circuits import held_nodes
from circuit_atlas.queries.graphs import StoredGraph
from circuit_atlas.queries.node_rows import titled_at
from circuit_atlas.queries.supernode_results import FlowKept, SuggestedSupernode, SuggestedSupernodes
from circuit_atlas.schema.keys import Kind, feature_name
from circuit_atlas.schema.models import Node, Supernode

if TYPE_CHECKING:
    from circuit_atlas.graph.circuits import Circuits
    from circuit_atlas.graph.data import Bool, Float64, Int32, Int64
    from circuit_atlas.graph.groups import Profiles
    from circuit_atlas.graph.packed import PackedEdges
    from circuit_atlas.queries.stored_arrays import StoredArrays

SUGGESTED = "suggested"  # rules of such supernodes begin with it
MAX_FEATURES = 500
_FEATURES = 50
_WORD = re.compile(r"[^\W\d_]{3,}")
# Words that say nothing of what a feature stands for.
_EMPTY_WORDS = {"and", "are", "for", "from", "other", "related", "something", "the", "with"}
_MAX_WORDS = 3
_MAX_LABEL, _MAX_TOKEN = 100, 40  # characters of a name


class Suggestion(NamedTuple):
    """Suggested supernodes; the ordinals of the members of each, by name; the names of those that were suggested
    before; and the places of the others that exist, by name."""

    answer: SuggestedSupernodes
    members: dict[str, list[int]]
    earlier: list[str]
    order: dict[str, int]


def suggestion(
    graph: StoredGraph,
    *,
    circuit: str | None,
    features: int | None,
    groups: int | None,
    similarity: float | None,
    layer_span: int | None,
    position_span: int | None,
    targets: Sequence[str],
) -> Suggestion:
    """See `circuit_atlas.supernodes.suggest_supernodes`."""
    from circuit_atlas.graph.groups import flow_kept, group_features, read_profiles
    from circuit_atlas.queries.circuit_arrays import read_circuits

    _check(graph, features, groups, similarity, layer_span, position_span)
    circuits, columns = read_circuits(graph, targets)
    if circuits.order is None:
        raise InvalidArgumentError("the graph itself has a cycle", where=graph.name, fix="Ask another graph.")
    influence, place = circuits.influence(circuits.choosable), _places(columns)
    most = features or (_FEATURES if circuit is None else MAX_FEATURES)
    all_features = _features(graph, columns, circuits, circuit)
    chosen = _strongest(all_features, influence, place, most)
    profiles = read_profiles(circuits.edges, circuits.order, chosen, place)
    group = group_features(
        profiles,
        _is_near(columns.layer[chosen], layer_span) & _is_near(columns.position[chosen], position_span),
        groups=groups,
        similarity=similarity,
    )
    flow = flow_kept(circuits.edges, chosen, group, influence + circuits.weights, circuits.input_sum)
    existing = ask(graph.database, "supernodes.list", graph=graph.name)
    earlier = [row["name"] for row in existing if (row["rule"] or "").startswith(SUGGESTED)]
    others = [row for row in existing if row["name"] not in earlier]
    nodes = titled_at(graph, chosen.tolist())
    found, members = _named(graph, profiles, chosen, group, nodes, {row["name"] for row in others})
    grouped = {ordinal for ordinals in members.values() for ordinal in ordinals}
    is_cut = circuit is not None and features is None and len(all_features) > most
    answer = SuggestedSupernodes(
        graph=graph.name,
        circuit=circuit,
        features=len(chosen),
        supernodes=found,
        alone=[nodes[ordinal] for ordinal in chosen.tolist() if ordinal not in grouped],
        similarity=_mean_within(profiles, group),
        flow=flow and FlowKept(**flow._asdict()),
        written=False,
        notes=[
            *([f"Of {len(all_features)} features, these are the {most} with the most influence."] * is_cut),
            *_notes(groups, int(group.max()) + 1, bool(found)),
            *_notes_on_others(others, members, circuits.edges, len(place)),
        ],
    )
    return Suggestion(answer, members, earlier, {row["name"]: row["order"] for row in others})


def _named(
    graph: StoredGraph,
    profiles: Profiles,
    chosen: Int64,
    group: Int64,
    nodes: dict[int, Node],
    taken: Collection[str],
) -> tuple[list[SuggestedSupernode], dict[str, list[int]]]:
    """The groups of several features as supernodes, and the ordinals of the members of each, by name."""
    import numpy as np

    places = [at for at in (np.flatnonzero(group == i) for i in range(int(group.max()) + 1)) if len(at) > 1]
    groups = [[nodes[i] for i in chosen[at].tolist()] for at in places]
    pairs = [profiles.similarity[np.ix_(at, at)] for at in places]
    names = _names(groups, [similar.sum(axis=1).tolist() for similar in pairs], graph.properties["tokens"], taken)
    found = [
        SuggestedSupernode(
            name=name,
            similarity=float((similar.sum() - similar.trace()) / (similar.size - len(similar))),
            members=members,
        )
        for name, members, similar in zip(names, groups, pairs, strict=True)
    ]
    return found, {name: chosen[at].tolist() for name, at in zip(names, places, strict=True)}


def _mean_within(profiles: Profiles, group: Int64) -> float | None:
    """The mean similarity of two features of one group; None if each is alone."""
    import numpy as np

    first, second = np.triu_indices(len(group), 1)
    similar = profiles.similarity[first, second][group[first] == group[second]]
    return float(similar.mean()) if len(similar) else None


def _check(
    graph: StoredGraph,
    features: int | None,
    groups: int | None,
    similarity: float | None,
    layer_span: int | None,
    position_span: int | None,
) -> None:
    check_whole(graph.properties)
    if groups is not None and similarity is not None:
        raise InvalidArgumentError("give either a number of groups or a similarity", fix="Give one of the two.")
    if similarity is not None and not -1 <= similarity <= 1:
        raise InvalidArgumentError(f"similarity cannot be {similarity}", fix="It must be -1 to 1.")
    for name, value, low in (("features", features, 2), ("groups", groups, 1)):
        if value is not None:
            check_range(name, value, low, MAX_FEATURES)
    for name, value in (("layer_span", layer_span), ("position_span", position_span)):
        if value is not None and value < 0:
            raise InvalidArgumentError(f"{name} cannot be {value}", fix="It must be 0 or more.")


def _places(columns: StoredArrays) -> Int64:
    """The place of each node by layer, position and key, whatever its place in the file: (n,)."""
    import numpy as np

    order = np.lexsort((np.array(columns.keys), columns.position, columns.layer))
    places = np.empty(len(order), np.int64)
    places[order] = np.arange(len(order))
    return places


def _features(graph: StoredGraph, columns: StoredArrays, circuits: Circuits, circuit: str | None) -> Int64:
    """Ordinals of the features that may be grouped: all, or those of a circuit."""
    import numpy as np

    is_feature = (columns.kind == Kind.FEATURE) & circuits.choosable
    if circuit is not None:
        held = np.zeros(len(is_feature), np.bool_)
        held[[node["ordinal"] for node in held_nodes(graph, circuit)]] = True
        is_feature &= held
    at = np.flatnonzero(is_feature)
    if len(at) < 2:
        where = graph.name if circuit is None else f"circuit {circuit!r} of {graph.name}"
        raise InvalidArgumentError(
            f"grouping needs at least two features, and there are {len(at)}",
            where=where,
            fix="Name another graph or circuit (--circuit).",
        )
    return at


def _strongest(features: Int64, influence: Float64, place: Int64, most: int) -> Int64:
    """At most so many of the features, those with most influence, in order of place."""
    import numpy as np

    from circuit_atlas.graph.rounding import rounded

    # In further digits of the influence, the order of nodes in a file shows.
    strongest = features[np.lexsort((place[features], -rounded(influence[features])))[:most]]
    return strongest[np.argsort(place[strongest])]


def _is_near(values: Int32, span: int | None) -> Bool:
    """Whether the values, (k,), of two features differ by `span` at most: (k, k)."""
    import numpy as np

    return np.asarray(np.abs(values[:, None] - values) <= (np.inf if span is None else span))


def _names(
    groups: Sequence[Sequence[Node]], likeness: Sequence[Sequence[float]], tokens: Sequence[str], taken: Collection[str]
) -> list[str]:
    """A name for each group of nodes, none of them twice or in `taken`: with its layers where others have the same, and
    with a number where that does not tell them apart. `likeness` says how much each node is like the rest of its
    group."""
    names = [_group_name(*group, tokens) for group in zip(groups, likeness, strict=True)]
    used = set(taken)
    told = [
        f"{name} ({_layers(group)})" if (names.count(name) > 1 or name in used) and _layers(group) not in name else name
        for name, group in zip(names, groups, strict=True)
    ]
    for i, name in enumerate(told):
        number = 2
        while told[i] in used:
            told[i], number = f"{name} ({number})", number + 1
        used.add(told[i])
    return told


def _group_name(nodes: Sequence[Node], likeness: Sequence[float], tokens: Sequence[str]) -> str:
    """The words that at least half of the nodes' names share, else the name of the node that is most like the others;
    and the token, if it is the same for all."""
    named = [(node.name, like) for node, like in zip(nodes, likeness, strict=True) if not _is_unnamed(node)]
    label = " ".join(shared_words([name for name, _ in named]))
    if not label:
        label = max(named, key=itemgetter(1))[0] if named else _layers(nodes)
    label = printable(" ".join(label.split()))[:_MAX_LABEL]
    position, *others = {node.position for node in nodes}
    if others or position is None or position >= len(tokens):
        return label
    token = " ".join(tokens[position].split()) or ascii(tokens[position])
    return f"{label} on {printable(token)[:_MAX_TOKEN]}"


def shared_words(names: Sequence[str]) -> list[str]:
    """At most three words that at least half of some names contain, and two of them: the most frequent first, each as
    it is spelled where it comes first."""
    spelled: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for name in names:
        words = {word.lower(): word for word in _WORD.findall(name)}
        spelled = words | spelled
        counts.update(word for word in words if word not in _EMPTY_WORDS)
    # Words of equal counts stay in the order in which they came.
    return [spelled[word] for word, count in counts.most_common(_MAX_WORDS) if count >= max(2, len(names) / 2)]


def _is_unnamed(node: Node) -> bool:
    return node.name == feature_name(node.layer, node.index, node.component)


def _layers(nodes: Sequence[Node]) -> str:
    layers = sorted({node.layer for node in nodes if node.layer is not None})
    return f"layer {layers[0]}" if len(layers) == 1 else f"layers {layers[0]}-{layers[-1]}"


def _notes(wanted: int | None, made: int, has_any: bool) -> list[str]:
    notes = []
    if wanted is not None and made > wanted:
        notes.append(
            f"{made} groups are left, features alone among them: any further merge would make a cycle or a wider span."
        )
    if not has_any:
        notes.append("No two features may be in one group: ask for fewer groups, a lower similarity, or wider spans.")
    return notes


def _notes_on_others(others: Rows, members: dict[str, list[int]], edges: PackedEdges, n: int) -> list[str]:
    """Notes on the graph's other supernodes, from rows of supernodes.list: the members that they share with the
    suggested ones, and the cycles that they close."""
    import numpy as np

    from circuit_atlas.graph.collapse import collapse_edges, group_nodes
    from circuit_atlas.graph.order import topological_order

    if not others or not members:
        return []
    notes = []
    held = {row["name"]: tuple(node["ordinal"] for node in row["members"]) for row in others}
    doubled = {ordinal for ordinals in members.values() for ordinal in ordinals}.intersection(
        ordinal for ordinals in held.values() for ordinal in ordinals
    )
    if doubled:
        notes.append(
            f"{len(doubled)} of the features are in other supernodes, too: a node counts only in its last one."
        )
    groups = [Supernode(name=name, members=ordinals) for name, ordinals in [*held.items(), *members.items()]]
    grouping = group_nodes(n, groups)
    if topological_order(collapse_edges(edges, grouping), np.zeros(len(grouping.groups))) is None:
        notes.append("With the other supernodes of the graph, the collapsed graph has cycles.")
    return notes
