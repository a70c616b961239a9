"""circuit-atlas: attribution graphs of language models in Neo4j, queried in Cypher.

    from circuit_atlas import Atlas

    with Atlas() as atlas:
        graph = atlas.ingest("dallas.json")
        print(graph.paths(sources=["Dallas"], targets=["Austin"]))

Names are loaded when first used: importing circuit_atlas costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from circuit_atlas.client import Atlas
    from circuit_atlas.config import Connection
    from circuit_atlas.errors import AtlasError
    from circuit_atlas.handle import GraphHandle

    __version__: str

_HOMES = {
    "Atlas": "circuit_atlas.client",
    "AtlasError": "circuit_atlas.errors",
    "Connection": "circuit_atlas.config",
    "GraphHandle": "circuit_atlas.handle",
}
__all__ = ["Atlas", "AtlasError", "Connection", "GraphHandle", "__version__"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("circuit-atlas")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
