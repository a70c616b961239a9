"""Jars: pinned, checked, downloaded once. The repository is a real HTTP server on loopback."""

from __future__ import annotations

import errno
import hashlib
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from circuit_atlas.errors import InvalidArgumentError, LocalServerError
from circuit_atlas.server import jars
from circuit_atlas.server.jars import Jar, ensure_jars, neo4j_version, read_lock, repository_url


class Repository(ThreadingHTTPServer):
    """Serves `content` by path; `spoilt` says how often the answer to a path is wrong before that."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content: dict[str, bytes] = {}
        self.spoilt: dict[str, int] = {}
        self.asked: list[str] = []
        self.authorized: list[str | None] = []


class _Handler(BaseHTTPRequestHandler):
    server: Repository

    def do_GET(self) -> None:
        path = self.path.removeprefix("/maven/")
        self.server.asked.append(path)
        self.server.authorized.append(self.headers.get("Authorization"))
        body = self.server.content.get(path)
        if self.server.spoilt.get(path, 0) > 0:
            self.server.spoilt[path] -= 1
            body = b"x" * (len(body or b"") + 100)
        self.send_response(200 if body is not None else 404)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    """A repository that the user's Maven settings name as a mirror, and an empty cache."""
    served = Repository()
    threading.Thread(target=served.serve_forever, daemon=True).start()
    settings = tmp_path / "home" / ".m2" / "settings.xml"
    settings.parent.mkdir(parents=True)
    settings.write_text(
        '<settings xmlns="urn:any"><mirrors>'
        "<mirror><mirrorOf>*</mirrorOf><url>blocked.invalid</url><blocked>true</blocked></mirror>"
        f"<mirror><mirrorOf>central</mirrorOf><url>http://127.0.0.1:{served.server_port}/maven/</url></mirror>"
        "</mirrors></settings>"
    )
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CIRCUIT_ATLAS_CACHE", str(tmp_path / "cache"))
    yield served
    served.shutdown()
    served.server_close()


def add(repository: Repository, name: str) -> Jar:
    content = name.encode() * 1000
    jar = Jar("org.test", name, "", "1.0", hashlib.sha256(content).hexdigest(), len(content))
    repository.content[jar.repository_path] = content
    return jar


def test_the_lock_of_the_package_names_every_jar_of_neo4j() -> None:
    locked = read_lock()
    assert neo4j_version(locked) == "2026.07.1"
    assert len({jar.coordinates for jar in locked}) == len(locked) > 200
    assert all(len(jar.sha256) == 64 and jar.size > 0 for jar in locked)
    assert {"neo4j", "neo4j-server", "neo4j-browser"} <= {jar.artifact for jar in locked}


def test_jars_are_downloaded_once_from_the_mirror_in_the_settings(
    repository: Repository, caplog: pytest.LogCaptureFixture
) -> None:
    locked = [add(repository, name) for name in ("a", "b", "c")]
    with caplog.at_level(logging.INFO, "circuit_atlas"):
        paths = ensure_jars(locked, quiet=True)
    [logged] = caplog.messages
    assert f"downloading 3 jars of together 0.0 MB from http://127.0.0.1:{repository.server_port}/maven" in logged
    assert [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths] == [jar.sha256 for jar in locked]
    assert ensure_jars(locked, quiet=True) == paths
    assert len(repository.asked) == 3


def test_a_proxy_that_cannot_be_used_is_named(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "ftp://user:secret@127.0.0.1")
    with pytest.raises(InvalidArgumentError, match="^ALL_PROXY cannot be used") as raised:
        ensure_jars([add(repository, "a")], quiet=True)
    assert "secret" not in str(raised.value)


def test_a_wrong_jar_is_rejected_and_downloaded_again(repository: Repository) -> None:
    jar = add(repository, "a")
    repository.spoilt[jar.repository_path] = 2
    [path] = ensure_jars([jar], quiet=True)
    assert path.stat().st_size == jar.size
    assert len(repository.asked) == 3


def test_a_jar_that_stays_wrong_is_an_error_and_is_not_kept(repository: Repository) -> None:
    good, bad = add(repository, "good"), add(repository, "bad")
    repository.spoilt[bad.repository_path] = 99
    with pytest.raises(LocalServerError, match=r"org.test:bad:1.0 cannot be downloaded: it is not the file"):
        ensure_jars([good, bad], quiet=True)
    assert not [path for path in (jars.cache_path() / "jars").rglob("*.jar") if path.name.startswith("bad")]


def test_an_interrupted_download_resumes(repository: Repository) -> None:
    first, second = add(repository, "first"), add(repository, "second")
    del repository.content[second.repository_path]
    with pytest.raises(LocalServerError, match="404"):
        ensure_jars([first, second], quiet=True)
    add(repository, "second")
    repository.asked.clear()
    ensure_jars([first, second], quiet=True)
    assert repository.asked == [second.repository_path]


def test_a_jar_in_the_cache_that_was_changed_is_downloaded_again(repository: Repository) -> None:
    jar = add(repository, "a")
    [path] = ensure_jars([jar], quiet=True)
    path.write_bytes(b"x" * jar.size)
    ensure_jars([jar], quiet=True)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == jar.sha256


def test_the_password_of_a_mirror_is_used_and_not_shown(
    repository: Repository, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = tmp_path / "home" / ".m2" / "settings.xml"
    settings.write_text(settings.read_text().replace("//127", "//user:sesame@127"))
    with caplog.at_level(logging.DEBUG, "circuit_atlas"):
        ensure_jars([add(repository, "a")], quiet=True)
    absent = Jar("org.test", "absent", "", "1.0", "0" * 64, 1)
    with pytest.raises(LocalServerError, match="404") as raised:
        ensure_jars([absent], quiet=True)
    assert "sesame" not in str(raised.value) + caplog.text
    assert set(repository.authorized) == {"Basic dXNlcjpzZXNhbWU="}


def test_a_truncated_jar_in_the_cache_is_downloaded_again(repository: Repository) -> None:
    jar = add(repository, "a")
    [path] = ensure_jars([jar], quiet=True)
    path.write_bytes(b"cut")
    ensure_jars([jar], quiet=True)
    assert path.stat().st_size == jar.size


def test_without_settings_the_repository_is_maven_central(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from jgo.constants import MAVEN_CENTRAL_URL

    monkeypatch.setenv("HOME", str(tmp_path))
    assert repository_url() == MAVEN_CENTRAL_URL.rstrip("/")


@pytest.mark.parametrize("text", ["<settings", '<?xml version="1.0" encoding="utf-99"?><settings/>'])
def test_settings_that_are_not_xml(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".m2").mkdir()
    (tmp_path / ".m2" / "settings.xml").write_text(text)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(LocalServerError, match=r"settings.xml: not XML"):
        repository_url()


def test_settings_that_cannot_be_read(repository: Repository, tmp_path: Path) -> None:
    """A folder, which not even the super-user can read as a file."""
    settings = tmp_path / "home" / ".m2" / "settings.xml"
    settings.unlink()
    settings.mkdir()
    with pytest.raises(LocalServerError, match=r"settings.xml: cannot be read: Is a directory"):
        ensure_jars([add(repository, "a")], quiet=True)


@pytest.mark.parametrize("url", ["http://host:port/maven", "http://user:qqq/qq@127.0.0.1/maven"])
def test_a_mirror_that_is_not_an_address(url: str, repository: Repository, tmp_path: Path) -> None:
    settings = tmp_path / "home" / ".m2" / "settings.xml"
    settings.write_text(f"<a><mirror><mirrorOf>*</mirrorOf><url>{url}</url></mirror></a>")
    with pytest.raises(LocalServerError, match=r"settings.xml: the <url> of the mirror is not an address") as raised:
        ensure_jars([add(repository, "a")], quiet=True)
    assert "https://" in str(raised.value)
    assert "qqq" not in str(raised.value)


def test_the_error_says_that_the_disk_is_full() -> None:
    error = jars._disk_error(OSError(errno.ENOSPC, "No space left on device"), Path("/cache"))
    assert "the disk is full" in str(error)


def test_a_cache_that_java_cannot_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name would be two in Java's class path."""
    monkeypatch.setenv("CIRCUIT_ATLAS_CACHE", str(tmp_path / "a:b"))
    with pytest.raises(LocalServerError, match="a:b: the directory of the cache has a `:` in its name"):
        jars.cache_path()


def test_a_relative_cache_is_where_the_user_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CIRCUIT_ATLAS_CACHE", "cache")
    assert jars.cache_path() == tmp_path / "cache"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CIRCUIT_ATLAS_CACHE", "~/cache")
    assert jars.cache_path() == tmp_path / "cache"


def test_a_cache_that_is_not_writable(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CIRCUIT_ATLAS_CACHE", str(tmp_path / "file"))
    with pytest.raises(LocalServerError, match="cannot be written"):
        ensure_jars([add(repository, "a")], quiet=True)
    monkeypatch.setenv("CIRCUIT_ATLAS_CACHE", str(tmp_path / ("a" * 300)))
    with pytest.raises(LocalServerError, match="cannot be"):
        ensure_jars([add(repository, "b")], quiet=True)
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    monkeypatch.setenv("CIRCUIT_ATLAS_CACHE", "cache")
    with pytest.raises(InvalidArgumentError, match="the current directory does not exist"):
        jars.cache_path()
