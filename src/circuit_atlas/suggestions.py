"""`Did you mean ...?`: the known names that are most like one that is not known."""

from __future__ import annotations

import re
from collections.abc import Iterable

_MAX_NAMES = 3
_LIKENESS = 0.6  # of difflib: 1 for equal texts
_LIKENESS_OF_WORD = 0.8
_WORD = re.compile(r"[^\W_]{3,}")
_LONGEST = 100  # characters of a name that are compared, so that a long text cannot take long
_FEW = 10  # names that a message lists in full


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question that names the known names most like `name`, whatever the case; empty if none is like it.

    Names that begin with it come first, then names that differ in a few letters, names that contain it, and names with
    a word that differs in a few letters.
    """
    from difflib import get_close_matches

    wanted = name.strip().lower()[:_LONGEST]
    by_text: dict[str, str] = {}
    for other in known:
        by_text.setdefault(other.strip().lower()[:_LONGEST], other)
    close = get_close_matches(wanted, by_text, _MAX_NAMES, _LIKENESS)
    containing = sorted((text for text in by_text if len(wanted) > 2 and wanted in text), key=lambda t: (len(t), t))
    beginning = [text for text in containing if text.startswith(wanted)]
    found = [*beginning, *close, *containing]
    if not found:
        of_word: dict[str, str] = {}
        for text in by_text:
            for word in _WORD.findall(text):
                of_word.setdefault(word, text)
        found = [of_word[word] for word in get_close_matches(wanted, of_word, _MAX_NAMES, _LIKENESS_OF_WORD)]
    best = [repr(by_text[text]) for text in dict.fromkeys(found)][:_MAX_NAMES]
    return f"Did you mean {_listed(best)}?" if best else ""


def known_names(name: str, known: Iterable[str], *, command: str) -> str:
    """The part of a message about the names that exist, when `name` is not one of them: those most like it, and the
    command that lists all. If none is like it and they are few, all of them."""
    names = list(known)
    meant = did_you_mean(name, names)
    if len(names) > _FEW:
        return f"{meant} `circuit-atlas {command}` lists all {len(names):,}.".strip()
    return meant or (f"There are: {', '.join(names)}." if names else "")


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
