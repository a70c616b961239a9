"""From a graph file to the database: readers, rows, the loader.

Names are loaded when first used: the loader and the readers take numpy, which most commands do without.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from circuit_atlas.ingest.delete import delete_graph, remove_leftovers
    from circuit_atlas.ingest.load import load_graph
    from circuit_atlas.ingest.read import read_graph

_HOMES = {"delete_graph": "delete", "load_graph": "load", "read_graph": "read", "remove_leftovers": "delete"}
__all__ = ["delete_graph", "load_graph", "read_graph", "remove_leftovers"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
