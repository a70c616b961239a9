"""Which language model and which set of transcoders (source set) the features of a graph belong to.

A file's `scan` alone does not decide: "gemma-2-2b" stands for graphs of two kinds of transcoders. A file names its set
in one of several fields, which are read in a fixed order; `scans.toml` says what each name stands for. Users can extend
that table with their own.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import platformdirs

from circuit_atlas.errors import InputError
from circuit_atlas.schema.keys import Component

SCANS_VARIABLE = "CIRCUIT_ATLAS_SCANS"
SourceSet = tuple[str, str]  # model, source set
_UNKNOWN = "unknown"
_FEATURE_PAGE = re.compile(r"neuronpedia\.org/(?P<model>[^/?#\s]+)/(?P<source_set>[^/?#\s]+)")
_NEURONPEDIA_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


def identify(
    scan: str | None,
    info: dict[str, Any],
    *,
    feature_details: dict[str, Any] | None = None,
    model: str | None = None,
    source_set: str | None = None,
) -> SourceSet:
    """The model and source set of a graph; `unknown` for what nothing says.

    Args:
        scan: `metadata.scan` of a JSON file, or the `scan` of a `.pt`.
        info: `metadata.info`; its `source_urls`, `transcoder_set` and `neuronpedia_source_set` are read.
        feature_details: `metadata.feature_details` of newer files.
        model: the model that the user gives; it wins.
        source_set: the source set that the user gives; it wins.

    Raises:
        InputError: the user's own table cannot be read, see `known_scans`.
    """
    for found_model, found_set in _candidates(scan, info, feature_details or {}):
        model = model or found_model
        source_set = source_set or found_set
    return model or _UNKNOWN, source_set or _UNKNOWN


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


def known_scans() -> dict[str, SourceSet]:
    """What each scan or repository of transcoders stands for: `scans.toml`, overridden by the user's own table.

    Raises:
        InputError: the user's table is not of the form `[scans]`, `"scan" = ["model", "source set"]`.
    """
    return _tables(own_scans_path())[0]


def own_scans_path() -> Path:
    """Where the user's own table is: `CIRCUIT_ATLAS_SCANS`, or `scans.toml` in the platform's configuration folder."""
    chosen = os.environ.get(SCANS_VARIABLE)
    return Path(chosen) if chosen else platformdirs.user_config_path("circuit-atlas", appauthor=False) / "scans.toml"


def neuronpedia_name(source_set: SourceSet) -> SourceSet | None:
    """The names by which Neuronpedia knows a model and source set of the database; None if it does not have it.

    Raises:
        InputError: the user's own table cannot be read, see `known_scans`.
    """
    scans, elsewhere = _tables(own_scans_path())
    model, name = scans.get(source_set[1], source_set)
    is_name = _NEURONPEDIA_NAME.fullmatch(model) and _NEURONPEDIA_NAME.fullmatch(name)
    return (model, name) if is_name and name not in elsewhere and _UNKNOWN not in (model, name) else None


def _candidates(
    scan: str | None, info: dict[str, Any], details: dict[str, Any]
) -> Iterator[tuple[str | None, str | None]]:
    """What a file says of model and source set, the most reliable first."""
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


@cache
def _tables(own_path: Path) -> tuple[dict[str, SourceSet], frozenset[str]]:
    """What scans stand for, and the source sets that Neuronpedia does not have; both with the user's own table."""
    table = tomllib.loads((files(__package__) / "scans.toml").read_text(encoding="utf-8"))
    own = _own_scans(own_path) if own_path.is_file() else {}
    elsewhere = set(table["elsewhere"]["source_sets"]) - {name for _, name in own.values()}
    return _checked(table) | own, frozenset(elsewhere)


def _own_scans(path: Path) -> dict[str, SourceSet]:
    try:
        return _checked(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise InputError(
            f"cannot be read: {error}",
            where=str(path),
            fix='Write TOML: under [scans], lines like "scan" = ["model", "source set"].',
        ) from error


def _checked(table: dict[str, Any]) -> dict[str, SourceSet]:
    scans = table.get("scans", {})
    if not isinstance(scans, dict):
        raise ValueError("[scans] is not a table")
    for scan, names in scans.items():
        if not (isinstance(names, list) and len(names) == 2 and all(isinstance(name, str) and name for name in names)):
            raise ValueError(f"{scan!r} is not a list of a model and a source set")
    return {scan: (model, source_set) for scan, (model, source_set) in scans.items()}
