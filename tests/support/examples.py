"""The example graphs that most tests ask about: real files, ingested under their names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from circuit_atlas import Atlas, GraphHandle

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "graphs"
DATA = ROOT / "tests" / "data"
NAMES = ("dallas", "oakland", "opposite-small", "dallas-llama", "dallas-haiku")
TAGS = {"dallas": ["capitals"], "oakland": ["capitals"]}


def example_file(name: str) -> Path:
    """The file of an example."""
    return EXAMPLES / f"{name}.json"


def example_document(name: str) -> dict[str, Any]:
    """What the file of an example contains."""
    document: dict[str, Any] = json.loads(example_file(name).read_text(encoding="utf-8"))
    return document


def ingest_examples(atlas: Atlas, *names: str) -> dict[str, GraphHandle]:
    """Ingest the examples of these names, or all that tests ask about, and tag them."""
    return {name: atlas.ingest(example_file(name), name=name, tags=TAGS.get(name, ())) for name in names or NAMES}
