"""Checks of arguments, the same words everywhere."""

from __future__ import annotations

from collections.abc import Iterable

from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.schema.keys import Kind


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise InvalidArgumentError unless `value` is one of `choices`."""
    if value not in choices:
        raise InvalidArgumentError(f"{name} cannot be {value!r}", fix=f"It is one of {', '.join(choices)}.")


def check_kinds(kinds: Iterable[str]) -> list[str]:
    """The kinds as a list. Raise InvalidArgumentError unless each is a kind of node."""
    kinds = list(kinds)
    for kind in kinds:
        check_choice("kind", kind, tuple(Kind))
    return kinds


def check_range(name: str, value: int, low: int, high: int) -> None:
    """Raise InvalidArgumentError unless low <= value <= high."""
    if not low <= value <= high:
        raise InvalidArgumentError(f"{name} cannot be {value}", fix=f"It is {low} to {high:,}.")
