"""What the documentation shows is what happens."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.examples import ANALOGIES, ROOT, example_document, ingest_examples
from support.oracle import read_document
from support.program import PROGRAM

from circuit_atlas import Atlas
from circuit_atlas.examples import ANALOGIES as INSTALLED
from circuit_atlas.examples import example_graph

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXIT_CODES = {
    "circuit-atlas verify night examples/analogies/winter.json.gz": 1
}  # of what is shown to find a difference
CHANGING = {"collapse", "delete", "explain", "ingest", "label", "supernodes", "tag"}  # what the database contains


def consoles() -> list[tuple[str, str]]:
    """Commands and the output shown for them, without those of the local server."""
    blocks = [b for page in PAGES for b in re.findall(r"```console\n(.*?)```", page.read_text(encoding="utf-8"), re.S)]
    split = [block.split("\n", 1) for block in blocks]
    return [(command[2:], output) for command, output in split if "circuit-atlas server" not in command]


def is_changing(command: str) -> bool:
    return command.split()[1] in CHANGING or "--collapsed" in command


def assert_prints(command: str, shown: str, env: dict[str, str], folder: Path) -> None:
    """In a folder where the reader has the examples, and may write files."""
    (folder / "examples").symlink_to(ROOT / "examples")
    words = [PROGRAM, *shlex.split(command)[1:], "--table"]
    done = subprocess.run(words, env=env, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == EXIT_CODES.get(command, 0), done.stderr
    assert [line.rstrip() for line in done.stdout.splitlines()] == [line.rstrip() for line in shown.splitlines()]


ASKED = [(command, shown) for command, shown in consoles() if not is_changing(command)]
CHANGED = [(command, shown) for command, shown in consoles() if is_changing(command)]


@pytest.mark.parametrize(("command", "shown"), ASKED, ids=[command for command, _ in ASKED])
def test_commands_that_ask_print_what_is_shown(
    command: str, shown: str, env: dict[str, str], examples: Any, tmp_path: Path
) -> None:
    assert_prints(command, shown, env, tmp_path)


@pytest.mark.parametrize(("command", "shown"), CHANGED, ids=[command for command, _ in CHANGED])
def test_commands_that_change_the_database_print_what_is_shown(
    command: str, shown: str, own_env: dict[str, str], own_atlas: Atlas, tmp_path: Path
) -> None:
    if command.split()[1] != "ingest":
        ingest_examples(own_atlas)
    assert_prints(command, shown, own_env, tmp_path)


@pytest.mark.parametrize(
    "cypher", re.findall(r"```cypher\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
)
def test_the_cypher_shown_finds_something(cypher: str, atlas: Any, examples: Any) -> None:
    assert atlas.cypher(cypher).rows


def test_the_python_shown_runs(env: dict[str, str], examples: Any) -> None:
    [code] = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    done = subprocess.run([sys.executable, "-c", code], env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "AssemblyCulture" in done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_generated_pages_are_up_to_date() -> None:
    subprocess.run([sys.executable, ROOT / "scripts" / "write_docs.py", "--check"], check=True)


@pytest.mark.parametrize("folder", ["examples/graphs", "examples/analogies", "src/circuit_atlas/examples"])
def test_every_example_has_its_origin(folder: str) -> None:
    """A README has a row for each graph, with its numbers of nodes and links, and the licence."""
    text = (ROOT / folder / "README.md").read_text(encoding="utf-8")
    files = [path for path in (ROOT / folder).iterdir() if path.name.endswith((".json", ".json.gz"))]
    for path in files:
        document = read_document(path)
        [row] = [line for line in text.splitlines() if line.startswith(f"| `{path.name}` |")]
        assert f"| {len(document['nodes'])}, {len(document['links']):,} |" in row
    assert len(files) == sum(line.startswith("| `") for line in text.splitlines())
    assert "MIT" in text


def test_installed_examples_are_those_of_the_repository() -> None:
    assert INSTALLED == ANALOGIES
    for name in ("dallas", *ANALOGIES):
        assert read_document(example_graph(name)) == example_document(name)
