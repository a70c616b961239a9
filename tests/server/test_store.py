"""The files of a store: what is kept and what is removed when something goes wrong. No server runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from circuit_atlas.errors import LocalServerError
from circuit_atlas.server import store as store_module
from circuit_atlas.server.store import HEAP_VARIABLE, PAGE_CACHE_VARIABLE, Store

MARKER = "circuit-atlas-store.json"
VERSION = "2026.07.1"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "store")
    made.prepare(VERSION)
    (made.path / "data" / "databases").mkdir()
    return made


def test_an_interrupt_right_after_the_switch_keeps_the_new_data(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    write = store._write

    def write_and_interrupt(name: str, content: dict[str, Any]) -> None:
        write(name, content)
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "_write", write_and_interrupt)
    with pytest.raises(KeyboardInterrupt), store.new_data() as data:
        pass
    assert store.data == data != "data"
    assert [path.name for path in store.path.glob("data*")] == [data]


def test_memory_is_that_of_the_container(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or of a job, of which the machine's memory says nothing."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, group = line.split(":", 2)
        if controllers in ("", "memory"):
            folder = tmp_path / "groups" / controllers / group.lstrip("/")
            folder.mkdir(parents=True, exist_ok=True)
            file = "memory.limit_in_bytes" if controllers else "memory.max"
            (folder / file).write_text("max\n")
            (tmp_path / "groups" / controllers / file).write_text(f"{4 << 30}\n")
    monkeypatch.setattr(store_module, "_CGROUPS", tmp_path / "groups")
    for variable in (HEAP_VARIABLE, PAGE_CACHE_VARIABLE):
        monkeypatch.delenv(variable, raising=False)
    store.write_settings(1, 2, None, None)
    assert (store.setting("heap.max_size"), store.setting("pagecache.size")) == ("1024m", "1024m")


def test_an_error_before_the_switch_keeps_the_old_data(store: Store) -> None:
    with pytest.raises(KeyError), store.new_data():
        raise KeyError
    assert store.data == "data"
    assert [path.name for path in store.path.glob("data*")] == ["data"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_a_damaged_marker_is_an_error_and_removes_nothing(content: bytes, store: Store) -> None:
    with store.new_data() as data:
        pass
    (store.path / MARKER).write_bytes(content)
    with pytest.raises(LocalServerError, match="is damaged"):
        store.prepare(VERSION)
    assert (store.path / data).is_dir()
    (store.path / MARKER).write_text(json.dumps({"data": data}))  # as the message says
    store.prepare(VERSION)
    assert store.data == data


def test_large_files_of_killed_processes_are_removed(store: Store) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    )
    of_ended, of_running = (store.path / f"import-{pid}-x" for pid in (int(ended.stdout), os.getpid()))
    for folder in (of_ended, of_running):
        folder.mkdir()
    with store.work_folder("import") as made:
        assert not of_ended.exists()
        assert of_running.exists()
        assert made.is_dir()
    assert not made.exists()


def test_an_erased_store_can_be_made_again(store: Store) -> None:
    (store.path / "import-1-x").mkdir()
    for name in ("run.json.part", "hs_err_pid7.log"):
        (store.path / name).touch()
    store.erase()
    assert list(store.path.iterdir()) == []
    store.prepare(VERSION)


def test_the_store_of_another_user_is_an_error(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", refuse)
    with pytest.raises(LocalServerError, match="cannot be used: Permission denied"):
        _ = store.exists
    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(LocalServerError, match="cannot be used: Permission denied"):
        store.read_process()
