"""Supernodes and pinned nodes in a file's `qParams`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.graphs import make_graph

from circuit_atlas.errors import InputError
from circuit_atlas.graph.data import NodeColumns
from circuit_atlas.graph.qparams import as_list, pinned_nodes, pins_not_understood, read_supernodes, write_supernodes
from circuit_atlas.schema.models import Supernode


@pytest.fixture
def nodes() -> NodeColumns:
    """Five nodes, named a to e; the last two have the same `jsNodeId`."""
    made = make_graph([0, 1, 1, 2, 3], []).nodes
    return replace(made, source_id=list("abcde"), js_node_id=["js-a", "js-b", "js-c", "js", "js"])


def members(supernodes: tuple[Supernode, ...]) -> dict[str, tuple[int, ...]]:
    return {supernode.name: supernode.members for supernode in supernodes}


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([["one", "c", "a"], ["two", "e"]], {"one": (0, 2), "two": (4,)}),
        ('[["one", "a", "b"]]', {"one": (0, 1)}),
        (["one, a, b"], {"one": (0, 1)}),
        ([["one", "js"]], {"one": (3, 4)}),
        ([["empty"], []], {"empty": ()}),
        (['["one"]'], {"one": ()}),
        (None, {}),
    ],
)
def test_supernodes_are_read_in_every_form(
    entries: object, expected: dict[str, tuple[int, ...]], nodes: NodeColumns
) -> None:
    supernodes, warnings = read_supernodes({"supernodes": entries}, nodes)
    assert members(supernodes) == expected
    assert warnings == []


def test_supernodes_of_one_name_are_one_with_a_warning(nodes: NodeColumns) -> None:
    supernodes, warnings = read_supernodes({"supernodes": [["one", "a"], ["two", "c"], ["one", "b"]]}, nodes)
    assert members(supernodes) == {"one": (0, 1), "two": (2,)}
    assert warnings == [
        "`qParams.supernodes` has some names more than once; each is one supernode here: 'one'",
    ]


def test_members_that_are_no_nodes_are_told_in_a_warning(nodes: NodeColumns) -> None:
    supernodes, warnings = read_supernodes({"supernodes": [["one", "a", "x", "y"]]}, nodes)
    assert members(supernodes) == {"one": (0,)}
    assert warnings == ["the supernode 'one' has members that are not in the graph: x, y"]


@pytest.mark.parametrize(
    ("entries", "warning"),
    [
        (7, "`qParams.supernodes` is not a list, so it was not read"),
        ({"one": ["a", "b"]}, "`qParams.supernodes` is not a list, so it was not read"),
        (["one", "a"], "not read: 2; the first is 'one'"),
        (
            [{"one": ["a"]}],
            "entries that are not a list of a name and nodes, and were not read: 1; the first is {'one': ['a']}",
        ),
        ("one", "entries that are not a list of a name and nodes, and were not read: 1; the first is 'one'"),
    ],
)
def test_supernodes_that_are_no_lists_are_told_and_not_made(entries: object, warning: str, nodes: NodeColumns) -> None:
    supernodes, [told] = read_supernodes({"supernodes": entries}, nodes)
    assert supernodes == ()
    assert warning in told


def test_names_that_stand_for_many_nodes_cannot_fill_the_memory(
    nodes: NodeColumns, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = NodeColumns(**{**vars(nodes), "js_node_id": ["js"] * 5})
    entries = [[str(i), "js"] for i in range(10)]
    assert len(read_supernodes({"supernodes": entries}, many)[0]) == 10
    monkeypatch.setattr("circuit_atlas.graph.qparams.MAX_MEMBERSHIPS", 49)
    with pytest.raises(InputError, match="more than 49 members"):
        read_supernodes({"supernodes": entries}, many, "file")


def test_a_warning_names_some_of_many_missing_members(nodes: NodeColumns) -> None:
    entry = ["one", *(f"x{i}" for i in range(1000)), "y" * 10_000]
    [warning] = read_supernodes({"supernodes": [entry]}, nodes)[1]
    assert warning.endswith("not in the graph: x0, x1, x2, x3, x4 and 996 more")


@pytest.mark.parametrize("pinned", [["a", "js", "x"], "a, js, x", '["a", "js", "x"]'])
def test_pinned_nodes(pinned: object, nodes: NodeColumns) -> None:
    assert pinned_nodes({"pinnedIds": pinned}, nodes) == [0, 3, 4]
    assert pinned_nodes({}, nodes) == []


@pytest.mark.parametrize(
    ("pinned", "warnings"),
    [
        (None, []),
        (["a", "js"], []),
        ("a, x", ["pinned nodes that are not in the graph: x"]),
        ([f"x{i}" for i in range(7)], ["pinned nodes that are not in the graph: x0, x1, x2, x3, x4 and 2 more"]),
        ({"a": True}, ["`qParams.pinnedIds` is not a list, so it was not read"]),
    ],
)
def test_pins_that_are_no_nodes_are_told_in_a_warning(pinned: object, warnings: list[str], nodes: NodeColumns) -> None:
    assert pins_not_understood({"pinnedIds": pinned}, nodes) == warnings


def test_qparams_that_say_the_same_stay_as_they_are(nodes: NodeColumns) -> None:
    qparams: dict[str, Any] = {"supernodes": '[["one", "a", "b"]]', "other": 1}
    supernodes, _ = read_supernodes(qparams, nodes)
    assert write_supernodes(qparams, nodes, supernodes, lambda i: "abcde"[i]) is qparams


def test_new_supernodes_are_written_and_pinned(nodes: NodeColumns) -> None:
    qparams: dict[str, Any] = {"supernodes": [["kept", "js-a"], ["gone", "b"]], "pinnedIds": ["e"], "other": 1}
    wanted = (Supernode(name="kept", members=(0,)), Supernode(name="new", members=(1, 2)))
    written = write_supernodes(qparams, nodes, wanted, lambda i: "abcde"[i])
    assert written == {
        "supernodes": [["kept", "js-a"], ["new", "b", "c"]],
        "pinnedIds": ["e", "b", "c"],
        "other": 1,
    }
    assert members(read_supernodes(written, nodes)[0]) == members(wanted)


@pytest.mark.parametrize(
    ("value", "expected"),
    [([1, 2], [1, 2]), ("a, b", ["a", "b"]), ("[1]", [1]), ('"a"', ['"a"']), ("", []), ("  ", []), (None, []), (3, [])],
)
def test_lists_may_be_text(value: object, expected: list[object]) -> None:
    assert as_list(value) == expected
