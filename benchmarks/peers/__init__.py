"""Other ways to answer the same questions. Each is a class with

- `Peer(case)`: loads a graph, and prepares what it can before it is asked;
- `best_paths(hops)`: the scores of the 10 best paths of at most that many hops, by mean weight;
- `count(hops)`: the number of paths;
- `neighbors()`: the 10 inputs of the goal with the largest |weight|;
- `subgraph()`: 3 hops back from the goal, the 5 strongest inputs of each node, as edges (source, target).
"""

from __future__ import annotations

PEERS = {
    "Python DFS": "dfs",
    "networkx": "networkx_peer",
    "rustworkx": "rustworkx_peer",
    "igraph": "igraph_peer",
    "DuckDB": "duckdb_peer",
    "ladybug": "ladybug_peer",
    "numpy": "numpy_peer",
}
