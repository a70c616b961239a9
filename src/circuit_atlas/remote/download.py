"""Downloads graph files: from hosts that are allowed, in bounded size and time, without a key."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Self
from urllib.parse import quote

import httpx

from circuit_atlas.errors import DownloadError, NeuronpediaError, NotFoundError
from circuit_atlas.remote.addresses import Address
from circuit_atlas.remote.client import (
    RedirectError,
    RefusedError,
    TransientError,
    UnreachableError,
    received,
    shown,
)
from circuit_atlas.remote.json_text import MalformedError, read_json
from circuit_atlas.remote.neuronpedia import NeuronpediaApi, NeuronpediaConfig, is_loopback, is_packed
from circuit_atlas.schema.limits import MAX_FILE_SIZE

HOSTS_VARIABLE = "CIRCUIT_ATLAS_GRAPH_HOSTS"
# Where Neuronpedia keeps graph files, in its own bucket and those of the graphs that came first.
_HOSTS = (
    "neuronpedia-attrib.s3.us-east-1.amazonaws.com",
    "neuronpedia-attrib.s3.amazonaws.com",
    "d1fk9w8oratjix.cloudfront.net",
    "transformer-circuits.pub",
)
_MAX_SECONDS = 1800.0  # from the first byte of a file to the last
_MAX_REDIRECTS = 5
_AN_HOUR = 3600  # requests


class GraphDownloads(NeuronpediaApi):
    """Finds out where graphs are, and downloads their files."""

    slower = "Give fewer addresses at a time."

    @classmethod
    def from_environment(cls, notify: Callable[[str], object] | None = None) -> Self:
        """Downloads, one after the other, with the key and the address of Neuronpedia in the environment."""
        return cls(NeuronpediaConfig.from_environment(concurrency=1, rate=_AN_HOUR), notify)

    def file_url(self, address: Address) -> httpx.URL:
        """Where the file of a graph is.

        Raises:
            NotFoundError: Neuronpedia does not have the graph.
            NeuronpediaError: Neuronpedia cannot be reached or refuses, or its answer names no file.
            DownloadError: the file is on a host that is not allowed.
        """
        if not address.is_page:
            return self._allowed(address.text, None, address.shown)
        path = f"/api/graph/{quote(address.model, safe='')}/{quote(address.slug, safe='')}"
        try:
            content = self.request("GET", path)
            answer = {} if content is None else read_json(content)
        except (MalformedError, TransientError) as error:
            raise NeuronpediaError(
                f"Neuronpedia does not answer as expected: {error}", where=address.shown, fix="Try again later."
            ) from error
        if content is None:
            raise NotFoundError(
                f"Neuronpedia has no graph {address.slug!r} of {address.model!r}",
                where=address.shown,
                fix="Check the address: its page must open in a browser.",
            )
        url = answer.get("url") if isinstance(answer, dict) else None
        if not isinstance(url, str):
            raise NeuronpediaError(
                "Neuronpedia does not say where the graph's file is", where=address.shown, fix="Try again later."
            )
        return self._allowed(url, [self.url.host], address.shown)

    def download(self, url: httpx.URL, file: Path) -> None:
        """Download a file. What is compressed with gzip stays so: the reader decompresses it within bounds.

        Raises:
            DownloadError: it cannot be had, is too large, or the server redirects to a host that is not allowed.
        """
        hosts = [url.host]
        packing = "identity" if file.suffix.startswith(".pt") else "gzip"  # only JSON is recognised when compressed
        try:
            for _ in range(_MAX_REDIRECTS):
                try:
                    found = self.send("GET", url, partial(_write, file), headers={"Accept-Encoding": packing})
                except RedirectError as error:
                    url = self._allowed(str(url.join(error.location)), hosts, shown(url))
                    continue
                if found is None:
                    raise DownloadError("there is no such file (status 404)", where=shown(url), fix=_CHECK)
                return
        except RefusedError as error:
            raise DownloadError(
                f"the server refuses it ({error})", where=shown(url), fix="Files must be public: no key is sent there."
            ) from error
        except UnreachableError as error:
            raise DownloadError(
                f"the server cannot be reached: {error}", where=shown(url), fix="Check the network and the address."
            ) from error
        except TransientError as error:
            raise DownloadError(
                f"it cannot be downloaded: {error}", where=shown(url), fix="Run the same command again later."
            ) from error
        except (MalformedError, httpx.InvalidURL) as error:
            raise DownloadError(f"it cannot be downloaded: {error}", where=shown(url), fix=_CHECK) from error
        except OSError as error:
            raise DownloadError(
                f"the temporary file cannot be written: {error.strerror or error}",
                where=str(file.parent),
                fix="Free some space, or set TMPDIR to a folder that has more.",
            ) from error
        raise DownloadError(f"more than {_MAX_REDIRECTS} redirects", where=shown(url), fix=_CHECK)

    def _allowed(self, text: str, hosts: Iterable[str] | None, where: str) -> httpx.URL:
        """The address of a file, if it is encrypted, and on one of `hosts` (None for any) or of those where graph files
        are; `where` is the address that leads to it.

        Raises:
            DownloadError: it is not.
        """
        try:
            url = httpx.URL(text)
        except httpx.InvalidURL as error:
            raise DownloadError(f"the address of the file is not valid: {error}", where=where, fix=_CHECK) from error
        if url.userinfo:
            raise DownloadError("the file's address has a user name or a password in it", where=where, fix=_CHECK)
        if url.scheme != "https" and not (url.scheme == "http" and self.is_local and is_loopback(url)):
            raise DownloadError(
                f"the file is not at an https address: {shown(url)}", where=where, fix="Only https is allowed."
            )
        if hosts is not None and url.host not in (*hosts, *_HOSTS, *_own_hosts()):
            raise DownloadError(
                f"the file is on another host: {shown(url)}",
                where=where,
                fix=f"If you trust {url.host}, add it to {HOSTS_VARIABLE}, or give this address itself.",
            )
        return url


_CHECK = "Check the address: it must give the file itself."


def _own_hosts() -> list[str]:
    """Hosts that the user allows, in a list with commas."""
    return [host.strip().lower() for host in os.environ.get(HOSTS_VARIABLE, "").split(",") if host.strip()]


def _write(file: Path, response: httpx.Response) -> bool:
    """Write the body of a response to a file, as it comes."""
    is_packed(response, may_be=not file.suffix.startswith(".pt"))
    size = 0
    announced = response.headers.get("content-length", "")
    with file.open("wb") as opened:
        for chunk in received(response, _MAX_SECONDS):
            size += len(chunk)
            if size > MAX_FILE_SIZE or (announced.isdigit() and int(announced) > MAX_FILE_SIZE):
                raise MalformedError(f"it has more than {MAX_FILE_SIZE:,} bytes, which no graph file has")
            opened.write(chunk)
    return True
