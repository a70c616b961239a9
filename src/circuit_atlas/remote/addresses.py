"""Meaning of an address of a graph: a page of Neuronpedia with what is pinned and grouped on it, or a graph file."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from circuit_atlas.errors import InputError, InvalidArgumentError
from circuit_atlas.graph.qparams import as_list
from circuit_atlas.ingest.files import SUFFIXES
from circuit_atlas.ingest.names import check_group_name
from circuit_atlas.printable import printable
from circuit_atlas.schema.limits import MAX_ADDRESS_LENGTH, MAX_ADDRESSES
from circuit_atlas.schema.source_sets import NEURONPEDIA

_SHORT = "neuronpedia:"
_NAME = re.compile(r"(?!\.+$)[A-Za-z0-9_.-]{1,200}")  # what Neuronpedia lets models and graphs be called
_NOT_IN_FILES = re.compile(r"[^A-Za-z0-9_.-]")
_FIX = (
    "Give https://www.neuronpedia.org/MODEL/graph?slug=SLUG, neuronpedia:MODEL/SLUG, or the https address of a file "
    f"that ends in {', '.join(SUFFIXES)}."
)
_UNREAD = {"subgraph": "a saved subgraph", "clerps": "labels"}


@dataclass(frozen=True)
class Address:
    """Where a graph is.

    Args:
        text: the address as it was given.
        shown: the address as errors, logs and results show it, without what follows `?` in that of a file.
        model: Neuronpedia's name of the model; empty for a file.
        slug: Neuronpedia's name of the graph; empty for a file.
        qparams: what the address pins and groups, as in a file's `qParams`.
        warnings: what the address says besides, and is not read.
    """

    text: str
    shown: str
    model: str = ""
    slug: str = ""
    qparams: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def is_page(self) -> bool:
        """Whether Neuronpedia knows where the file is."""
        return bool(self.slug)

    @property
    def file_name(self) -> str:
        """A name for the file, which is safe in any folder."""
        name = f"{self.slug}.json" if self.is_page else PurePosixPath(unquote(urlsplit(self.text).path)).name
        return _NOT_IN_FILES.sub("_", name)[-200:]


def is_address(source: object) -> bool:
    """Whether a source of a graph is an address, not a path."""
    return isinstance(source, str) and (source.startswith(_SHORT) or "://" in source[:20])


def read_address(text: str, neuronpedia: str = NEURONPEDIA) -> Address:
    """Parse an address.

    Args:
        text: the address.
        neuronpedia: the address of Neuronpedia.

    Raises:
        InvalidArgumentError: it is neither a page of a graph on Neuronpedia nor a graph file, or what it groups cannot
            be read.
    """
    if len(text) > MAX_ADDRESS_LENGTH:
        raise InvalidArgumentError(
            f"the address has more than {MAX_ADDRESS_LENGTH:,} characters", where=printable(text[:80]), fix=_FIX
        )
    if text.startswith(_SHORT):
        model, _, slug = text.removeprefix(_SHORT).partition("/")
        return _page(text, model, slug, {})
    parts = _split(text)
    path = [unquote(part) for part in parts.path.split("/") if part]
    known = {_host(urlsplit(base)) for base in (neuronpedia, NEURONPEDIA)}
    if _host(parts) in known and len(path) == 2 and path[1] == "graph":
        query = _fields(parts.query)
        if "slug" not in query:
            raise InvalidArgumentError("the address names no graph", where=_shown(parts), fix="Add ?slug=SLUG to it.")
        return _page(f"{_shown(parts)}?slug={query['slug']}", path[0], query["slug"], query)
    if not unquote(parts.path).lower().endswith(SUFFIXES):
        raise InvalidArgumentError("not the address of a graph", where=_shown(parts), fix=_FIX)
    return Address(text, _shown(parts))


def shown_source(source: str | os.PathLike[str]) -> str:
    """A file or an address as results show it: an address without what may be a secret."""
    if not is_address(source):
        return str(source)
    before, _, query = str(source).partition("?")
    scheme, _, place = before.rpartition("://")
    try:
        slug = _fields(query).get("slug", "") if len(query) < MAX_ADDRESS_LENGTH else ""
    except InvalidArgumentError:
        slug = ""
    base = f"{scheme}://{place.rpartition('@')[2]}" if scheme else before
    return printable(f"{base.partition('#')[0]}?slug={slug}" if slug else base)[:300]


def addresses_in(file: Path) -> list[str]:
    """The addresses in a file, one on each line; empty lines and those that begin with `#` are left out.

    Raises:
        InputError: the file cannot be read, is too large, has none, or a line is not an address.
    """
    try:
        with file.open(encoding="utf-8-sig") as opened:
            text = opened.read(MAX_ADDRESSES * 1000)
            is_whole = not opened.read(1)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", where=str(file), fix="Give a text file of addresses.") from error
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    found = [(number, line) for number, line in lines if line and not line.startswith("#")]
    if not found or not is_whole or len(found) > MAX_ADDRESSES:
        what = f"more than {MAX_ADDRESSES:,} addresses" if found else "no address"
        raise InputError(what, where=str(file), fix="Write each address on a line of its own; several files will do.")
    for number, line in found:
        if not is_address(line):
            raise InputError(f"{line[:80]!r} is not an address", where=f"{file}: line {number}", fix=_FIX)
    return [line for _, line in found]


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        raise InvalidArgumentError(f"not an address: {error}", fix=_FIX) from error
    if "@" in parts.netloc:  # it may follow a password, so the address is not shown
        raise InvalidArgumentError("the address has a user name or a password in it", fix="Give one without.")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidArgumentError("not the https address of a web server", where=_shown(parts), fix=_FIX)
    return parts


def _host(parts: SplitResult) -> str:
    """The host and port of an address. Letter case does not matter in it."""
    return parts.netloc.lower().removeprefix("www.")


def _fields(query: str) -> dict[str, str]:
    """The fields of an address, each with its first value."""
    try:
        return {name: values[0] for name, values in parse_qs(query, max_num_fields=100).items()}
    except ValueError as error:
        raise InvalidArgumentError("the address has more than 100 fields", fix=_FIX) from error


def _shown(parts: SplitResult) -> str:
    return printable(parts._replace(query="", fragment="").geturl()[:200])


def _page(shown: str, model: str, slug: str, query: dict[str, str]) -> Address:
    for what, name in (("model", model), ("graph", slug)):
        if not _NAME.fullmatch(name):
            raise InvalidArgumentError(
                f"{name:.80} is not a {what} of Neuronpedia" if name else f"the address names no {what}",
                where=printable(shown[:200]),
                fix=_FIX,
            )
    qparams = {name: as_list(query[name]) for name in ("pinnedIds", "supernodes") if query.get(name)}
    for entry in qparams.get("supernodes", []):
        if not isinstance(entry, list) or not entry or not all(isinstance(part, str) for part in entry):
            raise InvalidArgumentError(
                "`supernodes` is not a list of lists of a name and nodes", where=shown, fix="Copy the address again."
            )
        check_group_name(entry[0], "supernode")
    warnings = tuple(
        f"the address names {what} ({name}), which Neuronpedia's page shows and which is not read"
        for name, what in _UNREAD.items()
        if query.get(name) and query[name] != "[]"
    )
    return Address(shown, shown, model, slug, qparams, warnings)
