"""The order of the links in a file, kept where an export would not give it by itself.

Links of all known producers are in order of target, then source. Another order is kept as text: the places of the
file's links in the order of an export, as int32, compressed, in base64.
"""

from __future__ import annotations

import base64
import zlib

import numpy as np

from circuit_atlas.graph.data import Int64

_MAX_LINKS = 1_000_000  # links


def packed_order(written: Int64) -> tuple[str | None, list[str]]:
    """The order of a file's links as text, or None if it is that of an export, or cannot be kept: with a warning then.

    Args:
        written: int64 (m,): places in the file of the links, in the order in which an export writes them.
    """
    if (np.diff(written) == 1).all():
        return None, []
    if len(written) > _MAX_LINKS:
        return None, [f"the order of the links in the file is not kept: there are more than {_MAX_LINKS:,}"]
    places = np.empty(len(written), "<i4")
    places[written] = np.arange(len(written))
    return base64.b64encode(zlib.compress(places.tobytes())).decode(), []


def unpacked_order(order: str, links: int) -> Int64:
    """The places, among the links in the order of an export, of the links in the file's order: int64 (links,). It is
    the order of the export if there are not as many links as there were in the file."""
    places = np.frombuffer(zlib.decompress(base64.b64decode(order)), "<i4").astype(np.int64)
    return places if len(places) == links else np.arange(links)
