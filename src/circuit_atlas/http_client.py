"""Opens HTTP clients. The environment may be wrong about proxies and certificates: an error names the variable."""

from __future__ import annotations

import os
import ssl
from typing import Any

import httpx

from circuit_atlas.errors import InvalidArgumentError

_PROXIES = ("http_proxy", "https_proxy", "all_proxy")  # environment variables that httpx reads, in any case


def http_client(**options: Any) -> httpx.Client:
    """A client of httpx, which also takes the environment's proxies and certificates.

    Raises:
        InvalidArgumentError: one of these variables cannot be used.
    """
    try:
        return httpx.Client(**options)
    except OSError as error:  # a file is missing, or is not of certificates
        raise InvalidArgumentError(
            f"{_wrong_file()} cannot be used: {error.strerror or error}",
            fix="Name a file that can be read, or unset the variable.",
        ) from error
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        # Not with the value or the error, which may have a password.
        needs = "A SOCKS proxy needs `pip install 'httpx[socks]'`. " if isinstance(error, ImportError) else ""
        raise InvalidArgumentError(
            f"{' or '.join(_wrong_proxies()) or 'NO_PROXY'} cannot be used",
            fix=f"{needs}Set it to the address of a proxy, such as http://proxy.example.org:8080, or unset it.",
        ) from error


def _wrong_file() -> str:
    """The environment variable whose file cannot be used: one of certificates, or one into which keys are written."""
    if not os.environ.get("SSL_CERT_FILE"):
        return "SSLKEYLOGFILE"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(os.environ["SSL_CERT_FILE"])
    except OSError:
        return "SSL_CERT_FILE"
    return "SSLKEYLOGFILE"


def _wrong_proxies() -> list[str]:
    """The environment variables whose proxy cannot be used."""
    wrong = []
    for name, address in sorted(os.environ.items()):
        if name.lower() not in _PROXIES or not address:
            continue
        try:
            httpx.Client(proxy=address if "://" in address else f"http://{address}", trust_env=False).close()
        except (ImportError, ValueError, httpx.InvalidURL):
            wrong.append(name)
    return wrong
