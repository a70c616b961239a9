"""Graph files compressed with gzip: the same graph, and errors for those that are damaged or would fill the memory."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.bounded import read_in_process
from support.examples import EXAMPLES

from circuit_atlas import Atlas
from circuit_atlas.errors import InputError, InvalidArgumentError
from circuit_atlas.ingest import read_graph
from circuit_atlas.ingest.content import content_hash
from circuit_atlas.ingest.files import graph_files

PLAIN = EXAMPLES / "dallas.json"
MIB = 1 << 20


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    path = tmp_path / "dallas.json.gz"
    path.write_bytes(gzip.compress(PLAIN.read_bytes()))
    return path


@pytest.mark.parametrize("name", ["dallas.json.gz", "dallas.json", "dallas"])
def test_the_same_graph_as_unpacked(packed: Path, name: str) -> None:
    """What a file is, is found from its first bytes, not from its name."""
    plain, found = read_graph(PLAIN), read_graph(packed.rename(packed.with_name(name)))
    assert content_hash(found) == content_hash(plain)
    assert found.metadata == plain.metadata
    assert found.nodes.source_id == plain.nodes.source_id
    np.testing.assert_array_equal(found.nodes.activation, plain.nodes.activation)


def test_a_file_in_several_parts(packed: Path) -> None:
    """`cat a.gz b.gz` is a gzip file, too."""
    content = PLAIN.read_bytes()
    packed.write_bytes(gzip.compress(content[:100_000]) + gzip.compress(content[100_000:]))
    assert content_hash(read_graph(packed)) == content_hash(read_graph(PLAIN))


@pytest.mark.parametrize("name", ["plain.json.gz", "plain.json"])
def test_plain_text_under_either_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(PLAIN.read_bytes())
    assert content_hash(read_graph(tmp_path / name)) == content_hash(read_graph(PLAIN))


def test_the_name_of_a_graph_without_a_slug(tmp_path: Path) -> None:
    document = json.loads(PLAIN.read_bytes())
    del document["metadata"]["slug"]
    (tmp_path / "dallas.json").write_text(json.dumps(document))
    (tmp_path / "dallas.json.gz").write_bytes(gzip.compress(json.dumps(document).encode()))
    plain, packed = (read_graph(tmp_path / name).metadata.slug for name in ("dallas.json", "dallas.json.gz"))
    assert plain == packed == "dallas"


def test_stored_and_verified(atlas: Atlas, packed: Path, new_name: Callable[[], str]) -> None:
    name = new_name()
    atlas.ingest(PLAIN, name=name)
    again = atlas.ingest(packed, name=name).ingested
    assert again is not None
    assert again.status == "unchanged"
    assert not atlas.verify(name, packed).damaged


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is a folder\n.*`Atlas.ingest_all` take folders"):
        read_graph(tmp_path)


def test_folders(packed: Path) -> None:
    for name in ("a.json", "b.pt", "notes.gz", "labels.tsv.gz", "deeper/c.json.gz"):
        (packed.parent / name).parent.mkdir(exist_ok=True)
        (packed.parent / name).touch()
    found = [str(path.relative_to(packed.parent)) for path in graph_files([packed.parent])]
    assert found == ["a.json", "b.pt", "dallas.json.gz", "deeper/c.json.gz"]


def test_it_cannot_be_pruned_either(packed: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="already pruned"):
        read_graph(packed, node_threshold=0.5)


def test_a_file_that_is_cut_short(packed: Path) -> None:
    content = packed.read_bytes()
    for length in range(2, len(content), len(content) // 20):
        packed.write_bytes(content[:length])
        with pytest.raises(InputError, match="cut short or damaged"):
            read_graph(packed)


@pytest.mark.parametrize("place", [-8, -4, 1000, 3], ids=["checksum", "length", "content", "flags"])
def test_a_file_that_is_damaged(packed: Path, place: int) -> None:
    content = bytearray(packed.read_bytes())
    content[place] ^= 0xFF
    packed.write_bytes(content)
    with pytest.raises(InputError, match="cut short or damaged"):
        read_graph(packed)


@pytest.mark.parametrize("after", [b"more", gzip.compress(b"more")], ids=["plain", "packed"])
def test_something_after_the_graph(packed: Path, after: bytes) -> None:
    packed.write_bytes(packed.read_bytes() + after)
    with pytest.raises(InputError, match=r"damaged|not JSON"):
        read_graph(packed)


def test_what_was_packed_is_no_graph(packed: Path) -> None:
    packed.write_bytes(gzip.compress(b"\xff\xfe", mtime=0))
    with pytest.raises(InputError, match="not JSON"):
        read_graph(packed)
    packed.write_bytes(gzip.compress(b"[]", mtime=0))
    with pytest.raises(InputError, match="not an attribution graph"):
        read_graph(packed)


def test_a_bomb_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    """2 GB in 2 MB, read by a process that may have 1 GB."""
    bomb = tmp_path / "bomb.json.gz"
    bomb.write_bytes(gzip.compress(b" " * MIB) * 2000)
    assert bomb.stat().st_size < 3 * MIB
    done = read_in_process(bomb, memory=1 << 30)
    assert "InputError" in done.stderr
    assert "decompresses to more than" in done.stderr
    assert "gunzip" in done.stderr


@pytest.mark.parametrize("nodes", [b"{}," * 5_000_000, b"[0]," * 5_000_000, b'{"node_id":"E_1_1_1"},' * 200_000])
def test_nodes_of_a_few_bytes_are_refused_before_they_fill_the_memory(nodes: bytes, tmp_path: Path) -> None:
    """Packed, they take a thousandth; as objects, they would take 30 times as much."""
    path = tmp_path / "dense.json.gz"
    path.write_bytes(gzip.compress(b'{"links":[],"nodes":[' + nodes.removesuffix(b",") + b"]}"))
    done = read_in_process(path, memory=1 << 30)
    assert "InputError" in done.stderr
    assert "which no attribution graph has" in done.stderr or "200,000 nodes are more than" in done.stderr


def test_small_files_may_shrink_much(tmp_path: Path) -> None:
    """A short file of much white space, 300 times as large unpacked, is small all the same."""
    path = tmp_path / "spaced.json.gz"
    path.write_bytes(gzip.compress(PLAIN.read_bytes() + b" " * (20 * MIB)))
    assert content_hash(read_graph(path)) == content_hash(read_graph(PLAIN))
