"""Reads the JSON graphs of circuit-tracer's `create_graph_files`, of Neuronpedia and of Anthropic.

The generations differ in nearly every field (see `docs/reference/formats.md`). A field without a column
of its own is kept in `extra`, so nothing that a producer adds is lost.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from circuit_atlas.errors import InputError
from circuit_atlas.graph.data import KINDS, NO_VALUE, GraphData, NodeColumns
from circuit_atlas.graph.qparams import pinned_nodes, read_supernodes
from circuit_atlas.graph.values import check_length, check_values
from circuit_atlas.ingest.gzipped import read_maybe_gzipped, stem
from circuit_atlas.ingest.links import read_links
from circuit_atlas.ingest.names import check_names
from circuit_atlas.ingest.node_ids import address_of, as_float, as_int
from circuit_atlas.ingest.source_sets import identify
from circuit_atlas.schema.keys import Kind, NodeAddress
from circuit_atlas.schema.limits import MAX_ID_LENGTH, MAX_NAME_LENGTH
from circuit_atlas.schema.models import GraphMetadata, Supernode

_FIX = "Give a file made by circuit-tracer's create_graph_files or downloaded from Neuronpedia."
_EXPECTED = "an attribution graph has `metadata`, `nodes` and `links`"
_LOGIT_TEXT = re.compile(r'[Oo]utput:? "(.*)" \(p=', re.DOTALL)


def read_json(path: Path, *, model: str | None = None, source_set: str | None = None) -> GraphData:
    """Read a JSON attribution graph of any generation, packed with gzip or not.

    Args:
        path: the file.
        model: the language model, if the file does not say it or is wrong.
        source_set: the set of transcoders, if the file does not say it or is wrong.

    Raises:
        InputError: not JSON, a damaged or oversized gzip file, not an attribution graph, or inconsistent; the
            message names the place.
    """
    document = _load(path)
    _check_document(document, path)
    raw_nodes = _list_of_objects(document, "nodes", path)
    raw_links = _list_of_objects(document, "links", path)
    raw_metadata = _object(document, "metadata", path)
    qparams = _object(document, "qParams", path)
    tokens = _tokens(raw_metadata)
    nodes = _columns(raw_nodes, tokens, path)
    _check_keys(nodes, path)
    links = read_links(raw_links, nodes, path)
    supernodes, lost = _supernodes(qparams, nodes, path)
    nodes.pinned[pinned_nodes(qparams, nodes)] = True
    identity = identify(
        _text(raw_metadata.get("scan")),
        _object(raw_metadata, "info", path),
        feature_details=_object(raw_metadata, "feature_details", path),
        model=model,
        source_set=source_set,
    )
    metadata = GraphMetadata(
        slug=_text(raw_metadata.get("slug")) or stem(path),
        prompt=_text(raw_metadata.get("prompt")) or "",
        tokens=tokens,
        model=identity[0],
        source_set=identity[1],
        scan=_text(raw_metadata.get("scan")),
        n_layers=_count_layers(raw_nodes, nodes),
        n_pos=len(tokens) or int(nodes.position.max(initial=-1)) + 1,
        source_format="json",
        node_threshold=_threshold(raw_metadata, "node_threshold"),
        edge_threshold=_threshold(raw_metadata, "edge_threshold"),
        file_metadata=raw_metadata,
        file_qparams=qparams,
        file_extra={k: v for k, v in document.items() if k not in _TOP_LEVEL},
        file_form={"zero_links": links.zeros} if links.zeros else {},
        warnings=[*links.warnings, *lost],
    )
    check_names(metadata, str(path))
    return GraphData(metadata, nodes, links.edges, supernodes, len(links.zeros), links.extras)


_LINK_FIELDS = 3  # source, target, weight
_TOP_LEVEL = ("metadata", "qParams", "nodes", "links")


def _load(path: Path) -> dict[str, Any]:
    try:
        content = read_maybe_gzipped(path)
        # Decoded here, since json would let halves of characters through.
        document = json.loads(content.decode(json.detect_encoding(content)))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(path), fix="Check the path.") from error
    except json.JSONDecodeError as error:
        raise InputError(
            f"not JSON, or cut short: {error.msg} at line {error.lineno}, column {error.colno}",
            where=str(path),
            fix="Give a complete .json, .json.gz or .pt graph file; download it again if it was cut short.",
        ) from error
    except RecursionError as error:
        raise InputError(
            "nested too deeply to be an attribution graph",
            where=str(path),
            fix=_FIX,
        ) from error
    except ValueError as error:  # not UTF-8, or a number of thousands of digits
        raise InputError(f"not JSON: {error}", where=str(path), fix="Give a .json or .pt graph file.") from error
    if not isinstance(document, dict) or not {"nodes", "links"} <= document.keys():
        found = (
            f"has {', '.join(f'{name!r:.40}' for name in list(document)[:5])}"
            if isinstance(document, dict)
            else "has none"
        )
        raise InputError(
            f"not an attribution graph: {_EXPECTED}; this JSON {found}",
            where=str(path),
            fix=_FIX,
        )
    return document


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
    for i, value in enumerate(values):
        if not isinstance(value, dict):
            raise InputError(f"not an object: {value!r:.60}", where=f"{path}: {field}[{i}]", fix=_FIX)
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


def _tokens(metadata: dict[str, Any]) -> list[str]:
    tokens = metadata.get("prompt_tokens")
    return [str(token) for token in tokens] if isinstance(tokens, list) else []


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


def _columns(raw_nodes: list[dict[str, Any]], tokens: list[str], path: Path) -> NodeColumns:
    for i, raw in enumerate(raw_nodes):
        if not isinstance(raw.get("node_id"), str):
            raise InputError(
                "has no `node_id`",
                where=f"{path}: nodes[{i}]",
                fix="Every node of a graph file needs a `node_id`, as links refer to it.",
            )
        check_length(raw["node_id"], MAX_ID_LENGTH, str(path), f"nodes[{i}].node_id")
    addresses = [address_of(raw) for raw in raw_nodes]

    def integers(field: str) -> list[int]:
        values = (getattr(address, field) for address in addresses)
        return [NO_VALUE if value is None else value for value in values]

    def floats(field: str) -> np.ndarray:
        return np.array([_float(raw, field, i, path) for i, raw in enumerate(raw_nodes)], np.float64)

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
        label=[_text(raw.get("clerp")) for raw in raw_nodes],
        source_id=[raw["node_id"] for raw in raw_nodes],
        js_node_id=[_text(raw.get("jsNodeId")) for raw in raw_nodes],
        feature_type=[_text(raw.get("feature_type")) for raw in raw_nodes],
        extra=[_extra(raw, address) for raw, address in zip(raw_nodes, addresses, strict=True)],
        pinned=np.zeros(len(raw_nodes), np.bool_),
    )


def _float(raw: dict[str, Any], field: str, i: int, path: Path) -> float:
    value = raw.get(field)
    if value is None:
        return np.nan
    number = as_float(value)
    if number is None:
        raise InputError(
            f"`{field}` is not a finite number: {value!r:.40}",
            where=f"{path}: nodes[{i}]",
            fix="Run the attribution again, or remove the field.",
        )
    return number


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _token(raw: dict[str, Any], address: NodeAddress, tokens: list[str]) -> str | None:
    """The text of a token or logit. A logit's stands only in its label, `Output "text" (p=0.4)`."""
    if address.kind is Kind.TOKEN and address.position is not None and address.position < len(tokens):
        return tokens[address.position]
    if address.kind is Kind.LOGIT:
        found = list(_LOGIT_TEXT.finditer(str(raw.get("clerp") or "")))
        return found[-1][1].rpartition('Output "')[2] if found else None
    return None


def _extra(raw: dict[str, Any], address: NodeAddress) -> str | None:
    """The fields that no column has exactly as the file, as JSON text."""
    covered = {"node_id"}
    covered |= {field for field in ("jsNodeId", "feature_type", "clerp") if _text(raw.get(field))}
    covered |= {field for field in ("influence", "activation") if raw.get(field) is not None}
    if address.kind is Kind.LOGIT and raw.get("token_prob") is not None:
        covered.add("token_prob")
    if raw.get("ctx_idx") == address.position:
        covered.add("ctx_idx")
    rest = {field: value for field, value in raw.items() if field not in covered}
    return json.dumps(rest, ensure_ascii=False) if rest else None


def _check_keys(nodes: NodeColumns, path: Path) -> None:
    keys = [nodes.key(i) for i in range(len(nodes))]
    for key, times in Counter(keys).items():
        if times > 1:
            first, second, *_ = (i for i, other in enumerate(keys) if other == key)
            raise InputError(
                f"two nodes are both {key}: {nodes.source_id[first]!r} and {nodes.source_id[second]!r}",
                where=f"{path}: nodes[{second}]",
                fix="Remove one of them from the file.",
            )
