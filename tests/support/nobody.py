"""A user who has few rights."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_NOBODY = 65534


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without root's right to read and write everything, if this process has it."""
    before = os.geteuid()
    os.seteuid(_NOBODY if before == 0 else before)
    try:
        yield
    finally:
        os.seteuid(before)
