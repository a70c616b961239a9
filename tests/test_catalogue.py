"""Every query of the catalogue: documented, bounded, served by an index, and fit to be pasted into Browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import neo4j
import pytest
from support.catalogue import ABOUT_ALL, EMPTY, arguments, ingest_answerable, unrolled
from support.graphs import make_graph

from circuit_atlas import Atlas, GraphHandle
from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.ingest import load_graph
from circuit_atlas.queries.catalogue import (
    CatalogueQuery,
    QueryFileError,
    catalogue,
    find_query,
    public_queries,
    read_fragments,
    read_query,
)
from circuit_atlas.schema import limits

QUERIES = list(catalogue().values())
FOLDER = Path(__file__).parent.parent / "queries" / "cypher"
FILES = sorted(FOLDER.rglob("*.cypher"))
SCANS = ("AllNodesScan", "NodeByLabelScan", "RelationshipTypeScan")


def asked_about(values: dict[str, Any]) -> set[str]:
    """The graphs that a question names."""
    named = {values[name] for name in ("graph", "a", "b") if name in values}
    return named.union(*(values.get(name, []) for name in ("graphs", "without")))


@pytest.fixture(scope="module")
def examples(atlas: Atlas, examples: dict[str, GraphHandle]) -> Iterator[None]:
    """What `ingest_answerable` ingests, in the database that tests share."""
    ingest_answerable(atlas)
    yield
    atlas.delete("lorsa")
    atlas.graph("opposite-small").delete_circuit("pinned")


@pytest.fixture(params=QUERIES, ids=lambda query: query.id)
def query(request: pytest.FixtureRequest) -> CatalogueQuery:
    chosen: CatalogueQuery = request.param
    return chosen


@pytest.fixture(params=public_queries(), ids=lambda query: query.id)
def public(request: pytest.FixtureRequest) -> CatalogueQuery:
    chosen: CatalogueQuery = request.param
    return chosen


def test_there_is_a_query_for_every_question() -> None:
    assert {query.id for query in QUERIES} >= {
        "graphs.list",
        "graphs.stats",
        "nodes.get",
        "nodes.find",
        "neighbors.direct",
        "neighbors.subgraph",
        "paths.top_k",
        "paths.strongest",
        "paths.bounds",
        "paths.score",
        "paths.count",
    }


def test_the_files_are_short() -> None:
    texts = {str(file.relative_to(FOLDER)): file.read_text(encoding="utf-8") for file in FILES}
    long = [name for name, text in texts.items() if any(len(line) > 120 for line in text.splitlines())]
    assert long == []
    lines = {name: text.count("\n") for name, text in texts.items()}
    assert lines["paths/top_k.cypher"] <= 120
    assert sum(lines.values()) <= 1784


def test_every_fragment_is_shared() -> None:
    fragments = read_fragments((FOLDER / "fragments.cypher").read_text(encoding="utf-8"))
    texts = "".join(file.read_text(encoding="utf-8") for file in FILES)
    assert len(fragments) > 10
    assert [name for name in fragments if len(re.findall(rf"@{name}\b", texts)) < 2] == []


def test_numbers_are_those_of_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files name them, and contain none of them."""
    numbers = {"BOUNDS_BLOCK", "SHORTLISTED_PATHS", "LIMB", "MAX_HOPS", "DEFAULT_HOPS", "MOTIF_FEATURES"}
    numbers |= {"SEARCHED_FEATURES", "SEARCHED_TOKENS", "MAX_MATCHES", "MAX_ROWS", "MAX_PATHS", "MAX_NEIGHBORS"}
    numbers |= {"MAX_SUPERNODES", "ROUNDING", "MIN_INPUT_SUM", "SMALLEST"}
    texts = {file: file.read_text(encoding="utf-8") for file in FILES}
    assert numbers == {name for text in texts.values() for name in re.findall(r"@([A-Z_]+)\b", text)}
    values = [limits.BOUNDS_BLOCK, limits.LIMB]
    assert not [file for file, text in texts.items() if any(re.search(rf"\b{value}\b", text) for value in values)]
    monkeypatch.setattr(limits, "BOUNDS_BLOCK", 77)
    [name] = [file for file in FILES if file.name == "bounds.cypher"]
    query = read_query("paths.bounds", texts[name], read_fragments(texts[FOLDER / "fragments.cypher"]))
    assert "level[i..i + 77]" in query.cypher()
    assert query.columns[0].description.endswith("blocks of 77")


def test_a_fragment_takes_arguments() -> None:
    fragments = read_fragments(
        "// Words.\n\n// @fragment half(n, name) -- a comment\n// goes on\nn.name / 2 + 'n'\n  + name\n\n"
        "// @fragment quarter(node) -- of it\n@half(node, $x) / @BOUNDS_BLOCK\n"
    )
    text = "// @internal Words.\nCYPHER 25\n  RETURN @quarter(m) AS q\n  // @half\n"
    code = read_query("a.b", text, fragments).cypher()
    assert code.endswith("  RETURN m.name / 2 + 'n'\n    + $x / 512 AS q\n  // @half\n")


def test_a_query_takes_the_parameters_of_its_fragments() -> None:
    fragments = read_fragments(
        "// @fragment half -- it\n// @param a STRING -- one\n// @param b INTEGER = 2 -- two\n"
        "// @param z LIST = [] -- not used\n$a + $b\n"
        "// @fragment quarter -- of it\n// @param c INTEGER = 3 -- three\n@half + $c\n"
    )
    text = (
        "// @internal Words.\n// @param k INTEGER = 4 -- own\n//   and long\n// @param c FLOAT = 0.5 -- another\n"
        "// @returns x INTEGER -- it\nCYPHER 25\nRETURN @quarter + $k + $graph AS x // not @half\n"
    )
    query = read_query("a.b", text, fragments)
    assert [(one.name, one.default) for one in query.parameters] == [
        ("graph", None),
        ("a", None),
        ("k", 4),
        ("c", 0.5),
        ("b", 2),
    ]
    assert query.parameters[2].description == "own and long"
    assert query.cypher().splitlines()[5:8] == [
        "// @param c FLOAT = 0.5 -- another",
        "// @param b INTEGER = 2 -- two",
        "// @returns x INTEGER -- it",
    ]
    without = read_query("a.c", "// @internal Words.\nCYPHER 25\n  // @half\nRETURN $a\n", fragments)
    assert not without.parameters


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("// Words.\n// @param k INTEGER\nCYPHER 25\n", "a/b.cypher:2: '@param k INTEGER' is neither"),
        ("// Words.\n// @paramk\nCYPHER 25\n", "a/b.cypher:2: "),
        ("// Words.\nCYPHER 25\nMATCH (n)\nRETURN @nothing\n", "a/b.cypher:4: fragments.cypher has no @nothing"),
        ("// Words.\nCYPHER 25\nRETURN @kind(a, b)\n", "a/b.cypher:3: .* @kind of 2 arguments"),
        ("// Words.\nCYPHER 25\nRETURN @NOTHING\n", "a/b.cypher:3: schema/limits.py has no NOTHING"),
        ("// Words.\nMATCH (n) RETURN n\n", "a/b.cypher:2: a statement begins with"),
        ("// Words.\nCYPHER 25\nRETURN 1\n// visual: It.\nRETURN p\n", "a/b.cypher:2: .*'// result', which is missing"),
        ("// Words.\nCYPHER 25\nRETURN 1\n", "a/b.cypher:3: a query has either a visual form or @internal"),
        ("// @internal\nCYPHER 25\n// visual: It.\nCYPHER 25\nRETURN p\n", "a/b.cypher:5: a query has either"),
    ],
)
def test_errors_in_a_file_name_file_and_line(text: str, where: str) -> None:
    fragments = read_fragments("// @fragment kind(node) -- its kind\nsplit(node.key, ':')[0]\n")
    with pytest.raises(QueryFileError, match=f"^{where}"):
        read_query("a.b", text, fragments)


def test_errors_in_the_fragments_name_file_and_line() -> None:
    with pytest.raises(QueryFileError, match=r"^fragments.cypher:2: fragments.cypher has no @later"):
        read_fragments("// @fragment a -- uses what is below it\n@later\n// @fragment later -- it\n1\n")
    for line in ("// @param k INTEGER", "// @parm k INTEGER -- how many", "// @fragment b: it"):
        with pytest.raises(QueryFileError, match=f"^fragments.cypher:2: '{line}' is neither"):
            read_fragments(f"// @fragment a -- it\n{line}\n$k\n")
    with pytest.raises(QueryFileError, match=r"^fragments.cypher:1: .* nor, below one, "):
        read_fragments("// @param k INTEGER -- how many\n// @fragment a -- it\n$k\n")


def test_internal_queries_are_not_listed() -> None:
    internal = {query.id for query in QUERIES} - {query.id for query in public_queries()}
    assert internal >= {"graphs.nodes", "graphs.edges", "graphs.columns", "nodes.columns", "views.nodes"}
    with pytest.raises(InvalidArgumentError, match="no visual form"):
        find_query("graphs.nodes").visual()


def test_its_header_says_everything(query: CatalogueQuery) -> None:
    assert len(query.answers) > 20
    used = set(re.findall(r"\$(\w+)", re.sub(r"//.*", "", query.cypher())))
    assert used == {parameter.name for parameter in query.parameters}
    assert query.columns
    declared = [line for line in query.cypher().splitlines() if line.startswith(("// @param", "// @returns"))]
    assert len(declared) == len(query.parameters) + len(query.columns)


@pytest.mark.parametrize("form", ["rows", "visual"])
def test_it_names_its_dialect_and_is_bounded(query: CatalogueQuery, form: str) -> None:
    if form == "visual" and query.internal:
        return
    code = re.sub(r"//.*", "", query.cypher() if form == "rows" else query.visual())
    assert code.strip().startswith("CYPHER 25\n")
    assert not re.search(r"@[A-Za-z]", code), "a fragment is left in its place"
    assert not re.search(r"\[:?\w*:?\w*\*|\{\d*,\}|\)[+*]|->[+*]", code), "unbounded pattern"
    bounded_by_hops = "range(0, $max_hops)" in code or "range(1, $max_hops)" in code
    assert "LIMIT" in code or bounded_by_hops
    code = code.replace("CALL db.index.fulltext.queryNodes(", "")  # reads an index
    for word in ("CREATE ", "MERGE ", "SET ", "DELETE", "LOAD CSV", "CALL db", "elementId", "apoc", "gds"):
        assert word not in code


def test_it_runs_as_it_is_and_returns_what_it_says(query: CatalogueQuery, atlas: Any, examples: Any) -> None:
    values = query.complete(arguments(query))
    rows = atlas.cypher(query.cypher(), values)
    assert rows.columns == [column.name for column in query.columns]
    assert bool(rows.rows) == (query.id not in EMPTY)


def test_it_has_a_visual_form(public: CatalogueQuery) -> None:
    """With a sentence on what it draws, and no parameters of its own."""
    assert len(public.draws) > 20
    used = set(re.findall(r"\$(\w+)", public.visual()))
    assert used <= {parameter.name for parameter in public.parameters}
    assert int(re.findall(r"LIMIT (\d+)", public.visual())[-1]) <= 300  # what Browser draws at once


def test_its_visual_form_returns_paths_of_the_graph(public: CatalogueQuery, atlas: Any, examples: Any) -> None:
    query = public
    values = query.complete(arguments(query))
    with atlas.driver.session() as session:
        records = list(session.run(query.visual(), values))
    assert 0 < len(records) <= 300
    for [path] in records:
        assert isinstance(path, neo4j.graph.Path)
        owners = {node["graph"] for node in path.nodes if "graph" in node}
        assert owners <= asked_about(values) or query.id in ABOUT_ALL
    plan = atlas.plan(unrolled(query.visual()), values)
    assert "Index" in plan
    assert not [scan for scan in SCANS if scan in plan]


def test_paths_through_a_cycle_are_walks(atlas: Any, new_name: Any) -> None:
    name = new_name()
    load_graph(atlas, make_graph([0, 1, 1, 2], [(0, 1, 1.0), (1, 2, 1.0), (2, 1, 1.0), (1, 3, 1.0)]), name=name)
    asked = {"graph": name, "targets": ["logit:3@3"], "max_hops": 4}
    assert atlas.query("paths.count", asked).rows == []
    counts = {row["hops"]: row["paths"] for row in atlas.query("paths.count", {**asked, "sources": ["token:0"]}).rows}
    assert counts == {1: "0", 2: "1", 3: "0", 4: "1"}


def test_loops_are_unrolled() -> None:
    loops = {query.id for query in QUERIES if "reduce(" in query.cypher() and "COLLECT {" in query.cypher()}
    assert loops >= {"paths.top_k", "paths.strongest", "paths.bounds", "paths.count", "neighbors.subgraph"}
    assert loops == {query.id for query in QUERIES if unrolled(query.cypher()) != query.cypher()}


def test_an_index_serves_it(query: CatalogueQuery, atlas: Any, examples: Any) -> None:
    plan = atlas.plan(unrolled(query.cypher()), query.complete(arguments(query)), profile=True)
    assert "Index" in plan
    assert not [scan for scan in SCANS if scan in plan]


def test_without_the_hint_the_planner_takes_no_index(atlas: Any, examples: Any) -> None:
    """Why queries have conditions that are always true, `@indexed(n.ordinal)`: see its fragment."""
    nodes = "MATCH (n:Node {graph: $graph}) RETURN n.key AS key ORDER BY key LIMIT 1"
    hinted = nodes.replace("RETURN", "WHERE n.ordinal IS NOT NULL RETURN")
    plans = [atlas.plan(cypher, {"graph": "dallas"}, profile=True) for cypher in (nodes, hinted)]
    assert ["NodeByLabelScan" in plan for plan in plans] == [True, False]
    assert "RANGE INDEX n:Node(graph, ordinal)" in plans[1]


REWRITTEN = """
CALL {{
  MATCH (a)-[r:{type}]->(b) WHERE b.graph = $graph OR a.graph = $graph OR a.name = $graph
  WITH a, b, r, properties(r) AS properties ORDER BY rand()
  CREATE (a)-[new:{type}]->(b) SET new = properties
  DELETE r
}}
"""


def rows_in_order(query: CatalogueQuery, atlas: Any) -> list[list[Any]]:
    """Its answer; columns of effects, whose order inside a row does not count, are sorted."""

    def settle(value: Any) -> Any:
        if isinstance(value, float):
            return f"{value:.9g}"  # sums depend on the order, in their last digits; as a text, NaN is equal to itself
        if isinstance(value, list):
            return [settle(item) for item in value]
        return {key: settle(item) for key, item in value.items()} if isinstance(value, dict) else value

    rows = [settle(list(row.values())) for row in atlas.cypher(query.cypher(), query.complete(arguments(query))).rows]
    if query.id == "graphs.edges":
        return [
            [target, *map(list, zip(*sorted(zip(*columns[:2], strict=True)), strict=True))] for target, *columns in rows
        ]
    return rows


def test_it_answers_the_same_however_the_store_is_laid_out(atlas: Any, examples: Any) -> None:
    """Relationships are written again, in another order, which is the order in which they are read."""
    before = {query.id: rows_in_order(query, atlas) for query in QUERIES}
    for graph in ("dallas", "night", "opposite-small"):
        for kind in ("DIRECT_EFFECT", "ACTIVATION_OF", "GROUPS", "TAGGED"):
            atlas.cypher(REWRITTEN.format(type=kind), {"graph": graph}, write=True)
    after = {query.id: rows_in_order(query, atlas) for query in QUERIES}
    assert [name for name in before if before[name] != after[name]] == []
