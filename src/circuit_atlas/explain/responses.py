"""Parses Neuronpedia's responses. Nothing in them is trusted, in form or size."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from circuit_atlas.explain.store import Feature
from circuit_atlas.explain.text import clean_text
from circuit_atlas.queries.node_results import Explanation
from circuit_atlas.remote.json_text import MalformedError, read_json
from circuit_atlas.schema.limits import MAX_EXPLANATIONS

_MAX_NAME_LENGTH = 200  # characters of the name of a model, or of a kind of explanation


def read_batch(content: bytes, requested: Iterable[Feature]) -> dict[Feature, list[Explanation] | None]:
    """Parse the response to `POST /api/features`.

    Args:
        content: the response's body.
        requested: the features of the request, under Neuronpedia's names.

    Returns:
        The explanations of each requested feature: none for a feature that the response leaves out, None for one whose
        explanations cannot be read.

    Raises:
        MalformedError: it is not a list.
    """
    items = read_json(content)
    if not isinstance(items, list):
        raise MalformedError("not a list of features")
    found: dict[Feature, list[Explanation] | None] = {feature: [] for feature in requested}
    for item in items:
        feature = read_feature(item)
        if feature in found:
            found[feature] = read_explanations(item)
    return found


def read_feature(item: Any) -> Feature | None:
    """The feature that an object is about, by its `modelId`, `layer` (`20-gemmascope-transcoder-16k`: layer 20 of a
    source set) and `index`; None when one of them is missing or malformed."""
    if not isinstance(item, dict):
        return None
    model, layer_and_set, number = item.get("modelId"), item.get("layer"), item.get("index")
    if not (isinstance(model, str) and isinstance(layer_and_set, str)):
        return None
    before, dash, source_set = layer_and_set.partition("-")
    layer, index = read_number(before), read_number(number)
    return Feature(model, source_set, layer, index) if dash and layer is not None and index is not None else None


def read_number(value: Any) -> int | None:
    """A layer or an index, given as a number or as text; None for anything else. Twelve digits are more than any
    transcoder needs, and fit into the database's integers."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    is_number = isinstance(text, str) and text.isascii() and text.isdigit() and len(text) <= 12
    return int(text) if is_number else None


def read_explanations(item: dict[str, Any]) -> list[Explanation] | None:
    """The explanations of a feature, in their order, without repetitions; None when it has some, but none can be
    read."""
    entries = item.get("explanations")
    if not isinstance(entries, list):
        return None
    explanations = [found for entry in entries[:MAX_EXPLANATIONS] if (found := read_explanation(entry))]
    return list(dict.fromkeys(explanations)) if explanations or not entries else None


def read_explanation(entry: Any) -> Explanation | None:
    """One explanation, by its `description`, `explanationModelName` and `typeName`; None without a description."""
    if not isinstance(entry, dict) or not isinstance(entry.get("description"), str):
        return None
    text = clean_text(entry["description"])
    names = [entry.get(name) for name in ("explanationModelName", "typeName")]
    model, kind = (clean_text(name, _MAX_NAME_LENGTH) if isinstance(name, str) else "" for name in names)
    return Explanation(text=text, model=model, type=kind) if text else None
