"""The declared properties: that everything stored is declared, with its type, and that nothing says otherwise."""

from __future__ import annotations

import re
from typing import Any

import pytest

from circuit_atlas import Atlas
from circuit_atlas.schema.apply import statements
from circuit_atlas.schema.models import GraphMetadata, Node
from circuit_atlas.schema.properties import LABELS, RELATIONSHIPS, Property

CYPHER_TYPES = {
    "string": "STRING",
    "long": "INTEGER",
    "double": "FLOAT",
    "boolean": "BOOLEAN",
    "byte": "INTEGER",
    "datetime": "ZONED DATETIME",
}
STORED = """
MATCH (n)
UNWIND keys(n) AS name
RETURN labels(n) AS labels, name, collect(DISTINCT valueType(n[name])) AS types
"""
STORED_BETWEEN = """
MATCH ()-[r]->()
UNWIND [null] + keys(r) AS name
RETURN type(r) AS label, name, collect(DISTINCT valueType(r[name])) AS types
"""
CONSTRAINT = re.compile(r"CREATE CONSTRAINT .*\sFOR \(\w+:(\w+)\) REQUIRE \(?([^)]*?)\)? IS UNIQUE", re.DOTALL)
INDEX = re.compile(r"CREATE (?:FULLTEXT )?INDEX .*\sFOR \(\w+:([\w|]+)\) ON (?:EACH )?[(\[](.*)[)\]]", re.DOTALL)


def types(declared: Property) -> set[str]:
    """The types that Cypher may give for values of a property."""
    one = f"{CYPHER_TYPES[declared.type.removesuffix('[]')]} NOT NULL"
    return {f"LIST<{one}> NOT NULL", "LIST<NOTHING> NOT NULL"} if declared.type.endswith("[]") else {one}


def test_everything_stored_is_declared(atlas: Atlas, examples: Any) -> None:
    for row in atlas.cypher(STORED).rows:
        [label] = LABELS.keys() & set(row["labels"])
        assert set(row["types"]) <= types(LABELS[label].properties[row["name"]]), row
    for row in atlas.cypher(STORED_BETWEEN).rows:
        properties = RELATIONSHIPS[row["label"]].properties
        assert row["name"] is None or set(row["types"]) <= types(properties[row["name"]]), row


def test_fields_of_models_are_stored_properties() -> None:
    assert GraphMetadata.model_fields.keys() <= LABELS["Graph"].properties.keys()
    assert Node.model_fields.keys() - {"kind"} <= LABELS["Node"].properties.keys()


def test_constraints_are_the_declared_keys() -> None:
    found = [match for statement in statements() if (match := CONSTRAINT.match(statement))]
    keys = {match[1]: tuple(part.split(".")[1] for part in match[2].split(", ")) for match in found}
    assert keys == {name: label.key for name, label in LABELS.items() if label.key}
    indexes = [match for statement in statements() if (match := INDEX.match(statement))]
    assert len(found) + len(indexes) == len(statements())
    for match in indexes:
        labels = [label if label in LABELS else "Node" for label in match[1].split("|")]
        for name in (part.split(".")[1] for part in match[2].split(", ")):
            assert any(name in LABELS[label].properties for label in labels)


@pytest.mark.parametrize("name", LABELS)
def test_keys_are_properties(name: str) -> None:
    assert set(LABELS[name].key) <= LABELS[name].properties.keys()
