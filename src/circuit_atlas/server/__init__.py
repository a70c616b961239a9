"""Runs Neo4j on this machine, without Docker or root. This package knows nothing of graphs."""

from circuit_atlas.server.java import find_java
from circuit_atlas.server.local import LocalServer, ServerStatus, running_connection

__all__ = ["LocalServer", "ServerStatus", "find_java", "running_connection"]
