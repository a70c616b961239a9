"""Texts that come from files and databases, as a terminal may get them.

A control character in a token, a label or a name could move the cursor, set the clipboard, or show a text that is not
there. Here are those of C0 except newline and tab, DEL, those of C1, the ones that change the direction of writing, and
lone surrogates, which no terminal can show.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff"
"""The characters, as a set of a regular expression."""
_CONTROL = re.compile(f"[{CONTROLS}]")


def printable(text: str) -> str:
    r"""The text with control characters in words: `\x1b`, `\u202e`."""
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)


def printable_json(text: str) -> str:
    r"""A JSON text of the same value, in which control characters are escaped as JSON does: `\u001b`, `\u202e`."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def first_of(names: Sequence[str], number: int) -> str:
    """The first names, at most `number` of them, and `...` if there are more."""
    return ", ".join([*names[:number], *["..."] * (len(names) > number)])
