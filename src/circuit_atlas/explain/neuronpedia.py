"""Neuronpedia's API, asked politely: at a bounded rate, again when it is busy, and never trusted with its answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Self
from urllib.parse import quote

import httpx
from tenacity import AsyncRetrying, RetryCallState, RetryError, retry_if_exception_type
from tenacity.wait import wait_random_exponential

from circuit_atlas.errors import InvalidArgumentError, NeuronpediaError
from circuit_atlas.explain.answers import MalformedError, Said, read_batch, read_explanations, read_json
from circuit_atlas.explain.pace import Pacer
from circuit_atlas.explain.store import Feature

_MAX_ANSWER = 64 << 20  # bytes
_MAX_SECONDS = 120.0  # from the first byte of an answer to the last
_LONGEST_WAIT = 3700.0  # seconds: the window of Neuronpedia's limit is an hour
_ATTEMPTS = 6
_ATTEMPTS_ALONE = 2  # for a feature whose batch has failed
_ATTEMPTS_TO_REACH = 3  # when nothing answers
_FAILURES_IN_A_ROW = 10  # features
_KEPT_OUT = (401, 403)
_AGAIN = (408, 425, 429)


@dataclass(frozen=True)
class Access:
    """Where Neuronpedia is and how it may be asked."""

    url: str = "https://www.neuronpedia.org"
    key: str | None = None
    concurrency: int = 8
    rate: float = 25_000  # requests an hour
    timeout: float = 30.0  # seconds without a byte

    def __repr__(self) -> str:
        return f"<Access {self.url!r}>"


class _PassingError(Exception):
    """What may be otherwise the next time."""

    def __init__(self, what: str, retry_after: float | None = None) -> None:
        super().__init__(what)
        self.retry_after = retry_after


class _BusyError(_PassingError):
    pass


class _UnreachableError(_PassingError):
    pass


class Neuronpedia:
    """Asks for explanations.

    Args:
        access: where and how.
        notify: called with a sentence when there is a wait that a person would wonder about.

    Raises:
        InvalidArgumentError: not an address of a web server, or a number out of range.
    """

    def __init__(self, access: Access, notify: Callable[[str], object] | None = None) -> None:
        self._url = _checked(access)
        self._notify = notify
        self._pacer = Pacer(access.rate)
        self._pause = wait_random_exponential(multiplier=0.5, max=60)
        self._failures = 0
        self._client = httpx.AsyncClient(
            headers={"User-Agent": "circuit-atlas"} | ({"x-api-key": access.key} if access.key else {}),
            timeout=access.timeout,
            limits=httpx.Limits(max_connections=access.concurrency),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def ask(self, features: Sequence[Feature]) -> dict[Feature, Said]:
        """What Neuronpedia says of each feature, under its own names: an empty list where it has nothing or does not
        know the feature, None where its answer cannot be had or read.

        Raises:
            NeuronpediaError: it cannot be reached, refuses, or wants a longer wait than an hour.
        """
        body = [
            {"modelId": f.model, "layer": f"{f.layer}-{f.source_set}", "index": f.index, "maxActsToReturn": 1}
            for f in features
        ]
        try:
            return read_batch(await self._request("POST", "/api/features", json=body) or b"", features)
        except (MalformedError, RetryError):
            return {feature: await self._ask_alone(feature) for feature in features}

    async def _ask_alone(self, feature: Feature) -> Said:
        place = (feature.model, f"{feature.layer}-{feature.source_set}", str(feature.index))
        path = "/".join(quote(part, safe="") for part in place)
        try:
            content = await self._request("GET", f"/api/feature/{path}", attempts=_ATTEMPTS_ALONE)
            item = None if content is None else read_json(content)
        except MalformedError:
            return None
        except RetryError as error:
            self._count_failure(error)
            return None
        self._failures = 0
        if item is None:
            return []
        return read_explanations(item) if isinstance(item, dict) else None

    def _count_failure(self, error: RetryError) -> None:
        self._failures += 1
        if self._failures >= _FAILURES_IN_A_ROW:
            raise NeuronpediaError(
                f"{self._failures} requests in a row failed, the last one with: {error.last_attempt.exception()}",
                where=self._url,
                fix="Give the same command again later: it goes on where it was.",
            )

    async def _request(self, method: str, path: str, attempts: int = _ATTEMPTS, **content: Any) -> bytes | None:
        """The content of an answer; None when there is no such thing."""
        retrying = AsyncRetrying(
            stop=partial(_is_enough, attempts),
            wait=self._wait_for,
            retry=retry_if_exception_type(_PassingError),
        )
        try:
            return await retrying(self._request_once, method, path, **content)
        except RetryError as error:
            why = error.last_attempt.exception()
            if isinstance(why, _BusyError):
                raise self._busy(None) from why
            if isinstance(why, _UnreachableError):
                raise self._unreachable(str(why)) from why
            raise

    def _wait_for(self, state: RetryCallState) -> float:
        error = state.outcome and state.outcome.exception()
        asked = error.retry_after if isinstance(error, _PassingError) else None
        if asked is None:
            return self._pause(state)
        if asked > _LONGEST_WAIT:
            raise self._busy(asked)
        self._pacer.hold(asked)
        if asked >= 5 and self._notify:
            self._notify(f"Neuronpedia asks to wait {asked:.0f} s.")
        return asked

    async def _request_once(self, method: str, path: str, **content: Any) -> bytes | None:
        await self._pacer.wait()
        try:
            async with self._client.stream(method, self._url + path, **content) as response:
                self._check(response)
                return None if response.status_code == httpx.codes.NOT_FOUND else await _read(response)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
            raise _UnreachableError(str(error) or type(error).__name__) from error
        except httpx.DecodingError as error:
            raise MalformedError(str(error)) from error
        except httpx.HTTPError as error:
            raise _PassingError(str(error) or type(error).__name__) from error

    def _check(self, response: httpx.Response) -> None:
        status = response.status_code
        if status in _AGAIN or status >= 500:
            kind = _BusyError if status == httpx.codes.TOO_MANY_REQUESTS else _PassingError
            raise kind(f"status {status}", _retry_after(response.headers.get("retry-after")))
        if status in _KEPT_OUT:
            raise NeuronpediaError(
                f"the request was refused (status {status})", where=self._url, fix="Check NEURONPEDIA_API_KEY."
            )
        if response.is_redirect:
            raise NeuronpediaError(
                "it sends us elsewhere, where we do not go with a key",
                where=self._url,
                fix=f"If {response.headers.get('location', '')[:200]!r} is right, give its beginning with --url.",
            )
        if response.is_client_error and status != httpx.codes.NOT_FOUND:
            raise MalformedError(f"status {status}")

    def _busy(self, seconds: float | None) -> NeuronpediaError:
        return NeuronpediaError(
            "Neuronpedia wants no more requests" + (f" for {seconds / 60:.0f} minutes" if seconds else " for now"),
            where=self._url,
            fix="Give the same command again later: it goes on where it was. --rate asks less often.",
        )

    def _unreachable(self, why: str) -> NeuronpediaError:
        return NeuronpediaError(
            f"Neuronpedia cannot be reached: {why}",
            where=self._url,
            fix="Check the network and --url. What came before is stored: the same command goes on where it was. "
            "Without a network, `circuit-atlas explain --from FILE` reads files.",
        )


def _checked(access: Access) -> str:
    try:
        url = httpx.URL(access.url)
    except httpx.InvalidURL as error:
        raise InvalidArgumentError(f"not an address: {error}", where=access.url) from error
    if url.scheme not in ("http", "https") or not url.host:
        raise InvalidArgumentError(
            "not the address of a web server", where=access.url, fix="Give https://... with --url."
        )
    if access.concurrency < 1 or not access.rate > 0:
        raise InvalidArgumentError("concurrency and rate are to be more than 0")
    return access.url.rstrip("/")


def _is_enough(attempts: int, state: RetryCallState) -> bool:
    error = state.outcome and state.outcome.exception()
    return state.attempt_number >= (_ATTEMPTS_TO_REACH if isinstance(error, _UnreachableError) else attempts)


async def _read(response: httpx.Response) -> bytes:
    content, last = bytearray(), time.monotonic() + _MAX_SECONDS
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > _MAX_ANSWER:
            raise MalformedError(f"an answer of more than {_MAX_ANSWER >> 20} MB")
        if time.monotonic() > last:
            raise _PassingError("the answer takes too long")
    return bytes(content)


def _retry_after(value: str | None) -> float | None:
    """Seconds to wait, from a number or a date."""
    if value is None:
        return None
    with suppress(ValueError):
        return min(max(0.0, float(value)), 1e9)
    with suppress(ValueError, TypeError):
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    return None
