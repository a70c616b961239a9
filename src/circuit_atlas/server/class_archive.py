"""Archives of the classes that Neo4j loads: with one, a server starts in half the time, and answers first questions
sooner.

Java writes one when a server ends that was started without one: the classes that the server used, parsed, linked, and
with what it learnt about their methods (JEP 483, 514 and 515, in Java 25 and newer).
That takes some 10 seconds once, and 200 MB of the cache. Java checks that an archive fits its version, its options and
the jars, and does without one that does not. Archives of a Java or a Neo4j that nobody uses any more are removed.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import shutil
import time
from pathlib import Path

from circuit_atlas.server.admin import Program
from circuit_atlas.server.jars import cache_path

_LOG = logging.getLogger(__name__)
_FIRST_JAVA = 25
_VERSION = re.compile(r'^JAVA_VERSION="(\d+)', re.MULTILINE)  # in the file `release` of a Java
_OPTION_VARIABLES = ("JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS")  # Java adds these to its command line
# Options with which Java refuses, or may refuse, to use or write an archive, and files with more options.
_OTHER_ARCHIVES = re.compile(
    "-XX:AOT|-Xshare|SharedArchive|SharedClassList|DumpLoadedClassList|ArchiveClassesAtExit"
    "|--patch-module|--limit-modules|--upgrade-module-path|-javaagent|-agent|@"
)
_NAME = re.compile(r"[0-9a-f]{16}")
_MIN_FREE = 2 << 30  # bytes: an archive is no reason to fill a disk
_STALE = 600.0  # seconds: nobody writes an archive for that long
_UNUSED = 30 * 86400.0  # seconds since a server used an archive for the last time


def archive_options(program: Program, store: Path) -> tuple[list[str], str | None]:
    """Options of Java for the server of a store, and the name of the archive that it will write when it ends, if any.

    There are no options for a Java before 25, without the space or the right to write an archive, and where Java's own
    environment variables have options that exclude one.
    """
    path = archive_path(program)
    given = " ".join(os.environ.get(variable, "") for variable in _OPTION_VARIABLES)
    if _java_version(program.java) < _FIRST_JAVA or _OTHER_ARCHIVES.search(given):
        return [], None
    if _is_ours(path):
        with contextlib.suppress(OSError):  # as the owner in a folder that is read-only
            os.utime(path)
        return [f"-XX:AOTCache={path}"], None
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_stale(path.parent)
        if path.exists() or shutil.disk_usage(path.parent).free < _MIN_FREE or not os.access(path.parent, os.W_OK):
            return [], None
    except OSError as error:
        _LOG.info("no archive of classes in %s: %s", path.parent, error)
        return [], None
    return [f"-XX:AOTCacheOutput={_unfinished(path.stem, store)}"], path.stem


def keep_archive(name: str, store: Path) -> None:
    """Let the next servers use the archive that the server of a store wrote when it stopped. There is none when the
    server was killed or its Java is too old."""
    if _NAME.fullmatch(name) is None:
        return
    unfinished = _unfinished(name, store)
    kept = unfinished.with_name(f"{name}.aot")
    try:
        if _is_ours(kept):  # of another server: one that runs may read it, from another machine too
            unfinished.unlink()
            return
        unfinished.replace(kept)
    except OSError as error:
        _LOG.debug("no archive of classes: %s", error)
    else:
        _LOG.info("kept the classes that Neo4j uses in %s", unfinished.parent)


def archive_path(program: Program) -> Path:
    """Where the archive is that fits a Java, its options and the jars."""
    files = [program.java, *program.jars]
    parts = [f"{file}:{file.stat().st_mtime_ns}" for file in files if file.exists()]
    parts += [os.environ.get(variable, "") for variable in _OPTION_VARIABLES]
    # An archive holds code that Java runs, so it is only used by the user who made it.
    parts.append(str(_user()))
    name = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    return cache_path() / "classes" / f"{name}.aot"


def _java_version(java: Path) -> int:
    """The version of a Java, or 0 if its folder does not say it."""
    try:
        found = _VERSION.search((java.resolve().parent.parent / "release").read_text(encoding="utf-8"))
    except OSError:
        return 0
    return int(found[1]) if found else 0


def _unfinished(name: str, store: Path) -> Path:
    """Where a server writes: each store's server elsewhere, since two may end at the same time."""
    owner = hashlib.sha256(os.fsencode(store)).hexdigest()[:8]
    return cache_path() / "classes" / f"{name}-{owner}.part"


def _remove_stale(folder: Path) -> None:
    """Remove the files of servers that were not stopped, such as those whose store was deleted, and archives
    that no server has used for a month."""
    for pattern, age in (("*.part*", _STALE), ("*.aot", _UNUSED)):
        for path in folder.glob(pattern):
            if path.stat().st_mtime < time.time() - age:
                path.unlink(missing_ok=True)


def _is_ours(path: Path) -> bool:
    """Whether a file exists that nobody else can have written."""
    try:
        status = path.stat()
    except OSError:
        return False
    return os.name == "nt" or (status.st_uid == _user() and not status.st_mode & 0o022)


def _user() -> int:
    return -1 if os.name == "nt" else os.getuid()
