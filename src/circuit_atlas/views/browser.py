"""Neo4j Browser: addresses that open it with a statement, a style sheet, and the catalogue as favourites."""

from __future__ import annotations

import io
import re
import shlex
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from circuit_atlas.config import Connection
from circuit_atlas.cypher_text import comment, is_cypher, literal
from circuit_atlas.database import Database
from circuit_atlas.errors import GraphNotFoundError, InvalidArgumentError
from circuit_atlas.files import write_file
from circuit_atlas.queries.catalogue import CatalogueQuery, catalogue, find_query, public_queries
from circuit_atlas.queries.graphs import StoredGraph, find_graph
from circuit_atlas.queries.paths import search_paths
from circuit_atlas.queries.read_only import check_read_only
from circuit_atlas.schema.limits import SHOWN_MIN_HOPS, SHOWN_SCORE, SHOWN_SIGN
from circuit_atlas.server.browser_style import style_sheet
from circuit_atlas.views.circuit import best_circuit

# Servers accept 8 KB in a request's first line; some of it is left for proxies that add to it.
MAX_QUERY_STRING = 6_000
MAX_ADDRESS = 120_000  # on Linux, an argument of a program, such as the web browser, has at most 128 KB
# Texts, names and comments, in which `$` does not begin a parameter; then parameters.
_PIECES = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`[^`]*`|//[^\r\n]*|/\*.*?\*/|\$(\w+)""", re.DOTALL)
_PATHS, _NODES = 10, 15  # of the first picture of a graph, at most
_AURA = ".databases.neo4j.io"


class BrowserPage(NamedTuple):
    """Neo4j Browser, with a statement to run.

    `url` opens it with `statement`, of `graph` if it is about one, in its editor; it asks for the password of
    `username`, which is in `password_file` (None if the server is not the local one).
    """

    url: str
    statement: str
    graph: str | None
    username: str
    password_file: str | None = None


def browser_page(
    database: Database, connection: Connection, what: str | None, parameters: dict[str, Any], browser_url: str | None
) -> BrowserPage:
    """The page of Neo4j Browser that draws something; see `Atlas.browse`."""
    statement, graph = _drawing(database, what, parameters)
    base = browser_url or browser_of(connection.uri)
    url = browser_address(base, connection.uri, connection.username, connection.database, statement)
    return BrowserPage(url, statement, graph, connection.username)


def _drawing(database: Database, what: str | None, parameters: dict[str, Any]) -> tuple[str, str | None]:
    if what is None or what in catalogue():
        return drawn(find_query(what or "graphs.list"), parameters), parameters.get("graph")
    try:
        graph = find_graph(database, what)
    except GraphNotFoundError:
        if is_cypher(what):
            check_read_only(database, what, parameters)
            return filled(what, parameters), parameters.get("graph")
        raise
    if parameters:
        raise InvalidArgumentError(
            f"the picture of a graph takes no parameters: {', '.join(parameters)}", fix="Give a query of the catalogue."
        )
    return _best_paths(graph), what


def _best_paths(graph: StoredGraph) -> str:
    """A statement that draws the best paths of a graph, as many as have up to 15 nodes together: Browser places nodes
    as if they were on springs, so that more could not be read. It begins with what to do next. A graph without tokens
    or logits has no paths, so its most influential nodes are drawn."""
    if not (graph.properties["token_nodes"] and graph.logits):
        return drawn(find_query("graphs.stats"), {"graph": graph.name})
    found = search_paths(graph, k=_PATHS, min_hops=SHOWN_MIN_HOPS, score=SHOWN_SCORE, sign=SHOWN_SIGN)
    paths = [[node.key for node in path.nodes] for path in best_circuit(found, _NODES).paths]
    if not paths:
        return drawn(find_query("graphs.stats"), {"graph": graph.name})
    target = found.paths[0].nodes[-1]
    parameters = shlex.join(["-p", f"graph={graph.name}", "-p", f"key={target.key}"])
    guide = [
        f"The {len(paths)} best paths of {graph.name!r} by {found.score} that promote {target.name!r}.",
        "Drag nodes apart; a click on one shows all that is stored of it, a double click draws what it acts on.",
        "Other questions: `circuit-atlas query --list` and `circuit-atlas browse QUERY -p NAME=VALUE`, for instance",
        f"circuit-atlas browse neighbors.direct {parameters}",
    ]
    statement = drawn(find_query("paths.score"), {"graph": graph.name, "paths": paths})
    return "\n".join([*map(comment, guide), statement])


def browser_of(uri: str) -> str:
    """The usual address of Neo4j Browser for a server's Bolt address: port 7474, or 7473 with TLS; for Aura, the host.

    Raises:
        InvalidArgumentError: it is not a Bolt address.
    """
    parts = urlsplit(uri)
    scheme, _, tls = parts.scheme.partition("+")
    if scheme not in ("bolt", "neo4j") or not parts.hostname:
        raise InvalidArgumentError(
            f"{uri!r} is not the address of a Neo4j server", fix="Give bolt://HOST:PORT or neo4j://HOST:PORT."
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    if host.endswith(_AURA):
        return f"https://{host}/browser/"
    return f"https://{host}:7473/browser/" if tls else f"http://{host}:7474/browser/"


def browser_address(browser: str, uri: str, username: str, database: str | None, statement: str) -> str:
    """The address that opens Browser with a statement in its editor, ready to be run.

    A statement that is too long for a request comes after the `#`. Browser reads that part, too, and it is not sent.

    Args:
        browser: address of Browser.
        uri: Bolt address to which Browser connects.
        username: the user's name. The password is never part of the address.
        database: the database's name; None for the default one.
        statement: Cypher, or a command of Browser.

    Raises:
        InvalidArgumentError: the statement is too long for an address.
    """
    scheme, _, host = uri.partition("://")
    connect = f"dbms={_quoted(f'{scheme}://{username}@{host}')}" + (f"&db={_quoted(database)}" if database else "")
    edit = f"cmd=edit&arg={_quoted(statement)}"
    base = browser.split("#", maxsplit=1)[0].split("?", maxsplit=1)[0]
    is_short = len(connect) + len(edit) <= MAX_QUERY_STRING
    address = f"{base}?{connect}&{edit}" if is_short else f"{base}?{connect}#&{edit}"
    if len(address) > MAX_ADDRESS:
        raise InvalidArgumentError(
            f"a statement of {len(statement):,} characters is too long for an address",
            fix="Ask for fewer hops, or paste the statement: `circuit-atlas query --show ID --visual` prints it.",
        )
    return address


def filled(cypher: str, parameters: Mapping[str, Any]) -> str:
    """A statement with values in place of its parameters, so that Browser can run it at once. It is for people to read
    and paste; statements that run here take parameters."""

    def fill(match: re.Match[str]) -> str:
        name = match[1]
        return literal(parameters[name]) if name in parameters else match[0]

    return _PIECES.sub(fill, cypher)


def drawn(query: CatalogueQuery, parameters: Mapping[str, Any]) -> str:
    """The visual form of a query with its parameters filled in."""
    values = query.complete(dict(parameters))
    return filled(query.visual(), values)


def write_style(file: Path) -> None:
    """Write the style sheet. Browser takes it when the file is dropped onto it.

    Raises:
        InputError: the file cannot be written.
    """
    write_file(file, style_sheet().encode())


def write_favorites(file: Path, graph: str | None = None) -> int:
    """Write the catalogue's visual forms as a zip of `.cypher` files, in a folder for each part of the catalogue.
    Dropped onto Browser, they become favourites. Returns their number.

    Args:
        file: the `.zip`.
        graph: the name of a graph to fill in. Other required parameters stay, to be set with `:param`.

    Returns:
        The number of favourites.

    Raises:
        InputError: the file cannot be written.
    """
    queries = public_queries()
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for query in queries:
            folder, _, name = query.id.partition(".")
            archive.writestr(f"circuit-atlas {folder}/{name}.cypher", _favorite(query, graph))
    write_file(file, content.getvalue())
    return len(queries)


def _favorite(query: CatalogueQuery, graph: str | None) -> str:
    values = {parameter.name: parameter.default for parameter in query.parameters if not parameter.required}
    if graph is not None:
        values["graph"] = graph
    return f"// {query.id}\n{filled(query.visual(), values)}"


def _quoted(text: str) -> str:
    return quote(text, safe="/:,;=@$*!")
