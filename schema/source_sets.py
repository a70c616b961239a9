"""Names of sets of transcoders (source sets): in the repositories that they come from, in the database, and on
Neuronpedia. `scans.toml` is the table; users can extend it with their own."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import platformdirs

from circuit_atlas.errors import InputError
from circuit_atlas.schema.keys import Component, Kind
from circuit_atlas.schema.models import Node

SCANS_VARIABLE = "CIRCUIT_ATLAS_SCANS"
NEURONPEDIA = "https://www.neuronpedia.org"
SourceSet = tuple[str, str]  # model, source set
UNKNOWN = "unknown"
_NEURONPEDIA_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


class SourceSets(NamedTuple):
    """The model of a graph, the set of its transcoders, and that of its lorsas, which few graphs have."""

    model: str
    transcoders: str
    lorsas: str | None

    def page(self, node: Node) -> str | None:
        """The address of the page of a node's feature on Neuronpedia; None if it has none."""
        return next(self.pages([node]))

    def pages(self, nodes: Iterable[Node]) -> Iterator[str | None]:
        """The page of each node, see `page`. To look up Neuronpedia's names takes longer than the rest, so it is done
        once for each set."""
        name_of = cache(neuronpedia_name)
        for node in nodes:
            source_set = self.lorsas if node.component is Component.LORSA else self.transcoders
            if node.kind is not Kind.FEATURE or node.layer is None or node.index is None or not source_set:
                yield None
            else:
                yield _page(name_of((self.model, source_set)), node.layer, node.index)


def known_scans() -> dict[str, SourceSet]:
    """The source set of each scan or repository of transcoders: `scans.toml`, overridden by the user's own table.

    Raises:
        InputError: the user's table is not of the form `[scans]`, `"scan" = ["model", "source set"]`, or
            `CIRCUIT_ATLAS_SCANS` names a file that does not exist.
    """
    return _tables(own_scans_path())[0]


def pair_of(scan: str) -> SourceSet | None:
    """The model and source set that a scan or repository of transcoders stands for; None if no table has it.
    circuit-tracer names a folder of a repository `USER/REPOSITORY//FOLDER`, and its usual revision `@main`.

    Raises:
        InputError: see `known_scans`.
    """
    known = known_scans()
    return known.get(scan) or known.get(scan.removesuffix("@main").replace("//", "/"))


def own_scans_path() -> Path:
    """Where the user's own table is: `CIRCUIT_ATLAS_SCANS`, or `scans.toml` in the platform's configuration folder."""
    chosen = os.environ.get(SCANS_VARIABLE)
    if chosen:
        return Path(os.path.expanduser(chosen))
    return platformdirs.user_config_path("circuit-atlas", appauthor=False) / "scans.toml"


def neuronpedia_name(source_set: SourceSet) -> SourceSet | None:
    """The names by which Neuronpedia knows a model and source set of the database; None if it does not have it.

    Raises:
        InputError: the user's own table cannot be read, see `known_scans`.
    """
    _, elsewhere = _tables(own_scans_path())
    model, name = pair_of(source_set[1]) or source_set
    is_name = _NEURONPEDIA_NAME.fullmatch(model) and _NEURONPEDIA_NAME.fullmatch(name)
    return (model, name) if is_name and name not in elsewhere and UNKNOWN not in (model, name) else None


def feature_page(source_set: SourceSet, layer: int, index: int) -> str | None:
    """The address of a feature's page on Neuronpedia; None if Neuronpedia does not have its source set.

    Raises:
        InputError: the user's own table cannot be read, see `known_scans`.
    """
    return _page(neuronpedia_name(source_set), layer, index)


def _page(name: SourceSet | None, layer: int, index: int) -> str | None:
    return f"{NEURONPEDIA}/{name[0]}/{layer}-{name[1]}/{index}" if name else None


@cache
def _tables(own_path: Path) -> tuple[dict[str, SourceSet], frozenset[str]]:
    """The source sets of scans, and those that Neuronpedia does not have; both with the user's own table."""
    import tomllib

    table = tomllib.loads((files(__package__) / "scans.toml").read_text(encoding="utf-8"))
    own = _own_scans(own_path)
    elsewhere = set(table["elsewhere"]["source_sets"]) - {name for _, name in own.values()}
    return _checked(table) | own, frozenset(elsewhere)


def _own_scans(path: Path) -> dict[str, SourceSet]:
    import tomllib

    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        if other := [name for name in table if name != "scans"]:
            raise ValueError(f"{other[0]!r} is not under [scans]")
        return _checked(table)
    except (FileNotFoundError, NotADirectoryError) as error:
        if not os.environ.get(SCANS_VARIABLE):  # nobody needs a table of their own
            return {}
        raise InputError(
            f"{SCANS_VARIABLE} names this file, which does not exist",
            where=str(path),
            fix="Write the file, or unset the variable.",
        ) from error
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
