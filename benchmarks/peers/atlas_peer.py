"""circuit-atlas itself, over Bolt, by its Python API."""

from __future__ import annotations

from benchmarks.cases import STRONGEST, K
from circuit_atlas import Atlas, Connection
from circuit_atlas.queries.ask import ask


class Peer:
    """See `benchmarks.peers`. The graph is in the database already."""

    def __init__(self, connection: Connection, name: str) -> None:
        self.graph = Atlas(connection, timeout=120).graph(name)
        self.goal = self.graph.stats().logits[0].node.key
        columns = ask(self.graph.database, "nodes.columns", graph=name)[0]
        self.place = {key: i for i, key in enumerate(columns["keys"])}

    def best_paths(self, hops: int, k: int = K, sources: tuple[str, ...] = ()) -> list[float]:
        """The k best of at most that many hops, from all tokens when `sources` is empty."""
        return [path.score for path in self.graph.paths(max_hops=hops, k=k, sources=sources).paths]

    def count(self, hops: int) -> int:
        """From the counts stored with the graph."""
        return self.graph.count(max_hops=hops).total

    def neighbors(self) -> list[int]:
        """The strongest inputs."""
        found = self.graph.neighbors(self.goal, direction="in", k=K)
        return [self.place[neighbor.node.key] for neighbor in found.incoming]

    def subgraph(self) -> set[tuple[int, int]]:
        """As one query."""
        found = self.graph.subgraph(self.goal, hops=3, direction="in", k=STRONGEST)
        return {(self.place[e.source], self.place[e.target]) for e in found.direct_effects}
