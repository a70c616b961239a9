"""Explanations from files: Neuronpedia's exports and tables, whatever is in them."""

from __future__ import annotations

import gzip
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import EXAMPLES

from circuit_atlas import Atlas
from circuit_atlas.errors import InputError, InvalidArgumentError
from circuit_atlas.explain import files, lines
from circuit_atlas.explain.lines import Lines, read_json_line, table_reader
from circuit_atlas.explain.store import Feature
from circuit_atlas.explain.text import clean_text
from circuit_atlas.queries.node_results import Explanation

LABELS = EXAMPLES.parent / "labels.tsv"
FEATURES = """
MATCH (f:TranscoderFeature {source_set: $set}) RETURN properties(f) AS f ORDER BY f.layer, f.index
"""
FORGET = "MATCH (f:TranscoderFeature {source_set: $set}) DETACH DELETE f"


@pytest.fixture
def source_set(atlas: Atlas) -> Iterator[str]:
    """A set of transcoders with three features, 0/1, 0/2 and 25/3, of the model `m`."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    atlas.cypher(
        "UNWIND [[0, 1], [0, 2], [25, 3]] AS at "
        "CREATE (:TranscoderFeature {model: 'm', source_set: $set, layer: at[0], index: at[1]})",
        {"set": name},
        write=True,
    )
    yield name
    atlas.cypher(FORGET, {"set": name}, write=True)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def make(name: str, *rows: Any) -> Path:
        text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows).encode()
        path = tmp_path / name
        path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
        return path

    return make


def exported(source_set: str, place: tuple[int, int], description: Any, **more: Any) -> dict[str, Any]:
    """A line of Neuronpedia's files."""
    return {
        "modelId": "m",
        "layer": f"{place[0]}-{source_set}",
        "index": str(place[1]),
        "description": description,
        "explanationModelName": "gpt-4o-mini",
        "typeName": "oai_token-act-pair",
        "embedding": "[0.1,0.2]",
        **more,
    }


def found(atlas: Atlas, source_set: str) -> dict[tuple[int, int], dict[str, Any]]:
    rows = atlas.cypher(FEATURES, {"set": source_set}).rows
    return {(row["f"]["layer"], row["f"]["index"]): row["f"] for row in rows}


def test_exports_of_neuronpedia_are_imported(
    atlas: Atlas, source_set: str, write: Callable[..., Path], monkeypatch: Any
) -> None:
    monkeypatch.setattr(files, "_BATCH_SIZE", 2)
    write(
        "batch-0.jsonl.gz",
        exported(source_set, (0, 1), "first"),
        exported(source_set, (9, 9), "elsewhere"),
        exported(source_set, (0, 2), "other"),
        exported(source_set, (25, 3), " a\nb "),
    )
    path = write("batch-1.jsonl", exported(source_set, (0, 1), "second"), exported(source_set, (0, 1), "second"))
    result = atlas.import_explanations(path.parent)
    assert result.notes == []
    assert "no file is one" in atlas.import_explanations(path.parent, model="another").notes[0]
    assert (result.explanations, result.stored, result.features, result.malformed) == (6, 5, 3, 0)
    stored = found(atlas, source_set)
    assert stored[0, 1]["explanations"] == ["first", "second"]
    assert stored[0, 1]["explanation_sources"] == ["neuronpedia"] * 2
    assert stored[0, 1]["explanation_models"] == ["gpt-4o-mini"] * 2
    assert stored[0, 1]["explanation_types"] == ["oai_token-act-pair"] * 2
    assert "fetched_at" in stored[0, 1]
    assert stored[25, 3]["explanation"] == "a b"
    assert len(stored) == 3
    again = atlas.import_explanations(write("batch-1.jsonl", exported(source_set, (0, 1), "newer")), all_features=True)
    assert again.stored == 1
    assert found(atlas, source_set)[0, 1]["explanations"] == ["newer"]
    assert found(atlas, source_set)[0, 2]["explanations"] == ["other"]
    atlas.import_explanations(write("x.jsonl", exported(source_set, (9, 9), "all")), all_features=True)
    assert found(atlas, source_set)[9, 9]["explanation"] == "all"


def test_malformed_lines_are_counted(
    atlas: Atlas, source_set: str, write: Callable[..., Path], monkeypatch: Any, run: Any
) -> None:
    monkeypatch.setattr(lines, "_MAX_LINE", 1000)
    good = exported(source_set, (0, 1), "good")
    bad: list[Any] = [
        "{",
        "[]",
        "null",
        "[" * 900,
        {**good, "layer": 7},
        {**good, "layer": source_set},
        {**good, "index": "-1"},
        {**good, "index": 1.5},
        {**good, "index": True},
        {**good, "index": "1" * 50},
        {**good, "modelId": None},
        {**good, "description": None},
        {**good, "description": " "},
        {**good, "description": "x" * 5000},
    ]
    path = write("x.jsonl", good, "", *bad, "", {**good, "description": "last"})
    result = atlas.import_explanations(path)
    assert (result.explanations, result.malformed) == (2, len(bad))
    assert found(atlas, source_set)[0, 1]["explanations"] == ["good", "last"]
    done = run("explain", "--from", str(path))
    assert done.returncode == 1
    assert json.loads(done.stdout)["malformed"] >= len(bad) - 1  # here a line may be longer


def test_tables_are_imported(atlas: Atlas, source_set: str, write: Callable[..., Path]) -> None:
    names: dict[str, Any] = {"model": "m", "source_set": source_set}
    for name, rows in {
        "plain.tsv": ["0\t1\tplain", "25\t3\tx"],
        "head.tsv.gz": ["layer\tindex\tlabel", "0\t1\thead"],
        "order.tsv": ["\ufeffDescription\tfurther\tIndex\tLayer", '"in ""quotes"""\t\t1\t0'],
        "france.tsv": ['0\t1\t"Paris" and "France"'],
        "json.txt": ["layer\tindex\tclerp", '0\t1\t"say \\"x\\" \\u00e9"', "0\t1"],
    }.items():
        result = atlas.import_explanations(write(name, *rows), **names)
        assert result.malformed == (1 if name == "json.txt" else 0)
    stored = found(atlas, source_set)
    assert stored[0, 1]["explanations"] == ['say "x" é', '"Paris" and "France"', 'in "quotes"', "head", "plain"]
    assert stored[0, 1]["explanation_sources"] == [
        "import:json.txt",
        "import:france.tsv",
        "import:order.tsv",
        "import:head.tsv.gz",
        "import:plain.tsv",
    ]
    assert "fetched_at" not in stored[0, 1]
    with pytest.raises(InvalidArgumentError, match="does not say which features"):
        atlas.import_explanations(write("plain.tsv", "0\t1\tplain"))


def test_damaged_and_too_large_files_are_refused(
    atlas: Atlas, source_set: str, write: Callable[..., Path], tmp_path: Path
) -> None:
    path = write("x.jsonl.gz", *[exported(source_set, (0, 1), f"{i} of many") for i in range(3000)])
    whole = path.read_bytes()
    for content in (whole[:-20], whole[: len(whole) // 2], b"\x1f\x8b" + bytes(100)):
        path.write_bytes(content)
        with pytest.raises(InputError, match="cut short or damaged"):
            atlas.import_explanations(path)
    path.write_bytes(gzip.compress(bytes(10_000_000)))  # one line, and not a small one
    with pytest.raises(InputError, match=r"more than 0.005 GB") as caught:
        atlas.import_explanations(path, max_size=0.005)
    assert "--max-size" in str(caught.value)
    path = write("x.jsonl", exported(source_set, (0, 2), "the first"), exported(source_set, (25, 3), "the last"))
    with pytest.raises(InputError, match="What was read before is stored"):
        atlas.import_explanations(path, max_size=(path.stat().st_size - 1) / 1e9)
    assert [found(atlas, source_set)[at].get("explanation") for at in ((0, 2), (25, 3))] == ["the first", None]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="contains no file"):
        atlas.import_explanations(tmp_path / "empty")
    (tmp_path / "empty.tsv").write_bytes(b"")
    assert atlas.import_explanations(tmp_path / "empty.tsv").explanations == 0


def test_the_labels_of_the_examples_are_imported(atlas: Atlas, new_name: Callable[[], str], run: Any) -> None:
    """Labels of the features of a real graph, stored under a set of their own."""
    name, source_set = new_name(), f"test-{uuid.uuid4().hex[:8]}"
    graph = atlas.ingest(EXAMPLES / "opposite-small.json", name=name, source_set=source_set)
    done = run("explain", "--from", str(LABELS), "--model", "gemma-2-2b", "--source-set", source_set)
    assert json.loads(done.stdout) == {"explanations": 240, "stored": 200, "features": 200, "malformed": 0}
    feature = graph.node("feature:0/354").transcoder_feature
    assert feature is not None
    assert [(said.text, said.source) for said in feature.explanations] == [
        ("suspension", "import:labels.tsv"),
        ("suspension", "file:gemma-small-big-en"),
    ]
    atlas.delete(name)
    left = found(atlas, source_set)
    assert len(left) == 200  # imported explanations stay for the next graph
    assert atlas.verify().damaged == 0
    atlas.cypher(FORGET, {"set": source_set}, write=True)


@pytest.mark.parametrize(("line", "message"), [(b"\n", "blank lines"), (b"x\n", "are not explanations")])
def test_a_file_that_says_nothing_is_refused_soon(atlas: Atlas, tmp_path: Path, line: bytes, message: str) -> None:
    """8 GB of it in 8 MB."""
    path = tmp_path / "batch-0.jsonl.gz"
    part = gzip.compress(line * (4_000_000 // len(line)))
    path.write_bytes(gzip.compress(b'{"modelId": "m"}\n') + part * 2000)
    assert path.stat().st_size < 20_000_000
    with pytest.raises(InputError, match=f"batch-0.*more than 1,000,000 .*{message}"):
        atlas.import_explanations(path)


@given(st.binary(max_size=300))
def test_any_line_is_read_or_malformed(line: bytes) -> None:
    for read in (read_json_line, table_reader(b"", "m", "s")[0]):
        entry = read(line)
        assert entry is None or 0 < len(entry.explanation.text) <= 1000
    assert isinstance(table_reader(line, "m", "s")[1], bool)


@given(st.integers(0, 10**9), st.integers(0, 10**12 - 1), st.text(max_size=50))
def test_lines_that_are_written_are_read(layer: int, index: int, text: str) -> None:
    wanted = clean_text(text)
    feature = Feature("m", "s-t", layer, index)
    item = {"modelId": "m", "layer": f"{layer}-s-t", "index": index, "description": text}
    rows = [f"{layer}\t{index}\t{json.dumps(text)}".encode()]
    for entry in [read_json_line(json.dumps(item).encode()), *map(table_reader(b"", "m", "s-t")[0], rows)]:
        assert entry == ((feature, Explanation(text=wanted)) if wanted else None)


@given(st.lists(st.binary(max_size=40).filter(lambda line: b"\n" not in line and b"\r" not in line), max_size=8))
def test_files_are_split_into_their_lines(rows: list[bytes]) -> None:
    import tempfile

    for pack in (bytes, gzip.compress):
        with tempfile.NamedTemporaryFile() as file:
            Path(file.name).write_bytes(pack(b"".join(row + b"\r\n" for row in rows)))
            if Path(file.name).read_bytes()[:2] == b"\x1f\x8b" and pack is bytes:
                return
            assert list(Lines(10_000).of(Path(file.name))) == [row for row in rows if row.strip()]


def test_a_table_whose_first_line_names_no_labels_is_refused() -> None:
    """Its columns may be in any order: here, the index comes first."""
    with pytest.raises(InputError, match="names no column of labels: index, layer, name") as told:
        table_reader(b"index\tlayer\tname", "m", "s", "some.tsv")
    assert told.value.where == "some.tsv"
    read, has_headers = table_reader(b"index\tlayer\tlabel", "m", "s")
    assert has_headers
    assert read(b"12\t3\tTexas") == (Feature("m", "s", 3, 12), Explanation(text="Texas"))
