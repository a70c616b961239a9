"""Stores a graph that is given by its address, with what the address pins and groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from circuit_atlas.circuits import circuit_steps
from circuit_atlas.database import Database, Step
from circuit_atlas.errors import AtlasError, DownloadError
from circuit_atlas.graph.qparams import as_list, missing_pins, named_supernodes, ordinals_by_name, pinned_names
from circuit_atlas.ingest.results import IngestResult
from circuit_atlas.ingest.statements import ADDRESS, TAGS
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.circuits import circuit_rows
from circuit_atlas.queries.graphs import GraphReference, StoredGraph, graph_query
from circuit_atlas.remote.addresses import Address
from circuit_atlas.supernodes import supernode_steps

if TYPE_CHECKING:
    from circuit_atlas.remote.download import GraphDownloads

PINNED = "pinned"
"""The name of the circuit of the nodes that an address pins."""
_RULE = "pinned in an address"
_KEPT = "; it stays as it is: --replace takes what the address says"


def ingest_address(
    database: Database,
    address: Address,
    downloads: GraphDownloads,
    store_file: Callable[[Path], IngestResult],
    *,
    name: str | None,
    replace: bool,
    tags: Sequence[str],
    may_skip: bool,
    has_options: bool,
) -> IngestResult:
    """Store the graph at an address. What it pins becomes the circuit `PINNED`, what it groups becomes supernodes.

    Args:
        database: the database.
        address: the address.
        downloads: downloads its file.
        store_file: stores the graph of a file.
        name: the graph's name; by default the one in the file.
        replace: whether to replace a circuit and supernodes that have other nodes than the address says.
        tags: tags of the graph.
        may_skip: whether a graph that is stored need not be downloaded again. Neuronpedia never changes the file at
            an address: a graph that is uploaded again gets another address.
        has_options: whether options say how the file is read. Then the graph is not what the address alone stands for.

    Raises:
        DownloadError, NeuronpediaError, NotFoundError: it cannot be had; nothing was stored.
        AtlasError: what `store_file` raises, with the address instead of the file.
    """
    url = downloads.file_url(address)
    found = str(url.copy_with(query=None, fragment=None))
    wanted = address.slug if name is None else name
    is_known = may_skip and not has_options and address.is_page
    result = _stored(database, wanted, found, tags) if is_known else None
    if result is None:
        with _named_in_errors(address) as file:
            downloads.download(url, file)
            result = store_file(file)
    graph = GraphReference(database, result.graph)
    takes = replace or result.status != "unchanged"
    circuit, warnings = _add_groups(graph, address, address=None if has_options else found, takes=takes)
    return result.model_copy(update={"circuit": circuit, "warnings": [*result.warnings, *address.warnings, *warnings]})


def _stored(database: Database, name: str, address: str, tags: Sequence[str]) -> IngestResult | None:
    """The result for a graph that is stored already; None if it must be downloaded."""
    rows = ask(database, "graphs.stats", graph=name)
    stored = rows[0]["graph"] if rows else {}
    if stored.get("address") != address:
        return None
    if tags:
        StoredGraph(database, name, rows[0]).write((TAGS, {"graph": name, "tags": list(tags)}))
    return IngestResult.unchanged(name, stored)


@contextmanager
def _named_in_errors(address: Address) -> Iterator[Path]:
    """A temporary file for what is at an address. Errors name the address instead of it.

    Raises:
        DownloadError: no temporary folder can be made.
    """
    try:
        made = TemporaryDirectory(prefix="circuit-atlas-")
    except OSError as error:
        raise DownloadError(
            f"no temporary folder can be made: {error.strerror}",
            where=address.shown,
            fix="Free space, or name another folder with TMPDIR.",
        ) from error
    with made as folder:
        file = Path(folder) / address.file_name
        try:
            yield file
        except AtlasError as error:
            error.where = error.where and error.where.replace(str(file), address.shown)
            raise


@graph_query
def _add_groups(graph: StoredGraph, of: Address, *, address: str | None, takes: bool) -> tuple[str | None, list[str]]:
    """Store what an address pins and groups, in one transaction.

    Args:
        graph: the graph.
        of: the address that was given.
        address: the address of the file, if the graph is what it stands for.
        takes: whether to replace a circuit and supernodes that have other nodes.

    Returns:
        The name of the circuit, if anything is pinned, and warnings.
    """
    pins = pinned_names(of.qparams)
    groups = as_list(of.qparams.get("supernodes"))
    names = list(dict.fromkeys([*pins, *(member for group in groups for member in group[1:])]))
    rows = ask(graph.database, "nodes.in_file", graph=graph.name, names=names) if names else []
    by_name = ordinals_by_name((row["ordinal"], row["source_id"], row["js_node_id"]) for row in rows)
    steps, warnings = _supernodes(graph, of, by_name, takes=takes)
    pinned = sorted({ordinal for pin in pins for ordinal in by_name.get(pin, [])})
    warnings += missing_pins(pins, by_name)
    if pinned:
        held = {row["name"]: sorted(node["ordinal"] for node in row["nodes"]) for row in circuit_rows(graph)}
        if takes or PINNED not in held:
            steps += circuit_steps(graph, PINNED, pinned, rule=_RULE)
        elif held[PINNED] != pinned:
            warnings.append(f"the circuit {PINNED!r} has other nodes than the address pins{_KEPT}")
    if address is not None and graph.properties.get("address") != address:
        steps.append((ADDRESS, {"graph": graph.name, "address": address}))
    if steps:
        graph.write(*steps)
    return PINNED if pinned else None, warnings


def _supernodes(
    graph: StoredGraph, of: Address, by_name: dict[str, list[int]], *, takes: bool
) -> tuple[list[Step], list[str]]:
    """The steps that store the supernodes of an address, and warnings."""
    found, warnings = named_supernodes(of.qparams, by_name, of.shown)
    if not found:
        return [], warnings
    rows: list[dict[str, Any]] = ask(graph.database, "supernodes.list", graph=graph.name)
    known = {row["name"]: tuple(sorted(node["ordinal"] for node in row["members"])) for row in rows}
    wanted = {group.name: group.members for group in found if group.members and known.get(group.name) != group.members}
    kept = [] if takes else [name for name in wanted if name in known]
    warnings += [f"the supernode {name!r} has other nodes than in the address{_KEPT}" for name in kept]
    members = {name: nodes for name, nodes in wanted.items() if name not in kept}
    order = {row["name"]: row["order"] for row in rows}
    return (supernode_steps(graph, members, order, source="hand", rule=None) if members else []), warnings
