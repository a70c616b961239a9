"""Which language model and which set of transcoders (source set) the features of a graph belong to.

A file's `scan` alone does not decide: "gemma-2-2b" stands for graphs of two kinds of transcoders. A file names its set
in one of several fields, which are read in a fixed order.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any

from circuit_atlas.schema.keys import Component
from circuit_atlas.schema.source_sets import UNKNOWN, SourceSet, pair_of

# A page of a source set, or of one of its features: MODEL/SET, or MODEL/LAYER-SET/INDEX.
_FEATURE_PAGE = re.compile(r"neuronpedia\.org/(?P<model>[^/?#\s]+)/(?:\d+-(?=[^/?#\s]+/\d))?(?P<source_set>[^/?#\s]+)")
_GRAPH_PAGE = "graph"  # what stands in the place of a source set in the address of a graph's own page


def identify(
    scan: str | None,
    info: dict[str, Any],
    *,
    feature_details: dict[str, Any] | None = None,
    custom: str | None = None,
    model: str | None = None,
    source_set: str | None = None,
) -> SourceSet:
    """The model and source set of a graph; `unknown` for what nothing says.

    Args:
        scan: `metadata.scan` of a JSON file, or the `scan` of a `.pt`.
        info: `metadata.info`; its `source_urls`, `transcoder_set` and `neuronpedia_source_set` are read, and `model`
            and `source_set`, which `export` writes for a `.pt`.
        feature_details: `metadata.feature_details` of newer files.
        custom: the name of transcoders that are listed one by one, in place of a scan, see `custom_set`.
        model: the model that the user gives; it wins.
        source_set: the source set that the user gives; it wins.

    Raises:
        InputError: the user's own table cannot be read, see `circuit_atlas.schema.source_sets.known_scans`.
    """
    for found_model, found_set in _candidates(scan, info, feature_details or {}, custom):
        model = model or found_model
        source_set = source_set or found_set
    return model or UNKNOWN, source_set or UNKNOWN


def custom_set(scans: list[str]) -> str:
    """A name for a list of transcoders. circuit-tracer's own contains Python's `hash`, which differs from run to
    run."""
    return "custom-" + hashlib.sha256("\n".join(scans).encode()).hexdigest()[:12]


def identify_lorsa(source_set: str, info: dict[str, Any], details: dict[str, Any]) -> str:
    """The set that the attention features (lorsas) of a graph belong to, beside its transcoders: what the file says, or
    a name of its own, since the same layer and index mean another feature in each.

    Args:
        source_set: the set of transcoders.
        info: `metadata.info`.
        details: `metadata.feature_details`; as `lorsa_set`, the name in OpenMOSS's own files.
    """
    given = (fields.get("neuronpedia_lorsa_source_set") for fields in (details, info))
    for name in _texts([*given, details.get("lorsa_set")]):
        if name != source_set:
            return name
    return f"{source_set}/{Component.LORSA}"


def _candidates(
    scan: str | None, info: dict[str, Any], details: dict[str, Any], custom: str | None
) -> Iterator[tuple[str | None, str | None]]:
    """Pairs of model and source set that a file names, the most reliable first."""
    for model in _texts(info.get("model")):
        for source_set in _texts(info.get("source_set")):
            yield model, source_set
    for url in _texts(info.get("source_urls")):
        page = _FEATURE_PAGE.search(url)
        if page and page["source_set"] != _GRAPH_PAGE:
            yield page["model"], page["source_set"]
    of_scan = (None, custom) if custom else (scan and pair_of(scan)) or (scan, scan)
    repositories = list(_texts([info.get("transcoder_set"), details.get("scan"), details.get("transcoder_set")]))
    for name in repositories:
        if pair := pair_of(name):
            yield pair
    # What names the set goes before the scan, which may be the model's name.
    for name in _texts([info.get("neuronpedia_source_set"), details.get("neuronpedia_source_set")]):
        yield of_scan[0], name
    for name in repositories:
        yield None, name
    yield of_scan


def _texts(value: Any) -> Iterator[str]:
    values = value if isinstance(value, list) else [value]
    yield from (item for item in values if isinstance(item, str) and item)
