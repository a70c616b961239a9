"""Neo4j Browser in a real Chromium: it connects to the server and draws what a query of the catalogue returns."""

from __future__ import annotations

import base64
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.catalogue import arguments
from support.examples import EXAMPLES
from support.program import Run

from circuit_atlas import Atlas, Connection
from circuit_atlas.cypher_text import comment, literal
from circuit_atlas.errors import GraphNotFoundError, InputError, InvalidArgumentError
from circuit_atlas.queries.catalogue import CatalogueQuery, public_queries
from circuit_atlas.schema.keys import Kind
from circuit_atlas.server import LocalServer
from circuit_atlas.server.browser_style import style_sheet
from circuit_atlas.views.browser import browser_address, browser_of, drawn, filled, write_favorites
from circuit_atlas.views.figure import KIND_STYLES

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from support.chromium import PageLog

COLORS = {kind: color for kind, (color, _) in KIND_STYLES.items()}
ELSEWHERE = r"ERR_NAME_NOT_RESOLVED|ERR_EMPTY_RESPONSE|ERR_FAILED"  # Browser's own fonts and analytics


@pytest.fixture(scope="session")
def browser_url(local_server: LocalServer) -> str:
    return str(local_server.status().browser)


@pytest.fixture
def connected(page: Page, page_log: PageLog, connection: Connection) -> Iterator[Callable[[str], Page]]:
    """Opens an address of Browser and gives the password, as a person would."""
    page_log.expected.append(ELSEWHERE)
    page.route(re.compile(r"^https?://(?!127\.0\.0\.1)"), lambda route: route.abort())

    def connect(url: str) -> Page:
        page.goto(url)
        page.get_by_test_id("password").fill(connection.password)
        page.get_by_test_id("connect").click()
        page.get_by_test_id("password").wait_for(state="detached")
        # Then the commands of the server run. A result that is drawn before them has effects that nobody asked for.
        page.get_by_test_id("frame").filter(has_text='"autoComplete": false').wait_for()
        return page

    yield connect
    page_log.requests.clear()  # its fonts and analytics, which were refused


DROP = """([name, content]) => {
  const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
  const dropped = new DataTransfer();
  dropped.items.add(new File([bytes], name));
  const event = new DragEvent('drop', {dataTransfer: dropped, bubbles: true, cancelable: true});
  document.querySelector('.filedrop').dispatchEvent(event);
}"""


def drop(page: Page, file: Path) -> None:
    """Drop a file onto the page, as with a mouse."""
    page.evaluate(DROP, [file.name, base64.b64encode(file.read_bytes()).decode()])


def captions(page: Page) -> set[str]:
    """Runs what is in the editor; the captions of the nodes that are drawn."""
    page.get_by_test_id("editor-Run").click()
    page.locator("g.node").first.wait_for()
    return {text.strip() for text in page.locator("g.node text.caption:first-of-type").all_text_contents()}


def fills(page: Page) -> set[str | None]:
    return {circle.get_attribute("fill") for circle in page.locator("g.node circle.b-outline").all()}


def test_browser_draws_a_graph_in_our_colours_and_keeps_the_catalogue(
    run: Run,
    atlas: Atlas,
    browser_url: str,
    connected: Callable[[str], Page],
    screenshot: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    style, favorites = tmp_path / "circuit-atlas.grass", tmp_path / "circuit-atlas.zip"
    done = run("browse", "dallas", "--browser-url", browser_url, "--style", str(style), "--favorites", str(favorites))
    assert done.returncode == 0, done.stderr
    page = connected(done.stdout.strip())
    assert {"Austin", "Texas", "Dallas"} <= captions(page)
    # The local server brings its style, and Browser adds no effects that the statement does not return.
    assert fills(page) == {COLORS[kind] for kind in (Kind.FEATURE, Kind.TOKEN, Kind.LOGIT)}
    best = atlas.graph("dallas").view_circuit(k=10).summary
    assert page.locator("g.node").count() <= 15
    assert page.locator("g.relationship").count() <= best.edges
    assert "DIRECT_EFFECT" not in set(page.locator("g.relationship text").all_text_contents())
    screenshot("neo4j-browser-graph")
    drop(page, style)
    page.get_by_text("node.Feature {").nth(1).wait_for()  # the first is what the server brought
    drop(page, favorites)
    page.get_by_test_id("navigationFavorites").click()
    page.get_by_text("circuit-atlas neighbors").click()
    page.get_by_test_id("scriptTitle-neighbors.direct").wait_for()
    screenshot("neo4j-browser-favorites")


def test_browser_draws_the_result_of_a_long_query(
    run: Run, browser_url: str, connected: Callable[[str], Page], screenshot: Callable[[str], Path]
) -> None:
    """Too long for a request: the statement stands behind the #."""
    done = run(
        "browse",
        "paths.top_k",
        "-p",
        "graph=dallas",
        "-p",
        'targets=["logit:22605@10"]',
        "-p",
        "max_hops=3",
        "-p",
        "k=5",
        "--browser-url",
        browser_url,
        "--print",
    )
    assert done.returncode == 0, done.stderr
    page = connected(done.stdout.strip())
    found = json.loads(run("paths", "dallas", "--to", "logit:22605@10", "--max-hops", "3", "-k", "5").stdout)
    keys = {node["key"] for path in found["paths"] for node in path["nodes"]}
    names = captions(page)
    assert page.locator("g.node").count() == len(keys)
    assert {"Austin", "Dallas"} <= names
    screenshot("neo4j-browser-paths")


def test_what_query_show_prints_can_be_pasted(
    run: Run, connection: Connection, browser_url: str, connected: Callable[[str], Page]
) -> None:
    """Parameters and statement at once: Browser takes both. Then the statement alone, whose result it draws."""
    values = ["-p", "graph=dallas", "-p", "key=logit:22605@10", "-p", "k=2"]
    done = run("query", "--show", "neighbors.direct", "--visual", *values)
    header, parameters, statement = re.split(r"^((?::param .*;\n)+)\n", done.stdout, flags=re.MULTILINE)
    assert header.startswith("// A node and the strongest")
    address = browser_address(browser_url, connection.uri, connection.username, None, header + parameters + statement)
    page = connected(address)
    page.get_by_test_id("editor-Run").click()
    commands = parameters.count("\n") + 1
    page.get_by_title("Status: success").nth(commands - 1).wait_for()
    page.keyboard.insert_text(statement.rstrip())
    assert captions(page) >= {"Austin", "Dallas"}
    assert page.locator("g.node").count() == 3  # a logit and its two strongest inputs


def test_the_address_does_not_contain_the_password(run: Run, connection: Connection, local_server: LocalServer) -> None:
    done = run("browse", "dallas", "--print")
    assert connection.password not in done.stdout + done.stderr
    assert "NEO4J_PASSWORD" in done.stderr
    host = urlsplit(connection.uri).netloc
    assert done.stdout.startswith(f"http://127.0.0.1:7474/browser/?dbms=bolt://neo4j@{host}&cmd=edit&arg=")
    local = dict.fromkeys(("NEO4J_URI", "NEO4J_USERNAME", "NEO4J_PASSWORD"), "")
    here = run("browse", "--print", "--store", str(local_server.store.path), **local)
    assert here.stdout.startswith(str(local_server.status().browser))
    assert str(local_server.store.path / "password") in here.stderr


def test_the_address_is_opened_unless_it_is_only_printed(run: Run, tmp_path: Path) -> None:
    opener = tmp_path / "opener"
    opener.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    opener.chmod(0o755)
    done = run("browse", "dallas", BROWSER=str(opener))
    assert (tmp_path / "opened").read_text() == done.stdout
    (tmp_path / "opened").unlink()
    run("browse", "dallas", "--print", BROWSER=str(opener))
    assert not (tmp_path / "opened").exists()


def test_queries_graphs_and_statements_can_be_browsed(atlas: Atlas, examples: Any, new_name: Callable[[], str]) -> None:
    assert "status = 'ready'" in atlas.browse().statement
    page = atlas.browse("neighbors.direct", {"graph": "dallas", "key": "token:9", "k": 3})
    assert "key: 'token:9'" in page.statement
    assert atlas.cypher(page.statement).rows
    own = atlas.browse("MATCH p = (n:Node {graph: $graph}) RETURN p LIMIT 5", {"graph": "dallas"})
    assert own.statement == "MATCH p = (n:Node {graph: 'dallas'}) RETURN p LIMIT 5"
    name = f"{new_name()} of two words"
    atlas.ingest(EXAMPLES / "dallas-haiku.json", name=name)
    assert atlas.browse(name).graph == name
    atlas.delete(name)
    with pytest.raises(GraphNotFoundError):
        atlas.browse("nothing")
    with pytest.raises(InvalidArgumentError, match="a graph takes no parameters: k"):
        atlas.browse("dallas", {"k": 3})
    with pytest.raises(InvalidArgumentError, match="needs graph"):
        atlas.browse("nodes.get")
    with pytest.raises(InvalidArgumentError, match="too long"):
        atlas.browse("RETURN '" + "x" * 130_000 + "' AS x")


@pytest.mark.parametrize("query", public_queries(), ids=lambda query: query.id)
def test_every_visual_form_filled_in_is_one_statement(query: CatalogueQuery, atlas: Atlas, examples: Any) -> None:
    statement = drawn(query, arguments(query))
    code = re.sub(r"//.*", "", statement)
    assert "$" not in code
    assert atlas.plan(statement)  # the server takes it without parameters


def test_favourites_are_titled_and_say_what_they_need(tmp_path: Path) -> None:
    assert write_favorites(tmp_path / "all.zip", "it's") == len(public_queries())
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert len(archive.namelist()) == len(public_queries())
        text = archive.read("circuit-atlas neighbors/direct.cypher").decode()
    assert text.startswith("// neighbors.direct\n// A node and the strongest")
    assert r"{graph: 'it\'s', key: $key}" in text
    with pytest.raises(InputError):
        write_favorites(tmp_path / "no" / "all.zip")


@given(value=st.text(), other=st.text())
def test_filled_in_values_do_not_become_part_of_the_statement(value: str, other: str) -> None:
    """No text of a graph can become part of a statement, and no parameter's name in a text is taken for one."""
    statement = "RETURN $a AS a, '$b' AS b, `$a` /* $a */ // $a\n, $c"
    done = filled(statement, {"a": value, "b": other})
    assert done == f"RETURN {literal(value)} AS a, '$b' AS b, `$a` /* $a */ // $a\n, $c"


@given(st.text())
def test_a_literal_is_one_quoted_text(text: str) -> None:
    quoted = literal(text)
    body = quoted[1:-1]
    assert not re.search(r"(?<!\\)(\\\\)*'", body)
    assert "\n" not in body


@given(st.text(st.characters() | st.sampled_from("\n\r\x0b\x0c\x85\u2028\u2029\\u0a")))
def test_no_text_leaves_its_comment(text: str) -> None:
    line = comment(text)
    assert line.startswith("// ")
    assert line.splitlines() == [line]
    assert "\\" not in line.replace("\\\\", "")  # no escape of Cypher begins


@pytest.mark.parametrize("end", ["\n", "\r", "\u2028", r"\u000a", r"\\u000a", r"\users"])
def test_the_server_finds_no_statement_in_a_comment(end: str, atlas: Atlas) -> None:
    assert atlas.cypher(comment(f"x{end}RETURN 1 AS one //") + "\nRETURN 2 AS two").rows == [{"two": 2}]


@pytest.mark.parametrize(
    ("uri", "browser"),
    [
        ("bolt://localhost:7687", "http://localhost:7474/browser/"),
        ("neo4j://db.example.org", "http://db.example.org:7474/browser/"),
        ("neo4j+s://db.example.org:7687", "https://db.example.org:7473/browser/"),
        ("neo4j+s://abcd.databases.neo4j.io", "https://abcd.databases.neo4j.io/browser/"),
        ("bolt://[::1]:7687", "http://[::1]:7474/browser/"),
    ],
)
def test_the_address_of_browser_follows_from_that_of_the_server(uri: str, browser: str) -> None:
    assert browser_of(uri) == browser
    with pytest.raises(InvalidArgumentError):
        browser_of(uri.replace("://", "/"))


def test_the_style_names_every_kind() -> None:
    for kind in Kind:
        selector = "node" if kind is Kind.OTHER else f"node.{kind.label}"
        [color] = re.findall(rf"^{selector} \{{.*?  color: (#\w+);", style_sheet(), re.S | re.M)
        assert color == COLORS[kind]
