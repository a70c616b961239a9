"""Neuronpedia's API: where it is, which key it gets, and what its refusals mean. The key is sent to one host only."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import httpx

from circuit_atlas.errors import InvalidArgumentError, NeuronpediaError
from circuit_atlas.remote.client import (
    Client,
    RateLimitError,
    RedirectError,
    RefusedError,
    TransientError,
    UnreachableError,
    received,
    shown,
)
from circuit_atlas.remote.json_text import MalformedError
from circuit_atlas.schema.source_sets import NEURONPEDIA

_MAX_BYTES = 64 << 20  # of a response
_GZIP = ("gzip", "x-gzip")  # the only compression that is asked for
_MAX_SECONDS = 120.0  # from the first byte of a response to the last
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
KEY_VARIABLE, URL_VARIABLE = "NEURONPEDIA_API_KEY", "NEURONPEDIA_URL"


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

    @classmethod
    def from_environment(cls, url: str | None = None, **others: Any) -> Self:
        """The key in `NEURONPEDIA_API_KEY`; the address `url`, or the one in `NEURONPEDIA_URL`, or Neuronpedia's."""
        chosen = (os.environ.get(URL_VARIABLE) or NEURONPEDIA) if url is None else url
        key = os.environ.get(KEY_VARIABLE, "").strip()  # a file of variables may end its lines with \r\n
        if not (key.isascii() and key.isprintable()):  # no header can have it, and an error there would show it
            raise InvalidArgumentError(
                f"{KEY_VARIABLE} has characters that no key has", fix="Copy the key from your account once more."
            )
        return cls(url=chosen, key=key or None, **others)

    def __repr__(self) -> str:
        return f"<NeuronpediaConfig {self.url!r}>"  # without the key, which must not appear in a log


class NeuronpediaApi(Client):
    """A client of Neuronpedia's API.

    Args:
        config: where Neuronpedia is, and how requests are sent to it.
        notify: called with a sentence before a wait that a person would wonder about.

    Raises:
        InvalidArgumentError: the address is not one of a web server, or a number is out of range.
    """

    given_by = URL_VARIABLE
    """How a person gives the address."""
    slower = ""
    """How a person makes requests less frequent, as a sentence."""
    offline = ""
    """Advice for a person without a network, as a sentence."""

    def __init__(self, config: NeuronpediaConfig, notify: Callable[[str], object] | None = None) -> None:
        self.url = _checked_url(config, self.given_by)
        self._key = config.key
        super().__init__(concurrency=config.concurrency, rate=config.rate, timeout=config.timeout, notify=notify)

    @property
    def is_local(self) -> bool:
        """Whether it is a server on this machine, without encryption."""
        return self.url.scheme == "http"

    def request(self, method: str, path: str, **content: Any) -> bytes | None:
        """Send a request, several times if necessary, and return the response's body; None when it is "not found".

        Raises:
            NeuronpediaError: Neuronpedia cannot be reached, refuses the request, or wants a wait of more than an hour.
            MalformedError, TransientError: the response has another form, or does not come.
        """
        headers = {"x-api-key": self._key} if self._key else {}
        url = httpx.URL(f"{self.url}{path}")
        try:
            return self.send(method, url, _read, headers=headers, **content)
        except RefusedError as error:
            raise self._error(f"Neuronpedia refused the request ({error})", f"Check {KEY_VARIABLE}.") from error
        except RedirectError as error:
            raise self._error(
                f"{error}; the API key would be sent there",
                f"If {_shown_location(error.location)!r} is right, give its beginning with {self.given_by}.",
            ) from error
        except RateLimitError as error:
            wait = f"; {error}" if error.retry_after else ""
            raise self._error(
                f"Neuronpedia's rate limit is reached{wait}",
                f"Run the same command again later: it resumes. {self.slower}".rstrip(),
            ) from error
        except UnreachableError as error:
            raise self._error(
                f"Neuronpedia cannot be reached: {error}",
                f"Check the network and {self.given_by}. What came before is stored: the same command resumes. "
                f"{self.offline}".rstrip(),
            ) from error

    def _error(self, what: str, fix: str) -> NeuronpediaError:
        return NeuronpediaError(what, where=str(self.url), fix=fix)


def is_loopback(url: httpx.URL) -> bool:
    """Whether an address is one of this machine."""
    return url.host in _LOOPBACK


def _checked_url(config: NeuronpediaConfig, given_by: str) -> httpx.URL:
    fix = f"Give https://... with {given_by}."
    try:
        url = httpx.URL(config.url.rstrip("/"))
    except httpx.InvalidURL as error:
        raise InvalidArgumentError(f"not an address: {error}", fix=fix) from error
    if url.userinfo:  # not shown: addresses are, in errors and in the log
        raise InvalidArgumentError(
            "Neuronpedia's address has a user name or a password in it", fix=f"Give a key in {KEY_VARIABLE}."
        )
    if url.scheme not in ("http", "https") or not url.host:
        raise InvalidArgumentError("not the address of a web server", where=config.url, fix=fix)
    if url.scheme == "http" and not is_loopback(url):
        raise InvalidArgumentError("http is for a server on this machine only", where=shown(url), fix=fix)
    if config.concurrency < 1:
        raise InvalidArgumentError(f"concurrency cannot be {config.concurrency}", fix="It must be 1 or more.")
    if not config.rate > 0:
        raise InvalidArgumentError(f"rate cannot be {config.rate:g}", fix="It must be more than 0.")
    return url


def _shown_location(location: str) -> str:
    try:
        return shown(httpx.URL(location))[:200]
    except httpx.InvalidURL:
        return ""


def is_packed(response: httpx.Response, *, may_be: bool = True) -> bool:
    """Whether the body of a response is compressed with gzip.

    Raises:
        MalformedError: it is compressed in a way that was not asked for; in any way, unless it `may_be` compressed.
    """
    packing = response.headers.get("content-encoding", "identity").strip().lower()
    if packing not in ("identity", *(_GZIP if may_be else ())):
        raise MalformedError(f"its content encoding {packing[:40]!r} is not supported")
    return packing in _GZIP


def _read(response: httpx.Response) -> bytes:
    """The body of a response, decompressed, within the bounds of size and time. httpx would decompress all of what has
    arrived before its size can be looked at, and as many times as the server says that it was compressed."""
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS) if is_packed(response) else None
    content = bytearray()
    for chunk in received(response, _MAX_SECONDS):
        try:
            content += unpacker.decompress(chunk, _MAX_BYTES + 1 - len(content)) if unpacker else chunk
        except zlib.error as error:
            raise MalformedError(f"the response cannot be decompressed: {error}") from error
        if unpacker and unpacker.unused_data:
            raise MalformedError("the response goes on after the compressed data")
        if len(content) > _MAX_BYTES:
            raise MalformedError(f"the response has more than {_MAX_BYTES >> 20} MB")
    if unpacker and not unpacker.eof and content:
        raise TransientError("the response is cut short")
    return bytes(content)
