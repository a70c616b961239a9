"""How a graph file is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from circuit_atlas.errors import InvalidArgumentError


class ReadOptions(TypedDict, total=False):
    """How a graph file is read.

    node_threshold: prune a `.pt` or Graph to the nodes that carry this share of the influence, as circuit-tracer's
        `prune_graph` does.
    edge_threshold: prune it to the edges that carry this share of the influence.
    model: the language model, whatever the file says.
    source_set: the set of transcoders, whatever the file says.
    tokenizer: name or path of the tokenizer that turns a `.pt`'s token ids into text.
    """

    node_threshold: float | None
    edge_threshold: float | None
    model: str | None
    source_set: str | None
    tokenizer: str | None


def check_options(options: Mapping[str, object]) -> None:
    """Refuse empty texts: a variable of a shell that is not set must not pass for an option that is left out.

    Raises:
        InvalidArgumentError: an option is an empty text.
    """
    for name, value in options.items():
        if isinstance(value, str) and not value.strip():
            raise InvalidArgumentError(f"{name} is an empty text", fix="Give it a value, or leave it out.")
