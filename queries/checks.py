"""Checks of arguments, the same words everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from circuit_atlas.database import Rows
from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.limits import MAX_ROWS


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise InvalidArgumentError unless `value` is one of `choices`."""
    if value not in choices:
        raise InvalidArgumentError(f"{name} cannot be {value!r}", fix=f"It must be one of {', '.join(choices)}.")


def check_share(share: float, name: str = "share") -> None:
    """Raise InvalidArgumentError unless `share` is 0 to 1."""
    if not 0.0 <= share <= 1.0:
        raise InvalidArgumentError(f"{name} cannot be {share}", fix="It must be 0 to 1.")


def check_graphs(rows: Rows) -> Rows:
    """The rows, of one graph each. Raise InvalidArgumentError if there are as many as a statement returns at most: then
    others are missing."""
    if len(rows) >= MAX_ROWS:
        raise InvalidArgumentError(
            f"the question is about {MAX_ROWS:,} graphs or more", fix="Name fewer graphs, or give tags of fewer."
        )
    return rows


def check_kinds(kinds: Iterable[str]) -> list[str]:
    """The kinds as a list. Raise InvalidArgumentError unless each is a kind of node."""
    kinds = list(kinds)
    for kind in kinds:
        check_choice("kind", kind, tuple(Kind))
    return kinds


def check_layers(layers: Iterable[int], n_layers: int | None = None) -> list[int]:
    """The layers as a list. Raise InvalidArgumentError if one is negative, or not one of a model of `n_layers`."""
    layers = list(layers)
    for layer in layers:
        if layer < 0 or (n_layers is not None and layer >= n_layers):
            known = "counted from 0" if n_layers is None else f"0 to {n_layers - 1}"
            raise InvalidArgumentError(f"layer cannot be {layer}", fix=f"Layers are {known}.")
    return layers


def check_positions(positions: Iterable[int], n_pos: int) -> list[int]:
    """The positions as a list, those from the end, such as -1, counted from the start. Raise InvalidArgumentError
    if the prompt is shorter."""
    positions = list(positions)
    for position in positions:
        if not n_pos:
            raise InvalidArgumentError("the nodes of this graph have no positions", fix="Leave the positions out.")
        if not -n_pos <= position < n_pos:
            raise InvalidArgumentError(
                f"position cannot be {position}", fix=f"Positions are 0 to {n_pos - 1}, or -{n_pos} to -1."
            )
    return [position % n_pos for position in positions]


def check_range(name: str, value: int, low: int, high: int) -> None:
    """Raise InvalidArgumentError unless low <= value <= high."""
    if not low <= value <= high:
        raise InvalidArgumentError(f"{name} cannot be {value}", fix=f"It must be {low} to {high:,}.")


def check_whole(stored: Mapping[str, Any]) -> None:
    """Refuse a collapsed graph.

    Args:
        stored: the properties of the graph.

    Raises:
        InvalidArgumentError: it is one.
    """
    whole = stored.get("collapsed_from")
    if whole is not None:
        raise InvalidArgumentError(
            f"{stored['name']!r} is a collapsed graph", fix=f"Do this with {whole!r}, from which it was made."
        )


def no_graphs() -> InvalidArgumentError:
    """The error for a question about several graphs that names none."""
    return InvalidArgumentError("no graphs given", fix="Name graphs, or a tag.")
