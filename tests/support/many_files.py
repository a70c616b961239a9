"""What many graph files have in common, added up from the files alone: nothing of the project is used."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any, NamedTuple

from support.two_files import File

Ends = tuple[str, str]  # keys of source and target


class EffectFacts(NamedTuple):
    """What is known of an effect; see the module's text of circuit_atlas.graph.aggregate."""

    weight: float
    weight_present: float
    weight_sd: float
    graphs: int
    sign_agreement: float


class NodeFacts(NamedTuple):
    """What is known of a node: in how many graphs it is, means of influence and activation, and its probability."""

    graphs: int
    mean_influence: float
    activation: float | None
    probability: float | None


class ManyFiles:
    """Nodes and effects of the aggregate of some files, by key."""

    def __init__(self, paths: list[Path], align: str, *, normalised: bool = False) -> None:
        self.align, self.files = align, [File(path, align) for path in paths]
        self.longest = max(len(file.tokens) for file in self.files)
        weights: dict[Ends, list[float]] = defaultdict(list)
        influence: dict[str, list[float]] = defaultdict(list)
        activations: dict[str, list[float]] = defaultdict(list)
        probability: dict[str, float] = defaultdict(float)
        for file in self.files:
            keys = [self._key(file, i) for i in range(len(file.rows))]
            sums: dict[int, float] = defaultdict(float)
            for _, target, weight in file.found.edges:
                sums[target] += abs(weight)
            own: dict[Ends, float] = defaultdict(float)
            for source, target, weight in file.found.edges:
                own[keys[source], keys[target]] += weight / sums[target] if normalised else weight
            for ends, weight in own.items():
                if weight:
                    weights[ends].append(weight)
            here: dict[str, float] = defaultdict(float)
            for key, row, value in zip(keys, file.rows, file.node_influence(), strict=True):
                here[key] += value
                if row.get("activation") is not None:
                    activations[key].append(row["activation"])
                if row["feature_type"] == "logit":
                    probability[key] += row["token_prob"]
            for key, value in here.items():
                influence[key].append(value)
        n = len(paths)
        self.nodes = {
            key: NodeFacts(
                len(values),
                sum(values) / n,
                fmean(activations[key]) if key in activations else None,
                probability[key] / n if key in probability else None,
            )
            for key, values in influence.items()
        }
        self.effects = {ends: _facts(values, n) for ends, values in weights.items()}

    def _key(self, file: File, i: int) -> str:
        row: dict[str, Any] = file.rows[i]
        if row["feature_type"] == "logit":
            return "logit:target" if i == file.found.top_logit else "logit:others"
        position = int(row["node_id"].split("_")[2])
        if self.align == "relative" and position > 0:
            position += self.longest - len(file.tokens)
        if row["feature_type"] == "embedding":
            return f"token:text/{file.tokens[position]}" if self.align == "feature" else f"token:{position}"
        what = file.identities[i].partition("@")[0]
        return what if self.align == "feature" else f"{what}@{position}"


def _facts(values: list[float], n: int) -> EffectFacts:
    positive, negative = sum(value > 0 for value in values), sum(value < 0 for value in values)
    return EffectFacts(
        sum(values) / n,
        fmean(values),
        pstdev([*values, *[0.0] * (n - len(values))]),
        len(values),
        max(positive, negative) / len(values),
    )
