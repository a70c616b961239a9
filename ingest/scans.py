"""Which model and which set of transcoders a graph's features belong to.

`scan` alone does not tell: "gemma-2-2b" stands for graphs of two kinds of transcoders. A file names its
set in one of several places; the first that is there decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from circuit_atlas.ingest.source_sets import known_scans

UNKNOWN = "unknown"
_FEATURE_PAGE = re.compile(r"neuronpedia\.org/(?P<model>[^/?#\s]+)/(?P<source_set>[^/?#\s]+)")


def identify(
    scan: str | None,
    info: dict[str, Any],
    *,
    feature_details: dict[str, Any] | None = None,
    model: str | None = None,
    source_set: str | None = None,
) -> tuple[str, str]:
    """The (model, source set) of a graph.

    Args:
        scan: `metadata.scan`, or the `scan` of a `.pt`.
        info: `metadata.info`; its `source_urls`, `transcoder_set` and `neuronpedia_source_set` are read.
        feature_details: `metadata.feature_details` of newer files.
        model: what the user says, which wins.
        source_set: what the user says, which wins.
    """
    for found_model, found_set in _candidates(scan, info, feature_details or {}):
        model = model or found_model
        source_set = source_set or found_set
    return model or UNKNOWN, source_set or UNKNOWN


def _candidates(
    scan: str | None, info: dict[str, Any], details: dict[str, Any]
) -> Iterator[tuple[str | None, str | None]]:
    for url in _texts(info.get("source_urls")):
        page = _FEATURE_PAGE.search(url)
        if page:
            yield page["model"], page["source_set"]
    repositories = [info.get("transcoder_set"), details.get("scan"), details.get("transcoder_set"), scan]
    for name in _texts(repositories):
        if name in known_scans():
            yield known_scans()[name]
    for name in _texts([info.get("neuronpedia_source_set"), details.get("neuronpedia_source_set")]):
        yield scan, name
    for name in _texts(repositories[:-1]):
        yield None, name
    yield scan, scan


def _texts(value: Any) -> Iterator[str]:
    values = value if isinstance(value, list) else [value]
    yield from (item for item in values if isinstance(item, str) and item)
