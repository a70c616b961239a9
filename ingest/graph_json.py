"""Reads the JSON graphs of circuit-tracer's `create_graph_files`, of Neuronpedia, of Anthropic and of OpenMOSS.

The generations differ in nearly every field (see `docs/reference/formats.md`). A field without a column
of its own is kept in `extra`, so nothing that a producer adds is lost.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import partial
from io import UnsupportedOperation
from pathlib import Path
from typing import Any

import numpy as np

from circuit_atlas.errors import InputError
from circuit_atlas.graph.data import KINDS, NO_VALUE, GraphData, NodeColumns
from circuit_atlas.graph.numbers import as_float
from circuit_atlas.graph.qk import qk_warnings
from circuit_atlas.graph.qparams import pinned_nodes, pins_not_understood, read_supernodes
from circuit_atlas.graph.values import check_length, check_values, too_many_objects
from circuit_atlas.ingest.faults import refuse, too_many_nodes
from circuit_atlas.ingest.gzipped import read_maybe_gzipped, stem
from circuit_atlas.ingest.links import Links, read_links
from circuit_atlas.ingest.logit_labels import logit_text
from circuit_atlas.ingest.names import check_names
from circuit_atlas.ingest.node_ids import address_of, as_int, label_of
from circuit_atlas.ingest.not_understood import fields_not_understood, metadata_not_understood, not_understood
from circuit_atlas.ingest.other_projects import recognised_json
from circuit_atlas.ingest.source_sets import custom_set, identify, identify_lorsa
from circuit_atlas.printable import first_of
from circuit_atlas.schema.keys import Component, Kind, NodeAddress
from circuit_atlas.schema.limits import MAX_GRAPH_NODES, MAX_ID_LENGTH, MAX_NAME_LENGTH
from circuit_atlas.schema.models import GraphMetadata, Supernode

_FIX = "Give a file made by circuit-tracer's create_graph_files or downloaded from Neuronpedia."
_EXPECTED = "an attribution graph has `metadata`, `nodes` and `links`"
_MAX_POSITIONS = 10_000_000  # of a prompt; views and aggregates have a place for each
_WRAPPED = "json"  # the field of a data set's row that holds a graph as text


def read_json(path: Path, *, model: str | None = None, source_set: str | None = None) -> GraphData:
    """Read a JSON attribution graph of any generation, compressed with gzip or not.

    Args:
        path: the file.
        model: the language model, whatever the file says.
        source_set: the set of transcoders, whatever the file says.

    Raises:
        InputError: not JSON, a damaged or oversized gzip file, not an attribution graph, or inconsistent; the
            message names the place.
    """
    document, wrapping = _load(path)
    _check_document(document, path)
    raw_nodes = _list_of_objects(document, "nodes", path)
    raw_links = _list_of_objects(document, "links", path)
    raw_metadata = _object(document, "metadata", path)
    qparams = _object(document, "qParams", path)
    addresses = _addresses(raw_nodes, path)
    n_pos = 1 + max((address.position for address in addresses if address.position is not None), default=-1)
    if n_pos > _MAX_POSITIONS:
        raise InputError(
            f"a node has the position {n_pos - 1:,}",
            where=str(path),
            fix="No prompt is that long: correct the position.",
        )
    tokens, odd_tokens = _tokens(raw_metadata, n_pos)
    nodes = _columns(raw_nodes, addresses, tokens, path)
    _check_keys(nodes, path)
    links = read_links(raw_links, nodes, path)
    supernodes, lost = _supernodes(qparams, nodes, path)
    nodes.pinned[pinned_nodes(qparams, nodes)] = True
    info = _object(raw_metadata, "info", path)
    # OpenMOSS's own files name the transcoders and the lorsas of an analysis.
    details = {
        "transcoder_set": raw_metadata.get("tc_analysis_name"),
        "lorsa_set": raw_metadata.get("lorsa_analysis_name"),
        **_object(raw_metadata, "feature_details", path),
    }
    scan = _text(raw_metadata.get("scan"))
    custom = _custom_set(raw_metadata) if scan is None or scan.startswith("custom-") else None
    identity = identify(scan, info, feature_details=details, custom=custom, model=model, source_set=source_set)
    has_lorsa = any(address.component is Component.LORSA for address in addresses)
    extra = {k: v for k, v in document.items() if k not in _TOP_LEVEL}
    metadata = GraphMetadata(
        slug=_text(raw_metadata.get("slug")) or stem(path),
        prompt=_text(raw_metadata.get("prompt")) or "",
        tokens=tokens,
        model=identity[0],
        source_set=identity[1],
        lorsa_source_set=identify_lorsa(identity[1], info, details) if has_lorsa else None,
        scan=scan,
        n_layers=_count_layers(raw_nodes, nodes),
        n_pos=max(len(tokens), n_pos),
        source_format="json",
        node_threshold=_threshold(raw_metadata, "node_threshold"),
        edge_threshold=_threshold(raw_metadata, "edge_threshold"),
        file_metadata=raw_metadata,
        file_qparams=qparams,
        file_extra=extra,
        file_form=_form(document, links),
        warnings=[
            *wrapping,
            *metadata_not_understood(raw_metadata),
            *odd_tokens,
            *not_understood(nodes),
            *fields_not_understood(raw_nodes, addresses),
            *links.warnings,
            *lost,
            *pins_not_understood(qparams, nodes),
            *qk_warnings(nodes, extra),
        ],
    )
    check_names(metadata, str(path))
    return GraphData(metadata, nodes, links.edges, supernodes, len(links.zeros), links.extras)


def _custom_set(metadata: dict[str, Any]) -> str | None:
    """The name of a set of transcoders that a file lists one by one; None if it does not."""
    scans = metadata.get("transcoder_list")
    if not isinstance(scans, list) or not scans or not all(isinstance(scan, str) for scan in scans):
        return None
    return custom_set(scans)


_LINK_FIELDS = 3  # source, target, weight
_TOP_LEVEL = ("metadata", "qParams", "nodes", "links")


def _form(document: dict[str, Any], links: Links) -> dict[str, Any]:
    """`GraphMetadata.file_form`: what else is needed to write the same file again."""
    form: dict[str, Any] = {"zero_links": links.zeros} if links.zeros else {}
    if links.order is not None:
        form["link_order"] = links.order
    return form if "qParams" in document else {**form, "without_qparams": True}


def _load(path: Path) -> tuple[dict[str, Any], list[str]]:
    """The attribution graph in a file, and a warning if it lies in a wrapper with further fields."""
    try:
        content = read_maybe_gzipped(path)
    except IsADirectoryError as error:
        fix = "`circuit-atlas ingest` and `Atlas.ingest_all` take folders, other commands and methods a file."
        raise InputError("is a folder", where=str(path), fix=fix) from error
    except UnsupportedOperation as error:
        fix = "It is read more than once: write its content to a file first."
        raise InputError("a pipe cannot be read", where=str(path), fix=fix) from error
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(path), fix="Check the path.") from error
    document, warnings = _parsed(content, str(path)), []
    if isinstance(document, dict) and "nodes" not in document and isinstance(document.get(_WRAPPED), str):
        others = [f"{name!r:.40}" for name in document if name != _WRAPPED]
        if others:
            warnings = [f"the graph is the text in the field `{_WRAPPED}`; other fields are not kept: {_some(others)}"]
        document = _parsed(document[_WRAPPED].encode("utf-8", "surrogatepass"), f"{path}: {_WRAPPED}")
    _check_form(document, path)
    return document, warnings


def _parsed(content: bytes, where: str) -> Any:
    if what := too_many_objects(content):
        raise InputError(f"{what}, which no attribution graph has", where=where, fix=_FIX)
    try:
        # Decoded here, since json would let halves of characters through.
        return json.loads(content.decode(json.detect_encoding(content)), object_pairs_hook=partial(_fields, where))
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and error.colno == 1:
            raise InputError(
                f"more than one JSON document: the second begins at line {error.lineno}",
                where=where,
                fix="Write each into a file of its own. Of JSON lines, `split -l 1 --additional-suffix=.json FILE` "
                "makes a file of each line.",
            ) from error
        raise InputError(
            f"not JSON, or cut short: {error.msg} at line {error.lineno}, column {error.colno}",
            where=where,
            fix="Give a complete .json, .json.gz or .pt graph file; download it again if it was cut short.",
        ) from error
    except RecursionError as error:
        raise InputError(
            "nested too deeply to be an attribution graph",
            where=where,
            fix=_FIX,
        ) from error
    except ValueError as error:  # not UTF-8, or a number of thousands of digits
        raise InputError(f"not JSON: {error}", where=where, fix="Give a .json or .pt graph file.") from error


def _fields(where: str, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The fields of an object. Python's json would keep the last of several with one name, and drop the others."""
    found = dict(pairs)
    if len(found) < len(pairs):
        [(name, times)] = Counter(name for name, _ in pairs).most_common(1)
        raise InputError(
            f"an object has the field {name!r:.40} {times} times", where=where, fix="Remove all but the right one."
        )
    return found


def _check_form(document: Any, path: Path) -> None:
    """Refuse what is not an attribution graph, and say what it is."""
    other = recognised_json(document) if isinstance(document, dict) else None
    if other:
        raise InputError(f"not an attribution graph, but {other.what}", where=str(path), fix=other.fix)
    if isinstance(document, list):
        raise InputError(
            f"not an attribution graph: {_EXPECTED}; this JSON is a list of {len(document):,}",
            where=str(path),
            fix="If its entries are graphs, write each into a file of its own.",
        )
    if not isinstance(document, dict) or not {"nodes", "links"} <= document.keys():
        found = f"has {_some([f'{name!r:.40}' for name in document])}" if isinstance(document, dict) else "has none"
        raise InputError(f"not an attribution graph: {_EXPECTED}; this JSON {found}", where=str(path), fix=_FIX)
    if isinstance(document["nodes"], list) and len(document["nodes"]) > MAX_GRAPH_NODES:
        raise too_many_nodes(len(document["nodes"]), str(path))
    if document["nodes"] == []:
        raise InputError("the graph has no nodes", where=str(path), fix="Run the attribution again, or download it.")


def _some(names: list[str]) -> str:
    return first_of(names, 5) if names else "no fields"


def _check_document(document: dict[str, Any], path: Path) -> None:
    """Check all texts. Those of an ordinary link need no check: it names nodes, or is refused."""
    links = document["links"] if isinstance(document["links"], list) else []
    check_values({name: value for name, value in document.items() if name != "links"}, str(path))
    for i, link in enumerate(links):
        if isinstance(link, dict) and len(link) > _LINK_FIELDS:
            check_values(link, str(path), f"links[{i}]")


def _list_of_objects(document: dict[str, Any], field: str, path: Path) -> list[dict[str, Any]]:
    values = document[field]
    if not isinstance(values, list):
        raise InputError(f"`{field}` is not a list: {_EXPECTED}", where=str(path), fix=_FIX)
    wrong = [i for i, value in enumerate(values) if not isinstance(value, dict)]
    if wrong:
        raise refuse(f"not an object: {values[wrong[0]]!r:.60}", path, field, wrong, _FIX)
    return values


def _object(document: dict[str, Any], field: str, path: Path) -> dict[str, Any]:
    value = document.get(field) or {}
    if not isinstance(value, dict):
        raise InputError(f"`{field}` is not an object", where=str(path), fix=_FIX)
    return value


def _supernodes(qparams: dict[str, Any], nodes: NodeColumns, path: Path) -> tuple[tuple[Supernode, ...], list[str]]:
    """The supernodes of the file. Their names may stand in a text that is JSON itself, so they are checked again."""
    supernodes, warnings = read_supernodes(qparams, nodes, str(path))
    for i, supernode in enumerate(supernodes):
        place = f"qParams.supernodes[{i}]"
        check_values(supernode.name, str(path), place)
        check_length(supernode.name, MAX_NAME_LENGTH, str(path), place)
    return supernodes, warnings


def _tokens(metadata: dict[str, Any], n_pos: int) -> tuple[list[str], list[str]]:
    """The tokens of the prompt, one for each position, and a warning if nodes have positions beyond them."""
    given = metadata.get("prompt_tokens")
    tokens = [str(token) for token in given] if isinstance(given, list) else []
    if not tokens or len(tokens) >= n_pos:
        return tokens, []
    if len(tokens) == 1:  # the prompt as one text, as for the board of a chess network
        return [], [f"`prompt_tokens` is one text, but nodes have {n_pos:,} positions, whose tokens are unknown"]
    return tokens, [f"`prompt_tokens` has {len(tokens):,} tokens, but nodes have {n_pos:,} positions"]


def _threshold(metadata: dict[str, Any], name: str) -> float | None:
    """`pruning_settings` says what was done; the field beside it can be another setting."""
    settings = metadata.get("pruning_settings")
    for fields in (settings if isinstance(settings, dict) else {}, metadata):
        value = as_float(fields.get(name))
        if value is not None:
            return value
    return None


def _count_layers(raw_nodes: list[dict[str, Any]], nodes: NodeColumns) -> int:
    """The number of layers: circuit-tracer writes a logit's layer as n_layers + 1; older files show only layers in
    use."""
    logit_layers = [
        as_int(raw.get("layer")) or 0
        for raw, kind in zip(raw_nodes, nodes.kind, strict=True)
        if KINDS[kind] is Kind.LOGIT
    ]
    return max(max(logit_layers, default=0) - 1, int(nodes.layer.max(initial=NO_VALUE)) + 1)


def _addresses(raw_nodes: list[dict[str, Any]], path: Path) -> list[NodeAddress]:
    unnamed = [i for i, raw in enumerate(raw_nodes) if not isinstance(raw.get("node_id"), str)]
    if unnamed:
        fix = "Every node of a graph file needs a `node_id`, as links refer to it."
        raise refuse("has no `node_id`", path, "nodes", unnamed, fix)
    for i, raw in enumerate(raw_nodes):
        check_length(raw["node_id"], MAX_ID_LENGTH, str(path), f"nodes[{i}].node_id")
    return [address_of(raw) for raw in raw_nodes]


def _columns(
    raw_nodes: list[dict[str, Any]], addresses: list[NodeAddress], tokens: list[str], path: Path
) -> NodeColumns:
    def integers(field: str) -> list[int]:
        values = (getattr(address, field) for address in addresses)
        return [NO_VALUE if value is None else value for value in values]

    def floats(field: str) -> np.ndarray:
        values = [raw.get(field) for raw in raw_nodes]
        numbers = [np.nan if value is None else as_float(value) for value in values]
        wrong = [i for i, number in enumerate(numbers) if number is None]
        if wrong:
            what = f"`{field}` is not a finite number: {values[wrong[0]]!r:.40}"
            raise refuse(what, path, "nodes", wrong, "Run the attribution again, or remove the field.")
        return np.array(numbers, np.float64)

    is_logit = np.array([address.kind is Kind.LOGIT for address in addresses], np.bool_)
    return NodeColumns(
        kind=np.array([KINDS.index(address.kind) for address in addresses], np.int8),
        layer=np.array(integers("layer"), np.int32),
        position=np.array(integers("position"), np.int32),
        index=np.array(integers("index"), np.int64),
        activation=floats("activation"),
        probability=np.where(is_logit, floats("token_prob"), np.nan),
        cumulative_influence=floats("influence"),
        token=[_token(raw, address, tokens) for raw, address in zip(raw_nodes, addresses, strict=True)],
        label=[label_of(raw) for raw in raw_nodes],
        source_id=[raw["node_id"] for raw in raw_nodes],
        js_node_id=[_text(raw.get("jsNodeId")) for raw in raw_nodes],
        feature_type=[_text(raw.get("feature_type")) for raw in raw_nodes],
        extra=[_extra(raw, address) for raw, address in zip(raw_nodes, addresses, strict=True)],
        pinned=np.zeros(len(raw_nodes), np.bool_),
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _token(raw: dict[str, Any], address: NodeAddress, tokens: list[str]) -> str | None:
    """The text of a token or logit: the field `token`, else that of the prompt, or that in a logit's label."""
    if address.kind not in (Kind.TOKEN, Kind.LOGIT):
        return None
    if isinstance(raw.get("token"), str):
        return str(raw["token"])
    if address.kind is Kind.LOGIT:
        return logit_text(str(raw.get("clerp") or ""))
    return tokens[address.position] if address.position is not None and address.position < len(tokens) else None


def _extra(raw: dict[str, Any], address: NodeAddress) -> str | None:
    """The fields that no column has exactly as the file, as JSON text."""
    covered = {"node_id"}
    covered |= {field for field in ("jsNodeId", "feature_type") if _text(raw.get(field))}
    if label_of(raw):
        covered.add("clerp")
    covered |= {field for field in ("influence", "activation") if raw.get(field) is not None}
    if address.kind is Kind.LOGIT and raw.get("token_prob") is not None:
        covered.add("token_prob")
    if raw.get("ctx_idx") == address.position:
        covered.add("ctx_idx")
    rest = {field: value for field, value in raw.items() if field not in covered}
    return json.dumps(rest, ensure_ascii=False) if rest else None


def _check_keys(nodes: NodeColumns, path: Path) -> None:
    first: dict[str, int] = {}
    double = [i for i in range(len(nodes)) if first.setdefault(nodes.key(i), i) != i]
    if double:
        key, i = nodes.key(double[0]), double[0]
        what = f"two nodes are both {key}: {nodes.source_id[first[key]]!r} and {nodes.source_id[i]!r}"
        raise refuse(what, path, "nodes", double, "Remove one of them from the file.")
