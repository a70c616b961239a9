"""DuckDB: edges sorted by target, the same bounds in a table, the same search as one SQL statement."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from benchmarks.cases import HOPS, STRONGEST, Case, K

_STEP = """
c{r} AS MATERIALIZED (
  SELECT id, hops, u AS node, total, total / hops AS rank FROM p{before} WHERE hops < {r}
  UNION ALL
  SELECT p.id, p.hops, e.source, p.total + e.weight, (p.total + e.weight + b.best) / p.hops
  FROM p{before} p
  JOIN edges e ON e.target = p.u
  JOIN bounds b ON b.hops = p.hops - {r} AND b.node = e.source
  WHERE p.hops >= {r}
  ORDER BY rank DESC LIMIT {k}
),
p{r} AS MATERIALIZED (
  SELECT row_number() OVER () AS id, c.hops, c.node AS u, c.total,
         CASE WHEN c.hops < {r} THEN p.path ELSE [c.node] || p.path END AS path
  FROM c{r} c JOIN p{before} p USING (id)
)"""


class Peer:
    """See `benchmarks.peers`."""

    def __init__(self, case: Case) -> None:
        self.goal = case.goal
        self.db = duckdb.connect()
        self.db.execute("SET threads = 2")
        arrays = pa.table({"target": case.target, "source": case.source, "weight": case.weight})
        self.db.register("arrays", arrays)
        self.db.execute("CREATE TABLE edges AS SELECT * FROM arrays ORDER BY target, source")
        self.db.execute("CREATE TABLE tokens AS SELECT unnest(?::INTEGER[]) AS node", [case.tokens])
        self.db.execute("CREATE TABLE bounds AS SELECT 0 AS hops, node, 0.0::DOUBLE AS best FROM tokens")
        for hops in range(1, max(HOPS)):
            self.db.execute(
                "INSERT INTO bounds SELECT ?, e.target, max(e.weight + b.best) FROM edges e "
                "JOIN bounds b ON b.hops = ? - 1 AND b.node = e.source GROUP BY e.target",
                [hops, hops],
            )

    def best_paths(self, hops: int) -> list[float]:
        """From the goal back, the k prefixes of which most can come."""
        start = (
            f"p0 AS MATERIALIZED (SELECT h AS id, h AS hops, {self.goal}::INTEGER AS u, 0.0::DOUBLE AS total, "
            f"[{self.goal}::INTEGER] AS path FROM range(1, {hops + 1}) AS t(h))"
        )
        steps = [_STEP.format(r=r, before=r - 1, k=K) for r in range(1, hops + 1)]
        sql = f"WITH {','.join([start, *steps])} SELECT path, total / hops AS score FROM p{hops} ORDER BY score DESC"
        return [score for _, score in self.db.execute(sql).fetchall()]

    def count(self, hops: int) -> int:
        """A join with all edges for each hop."""
        steps = ["c0 AS (SELECT node, 1::HUGEINT AS paths FROM tokens)"]
        steps += [
            f"c{r} AS MATERIALIZED (SELECT e.target AS node, sum(c.paths) AS paths FROM edges e "
            f"JOIN c{r - 1} c ON c.node = e.source GROUP BY e.target)"
            for r in range(1, hops + 1)
        ]
        parts = " UNION ALL ".join(f"SELECT paths FROM c{r} WHERE node = {self.goal}" for r in range(1, hops + 1))
        return int(self.db.execute(f"WITH {','.join(steps)} SELECT sum(paths) FROM ({parts})").fetchall()[0][0])

    def neighbors(self) -> list[int]:
        """Sorted by |weight|."""
        sql = "SELECT source FROM edges WHERE target = ? ORDER BY abs(weight) DESC, source LIMIT ?"
        return [source for (source,) in self.db.execute(sql, [self.goal, K]).fetchall()]

    def subgraph(self) -> set[tuple[int, int]]:
        """Three levels, each the strongest inputs of the nodes of the last one."""
        steps = [f"n0 AS (SELECT {self.goal}::INTEGER AS node)"]
        for r in range(1, 4):
            seen = " UNION ALL ".join(f"SELECT node FROM n{i}" for i in range(r))
            steps.append(
                f"e{r} AS MATERIALIZED (SELECT source, target FROM edges WHERE target IN (SELECT node FROM n{r - 1}) "
                f"QUALIFY row_number() OVER (PARTITION BY target ORDER BY abs(weight) DESC, source) <= {STRONGEST})"
            )
            steps.append(
                f"n{r} AS MATERIALIZED (SELECT DISTINCT source AS node FROM e{r} WHERE source NOT IN ({seen}))"
            )
        sql = f"WITH {','.join(steps)} " + " UNION ALL ".join(f"SELECT * FROM e{r}" for r in range(1, 4))
        return set(self.db.execute(sql).fetchall())
