"""Arguments with which every query of the catalogue answers something about the examples."""

from __future__ import annotations

import re
from typing import Any

from support.examples import DATA, ingest_examples

from circuit_atlas import Atlas
from circuit_atlas.queries.catalogue import CatalogueQuery

ARGUMENTS: dict[str, Any] = {
    "graph": "dallas",
    "key": "logit:22605@10",
    "parts": {"logit:22605@10": 1.0, "logit:26865@10": -1.0},
    "targets": ["logit:22605@10"],
    "sources": ["token:9"],
    "text": "Austin",
    "paths": [["token:9", "logit:22605@10"]],
    "ordinals": list(range(400)),
    "names": ["influence"],
    "named": [["dallas", "is"]],
    "starts": ["feature:20/44686@", "token:"],
    "a": "dallas",
    "b": "night",
    "graphs": ["dallas", "night"],
    "baseline": ["winter"],
    "places": [["clt-hp", 20, 44686]],
    "model": "gemma-2-2b",
    "source_set": "clt-hp",
    "source_sets": [["gemma-2-2b", "clt-hp"]],
    "versions": {"dallas": "an earlier one"},
    "layer": 1,
    "index": 12928,
}
EMPTY = ("aggregates.sums", "graphs.extras", "graphs.without_columns")  # what they look for, none of the examples has
ABOUT_ALL = (
    "graphs.list",
    "graphs.tags",
    "graphs.without_columns",
    "features.find",
    "features.in_layer",
    "features.show",
    "search.text",
)  # about the whole database
LOOP = re.compile(r"^WITH (.*)reduce\((\w+) = (.+), hop IN range\(1, \$\w+\) \| (\w+ \+ \[)?COLLECT {$", re.MULTILINE)


def arguments(query: CatalogueQuery) -> dict[str, Any]:
    named = {p.name: ARGUMENTS[p.name] for p in query.parameters if p.name in ARGUMENTS}
    if query.id.startswith(("supernodes.", "circuits.")):
        # A graph that has some, and features that are active at several positions.
        named = {name: {"graph": "opposite-small", "text": "size"}.get(name, value) for name, value in named.items()}
    if query.id in ("circuits.collapsed", "views.supernodes"):
        named["graph"] = "opposite-small:collapsed"
        named |= {"whole": "opposite-small"} if query.id == "circuits.collapsed" else {}
    if query.id == "features.only":
        named |= {"graphs": ["dallas"], "without": ["night"]}
    if query.id == "nodes.in_file":
        named["names"] = ["27_22605_10"]
    if query.id == "nodes.qk":
        named = {"graph": "lorsa", "key": "feature:9/lorsa/9838@14"}
    return named


def ingest_answerable(atlas: Atlas) -> None:
    """The examples, one with a circuit and collapsed, and a graph with attention features: every query answers
    something of these."""
    ingest_examples(atlas)
    atlas.graph("opposite-small").score_circuit(pinned=True, name="pinned", replace=True)
    atlas.graph("opposite-small").collapsed()
    atlas.ingest(DATA / "made-crm-lorsa-qk.json.gz", name="lorsa")


def unrolled(cypher: str) -> str:
    """A statement whose loops go round once: a plan shows what is in there, but not what is in an expression."""
    once, loops = LOOP.subn(lambda m: f"WITH *, {m[3]} AS {m[2]}\nWITH {m[1]}{m[4] or ''}COLLECT {{", cypher)
    return re.sub(r"^}(\]|\[0\])?\)", r"}\1", once, count=loops, flags=re.MULTILINE) if loops else cypher
