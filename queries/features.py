"""Queries about transcoder features across graphs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from circuit_atlas.database import Database, Rows
from circuit_atlas.errors import AmbiguousNodeError, InvalidArgumentError, NodeNotFoundError
from circuit_atlas.queries.addresses import resolve_feature
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.checks import check_range, no_graphs
from circuit_atlas.queries.feature_results import (
    FeatureActivation,
    FeatureActivations,
    FeatureIdentity,
    SharedFeature,
    SharedFeatures,
)
from circuit_atlas.queries.graph_sets import (
    apart,
    foreign_notes,
    mixed_notes,
    old_notes,
    prompt_rows,
    same_outside_notes,
    undefined_notes,
)
from circuit_atlas.queries.graphs import find_graph
from circuit_atlas.queries.neighbor_results import Neighbor
from circuit_atlas.queries.node_rows import titled, to_node
from circuit_atlas.queries.one_answer import changed, note_versions, one_answer
from circuit_atlas.queries.search import spelled_alike
from circuit_atlas.schema.batches import batches
from circuit_atlas.schema.keys import Component, Kind, feature_place, parse_key
from circuit_atlas.schema.limits import MAX_MATCHES, MAX_NEIGHBORS, MAX_ROWS
from circuit_atlas.suggestions import did_you_mean

_SHOWN = 50  # features that an error lists
_PLACE = re.compile(r"(?:feature:)?(\d{1,9})/(lorsa/)?(\d{1,15})(?:@\d+)?")


def find_feature(
    database: Database, address: str, *, graph: str | None = None, model: str = "", source_set: str = ""
) -> FeatureIdentity:
    """The transcoder feature that an address means.

    Args:
        database: the database.
        address: `layer/index`, `layer/lorsa/index` for an attention feature, a node's key (its position does not
            count), or an explanation; with a graph, any address of one of its nodes, as in `resolve`.
        graph: a graph's name.
        model: only features of this language model.
        source_set: only features of this set of transcoders.

    Raises:
        NodeNotFoundError: no graph has such a feature.
        AmbiguousNodeError: several features match; they are listed.
        InvalidArgumentError: the node is not a feature.
    """
    if graph is not None:
        node = resolve_feature(find_graph(database, graph), address)
        found = ask(database, "nodes.get", graph=graph, key=node.key)[0]["transcoder_feature"]
        if found is None:
            raise InvalidArgumentError(
                f"{node.key} of {graph!r} is not a feature", fix="Name a feature, such as 20/44686."
            )
        feature = to_feature(found)
        if model not in ("", feature.model) or source_set not in ("", feature.source_set):
            raise NodeNotFoundError(
                f"{node.key} of {graph!r} is a feature of {feature.model} / {feature.source_set}",
                fix="Leave out the graph, or the model and the set of transcoders (--model, --source-set).",
            )
        return feature
    place = _PLACE.fullmatch(address)
    what = _asked(place) if place else {"name": address}
    rows = ask(database, "features.find", model=model, source_set=source_set, **what)
    alike: list[str] = []
    if not rows and place:
        others = ask(database, "features.in_layer", layer=int(place[1]), model=model, source_set=source_set)
        alike = [feature_place(int(place[1]), row["index"], row["component"]) for row in others]
    elif not rows:
        alike = spelled_alike(database, address, model=model, source_set=source_set, features=True)
        same = [name for name in alike if name.lower() == address.lower()]
        rows = [
            row
            for name in same
            for row in ask(database, "features.find", name=name, model=model, source_set=source_set)
        ]
    features = [to_feature(row["feature"]) for row in rows]
    alike = [name for name in alike if name != address]  # of another set than the one asked for
    if not features:
        forms = "Give layer/index, an explanation that is shown, or a graph and one of its nodes."
        raise NodeNotFoundError(
            f"no graph has a feature {address!r}{f' of {source_set}' if source_set else ''}",
            fix=f"{_suggested(place, address, alike)} {forms}".strip(),
        )
    if len(features) > 1:
        is_one_set = bool(model and source_set)
        listed = [f.place + ("" if is_one_set else f" --model {f.model} --source-set {f.source_set}") for f in features]
        shown = [*listed[:_SHOWN], *["..."] * (len(listed) > _SHOWN)]
        raise AmbiguousNodeError(
            f"{address!r} matches {len(features)}{' or more' * (len(features) == MAX_MATCHES)} transcoder features",
            candidates=listed,
            fix="Give one of these:\n" + "\n".join(f"    {line}" for line in shown),
        )
    return features[0]


def is_lorsa(address: str) -> bool | None:
    """Whether an address is of an attention feature; None where it is no layer and index."""
    place = _PLACE.fullmatch(address)
    return None if place is None else place[2] is not None


def _asked(place: re.Match[str]) -> dict[str, Any]:
    component = Component.LORSA.value if place[2] else ""
    return {"layer": int(place[1]), "index": int(place[3]), "component": component}


def _suggested(place: re.Match[str] | None, text: str, alike: list[str]) -> str:
    """A sentence that names features of the same layer, or explanations like a text; empty if there are none."""
    if place:
        return did_you_mean(f"{place[1]}/{place[2] or ''}{place[3]}", alike)
    meant = did_you_mean(text, alike)
    if meant or not alike or text.isdigit():
        return meant
    return f"Explanations with similar words: {', '.join(map(repr, alike[:3]))}."


@one_answer
def show_feature(
    database: Database,
    address: str,
    *,
    graph: str | None = None,
    model: str = "",
    source_set: str = "",
    graphs: Sequence[str] = (),
    tags: Sequence[str] = (),
    k: int = 10,
    neighbors: int = 3,
) -> FeatureActivations:
    """Every graph in which a transcoder feature is active, how strongly, and its strongest direct effects there.

    Args:
        database: the database.
        address: the feature, as in `find_feature`.
        graph: see `find_feature`.
        model: see `find_feature`.
        source_set: see `find_feature`.
        graphs: show only these graphs, and those of `tags`; all graphs when both are empty.
        tags: show only the graphs with these tags, and `graphs`.
        k: in how many graphs, 1 to 1,000: those in which the feature has the most influence.
        neighbors: how many direct effects each way, 0 to 100.

    Raises:
        NodeNotFoundError, AmbiguousNodeError: no feature matches, or several do.
        InvalidArgumentError: an argument is out of range, or the node is not a feature.
        GraphNotFoundError, NotFoundError: see `graph_set`.
    """
    check_range("k", k, 1, 1000)
    check_range("neighbors", neighbors, 0, 100)
    feature = find_feature(database, address, graph=graph, model=model, source_set=source_set)
    which = feature.model_dump(include={"model", "source_set", "layer", "index"})
    asked = prompt_rows(database, graphs, tags)
    chosen = [row["graph"] for row in asked]
    rows = ask(database, "features.show", graphs=chosen, k=k, neighbors=neighbors, **which)
    if not rows and not chosen:  # the last graph that it was active in may have been deleted since it was found
        feature = find_feature(database, address, graph=graph, model=model, source_set=source_set)
    for row in rows:
        if row["version"] is None:
            raise changed(row["graph"])
        note_versions({row["graph"]: row["version"] or None})
    nodes = titled(
        database,
        ((row["graph"], to_node(found["node"])) for row in rows for found in (row, *row["inputs"], *row["outputs"])),
    )

    def neighbors_of(graph: str, found: Rows) -> list[Neighbor]:
        return [Neighbor(node=nodes[graph, row["node"]["key"]], weight=row["weight"]) for row in found]

    activations = [
        FeatureActivation(
            graph=row["graph"],
            node=nodes[row["graph"], row["node"]["key"]],
            activation=row["node"]["activation"],
            influence=row["node"]["influence"],
            inputs=neighbors_of(row["graph"], row["inputs"]),
            outputs=neighbors_of(row["graph"], row["outputs"]),
        )
        for row in rows
    ]
    cut = [f"Only {MAX_ROWS:,} activations are shown; ask for fewer graphs (-k)."] if len(rows) >= MAX_ROWS else []
    return FeatureActivations(
        feature=feature,
        total=rows[0]["total"] if rows else 0,
        activations=activations,
        notes=[*cut, *undefined_notes([*asked, *rows]), *old_notes(database, asked)],
    )


def common_features(database: Database, *graphs: str, tags: Sequence[str] = (), k: int = 20) -> SharedFeatures:
    """The transcoder features that are active in every graph of a set, at any position; `only_features` with nothing
    excluded.

    Args:
        database: the database.
        graphs: names of graphs.
        tags: tags of further graphs; aggregates and collapsed graphs with these tags are left out.
        k: how many, 1 to 10,000.

    Raises:
        InvalidArgumentError: no graph was named or is left, or k is out of range.
        GraphNotFoundError, NotFoundError: see `graph_set`.
    """
    return only_features(database, *graphs, tags=tags, k=k)


@one_answer
def only_features(
    database: Database,
    *graphs: str,
    tags: Sequence[str] = (),
    without: Sequence[str] = (),
    without_tags: Sequence[str] = (),
    k: int = 20,
) -> SharedFeatures:
    """The transcoder features that are active in every graph of a set and in none of another, at any position.

    Those with the most influence in the graph where they have the least come first.

    Args:
        database: the database.
        graphs: names of graphs.
        tags: tags of further graphs.
        without: names of graphs in which they are not active.
        without_tags: tags of further such graphs. A graph of both sets counts in the one where it is named, else in the
            first.
        k: how many, 1 to 10,000.

    Raises:
        InvalidArgumentError: no graph was named, a graph is named in both sets, the sets are the same, or an argument
            is out of range.
        GraphNotFoundError, NotFoundError: see `graph_set`.
    """
    check_range("k", k, 1, MAX_NEIGHBORS)
    inside, outside = prompt_rows(database, graphs, tags), prompt_rows(database, without, without_tags)
    if not inside:
        raise no_graphs()
    both = {row["graph"]: row for row in (*inside, *outside)}
    names, others = [row["graph"] for row in inside], [row["graph"] for row in outside]
    chosen, excluded, notes = apart(names, others, graphs, without)
    rows = ask(database, "features.only", graphs=chosen, without=excluded, k=k)
    inside, outside = [both[name] for name in chosen], [both[name] for name in excluded]
    notes += foreign_notes(inside, outside) + undefined_notes(inside) + old_notes(database, both.values())
    if not rows:
        notes += mixed_notes(inside) + same_outside_notes(inside, outside)
    features = [
        SharedFeature(feature=to_feature(row["feature"]), influence=row["influence"], occurrences=row["occurrences"])
        for row in rows
    ]
    return SharedFeatures(
        graphs=chosen, without=excluded, total=rows[0]["total"] if rows else 0, features=features, notes=notes
    )


def named_features(database: Database, keys: Iterable[str], graph: dict[str, Any]) -> dict[str, FeatureIdentity]:
    """The transcoder features of keys without position, such as feature:20/44686, by key; other keys are left out.

    Args:
        database: the database.
        keys: the keys.
        graph: the properties of a graph, whose sets of transcoders and lorsas are meant.
    """
    addresses = {key: parse_key(key) for key in keys}
    places = {
        key: (graph["lorsa_source_set" if at.component is Component.LORSA else "source_set"], at.layer, at.index)
        for key, at in addresses.items()
        if at is not None and at.kind is Kind.FEATURE
    }
    found = {}
    for some in batches(places.values(), MAX_ROWS):
        for row in ask(database, "features.named", model=graph["model"], places=[list(place) for place in some]):
            feature = to_feature(row["feature"])
            found[feature.source_set, feature.layer, feature.index] = feature
    return {key: found[place] for key, place in places.items() if place in found}


def to_feature(properties: dict[str, Any]) -> FeatureIdentity:
    """The transcoder feature of a row."""
    return FeatureIdentity(**{name: properties.get(name) for name in FeatureIdentity.model_fields})
