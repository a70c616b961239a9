"""How often graphs have each signed shape of three nodes, against random graphs."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from circuit_atlas.database import Database
from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.queries.added_up import doubled_sources, each_graph, sources_of
from circuit_atlas.queries.checks import check_range, no_graphs
from circuit_atlas.queries.graph_sets import old_notes, prompt_rows
from circuit_atlas.queries.graphs import StoredGraph, graph_query
from circuit_atlas.queries.motif_results import GraphMotifCount, MotifCount, Motifs
from circuit_atlas.queries.one_answer import one_answer
from circuit_atlas.schema.limits import MAX_SEED

if TYPE_CHECKING:
    from circuit_atlas.graph.data import Float64, Int64
    from circuit_atlas.graph.motifs import Null

_USUAL = 0.05  # a p-value that random graphs should be able to give
_MAX_RANDOM = 10_000
_MAX_EFFECTS, _MAX_CHAINS = 200_000, 10_000_000  # of a graph; 100 random graphs then take a minute


class _Census(NamedTuple):
    """Counts of one graph, int64 (18,), and of its random graphs, int64 (random, 18)."""

    effects: int
    left_out: int
    observed: Int64
    random: Int64
    ignores_positions: bool


@graph_query
def graph_motifs(
    graph: StoredGraph,
    *,
    random: int = 100,
    seed: int = 0,
    min_weight: float = 0.0,
    strongest: int | None = None,
) -> Motifs:
    """How often a graph has each signed shape of three nodes, and how often random graphs like it have it.

    The random graphs have the same nodes, and each node has as many positive and as many negative inputs and outputs.
    Their effects lead upwards in the model and not to an earlier position. `circuit_atlas.graph.motifs` says what the
    shapes are, and how such graphs are made.

    Args:
        graph: the graph.
        random: number of random graphs, 2 to 10,000.
        seed: 0 to 4,294,967,295; the same seed gives the same random graphs.
        min_weight: leave out effects with a smaller |weight|.
        strongest: count only this many effects, those with the largest |weight|.

    Raises:
        InvalidArgumentError: the graph has a cycle, or too many effects; or an argument is out of range.
        GraphNotFoundError: no such graph is ready.
    """
    _check(random, seed, min_weight, strongest)
    return _answer([graph.name], [_census(graph, random, seed, min_weight, strongest)], random, seed)


@one_answer
def motifs(
    database: Database,
    *graphs: str,
    tags: Sequence[str] = (),
    random: int = 100,
    seed: int = 0,
    min_weight: float = 0.0,
    strongest: int | None = None,
) -> Motifs:
    """How often a set of graphs has each signed shape of three nodes, against random graphs. Counts are added up over
    the graphs, and so are those of the first random graph of each, of the second, and so on.

    Args:
        database: the database.
        graphs: names of graphs.
        tags: tags of further graphs.
        random: see `graph_motifs`; of each graph.
        seed: see `graph_motifs`.
        min_weight: see `graph_motifs`.
        strongest: see `graph_motifs`; of each graph.

    Raises:
        InvalidArgumentError: no graph was named; or see `graph_motifs`.
        GraphNotFoundError, NotFoundError: see `graph_set`.
    """
    _check(random, seed, min_weight, strongest)
    rows = prompt_rows(database, graphs, tags)
    if not rows:
        raise no_graphs()
    sources = sources_of(database, [row["graph"] for row in rows])

    def read(graph: StoredGraph) -> _Census:
        return _census(graph, random, seed, min_weight, strongest)

    with closing(each_graph(database, sources, read, title="graphs")) as found:
        answer = _answer([row["graph"]["name"] for row in sources], list(found), random, seed)
    answer.notes.extend(doubled_sources(sources))
    answer.notes.extend(old_notes(database, rows))
    return answer


def _check(random: int, seed: int, min_weight: float, strongest: int | None) -> None:
    check_range("random", random, 2, _MAX_RANDOM)
    check_range("seed", seed, 0, MAX_SEED)
    check_pruning(min_weight, strongest)


def check_pruning(min_weight: float, strongest: int | None) -> None:
    """Raise InvalidArgumentError unless weak effects can be left out so."""
    if not min_weight >= 0.0:
        raise InvalidArgumentError(f"min_weight cannot be {min_weight}", fix="It must be a |weight|: 0 or more.")
    if strongest is not None and strongest < 1:
        raise InvalidArgumentError(f"strongest cannot be {strongest}", fix="It must be a number of effects: 1 or more.")


def _census(graph: StoredGraph, n_random: int, seed: int, min_weight: float, most: int | None) -> _Census:
    """The counts of a graph. Its random graphs depend on the seed and on its content, not on the other graphs."""
    import numpy as np

    from circuit_atlas.graph.data import ArrayEdges
    from circuit_atlas.graph.motifs import motif_counts, n_chains, random_graphs, signed_edges, strongest
    from circuit_atlas.queries.stored_arrays import read_arrays

    stored = read_arrays(graph)
    if stored.order is None:
        raise InvalidArgumentError(
            "it has a cycle, and random graphs are made for graphs without one",
            where=graph.name,
            fix="Ask the graph that it was collapsed from.",
        )
    every = stored.edges.as_arrays()
    kept = strongest(every.weight, min_weight, most)
    edges = ArrayEdges(every.target[kept], every.source[kept], every.weight[kept])
    signed = signed_edges(edges, stored.depth, stored.order, stored.position)
    chains = n_chains(signed)
    if len(kept) > _MAX_EFFECTS or chains > _MAX_CHAINS:
        raise InvalidArgumentError(
            f"{len(kept):,} effects, which make {chains:,} paths of two effects, are too many to count "
            f"({_MAX_EFFECTS:,} and {_MAX_CHAINS:,} are the limits)",
            where=graph.name,
            fix="Leave out weak effects: --min-weight X or --strongest N (min_weight, strongest).",
        )
    numbers = np.random.default_rng([seed, zlib.crc32(graph.properties["content_hash"].encode())])
    found = np.array([motif_counts(one) for one in islice(random_graphs(signed, numbers), n_random)])
    ignores = bool((stored.position > 0).any() and not signed.position.any())
    return _Census(len(kept), len(every.weight) - len(kept), motif_counts(signed), found, ignores)


def _answer(names: list[str], found: list[_Census], random: int, seed: int) -> Motifs:
    import numpy as np

    from circuit_atlas.graph.motifs import FEWEST_TO_SEE_DRIFT, is_drifting, null_statistics

    observed = np.array([one.observed for one in found])
    alone = [null_statistics(one.observed, one.random) for one in found]
    above = (observed > np.array([null.mean for null in alone])).sum(axis=0).tolist()
    total = observed.sum(axis=0)
    together = null_statistics(total, np.array([one.random for one in found]).sum(axis=0))
    notes = []
    if (smallest := 2 / (random + 1)) > _USUAL:
        mixed = " or show whether they have mixed" if random < FEWEST_TO_SEE_DRIFT else ""
        notes.append(f"{random} random graphs cannot give a p-value below {smallest:.2g}{mixed}: take more (--random).")
    if ignoring := [name for name, one in zip(names, found, strict=True) if one.ignores_positions]:
        notes.append(
            f"The random graphs of {', '.join(ignoring[:3])}{' and others' * (len(ignoring) > 3)} do not keep "
            "positions: a node has none, or an effect leads to an earlier one."
        )
    if drifting := [name for name, one in zip(names, found, strict=True) if is_drifting(one.random)]:
        notes.append(
            f"The random graphs of {', '.join(drifting[:3])}{' and others' * (len(drifting) > 3)} have not mixed "
            "yet, so that |z| is too large: take more (--random), or leave out weak effects (--strongest)."
        )
    return Motifs(
        graphs=names,
        effects=sum(one.effects for one in found),
        left_out=sum(one.left_out for one in found),
        random=random,
        seed=seed,
        shapes=[MotifCount(**fields, graphs_above=above[i]) for i, fields in enumerate(_fields(total, together))],
        by_graph=[
            GraphMotifCount(graph=name, **fields)
            for name, counts, null in zip(names, observed, alone, strict=True)
            for fields in _fields(counts, null)
        ],
        notes=notes,
    )


def _fields(counts: Int64, null: Null) -> list[dict[str, Any]]:
    """The fields of `_Counted` of each signed shape."""
    from circuit_atlas.graph.motifs import SIGNED_SHAPES

    def number(values: Float64, i: int) -> float | None:
        return None if values[i] != values[i] else float(values[i])

    return [
        {
            "shape": shape,
            "signs": signs,
            "count": int(counts[i]),
            "random_mean": float(null.mean[i]),
            "random_sd": float(null.sd[i]),
            "z": number(null.z, i),
            "p_value": float(null.p_value[i]),
        }
        for i, (shape, signs) in enumerate(SIGNED_SHAPES)
    ]
