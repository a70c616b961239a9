"""Statements with which a transaction makes sure that what it writes belongs to the graph that was read before.

The transaction begins with LOCK. From then on, nothing else can replace or delete the graph until it commits, so HELD
may follow at any place.
"""

from __future__ import annotations

# Setting a property takes the node's lock. It is one that nobody reads: `SET g.status = g.status` would read the
# status, wait for the lock, and then undo what was set meanwhile.
LOCK_PROPERTY = "lock"
LOCK = f"""CYPHER 25
MATCH (g:Graph {{name: $graph}})
SET g.{LOCK_PROPERTY} = true
REMOVE g.{LOCK_PROPERTY}
"""

HELD = """CYPHER 25
MATCH (g:Graph {name: $graph, status: 'ready'}) WHERE coalesce(g.version, '') = $version
RETURN count(g) AS held
"""
