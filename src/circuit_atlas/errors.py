"""Every error that circuit-atlas raises on purpose, in one tree.

Each error says what was wrong, where, and what to do about it; `str(error)` joins the three. The exit
code is what the command line ends with: 1 for a question or file that is wrong, 2 for a command that is
wrong (click's own), 3 for a database or machine that is not ready.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class AtlasError(Exception):
    """Base of all errors of circuit-atlas.

    Args:
        what: what was wrong, as a sentence without a full stop at the end.
        where: the file, place in it, graph, node or address concerned.
        fix: what the user can do next.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str | None = None, fix: str | None = None) -> None:
        super().__init__(what)
        self.what, self.where, self.fix = what, where, fix

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}\n  {self.fix}" if self.fix else head


class InputError(AtlasError):
    """A graph file cannot be read: wrong format, damaged, or inconsistent."""


class UnsafeFileError(InputError):
    """A graph file would run code, or claims sizes it does not have; it was not loaded."""


class GraphExistsError(AtlasError):
    """Another graph already has this name."""


class IngestError(AtlasError):
    """The database does not hold what was sent to it; nothing was published."""


class NotFoundError(AtlasError):
    """Something that was named does not exist in the database."""


class GraphNotFoundError(NotFoundError):
    """No graph of that name is ready."""


class NodeNotFoundError(NotFoundError):
    """No node of the graph has that key, address or name."""


class SupernodeNotFoundError(NotFoundError):
    """The graph has no supernode of that name."""


class QueryNotFoundError(NotFoundError):
    """The catalogue has no query of that id."""


class AmbiguousNodeError(AtlasError):
    """An address fits several nodes; `candidates` lists their keys."""

    def __init__(self, what: str, *, candidates: list[str], where: str | None = None, fix: str | None = None):
        super().__init__(what, where=where, fix=fix)
        self.candidates = candidates


class DamagedGraphError(AtlasError):
    """What the database holds of a graph is not what was ingested."""


class InvalidArgumentError(AtlasError):
    """The question cannot be asked of this graph (for instance: no logits), or a parameter is out of range."""


class CypherError(AtlasError):
    """The server refused a Cypher statement."""


class QueryTimeoutError(AtlasError):
    """The server stopped a query at its time limit."""


class AttributionError(AtlasError):
    """circuit-tracer cannot load the model or the transcoders, or cannot attribute the prompt."""


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
    """Neuronpedia cannot be reached, refuses, or wants no more requests for now; what it said before that is stored."""

    exit_code = 3


class UnknownSourceSetError(AtlasError):
    """What Neuronpedia calls a set of transcoders is not known, or it has not got it."""


class DatabaseError(AtlasError):
    """The database cannot be used."""

    exit_code = 3


class ServerUnavailableError(DatabaseError):
    """Nothing answers at the database's address, or the connection was lost."""


class DatabaseStoppedError(DatabaseError):
    """The server answers, but its database stopped after an error, a full disk for instance."""


class AuthenticationError(DatabaseError):
    """The database refused the user name or password."""


class UnsupportedServerError(DatabaseError):
    """The server is too old: Cypher 25 came with Neo4j 2025.06."""


class SchemaVersionError(DatabaseError):
    """The store was made by another version of circuit-atlas that this one cannot use."""


class LocalServerError(DatabaseError):
    """The local Neo4j cannot be installed, started or stopped."""
