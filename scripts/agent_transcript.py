"""Print what an agent asks and is answered: python scripts/agent_transcript.py.

It asks `circuit-atlas mcp` about the analogies that `circuit-atlas demo` stores, as docs/how-to/agents.md shows: what
do all of them share, and what is special about one?
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
from mcp import Client, StdioServerParameters

_PROGRAM = str(Path(sys.executable).with_name("circuit-atlas"))
_OTHERS = ["foot", "night", "puppy", "taste"]
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("common_features", {"tags": ["analogies"], "k": 3}),
    ("only_features", {"graphs": ["winter"], "without": _OTHERS, "k": 3}),
    ("paths", {"graph": "winter", "k": 3, "min_hops": 2, "score": "product", "sign": "promoting"}),
)


async def transcript(env: Mapping[str, str]) -> str:
    """The calls and what of the answers a reader needs, as text.

    Args:
        env: environment of the server, which names the database.
    """
    lines = []
    async with Client(StdioServerParameters(command=_PROGRAM, args=["mcp"], env=dict(env))) as client:
        for tool, arguments in CALLS:
            result: Any = await client.call_tool(tool, arguments)
            lines += ["", f"{tool} {json.dumps(arguments)}"]
            lines += [f"  {line}" for line in _told(json.loads(result.content[0].text))]
    return "\n".join(lines[1:])


def _told(answer: dict[str, Any]) -> list[str]:
    """A line for each feature or path of an answer."""
    features = [
        f"feature {found['feature']['layer']}/{found['feature']['index']}, influence {found['influence']:.3g}"
        for found in answer.get("features", [])
    ]
    if features:
        features.insert(0, f"{answer['total']} features, the first {len(features)}:")
    paths = [" -> ".join(node["name"] for node in path["nodes"]) for path in answer.get("paths", [])]
    return features + paths


if __name__ == "__main__":
    print(anyio.run(transcript, os.environ))
