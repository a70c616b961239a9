"""Cleans text that comes from elsewhere."""

from __future__ import annotations

import unicodedata
from itertools import chain

from circuit_atlas.schema.limits import MAX_NAME_LENGTH

# Characters that change the direction of writing: they would reorder what stands beside the text.
_BIDIRECTIONAL = frozenset(map(chr, chain(range(0x202A, 0x202F), range(0x2066, 0x206A))))


def clean_text(text: str, length: int = MAX_NAME_LENGTH) -> str:
    """A text on one line, at most `length` characters long, without control characters, which could act on a
    terminal."""
    kept = (" " if c.isspace() or unicodedata.category(c) == "Cc" else c for c in text[: 10 * length])
    words = "".join(c for c in kept if c not in _BIDIRECTIONAL and unicodedata.category(c) != "Cs").split()
    whole = " ".join(words)
    return whole if len(whole) <= length else whole[: length - 1] + "…"
