"""Finds the database: any server, by the variables `NEO4J_*`, or the local server of a store."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

from circuit_atlas.errors import DatabaseError, InvalidArgumentError

APP_NAME = "circuit-atlas"
STORE_VARIABLE = "CIRCUIT_ATLAS_STORE"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Connection:
    """Address and credentials of a Neo4j server.

    Args:
        uri: a Bolt address (`bolt://`, `neo4j://`, `neo4j+s://`, ...), without user and password.
        username: the user's name.
        password: the user's password.
        database: the database's name; None for the user's home database.

    Raises:
        DatabaseError: there is an `@` in the address. It may follow a password, so the address is not shown.
    """

    uri: str
    username: str = "neo4j"
    password: str = field(default="", repr=False)
    database: str | None = None

    def __post_init__(self) -> None:
        if "@" in self.uri:  # addresses are shown in errors and by `doctor`
            raise DatabaseError(
                "the database's address (NEO4J_URI) has a user name or a password in it",
                fix="Write bolt://HOST:PORT, and set NEO4J_USERNAME and NEO4J_PASSWORD.",
            )

    @classmethod
    def from_environment(cls) -> Connection | None:
        """The server that `NEO4J_URI` names; None when the variable is not set.

        Reads `NEO4J_USERNAME` (default `neo4j`), `NEO4J_PASSWORD` and `NEO4J_DATABASE`.

        Raises:
            DatabaseError: `NEO4J_URI` is set, but `NEO4J_PASSWORD` is not.
        """
        uri = os.environ.get("NEO4J_URI")
        if not uri:
            return None
        password = os.environ.get("NEO4J_PASSWORD")
        if password is None:
            raise DatabaseError(
                "NEO4J_URI is set, but NEO4J_PASSWORD is not",
                fix="Set NEO4J_PASSWORD, or unset NEO4J_URI to use the local server.",
            )
        return cls(
            uri=uri,
            username=os.environ.get("NEO4J_USERNAME") or "neo4j",
            password=password,
            database=os.environ.get("NEO4J_DATABASE") or None,
        )


def chosen_connection(store: str | os.PathLike[str] | None = None) -> Connection | None:
    """The server that `NEO4J_URI` names, or None where a local store is used.

    A store that is given comes first, then `NEO4J_URI`, then `CIRCUIT_ATLAS_STORE`, then the default store. A warning
    says which one is used when more than one is set: a command must not change another database than its user meant.

    Raises:
        DatabaseError: `NEO4J_URI` is used, but `NEO4J_PASSWORD` is not set.
        InvalidArgumentError: the store is an empty text.
    """
    _check_given(store)
    ignored = [variable for variable in ("NEO4J_URI", STORE_VARIABLE) if os.environ.get(variable)]
    used = f"the store {store}" if store else ignored.pop(0) if ignored else ""
    if ignored:
        _LOG.warning("Using %s, not %s.", used, " or ".join(ignored))
    return None if store else Connection.from_environment()


def store_path(store: str | os.PathLike[str] | None = None) -> Path:
    """The directory of the local store: the argument, else `CIRCUIT_ATLAS_STORE`, else a directory in the platform's
    place for data.

    Raises:
        InvalidArgumentError: the argument is an empty text, or relative to a directory that was deleted.
    """
    _check_given(store)
    chosen = store or os.environ.get(STORE_VARIABLE)
    return whole_path(chosen) if chosen else user_folder(platformdirs.user_data_path, STORE_VARIABLE) / "store"


def whole_path(path: str | os.PathLike[str]) -> Path:
    """A path that a person gave, from the root.

    Raises:
        InvalidArgumentError: it is relative to a directory that was deleted.
    """
    # As in a shell, a `~name` that is not a user stays as it is. Path.expanduser raises an error that is not ours.
    try:
        return Path(os.path.expanduser(path)).absolute()
    except FileNotFoundError as error:
        raise InvalidArgumentError(
            "the current directory does not exist any more", fix="Change to another, or give a whole path."
        ) from error


def user_folder(of: Callable[..., Path], variable: str) -> Path:
    """The folder of this program in the user's home.

    Args:
        of: a function of platformdirs.
        variable: the environment variable that can name another.

    Raises:
        InvalidArgumentError: the user has no home, as in some containers.
    """
    try:
        folder = of(APP_NAME, appauthor=False)
        if folder.parts[0] == "~":  # what an older platformdirs gives
            raise RuntimeError(folder)
        return folder.absolute()
    except RuntimeError as error:
        raise InvalidArgumentError(
            f"the home directory is not known: {error}", fix=f"Set HOME or {variable}."
        ) from error


def _check_given(store: str | os.PathLike[str] | None) -> None:
    """Refuse an empty text, such as that of an unset shell variable: another database would be used."""
    if store == "":
        raise InvalidArgumentError("the directory of the store is an empty text", fix="Give a directory with --store.")
