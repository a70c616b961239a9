"""What the documentation shows is what happens, and its site builds without a warning."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from support.database import clear
from support.examples import ROOT, example_file, ingest_examples
from support.oracle import read_document
from support.program import run_program

from circuit_atlas import Atlas
from circuit_atlas.config import STORE_VARIABLE
from circuit_atlas.examples import ANALOGIES, example_graph
from circuit_atlas.server import LocalServer

DOCS = ROOT / "docs"
COPIES = ("changelog.md", "contributing.md")  # of files at the root, for the site
PAGES: list[Path] = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted(page for page in DOCS.rglob("*.md") if page.name not in COPIES),
]
SOURCES = [path for folder in ("src", "ingest", "queries", "schema") for path in sorted((ROOT / folder).rglob("*.py"))]
EXIT_CODES = {"circuit-atlas verify dallas examples/graphs/opposite-small.json": 1}  # it shows a difference
SET_FOR_NEO4J = {"NEO4J_HOME", "NEO4J_CONF"}  # environment variables that we set, and nobody else
NOTHING = ("README", "start", "tutorial", "ingest")  # pages whose reader has stored no graph yet
SMALL = "opposite-small"
ALSO: dict[str, str | tuple[str, ...]] = {  # beside dallas
    "across-prompts": "analogies",
    "similar": "analogies",
    "tutorial-map": "analogies",
    "aggregate": ("foot", "night", "puppy", "taste", "winter"),
    "pictures": ("cold", "winter"),
    "cypher": ("cold",),
    "supernodes": (SMALL, "night", "winter"),
    "circuits": (SMALL, "night"),
    "explanations": (SMALL,),
    "series": ("cold", "night", "winter"),
    "contrast": ("foot", "night"),
}
READING = (
    *("clusters", "compare", "count", "distribution", "enriched", "export", "features", "graphs", "influence"),
    *("motifs", "neighbors", "node", "paths", "query", "recurring", "report", "score", "score-circuit", "search"),
    *("series", "similar", "stats", "tags", "view"),
)
WRITING = {"--collapsed", "--name", "--replace", "--tag-groups", "--write"}  # options with which these store something


class Block(NamedTuple):
    """A fenced block of a page."""

    language: str
    text: str


def blocks(page: Path, *languages: str) -> list[Block]:
    found = re.findall(r"^```(\w+)\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [Block(*block) for block in found if block[0] in languages]


def command_and_output(text: str) -> tuple[str, list[str]]:
    """A command may go on in lines that begin with `> `."""
    lines = [line.rstrip() for line in text.splitlines()]
    length = 1 + next((i for i, line in enumerate(lines[1:]) if not line.startswith("> ")), len(lines) - 1)
    return "\n".join(line[2:] for line in lines[:length]), lines[length:]


def commands(page: Path) -> list[tuple[str, list[str] | None]]:
    """The commands of a page, each with the output that is shown. The tutorial and the README also have commands
    without output. `demo` and commands about the local server have tests of their own."""
    found: list[tuple[str, list[str] | None]] = []
    for block in blocks(page, "console", "bash"):
        if block.language == "console":
            found.append(command_and_output(block.text))
        elif page.stem in ("README", "tutorial"):
            found += [(line, None) for line in block.text.splitlines()]
    return [(command, output) for command, output in found if re.match("circuit-atlas (?!server|demo)", command)]


def cypher_of(page: Path) -> list[str]:
    """Statements that can be run as they are."""
    statements = [block.text for block in blocks(page, "cypher")]
    return [text for text in statements if "$" not in text and "CREATE CONSTRAINT" not in text]


def graphs_of_reader(page: Path) -> str | tuple[str, ...] | None:
    """What the reader of a page has stored beside an example; None if there is nothing at all."""
    return None if page.stem in NOTHING else ALSO.get(page.stem, ())


def only_reads(page: Path) -> bool:
    words = [shlex.split(command)[1:] for command, _ in commands(page)]
    return all(verb in READING and not WRITING & set(rest) for verb, *rest in words)


class Shelf:
    """The database of readers. It is filled again only if the page before has changed it or needs other graphs."""

    def __init__(self) -> None:
        self._has: str | tuple[str, ...] | None = None  # as it was filled

    def fill(self, atlas: Atlas, page: Path) -> None:
        also = graphs_of_reader(page)
        if also is None or also != self._has:
            clear(atlas.driver)
            if also is not None:
                ingest_examples(atlas, "dallas", *(name for name in also if name == SMALL))
                if also == "analogies":
                    atlas.ingest_all([ROOT / "examples" / "analogies"], tags=["analogies"])
                elif others := [example_file(name) for name in also if name != SMALL]:
                    atlas.ingest_all(others)
        self._has = also if only_reads(page) else None


@pytest.fixture(scope="module")
def shelf() -> Shelf:
    return Shelf()


def shelf_order(page: Path) -> tuple[str, bool, str]:
    """Pages of readers with the same graphs come one after the other, so that these are stored once."""
    return str(graphs_of_reader(page)), not only_reads(page), page.stem


RUN = sorted((page for page in PAGES if commands(page) or cypher_of(page)), key=shelf_order)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("page", RUN, ids=lambda page: page.stem)
def test_commands_print_what_is_shown(page: Path, shelf: Shelf, own_server: LocalServer, tmp_path: Path) -> None:
    """And statements in Cypher find something."""
    own_server.start(quiet=True)
    environment = {**os.environ, STORE_VARIABLE: str(own_server.store.path)}
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    with Atlas(store=own_server.store.path, timeout=120) as atlas:
        shelf.fill(atlas, page)
        for command, shown in commands(page):
            form = [] if "--csv" in command else ["--table"]  # what a terminal shows by itself
            done = run_program(*shlex.split(command)[1:], *form, env=environment, cwd=tmp_path)
            assert done.returncode == EXIT_CODES.get(command, 0), f"{command}\n{done.stderr}"
            if shown is not None:
                assert [line.rstrip() for line in done.stdout.splitlines()] == shown, command
        for statement in cypher_of(page):
            assert atlas.cypher(statement).rows, statement


@pytest.mark.parametrize("page", [ROOT / "README.md", DOCS / "start.md"], ids=lambda page: page.stem)
def test_python_runs(page: Path, own_env: dict[str, str]) -> None:
    [code] = blocks(page, "python")
    done = subprocess.run(
        [sys.executable, "-c", code.text], env=own_env, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "AssemblyCulture" in done.stdout


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.stem)
def test_python_is_python(page: Path) -> None:
    for block in blocks(page, "python"):
        ast.parse(block.text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
        assert Path(target).name not in COPIES, f"{target} is not in the repository"


@pytest.mark.slow
def test_generated_files_are_up_to_date() -> None:
    subprocess.run([sys.executable, ROOT / "scripts" / "write_docs.py", "--check"], check=True)


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pages = {path.relative_to(DOCS).with_suffix(".html") for path in DOCS.rglob("*.md")}
    assert all((tmp_path / "site" / page).exists() for page in pages)


def texts_of_source() -> str:
    """All texts in the source, the constant parts of formatted ones among them."""
    constants = (
        node.value
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    return "\n".join(constants)


def test_troubleshooting_quotes_messages_that_exist() -> None:
    page = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    texts = texts_of_source()
    messages = re.findall(r"^###.*?`(.+)`$", page, re.MULTILINE)
    assert len(messages) > 15
    for message in messages:
        for part in message.split("…"):
            assert part in texts, message


def test_every_environment_variable_is_documented() -> None:
    page = (DOCS / "reference" / "environment.md").read_text(encoding="utf-8")
    names = set(re.findall(r"\b(?:NEO4J|CIRCUIT_ATLAS|NEURONPEDIA)_[A-Z0-9_]+\b", texts_of_source()))
    assert len(names) > 10
    for name in names - SET_FOR_NEO4J:
        assert f"`{name}`" in page, name


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
    for name in ("dallas", *ANALOGIES):
        assert read_document(example_graph(name)) == read_document(example_file(name))
