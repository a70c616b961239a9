"""Checks the texts and lists that a graph file holds: what is taken can be stored, and written again."""

from __future__ import annotations

import re
from typing import Any

from circuit_atlas.errors import InputError
from circuit_atlas.schema.limits import MAX_NESTING, MAX_TEXT_LENGTH

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
# A link takes 40 bytes or more of a file. Python needs about 200 for each object or list, however short it is there.
_MIN_BYTES_PER_OBJECT = 16
_FEW_OBJECTS = 100_000
_SHOWN = 40  # characters of a field's name that a message shows


def too_many_objects(content: bytes | str) -> str | None:
    """A message if a JSON text has more objects and lists than a file of its size needs, since these would take 30
    times as much memory; else None."""
    if len(content) <= _FEW_OBJECTS:  # as a line of a file of explanations is, of which there may be millions
        return None
    text = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    objects = text.count(b"{") + text.count(b"[")
    if objects <= _FEW_OBJECTS + len(text) // _MIN_BYTES_PER_OBJECT:
        return None
    return f"has {objects:,} objects and lists in {len(text):,} bytes"


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
            if isinstance(found, dict) and not "".join(found).isascii():
                for name in found:
                    _check_text(name, where, place)
            for name, item in found.items() if isinstance(found, dict) else enumerate(found):
                # A file has millions of short texts: these lines decide how long it takes to check them. A place is put
                # into words only where it is needed.
                kind = type(item)
                if kind is str:
                    if not item.isascii() or len(item) > MAX_TEXT_LENGTH:
                        waiting.append((item, _inside(place, name), depth + 1))
                elif (kind is dict or kind is list) and item:
                    waiting.append((item, _inside(place, name), depth + 1))


def _inside(place: str, name: str | int) -> str:
    return f"{place}[{name}]" if isinstance(name, int) else f"{place}.{name[:_SHOWN]}".removeprefix(".")


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


def _check_text(text: str, where: str, place: str) -> None:
    where = f"{where}: {place}" if place else where
    if len(text) > MAX_TEXT_LENGTH:
        raise InputError(
            f"a text of {len(text):,} characters; at most {MAX_TEXT_LENGTH:,} can be stored",
            where=where,
            fix="Shorten the text, or remove the field.",
        )
    half = _LONE_SURROGATE.search(text)
    if half:
        raise InputError(
            f"half a character ({half[0]!r}, a lone surrogate)",
            where=where,
            fix="Write the file again with whole characters: some program has cut an emoji or the like in two.",
        )
