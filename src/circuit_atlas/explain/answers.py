"""What Neuronpedia says of features, taken apart; nothing in it is trusted, in form or size."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from circuit_atlas.explain.store import Explanation, Feature
from circuit_atlas.explain.text import clean_text
from circuit_atlas.schema.limits import MAX_EXPLANATIONS

_MAX_NAME = 200  # characters of the name of a model, or of a kind of explanation
Said = list[Explanation] | None  # None: it cannot be read


class MalformedError(Exception):
    """It is not what was asked for."""


def read_json(content: bytes | str) -> Any:
    """The value of a JSON text.

    Raises:
        MalformedError: it is none.
    """
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise MalformedError(str(error)) from error


def read_batch(content: bytes, asked: Iterable[Feature]) -> dict[Feature, Said]:
    """What the answer to `POST /api/features` says of each feature asked for, under Neuronpedia's names: nothing of
    those it leaves out.

    Raises:
        MalformedError: it is not a list.
    """
    items = read_json(content)
    if not isinstance(items, list):
        raise MalformedError("not a list of features")
    said: dict[Feature, Said] = {feature: [] for feature in asked}
    for item in items:
        feature = read_feature(item)
        if feature in said:
            said[feature] = read_explanations(item)
    return said


def read_feature(item: Any) -> Feature | None:
    """Which feature an object is about, by `modelId`, `layer` (20-gemmascope-transcoder-16k) and `index`."""
    if not isinstance(item, dict):
        return None
    model, layer, index = item.get("modelId"), item.get("layer"), item.get("index")
    if not (isinstance(model, str) and isinstance(layer, str)):
        return None
    number, dash, source_set = layer.partition("-")
    place, at = read_number(number), read_number(index)
    return Feature(model, source_set, place, at) if dash and place is not None and at is not None else None


def read_number(value: Any) -> int | None:
    """A layer or index, given as a number or as text; None for anything else, and for what no transcoder has."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    is_number = isinstance(text, str) and text.isascii() and text.isdigit() and len(text) <= 12
    return int(text) if is_number else None


def read_explanations(item: dict[str, Any]) -> Said:
    """The explanations of a feature, in their order; None when there are some, and none can be read."""
    entries = item.get("explanations")
    if not isinstance(entries, list):
        return None
    explanations = [found for entry in entries[:MAX_EXPLANATIONS] if (found := read_explanation(entry))]
    return list(dict.fromkeys(explanations)) if explanations or not entries else None


def read_explanation(entry: Any) -> Explanation | None:
    """One explanation: `description`, `explanationModelName` and `typeName`."""
    if not isinstance(entry, dict) or not isinstance(entry.get("description"), str):
        return None
    text = clean_text(entry["description"])
    names = [entry.get(name) for name in ("explanationModelName", "typeName")]
    model, kind = (clean_text(name, _MAX_NAME) if isinstance(name, str) else "" for name in names)
    return Explanation(text, model, kind) if text else None
