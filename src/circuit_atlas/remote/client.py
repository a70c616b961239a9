"""Sends requests at a bounded rate, and tries again when a server is busy. It follows no redirect by itself."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from threading import Event, Timer
from typing import Any, Self, TypeVar

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type
from tenacity.nap import sleep_using_event
from tenacity.wait import wait_random_exponential

from circuit_atlas.http_client import http_client
from circuit_atlas.remote.json_text import MalformedError
from circuit_atlas.remote.rate_limit import RateLimiter

T = TypeVar("T")
_LOG = logging.getLogger(__name__)
_MAX_WAIT = 3700.0  # seconds: Neuronpedia counts requests by the hour, so no longer wait makes sense
_NOTIFIED_WAIT = 5.0  # seconds from which a person would wonder why nothing happens
_ATTEMPTS = 6
_ATTEMPTS_TO_CONNECT = 3  # when nothing answers
_REFUSED = (401, 403)
_TRY_AGAIN = (408, 425, 429)


class TransientError(Exception):
    """An error worth retrying, which lasted through all attempts."""

    def __init__(self, what: str, retry_after: float | None = None) -> None:
        super().__init__(what)
        self.retry_after = retry_after  # seconds, where the server says how long to wait


class RateLimitError(TransientError):
    """The server has had too many requests."""


class UnreachableError(TransientError):
    """Nothing answers."""


class RefusedError(Exception):
    """The server does not let this user have it."""


class RedirectError(Exception):
    """The server redirects to `location`."""

    def __init__(self, location: str) -> None:
        super().__init__("the server redirects to another address")
        self.location = location


class Client:
    """A client of web servers. Several threads can use it at once.

    Args:
        concurrency: the number of requests at a time.
        rate: the number of requests an hour, at most.
        timeout: seconds to wait for the connection, and for each part of a response.
        notify: called with a sentence before a wait that a person would wonder about.

    Raises:
        InvalidArgumentError: an environment variable about proxies or certificates cannot be used.
    """

    def __init__(
        self, *, concurrency: int, rate: float, timeout: float, notify: Callable[[str], object] | None = None
    ) -> None:
        self._notify = notify
        self._limiter = RateLimiter(rate)
        self._pause = wait_random_exponential(multiplier=0.5, max=60)
        self._stopped = Event()
        self._long_waits: dict[str, RateLimitError] = {}  # by host: it gets no more requests
        self._client = http_client(
            headers={"User-Agent": "circuit-atlas", "Accept-Encoding": "gzip"},
            timeout=timeout,
            limits=httpx.Limits(max_connections=concurrency),
            follow_redirects=False,  # another host must not get a key
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._stopped.set()  # wakes the threads that wait for their turn
        if kind is None:  # after an error, other threads may still use the connections
            self._client.close()

    def send(
        self,
        method: str,
        url: httpx.URL,
        read: Callable[[httpx.Response], T],
        *,
        headers: Mapping[str, str],
        attempts: int = _ATTEMPTS,
        **content: Any,
    ) -> T | None:
        """Send a request, several times if necessary.

        Args:
            method: of HTTP.
            url: the address.
            read: makes the answer of a successful response, of which nothing was read yet.
            headers: of the request.
            attempts: how many at most.
            content: the request's body, as `httpx` takes it.

        Returns:
            What `read` returns; None for the status 404.

        Raises:
            TransientError: all attempts failed.
            RefusedError, RedirectError: the server refuses, or redirects.
            MalformedError: the server calls the request wrong, or the response cannot be decompressed.
        """
        if url.host in self._long_waits:
            raise self._long_waits[url.host]
        retrying = Retrying(
            stop=partial(_is_enough, attempts),
            wait=partial(self._wait, url.host),
            retry=retry_if_exception_type(TransientError),
            sleep=sleep_using_event(self._stopped),
            reraise=True,
        )
        return retrying(self._send_once, method, url, read, headers=headers, **content)

    def _wait(self, host: str, state: RetryCallState) -> float:
        """Seconds until the next attempt: what the server asks for, or a growing random pause."""
        error = state.outcome and state.outcome.exception()
        asked = error.retry_after if isinstance(error, TransientError) else None
        seconds = self._pause(state) if asked is None else asked
        _LOG.info("attempt %d failed (%s); trying again in %.1f s", state.attempt_number, error, seconds)
        if asked is None:
            return seconds
        if asked > _MAX_WAIT:
            self._long_waits[host] = RateLimitError(f"it asks to wait {asked / 60:.0f} minutes", asked)
            raise self._long_waits[host]
        self._limiter.delay(asked)  # the other threads have to wait, too
        if asked >= _NOTIFIED_WAIT and self._notify:
            self._notify(f"{host} asks to wait {asked:.0f} s.")
        return asked

    def _send_once(self, method: str, url: httpx.URL, read: Callable[[httpx.Response], T], **content: Any) -> T | None:
        if self._stopped.wait(self._limiter.reserve()):
            raise CancelledError  # nobody waits for the response any more
        _LOG.debug("%s %s", method, shown(url))
        try:
            with self._client.stream(method, url, **content) as response:
                _check(response)
                return None if response.status_code == httpx.codes.NOT_FOUND else read(response)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
            raise UnreachableError(str(error) or type(error).__name__) from error
        except httpx.DecodingError as error:
            raise MalformedError(str(error)) from error
        except httpx.TimeoutException as error:
            raise TransientError("the response takes too long") from error
        except httpx.HTTPError as error:
            raise TransientError(str(error) or type(error).__name__) from error


def received(response: httpx.Response, seconds: float) -> Iterator[bytes]:
    """The parts of a response's body, as they come.

    Raises:
        TransientError: the body takes longer than this. The client's own time limit is for a single read, and a server
            can send byte after byte and never complete a part.
    """
    connection = response.extensions["network_stream"].get_extra_info("socket")
    is_late = Event()

    def end() -> None:
        is_late.set()
        with suppress(OSError):  # it is already closed
            # Wakes the read. The method of a TLS connection would also drop its state, which the read needs.
            socket.socket.shutdown(connection, socket.SHUT_RDWR)

    timer = Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield from response.iter_raw()
    except httpx.TransportError:
        if not is_late.is_set():
            raise
    finally:
        timer.cancel()
    if is_late.is_set():
        raise TransientError("the response takes too long")


def shown(url: httpx.URL) -> str:
    """An address as errors and logs show it: without what follows `?`, where signatures stand."""
    return str(url.copy_with(query=None, fragment=None))


def _check(response: httpx.Response) -> None:
    """Raise the error that a status stands for."""
    status = response.status_code
    if status in _TRY_AGAIN or status >= 500:
        kind = RateLimitError if status == httpx.codes.TOO_MANY_REQUESTS else TransientError
        raise kind(f"status {status}", _retry_after(response.headers.get("retry-after")))
    if status in _REFUSED:
        raise RefusedError(f"status {status}")
    if response.is_redirect:
        raise RedirectError(response.headers.get("location", ""))
    if not response.is_success and status != httpx.codes.NOT_FOUND:
        raise MalformedError(f"status {status}")


def _is_enough(attempts: int, state: RetryCallState) -> bool:
    """Whether to give up: sooner when nothing answers."""
    error = state.outcome and state.outcome.exception()
    return state.attempt_number >= (_ATTEMPTS_TO_CONNECT if isinstance(error, UnreachableError) else attempts)


def _retry_after(value: str | None) -> float | None:
    """Seconds to wait, from the header `Retry-After`, which is a number or a date."""
    if value is None:
        return None
    with suppress(ValueError):
        return min(max(0.0, float(value)), 1e9)
    with suppress(ValueError, TypeError, OverflowError):  # the last of a year or a zone that no date has
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    return None
