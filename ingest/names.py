"""Which names graphs and tags may have."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable

from circuit_atlas.errors import GraphExistsError, InvalidArgumentError
from circuit_atlas.graph.values import check_length
from circuit_atlas.printable import CONTROLS
from circuit_atlas.schema.keys import COLLAPSED
from circuit_atlas.schema.limits import MAX_ID_LENGTH
from circuit_atlas.schema.models import GraphMetadata

# Without `~`, which marks the names of graphs that are being written or deleted, see `hidden_name`.
_NAME = re.compile(rf"[^\n\t{CONTROLS}~]{{1,200}}")
_GROUP_NAME = re.compile(rf"[^\n\t{CONTROLS}]{{1,200}}")


def check_name(name: str) -> str:
    """The name of a graph, if it is valid.

    Raises:
        InvalidArgumentError: the name is empty, longer than 200 characters, has control characters or `~`, or ends
            like the name of a collapsed graph.
    """
    if not _NAME.fullmatch(name) or name.endswith(COLLAPSED):
        raise InvalidArgumentError(
            f"invalid name of a graph: {name!r:.80}",
            fix=f"Give 1 to 200 characters (--name), no control characters, no '~', and not ending in '{COLLAPSED}'.",
        )
    return name


def check_tags(tags: Iterable[str]) -> list[str]:
    """Tags, each once, if they are valid.

    Raises:
        InvalidArgumentError: a tag is empty, longer than 200 characters, or has control characters or `~`.
    """
    chosen = list(dict.fromkeys(tags))
    for tag in chosen:
        if not _NAME.fullmatch(tag):
            raise InvalidArgumentError(
                f"invalid tag: {tag!r:.80}", fix="Give 1 to 200 characters, no control characters, no '~'."
            )
    return chosen


def check_group_name(name: str, what: str) -> str:
    """The name of a supernode or circuit (`what`), if it is valid.

    Raises:
        InvalidArgumentError: it is empty, longer than 200 characters, or has control characters.
    """
    if not _GROUP_NAME.fullmatch(name):
        raise InvalidArgumentError(
            f"invalid name of a {what}: {name!r:.80}", fix="Give 1 to 200 characters, no control characters."
        )
    return name


def check_names(metadata: GraphMetadata, where: str) -> None:
    """Refuse names in a graph file that are too long to be indexed.

    Raises:
        InputError: the slug, or the name of the model or of its transcoders, has more than 500 characters.
    """
    for field in ("slug", "scan", "model", "source_set", "lorsa_source_set"):
        check_length(getattr(metadata, field), MAX_ID_LENGTH, where, field)


def hidden_name(name: str) -> str:
    """A new name under which the graph `name` is written or deleted; nobody else has it."""
    return f"{name}~{secrets.token_hex(8)}"


def shown_name(hidden: str) -> str:
    """The name of the graph that is written or deleted under a hidden name."""
    return hidden.partition("~")[0]


def existing_name(name: str) -> GraphExistsError:
    """The error that another graph has the name."""
    return GraphExistsError(
        f"graph {name!r} already exists with different content",
        fix="Replace it with --replace (in Python, replace=True), or give this graph another name with --name.",
    )


def doubled_name(name: str) -> GraphExistsError:
    """The error that two files of one ingest have different graphs of one name."""
    return GraphExistsError(
        f"another of these files has a graph {name!r} with different content",
        fix="Ingest it by itself, under another name (--name).",
    )
