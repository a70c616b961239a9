"""No way out of the database: what a statement that may only read can reach."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import neo4j
import pytest
from support.program import Run, fails

from circuit_atlas import Atlas, Connection, GraphHandle
from circuit_atlas.errors import CypherError, ReadOnlyError
from circuit_atlas.server import LocalServer

LOAD = "LOAD CSV FROM 'file:///etc/passwd' AS row RETURN row"
# How a statement loads a file: in a clause, in a subquery, and where the plan has it in the text of an expression.
LOADS = (
    LOAD,
    f"/* CREATE */ {LOAD.lower()} // harmless",
    LOAD.replace("LOAD", "\\u004cOAD"),
    "UNWIND ['http://127.0.0.1/'] AS url LOAD CSV WITH HEADERS FROM url AS row RETURN row",
    f"CALL () {{ {LOAD} }} RETURN row",
    f"RETURN COUNT {{ {LOAD} }} AS n",
    f"RETURN EXISTS {{ {LOAD} }} AS n",
    f"RETURN [i IN [1] | COLLECT {{ {LOAD} }}] AS rows",
    f"MATCH (n:Node) WHERE any(i IN [1] WHERE size(COLLECT {{ {LOAD} }}) > 0) RETURN n",
    f"MATCH (n:Node {{graph: toString(size([i IN [1] | COLLECT {{ {LOAD} }}]))}}) RETURN n",
    f"MATCH (n:Node)-[r WHERE size([i IN [1] | COLLECT {{ {LOAD} }}]) > r.weight]->+(m:Token) RETURN n",
    f"MATCH (n:Node) RETURN n.name ORDER BY reduce(s = 0, i IN [1] | s + COUNT {{ {LOAD} }}) LIMIT 1",
    f"RETURN [i IN [1] | EXISTS {{ CALL () {{ {LOAD} }} RETURN row }}] AS x",
    f"SHOW INDEXES YIELD name WHERE size([i IN [1] | COLLECT {{ {LOAD} }}]) > 0",
    f"WHEN false THEN {{ {LOAD} }} ELSE {{ RETURN 1 AS row }}",
)
CHANGES = (
    "CREATE (n:Oops)",
    "MATCH (n:Graph) CALL (n) { SET n.name = 'x' } IN TRANSACTIONS",
    "CREATE INDEX oops FOR (n:Oops) ON (n.x)",
    "CREATE USER oops SET PASSWORD 'long-enough'",
    "SHOW USERS",
)
CALLS = (
    ("CALL db.createLabel('Oops')", "db.createLabel"),
    ("CALL dbms.listConnections()", "dbms.listConnections"),
    ("CALL dbms.listConnections() YIELD connectionId RETURN connectionId", "dbms.listConnections"),
    (
        "RETURN [i IN [1] | COLLECT { CALL `dbms`.listConnections() YIELD connectionId AS c RETURN c }] AS x",
        "dbms.listConnections",
    ),
)
READS = (
    "CYPHER 25 MATCH (n:Node {graph: $graph}) RETURN n.`LOAD`, date.truncate('day', datetime()) AS d LIMIT 1",
    "// a comment\nCYPHER 25\nMATCH (n:Node {graph: $graph}) WHERE n.name CONTAINS 'LOAD CSV' RETURN n.key LIMIT 1;",
    "CALL db.labels()",
    "CALL db.schema.visualization()",
    "CALL db.index.fulltext.queryNodes('search_text', 'token:x') YIELD node RETURN node.name LIMIT 1",
    "SHOW INDEXES YIELD name WHERE name STARTS WITH 'n' RETURN name",
    "SHOW DATABASES YIELD name",
    "SHOW TRANSACTIONS YIELD username",
    "EXPLAIN MATCH (n:Node) RETURN n LIMIT 1",
)


class _Six(HTTPServer):
    address_family = socket.AF_INET6


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"reached\n")


@pytest.fixture
def listeners() -> Iterator[list[str]]:
    """Addresses of web pages of this machine, by IPv4 and IPv6 where it has both."""
    servers: list[HTTPServer] = [HTTPServer(("127.0.0.1", 0), _Handler)]
    if socket.has_dualstack_ipv6():
        servers.append(_Six(("::1", 0), _Handler))
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    four, *six = [server.server_address[1] for server in servers]
    yield [
        *(f"http://{host}:{four}/" for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]")),
        *(f"http://[::1]:{port}/" for port in six),
    ]
    for server in servers:
        server.shutdown()
        server.server_close()


def test_the_local_server_loads_no_file_and_calls_nobody(
    local_server: LocalServer, connection: Connection, listeners: list[str]
) -> None:
    """Not even for someone who has the password and the driver."""
    inside = local_server.store.path / "import" / "inside.csv"
    inside.write_text("reached\n")
    addresses = ["file:///etc/passwd", "file:///inside.csv", inside.as_uri(), "file:///../password", *listeners]
    auth = (connection.username, connection.password)
    with neo4j.GraphDatabase.driver(connection.uri, auth=auth) as driver:
        for address in addresses:
            with pytest.raises(neo4j.exceptions.ClientError, match=r"file_urls' is false|cypher_ip_blocklist"):
                driver.execute_query("LOAD CSV FROM $address AS row RETURN row", address=address)
    inside.unlink()


@pytest.mark.parametrize("statement", LOADS)
def test_a_statement_that_may_only_read_loads_nothing(statement: str, atlas: Atlas) -> None:
    with pytest.raises(ReadOnlyError, match="LOAD CSV reads files of the server"):
        atlas.cypher(statement)


@pytest.mark.parametrize("statement", CHANGES)
def test_it_changes_nothing(statement: str, atlas: Atlas) -> None:
    with pytest.raises(ReadOnlyError, match=r"would change the database(.*\n)*.*--write"):
        atlas.cypher(statement)


@pytest.mark.parametrize("statement", ["PROFILE MATCH (n:Node) RETURN n LIMIT 1", "CYPHER 25 PROFILE CREATE (:Oops)"])
def test_profile_is_refused_in_words(statement: str, atlas: Atlas) -> None:
    with pytest.raises(ReadOnlyError, match=r"with PROFILE it cannot be looked at before it runs\n.*query --profile"):
        atlas.cypher(statement)


@pytest.mark.parametrize(("statement", "name"), CALLS)
def test_it_calls_no_other_procedures(statement: str, name: str, atlas: Atlas) -> None:
    with pytest.raises(ReadOnlyError, match=f"it calls {name}, which may"):
        atlas.cypher(statement)


def test_it_ends_no_transaction(atlas: Atlas) -> None:
    with pytest.raises(ReadOnlyError, match="would end transactions"):
        atlas.cypher("TERMINATE TRANSACTIONS 'neo4j-transaction-1'")


@pytest.mark.parametrize("statement", READS)
def test_it_reads_what_it_likes(statement: str, atlas: Atlas, examples: dict[str, GraphHandle]) -> None:
    atlas.cypher(statement, {"graph": "dallas"})


def test_one_that_is_profiled_or_drawn_is_checked_too(atlas: Atlas, run: Run) -> None:
    with pytest.raises(ReadOnlyError):
        atlas.plan(LOAD, profile=True)
    with pytest.raises(ReadOnlyError):
        atlas.browse(LOAD)
    with pytest.raises(CypherError, match="Invalid input"):
        atlas.browse(":get http://127.0.0.1/")
    fails(run("query", LOAD), 1, "may only read", "--write")
    fails(run("query", "-", stdin=LOAD), 1, "may only read")
    fails(run("query", LOAD, "--write"), 1, "the server refused")
    assert "LoadCSV" in atlas.plan(LOAD)
