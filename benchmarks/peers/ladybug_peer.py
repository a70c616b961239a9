"""ladybug: an embedded graph database with Cypher, asked for paths of each length."""

from __future__ import annotations

import heapq
import tempfile
from typing import Any

import ladybug
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.cases import Case, K
from benchmarks.peers.base import ByNode


class Peer(ByNode):
    """See `benchmarks.peers`."""

    def __init__(self, case: Case) -> None:
        self.goal = case.goal
        self.folder = tempfile.TemporaryDirectory()
        self.db = ladybug.Connection(ladybug.Database(f"{self.folder.name}/db"), num_threads=2)
        tokens = set(case.tokens)
        nodes = {"id": list(range(case.n)), "token": [i in tokens for i in range(case.n)]}
        pq.write_table(pa.table(nodes), f"{self.folder.name}/nodes.parquet")
        edges = {"from": case.source.astype("int64"), "to": case.target.astype("int64"), "w": case.weight}
        pq.write_table(pa.table(edges), f"{self.folder.name}/edges.parquet")
        self.db.execute("CREATE NODE TABLE N(id INT64 PRIMARY KEY, token BOOL)")
        self.db.execute("CREATE REL TABLE E(FROM N TO N, w DOUBLE)")
        self.db.execute(f"COPY N FROM '{self.folder.name}/nodes.parquet'")
        self.db.execute(f"COPY E FROM '{self.folder.name}/edges.parquet'")

    def rows(self, cypher: str, **parameters: object) -> list[list[Any]]:
        """All rows of a query."""
        result = self.db.execute(cypher, parameters)
        rows = []
        while result.has_next():
            rows.append(result.get_next())
        return rows

    def pattern(self, hops: int) -> str:
        """A path of that many hops from a token to the goal."""
        middle = "".join(f"-[e{i}:E]->(n{i}:N)" for i in range(1, hops))
        return f"MATCH (s:N){middle}-[e{hops}:E]->(t:N) WHERE t.id = $goal AND s.token"

    def best_paths(self, hops: int) -> list[float]:
        """The best of each length."""
        scores: list[float] = []
        for length in range(1, hops + 1):
            total = " + ".join(f"e{i}.w" for i in range(1, length + 1))
            cypher = f"{self.pattern(length)} RETURN ({total}) / {length} AS score ORDER BY score DESC LIMIT {K}"
            scores += [float(row[0]) for row in self.rows(cypher, goal=self.goal)]
        return heapq.nlargest(K, scores)

    def count(self, hops: int) -> int:
        """All paths of each length, counted."""
        return sum(
            int(self.rows(f"{self.pattern(length)} RETURN count(*)", goal=self.goal)[0][0])
            for length in range(1, hops + 1)
        )

    def strongest(self, node: int, k: int) -> list[int]:
        """The k strongest inputs of a node."""
        cypher = f"MATCH (s:N)-[e:E]->(t:N) WHERE t.id = $node RETURN s.id ORDER BY abs(e.w) DESC, s.id LIMIT {k}"
        return [int(row[0]) for row in self.rows(cypher, node=node)]
