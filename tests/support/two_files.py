"""What two graph files share, found from the files alone: nothing of the project is used."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from support import oracle


class File:
    """Nodes of a JSON graph by identity, and edges between identities."""

    def __init__(self, path: Path, align: str) -> None:
        document = oracle.read_document(path)
        self.tokens: list[str] = document["metadata"]["prompt_tokens"]
        self.align, self.rows = align, document["nodes"]
        self.found = oracle.read_file(path)
        self.identities = [self.identity(row) for row in self.rows]
        self.influence: dict[str, float] = defaultdict(float)
        for identity, value in zip(self.identities, self.node_influence(), strict=True):
            self.influence[identity] += value
        self.weight: dict[tuple[str, str], float] = defaultdict(float)
        for source, target, weight in self.found.edges:
            self.weight[self.identities[source], self.identities[target]] += weight

    def place(self, position: int) -> str:
        """Where a node is, as positions are compared; both example prompts begin with the same token."""
        if self.align == "feature":
            return ""
        return f"@{position if self.align == 'exact' or position == 0 else position - len(self.tokens)}"

    def identity(self, row: dict[str, Any]) -> str:
        """What makes a node the same as one of another file, from its node_id."""
        first, second, position = row["node_id"].split("_")
        match row["feature_type"]:
            case "embedding":
                return f"token:{self.tokens[int(position)]}{self.place(int(position))}"
            case "logit":
                return f"logit:{second}"
            case "mlp reconstruction error":
                return f"error:{second}{self.place(int(position))}"
            case _:
                return f"feature:{first}/{second}{self.place(int(position))}"

    def node_influence(self) -> np.ndarray:
        """w A + w A^2 + ..., A the matrix of |weights| by target over the sums of its rows, w the probabilities."""
        n = len(self.rows)
        matrix = np.zeros((n, n))
        for source, target, weight in self.found.edges:
            matrix[target, source] = abs(weight)
        matrix /= np.maximum(matrix.sum(axis=1, keepdims=True), 1e-10)
        step = np.array([row["token_prob"] if row["feature_type"] == "logit" else 0.0 for row in self.rows])
        total = np.zeros(n)
        while (step := step @ matrix).any():
            total += step
        return total

    def best_paths(self, k: int, max_hops: int) -> list[tuple[list[str], float]]:
        """Identities of the nodes of the k best paths, the first by its place and the last as target, and scores."""
        paths = oracle.all_paths(self.found.edges, self.found.tokens, [self.found.top_logit], max_hops)
        best = []
        for score, nodes, _ in oracle.best_paths(paths, k):
            first, *rest = [self.identities[node] for node in nodes]
            place = first if self.align == "feature" else f"token@{first.rpartition('@')[2]}"
            best.append(([place, *rest[:-1], "target"], score))
        return best


def jaccard(a: dict[Any, float], b: dict[Any, float]) -> float:
    """Sum of the smaller over sum of the larger weights; what is negative is something else than what is positive."""
    signed = [{(key, value > 0): abs(value) for key, value in weights.items()} for weights in (a, b)]
    keys = signed[0].keys() | signed[1].keys()
    pairs = [(signed[0].get(key, 0.0), signed[1].get(key, 0.0)) for key in keys]
    return sum(map(min, pairs)) / sum(map(max, pairs))
