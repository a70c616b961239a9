"""Cypher as people read and paste it: a statement with its parameters, values as literals."""

from __future__ import annotations

import re
from math import isnan
from typing import Any

from circuit_atlas.printable import printable, printable_json

_COMMENTS = re.compile(r"^//.*\n", re.MULTILINE)
_LINE_ENDS = re.compile("[\n\u2028\u2029]")  # the others are control characters
_SHOWN = 3  # elements of a long list that are shown
_LONG = 20


def is_cypher(text: str) -> bool:
    """Whether a text is a statement: ids of queries have no blanks."""
    return any(character.isspace() for character in text)


def without_comments(cypher: str) -> str:
    """A statement without its comment lines."""
    return _COMMENTS.sub("", cypher)


def comment(text: str) -> str:
    r"""A text as a comment of a statement: one line, whatever is in the text.

    Neo4j reads `\u000a`, written like this, as a line end wherever it stands, also in comments, unless the backslash is
    doubled.
    """
    line = _LINE_ENDS.sub(lambda found: ascii(found[0])[1:-1], printable(text))
    return "// " + line.replace("\\", "\\\\")


def pastable(cypher: str, parameters: dict[str, Any], *, shorten: bool = False) -> str:
    """A statement with its parameters, as Neo4j Browser takes both. `shorten` leaves out most of long lists: what is
    written in batches of thousands of rows is for reading, not for pasting."""
    if not parameters:
        return cypher
    # One command per parameter: in a map, `:param {k: 2}`, Browser makes every number a float, which LIMIT refuses.
    lines = (f":param {name} => {literal(value, shorten=shorten)};\n" for name, value in parameters.items())
    return f"{''.join(lines)}\n{cypher}"


def literal(value: Any, *, shorten: bool = False) -> str:
    """A value as a Cypher literal. For people to read and paste: statements that run here take parameters."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case float() if abs(value) == float("inf"):
            return "Infinity" if value > 0 else "-Infinity"
        case float():  # numpy's, too
            return "NaN" if isnan(value) else repr(float(value))
        case int():
            return repr(value)
        case list() | tuple():
            shown = value[:_SHOWN] if shorten and len(value) > _LONG else value
            more = f", /* {len(value) - len(shown):,} more */" if len(shown) < len(value) else ""
            return f"[{', '.join(literal(item, shorten=shorten) for item in shown)}{more}]"
        case dict():
            items = (f"{_key(name)}: {literal(item, shorten=shorten)}" for name, item in value.items())
            return "{" + ", ".join(items) + "}"
        case _:
            text = str(value).replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
            return f"'{printable_json(text)}'"  # Cypher has JSON's escapes


def _key(name: str) -> str:
    r"""A key of a map, in backticks. There, a backslash escapes nothing, but begins `\u0060` as everywhere."""
    text = name.replace("\\", "\\u005c").replace("`", "``").replace("\n", "\\u000a")
    return f"`{printable_json(text)}`"
