"""No control character of a file or database reaches a terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.examples import example_document
from support.program import PROGRAM, Run

from circuit_atlas import Atlas
from circuit_atlas.cypher_text import literal
from circuit_atlas.errors import AtlasError, InvalidArgumentError
from circuit_atlas.printable import CONTROLS, printable, printable_json

EVIL = "\x1b]52;c;ZXZpbA==\x07\x00\x9b31m\x7f\u202e\u2066\u200f\r"
SHOWN = r"\x1b]52;c;ZXZpbA==\x07\x00\x9b31m\x7f\u202e\u2066\u200f\r"
CONTROL = re.compile(f"[{CONTROLS}]")


def test_control_characters_are_shown_in_words() -> None:
    assert printable(EVIL) == SHOWN
    assert printable("\ud83d") == r"\ud83d"
    assert printable("a\tb\nü 東 🙂") == "a\tb\nü 東 🙂"
    assert str(AtlasError(EVIL, where=EVIL, fix=EVIL)) == f"{SHOWN}: {SHOWN}\n  {SHOWN}"


def test_json_keeps_them() -> None:
    text = printable_json(json.dumps({EVIL: EVIL}, ensure_ascii=False))
    assert not CONTROL.search(text)
    assert json.loads(text) == {EVIL: EVIL}


def test_statements_to_paste_keep_them(atlas: Atlas) -> None:
    assert not CONTROL.search(literal(EVIL))
    assert atlas.cypher(f"RETURN {literal(EVIL)} AS text").rows == [{"text": EVIL}]
    assert [literal(number) for number in (np.float64(1.5), np.nan, -np.inf)] == ["1.5", "NaN", "-Infinity"]


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example("x`: 1}; MATCH (n) DETACH DELETE n; //")
@example(r"\u0060: 1}; //")
@given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("`\\u06\n'\"")))
def test_no_text_leaves_its_place_in_a_map(atlas: Atlas, text: str) -> None:
    assert atlas.cypher(f"RETURN {literal({text: text})} AS map").rows == [{"map": {text: text}}]


@pytest.mark.parametrize(
    "character", ["\x00", "\n", "\t", "\x1b", "\x7f", "\x9b", "\u202e", "\u2069", "\u200e", "\ud83d"]
)
def test_names_and_tags_refuse_them(atlas: Atlas, character: str, tmp_path: Path) -> None:
    path = tmp_path / "graph.json"
    path.write_text(json.dumps(example_document("dallas")))
    with pytest.raises(InvalidArgumentError, match="invalid name of a graph"):
        atlas.ingest(path, name=f"a{character}b")
    with pytest.raises(InvalidArgumentError, match="invalid tag"):
        atlas.ingest(path, name="ab", tags=[f"a{character}b"])


@pytest.fixture
def evil(atlas: Atlas, tmp_path: Path, new_name: Callable[[], str]) -> str:
    """A graph in whose texts there are control characters everywhere."""
    document = example_document("dallas")
    document["metadata"] |= {"prompt": EVIL, "scan": f"test{EVIL}", "info": {}}
    document["metadata"]["prompt_tokens"] = [f"{token}{EVIL}" for token in document["metadata"]["prompt_tokens"]]
    for node in document["nodes"]:
        node["clerp"] = f'{EVIL} Output "{EVIL}" (p=0.5)'
    ids = [node["node_id"] for node in document["nodes"]]
    document["qParams"]["supernodes"] = [[f"one{EVIL}", ids[0], ids[1], f"gone{EVIL}"], ["two", ids[2]]]
    path = tmp_path / "evil.json"
    path.write_text(json.dumps(document))
    atlas.ingest(path, name=(name := new_name()), tags=["test-evil"])
    return name


COMMANDS: list[list[str]] = [
    ["graphs"],
    ["stats", "GRAPH"],
    ["paths", "GRAPH", "-k", "3"],
    ["paths", "GRAPH", "--from", EVIL.replace("\x00", "")],
    ["node", "GRAPH", "token:1"],
    ["neighbors", "GRAPH", "token:1"],
    ["influence", "GRAPH"],
    ["search", "ZXZpbA"],
    ["supernodes", "list", "GRAPH"],
    ["compare", "GRAPH", "dallas"],
    ["features", "recurring", "--tag", "test-evil"],
    ["tags"],
    ["query", "nodes.tokens", "-p", "graph=GRAPH"],
    ["query", "RETURN $x AS `\x1b[31m`, $x AS y", "-p", f"x={EVIL.replace(chr(0), '')}"],
    ["query", "--show-cypher", "RETURN $x AS y", "-p", f"x={EVIL.replace(chr(0), '')}"],
    ["query", f"RETURN {EVIL.replace(chr(0), '')}"],
    ["stats", EVIL.replace("\x00", "")],
    ["-vv", "stats", EVIL.replace("\x00", "")],
    ["stats", "dallas", f"--no{EVIL.replace(chr(0), '')}"],
    [f"no{EVIL.replace(chr(0), '')}"],
    ["ingest", f"no{EVIL.replace(chr(0), '')}"],
]


EVERY_FORM = COMMANDS[1:3]


def test_nothing_printed_has_them(evil: str, run: Run) -> None:
    for command in COMMANDS:
        arguments = [word.replace("GRAPH", evil) for word in command]
        for form in ("--table", "--json", "--csv") if command in EVERY_FORM else ("--table",):
            done = run(*arguments, form)
            lines = done.stdout.replace("\r\n", "\n") if form == "--csv" else done.stdout
            assert not CONTROL.search(lines), (command, form)
            assert not CONTROL.search(done.stderr), (command, form)
            assert "Traceback" not in done.stderr, (command, form)
    assert json.loads(run("stats", evil, "--json").stdout)["prompt"] == EVIL


def test_arguments_that_are_no_text(run: Run) -> None:
    """A shell passes on any bytes."""
    for command in (["stats", "\udcff"], ["ingest", "\udcff.json"], ["query", "RETURN $x", "-p", "x=\udcff"]):
        done = run(*command)
        assert done.returncode in (1, 2), done.stderr
        assert "Traceback" not in done.stderr
        assert r"\udcff" in done.stderr


def test_a_terminal_gets_none(evil: str, env: dict[str, str]) -> None:
    parent, child = pty.openpty()
    process = subprocess.Popen([PROGRAM, "stats", evil], env=env, stdout=child, stderr=child, close_fds=True)
    os.close(child)
    shown = b""
    while chunk := _read(parent):
        shown += chunk
    assert process.wait() == 0
    assert SHOWN in shown.decode().replace("\r\n", "\n")
    assert not CONTROL.search(shown.decode().replace("\r\n", "\n"))


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # Linux says so when the other end is closed
        return b""


def test_commands_print_in_one_way() -> None:
    """`echo` of cli/output.py, which escapes; `click.echo` only where nothing of a file or database is printed."""
    commands = Path(__file__).parent.parent / "src" / "circuit_atlas" / "cli"
    for path in commands.glob("*.py"):
        if path.name not in ("output.py", "__init__.py"):
            text = path.read_text(encoding="utf-8")
            assert "click.echo" not in text, path.name
            assert not re.search(r"\bprint\(", text), path.name


def test_results_in_python(evil: str, atlas: Atlas) -> None:
    graph: Any = atlas.graph(evil)
    for result in (graph.stats(), graph.paths(k=2), graph.supernodes(), atlas.graphs(), atlas.compare(evil, "dallas")):
        assert not CONTROL.search(str(result))
    assert not CONTROL.search(str(graph.paths(k=1).paths[0]))
