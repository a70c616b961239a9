"""Questions across the graphs of a database."""

from __future__ import annotations

from typing import Any

from circuit_atlas.open_database import OpenDatabase
from circuit_atlas.queries.compare_results import Comparison


class Across(OpenDatabase):
    """Compare graphs, and ask where features occur; see `Atlas`."""

    def compare(self, a: str, b: str, **options: Any) -> Comparison:
        """Two graphs, laid over each other: what they share, and what only one has; see `queries.compare`.

        Args:
            a: a graph's name.
            b: another graph's name.
            options: `align`, `k`, `max_hops`, `score`.
        """
        from circuit_atlas.queries.compare_questions import compare  # noqa: PLC0415

        self._refresh(a, b)
        return compare(self._runner, a, b, **options)
