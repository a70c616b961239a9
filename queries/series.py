"""Series: how features, a path or a circuit move along graphs that follow each other, such as those of one prompt at
each of its positions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from functools import partial
from itertools import chain
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from circuit_atlas.database import Database
from circuit_atlas.errors import AmbiguousNodeError, AtlasError, InvalidArgumentError, NodeNotFoundError
from circuit_atlas.printable import first_of
from circuit_atlas.queries.added_up import check_sources, each_graph, read_nodes
from circuit_atlas.queries.addresses import called_by_rank, notes_on_ranks, resolve
from circuit_atlas.queries.age import age_notes
from circuit_atlas.queries.aggregates import aggregated_sources, is_aggregate
from circuit_atlas.queries.checks import check_choice, check_range, no_graphs
from circuit_atlas.queries.circuits import held_nodes
from circuit_atlas.queries.contrast import contrast_of
from circuit_atlas.queries.contrast_results import Contrast, pruned_effects, signed_sum
from circuit_atlas.queries.feature_results import FeatureIdentity, placed_name
from circuit_atlas.queries.features import find_feature, is_lorsa, named_features
from circuit_atlas.queries.graph_sets import graph_set
from circuit_atlas.queries.graphs import StoredGraph, find_graph
from circuit_atlas.queries.influence import influences_of, is_defined
from circuit_atlas.queries.one_answer import one_answer
from circuit_atlas.queries.path_results import Path
from circuit_atlas.queries.paths import search_paths
from circuit_atlas.queries.same_features import Activations, check_same_transcoders, feature_keys
from circuit_atlas.queries.series_results import Series, SeriesLine, SeriesStep
from circuit_atlas.schema.keys import Kind, split_position
from circuit_atlas.schema.limits import DEFAULT_HOPS, SCORES, SHOWN_MIN_HOPS, SHOWN_SCORE, SHOWN_SIGN

if TYPE_CHECKING:
    from circuit_atlas.graph.circuits import CircuitScores

_MAX_GRAPHS = 1_000
_SHOWN = 10  # graphs in a note


class _Targets(NamedTuple):
    """Addresses of the logits that influence, paths and scores are measured on, and of those that are subtracted; all
    logits if empty."""

    added: Sequence[str]
    minus: Sequence[str]

    @property
    def name(self) -> str | None:
        """The sum as text."""
        if not (self.added or self.minus):
            return None
        added = self.added or ["the most probable logit"]
        return signed_sum([*((1.0, one) for one in added), *((-1.0, one) for one in self.minus)])


class _Found(NamedTuple):
    """The values that a series reads from a graph: influence by key of a feature, None if it is not defined; the best
    path or the error that says why there can be none; the scores of the circuit, and how many of its nodes the graph
    does not have; what else it lacks, with what cannot be computed then; the contrast, if there is one; why it has no
    targets; and those of them that are called as the rank of a logit."""

    step: SeriesStep
    influence: dict[str, float] | None
    path: Path | NodeNotFoundError | None = None
    scores: CircuitScores | None = None
    missing: int = 0
    lacks: Sequence[tuple[str, str]] = ()
    contrast: Contrast | None = None
    no_target: AtlasError | None = None
    called: Sequence[str] = ()


class _Question(NamedTuple):
    """The question of a series to each graph: the influence of features, by key without position, of all if none is
    given; the best path that passes some nodes; the scores of a circuit of another graph, `of`, by the keys of its
    nodes."""

    on: _Targets
    keys: Collection[str]
    is_influence_asked: bool
    must_pass: Sequence[str]
    score: str
    of: str | None
    held: Sequence[str]


@one_answer
def series(
    database: Database,
    *graphs: str,
    tags: Sequence[str] = (),
    features: Sequence[str] = (),
    must_pass: Sequence[str] = (),
    score: str | None = None,
    circuit: str | None = None,
    of: str | None = None,
    targets: Sequence[str] = (),
    minus: Sequence[str] = (),
    k: int | None = None,
) -> Series:
    """How features, a path or a circuit move along graphs that follow each other.

    They are in the order in which they are named; those of tags follow by name, numbers in names by their value, so
    that `capital@9` comes before `capital@10`.

    Args:
        database: the database.
        graphs: names of graphs, up to 1,000 with those of the tags.
        tags: tags of further graphs; aggregates and collapsed graphs with these tags are left out.
        features: features whose influence is followed, at any position, see `find_feature`; when nothing is asked for,
            the `k` whose influence changes most, from the smallest to the largest (0 where one is not active).
        must_pass: the best promoting path that passes all of these is followed, from a token to the most probable logit
            of each graph, see `search_paths`.
        score: with `must_pass`, what paths are ranked by, see `search_paths`; by default `product`.
        circuit: name of a circuit that is followed: its scores in each graph, where its features are found by layer and
            index, first at the same position, as in `score_circuit`.
        of: name of the graph that has the circuit.
        targets: addresses of the logits that influence and scores are measured on, and where paths end, in each graph.
            When empty, all logits, each weighted by its probability; paths end at the most probable one.
        minus: addresses of logits that are subtracted from the targets, see `contributors`.
        k: how many features, 1 to 100, where nothing is asked for; by default 5.

    Raises:
        InvalidArgumentError: no graph or too many are named, they have different models or sets of transcoders, one is
            a collapsed graph or an aggregate; or an argument is out of range.
        NodeNotFoundError, AmbiguousNodeError: a feature does not exist; or no graph has a node to pass, or the targets.
        CircuitNotFoundError: the graph has no such circuit.
        GraphNotFoundError, NotFoundError: see `graph_set`.
    """
    if (circuit is None) != (of is None):
        raise InvalidArgumentError(
            "a circuit needs the graph that has it", fix="Give both (--circuit, --of), or neither."
        )
    is_named = bool(features or must_pass or circuit is not None)
    _check(k, score, is_named=is_named, has_paths=bool(must_pass))
    sources = _in_order(database, graphs, tags)
    named = {_key(one): one for one in (_followed(database, sources[0]["graph"], address) for address in features)}
    followed = list(named.values())
    other = None if of is None else find_graph(database, of)
    held = [node["key"] for node in held_nodes(other, circuit)] if other and circuit is not None else []
    if other:
        check_same_transcoders(other, find_graph(database, sources[0]["graph"]["name"]))
    question = _Question(
        on=_Targets(targets, minus),
        keys={_key(feature) for feature in followed},
        is_influence_asked=bool(features) or not is_named,
        must_pass=must_pass,
        score=score or SHOWN_SCORE,
        of=of,
        held=held,
    )
    found = list(each_graph(database, sources, partial(_read, question), title="graphs"))
    absent = [one.no_target for one in found if one.no_target]
    if len(absent) == len(found):
        raise absent[0]
    measured_on, lines = question.on.name, []
    notes = [*_notes(found), *_target_notes(found, measured_on), *_pruned_note(found, measured_on)]
    notes += notes_on_ranks({one.step.graph: one.called for one in found if not one.no_target})
    if other and circuit is not None:
        notes = [*_circuit_notes(found, circuit, other, len(feature_keys(held))), *notes]
        notes += age_notes(database, other.properties)
    if must_pass:
        lines.append(_path_line(found, must_pass, question.score, is_alone=not features and other is None))
        if all(value is None for value in lines[-1].values):
            notes.append(_no_path(found, must_pass))
    for measure in ("influence", "replacement", "completeness") if other else ():
        values = [one.scores and getattr(one.scores, measure) for one in found]
        lines.append(SeriesLine(measure=measure, name=f"circuit {circuit}", values=values))
    is_chosen = not (features or lines)
    if is_chosen:
        followed = _changing(database, found, sources[0]["graph"], 5 if k is None else k)
    lines += [_feature_line(found, feature) for feature in followed]
    notes += _feature_notes(found, lines, is_chosen=is_chosen)
    return Series(
        steps=[one.step for one in found], lines=lines, chosen=is_chosen, measured_on=measured_on, notes=notes
    )


def _read(question: _Question, graph: StoredGraph) -> _Found:
    """Reads the values that a series asks of a graph."""
    stored, on = find_graph(graph.database, graph.name), question.on
    try:
        contrast = _measured_on(stored, on)
    except (NodeNotFoundError, InvalidArgumentError) as error:  # other graphs of the series may have it
        return _Found(_step(stored, None), None, no_target=error)
    defined = _is_defined(stored, on.added, contrast)
    has_paths = (on.name or stored.logits) and stored.properties["token_nodes"]
    path = _best_path(stored, question) if question.must_pass and has_paths else None
    scores, missing = _scores(stored, question, contrast) if question.of and defined else (None, 0)
    influence = None
    if question.is_influence_asked and defined:
        influence = _influences(stored, on.added, contrast, question.keys)
    lacks = _lacking(stored, question, is_defined=defined)
    shown = path if isinstance(path, Path) else None
    called = called_by_rank(stored, [*on.added, *on.minus])
    return _Found(_step(stored, shown), influence, path, scores, missing, lacks, contrast, called=called)


def _check(k: int | None, score: str | None, *, is_named: bool, has_paths: bool) -> None:
    """Refuse values that are out of range, or have no effect."""
    if k is not None:
        check_range("k", k, 1, 100)
        if is_named:
            raise InvalidArgumentError("k has no effect if something to follow is named", fix="Leave k (-k) out.")
    if score is not None:
        check_choice("score", score, SCORES)
        if not has_paths:
            raise InvalidArgumentError(
                "score has no effect without nodes to pass", fix="Name them (--must-pass), or leave --score out."
            )


def _in_order(database: Database, graphs: Sequence[str], tags: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of aggregates.sources, in the order of the series."""
    named = list(dict.fromkeys(graphs))
    chosen = graph_set(database, graphs, tags)
    if not chosen:
        raise no_graphs()
    sources = {row["graph"]["name"]: row for row in aggregated_sources(database, named, tags)}
    check_sources(list(sources.values()), "the series")
    if len(sources) > _MAX_GRAPHS:
        raise InvalidArgumentError(
            f"a series has at most {_MAX_GRAPHS:,} graphs, not {len(sources):,}", fix="Name fewer graphs."
        )
    return [
        sources[name]
        for name in [*named, *sorted(sources.keys() - set(named), key=lambda name: (_natural(name), name))]
    ]


def _natural(name: str) -> list[tuple[int, int | str]]:
    """The key by which names are sorted, so that numbers in them count by their value."""
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in re.split(r"(\d+)", name)]


def _followed(database: Database, graph: dict[str, Any], address: str) -> FeatureIdentity:
    """The feature that an address means, of the transcoders or lorsas of a graph."""
    lorsa = is_lorsa(address) if graph["lorsa_source_set"] else False
    found, missing = [], None
    for name in {None: ("source_set", "lorsa_source_set"), True: ("lorsa_source_set",), False: ("source_set",)}[lorsa]:
        try:
            found.append(find_feature(database, address, model=graph["model"], source_set=graph[name]))
        except NodeNotFoundError as error:
            missing = error
    if len(found) == 2:
        places = [feature.place for feature in found]
        raise AmbiguousNodeError(
            f"{address!r} is a feature of the transcoders and one of the lorsas",
            candidates=places,
            fix=f"Give {places[0]} or {places[1]}.",
        )
    if missing and not found:
        raise missing
    return found[0]


def _step(graph: StoredGraph, path: Path | None) -> SeriesStep:
    tokens, best = graph.properties.get("tokens"), next(iter(graph.logits), None)
    return SeriesStep(
        graph=graph.name,
        position=graph.properties["n_pos"] - 1,
        token=tokens[-1] if tokens else None,
        target=best and best["name"],
        probability=best and best["probability"],
        path=path,
    )


def _measured_on(graph: StoredGraph, on: _Targets) -> Contrast | None:
    """The contrast of the targets in a graph, if there is one. A token or feature of the same name is not meant.

    Raises:
        NodeNotFoundError: the graph has not all of the targets.
        AmbiguousNodeError: several of its logits match.
        InvalidArgumentError: they cannot be subtracted from each other.
    """
    for address in (*on.added, *on.minus):
        try:
            is_logit = resolve(graph, address, prefer=Kind.LOGIT).kind is Kind.LOGIT
        except AmbiguousNodeError as error:
            if any(candidate.startswith(f"{Kind.LOGIT}:") for candidate in error.candidates):
                raise
            is_logit = False
        if not is_logit:
            raise NodeNotFoundError(f"no logit matches {address!r}", where=graph.name, fix="Name logits of the graphs.")
    contrast = contrast_of(graph, on.added, on.minus, None)
    if contrast:
        from circuit_atlas.queries.stored_arrays import read_arrays

        read_arrays(graph, contrast=contrast)  # which raises if its parts cancel
    return contrast


def _is_defined(graph: StoredGraph, targets: Sequence[str], contrast: Contrast | None) -> bool:
    """Whether influence on the targets is defined."""
    if not (targets or contrast):
        return is_defined(graph)
    if graph.properties["acyclic"]:
        return True
    try:
        influences_of(graph, targets, contrast)
    except InvalidArgumentError:  # there is a cycle without a way out
        return False
    return True


def _influences(
    graph: StoredGraph, targets: Sequence[str], contrast: Contrast | None, asked: Collection[str]
) -> dict[str, float]:
    """The influence of the features of a graph that are asked for, of all if none is, by key without position."""
    sums: dict[str, float] = {}
    if targets or contrast:
        from circuit_atlas.queries.stored_arrays import read_arrays

        keys = [split_position(key)[0] for key in read_arrays(graph).keys]
        values = influences_of(graph, targets, contrast) or []
    else:
        [nodes] = read_nodes([graph], "feature", prefix="feature:")
        keys, values = nodes.identity, nodes.influence.tolist()
    for key, influence in zip(keys, values, strict=True):
        if key in asked if asked else key.startswith("feature:"):
            sums[key] = sums.get(key, 0.0) + influence
    return sums


def _best_path(graph: StoredGraph, question: _Question) -> Path | NodeNotFoundError | None:
    try:
        found = search_paths(
            graph,
            targets=question.on.added,
            minus=question.on.minus,
            must_pass=question.must_pass,
            score=question.score,
            sign=SHOWN_SIGN,
            min_hops=SHOWN_MIN_HOPS,
            max_hops=DEFAULT_HOPS,
            k=1,
        )
    except NodeNotFoundError as error:  # it may be in another graph of the series
        return error
    return found.paths[0] if found.paths else None


def _path_line(found: Sequence[_Found], must_pass: Sequence[str], score: str, *, is_alone: bool) -> SeriesLine:
    """The line of the path. It is an error if no graph has a node to pass; if nothing else is followed, also if no
    graph with the targets has it."""
    missing = _missing_node(found)
    if missing and (is_alone or not any(one.no_target for one in found)):
        raise missing
    values = [one.path.score if isinstance(one.path, Path) else None for one in found]
    return SeriesLine(measure=score, name=f"best path through {', '.join(must_pass)}", values=values)


def _missing_node(found: Sequence[_Found]) -> NodeNotFoundError | None:
    """The error about a node to pass, if no graph that has the targets has it."""
    errors = [one.path for one in found if isinstance(one.path, NodeNotFoundError)]
    return errors[0] if errors and len(errors) == sum(one.no_target is None for one in found) else None


def _lacking(graph: StoredGraph, question: _Question, *, is_defined: bool) -> list[tuple[str, str]]:
    """The things asked for that a graph lacks, each with what cannot be computed without it."""
    undefined, is_path_asked, is_scored = not is_defined, bool(question.must_pass), question.of is not None
    lacks = [("a defined influence", "values of features")] * (question.is_influence_asked and undefined)
    if not graph.logits:
        return lacks + [("logits", "paths and scores")] * (is_path_asked or is_scored)
    no_tokens = is_path_asked and not graph.properties["token_nodes"]
    return lacks + [("tokens", "paths")] * no_tokens + [("a defined influence", "scores")] * (is_scored and undefined)


def _key(feature: FeatureIdentity) -> str:
    """The key of a feature without position."""
    return f"{Kind.FEATURE}:{feature.place}"


def _feature_line(found: Sequence[_Found], feature: FeatureIdentity) -> SeriesLine:
    values = [None if one.influence is None else one.influence.get(_key(feature)) for one in found]
    return SeriesLine(measure="influence", name=placed_name(feature), feature=feature, values=values)


def _feature_notes(found: Sequence[_Found], lines: Sequence[SeriesLine], *, is_chosen: bool) -> list[str]:
    """Which features have no influence; if they are chosen here and there are none, why."""
    defined = sum(one.influence is not None for one in found)
    if is_chosen and not lines and defined > 1:
        return ["Every feature has the same influence in all of these graphs."]
    if is_chosen and not lines:
        return ["Influence is defined in fewer than two of these graphs, so there is no change to show."]
    features = [line.feature for line in lines if line.feature and defined and not any(line.values)]
    return [f"The feature {feature.place} has no influence in any of the graphs." for feature in features]


def _no_path(found: Sequence[_Found], must_pass: Sequence[str]) -> str:
    """Why there is no path: no graph that has the targets has a node to pass, or none has a path."""
    missing = _missing_node(found)
    if missing:
        return f"No path: {missing.what} in any graph that has the targets."
    return f"No graph has a promoting path of at most {DEFAULT_HOPS} hops through {', '.join(must_pass)}."


def _circuit_notes(found: Sequence[_Found], circuit: str, other: StoredGraph, size: int) -> list[str]:
    """Notes on a circuit, which has `size` features, in the other graphs."""
    notes = []
    if not size and any(one.step.graph != other.name for one in found):
        notes.append(f"Circuit {circuit!r} of {other.name!r} has no features, so it cannot be found in other graphs.")
    if lacking := [f"{one.step.graph} ({one.missing})" for one in found if one.missing]:
        notes.append(f"Features of circuit {circuit!r} ({size} in all) are missing in: {first_of(lacking, _SHOWN)}.")
    last = None if is_aggregate(other.properties) else other.properties["n_pos"] - 1  # has positions of its own
    if longer := [one.step.graph for one in found if one.scores and last not in (None, one.step.position)]:
        notes.append(
            f"Features of the circuit are first looked for at their positions in {other.name!r}. In prompts of another "
            f"length, the same position may be another place: {first_of(longer, _SHOWN)}."
        )
    return notes


def _notes(found: Sequence[_Found]) -> list[str]:
    """Notes on what is missing in which graphs."""
    notes = []
    for what, then in sorted({lack for one in found for lack in one.lacks}):
        without = [one.step.graph for one in found if (what, then) in one.lacks]
        notes.append(f"Graphs without {what}, and so without {then}: {first_of(without, _SHOWN)}.")
    return notes


def _target_notes(found: Sequence[_Found], name: str | None) -> list[str]:
    """Which graphs do not have the targets, and in which they have no sum."""
    absent = [one.step.graph for one in found if isinstance(one.no_target, NodeNotFoundError)]
    notes = [f"Graphs without the target {name}, and so without values: {first_of(absent, _SHOWN)}."] if absent else []
    for reason in sorted({one.no_target.what for one in found if isinstance(one.no_target, InvalidArgumentError)}):
        graphs = [one.step.graph for one in found if one.no_target and one.no_target.what == reason]
        notes.append(f"{name} cannot be measured ({reason}), so there are no values for: {first_of(graphs, _SHOWN)}.")
    return notes


def _pruned_note(found: Sequence[_Found], name: str | None) -> list[str]:
    """A note that effects on a contrast were pruned."""
    pruned = pruned_effects(one.contrast.edge_threshold for one in found if one.contrast)
    return [f"{name} is not stored. {pruned}"] if pruned else []


def _scores(graph: StoredGraph, question: _Question, contrast: Contrast | None) -> tuple[CircuitScores | None, int]:
    """The scores of the circuit, and how many of its nodes the graph does not have; None if it has none. In the graph
    that has the circuit, these are all of its nodes, in others its features."""
    import numpy as np

    from circuit_atlas.queries.circuit_arrays import read_circuits

    is_own = graph.name == question.of
    held = question.held if is_own else feature_keys(question.held)
    circuits, columns = read_circuits(graph, question.on.added, contrast)
    activations, chosen = Activations(graph), np.zeros(len(columns.keys), np.bool_)
    ordinals = [[columns.ordinal[key]] if is_own else activations.of(key) for key in held]
    chosen[[ordinal for some in ordinals for ordinal in some]] = True
    missing = sum(not some for some in ordinals)
    return circuits.score(chosen) if chosen.any() else None, missing


def _changing(database: Database, found: Sequence[_Found], graph: dict[str, Any], k: int) -> list[FeatureIdentity]:
    """The features whose influence changes, most first, then by key."""
    influences = [one.influence for one in found if one.influence is not None]
    number = Counter(key for influence in influences for key in influence)
    # Where a feature is not active, its influence is 0.
    least = {key: inf if graphs == len(influences) else 0.0 for key, graphs in number.items()}
    largest = {key: -value for key, value in least.items()}
    for key, value in chain.from_iterable(influence.items() for influence in influences):
        least[key], largest[key] = min(least[key], value), max(largest[key], value)
    change = {key: largest[key] - least[key] for key in sorted(number)}
    most = [key for key in sorted(change, key=lambda key: -change[key]) if change[key] > 0][:k]
    named = named_features(database, most, graph)
    return [named[key] for key in most if key in named]
