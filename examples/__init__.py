"""Real attribution graphs for a first look; `graphs/README.md` says where each comes from."""

from importlib.resources import files
from pathlib import Path


def example_graph(name: str) -> Path:
    """Path of the example graph file `name` (`dallas` or `oakland`; the repository holds more)."""
    return Path(str(files(__name__) / "graphs" / f"{name}.json"))
