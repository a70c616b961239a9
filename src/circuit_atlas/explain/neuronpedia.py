"""Asks Neuronpedia's API for explanations of features."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from threading import Lock
from urllib.parse import quote

from circuit_atlas.errors import NeuronpediaError
from circuit_atlas.explain.responses import read_batch, read_explanations
from circuit_atlas.explain.store import Feature
from circuit_atlas.queries.node_results import Explanation
from circuit_atlas.remote.client import TransientError
from circuit_atlas.remote.json_text import MalformedError, read_json
from circuit_atlas.remote.neuronpedia import NeuronpediaApi, NeuronpediaConfig

_LOG = logging.getLogger(__name__)
_ABSENT: list[Explanation] = []  # of a feature that Neuronpedia does not have
_ATTEMPTS_FOR_ONE = 2  # for a feature whose batch has failed
_MAX_FAILURES_IN_A_ROW = 10  # of features


class Neuronpedia(NeuronpediaApi):
    """Asks Neuronpedia for explanations of features. Several threads can use it at once."""

    given_by = "--url"
    slower = "--rate sends fewer requests an hour."
    offline = "Without a network, `circuit-atlas explain --from FILE` reads files."

    def __init__(self, config: NeuronpediaConfig, notify: Callable[[str], object] | None = None) -> None:
        super().__init__(config, notify)
        self._failures_in_a_row, self._lock = 0, Lock()

    def ask(self, features: Sequence[Feature]) -> dict[Feature, list[Explanation] | None]:
        """Ask for the explanations of some features.

        Args:
            features: the features, under Neuronpedia's names, at most as many as one request may contain.

        Returns:
            The explanations of each feature: none for one that Neuronpedia does not explain or does not know, None
            where the response could not be had or read.

        Raises:
            NeuronpediaError: Neuronpedia cannot be reached, refuses the request, or wants a wait of more than an hour.
        """
        body = [  # activations are not used: 1 is the least that can be asked for
            {"modelId": f.model, "layer": f"{f.layer}-{f.source_set}", "index": f.index, "maxActsToReturn": 1}
            for f in features
        ]
        content: bytes | None = b""
        try:
            content = self.request("POST", "/api/features", json=body)
            return read_batch(content or b"", features)
        except (MalformedError, TransientError) as error:
            _LOG.info("asking for %d features one by one, as their batch failed: %s", len(features), error)
            found = {feature: self._ask_for_one(feature) for feature in features}
        if content is None and all(explanations is _ABSENT for explanations in found.values()):
            raise NeuronpediaError(
                "there is no Neuronpedia at this address: it has neither batches nor any of these features",
                where=str(self.url),
                fix=f"Check the address ({self.given_by}).",
            )
        return found

    def _ask_for_one(self, feature: Feature) -> list[Explanation] | None:
        parts = (feature.model, f"{feature.layer}-{feature.source_set}", str(feature.index))
        path = "/".join(quote(part, safe="") for part in parts)
        try:
            content = self.request("GET", f"/api/feature/{path}", attempts=_ATTEMPTS_FOR_ONE)
            item = None if content is None else read_json(content)
        except MalformedError:
            return None
        except TransientError as error:
            self._count_failure(error)
            return None
        with self._lock:
            self._failures_in_a_row = 0
        if item is None:
            return _ABSENT
        return read_explanations(item) if isinstance(item, dict) else None

    def _count_failure(self, error: TransientError) -> None:
        with self._lock:
            self._failures_in_a_row += 1
            failures = self._failures_in_a_row
        if failures >= _MAX_FAILURES_IN_A_ROW:
            raise NeuronpediaError(
                f"{failures} requests in a row failed, the last one with: {error}",
                where=str(self.url),
                fix="Run the same command again later: it resumes.",
            ) from error
