"""Which files are graph files."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from support.examples import example_file
from support.nobody import as_nobody

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


def test_a_folder_is_looked_at_as_people_see_it(tmp_path: Path) -> None:
    """With folders that links lead to, each once, and without hidden files and the list of a folder's graphs."""
    folder, elsewhere = tmp_path / "folder", tmp_path / "elsewhere"
    for name in ("A.JSON", ".hidden.json", ".ipynb_checkpoints/a.json", "graph-metadata.json", "below/b.json.gz"):
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).touch()
    elsewhere.mkdir()
    (elsewhere / "c.PT").touch()
    (folder / "link").symlink_to(elsewhere)
    (folder / "again").symlink_to(elsewhere)
    (elsewhere / "up").symlink_to(folder)
    found = [path.relative_to(folder).as_posix() for path in graph_files([folder])]
    assert found == ["A.JSON", "again/c.PT", "below/b.json.gz"]
    assert graph_files([folder / "graph-metadata.json"])  # which is then refused in words
    for name in ("A.JSON", "below/b.json.gz", "again", "link"):
        (folder / name).unlink()
    assert graph_files([folder]) == [folder / "graph-metadata.json"]  # and so it is if there is nothing else


def test_a_folder_that_may_not_be_listed_is_an_error() -> None:
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / "a.json").touch()
        (Path(folder) / "closed").mkdir(mode=0)
        with as_nobody(), pytest.raises(InputError, match=r"closed: the folder cannot be listed: Permission denied"):
            graph_files([folder])


@pytest.mark.parametrize(("name", "why"), [("x" * 5000, "File name too long"), ("missing.json", "No such file")])
def test_a_name_that_is_no_file_is_an_error(name: str, why: str, tmp_path: Path) -> None:
    [file] = graph_files([tmp_path / name])
    with pytest.raises(InputError, match=f"cannot be read: {why}"):
        read_graph(file)


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, b"{}")
    with open(read_end), open(write_end, "w"), pytest.raises(InputError, match="a pipe cannot be read\n  It is read"):
        read_graph(f"/dev/fd/{read_end}")


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


def test_an_empty_text_is_no_file() -> None:
    """As a path, it would be the current folder."""
    with pytest.raises(InputError, match="an empty text"):
        graph_files(["", "b.json"])
