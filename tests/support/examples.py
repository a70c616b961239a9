"""The example graphs that most tests ask about: real files, ingested under their names."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "graphs"
NAMES = ("dallas", "oakland", "opposite-small", "dallas-llama", "dallas-haiku")
TAGS = {"dallas": ["capitals"], "oakland": ["capitals"]}  # as a reader of the docs has tagged them
