"""The Python API: `Atlas` is a database of graphs, with the same verbs as the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from circuit_atlas.across import Across
from circuit_atlas.config import Connection, store_path
from circuit_atlas.explanations import Explanations
from circuit_atlas.handle import GraphHandle
from circuit_atlas.open_database import PathLike
from circuit_atlas.pages import Pages
from circuit_atlas.queries import catalogue, find_query
from circuit_atlas.queries import graphs as graph_questions
from circuit_atlas.queries.results import Graphs, Rows
from circuit_atlas.schema.keys import COLLAPSED


class Atlas(Pages, Across, Explanations):
    """A database of attribution graphs.

    Without arguments, the server that `NEO4J_URI` names, or else the local server of the default store,
    which is started when it does not run and left running.

    Args:
        connection: a server of one's own choice.
        store: directory of a local store, instead of the default one.
        timeout: seconds after which the server stops a query.
        tracer: called with the text of every statement, for instance `print`.
        progress: whether to draw bars on standard error while ingesting.

    Raises:
        DatabaseError: the server cannot be reached, refuses the password, or is too old.
        SchemaVersionError: the store belongs to a newer circuit-atlas.
    """

    def graph(self, name: str) -> GraphHandle:
        """The handle of a graph. `NAME:collapsed` is the graph NAME collapsed by its supernodes, as they are now; see
        `GraphHandle.collapsed`.

        Raises:
            GraphNotFoundError: no such graph is ready.
            InvalidArgumentError: it is to be collapsed, and has no supernodes.
        """
        if name.endswith(COLLAPSED):
            return GraphHandle(self._runner, name.removesuffix(COLLAPSED)).collapsed()
        graph_questions.find_graph(self._runner, name)
        return GraphHandle(self._runner, name)

    def graphs(self, tags: Iterable[str] = ()) -> Graphs:
        """The graphs of the database; with tags, only those that have one of them."""
        return graph_questions.list_graphs(self._runner, tags)

    def delete(self, name: str) -> None:
        """Delete a graph, and what it was collapsed to.

        Raises:
            GraphNotFoundError: there is none of that name.
        """
        from circuit_atlas.ingest import Writer, delete_graph
        from circuit_atlas.supernodes import delete_collapsed

        with self._writing():
            delete_collapsed(self._runner, name)
            delete_graph(Writer(self._driver, self._database), name)

    def query(self, query_id: str, parameters: Mapping[str, Any] | None = None) -> Rows:
        """Rows of a query of the catalogue.

        Raises:
            QueryNotFoundError: no query of that id.
            InvalidArgumentError: a parameter is missing, unknown or of the wrong type.
        """
        rows = self._runner.ask(query_id, **(parameters or {}))
        return Rows(columns=[column.name for column in find_query(query_id).columns], rows=rows)

    def cypher(self, text: str, parameters: Mapping[str, Any] | None = None, *, write: bool = False) -> Rows:
        """Rows of any Cypher statement, at most 100,000; read-only unless `write`.

        Raises:
            CypherError: the server refused the statement.
            QueryTimeoutError: the server stopped it at the time limit.
        """
        result = self._runner.run(text, dict(parameters or {}), write=write)
        return Rows(columns=result.columns, rows=result.rows)

    def plan(self, query: str, parameters: Mapping[str, Any] | None = None, *, profile: bool = False) -> str:
        """The plan of a query, by its id in the catalogue or as Cypher; with `profile` it is run and counted."""
        values = dict(parameters or {})
        if query in catalogue():
            found = find_query(query)
            query, values = found.cypher(values.get("max_hops")), found.complete(values)
        return self._runner.plan(query, values, profile=profile)


def running_connection(store: PathLike | None = None) -> Connection | None:
    """The server that would be asked, if it needs no start: NEO4J_URI's, or a local one that runs."""
    from circuit_atlas.server import LocalServer

    return (None if store else Connection.from_environment()) or LocalServer(store_path(store)).connection()
