"""Result types of queries about transcoder features across graphs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pydantic import Field

from circuit_atlas.queries.neighbor_results import Neighbor, neighbor_rows
from circuit_atlas.results.answer import Result
from circuit_atlas.results.tables import Cells, LinkedText, with_interval
from circuit_atlas.results.tidy import Tidy, tidy
from circuit_atlas.schema import keys
from circuit_atlas.schema.models import INFLUENCE, Node, Record
from circuit_atlas.schema.source_sets import feature_page

if TYPE_CHECKING:
    import pandas


class FeatureIdentity(Record):
    """A transcoder feature and its explanation."""

    model: str
    source_set: str
    component: keys.Component | None = Field(
        None, description="`transcoder`, or `lorsa` for an attention feature; null if it is not known"
    )
    layer: int
    index: int
    explanation: str | None = Field(description="The explanation that is shown")

    @property
    def place(self) -> str:
        """How it is addressed: `8/37691`, or `9/lorsa/9838` for an attention feature."""
        return keys.feature_place(self.layer, self.index, self.component)

    @property
    def page(self) -> str | None:
        """The address of its page on Neuronpedia; None if Neuronpedia does not have its source set."""
        return feature_page((self.model, self.source_set), self.layer, self.index)


def feature_name(feature: FeatureIdentity) -> str:
    """Its explanation, or its layer and index."""
    return feature.explanation or keys.feature_name(feature.layer, feature.index, feature.component)


def placed_name(feature: FeatureIdentity, most: int | None = None) -> str:
    """Its explanation, cut to `most` characters, with its layer and index; or these alone."""
    name = feature_name(feature)
    if not feature.explanation:
        return name
    shown = name if most is None or len(name) <= most else f"{name[: most - 1]}…"
    return f"{shown} ({feature.place})"


class FeatureActivation(Record):
    """One activation of a transcoder feature, and its strongest direct effects."""

    graph: str
    node: Node
    activation: float | None
    influence: float | None = Field(description=INFLUENCE)
    inputs: list[Neighbor] = Field(description="Strongest direct effects on it, by |weight|")
    outputs: list[Neighbor] = Field(description="Its strongest direct effects")


class FeatureActivations(Result):
    """Where a transcoder feature is active, and its strongest effects there."""

    feature: FeatureIdentity
    total: int = Field(description="Number of the chosen graphs in which it is active")
    activations: list[FeatureActivation] = Field(description="In the graphs in which it has the most influence")

    def table(self) -> tuple[list[str], Cells]:
        """A row per activation."""
        return ["graph", "position", "activation", "influence", "strongest inputs", "strongest outputs"], [
            [a.graph, a.node.position, a.activation, a.influence, _effects(a.inputs), _effects(a.outputs)]
            for a in self.activations
        ]

    @property
    def heading(self) -> str:
        """The feature, and the number of graphs in which it is active."""
        feature = self.feature
        where = f"{feature.place} of {feature.model} / {feature.source_set}"
        text = f"{feature_name(feature)} ({where}), active in {_number(self.total, 'graph')}"
        return LinkedText.to(text, feature.page)

    def _tidy(self) -> dict[str, Tidy]:
        feature = self.feature.model_dump(include={"model", "source_set", "explanation"})
        effects = (
            part.with_first(graph=active.graph)
            for active in self.activations
            for part in neighbor_rows(active.node, active.inputs, active.outputs)
        )
        none = tidy(Neighbor, [], graph="", of="", direction="")
        return {
            "activations": tidy(FeatureActivation, self.activations, **feature),
            "edges": Tidy.joined(none, *effects),
        }


class Occurrence(Record):
    """A transcoder feature in one graph."""

    graph: str
    positions: list[int | None] = Field(description="Where it is active, in the order of the file")
    activation: float | None = Field(description="The largest of its activations")
    influence: float = Field(description="The influence of all of them together")


class FeatureOccurrence(Record):
    """A transcoder feature in one graph, as a row of data."""

    feature: FeatureIdentity
    occurrence: Occurrence


class SharedFeature(Record):
    """A transcoder feature and where it is active."""

    feature: FeatureIdentity
    influence: float = Field(description="The smallest of its influences in the graphs")
    occurrences: list[Occurrence] = Field(description="By name of graph")


class SharedFeatures(Result):
    """The transcoder features that are active in all graphs of a set, and in none of another."""

    graphs: list[str]
    without: list[str] = Field(description="Graphs in which none of them is active")
    total: int = Field(description="Number of such features, whatever k is")
    features: list[SharedFeature] = Field(description="Most influence first, at most k")

    def table(self) -> tuple[list[str], Cells]:
        """A row per feature, the influence in each graph when there are few."""
        few = self.graphs if len(self.graphs) <= 4 else []
        rows: Cells = []
        for shared in self.features:
            by_graph = {o.graph: o.influence for o in shared.occurrences}
            rows.append(
                [
                    shared.feature.place,
                    LinkedText.to(feature_name(shared.feature), shared.feature.page),
                    shared.influence,
                    *(by_graph[graph] for graph in few),
                ]
            )
        return ["feature", "name", "least influence", *few], rows

    @property
    def heading(self) -> str:
        """The number of features, and how many of them are shown."""
        shown = f", the {len(self.features)} with the most influence:" if len(self.features) < self.total else ""
        return f"{_number(self.total, 'feature')}{shown}"

    def matrix(self, values: str = "influence") -> pandas.DataFrame:
        """The feature x prompt matrix: a row for each feature, a column for each graph.

        Args:
            values: `influence`, the share of the graph's logits that flows through the feature, or `activation`, the
                largest in the graph.

        Raises:
            InvalidArgumentError: `values` is neither.
            MissingExtraError: pandas is not installed.
        """
        return self.to_pandas(f"{values}-matrix").set_index(list(FeatureIdentity.model_fields))

    def _tidy(self) -> dict[str, Tidy]:
        occurrences = (
            FeatureOccurrence(feature=shared.feature, occurrence=found)
            for shared in self.features
            for found in shared.occurrences
        )
        return {
            "features": tidy(SharedFeature, self.features),
            "occurrences": tidy(FeatureOccurrence, occurrences),
            "influence-matrix": self._matrix("influence"),
            "activation-matrix": self._matrix("activation"),
        }

    def _matrix(self, values: str) -> Tidy:
        known = FeatureIdentity.model_fields
        headers = {graph: f"graph {graph}" if graph in known else graph for graph in self.graphs}
        features = tidy(FeatureIdentity, (shared.feature for shared in self.features))

        def rows() -> Iterator[dict[str, Any]]:
            for row, shared in zip(features.rows, self.features, strict=True):
                found = {headers[o.graph]: getattr(o, values) for o in shared.occurrences}
                yield {**row, **dict.fromkeys(headers.values()), **found}

        return Tidy({**features.columns, **dict.fromkeys(headers.values(), float | None)}, rows())


class RecurringFeature(Record):
    """A transcoder feature that is active in many graphs."""

    feature: FeatureIdentity
    graphs: int = Field(description="Number of graphs in which it is active")
    influence: float = Field(description="Mean over these of its influence")
    influence_low: float | None = Field(description="Lower end of its 95 % interval; null for fewer than three graphs")
    influence_high: float | None = Field(description="Upper end of it")


class Motif(Record):
    """A feature that acts on another, which acts on a third or on a logit, in many graphs."""

    graphs: int = Field(description="Number of graphs that have it")
    example: str = Field(description="One of them")
    nodes: list[Node] = Field(description="Its three nodes there, source first")
    weights: list[float] = Field(
        description="Mean direct effects of the first on the second, and of that on the third, over all places"
    )


class MotifRow(Record):
    """A motif, as a row of data."""

    graphs: int
    example: str
    source: Node
    middle: Node
    target: Node
    weight_in: float = Field(description="Mean direct effect of the source on the middle")
    weight_out: float = Field(description="Mean direct effect of the middle on the target")


class Recurring(Result):
    """Features and motifs that recur in most graphs of a set."""

    graphs: int = Field(description="Number of graphs of the set")
    features: list[RecurringFeature]
    motifs: list[Motif]

    def _why_empty(self) -> str:
        return "No feature is active in two of the graphs or more, and in the share of them that was asked for."

    def table(self) -> tuple[list[str], Cells]:
        """A row per feature and motif."""
        rows: Cells = [
            [
                "feature",
                f"{found.graphs} of {self.graphs}",
                with_interval(found.influence, found.influence_low, found.influence_high),
                _linked(found.feature),
            ]
            for found in self.features
        ]
        for motif in self.motifs:
            first, second, third = motif.nodes
            path = f"{_where(first)} --({motif.weights[0]:.3g})--> {_where(second)} --({motif.weights[1]:.3g})--> "
            rows.append(["motif", f"{motif.graphs} of {self.graphs}", None, path + _where(third)])
        return ["", "graphs", "mean influence [95%]", "name"], rows

    def _tidy(self) -> dict[str, Tidy]:
        return {**super()._tidy(), "motifs": tidy(MotifRow, map(_motif_row, self.motifs))}


def _motif_row(motif: Motif) -> MotifRow:
    source, middle, target = motif.nodes
    weight_in, weight_out = motif.weights
    return MotifRow(
        graphs=motif.graphs,
        example=motif.example,
        source=source,
        middle=middle,
        target=target,
        weight_in=weight_in,
        weight_out=weight_out,
    )


def _number(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _effects(neighbors: list[Neighbor]) -> str:
    return ", ".join(f"{neighbor.node.title} ({neighbor.weight:.3g})" for neighbor in neighbors)


def _linked(feature: FeatureIdentity) -> LinkedText:
    return LinkedText.to(placed_name(feature), feature.page)


def _where(node: Node) -> str:
    place = keys.feature_place(node.layer, node.index, node.component)
    return node.name if node.layer is None or place in node.name else f"{node.name} ({place})"
