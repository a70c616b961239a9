"""Ports of the loopback interface: which are free, and which are in use."""

from __future__ import annotations

import logging
import socket

from circuit_atlas.errors import LocalServerError

LOOPBACK = "127.0.0.1"
_LOG = logging.getLogger(__name__)


def choose_port(requested: int | None, previous: int | None, default: int, *, taken: int | None = None) -> int:
    """Choose a port for a server.

    Args:
        requested: the port that the user asked for; None to choose a free one.
        previous: the port that the server had before; preferred, so that addresses stay the same.
        default: the usual port of the protocol; preferred after that.
        taken: a port that the server will use for something else.

    Raises:
        LocalServerError: the requested port is in use.
    """
    if requested is not None:
        if not 0 < requested < 1 << 16:
            raise LocalServerError(f"port cannot be {requested}", fix="It must be 1 to 65535.")
        if is_used(requested):
            raise LocalServerError(
                f"port {requested} is in use", fix="Choose another port, or omit the option to pick a free one."
            )
        return requested
    for candidate in (previous, default):
        if candidate and candidate != taken and not is_used(candidate):
            return candidate
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))  # port 0: the system picks one that is free
        chosen = int(probe.getsockname()[1])
    _LOG.info("port %d is in use; taking %d", default, chosen)
    return chosen


def is_listening(port: int) -> bool:
    """Whether a server accepts connections at a port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def is_used(port: int) -> bool:
    """Whether no server could listen at a port, or another one does already: macOS lets two, one at all addresses and
    one at this one."""
    if is_listening(port):
        return True
    with socket.socket() as probe:
        # Connections of a server that has just stopped do not count as use.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return True
        return False
