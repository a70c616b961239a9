"""Agents ask over the Model Context Protocol: the SDK's own client, over standard input and output."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import agent_transcript
import anyio
import pytest
from mcp import Client, StdioServerParameters
from support.examples import ROOT
from support.program import PROGRAM

from circuit_atlas import Atlas, GraphHandle
from circuit_atlas.cli.agents import MAX_CHARACTERS, ReadTools, WriteTools, bounded_json
from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.queries.row_results import Rows

# A call of each tool that answers, on the examples.
ASKED: dict[str, dict[str, Any]] = {
    "graphs": {"tags": ["analogies"]},
    "stats": {"graph": "dallas"},
    "node": {"graph": "dallas", "address": "logit:1"},
    "paths": {"graph": "dallas", "sources": ["Dallas"], "k": 3},
    "neighbors": {"graph": "dallas", "address": "logit:1", "direction": "in", "k": 3},
    "influence": {"graph": "dallas", "k": 5},
    "circuit": {"graph": "dallas", "nodes": 10},
    "circuits": {"graph": "dallas"},
    "supernodes": {"graph": "dallas-haiku"},
    "suggest_supernodes": {"graph": "dallas", "features": 20},
    "feature": {"address": "20/71590", "k": 3},
    "common_features": {"tags": ["analogies"], "k": 5},
    "only_features": {"tags": ["analogies"], "without": ["dallas"], "k": 5},
    "enriched_features": {"graphs": ["dallas"], "baseline_tags": ["analogies"], "k": 5},
    "recurring": {"tags": ["analogies"], "k": 3},
    "recurring_motifs": {"tags": ["analogies"], "shape": "fan-in", "k": 3},
    "series": {"graphs": ["night", "foot"], "features": ["1/72774"]},
    "compare": {"a": "night", "b": "winter", "k": 3},
    "similar": {"graph": "night", "tags": ["analogies"], "k": 3},
    "search": {"text": "capital", "k": 3},
    "query": {"query_id": "nodes.tokens", "parameters": {"graph": "dallas"}},
    "cypher": {"statement": "MATCH (g:Graph) RETURN g.name AS name ORDER BY name LIMIT 3"},
}
# Calls that fail, and what is told.
WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("stats", {"graph": "dalas"}, "dallas"),
    ("stats", {}, "Field required"),
    ("node", {"graph": "dallas", "address": "nobody"}, "nobody"),
    ("paths", {"graph": "dallas", "k": 10_000}, "less than or equal to 200"),
    ("paths", {"graph": "dallas", "score": "best"}, "score"),
    ("neighbors", {"graph": "dallas", "address": "logit:1", "direction": "up"}, "direction"),
    ("circuit", {"graph": "dallas", "keep": "all"}, "keep"),
    ("recurring_motifs", {"shape": "square"}, "fan-in"),
    ("compare", {"a": "night:collapsed", "b": "winter"}, "collapsed"),
    ("similar", {"graph": "night", "by": "token"}, "feature, edge"),
    ("influence", {"graph": "dallas:collapsed"}, "dallas:collapsed"),
    ("query", {"query_id": "paths.best"}, "paths"),
    ("cypher", {"statement": "CREATE (n:Nonsense)"}, "--write"),
    ("cypher", {"statement": "MATCH ("}, "Invalid input"),
    ("tag", {"graphs": ["dallas"], "add": ["x"]}, "Unknown tool"),
]


def with_client(env: dict[str, str], ask: Callable[[Client], Awaitable[None]], *options: str) -> None:
    """Starts `circuit-atlas mcp` and lets a client ask it."""

    async def connected() -> None:
        server = StdioServerParameters(command=PROGRAM, args=["mcp", *options], env=env)
        async with Client(server) as client:
            await ask(client)

    anyio.run(connected)


async def call(client: Client, tool: str, arguments: dict[str, Any]) -> tuple[bool, str]:
    """Whether a call failed, and its text."""
    result: Any = await client.call_tool(tool, arguments)
    [content] = result.content
    return bool(result.is_error), content.text


def test_a_client_lists_and_calls_every_tool(env: dict[str, str], examples: dict[str, GraphHandle]) -> None:
    async def ask(client: Client) -> None:
        listed = (await client.list_tools()).tools
        assert {tool.name for tool in listed} == ASKED.keys()
        for tool in listed:
            assert tool.description
            assert tool.input_schema["type"] == "object"
            assert tool.annotations
            assert tool.annotations.read_only_hint
            failed, text = await call(client, tool.name, ASKED[tool.name])
            assert not failed, text
            assert json.loads(text)
            assert len(text) <= MAX_CHARACTERS
        for name, arguments, told in WRONG:
            failed, text = await call(client, name, arguments)
            assert failed, (name, text)
            assert told in text
            assert "Traceback" not in text
        resources = {str(resource.uri) for resource in (await client.list_resources()).resources}
        assert resources == {"atlas://schema", "atlas://catalogue"}
        for uri, word in (("atlas://schema", "(:TranscoderFeature)"), ("atlas://catalogue", "paths.top_k(")):
            [page] = (await client.read_resource(uri)).contents
            assert word in getattr(page, "text", "")

    with_client(env, ask)


def test_an_answer_is_the_one_of_the_api(atlas: Atlas, examples: dict[str, GraphHandle]) -> None:
    tools = ReadTools(atlas)
    assert bounded_json(tools.paths("dallas", k=3)) == atlas.graph("dallas").paths(k=3).to_json()
    contrast = tools.influence("dallas", targets=["logit:1"], minus=["logit:2"], k=3)
    assert contrast == atlas.graph("dallas").influence(targets=["logit:1"], minus=["logit:2"], k=3)
    assert bounded_json(tools.stats("dallas")) == atlas.graph("dallas").stats().to_json()


COLLAPSED: dict[str, dict[str, Any]] = {
    "feature": {"address": "20/44686", "graph": "dallas:collapsed"},
    "common_features": {"graphs": ["dallas:collapsed"]},
    "only_features": {"graphs": ["night"], "without": ["dallas:collapsed"]},
    "enriched_features": {"graphs": ["night"], "baseline": ["dallas:collapsed"]},
    "recurring": {"graphs": ["dallas:collapsed"]},
    "search": {"text": "Texas", "graph": "dallas:collapsed"},
    "compare": {"a": "dallas", "b": "dallas:collapsed"},
}


@pytest.mark.parametrize("tool", COLLAPSED)
def test_a_tool_that_reads_stores_no_collapsed_graph(tool: str, atlas: Atlas, examples: dict[str, GraphHandle]) -> None:
    with pytest.raises(InvalidArgumentError, match="dallas:collapsed: is a collapsed graph, which"):
        getattr(ReadTools(atlas), tool)(**COLLAPSED[tool])
    assert "dallas:collapsed" not in [found.graph for found in atlas.graphs().graphs]


def test_agents_write_only_when_they_may(
    env: dict[str, str], atlas: Atlas, new_name: Callable[[], str], small_pt: Path
) -> None:
    name = new_name()
    atlas.ingest(small_pt, name=name)
    tokens = [node.key for node in atlas.graph(name).nodes().nodes if node.key.startswith("token:")]

    async def ask(client: Client) -> None:
        listed = {tool.name: tool for tool in (await client.list_tools()).tools}
        writing = listed.keys() - ASKED.keys()
        assert writing == {"label", "tag", "create_supernode", "store_circuit"}
        assert not any(listed[tool].annotations.read_only_hint for tool in writing)  # type: ignore[union-attr]
        for tool, arguments in (
            ("tag", {"graphs": [name], "add": ["by-agent"]}),
            ("create_supernode", {"graph": name, "name": "start", "nodes": tokens[:2]}),
            ("store_circuit", {"graph": name, "name": "mine", "nodes": tokens[:1]}),
        ):
            failed, text = await call(client, tool, arguments)
            assert not failed, text
        failed, text = await call(client, "create_supernode", {"graph": name, "name": "start", "nodes": tokens[:1]})
        assert failed
        assert "already exists" in text

    with_client(env, ask, "--allow-write")
    handle = atlas.graph(name)
    assert [group.name for group in handle.supernodes().supernodes] == ["start"]
    assert [circuit.name for circuit in handle.circuits().circuits] == ["mine"]
    assert atlas.graphs(tags=["by-agent"]).graphs[0].graph == name
    assert hasattr(WriteTools, "label")


def test_the_documentation_shows_what_an_agent_is_answered(
    env: dict[str, str], examples: dict[str, GraphHandle]
) -> None:
    page = (ROOT / "docs" / "how-to" / "agents.md").read_text(encoding="utf-8")
    shown = page.partition("```text\n")[2].partition("\n```")[0]
    assert anyio.run(agent_transcript.transcript, env) == shown


def test_long_answers_are_cut_and_say_so() -> None:
    rows = Rows(columns=["n", "text"], rows=[{"n": n, "text": "x" * 50} for n in range(10_000)], notes=["first"])
    text = bounded_json(rows)
    cut = json.loads(text)
    assert MAX_CHARACTERS / 4 < len(text) <= MAX_CHARACTERS
    found = cut["rows"]
    assert found == json.loads(rows.to_json())["rows"][: len(found)]
    assert cut["notes"][0] == "first"
    assert "`rows` had 10,000 entries" in cut["notes"][1]
    assert "\u202e" not in bounded_json(Rows(columns=["text"], rows=[{"text": "\u202e" * 10}] * 20_000))
    one = Rows(columns=["text"], rows=[{"text": "x" * 100_000}])
    assert len(bounded_json(one)) < 200
    short = Rows(columns=["n"], rows=[{"n": 1}])
    assert bounded_json(short) == short.to_json()


@pytest.mark.slow
@pytest.mark.parametrize("has_sdk", [True, False])
def test_the_sdk_is_loaded_only_for_agents(has_sdk: bool) -> None:
    code = (
        "import sys\n"
        "import circuit_atlas.cli.agents, circuit_atlas.cli.mcp\n"
        "assert not {'mcp', 'mcp_types', 'starlette'} & set(sys.modules)\n"
    )
    if not has_sdk:
        code += (
            "sys.modules['mcp'] = None\n"
            "from circuit_atlas.errors import MissingExtraError\n"
            "try:\n    circuit_atlas.cli.agents.agent_server(None)\n"
            "except MissingExtraError as error:\n    assert 'circuit-atlas[mcp]' in str(error)\n"
            "else:\n    raise AssertionError\n"
        )
    subprocess.run([sys.executable, "-c", code], check=True)
