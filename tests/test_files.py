"""Files are written whole or not at all."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from support.examples import EXAMPLES

from circuit_atlas.errors import InputError
from circuit_atlas.export.formats import check_file
from circuit_atlas.export.pt_file import write_pt
from circuit_atlas.files import check_new, replacing, write_file
from circuit_atlas.ingest import read_graph


@contextmanager
def no_space() -> Iterator[None]:
    """No file of this process can have more than 1,000 bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_that_cannot_be_written_stays_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    write_file(file, b"old")
    with pytest.raises(InputError, match="cannot be written"), no_space():
        write_file(file, b"x" * 10_000)
    assert file.read_bytes() == b"old"
    with pytest.raises(InputError, match="cannot be written"):
        write_file(tmp_path / "none" / "page.html", b"new")
    assert list(tmp_path.iterdir()) == [file]


def test_a_name_may_be_as_long_as_the_disk_allows(tmp_path: Path) -> None:
    for name in ("n" * 255, "\N{GRINNING FACE}" * 60):
        write_file(tmp_path / name, b"new")
        assert (tmp_path / name).read_bytes() == b"new"


def test_a_folder_is_not_overwritten(tmp_path: Path) -> None:
    """Nor the file of nodes that belongs to a Parquet file."""
    folder, nodes = tmp_path / "graph.parquet", tmp_path / "graph.nodes.parquet"
    folder.mkdir()
    nodes.write_text("old")
    with pytest.raises(InputError, match="is a folder"):
        check_file(folder, overwrite=True)
    assert sorted(tmp_path.iterdir()) == sorted([folder, nodes])


def test_links_and_pipes_stay_what_they_are(tmp_path: Path) -> None:
    file, link, pipe = (tmp_path / name for name in ("file", "link", "pipe"))
    file.touch()
    link.symlink_to(file)
    write_file(link, b"new")
    assert (link.is_symlink(), file.read_bytes()) == (True, b"new")
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_file(pipe, b"new")
    assert (pipe.is_fifo(), os.read(reader, 10)) == (True, b"new")
    os.close(reader)


def test_a_pt_that_torch_cannot_write_is_an_error(torch: ModuleType, tmp_path: Path) -> None:
    data, file = read_graph(EXAMPLES / "dallas.json"), tmp_path / "dallas.pt"
    file.write_text("old")
    with pytest.raises(InputError, match="could not write all of it"), no_space():
        write_pt(data, file)
    huge = replace(data, metadata=data.metadata.model_copy(update={"n_layers": 10_000_000}))
    with pytest.raises(InputError, match=r"110,\d{3},\d{3} rows and columns, which does not fit in memory"):
        write_pt(huge, file)
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_stays_one(tmp_path: Path) -> None:
    """What it leads to is written: a file, a folder, or what does not exist yet."""
    for name in ("there", "not-yet"):
        file, link = tmp_path / name, tmp_path / f"link-to-{name}"
        link.symlink_to(file)
        if name == "there":
            file.write_text("old")
        with pytest.raises(InputError, match="already exists"):
            check_new(link, overwrite=False)
        with replacing(link) as temporary:
            temporary.write_text("new")
        assert link.is_symlink()
        assert file.read_text() == "new"
    folder, link = tmp_path / "folder", tmp_path / "link-to-folder"
    folder.mkdir()
    link.symlink_to(folder)
    with replacing(link) as temporary:
        temporary.mkdir()
        (temporary / "file").touch()
    assert link.is_symlink()
    assert (folder / "file").exists()
