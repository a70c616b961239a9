"""Which model and source set a scan stands for, and what Neuronpedia calls them: a table that users can extend."""

from __future__ import annotations

import os
import re
import tomllib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import platformdirs

from circuit_atlas.errors import InputError

SCANS_VARIABLE = "CIRCUIT_ATLAS_SCANS"
SourceSet = tuple[str, str]  # model, source set
_NEURONPEDIA_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


def own_scans_path() -> Path:
    """The user's own table: `CIRCUIT_ATLAS_SCANS`, or `scans.toml` in the platform's directory of configurations."""
    chosen = os.environ.get(SCANS_VARIABLE)
    return Path(chosen) if chosen else platformdirs.user_config_path("circuit-atlas", appauthor=False) / "scans.toml"


def known_scans() -> dict[str, SourceSet]:
    """Scan or repository -> (model, source set): the table of `scans.toml`, with the user's own before it.

    Raises:
        InputError: the user's table is not of the form `[scans]`, `"scan" = ["model", "source set"]`.
    """
    return _own(own_scans_path())[0]


def neuronpedia_name(source_set: SourceSet) -> SourceSet | None:
    """What Neuronpedia calls a model and source set of the database; None when that is not known, or it has not
    got it."""
    scans, elsewhere = _own(own_scans_path())
    model, name = scans.get(source_set[1], source_set)
    is_name = _NEURONPEDIA_NAME.fullmatch(model) and _NEURONPEDIA_NAME.fullmatch(name)
    return (model, name) if is_name and name not in elsewhere and "unknown" not in (model, name) else None


@cache
def _own(path: Path) -> tuple[dict[str, SourceSet], frozenset[str]]:
    table = tomllib.loads((files(__package__) / "scans.toml").read_text(encoding="utf-8"))
    if not path.is_file():
        own = {}
    else:
        try:
            own = _checked(tomllib.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise InputError(
                f"cannot be read: {error}",
                where=str(path),
                fix='It is TOML: under [scans], lines like "scan" = ["model", "source set"].',
            ) from error
    elsewhere = set(table["elsewhere"]["source_sets"]) - {name for _, name in own.values()}
    return _checked(table) | own, frozenset(elsewhere)


def _checked(table: dict[str, Any]) -> dict[str, SourceSet]:
    scans = table.get("scans", {})
    if not isinstance(scans, dict):
        raise ValueError("[scans] is not a table")
    for scan, names in scans.items():
        if not (isinstance(names, list) and len(names) == 2 and all(isinstance(name, str) and name for name in names)):
            raise ValueError(f"{scan!r} is to be a list of a model and a source set")
    return {scan: (model, source_set) for scan, (model, source_set) in scans.items()}
