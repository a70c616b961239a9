"""Parses JSON that comes from elsewhere."""

from __future__ import annotations

import json
from typing import Any

from circuit_atlas.graph.values import too_many_objects


class MalformedError(Exception):
    """A response or a line does not have the expected form."""


def read_json(content: bytes | str) -> Any:
    """Parse a JSON text.

    Raises:
        MalformedError: it is not JSON, is nested too deeply, or is made to fill the memory.
    """
    if what := too_many_objects(content):
        raise MalformedError(what)
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise MalformedError(str(error)) from error
