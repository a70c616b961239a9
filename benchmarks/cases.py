"""The graphs that are asked about, and the questions, the same for everyone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from circuit_atlas.examples import example_graph
from circuit_atlas.graph.data import KINDS, GraphData
from circuit_atlas.ingest import read_graph
from circuit_atlas.schema.keys import Kind
from circuit_atlas.synth import Shape, synthesize

K = 10
HOPS = (2, 3, 4, 6)
COUNTED_HOPS = 4
STRONGEST = 5  # inputs of each node in the subgraph
QUESTIONS = ["neighbors", "subgraph", *(f"paths {hops}" for hops in HOPS), "count"]

# As many layers and positions as Gemma-2-2B has on the Dallas prompt.
SHAPES = {
    "77k": Shape(layers=26, positions=11, features_per_layer=16, logits=10, density=0.946, seed=1),
    "1.8M": Shape(layers=26, positions=11, features_per_layer=95, logits=10, density=0.99, seed=1),
    "18.5M": Shape(layers=26, positions=11, features_per_layer=317, logits=10, seed=1),
}
SIZES = ["4.9k", *SHAPES]


@dataclass(frozen=True)
class Case:
    """A graph as arrays: edges in order of target; paths lead from `tokens` to `goal`."""

    n: int
    target: np.ndarray
    source: np.ndarray
    weight: np.ndarray
    tokens: list[int]
    goal: int

    def save(self, path: Path) -> None:
        """Write it where other processes can read it."""
        columns: dict[str, Any] = vars(self)
        np.savez(path, **columns)

    @classmethod
    def load(cls, path: Path) -> Case:
        """Read what `save` wrote."""
        with np.load(path) as file:
            return cls(
                int(file["n"]),
                file["target"],
                file["source"],
                file["weight"],
                file["tokens"].tolist(),
                int(file["goal"]),
            )


def graph_of(size: str) -> GraphData:
    """The graph of a size: the real Dallas graph, or a synthetic one."""
    return read_graph(example_graph("dallas")) if size == "4.9k" else synthesize(SHAPES[size], slug=size)


def case_of(data: GraphData) -> Case:
    """The same graph for those that are not circuit-atlas."""
    blocks = list(data.edges.blocks(1 << 20))
    return Case(
        n=len(data.nodes),
        target=np.concatenate([block.target for block in blocks]),
        source=np.concatenate([block.source for block in blocks]),
        weight=np.concatenate([block.weight for block in blocks]),
        tokens=np.flatnonzero(data.nodes.kind == KINDS.index(Kind.TOKEN)).tolist(),
        goal=int(np.nanargmax(data.nodes.probability)),
    )
