"""Every error that circuit-atlas raises on purpose, in one tree.

Each error says what was wrong, where, and what to do about it; `str(error)` joins the three, for a terminal. The
`exit_code` is that of the command line: 1 if a query or file is wrong, 3 if the database or the machine is not ready.
Other codes have no class here: 2 if the command line itself is wrong (click's errors), 129 if the terminal was closed,
130 after Ctrl-C, and 143 after SIGTERM.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from circuit_atlas.printable import printable


class AtlasError(Exception):
    """Base of all errors of circuit-atlas.

    Args:
        what: what was wrong, without a full stop at the end.
        where: the file and the place in it, or the graph, node or address concerned.
        fix: what the user can do about it, as sentences.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str | None = None, fix: str | None = None) -> None:
        super().__init__(what)
        self.what, self.where, self.fix = what, where, fix

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return printable(f"{head}\n  {self.fix}" if self.fix else head)


class InputError(AtlasError):
    """A file cannot be read, because it is damaged, inconsistent or of the wrong format; or it cannot be written."""


class UnsafeFileError(InputError):
    """A graph file was not loaded, because it would run code or claims sizes that it does not have."""


class GraphExistsError(AtlasError):
    """A graph of this name with different content already exists."""


class IngestError(AtlasError):
    """A graph could not be stored completely; nothing was published."""


class NotFoundError(AtlasError):
    """Something with the given name does not exist."""


class GraphNotFoundError(NotFoundError):
    """No graph with that name exists, or it is not complete yet."""


class NodeNotFoundError(NotFoundError):
    """No node of the graph has that key, address or name."""


class SupernodeNotFoundError(NotFoundError):
    """The graph has no supernode with that name."""


class CircuitNotFoundError(NotFoundError):
    """The graph has no circuit with that name."""


class QueryNotFoundError(NotFoundError):
    """The catalogue has no query with that id."""


class AmbiguousNodeError(AtlasError):
    """An address fits several nodes; `candidates` lists their keys."""

    def __init__(self, what: str, *, candidates: list[str], where: str | None = None, fix: str | None = None):
        super().__init__(what, where=where, fix=fix)
        self.candidates = candidates


class GraphChangedError(AtlasError):
    """A graph was repaired, replaced or deleted while a question read it, at each of three attempts."""


class DamagedGraphError(AtlasError):
    """A stored graph is not what was ingested."""


class InvalidArgumentError(AtlasError):
    """An argument is invalid or out of range, or does not apply to this graph, for instance one without logits."""


class CypherError(AtlasError):
    """The server refused a Cypher statement."""


class ReadOnlyError(CypherError):
    """A statement that may only read the database would do more: write, load a file, or call what may do so."""


class QueryTimeoutError(AtlasError):
    """The server stopped a query at its time limit."""


class AttributionError(AtlasError):
    """circuit-tracer cannot load the model or its transcoders, or cannot attribute the prompt."""


class OutOfMemoryError(AttributionError):
    """Loading or attributing needs more memory than the GPU or the machine has."""

    exit_code = 3


class MissingExtraError(AtlasError):
    """An optional dependency is not installed."""

    exit_code = 3


@contextmanager
def needs_extra(extra: str, purpose: str) -> Iterator[None]:
    """Around the imports of optional packages: says what to install if one of them is missing.

    Args:
        extra: the extra that installs them.
        purpose: what they are needed for, as the subject of the message: "writing Parquet".

    Raises:
        MissingExtraError: a package cannot be imported.
    """
    try:
        yield
    except ImportError as error:
        raise MissingExtraError(
            f"{purpose} needs the extra {extra!r}: {error}", fix=f"pip install 'circuit-atlas[{extra}]'"
        ) from error


class NeuronpediaError(AtlasError):
    """Neuronpedia cannot be reached, refuses a request, or its rate limit is reached. Earlier answers are stored."""

    exit_code = 3


class DownloadError(AtlasError):
    """A graph file cannot be downloaded: its host does not answer, refuses, is not allowed, or sends something else."""

    exit_code = 3


class UnknownSourceSetError(AtlasError):
    """Neuronpedia does not have the set of transcoders, or its name there is not known."""


class DatabaseError(AtlasError):
    """The database cannot be used."""

    exit_code = 3


class ServerUnavailableError(DatabaseError):
    """No server answers at the database's address, or the connection was lost."""


class DatabaseStoppedError(DatabaseError):
    """The server answers, but its database has stopped after an error, for instance because the disk is full."""


class AuthenticationError(DatabaseError):
    """The database refused the user name or password."""


class UnsupportedServerError(DatabaseError):
    """The server is too old: Cypher 25 came with Neo4j 2025.06."""


class SchemaVersionError(DatabaseError):
    """The store was made by a version of circuit-atlas whose schema this version cannot use."""


class LocalServerError(DatabaseError):
    """The local Neo4j cannot be installed, started or stopped."""
