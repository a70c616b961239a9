"""The example graphs that most tests ask about: real files, ingested under their names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support import oracle

from circuit_atlas import Atlas, GraphHandle

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "graphs"
DATA = ROOT / "tests" / "data"
NAMES = ("dallas", "night", "opposite-small", "dallas-llama", "dallas-haiku")  # one of each model and format
ANALOGIES = ("foot", "night", "puppy", "taste", "winter")  # those that `demo` stores
TAGS = {name: ["analogies"] for name in ANALOGIES}
STORED = (*NAMES, *(name for name in ANALOGIES if name not in NAMES))


def example_file(name: str) -> Path:
    """The file of an example, compressed if it is one of the analogies."""
    packed = ROOT / "examples" / "analogies" / f"{name}.json.gz"
    return packed if packed.exists() else EXAMPLES / f"{name}.json"


def example_document(name: str) -> dict[str, Any]:
    """What the file of an example contains."""
    return oracle.read_document(example_file(name))


def ingest_examples(atlas: Atlas, *names: str) -> dict[str, GraphHandle]:
    """Ingest the examples of these names, or all that tests ask about, and tag them."""
    return {name: atlas.ingest(example_file(name), name=name, tags=TAGS.get(name, ())) for name in names or STORED}
