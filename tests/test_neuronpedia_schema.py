"""Exported JSON has the fields and types that Neuronpedia's published schema of graphs wants."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import pytest
from support.examples import DATA, EXAMPLES, example_file
from support.graphs import IN_SMALL_PT

from circuit_atlas.export.json_file import with_pins, write_json
from circuit_atlas.graph.collapse import collapse
from circuit_atlas.graph.data import GraphData
from circuit_atlas.ingest import read_graph
from circuit_atlas.schema.models import Supernode
from circuit_atlas.synth import synthesize

TEXT, NUMBER, LIST = {"type": "string"}, {"type": "number"}, {"type": "array"}
NUMBER_OR_NULL = {"type": ["number", "null"]}


def fields(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"type": "object", "properties": {**required, **(optional or {})}, "required": list(required)}


def each(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": schema}


SCHEMA = fields(
    {
        "metadata": fields(
            {"slug": TEXT, "scan": TEXT, "prompt_tokens": each(TEXT), "prompt": TEXT},
            {
                "node_threshold": NUMBER,
                "feature_details": {"type": "object"},
                "info": {"type": "object"},
                "generation_settings": {"type": "object"},
                "pruning_settings": fields({}, {"node_threshold": NUMBER, "edge_threshold": NUMBER}),
            },
        ),
        "qParams": fields(
            {},
            {"pinnedIds": each(TEXT), "supernodes": LIST, "linkType": TEXT, "clickedId": TEXT, "sg_pos": TEXT},
        ),
        "nodes": each(
            fields(
                {
                    "node_id": TEXT,
                    "feature": {"type": ["integer", "null"]},
                    "layer": {"type": ["string", "integer"]},
                    "ctx_idx": {"type": "integer"},
                    "feature_type": TEXT,
                    "jsNodeId": TEXT,
                    "clerp": TEXT,
                },
                {"influence": NUMBER_OR_NULL, "activation": NUMBER_OR_NULL},
            )
        ),
        "links": each(fields({"source": TEXT, "target": TEXT, "weight": NUMBER})),
    }
)


def exported(data: GraphData, folder: Path) -> dict[str, Any]:
    write_json(data, folder / "exported.json")
    document: dict[str, Any] = json.loads((folder / "exported.json").read_text(encoding="utf-8"))
    return document


@pytest.mark.parametrize("source", ["dallas", "air", "dallas-llama", "dallas-haiku", "opposite-small", "pt", "synth"])
def test_exports_have_the_fields_that_neuronpedia_wants(source: str, tmp_path: Path) -> None:
    made: dict[str, Any] = {
        "pt": lambda: read_graph(DATA / "small.pt"),
        "synth": lambda: synthesize(IN_SMALL_PT),
    }
    data = made.get(source, lambda: read_graph(example_file(source)))()
    for graph in (data, with_pins(data, [0, 1])):
        jsonschema.validate(exported(graph, tmp_path), SCHEMA)
    if source in made:  # never pruned
        document = exported(data, tmp_path)
        assert "node_threshold" not in document["metadata"]
        again = exported(read_graph(tmp_path / "exported.json"), tmp_path)
        assert again == document


def test_collapsed_and_pruned_graphs_have_them_too(torch: ModuleType, tmp_path: Path) -> None:
    data = read_graph(EXAMPLES / "dallas.json")
    data = replace(data, supernodes=(Supernode(name="pair", members=(0, 1)),))
    collapsed = collapse(data, "shares", collapsed_from="dallas", collapsed_state="")
    jsonschema.validate(exported(collapsed, tmp_path), SCHEMA)
    pruned = exported(read_graph(DATA / "small.pt", node_threshold=0.9, edge_threshold=0.98), tmp_path)
    jsonschema.validate(pruned, SCHEMA)
    assert pruned["metadata"]["node_threshold"] == 0.9
