"""Results that may be about a contrast: a weighted sum of nodes in the place of one target."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from pydantic import Field, model_validator

from circuit_atlas.results.answer import Result
from circuit_atlas.schema.models import Node, Record

_MINUS = "\N{MINUS SIGN}"


class ContrastPart(Record):
    """A node in a weighted sum."""

    node: Node
    weight: float = Field(description="Its weight in the sum, negative if it is subtracted")


class Contrast(Record):
    """A weighted sum of nodes, which is a node of the answer and is not stored."""

    node: Node = Field(description="The node of the answer that stands for the sum")
    parts: list[ContrastPart] = Field(description="The stored nodes that it is made of")
    edge_threshold: float | None = Field(
        description="Threshold with which the graph's edges were pruned; an effect that fell away counts as 0"
    )

    @property
    def note(self) -> str:
        """Its parts and the effect of pruning on it, in words."""
        made = f"{self.node.name} is {signed_sum([(p.weight, p.node.key) for p in self.parts])}, which is not stored."
        return f"{made} {pruned_effects([self.edge_threshold])}".rstrip()


class ContrastResult(Result):
    """A result whose target may be a contrast. A note says what that is made of."""

    contrast: Contrast | None = Field(
        None,
        exclude_if=lambda contrast: contrast is None,
        description="What stands in the place of the targets, if they were added up or subtracted; else left out",
    )

    @model_validator(mode="after")
    def _say_what_the_contrast_is(self) -> Self:
        if self.contrast and self.contrast.note not in self.notes:
            self.notes.append(self.contrast.note)
        return self


def pruned_effects(thresholds: Iterable[float | None]) -> str:
    """A sentence on how pruning with these edge thresholds changes the effects on a contrast; empty if it changes
    nothing."""
    shown = ", ".join(f"{one:g}" for one in sorted({one for one in thresholds if one is not None and one < 1}))
    return f"Effects that were pruned (edge threshold {shown}) count as 0." if shown else ""


def signed_sum(terms: list[tuple[float, str]]) -> str:
    """A weighted sum in words, for instance `Austin + 0.5 Houston`; with a minus sign, which no hyphen of a name is."""
    texts = [
        f"{_MINUS if weight < 0 else '+'} {'' if abs(weight) == 1 else f'{abs(weight):g} '}{name}"
        for weight, name in terms
    ]
    return " ".join(texts).removeprefix("+ ")
