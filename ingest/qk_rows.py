"""QK pairs as rows: properties of `:QkOnlyNode`, `QK_PAIR` and `QK_MARGINAL`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from circuit_atlas.database import Step
from circuit_atlas.graph.data import GraphData
from circuit_atlas.graph.numbers import as_float
from circuit_atlas.graph.qk import read_qk
from circuit_atlas.ingest import statements
from circuit_atlas.ingest.node_ids import address_of, label_of
from circuit_atlas.schema.batches import batches
from circuit_atlas.schema.keys import Kind, feature_name, make_key
from circuit_atlas.schema.limits import MAX_NAME_LENGTH

Row = dict[str, Any]


class QkRows(NamedTuple):
    """Rows of QK pairs. `only` are properties of `:QkOnlyNode`. Pairs and marginals have ends as numbers: the ordinal
    of a node, or that of a graph of n nodes plus the place of a node in `only`."""

    only: list[Row]
    pairs: list[Row]
    marginals: list[Row]


NO_QK = QkRows([], [], [])


def qk_rows(data: GraphData) -> QkRows:
    """The rows of a graph's QK pairs."""
    found = read_qk(data.nodes, data.metadata.file_extra)
    if not found.pairs and not found.marginals:
        return NO_QK
    return QkRows(
        only=[_only_row(place, node) for place, node in enumerate(found.only)],
        pairs=[pair._asdict() | {"attention": data.nodes.key(pair.attention)} for pair in found.pairs],
        marginals=[marginal._asdict() for marginal in found.marginals],
    )


def qk_steps(graph: str, rows: QkRows) -> Iterable[Step]:
    """The steps that write the rows, after the nodes."""
    for batch in batches(rows.only):
        yield statements.QK_ONLY_NODES, {"graph": graph, "rows": batch}
    for batch in batches(rows.pairs):
        yield statements.QK_PAIRS, {"graph": graph, "rows": batch}
    for batch in batches(rows.marginals):
        yield statements.QK_MARGINALS, {"graph": graph, "rows": batch}


def _only_row(place: int, node: Row) -> Row:
    address = address_of(node)
    own_id = address.kind in (Kind.BIAS, Kind.OTHER)
    label, activation = label_of(node), as_float(node.get("activation"))
    name = (label or "").strip()
    if not name and address.kind is Kind.FEATURE:
        name = feature_name(address.layer, address.index, address.component)
    row = {
        "place": place,
        "key": f"{address.kind}:{node['node_id']}" if own_id else make_key(*address),
        "name": (name or node["node_id"])[:MAX_NAME_LENGTH],
        "source_id": node["node_id"],
        "layer": address.layer,
        "position": address.position,
        "index": address.index,
        "component": address.component and address.component.value,
        "feature_type": node.get("feature_type") if isinstance(node.get("feature_type"), str) else None,
        "clerp": label,
        "activation": activation,
    }
    return {name: value for name, value in row.items() if value is not None}
