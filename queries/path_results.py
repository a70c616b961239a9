"""Result types of queries about paths."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field, PrivateAttr

from circuit_atlas.printable import printable
from circuit_atlas.queries.contrast_results import ContrastResult
from circuit_atlas.results.answer import Edge, GraphResult, Result
from circuit_atlas.results.tables import Cells, linked
from circuit_atlas.results.tidy import Row, Tidy, tidy
from circuit_atlas.schema.models import Node, Record
from circuit_atlas.schema.source_sets import SourceSets


class Path(Record):
    """A path, from source to target."""

    score: float
    hops: int = Field(description="Number of edges")
    nodes: list[Node] = Field(description="hops + 1 nodes, source first")
    weights: list[float] = Field(description="Weight of each edge, in the same order")

    @property
    def promotes(self) -> bool:
        """Whether more of the source means more of the target: an even number of weights is negative."""
        return sum(weight < 0 for weight in self.weights) % 2 == 0

    def __str__(self) -> str:
        steps = [
            f" --({weight:.3g})--> {node.title}" for node, weight in zip(self.nodes[1:], self.weights, strict=True)
        ]
        return printable(self.nodes[0].title + "".join(steps))

    def html(self, sets: SourceSets | None) -> str:
        """The path as HTML. A weight is of the class `promotes` or `inhibits`; see `tables.Cell`."""
        names = [linked(node.title, sets and sets.page(node)) for node in self.nodes]
        steps = (
            f' <span class="{"inhibits" if weight < 0 else "promotes"}">--({weight:.3g})--&gt;</span> {name}'
            for name, weight in zip(names[1:], self.weights, strict=True)
        )
        return names[0] + "".join(steps)

    def __repr__(self) -> str:
        return f"<Path {self.score:.4g}: {self}>"


class AggregatedPath(Path):
    """A path in an aggregate. At most as many graphs have all of it as have the rarest of its effects."""

    graphs: list[int | None] = Field(description="Number of graphs that have each effect; null for one on a contrast")


class PathStep(Record):
    """A node of a path, as a row of data."""

    path: int = Field(description="Place of the path in the answer, from 0")
    score: float = Field(description="Score of the path")
    hops: int = Field(description="Number of edges of the path")
    step: int = Field(description="Place of the node on the path, from 0")
    node: Node
    weight: float | None = Field(description="Weight of the edge that leads to the node; null for the first")


class AggregatedStep(PathStep):
    """A node of a path in an aggregate, as a row of data."""

    graphs: int | None = Field(description="Number of graphs that have that edge; null for the first node")


class Paths(ContrastResult, GraphResult):
    """Paths with their scores, best first."""

    graph: str
    score: str = Field(description="`mean` or `sum` of weights, `bottleneck` or `product` of normalised weights")
    sign: str = Field("any", description="Which paths were asked for: `promoting`, `inhibiting` or `any`")
    paths: list[AggregatedPath | Path]

    _is_smallest_first: bool = PrivateAttr(False)

    def ranks(self) -> list[float]:
        """By score."""
        return [path.score if self._is_smallest_first else -path.score for path in self.paths]

    @property
    def description(self) -> str:
        """A description of the paths, for instance `top 10 promoting paths by product`."""
        which = "" if self.sign == "any" else f"{self.sign} "
        return f"top {len(self.paths)} {which}paths by {self.score}"

    def table(self) -> tuple[list[str], Cells]:
        """A row per path; of an aggregate, with the number of graphs that have its rarest effect."""
        paths = self._aggregated
        if not paths:
            return ["score", "hops", "path"], [[path.score, path.hops, path] for path in self.paths]
        return ["score", "hops", "graphs", "path"], [
            [path.score, path.hops, min((n for n in path.graphs if n is not None), default=None), path]
            for path in paths
        ]

    @property
    def _aggregated(self) -> list[AggregatedPath]:
        """The paths, if they are of an aggregate: then all are."""
        return [path for path in self.paths if isinstance(path, AggregatedPath)]

    def edges(self) -> Iterator[Edge]:
        """The direct effects on the paths."""
        for path in self.paths:
            yield from zip(path.nodes, path.nodes[1:], path.weights, strict=False)

    def _tidy(self) -> dict[str, Tidy]:
        return {"steps": tidy(AggregatedStep if self._aggregated else PathStep, self._steps()), "paths": self._wide()}

    def _steps(self) -> Iterator[PathStep]:
        for number, path in enumerate(self.paths):
            for step, (node, weight) in enumerate(zip(path.nodes, [None, *path.weights], strict=True)):
                found = {"path": number, "score": path.score, "hops": path.hops, "step": step, "node": node}
                if isinstance(path, AggregatedPath):
                    yield AggregatedStep(**found, weight=weight, graphs=[None, *path.graphs][step])
                else:
                    yield PathStep(**found, weight=weight)

    def _wide(self) -> Tidy:
        """A row for each path: `key_0`, `name_0`, then `weight_1`, `key_1`, `name_1` and so on."""
        columns: dict[str, Any] = {"path": int, "score": float, "hops": int, "key_0": str, "name_0": str}
        for step in range(1, max((path.hops for path in self.paths), default=0) + 1):
            columns |= {f"weight_{step}": float | None, f"key_{step}": str, f"name_{step}": str}
        return Tidy(columns, (dict.fromkeys(columns) | row for row in self._wide_rows()))

    def _wide_rows(self) -> Iterator[Row]:
        for number, path in enumerate(self.paths):
            row: Row = {"path": number, "score": path.score, "hops": path.hops}
            for step, node in enumerate(path.nodes):
                row |= {f"key_{step}": node.key, f"name_{step}": node.name}
            yield row | {f"weight_{step}": weight for step, weight in enumerate(path.weights, 1)}


class ScoreDistribution(Result):
    """The distribution of the scores of paths."""

    graph: str
    score: str
    paths: int = Field(description="Number of paths, exact")
    scored: int = Field(description="Number of paths that were scored: all, or a uniform sample")
    seed: int | None = Field(description="Seed of the sample; null when all paths were scored")
    mean: float = Field(description="Mean of the scores")
    standard_deviation: float = Field(description="Standard deviation of the scores")
    quantiles: dict[str, float] = Field(
        description="Share of the scored paths -> the score that this share does not exceed"
    )

    def table(self) -> tuple[list[str], Cells]:
        """A row per quantile."""
        rows: Cells = [[f"{float(share):.0%} at most", f"{value:.4g}"] for share, value in self.quantiles.items()]
        drawn = "all" if self.seed is None else f"a uniform sample of {self.scored:,} (seed {self.seed})"
        return ["", "score"], [
            ["paths", f"{self.paths:,}"],
            ["scored", drawn],
            ["mean", f"{self.mean:.4g}"],
            ["deviation", f"{self.standard_deviation:.4g}"],
            *rows,
        ]

    def _tidy(self) -> dict[str, Tidy]:
        rows = ({"share": float(share), "score": value} for share, value in self.quantiles.items())
        numbers = {"paths": int, "scored": int, "seed": int | None, "mean": float, "standard_deviation": float}
        summary = {name: getattr(self, name) for name in numbers}
        return {
            "quantiles": Tidy({"share": float, "score": float}, rows),
            "summary": Tidy({"score": str, **numbers}, [{"score": self.score, **summary}]),
        }


class PathCounts(Result):
    """The number of paths."""

    graph: str
    counts: dict[str, int] = Field(description="Number of hops (as text) -> number of paths, exact")
    total: int

    def table(self) -> tuple[list[str], Cells]:
        """A row per number of hops."""
        return ["hops", "paths"], [
            *([h, f"{n:,}"] for h, n in self.counts.items()),
            ["total", f"{self.total:,}"],
        ]

    def _tidy(self) -> dict[str, Tidy]:
        rows = ({"hops": int(hops), "paths": number} for hops, number in self.counts.items())
        return {"counts": Tidy({"hops": int, "paths": int}, rows)}
