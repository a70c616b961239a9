"""A client of Neuronpedia's API.

It sends requests at a bounded rate, tries again when Neuronpedia is busy, reads a bounded number of bytes, and sends
the key to one host only.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from threading import Event, Lock
from typing import Any, Self
from urllib.parse import quote

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type
from tenacity.nap import sleep_using_event
from tenacity.wait import wait_random_exponential

from circuit_atlas.errors import InvalidArgumentError, NeuronpediaError
from circuit_atlas.explain.rate_limit import RateLimiter
from circuit_atlas.explain.responses import MalformedError, read_batch, read_explanations, read_json
from circuit_atlas.explain.store import Feature
from circuit_atlas.queries.results import Explanation
from circuit_atlas.schema.source_sets import NEURONPEDIA

_LOG = logging.getLogger(__name__)
_MAX_BYTES = 64 << 20  # of a response
_MAX_SECONDS = 120.0  # from the first byte of a response to the last
_MAX_WAIT = 3700.0  # seconds: Neuronpedia counts requests by the hour, so no longer wait makes sense
_NOTIFIED_WAIT = 5.0  # seconds from which a person would wonder why nothing happens
_ATTEMPTS = 6
_ATTEMPTS_FOR_ONE = 2  # for a feature whose batch has failed
_ATTEMPTS_TO_CONNECT = 3  # when nothing answers
_MAX_FAILURES_IN_A_ROW = 10  # of features
_REFUSED = (401, 403)
_TRY_AGAIN = (408, 425, 429)


@dataclass(frozen=True)
class NeuronpediaConfig:
    """Where Neuronpedia is, and how requests are sent to it.

    Args:
        url: its address.
        key: the API key; None to send none.
        concurrency: the number of requests at a time.
        rate: the number of requests an hour, at most.
        timeout: seconds to wait for the connection, and for each part of a response.
    """

    url: str = NEURONPEDIA
    key: str | None = None
    concurrency: int = 8
    rate: float = 25_000
    timeout: float = 30.0

    def __repr__(self) -> str:
        return f"<NeuronpediaConfig {self.url!r}>"  # without the key, which must not appear in a log


class _TransientError(Exception):
    """An error worth retrying."""

    def __init__(self, what: str, retry_after: float | None = None) -> None:
        super().__init__(what)
        self.retry_after = retry_after  # seconds, where Neuronpedia says how long to wait


class _RateLimitError(_TransientError):
    pass


class _UnreachableError(_TransientError):
    pass


class Neuronpedia:
    """Asks Neuronpedia for explanations of features. Several threads can use it at once.

    Args:
        config: where Neuronpedia is, and how requests are sent to it.
        notify: called with a sentence before a wait that a person would wonder about.

    Raises:
        InvalidArgumentError: the address is not one of a web server, or a number is out of range.
    """

    def __init__(self, config: NeuronpediaConfig, notify: Callable[[str], object] | None = None) -> None:
        self._url = _checked_url(config)
        self._notify = notify
        self._limiter = RateLimiter(config.rate)
        self._pause = wait_random_exponential(multiplier=0.5, max=60)
        self._stopped = Event()
        self._failures_in_a_row, self._lock = 0, Lock()
        self._client = httpx.Client(
            headers={"User-Agent": "circuit-atlas"} | ({"x-api-key": config.key} if config.key else {}),
            timeout=config.timeout,
            limits=httpx.Limits(max_connections=config.concurrency),
            follow_redirects=False,  # another host must not get the key
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._stopped.set()  # wakes the threads that wait for their turn
        if kind is None:  # after an error, other threads may still use the connections
            self._client.close()

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
        try:
            return read_batch(self._request("POST", "/api/features", json=body) or b"", features)
        except (MalformedError, _TransientError) as error:
            _LOG.info("asking for %d features one by one, as their batch failed: %s", len(features), error)
            return {feature: self._ask_for_one(feature) for feature in features}

    def _ask_for_one(self, feature: Feature) -> list[Explanation] | None:
        parts = (feature.model, f"{feature.layer}-{feature.source_set}", str(feature.index))
        path = "/".join(quote(part, safe="") for part in parts)
        try:
            content = self._request("GET", f"/api/feature/{path}", attempts=_ATTEMPTS_FOR_ONE)
            item = None if content is None else read_json(content)
        except MalformedError:
            return None
        except _TransientError as error:
            self._count_failure(error)
            return None
        with self._lock:
            self._failures_in_a_row = 0
        if item is None:
            return []
        return read_explanations(item) if isinstance(item, dict) else None

    def _count_failure(self, error: _TransientError) -> None:
        with self._lock:
            self._failures_in_a_row += 1
            failures = self._failures_in_a_row
        if failures >= _MAX_FAILURES_IN_A_ROW:
            raise NeuronpediaError(
                f"{failures} requests in a row failed, the last one with: {error}",
                where=self._url,
                fix="Run the same command again later: it resumes.",
            ) from error

    def _request(self, method: str, path: str, *, attempts: int = _ATTEMPTS, **content: Any) -> bytes | None:
        """Send a request, several times if necessary, and return the response's body; None when it is "not found"."""
        retrying = Retrying(
            stop=partial(_is_enough, attempts),
            wait=self._wait,
            retry=retry_if_exception_type(_TransientError),
            sleep=sleep_using_event(self._stopped),
            reraise=True,
        )
        try:
            return retrying(self._request_once, method, path, **content)
        except _RateLimitError as error:
            raise self._rate_limited(None) from error
        except _UnreachableError as error:
            raise self._unreachable(str(error)) from error

    def _wait(self, state: RetryCallState) -> float:
        """Seconds until the next attempt: what Neuronpedia asks for, or a growing random pause."""
        error = state.outcome and state.outcome.exception()
        asked = error.retry_after if isinstance(error, _TransientError) else None
        seconds = self._pause(state) if asked is None else asked
        _LOG.info("attempt %d failed (%s); trying again in %.1f s", state.attempt_number, error, seconds)
        if asked is None:
            return seconds
        if asked > _MAX_WAIT:
            raise self._rate_limited(asked)
        self._limiter.delay(asked)  # the other threads have to wait, too
        if asked >= _NOTIFIED_WAIT and self._notify:
            self._notify(f"Neuronpedia asks to wait {asked:.0f} s.")
        return asked

    def _request_once(self, method: str, path: str, **content: Any) -> bytes | None:
        if self._stopped.wait(self._limiter.reserve()):
            raise CancelledError  # nobody waits for the response any more
        _LOG.debug("%s %s%s", method, self._url, path)
        try:
            with self._client.stream(method, self._url + path, **content) as response:
                self._check(response)
                return None if response.status_code == httpx.codes.NOT_FOUND else _read(response)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
            raise _UnreachableError(str(error) or type(error).__name__) from error
        except httpx.DecodingError as error:
            raise MalformedError(str(error)) from error
        except httpx.HTTPError as error:
            raise _TransientError(str(error) or type(error).__name__) from error

    def _check(self, response: httpx.Response) -> None:
        """Raise the error that a status stands for."""
        status = response.status_code
        if status in _TRY_AGAIN or status >= 500:
            kind = _RateLimitError if status == httpx.codes.TOO_MANY_REQUESTS else _TransientError
            raise kind(f"status {status}", _retry_after(response.headers.get("retry-after")))
        if status in _REFUSED:
            raise NeuronpediaError(
                f"Neuronpedia refused the request (status {status})", where=self._url, fix="Check NEURONPEDIA_API_KEY."
            )
        if response.is_redirect:
            raise NeuronpediaError(
                "the server redirects to another address; the API key would be sent there",
                where=self._url,
                fix=f"If {response.headers.get('location', '')[:200]!r} is right, give its beginning with --url.",
            )
        if response.is_client_error and status != httpx.codes.NOT_FOUND:
            raise MalformedError(f"status {status}")

    def _rate_limited(self, seconds: float | None) -> NeuronpediaError:
        wait = f"; it asks to wait {seconds / 60:.0f} minutes" if seconds else ""
        return NeuronpediaError(
            f"Neuronpedia's rate limit is reached{wait}",
            where=self._url,
            fix="Run the same command again later: it resumes. --rate sends fewer requests an hour.",
        )

    def _unreachable(self, why: str) -> NeuronpediaError:
        return NeuronpediaError(
            f"Neuronpedia cannot be reached: {why}",
            where=self._url,
            fix="Check the network and --url. What came before is stored: the same command resumes. "
            "Without a network, `circuit-atlas explain --from FILE` reads files.",
        )


def _checked_url(config: NeuronpediaConfig) -> str:
    try:
        url = httpx.URL(config.url)
    except httpx.InvalidURL as error:
        raise InvalidArgumentError(f"not an address: {error}", fix="Give https://... with --url.") from error
    if url.userinfo:  # not shown: addresses are, in errors and in the log
        raise InvalidArgumentError(
            "Neuronpedia's address has a user name or a password in it", fix="Give a key in NEURONPEDIA_API_KEY."
        )
    if url.scheme not in ("http", "https") or not url.host:
        raise InvalidArgumentError(
            "not the address of a web server", where=config.url, fix="Give https://... with --url."
        )
    if config.concurrency < 1 or not config.rate > 0:
        raise InvalidArgumentError(
            f"concurrency and rate must be more than 0, got {config.concurrency} and {config.rate:g}"
        )
    return config.url.rstrip("/")


def _is_enough(attempts: int, state: RetryCallState) -> bool:
    """Whether to give up: sooner when nothing answers."""
    error = state.outcome and state.outcome.exception()
    return state.attempt_number >= (_ATTEMPTS_TO_CONNECT if isinstance(error, _UnreachableError) else attempts)


def _read(response: httpx.Response) -> bytes:
    """The body of a response, unpacked, within the bounds of size and time."""
    content, deadline = bytearray(), time.monotonic() + _MAX_SECONDS
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > _MAX_BYTES:
            raise MalformedError(f"a response of more than {_MAX_BYTES >> 20} MB")
        if time.monotonic() > deadline:
            raise _TransientError("the response takes too long")
    return bytes(content)


def _retry_after(value: str | None) -> float | None:
    """Seconds to wait, from the header `Retry-After`, which is a number or a date."""
    if value is None:
        return None
    with suppress(ValueError):
        return min(max(0.0, float(value)), 1e9)
    with suppress(ValueError, TypeError):
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    return None
