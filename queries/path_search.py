"""The arguments of a path search, apart from its targets and the number of paths."""

from __future__ import annotations

from dataclasses import dataclass, field

from circuit_atlas.queries.edge_value import EdgeValue

_SUMS = ("mean", "sum")


@dataclass(frozen=True)
class PathSearch:
    """Nodes are given by their keys; an empty list of `kinds` and the like means all."""

    sources: list[str] | None  # None: all tokens
    score: str
    sign: int
    max_hops: int
    kinds: list[str] = field(default_factory=list)
    layers: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    avoid: list[str] = field(default_factory=list)
    must_pass: list[str] = field(default_factory=list)
    min_weight: float = 0.0
    edge_value: EdgeValue | None = None

    @property
    def is_restricted(self) -> bool:
        """Whether it needs other bounds than those made at ingest, which are for sums over all paths."""
        passing = (self.sources, self.kinds, self.layers, self.positions, self.avoid, self.must_pass)
        return any(passing) or self.min_weight > 0 or self.edge_value is not None or self.score not in _SUMS
