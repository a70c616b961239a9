"""The jars of Neo4j: pinned in `jars.lock`, downloaded once from a Maven repository, each checked by its SHA-256.

The repository is a mirror that the user has chosen (`~/.m2/settings.xml`), else Maven Central, whose address jgo knows.
Jars are kept in a cache that all stores share, and their hashes are checked before each start of a server. Modules for
the download are imported when something is downloaded: every command passes through here on its way to the local
server, nearly always without a download.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
from functools import partial
from importlib.resources import files
from pathlib import Path
from threading import get_ident
from typing import TYPE_CHECKING, NamedTuple

import platformdirs

from circuit_atlas.config import user_folder, whole_path
from circuit_atlas.errors import LocalServerError
from circuit_atlas.threads import map_in_threads

if TYPE_CHECKING:
    import httpx

CACHE_VARIABLE = "CIRCUIT_ATLAS_CACHE"
_LOG = logging.getLogger(__name__)
_CONCURRENCY = 8
_ATTEMPTS = 4


class Jar(NamedTuple):
    """A line of the lock file."""

    group: str
    artifact: str
    classifier: str
    version: str
    sha256: str
    size: int

    @property
    def coordinates(self) -> str:
        """group:artifact[:classifier]:version"""
        return ":".join(part for part in self[:4] if part)

    @property
    def file_name(self) -> str:
        """The jar's file name in a repository and in the cache."""
        return "-".join(part for part in (self.artifact, self.version, self.classifier) if part) + ".jar"

    @property
    def repository_path(self) -> str:
        """The jar's path in a Maven repository."""
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.file_name}"


def read_lock(text: str | None = None) -> list[Jar]:
    """The jars of a lock file; by default those of this package's."""
    text = text if text is not None else (files(__package__) / "jars.lock").read_text(encoding="utf-8")
    lines = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    jars = []
    for coordinates, sha256, size in lines:
        group, artifact, *classifier, version = coordinates.split(":")
        jars.append(Jar(group, artifact, "".join(classifier), version, sha256, int(size)))
    return jars


def neo4j_version(jars: list[Jar]) -> str:
    """The version of Neo4j in a lock file."""
    return next(jar.version for jar in jars if (jar.group, jar.artifact) == ("org.neo4j", "neo4j"))


def cache_path() -> Path:
    """The directory of the cache: `CIRCUIT_ATLAS_CACHE`, else the platform's directory for caches.

    Raises:
        LocalServerError: its name has the character that separates names in Java's class path.
        InvalidArgumentError: it is relative to a directory that was deleted.
    """
    chosen = os.environ.get(CACHE_VARIABLE)
    # Absolute: a server runs in the directory of its store.
    path = whole_path(chosen) if chosen else user_folder(platformdirs.user_cache_path, CACHE_VARIABLE)
    if os.pathsep in str(path):
        raise LocalServerError(
            f"the directory of the cache has a `{os.pathsep}` in its name",
            where=str(path),
            fix=f"Java cannot use it: name another with {CACHE_VARIABLE}.",
        )
    return path


def repository_url() -> str:
    """Address of the Maven repository: a mirror of Maven Central in the user's settings, else Maven Central.

    Raises:
        LocalServerError: the settings cannot be read, are not XML, or the mirror's address is none.
    """
    import httpx

    settings = Path(os.path.expanduser("~/.m2/settings.xml"))  # also where a user has no home
    mirror = _mirror(settings)
    if mirror:
        try:
            httpx.URL(mirror)
        except httpx.InvalidURL:  # not with the value or the error, which may have a password
            fix = "Write one such as https://repository.example.org/maven."
            raise LocalServerError("the <url> of the mirror is not an address", where=str(settings), fix=fix) from None
        return mirror.rstrip("/")
    from jgo.constants import MAVEN_CENTRAL_URL

    return str(MAVEN_CENTRAL_URL).rstrip("/")


def _mirror(settings: Path) -> str | None:
    from xml.etree import ElementTree

    try:
        root = ElementTree.parse(settings).getroot()  # noqa: S314 - the user's own settings
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise LocalServerError(
            f"cannot be read: {error.strerror}", where=str(settings), fix="Make the file readable, or remove it."
        ) from error
    except (ElementTree.ParseError, ValueError, LookupError) as error:  # the last two: of an unknown encoding
        raise LocalServerError(f"not XML: {error}", where=str(settings), fix="Fix or remove the file.") from error
    for mirror in root.iterfind(".//{*}mirror"):
        mirrored, url = mirror.findtext("{*}mirrorOf", ""), mirror.findtext("{*}url", "")
        is_blocked = mirror.findtext("{*}blocked", "false").strip() == "true"
        if url and not is_blocked and {"*", "external:*", "central"} & {name.strip() for name in mirrored.split(",")}:
            return url.strip()
    return None


def ensure_jars(jars: list[Jar], *, quiet: bool = False) -> list[Path]:
    """Make sure that all jars are in the cache, and return their paths. Jars that are missing or are not the ones that
    are locked are downloaded.

    A jar gets its final name only after its SHA-256 was checked, so what has that name is complete, and a download that
    was interrupted resumes with the jars that are missing.

    Args:
        jars: the jars of a lock file.
        quiet: whether to show no progress bar on standard error.

    Raises:
        LocalServerError: a jar cannot be had, or is not the one that is locked; the disk is full.
    """
    folder = cache_path() / "jars"
    paths = [folder / jar.sha256[:16] / jar.file_name for jar in jars]
    from filelock import FileLock

    try:
        if not _missing(jars, paths):
            return paths
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):
            # Another process may have downloaded them while this one waited for the lock.
            _download_all(_missing(jars, paths), quiet)
    except OSError as error:
        raise _disk_error(error, folder) from error
    return paths


def _missing(jars: list[Jar], paths: list[Path]) -> list[tuple[Jar, Path]]:
    """The jars that are not in the cache as they are locked. Hashing 150 MB takes 0.3 s, and a start takes 10."""
    pairs = zip(jars, paths, strict=True)
    return [pair for pair, is_right in map_in_threads(_compared, pairs, _CONCURRENCY) if not is_right]


def _compared(pair: tuple[Jar, Path]) -> tuple[tuple[Jar, Path], bool]:
    """A jar and its path, and whether the file there is the jar."""
    jar, path = pair
    if not path.is_file() or path.stat().st_size != jar.size:
        return pair, False
    with path.open("rb") as file:
        return pair, hashlib.file_digest(file, "sha256").hexdigest() == jar.sha256


def _download_all(missing: list[tuple[Jar, Path]], quiet: bool) -> None:
    if not missing:
        return
    from tqdm import tqdm

    from circuit_atlas.http_client import http_client

    url, auth = _without_password(repository_url())
    size = sum(jar.size for jar, _ in missing)
    _LOG.info("downloading %d jars of together %.1f MB from %s", len(missing), size / 1e6, url)
    client = http_client(timeout=60, follow_redirects=True, auth=auth)
    with tqdm(total=size, desc="Neo4j", unit="B", unit_scale=True, disable=True if quiet else None) as bar:
        for jar in map_in_threads(partial(_download, client, url), missing, _CONCURRENCY):
            _LOG.debug("downloaded %s", jar.coordinates)
            bar.update(jar.size)
    client.close()  # not after an error: other threads may still use its connections


def _without_password(url: str) -> tuple[str, tuple[str, str] | None]:
    """An address that may be shown, and the user and password that were in it."""
    import httpx

    parsed = httpx.URL(url)
    auth = (parsed.username, parsed.password) if parsed.userinfo else None
    return str(parsed.copy_with(userinfo=b"")).rstrip("/"), auth


def _download(client: httpx.Client, url: str, missing: tuple[Jar, Path]) -> Jar:
    """Download one jar into the cache, with several attempts if necessary."""
    import httpx
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

    jar, path = missing
    retrying = Retrying(
        stop=stop_after_attempt(_ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.3, max=5),
        retry=retry_if_exception_type((httpx.HTTPError, _WrongJarError)),
        reraise=True,
    )
    try:
        content = retrying(_read, client, f"{url}/{jar.repository_path}", jar)
    except (httpx.HTTPError, _WrongJarError) as error:
        raise LocalServerError(
            f"{jar.coordinates} cannot be downloaded: {error}",
            where=url,
            fix="Check the network, or the mirror in ~/.m2/settings.xml, and run the command again: it resumes.",
        ) from error
    path.parent.mkdir(parents=True, exist_ok=True)
    partial_file = path.with_suffix(f".{os.getpid()}-{get_ident()}.part")
    partial_file.write_bytes(content)
    partial_file.replace(path)
    return jar


class _WrongJarError(Exception):
    """The repository sent something else than the jar in the lock file."""


def _read(client: httpx.Client, address: str, jar: Jar) -> bytes:
    """The content of a jar, checked. Its size is known, so no more than that is read."""
    content = bytearray()
    with client.stream("GET", address) as response:
        response.raise_for_status()
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > jar.size:
                break
    if len(content) != jar.size or hashlib.sha256(content).hexdigest() != jar.sha256:
        raise _WrongJarError("it is not the file in the lock file (SHA-256 or size differ)")
    return bytes(content)


def _disk_error(error: OSError, folder: Path) -> LocalServerError:
    is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return LocalServerError(
        "the disk is full" if is_full else f"cannot be written: {error.strerror}",
        where=str(folder),
        fix=f"Free some disk space, or choose another directory with {CACHE_VARIABLE} or --store.",
    )
