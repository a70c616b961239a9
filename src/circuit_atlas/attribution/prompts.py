"""Reads prompts from a file, and names their graphs."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from pathlib import Path
from typing import Any, NamedTuple

from circuit_atlas.attribution.run import translated_failures
from circuit_atlas.errors import AttributionError, InputError
from circuit_atlas.ingest.names import check_name

_MAX_SLUG = 60  # characters
_MAX_PROMPTS = 100_000
_GEMMA_3_START = 4  # tokens: <bos><start_of_turn>user and a line break


class Prompt(NamedTuple):
    """A prompt and the name of its graph."""

    text: str
    name: str


def read_prompts(file: str | Path) -> list[Prompt]:
    """Read the prompts of a text file, one per line, or of a `.jsonl` file, whose lines are texts or objects with
    `prompt` and, optionally, `name`. Empty lines are skipped, blanks within a line are kept.

    Raises:
        InputError: the file cannot be read, a line is not a prompt, or two different prompts have the same name.
    """
    path = Path(file)
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")  # other separators belong to prompts
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", where=str(path), fix="Give a text file in UTF-8.") from error
    is_json = path.suffix.lower() in (".jsonl", ".ndjson")
    prompts = [
        _prompt_of_json(line, f"{path}, line {number}") if is_json else Prompt(line, slug_of(line))
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]
    if not 0 < len(prompts) <= _MAX_PROMPTS:
        raise InputError(
            f"contains {len(prompts):,} prompts; 1 to {_MAX_PROMPTS:,} are possible",
            where=str(path),
            fix="Write one prompt per line.",
        )
    return checked_names(list(dict.fromkeys(prompts)), str(path))


def at_each_position(model: Any, prompt: Prompt) -> list[Prompt]:
    """The prompts that end at each position of a prompt, position 0 left out, which is that of the BOS token: NAME@1,
    NAME@2 and so on. Instruction-tuned Gemma 3 needs its four tokens at the start, so its prompts end after these.

    Args:
        model: a ReplacementModel of either backend, whose tokenizer splits the prompt.
        prompt: the prompt.

    Raises:
        AttributionError: the prompt is empty or cannot be split, or a beginning of it is split into other tokens when
            it stands alone.
    """
    if not prompt.text.strip():
        raise AttributionError("the prompt is empty", where=prompt.name, fix="Give a text whose tokens are explained.")
    with translated_failures(f"the tokenizer cannot split {prompt.text!r:.60}", ""):
        ids = _tokens(model, prompt.text)
        # circuit-tracer puts a BOS token before a prompt that begins with no special token.
        added = len(ids) - len(model.tokenizer(prompt.text, add_special_tokens=False).input_ids)
        name = str(model.cfg.model_name)
        first = _GEMMA_3_START if "gemma-3" in name and name.endswith("-it") else 1
        texts = {end: model.tokenizer.decode(ids[added : end + 1]) for end in range(first, len(ids))}
        other = [end for end, text in texts.items() if _tokens(model, text) != ids[: end + 1]]
    if not texts:
        raise AttributionError(
            "the prompt has no token after the start", where=prompt.name, fix="Give a text whose tokens are explained."
        )
    if other:
        raise AttributionError(
            f"the beginning {texts[other[0]]!r:.60} is split into other tokens when it stands alone",
            where=f"{prompt.name}, position {other[0]}",
            fix="Write the beginnings that are whole texts to a file, and pass it with --prompts.",
        )
    return [Prompt(text, f"{prompt.name}@{end}") for end, text in texts.items()]


def _tokens(model: Any, text: str) -> list[int]:
    return [int(token) for token in model.ensure_tokenized(text)]


def named_prompt(text: str, name: str | None) -> Prompt:
    """A prompt and the name of its graph, by default the words of the prompt.

    Raises:
        InvalidArgumentError: no graph may have the name.
        InputError: the text contains half a character.
    """
    _check_text(text, None)
    return Prompt(text, slug_of(text) if name is None else check_name(name))


def slug_of(text: str) -> str:
    """A name for the graph of a prompt that can also be a file's name: its words in lower case, up to 60 characters.

    When something is lost (the text is longer, not ASCII, or has other blanks than one between two words), a hash of
    the text follows. Prompts that differ in capitals and punctuation alone have the same name.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", plain.lower())
    slug = "-".join(words)
    if slug and len(slug) <= _MAX_SLUG and plain == text == " ".join(text.split()):
        return slug
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{slug[:_MAX_SLUG].rstrip('-')}-{digest}".lstrip("-")


def _prompt_of_json(line: str, where: str) -> Prompt:
    try:
        value: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError("not JSON", where=where, fix='Write {"prompt": "..."} or a JSON text.') from error
    fields = value if isinstance(value, dict) else {"prompt": value}
    text, name = fields.get("prompt"), fields.get("name")
    if not isinstance(text, str) or not text.strip() or not isinstance(name, str | None):
        raise InputError(
            "contains no prompt", where=where, fix='Write {"prompt": "...", "name": "..."} or a JSON text.'
        )
    if name is not None and not name.strip():
        raise InputError("contains an empty name", where=where, fix='Write a name, or leave "name" out.')
    _check_text(text, where)
    return Prompt(text, slug_of(text) if name is None else name)


def _check_text(text: str, where: str | None) -> None:
    """Refuse a text that is not Unicode, such as an argument in another encoding."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        what = "contains half a character" if where else f"the prompt {text!r:.60} contains half a character"
        raise InputError(what, where=where, fix="Write whole characters, in UTF-8.") from error


def checked_names(prompts: list[Prompt], where: str | None) -> list[Prompt]:
    """The prompts, if all are Unicode, and no two different ones have the same name."""
    names: dict[str, str] = {}
    for text, name in prompts:
        _check_text(text, where)
        if names.setdefault(name, text) != text:
            raise InputError(
                f"two different prompts have the name {name!r}",
                where=where,
                fix='Name them in a .jsonl file: {"prompt": "...", "name": "..."}.',
            )
    return prompts
