"""Arguments of the Python API: what the command line takes, a method takes; the rest is refused by name."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import pytest

from circuit_atlas import Atlas, GraphHandle
from circuit_atlas.arguments import _annotations, checks_arguments, parse_range
from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.ingest import read_graph
from circuit_atlas.ingest.options import ReadOptions
from circuit_atlas.schema.keys import Kind


@checks_arguments
class Asked:
    """Methods with every kind of parameter, which return what they get."""

    def question(
        self,
        name: str = "",
        *texts: str,
        names: Sequence[str] = (),
        layers: Iterable[int] = (),
        k: int = 1,
        share: float = 1.0,
        flag: bool = False,
        maybe: int | None = None,
        files: Iterable[str | Path] = (),
        values: Mapping[str, Any] | None = None,
        **options: Unpack[ReadOptions],
    ) -> dict[str, Any]:
        given = {**locals(), **options}
        return {name: value for name, value in given.items() if name not in ("self", "options")}

    def node(self, address: str) -> str:
        return address


@pytest.mark.parametrize(
    ("name", "given", "read"),
    [
        ("names", "kin", ["kin"]),
        ("names", ("a", "b"), ["a", "b"]),
        ("names", (text for text in "ab"), ["a", "b"]),
        ("names", {"a": 1}.keys(), ["a"]),
        ("names", np.array(["a", "b"]), ["a", "b"]),
        ("names", [Kind.FEATURE], ["feature"]),
        ("names", None, ()),
        ("layers", 5, [5]),
        ("layers", "5", [5]),
        ("layers", "7-9", [7, 8, 9]),
        ("layers", ["7-9", 12], [7, 8, 9, 12]),
        ("layers", (5, 10), [5, 10]),
        ("layers", range(5, 8), [5, 6, 7]),
        ("layers", [range(2), range(5, 6)], [0, 1, 5]),
        ("layers", np.arange(3), [0, 1, 2]),
        ("layers", np.int64(3), [3]),
        ("layers", np.array(5), [5]),
        ("k", np.int32(7), 7),
        ("share", 1, 1.0),
        ("share", np.float32(0.5), 0.5),
        ("maybe", None, None),
        ("files", "a.json", ["a.json"]),
        ("files", Path("a.json"), [Path("a.json")]),
        ("values", {"k": 3}, {"k": 3}),
        ("model", "gemma-2-2b", "gemma-2-2b"),
        ("node_threshold", None, None),
    ],
)
def test_what_the_command_line_takes_a_method_takes(name: str, given: Any, read: Any) -> None:
    assert Asked().question(**{name: given})[name] == read


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("name", 3, "name cannot be 3\n  It must be a text."),
        ("names", 3, "names cannot be 3\n  It must be a list of texts."),
        ("names", ["a", 3], "names cannot contain 3"),
        ("names", {"a": 1}, "names cannot be {'a': 1}"),
        ("names", b"ab", "names cannot be b'ab'"),
        ("layers", "7-x", "layers cannot be '7-x'\n  It must be a list of whole numbers, or ranges such as '5-10'."),
        ("layers", ["7-18", "9-7"], "layers cannot contain '9-7'"),
        ("layers", ["0-999999999"], "layers cannot contain '0-999999999'"),
        ("layers", [(5, 10)], r"layers cannot contain \(5, 10\)"),
        ("layers", [1.5], "layers cannot contain 1.5"),
        ("layers", [True], "layers cannot contain True"),
        ("k", "3", "k cannot be '3'\n  It must be a whole number."),
        ("k", 3.0, "k cannot be 3.0"),
        ("k", True, "k cannot be True"),
        ("k", None, "k cannot be None"),
        ("k", np.array([1, 2]), r"k cannot be array\(\[1, 2\]\)"),
        ("share", 10**400, "share cannot be 1000"),
        ("share", "0.5", "share cannot be '0.5'\n  It must be a number."),
        ("flag", 1, "flag cannot be 1\n  It must be True or False."),
        ("maybe", "3", "maybe cannot be '3'\n  It must be a whole number or None."),
        ("files", {"a": 1}, "files cannot be {'a': 1}\n  It must be a list of a text or Path."),
        ("values", ["k"], r"values cannot be \['k'\]\n  It must be a mapping or None."),
        ("model", 3, "model cannot be 3"),
        ("hops", 3, "question does not take 'hops'"),
        ("layer", 3, "question does not take 'layer'\n  Did you mean layers\\? It takes edge_threshold, files, "),
    ],
)
def test_what_does_not_fit_is_refused_by_name(name: str, given: Any, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=f"^{message}"):
        Asked().question(**{name: given})


def test_a_list_is_not_one_of_several_texts() -> None:
    assert Asked().question("a", "b", "c")["texts"] == ("b", "c")
    with pytest.raises(InvalidArgumentError, match=r"texts cannot be \['b', 'c'\]\n.*as separate arguments"):
        Asked().question("a", ["b", "c"])  # type: ignore[arg-type]


def test_missing_and_surplus_arguments() -> None:
    asked: Any = Asked()
    with pytest.raises(InvalidArgumentError, match=r"missing a required argument: 'address'\n  .*node\(address\)"):
        asked.node()
    with pytest.raises(InvalidArgumentError, match="too many positional arguments"):
        asked.node("a", "b")


@pytest.mark.parametrize("cls", [Atlas, GraphHandle])
def test_the_annotations_of_every_method_are_understood(cls: type) -> None:
    """The type of every parameter is known when the program runs, except for types of torch and circuit-tracer."""
    for name, method in vars(cls).items():
        if inspect.isfunction(method) and not name.startswith("_"):
            known = _annotations(method)
            for parameter in list(inspect.signature(method).parameters.values())[1:]:
                is_options = parameter.kind is parameter.VAR_KEYWORD
                assert is_options or parameter.name in known, (name, parameter)
                if parameter.name not in ("source", "attribution_targets", "model"):
                    assert is_options or "Any" not in str(known[parameter.name]).replace("[str, typing.Any]", ""), name


@pytest.mark.parametrize("text", ["", "x", "5-", "--5", "-5-2", "9-7", "1-2-3", "0-100000", "5.0"])
def test_what_is_no_range(text: str) -> None:
    assert parse_range(text) is None


def test_a_source_is_a_path_or_a_graph() -> None:
    with pytest.raises(InvalidArgumentError, match=r"source cannot be {'a': 1}\n  It must be the path of a graph file"):
        read_graph({"a": 1})


def test_questions_refuse_what_they_cannot_read(atlas: Atlas, examples: dict[str, GraphHandle]) -> None:
    graph: Any = examples["dallas"]
    calls: list[Any] = [
        lambda: atlas.graph(3),  # type: ignore[arg-type]
        lambda: atlas.ingest({"a": 1}),
        lambda: atlas.compare("dallas", graph),
        lambda: graph.paths(max_hops="3"),
        lambda: graph.paths(hop=3),
        lambda: graph.paths("Dallas"),
        graph.node,
        lambda: graph.neighbors("Austin", layers=["high"]),
        lambda: graph.view().save(3),
        lambda: Atlas(stor="x"),  # type: ignore[call-arg]
    ]
    for call in calls:
        with pytest.raises(InvalidArgumentError):
            call()


def test_one_text_is_a_list_of_one(atlas: Atlas, examples: dict[str, GraphHandle]) -> None:
    graph = examples["dallas"]
    assert graph.paths(sources="Dallas", targets="Austin", k=3) == graph.paths(
        sources=["token:Dallas"], targets=["Austin"], k=3
    )
    ranged = graph.paths(layers=["7-18"], positions=10, k=3)  # type: ignore[list-item, arg-type]
    assert ranged == graph.paths(layers=range(7, 19), positions=[10], k=3)
    assert ranged.paths
    assert graph.neighbors("Austin", kinds="error") == graph.neighbors("Austin", kinds=["error"])
    atlas.tag("dallas", add="test-kin")
    try:
        assert [tag for tag in atlas.graphs("test-kin").graphs[0].tags if tag.startswith("test-k")] == ["test-kin"]
        assert [summary.graph for summary in atlas.graphs("test-kin").graphs] == ["dallas"]
        assert atlas.common_features(tags="test-kin").graphs == ["dallas"]
    finally:
        atlas.tag("dallas", remove="test-kin")
