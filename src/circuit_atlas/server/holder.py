"""Finds the process that uses a store, whatever the store's own record of it says.

The record can be missing: the program that started the server was killed before it wrote it, or somebody removed the
store. Or it can be of another machine: a container that shares the store has process ids of its own.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

import psutil

from circuit_atlas.errors import LocalServerError

HOME_OPTION = "--home-dir="
_LOCK = "databases/store_lock"  # in a data folder: the file that Neo4j locks while it runs


def find_server(home: Path) -> psutil.Process | None:
    """The Neo4j server that was started on a store, by its command line; None if no process of this machine is one.

    Args:
        home: the store's directory, which may be gone.
    """
    for process in psutil.process_iter(["cmdline", "status"]):
        if process.info["status"] == psutil.STATUS_ZOMBIE:
            continue
        for argument in process.info["cmdline"] or ():
            path = argument.removeprefix(HOME_OPTION)
            # A store can have several names: links lead to it.
            if path != argument and os.path.realpath(path) == os.path.realpath(home):
                return process
    return None


def is_locked(data: Path) -> bool:
    """Whether a process uses a data folder, here or in a container that shares it. Windows is not asked: there Neo4j's
    own error says so.

    Args:
        data: the folder with the data.
    """
    if os.name == "nt":
        return False
    import fcntl

    try:
        with (data / _LOCK).open("r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # released when the file is closed
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    except OSError as error:
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):  # nobody can be writing there
            return False
        raise LocalServerError(
            f"it is not known whether a server uses the data: {error.strerror}",
            where=str(data),
            fix="Keep the store on a local disk.",
        ) from error
    return False
