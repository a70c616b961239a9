"""Free and taken ports of the loopback interface."""

from __future__ import annotations

import socket

from circuit_atlas.errors import LocalServerError

LOOPBACK = "127.0.0.1"


def choose_port(asked: int | None, noted: int | None, usual: int) -> int:
    """The port asked for, or else the one of last time, the usual one, or any that is free.

    Raises:
        LocalServerError: the port asked for is in use.
    """
    if asked is not None:
        if _is_taken(asked):
            raise LocalServerError(f"port {asked} is in use", fix="Choose another port, or leave the choice to us.")
        return asked
    for candidate in (noted, usual):
        if candidate and not _is_taken(candidate):
            return candidate
    with socket.socket() as free:
        free.bind((LOOPBACK, 0))
        return int(free.getsockname()[1])


def is_open(port: int) -> bool:
    """Whether something answers at a port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return True
        return False
