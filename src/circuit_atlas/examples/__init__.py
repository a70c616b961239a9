"""Real attribution graphs for a first look; the README beside them says where they come from."""

from importlib.resources import files
from pathlib import Path

ANALOGIES = ("foot", "night", "puppy", "taste", "winter")
"""Graphs of one task, "Sun is to day as moon is to": for questions across prompts."""


def example_graph(name: str) -> Path:
    """Path of the graph file `name`: `dallas` or one of `ANALOGIES`."""
    return Path(str(files(__name__) / f"{name}.json.gz"))
