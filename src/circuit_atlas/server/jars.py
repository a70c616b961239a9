"""The jars of Neo4j: pinned in `jars.lock`, fetched once from a Maven repository, each checked by SHA-256.

The repository is the user's mirror (`~/.m2/settings.xml`), else Maven Central, whose address jgo knows.
Jars are kept in a cache that all stores share. What fetching needs is imported when something is fetched, because every
question passes through here on its way to the local server.
"""

from __future__ import annotations

import errno
import hashlib
import os
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import platformdirs

from circuit_atlas.config import APP_NAME
from circuit_atlas.errors import LocalServerError

if TYPE_CHECKING:
    import httpx

CACHE_VARIABLE = "CIRCUIT_ATLAS_CACHE"
_PARALLEL = 8
_ATTEMPTS = 4


class Jar(NamedTuple):
    """One line of the lock."""

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
        """The jar's name in a repository and in the cache."""
        return "-".join(part for part in (self.artifact, self.version, self.classifier) if part) + ".jar"

    @property
    def repository_path(self) -> str:
        """Where a Maven repository keeps it."""
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.file_name}"


def read_lock(text: str | None = None) -> list[Jar]:
    """The jars of a lock; of the package's own when no text is given."""
    text = text if text is not None else (files(__package__) / "jars.lock").read_text(encoding="utf-8")
    lines = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    jars = []
    for coordinates, sha256, size in lines:
        group, artifact, *classifier, version = coordinates.split(":")
        jars.append(Jar(group, artifact, "".join(classifier), version, sha256, int(size)))
    return jars


def neo4j_version(jars: list[Jar]) -> str:
    """The version of Neo4j in a lock."""
    return next(jar.version for jar in jars if (jar.group, jar.artifact) == ("org.neo4j", "neo4j"))


def cache_path() -> Path:
    """Where jars are kept: `CIRCUIT_ATLAS_CACHE`, or the platform's cache directory."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen) if chosen else platformdirs.user_cache_path(APP_NAME, appauthor=False)


def repository_url() -> str:
    """Address of the Maven repository: a mirror of Maven Central in the user's settings, else Maven Central.

    Raises:
        LocalServerError: the settings are not XML.
    """
    mirror = _mirror(Path.home() / ".m2" / "settings.xml")
    if mirror:
        return mirror.rstrip("/")
    from jgo.constants import MAVEN_CENTRAL_URL

    return str(MAVEN_CENTRAL_URL).rstrip("/")


def _mirror(settings: Path) -> str | None:
    if not settings.is_file():
        return None
    from xml.etree import ElementTree

    try:
        root = ElementTree.parse(settings).getroot()  # noqa: S314 - the user's own settings
    except ElementTree.ParseError as error:
        raise LocalServerError(f"not XML: {error}", where=str(settings), fix="Mend or remove the file.") from error
    for mirror in root.iterfind(".//{*}mirror"):
        of, url = mirror.findtext("{*}mirrorOf", ""), mirror.findtext("{*}url", "")
        blocked = mirror.findtext("{*}blocked", "false").strip() == "true"
        if url and not blocked and {"*", "external:*", "central"} & {part.strip() for part in of.split(",")}:
            return url.strip()
    return None


def ensure_jars(jars: list[Jar], *, quiet: bool = False) -> list[Path]:
    """Paths of all jars, fetched and checked where they are not in the cache yet. Offline once they are.

    A jar is in the cache only under its final name, and it gets that only after its SHA-256 was checked, so
    that a download that was stopped goes on where it was.

    Raises:
        LocalServerError: a jar cannot be had, or is not the one that is locked; the disk is full.
    """
    folder = cache_path() / "jars"
    paths = [folder / jar.sha256[:16] / jar.file_name for jar in jars]
    if not _missing(jars, paths):
        return paths
    from filelock import FileLock

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):
            _fetch_all(_missing(jars, paths), quiet)
    except OSError as error:
        raise _disk_error(error, folder) from error
    return paths


def _missing(jars: list[Jar], paths: list[Path]) -> list[tuple[Jar, Path]]:
    return [
        (jar, path)
        for jar, path in zip(jars, paths, strict=True)
        if not path.is_file() or path.stat().st_size != jar.size
    ]


def _fetch_all(missing: list[tuple[Jar, Path]], quiet: bool) -> None:
    if not missing:
        return
    from concurrent.futures import ThreadPoolExecutor, as_completed

    import httpx
    from tqdm import tqdm

    url = repository_url()
    total = sum(jar.size for jar, _ in missing)
    with (
        httpx.Client(timeout=60, follow_redirects=True) as client,
        ThreadPoolExecutor(_PARALLEL) as pool,
        tqdm(total=total, desc="Neo4j", unit="B", unit_scale=True, disable=True if quiet else None) as bar,
    ):
        tasks = {pool.submit(_fetch, client, url, jar, path): jar for jar, path in missing}
        try:
            for task in as_completed(tasks):
                task.result()
                bar.update(tasks[task].size)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _fetch(client: httpx.Client, url: str, jar: Jar, path: Path) -> None:
    """Fetch one jar, several times if need be. The size it may have is known, and no byte more is read."""
    import httpx
    from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

    passing = retry_if_exception_type((httpx.HTTPError, _WrongJarError))
    try:
        for attempt in Retrying(
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.3, max=5),
            retry=passing,
            reraise=True,
        ):
            with attempt:
                content = _download(client, f"{url}/{jar.repository_path}", jar)
    except (httpx.HTTPError, _WrongJarError) as error:
        raise LocalServerError(
            f"{jar.coordinates} cannot be fetched: {error}",
            where=url,
            fix="Check the network, or the mirror in ~/.m2/settings.xml, and start again: what is here is kept.",
        ) from error
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.part")
    partial.write_bytes(content)
    partial.replace(path)


class _WrongJarError(Exception):
    """What came is not what is locked."""


def _download(client: httpx.Client, address: str, jar: Jar) -> bytes:
    content = bytearray()
    with client.stream("GET", address) as response:
        response.raise_for_status()
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > jar.size:
                break
    if len(content) != jar.size or hashlib.sha256(content).hexdigest() != jar.sha256:
        raise _WrongJarError("it is not the file that is locked (SHA-256 or size differ)")
    return bytes(content)


def _disk_error(error: OSError, place: Path) -> LocalServerError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return LocalServerError(
        "the disk is full" if full else f"cannot be written: {error.strerror}",
        where=str(place),
        fix=f"Make room, or choose another place with {CACHE_VARIABLE} or --store.",
    )
