"""Which paths are meant: what searches, counts and distributions of paths are asked, apart from the targets."""

from __future__ import annotations

from dataclasses import dataclass, field

from circuit_atlas.queries.contrast_results import Contrast
from circuit_atlas.queries.edge_value import EdgeValue

_SUMS = ("mean", "sum")


@dataclass(frozen=True)
class PathSearch:
    """Nodes are given by their keys; an empty list of `kinds` and the like means all.

    `order` is 1 for the largest score first, -1 for the smallest. `sign` is 1 for paths that promote, -1 for those that
    inhibit, 0 for all. A path passes a node of each of the lists in `must_pass`.
    """

    sources: list[str] | None  # None: all tokens
    max_hops: int
    min_hops: int = 1
    score: str = "mean"
    order: int = 1
    sign: int = 0
    kinds: list[str] = field(default_factory=list)
    layers: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    avoid: list[str] = field(default_factory=list)
    must_pass: list[list[str]] = field(default_factory=list)
    within: list[str] = field(default_factory=list)  # all nodes that paths may pass
    min_weight: float = 0.0
    edge_value: EdgeValue | None = None
    contrast: Contrast | None = None  # where paths end, instead of at targets

    @property
    def restrictions(self) -> list[str]:
        """Why the search does not mean all paths between its ends, apart from their number of hops, in words."""
        given = {
            {1: "sign promoting", -1: "sign inhibiting", 0: ""}[self.sign]: self.sign != 0,
            "kinds": self.kinds,
            "layers": self.layers,
            "positions": self.positions,
            "nodes to avoid": self.avoid,
            "nodes to pass": self.must_pass,
            "circuit": self.within,
            "least weight": self.min_weight > 0,
        }
        return [words for words, is_given in given.items() if is_given]

    @property
    def is_restricted(self) -> bool:
        """Whether it has `restrictions`."""
        return bool(self.restrictions)

    @property
    def needs_bounds(self) -> bool:
        """Whether it needs other bounds than those made at ingest, which are for sums over all paths from tokens."""
        others = self.sources is not None or self.edge_value is not None or self.score not in _SUMS
        return others or self.is_restricted or self.contrast is not None
