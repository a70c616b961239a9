"""Parses JSON that comes from elsewhere."""

from __future__ import annotations

import json
from typing import Any


class MalformedError(Exception):
    """A response or a line does not have the expected form."""


def read_json(content: bytes | str) -> Any:
    """Parse a JSON text.

    Raises:
        MalformedError: it is not JSON, or is nested too deeply.
    """
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise MalformedError(str(error)) from error
