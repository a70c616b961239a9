"""What the documentation shows is what happens."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import forget_explanations, hold_examples
from support.examples import EXAMPLES, NAMES

from circuit_atlas import Atlas

ROOT = Path(__file__).parent.parent
PROGRAM = str(Path(sys.executable).with_name("circuit-atlas"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXIT_CODES = {"circuit-atlas verify dallas examples/graphs/oakland.json": 1}  # of what is shown to find a difference


def consoles() -> list[tuple[str, str]]:
    """Commands and the output shown for them; those of the local server need a store of their own."""
    blocks = [b for page in PAGES for b in re.findall(r"```console\n(.*?)```", page.read_text(encoding="utf-8"), re.S)]
    split = [block.split("\n", 1) for block in blocks]
    return [(command[2:], output) for command, output in split if "circuit-atlas server" not in command]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a reader is, who may write files there."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    return tmp_path


@pytest.mark.parametrize(("command", "shown"), consoles(), ids=[command for command, _ in consoles()])
def test_commands_print_what_is_shown(
    command: str, shown: str, env: dict[str, str], examples: Any, atlas: Atlas, folder: Path
) -> None:
    words = shlex.split(command)
    hold_examples(atlas, *(() if words[1] == "ingest" else NAMES))
    try:
        done = subprocess.run(
            [PROGRAM, *words[1:], "--table"], env=env, cwd=folder, capture_output=True, text=True, check=False
        )
    finally:
        forget_explanations(atlas)
        hold_examples(atlas, *NAMES)
    assert done.returncode == EXIT_CODES.get(command, 0), done.stderr
    assert [line.rstrip() for line in done.stdout.splitlines()] == [line.rstrip() for line in shown.splitlines()]


@pytest.mark.parametrize(
    "cypher", re.findall(r"```cypher\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
)
def test_cypher_to_paste_finds_something(cypher: str, atlas: Any, examples: Any) -> None:
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


def test_every_example_has_its_origin() -> None:
    table = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert all(f"`{path.name}`" in table for path in EXAMPLES.glob("*.json"))
