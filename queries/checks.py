"""Checks of arguments, the same words everywhere."""

from __future__ import annotations

from circuit_atlas.errors import QuestionError


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise QuestionError unless `value` is one of `choices`."""
    if value not in choices:
        raise QuestionError(f"{name} cannot be {value!r}", fix=f"It is one of {', '.join(choices)}.")


def check_range(name: str, value: int, low: int, high: int) -> None:
    """Raise QuestionError unless low <= value <= high."""
    if not low <= value <= high:
        raise QuestionError(f"{name} cannot be {value}", fix=f"It is {low} to {high:,}.")
