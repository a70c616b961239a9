"""Checks the texts and lists that a graph file holds: what is taken can be stored, and written again."""

from __future__ import annotations

import re
from typing import Any

from circuit_atlas.errors import InputError
from circuit_atlas.schema.limits import MAX_NESTING, MAX_TEXT_LENGTH

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_SHOWN = 40  # characters of a field's name that a message shows


def check_values(value: Any, where: str, place: str = "") -> None:
    """Check a value of JSON, and all that is in it.

    Args:
        value: the value.
        where: the file, for messages.
        place: where in the file the value stands, such as `nodes[3]`.

    Raises:
        InputError: a text has a lone surrogate or is too long, or lists and objects are nested too deeply.
    """
    waiting = [(value, place, 0)]
    while waiting:
        found, place, depth = waiting.pop()
        if isinstance(found, str):
            _check_text(found, where, place)
        elif isinstance(found, dict | list):
            if depth == MAX_NESTING:
                raise InputError(
                    f"lists and objects are nested more than {MAX_NESTING} deep",
                    where=f"{where}: {place.partition('[')[0].partition('.')[0]}",
                    fix="No graph needs that: remove the field.",
                )
            is_list = isinstance(found, list)
            for name, item in enumerate(found) if is_list else found.items():
                if not is_list:
                    _check_text(name, where, place)
                # A place is put into words only where it is needed: a file has millions of short texts.
                if (type(item) is str and not _is_storable(item)) or (item and isinstance(item, dict | list)):
                    inside = f"{place}[{name}]" if is_list else f"{place}.{name:.{_SHOWN}}".removeprefix(".")
                    waiting.append((item, inside, depth + 1))


def check_length(text: str | None, limit: int, where: str, place: str) -> None:
    """Refuse a name that is too long to be indexed.

    Raises:
        InputError: the text has more characters than `limit`.
    """
    if text is not None and len(text) > limit:
        raise InputError(
            f"has {len(text):,} characters; at most {limit:,} can be stored",
            where=f"{where}: {place}",
            fix="Give it a shorter name.",
        )


def _is_storable(text: str) -> bool:
    return len(text) <= MAX_TEXT_LENGTH and (text.isascii() or not _LONE_SURROGATE.search(text))


def _check_text(text: str, where: str, place: str) -> None:
    if _is_storable(text):
        return
    where = f"{where}: {place}" if place else where
    if len(text) > MAX_TEXT_LENGTH:
        raise InputError(
            f"a text of {len(text):,} characters; at most {MAX_TEXT_LENGTH:,} can be stored",
            where=where,
            fix="Shorten the text, or remove the field.",
        )
    half = _LONE_SURROGATE.search(text)
    raise InputError(
        f"half a character ({half[0]!r}, a lone surrogate)" if half else "not a text",
        where=where,
        fix="Write the file again with whole characters: some program has cut an emoji or the like in two.",
    )
