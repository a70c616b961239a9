"""Graphs as Parquet files for Neo4j's own offline importer, `neo4j-admin database import full`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any
from uuid import uuid4

import numpy as np

from circuit_atlas.graph.data import EdgeBlock
from circuit_atlas.ingest.graph_rows import GraphRows
from circuit_atlas.ingest.parquet import ColumnTypes, ParquetTable
from circuit_atlas.ingest.rows import Row
from circuit_atlas.schema.apply import SCHEMA_VERSION
from circuit_atlas.schema.properties import LABELS, LONG, RELATIONSHIPS, STRING, imported_types

_BLOCK = 1 << 18  # edges
_ID, _LABELS, _START, _END = ":ID", ":LABEL", ":START_ID", ":END_ID"
_ENDS: ColumnTypes = {_START: LONG, _END: LONG}
_EFFECT, _EFFECT_WITH_MORE = "DIRECT_EFFECT", "DIRECT_EFFECT-more"  # two files: most effects have only a weight
_RELATIONSHIP_COLUMNS: dict[str, ColumnTypes] = {
    _EFFECT: {**_ENDS, "weight": RELATIONSHIPS[_EFFECT].properties["weight"].type},
    _EFFECT_WITH_MORE: {**_ENDS, **imported_types(RELATIONSHIPS[_EFFECT].properties)},
    **{name: {**_ENDS, **imported_types(kind.properties)} for name, kind in RELATIONSHIPS.items() if name != _EFFECT},
}
FeatureKey = tuple[str, str, int, int]  # model, source set, layer, index


class ImportFiles:
    """Parquet files in a folder, one for each label and type of relationship, filled graph by graph.

    Nodes are numbered from 0, without gaps, in the order in which they are added, so that the importer can take these
    numbers as the store's own ids.

    Args:
        folder: an empty folder.

    Raises:
        MissingExtraError: the extra `parquet` is not installed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tables: dict[str, ParquetTable] = {}
        self._features: dict[FeatureKey, tuple[int, Row]] = {}
        self._tags: dict[str, int] = {}
        self._next = 0
        self.nodes = self.relationships = 0

    def __enter__(self) -> ImportFiles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for table in self._tables.values():
            table.close()

    def add(self, name: str, rows: GraphRows) -> None:
        """Add a graph under a name.

        Raises:
            InputError: a row has a property that the schema does not have.
        """
        now = datetime.now(UTC)
        times = {"created_at": now, "published_at": now}
        own = {"name": name, "status": "ready", "version": str(uuid4())}
        properties = {**times, **rows.properties, **own}
        graph = self._node("Graph", properties)
        first = self._next
        for label, row in rows.nodes:
            self._node("Node", {**row, "graph": name, _LABELS: f"Node;{label}"})
        for row in rows.transcoder_features:
            key = (rows.properties["model"], row["source_set"], row["layer"], row["index"])
            self._relationship("ACTIVATION_OF", first + row["ordinal"], self._feature(key, row["component"]))
        for label, holds, groups in (("Supernode", "GROUPS", rows.supernodes), ("Circuit", "HOLDS", rows.circuits)):
            for row in groups:
                properties = {at: value for at, value in row.items() if at != "members"}
                group = self._node(label, {**properties, "graph": name})
                for member in row["members"]:
                    self._relationship(holds, group, first + member)
        self._qk(graph, first, rows)
        for row in rows.active_features:
            self._relationship("ACTIVE_FEATURES", graph, self._node("ActiveFeatures", row))
        for tag in rows.tags:
            if tag not in self._tags:
                self._tags[tag] = self._node("Tag", {"name": tag})
            self._relationship("TAGGED", graph, self._tags[tag])
        for label, row in rows.tables:
            self._node(label, {**row, "graph": name})
        extras = {(extra.target, extra.source): extra.extra for extra in rows.edge_extras}
        begin = 0
        for block in rows.edges.blocks(_BLOCK):
            end = begin + block.size
            statistics = rows.edge_statistics.part(begin, end)._asdict() if rows.edge_statistics else {}
            self._edges(first, block, extras, statistics)
            begin = end

    def add_feature(self, properties: Row, *, only_if_active: bool = False) -> None:
        """Add the properties of a transcoder feature, for instance its explanations.

        Args:
            properties: all that it has.
            only_if_active: whether to leave it out if no graph here has it.
        """
        key = tuple(properties[name] for name in ("model", "source_set", "layer", "index"))
        if only_if_active and key not in self._features:
            return
        identifier = self._feature(key)
        self._features[key] = identifier, {**self._features[key][1], **properties}

    def finish(self) -> None:
        """Write what all graphs share, the transcoder features and the schema's version, and close the files."""
        for identifier, properties in self._features.values():
            self._table("TranscoderFeature").add({_ID: identifier, **properties})
        self._node("CircuitAtlas", {"id": "store", "schema_version": SCHEMA_VERSION})
        for table in self._tables.values():
            table.close()

    @property
    def is_explained(self) -> bool:
        """Whether any transcoder feature has an explanation."""
        return any("explanation" in properties for _, properties in self._features.values())

    @property
    def node_files(self) -> list[tuple[str, Path]]:
        """Label and file of all nodes; the label is empty if a column of the file gives it."""
        return [
            ("" if label == "Node" else label, self._tables[label].path) for label in LABELS if label in self._tables
        ]

    @property
    def relationship_files(self) -> list[tuple[str, Path]]:
        """Type and file of all relationships."""
        return [
            (name.partition("-")[0], self._tables[name].path) for name in _RELATIONSHIP_COLUMNS if name in self._tables
        ]

    def _node(self, label: str, row: Row) -> int:
        self._table(label).add({_ID: self._next, **row})
        self.nodes += 1
        self._next += 1
        return self._next - 1

    def _feature(self, key: FeatureKey, component: str | None = None) -> int:
        if key not in self._features:
            properties = dict(zip(("model", "source_set", "layer", "index"), key, strict=True))
            self._features[key] = self._next, properties
            self.nodes += 1
            self._next += 1
        identifier, properties = self._features[key]
        if component and "component" not in properties:
            properties["component"] = component
        return identifier

    def _qk(self, graph: int, first: int, rows: GraphRows) -> None:
        """Add the QK pairs of a graph whose nodes begin with the number `first`."""
        only = [self._node("QkOnlyNode", row) for row in rows.qk.only]
        for node in only:
            self._relationship("QK_ONLY", graph, node)

        def number(end: int) -> int:
            return first + end if end < rows.size[0] else only[end - rows.size[0]]

        for row in rows.qk.pairs:
            properties = {name: row[name] for name in ("attention", "value", "place")}
            self._relationship("QK_PAIR", number(row["query"]), number(row["key"]), properties)
        for row in rows.qk.marginals:
            properties = {name: row[name] for name in ("side", "value", "place")}
            self._relationship("QK_MARGINAL", number(row["node"]), number(row["attention"]), properties)

    def _relationship(self, kind: str, start: int, end: int, properties: Row | None = None) -> None:
        self._table(kind).add({_START: start, _END: end, **(properties or {})})
        self.relationships += 1

    def _edges(
        self, first: int, block: EdgeBlock, extras: Mapping[tuple[int, int], str], statistics: Mapping[str, Any]
    ) -> None:
        columns: dict[str, Any] = {
            _START: block.source.astype(np.int64) + first,
            _END: block.target.astype(np.int64) + first,
            "weight": block.weight,
            **statistics,
        }
        if extras:
            ends = zip(block.target.tolist(), block.source.tolist(), strict=True)
            columns["extra"] = [extras.get(pair) for pair in ends]
        self._table(_EFFECT_WITH_MORE if extras or statistics else _EFFECT).add_columns(columns)
        self.relationships += block.size

    def _table(self, name: str) -> ParquetTable:
        if name not in self._tables:
            columns = _RELATIONSHIP_COLUMNS.get(name) or _node_columns(name)
            self._tables[name] = ParquetTable(self._folder / f"{name}.parquet", columns)
        return self._tables[name]


def _node_columns(label: str) -> ColumnTypes:
    labels = {_LABELS: STRING} if label == "Node" else {}
    return {_ID: LONG, **labels, **imported_types(LABELS[label].properties)}
