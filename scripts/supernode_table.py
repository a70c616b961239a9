"""Writes the table of docs/how-to/supernodes.md: suggested groups against the supernodes that people made.

Each row groups the features that are in the supernodes of a graph's file, and says how much the groups are like those
of people: the adjusted Rand index of Hubert and Arabie (1985, "Comparing partitions"), 1 for the same groups and 0 for
what chance gives.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from circuit_table import circuits_of
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from tabulate import tabulate

from circuit_atlas.graph.collapse import collapse
from circuit_atlas.graph.data import KINDS, Bool, GraphData, Int64
from circuit_atlas.graph.groups import Profiles, group_features, read_profiles
from circuit_atlas.graph.order import topological_order
from circuit_atlas.ingest import read_graph
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.models import Supernode
from circuit_atlas.supernodes import SIMILARITY

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "how-to" / "supernodes.md"
GRAPHS = ("opposite-small", "dallas-haiku")  # the example graphs whose files have supernodes
_BEGIN, _END = "<!-- people: written by scripts/supernode_table.py -->", "<!-- end of people -->"


def main() -> None:
    """Entry point."""
    cells = [row for name in GRAPHS for row in rows_of(name)]
    heads = ["graph", "features", "groups", "how they are made", "cycles", "adjusted Rand index"]
    table = tabulate(cells, heads, tablefmt="github", disable_numparse=True)
    head, begin, rest = PAGE.read_text(encoding="utf-8").partition(_BEGIN)
    assert begin
    PAGE.write_text(f"{head}{_BEGIN}\n\n{table}\n\n{_END}{rest.partition(_END)[2]}", encoding="utf-8")


def rows_of(name: str) -> list[list[str]]:
    """The rows of a graph: what people made, what is suggested, and what else could be."""
    data = read_graph(ROOT / "examples" / "graphs" / f"{name}.json")
    features, people = grouped_features(data)
    number = len(set(people.tolist()))
    profiles, layer, position = profiles_of(data, features)
    same = np.asarray(position[:, None] == position)
    anywhere = np.ones_like(same)
    near = np.abs(layer[:, None] - layer) <= 5
    no_cycles = profiles._replace(reaches=np.zeros_like(same), detours=np.zeros_like(same))

    def made(profiles: Profiles, allowed: Bool) -> Int64:
        return group_features(profiles, allowed, groups=number)

    ways = [
        ("by people", people),
        ("by people, split until there is no cycle", made(profiles, people[:, None] == people)),
        ("`suggest`", group_features(profiles, same, similarity=SIMILARITY)),
        ("`suggest --groups`", made(profiles, same)),
        ("`suggest --groups --layer-span 5`", made(profiles, same & near)),
        ("`suggest --groups`, any position", made(profiles, anywhere)),
        ("one position, cycles allowed", made(no_cycles, same)),
        ("any position, cycles allowed (scipy's `linkage`)", by_scipy(profiles, number)),
        ("by position alone", np.unique(position, return_inverse=True)[1]),
    ]
    return [
        [
            name,
            str(len(features)),
            str(len(set(group.tolist()))),
            how,
            "yes" if has_cycle(data, features, group) else "no",
            f"{adjusted_rand_index(people, group):.2f}",
        ]
        for how, group in ways
    ]


def grouped_features(data: GraphData) -> tuple[Int64, Int64]:
    """Ordinals of the features in supernodes, by layer and position, and the supernode of each, (k,) both; a feature in
    several counts in the last."""
    nodes = data.nodes
    owner = {i: number for number, supernode in enumerate(data.supernodes) for i in supernode.members}
    chosen = [i for i in owner if KINDS[nodes.kind[i]] is Kind.FEATURE]
    chosen.sort(key=lambda i: (nodes.layer[i], nodes.position[i], nodes.key(i)))
    return np.array(chosen), np.array([owner[i] for i in chosen])


def profiles_of(data: GraphData, features: Int64) -> tuple[Profiles, Int64, Int64]:
    """Profiles of some features, their layers and their positions."""
    circuits = circuits_of(data)
    assert circuits.order is not None
    profiles = read_profiles(circuits.edges, circuits.order, features, np.arange(len(data.nodes)))
    return profiles, data.nodes.layer[features].astype(np.int64), data.nodes.position[features].astype(np.int64)


def by_scipy(profiles: Profiles, number: int) -> Int64:
    """The groups of average linkage without any condition."""
    distance = squareform(1 - profiles.similarity, checks=False)
    return np.asarray(fcluster(linkage(distance, "average"), number, "maxclust"), np.int64)


def has_cycle(data: GraphData, features: Int64, group: Int64) -> bool:
    """Whether the graph collapsed by groups has a cycle."""
    groups = [features[group == number] for number in np.unique(group)]
    supernodes = tuple(Supernode(name=f"group {i}", members=tuple(at.tolist())) for i, at in enumerate(groups))
    collapsed = collapse(replace(data, supernodes=supernodes))
    return topological_order(collapsed.edges, np.zeros(len(collapsed.nodes))) is None


def adjusted_rand_index(a: Int64, b: Int64) -> float:
    """How much two groupings of the same things are alike, (k,) each: 1 for the same groups, 0 as by chance.

    Of all pairs of things, the number that are together in both, less what chance would give, as a share of what it
    could be at most: the mean of the numbers of pairs that are together in either, less the same.
    """
    table = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(table, (a, b), 1)
    both, in_a, in_b = (pairs(counts) for counts in (table, table.sum(axis=1), table.sum(axis=0)))
    by_chance, most = in_a * in_b / pairs(table.sum()), (in_a + in_b) / 2
    return float((both - by_chance) / (most - by_chance)) if most != by_chance else 1.0


def pairs(counts: np.ndarray) -> float:
    """The number of pairs in groups of these sizes."""
    return float((counts * (counts - 1) / 2).sum())


if __name__ == "__main__":
    main()
