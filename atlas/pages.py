"""Pages of others, filled from the database: `Atlas.browse`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from circuit_atlas.attributions import Attributions
from circuit_atlas.errors import GraphNotFoundError
from circuit_atlas.queries import catalogue, find_query, graph_questions


class BrowserPage(NamedTuple):
    """Neo4j Browser, with a statement to run.

    `url` opens it with `statement`, of `graph` if it is about one, in its editor; it asks for the password of
    `username`, which is in `password_file` (None when the server is not the local one).
    """

    url: str
    statement: str
    graph: str | None
    username: str
    password_file: str | None


class Pages(Attributions):
    """Neo4j Browser; see `Atlas`."""

    def browse(
        self, what: str | None = None, parameters: Mapping[str, Any] | None = None, *, browser_url: str | None = None
    ) -> BrowserPage:
        """Where Neo4j Browser opens with a picture ready to be drawn.

        Args:
            what: a graph, the id of a query of the catalogue, whose visual form is taken, or a Cypher statement; the
                graphs of the database when None.
            parameters: of the query.
            browser_url: address of Browser, where it is not the server's own at the usual port.

        Raises:
            GraphNotFoundError: neither a graph nor a query has that name.
            QuestionError: a parameter is missing, unknown or of the wrong type, or the statement is too long.
        """
        from circuit_atlas.views.browser import browser_address, browser_of  # noqa: PLC0415

        statement, graph = self._drawing(what, dict(parameters or {}))
        status = self._server.status() if self._server else None
        base = browser_url or (status and status.browser) or browser_of(self._connection.uri)
        url = browser_address(
            base, self._connection.uri, self._connection.username, self._connection.database, statement
        )
        return BrowserPage(url, statement, graph, self._connection.username, status.password_file if status else None)

    def _drawing(self, what: str | None, parameters: dict[str, Any]) -> tuple[str, str | None]:
        from circuit_atlas.views.browser import drawn, filled  # noqa: PLC0415

        if what is None or what in catalogue():
            return drawn(find_query(what or "graphs.list"), parameters), parameters.get("graph")
        try:
            graph_questions.find_graph(self._runner, what)
        except GraphNotFoundError:
            if any(character.isspace() for character in what):  # Cypher
                return filled(what, parameters), parameters.get("graph")
            raise
        return drawn(find_query("graphs.stats"), {"graph": what, **parameters}), what
