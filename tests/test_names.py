"""Labels in files become explanations of transcoder features, and explanations names; tags are kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.examples import EXAMPLES

from circuit_atlas import Atlas
from circuit_atlas.errors import InvalidArgumentError

FEATURE = "MATCH (f:TranscoderFeature {source_set: $set}) RETURN properties(f) AS f ORDER BY f.layer, f.index"
NAMES = "MATCH (n:Feature {graph: $graph}) RETURN n.name AS name ORDER BY n.ordinal"
TAGS = "MATCH (:Graph {name: $graph})-[:TAGGED]->(t:Tag) RETURN t.name AS tag ORDER BY tag"
ALL_TAGS = "MATCH (t:Tag) WHERE t.name STARTS WITH 'test-' RETURN count(t) AS n"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes the Dallas graph with these labels on its first features, of a set of transcoders of its own."""

    def make(slug: str, *labels: str | None, source_set: str = "test-names") -> Path:
        document = json.loads((EXAMPLES / "dallas.json").read_text(encoding="utf-8"))
        document["metadata"] |= {"slug": slug}
        document["metadata"]["info"] = {"neuronpedia_source_set": source_set}
        features = [node for node in document["nodes"] if "transcoder" in node["feature_type"]]
        for node in features:
            node.pop("clerp", None)
        for node, label in zip(features, labels, strict=False):
            node["clerp"] = label
        path = tmp_path / f"{slug}.json"
        path.write_text(json.dumps(document))
        return path

    return make


def test_labels_in_files_become_explanations_and_names(
    atlas: Atlas, write: Callable[..., Path], new_name: Callable[[], str]
) -> None:
    def names(graph: str) -> list[str]:
        return [row["name"] for row in atlas.cypher(NAMES, {"graph": graph}).rows]

    plain, first, second = new_name(), new_name(), new_name()
    atlas.ingest(write("plain"), name=plain)
    assert all(name.startswith("feature ") for name in names(plain))
    atlas.ingest(write("first", " a label ", None, "third", None, "long " * 4000), name=first)
    atlas.ingest(write("second", "another label", "second"), name=second)
    assert names(first)[:4] == ["a label", "second", "third", names(plain)[3]]
    assert names(first)[4] == names(plain)[4] == ("long " * 200)  # names are indexed
    assert names(second)[:3] == ["another label", "second", "third"]
    assert names(plain)[:3] == ["a label", "second", "third"]
    features = [row["f"] for row in atlas.cypher(FEATURE, {"set": "test-names"}).rows]
    [labelled] = [f for f in features if "a label" in f.get("explanations", [])]
    assert labelled["explanations"] == ["a label", "another label"]
    assert labelled["explanation"] == "a label"
    assert labelled["explanation_sources"] == ["file:first", "file:second"]
    assert labelled["explanation_models"] == labelled["explanation_dates"] == ["", ""]
    assert not atlas.verify(first).damaged
    for name in (plain, first, second):
        atlas.delete(name)
    assert not atlas.cypher(FEATURE, {"set": "test-names"}).rows


def test_explanations_become_names(atlas: Atlas, write: Callable[..., Path], new_name: Callable[[], str]) -> None:
    graph, later = new_name(), new_name()
    atlas.ingest(write("g", "in the file", source_set="test-explained"), name=graph)
    explain = """
        MATCH (f:TranscoderFeature {source_set: 'test-explained'})
        SET f.explanation = 'fetched', f.explanations = ['fetched'], f.explanation_sources = ['neuronpedia']
        """
    atlas.cypher(explain, write=True)
    atlas.ingest(write("later", "in the other file", source_set="test-explained"), name=later)
    assert {row["name"] for row in atlas.cypher(NAMES, {"graph": later}).rows} == {"fetched"}
    for name in (graph, later):
        atlas.delete(name)
    left = atlas.cypher(FEATURE, {"set": "test-explained"}).rows
    assert left
    assert all(row["f"]["explanation"] == "fetched" for row in left)
    atlas.cypher("MATCH (f:TranscoderFeature {source_set: 'test-explained'}) DELETE f", write=True)


@pytest.mark.parametrize("bulk", [False, True])
def test_an_empty_name_or_option_is_refused(bulk: bool, write: Callable[..., Path], own_atlas: Atlas) -> None:
    """A variable of a shell that is not set must not give a graph another name than the user meant."""
    file, before = write("g"), own_atlas.graphs().graphs
    for option in ("name", "model", "source_set"):
        empty: dict[str, Any] = {option: ""}
        with pytest.raises(InvalidArgumentError, match="empty text|invalid name of a graph: ''"):
            own_atlas.ingest_all([file], bulk=bulk, fail_fast=True, **empty)
        with pytest.raises(InvalidArgumentError, match="empty text|invalid name of a graph: ''"):
            own_atlas.ingest(file, **empty)
        with pytest.raises(InvalidArgumentError, match="empty text|invalid name of a graph: ''"):
            own_atlas.ingest("neuronpedia:gemma-2-2b/nothing", **empty)  # before anything is downloaded
    assert own_atlas.graphs().graphs == before


def test_tags_given_at_ingest_are_added(atlas: Atlas, write: Callable[..., Path], new_name: Callable[[], str]) -> None:
    def tags(graph: str) -> list[str]:
        return [row["tag"] for row in atlas.cypher(TAGS, {"graph": graph}).rows]

    graph = new_name()
    options: dict[str, Any] = {"name": graph}
    atlas.ingest(write("g"), tags=["test-b", "test-a", "test-b"], **options)
    assert tags(graph) == ["test-a", "test-b"]
    again = atlas.ingest(write("g"), tags=["test-c"], **options).ingested
    assert again is not None
    assert again.status == "unchanged"
    assert tags(graph) == ["test-a", "test-b", "test-c"]
    atlas.ingest(write("g", "changed"), replace=True, tags=["test-d"], **options)
    assert tags(graph) == ["test-a", "test-b", "test-c", "test-d"]
    with pytest.raises(InvalidArgumentError, match="invalid tag"):
        atlas.ingest(write("g"), tags=["a~b"], **options)
    atlas.delete(graph)
    assert atlas.cypher(ALL_TAGS).rows == [{"n": 0}]
