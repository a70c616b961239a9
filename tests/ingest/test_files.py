"""Which files are graph files."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.examples import example_file

from circuit_atlas.errors import InputError
from circuit_atlas.ingest import read, read_graph
from circuit_atlas.ingest.files import graph_files, side_by_side


def test_a_folder_stands_for_the_graph_files_in_it_and_below(tmp_path: Path) -> None:
    for name in ("b.json", "a.pt", "notes.txt", "below/c.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = graph_files([tmp_path / "b.json", tmp_path, tmp_path / "missing.json"])
    assert [path.relative_to(tmp_path).as_posix() for path in found] == [
        "b.json",
        "a.pt",
        "below/c.json",
        "missing.json",
    ]


def test_a_folder_without_graph_files_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InputError, match="no graph file"):
        graph_files([tmp_path])


def test_large_files_are_read_one_by_one(tmp_path: Path) -> None:
    small, large = tmp_path / "small.json", tmp_path / "large.json"
    small.touch()
    with large.open("wb") as file:
        file.truncate(17 << 20)
    assert side_by_side([small, tmp_path / "missing.json"]) == 3
    assert side_by_side([small, large]) == 1


def test_a_graph_of_more_nodes_than_questions_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    file = example_file("dallas")
    monkeypatch.setattr(read, "MAX_GRAPH_NODES", len(read_graph(file).nodes) - 1)
    with pytest.raises(
        InputError, match="(?s)nodes are more than the .* that a graph may have.*--node-threshold"
    ) as found:
        read_graph(file)
    assert str(file) in str(found.value)
