"""The prompts of a file, and the names of their graphs."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from pathlib import Path
from typing import Any, NamedTuple

from circuit_atlas.errors import InputError

_LONGEST_SLUG = 60
_MOST_PROMPTS = 100_000


class Prompt(NamedTuple):
    """A prompt and the name of its graph."""

    text: str
    name: str


def read_prompts(file: str | Path) -> list[Prompt]:
    """The prompts of a text file, one a line, or of a `.jsonl` file, whose lines are texts or objects with `prompt`
    and, if wanted, `name`. Empty lines are passed over, blanks within a line are kept.

    Raises:
        InputError: the file cannot be read, a line is no prompt, or two prompts would have one name.
    """
    path = Path(file)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", where=str(path), fix="Give a text file in UTF-8.") from error
    is_json = path.suffix in (".jsonl", ".ndjson")
    prompts = [
        _of_json(line, f"{path}, line {number}") if is_json else Prompt(line, slug_of(line))
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]
    if not 0 < len(prompts) <= _MOST_PROMPTS:
        raise InputError(f"holds {len(prompts)} prompts", where=str(path), fix="Write one prompt a line.")
    return _distinct(list(dict.fromkeys(prompts)), path)


def slug_of(text: str) -> str:
    """A name for the graph of a prompt, fit for a file: its words in lower case, cut where it would be long; what was
    cut, or cannot be written in ASCII, is told apart by a hash."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", plain.lower())
    slug = "-".join(words)
    if slug and len(slug) <= _LONGEST_SLUG and plain == text:
        return slug
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{slug[:_LONGEST_SLUG].rstrip('-')}-{digest}".lstrip("-")


def _of_json(line: str, where: str) -> Prompt:
    try:
        value: Any = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError("is no JSON", where=where, fix='Write {"prompt": "..."} or a text.') from error
    fields = value if isinstance(value, dict) else {"prompt": value}
    text, name = fields.get("prompt"), fields.get("name")
    if not isinstance(text, str) or not text.strip() or not isinstance(name, str | None):
        raise InputError("holds no prompt", where=where, fix='Write {"prompt": "...", "name": "..."} or a text.')
    return Prompt(text, name or slug_of(text))


def _distinct(prompts: list[Prompt], path: Path) -> list[Prompt]:
    names: dict[str, str] = {}
    for text, name in prompts:
        if names.setdefault(name, text) != text:
            raise InputError(
                f"two prompts would both be {name!r}",
                where=str(path),
                fix='Name them, in a .jsonl file: {"prompt": "...", "name": "..."}.',
            )
    return prompts
