"""Archives of Neo4j's classes, which let servers start faster."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from support.server import JAVA_OPTIONS

from circuit_atlas.server import LocalServer
from circuit_atlas.server.admin import Program
from circuit_atlas.server.class_archive import archive_options, archive_path, keep_archive
from circuit_atlas.server.jars import CACHE_VARIABLE, cache_path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache without archives. Its jars are those of the cache that tests share."""
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "jars").symlink_to(cache_path() / "jars")
    monkeypatch.setenv(CACHE_VARIABLE, str(cache))
    return cache


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Something that has a Java and a jar, in name."""
    java, jar = tmp_path / "jdk" / "bin" / "java", tmp_path / "a.jar"
    java.parent.mkdir(parents=True)
    java.touch()
    jar.touch()
    (tmp_path / "jdk" / "release").write_text('IMPLEMENTOR="N.N."\nJAVA_VERSION="25.0.2"\n', encoding="utf-8")
    return Program(java, [jar])


@pytest.mark.usefixtures("java")
def test_the_first_server_leaves_an_archive_and_the_next_one_uses_it(cache: Path, tmp_path: Path) -> None:
    server = LocalServer(tmp_path / "store")
    try:
        server.start(quiet=True)
        assert not _uses(server, cache)
        server.stop()
        [archive] = (cache / "classes").iterdir()
        assert archive.suffix == ".aot"
        assert archive.stat().st_mode & 0o777 == 0o600

        server.start(quiet=True)
        assert _uses(server, archive)
        server.stop()
        assert list((cache / "classes").iterdir()) == [archive]
    finally:
        server.stop()


def _uses(server: LocalServer, file: Path) -> bool:
    """Whether a server has a file, or one in a folder, in its memory."""
    pid = server.status().pid
    assert pid is not None
    maps = psutil.Process(pid).memory_maps()
    return any(mapped.path.startswith(str(file)) and mapped.path.endswith(".aot") for mapped in maps)


def test_java_does_without_what_is_no_archive(java: Path, cache: Path, tmp_path: Path) -> None:
    archive = archive_path(Program(java, []))
    archive.parent.mkdir()
    archive.write_bytes(b"not an archive")
    archive.chmod(0o600)
    options, _ = archive_options(Program(java, []), tmp_path)
    assert options[-1].endswith(str(archive))
    subprocess.run([java, *options, "-version"], check=True, capture_output=True)


def test_a_killed_server_leaves_no_archive(cache: Path, program: Program, tmp_path: Path) -> None:
    options, name = archive_options(program, tmp_path)
    assert "-XX:AOTCacheOutput=" in options[-1]
    assert name is not None
    keep_archive(name, tmp_path)
    assert not archive_path(program).exists()
    # The next server writes it.
    assert archive_options(program, tmp_path) == (options, name)


def test_only_what_a_server_has_written_is_kept(cache: Path, program: Program, tmp_path: Path) -> None:
    options, name = archive_options(program, tmp_path)
    assert name is not None
    written = Path(options[-1].partition("=")[2])
    written.touch(mode=0o600)
    keep_archive("../elsewhere", tmp_path)
    keep_archive(name, tmp_path / "of another store")
    assert written.exists()
    keep_archive(name, tmp_path)
    assert not written.exists()
    assert archive_options(program, tmp_path) == (
        [f"-XX:AOTCache={archive_path(program)}"],
        None,
    )


def test_an_archive_that_others_can_write_is_not_used(cache: Path, program: Program, tmp_path: Path) -> None:
    archive = archive_path(program)
    archive.parent.mkdir()
    archive.touch()
    archive.chmod(0o620)
    assert archive_options(program, tmp_path) == ([], None)
    archive.chmod(0o600)
    assert archive_options(program, tmp_path)[0]


def test_an_archive_fits_its_java_its_jars_and_their_options(
    cache: Path, program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = {archive_path(program), archive_path(program._replace(jars=[]))}
    os.utime(program.jars[0], (1, 1))
    paths.add(archive_path(program))
    monkeypatch.setenv(JAVA_OPTIONS, "-XX:TieredStopAtLevel=2")
    paths.add(archive_path(program))
    assert len(paths) == 4


@pytest.mark.parametrize("variable", ["JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS"])
@pytest.mark.parametrize("option", ["-XX:AOTMode=off", "-Xshare:auto", "-XX:SharedArchiveFile=a.jsa", "@options"])
def test_options_that_exclude_an_archive(
    variable: str, option: str, cache: Path, program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, f"-Dsome=thing {option}")
    assert archive_options(program, tmp_path) == ([], None)


@pytest.mark.parametrize("release", ['JAVA_VERSION="21.0.9"', "", None])
def test_an_older_java_has_no_archive(release: str | None, cache: Path, program: Program, tmp_path: Path) -> None:
    file = tmp_path / "jdk" / "release"
    file.unlink() if release is None else file.write_text(release, encoding="utf-8")
    assert archive_options(program, tmp_path) == ([], None)


def test_what_an_unstopped_server_has_left_is_removed(cache: Path, program: Program, tmp_path: Path) -> None:
    options, _ = archive_options(program, tmp_path)
    old, new = Path(options[-1].partition("=")[2]), archive_path(program).with_suffix(".part.config")
    old.touch()
    new.touch()
    os.utime(old, (time.time() - 3600,) * 2)
    archive_options(program, tmp_path)
    assert not old.exists()
    assert new.exists()


def test_archives_that_no_server_uses_any_more_are_removed(cache: Path, program: Program, tmp_path: Path) -> None:
    archive = archive_path(program)
    archive.parent.mkdir()
    unused, recent = archive.with_stem("unused"), archive.with_stem("recent")
    month = 30 * 86400
    for file, age in ((archive, 2 * month), (unused, 2 * month), (recent, month / 2)):
        file.touch(mode=0o600)
        os.utime(file, (time.time() - age,) * 2)
    archive_options(program, tmp_path)  # uses its own
    os.utime(program.jars[0], (1, 1))
    archive_options(program, tmp_path)  # of other jars: it has to write one
    assert not unused.exists()
    assert recent.exists()
    assert archive.exists()


def test_a_folder_that_cannot_be_made(program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file"))
    assert archive_options(program, tmp_path) == ([], None)
