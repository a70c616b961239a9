"""Servers as others run them: encrypted, with routing, and with a database that nobody may write to."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.examples import EXAMPLES, ingest_examples
from support.program import fails, run_program
from support.server import started

from circuit_atlas import Atlas
from circuit_atlas.errors import SchemaVersionError
from circuit_atlas.server import LocalServer
from circuit_atlas.server import store as store_module
from circuit_atlas.store.upgrade import upgrade

_ENCRYPTED = """\
server.bolt.tls_level=OPTIONAL
dbms.ssl.policy.bolt.enabled=true
dbms.ssl.policy.bolt.base_directory={folder}
dbms.ssl.policy.bolt.private_key={folder}/private.key
dbms.ssl.policy.bolt.public_certificate={folder}/public.crt
dbms.ssl.policy.bolt.client_auth=NONE
"""
_READ_ONLY = "server.databases.read_only=neo4j\n"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that no authority has signed, for the address of this machine."""
    if not shutil.which("openssl"):
        pytest.skip("openssl not found, so no certificate can be made")
    folder = tmp_path_factory.mktemp("certificate")
    files = ["-keyout", str(folder / "private.key"), "-out", str(folder / "public.crt")]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *files, *names],
        check=True,
        capture_output=True,
    )
    return folder / "public.crt"


@pytest.fixture(scope="module")
def server(java: Path, certificate: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A server that takes encrypted connections, too. It has one graph."""
    with pytest.MonkeyPatch.context() as patched:
        settings = store_module._SETTINGS + _ENCRYPTED.replace("{folder}", str(certificate.parent))
        patched.setattr(store_module, "_SETTINGS", settings)
        for made in started(tmp_path_factory.mktemp("encrypted") / "store"):
            with Atlas(store=made.store.path) as atlas:
                ingest_examples(atlas, "dallas")
            yield made


def ask(server: LocalServer, scheme: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run circuit-atlas as somebody who has the address and the password of the server."""
    connection = server.connection()
    assert connection is not None
    environment = {
        **os.environ,
        "NEO4J_URI": connection.uri.replace("bolt://", f"{scheme}://"),
        "NEO4J_USERNAME": connection.username,
        "NEO4J_PASSWORD": connection.password,
        **variables,
    }
    return run_program(*arguments, env=environment)


@pytest.mark.parametrize("scheme", ["bolt", "neo4j", "bolt+ssc", "neo4j+ssc"])
def test_every_kind_of_address_that_trusts_the_server_works(server: LocalServer, scheme: str) -> None:
    done = ask(server, scheme, "graphs", "--json")
    assert done.returncode == 0, done.stderr
    assert [graph["graph"] for graph in json.loads(done.stdout)["graphs"]] == ["dallas"]


@pytest.mark.parametrize("scheme", ["bolt+s", "neo4j+s"])
def test_a_certificate_is_checked_where_the_address_asks_for_it(
    server: LocalServer, certificate: Path, scheme: str
) -> None:
    fails(ask(server, scheme, "graphs"), 3, "certificate")
    done = ask(server, scheme, "stats", "dallas", "--json", SSL_CERT_FILE=str(certificate))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["graph"] == "dallas"


def test_a_database_that_nobody_may_write_to_answers(server: LocalServer, tmp_path: Path) -> None:
    """All questions; also those that would make columns of edges. Every write is refused in a sentence."""
    with Atlas(store=server.store.path) as atlas:
        expected = atlas.graph("dallas").paths(sources=["token:9"], max_hops=2).to_json()
        atlas.cypher("MATCH (c:EdgeColumns {graph: 'dallas'}) DELETE c", write=True)
        before = atlas.cypher("MATCH (n) RETURN count(n) AS n").rows
    server.stop()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(store_module, "_SETTINGS", store_module._SETTINGS + _READ_ONLY)
        server.start(quiet=True)
    try:
        for command in ("stats dallas", "neighbors dallas token:9", "count dallas", "graphs", "verify dallas"):
            done = ask(server, "bolt", *command.split())
            assert done.returncode == 0, done.stderr
        done = ask(server, "bolt", "paths", "dallas", "--from", "token:9", "--max-hops", "2", "--json")
        assert json.loads(done.stdout) == json.loads(expected), done.stderr
        (tmp_path / "labels.tsv").write_text("layer\tindex\tclerp\n0\t1\tx\n", encoding="utf-8")
        for command in (
            f"ingest {EXAMPLES / 'dallas-llama.json'}",
            f"ingest {EXAMPLES / 'dallas.json'} --name other",
            f"ingest {EXAMPLES / 'opposite-small.json'} --name dallas --replace",
            "delete dallas",
            "tag dallas --add x",
            "supernodes create dallas s token:1",
            "collapse dallas",
            "label dallas feature:20/44686@10 x",
            f"explain --from {tmp_path / 'labels.tsv'} --model gemma-2-2b --source-set clt-hp --all-features",
        ):
            done = ask(server, "bolt", *command.split())
            assert done.returncode in (1, 3), (command, done.stdout, done.stderr)
            assert "Traceback" not in done.stderr, (command, done.stderr)
        with Atlas(store=server.store.path) as atlas:
            assert atlas.cypher("MATCH (n) RETURN count(n) AS n").rows == before
            with pytest.raises(SchemaVersionError, match=r"version 4, and could not be upgraded.*\n.*who may write"):
                upgrade(atlas, 4)
    finally:
        server.stop()
