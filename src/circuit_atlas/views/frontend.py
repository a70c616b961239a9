"""circuit-tracer's own web page on graphs of the database: writes the files that it reads, and serves them.

The page reads circuit-tracer's JSON, so a graph is written as for an export, and then completed with what the page
needs beyond that: a list of graphs, explanations, and pages of features.

circuit-tracer's server listens on all network interfaces, and serves any file of the machine at `/data/../../...`. The
server here uses its request handler, but listens on the loopback interface only, and serves nothing outside the folder.
The page loads six scripts, such as d3, from two hosts on the internet, and examples of features from others. A
Content-Security-Policy forbids everything else that a graph file could make it load or run. The page saves which nodes
are pinned and grouped, by a POST to a graph that is served; nothing else can be written.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import logging
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from http.server import ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

from circuit_atlas.errors import AtlasError, DatabaseError, InputError, needs_extra
from circuit_atlas.export.json_file import NEW_QPARAMS, JsonContent, json_content, write_content
from circuit_atlas.files import replacing, write_file
from circuit_atlas.graph.data import GraphData
from circuit_atlas.ingest.labels import FILE
from circuit_atlas.queries.checks import check_range
from circuit_atlas.queries.node_results import Explanation

DEFAULT_PORT = 8041  # as in circuit-tracer's command line
_HOST = "127.0.0.1"
_LOCAL = re.compile(r"(127\.0\.0\.1|localhost)(:\d{1,5})?", re.ASCII)  # a browser leaves port 80 out
MAX_CONNECTIONS = 64  # at once; a browser opens six
_MAX_BODY = 4 << 20  # bytes of what the page saves
_MAX_FEATURE = (1 << 63) - 1  # a feature's number in the page: of layer and index together
_PATIENCE = 30  # seconds that a client may say nothing
_LIST = "graph-metadata"  # the file that lists the graphs
_FIRST = "first_qParams"  # in a graph's file: its `qParams` before the page saved any
_SAVE = "/save_graph/"
_NO_LOG = logging.NullHandler()
_LOG = logging.getLogger(__name__)
_FEATURE_HOSTS = (
    "https://huggingface.co",
    "https://*.huggingface.co",
    "https://*.hf.co",
    "https://d1fk9w8oratjix.cloudfront.net",
)
_LINK = re.compile(r"https?://[\w./?=&%:#-]+")
_SAFE_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}")


def write_frontend_files(
    folder: Path, graph: str, data: GraphData, explanations: Mapping[str, Sequence[Explanation]]
) -> str:
    """Write the files that the page reads of a graph: its JSON, as circuit-tracer's `create_graph_files` writes it, its
    entry in `graph-metadata.json`, and, if any feature has an explanation, a page for each feature.

    Args:
        folder: the folder for the files; it may have the files of other graphs.
        graph: the graph's name.
        data: the graph, pruned.
        explanations: the explanations of nodes, best first, by the nodes' keys.

    What the page saved of the graph in this folder, pins and groups, is kept if the graph has the same nodes as then.

    Returns:
        The graph's slug, by which the page identifies it.

    Raises:
        InputError: the folder cannot be written to, has a file of that name which is not the page's, or has what the
            page saved of other nodes of the graph.
    """
    slug, listed = _slug(graph), _listed(folder)
    if any(other != slug and other.lower() == slug.lower() for other in listed):
        slug = _hashed(graph)  # some file systems take upper case for lower case
    file = folder / f"{slug}.json"
    if file.exists() and slug not in listed:
        raise InputError(
            "already exists and was not written for this page",
            where=str(file),
            fix="Give another folder with --output.",
        )
    try:
        return _written(folder, graph, slug, data, explanations)
    except OSError as error:
        raise InputError(
            f"cannot be written: {error.strerror or error}", where=str(folder), fix="Check the folder and its space."
        ) from error


def _written(
    folder: Path, graph: str, slug: str, data: GraphData, explanations: Mapping[str, Sequence[Explanation]]
) -> str:
    file = folder / f"{slug}.json"
    with replacing(file) as part:
        content = json_content(data)
        head, nodes = _for_browsers(content.head), _for_browsers(content.nodes)
        metadata = {**head["metadata"], "slug": slug, "title_prefix": graph}
        explained = [explanations.get(data.nodes.key(i), ()) for i in range(len(nodes))]
        for node, found in zip(nodes, explained, strict=True):
            has_label = str(node.get("clerp") or "").strip()
            if found and not (has_label and found[0].source.startswith(FILE)):  # as `NAME` in ingest/labels.py
                node["clerp"] = found[0].text
            if not _LINK.fullmatch(str(node.get("vis_link", ""))):  # it could be `javascript:...`
                node.pop("vis_link", None)
        if any(explained):
            metadata["scan"] = f"./data/features/{slug}"  # where the page looks for a feature's page
            (folder / "features" / slug).mkdir(parents=True, exist_ok=True)
            for feature, page in _feature_pages(nodes, explained):
                (folder / "features" / slug / f"{feature}.json").write_text(json.dumps(page), encoding="utf-8")
        qparams = {**NEW_QPARAMS, **head.get("qParams", {})}
        saved = _saved(file, nodes)
        head |= {"metadata": metadata, "qParams": qparams if saved is None else saved, _FIRST: qparams}
        write_content(JsonContent(head, nodes, _links_for_browsers(data, content.links)), part)
        _add_to_list(folder, metadata)  # before the file exists: a file that is not in the list is somebody else's
    return slug


def _for_browsers(value: Any) -> Any:
    """The same, with null for `NaN` and `Infinity`, which Python takes and writes; a browser refuses the whole file."""
    return json.loads(json.dumps(value), parse_constant=lambda _: None)


def _links_for_browsers(data: GraphData, links: Iterable[str]) -> Iterable[str]:
    """Links whose further fields, which hardly any file has, suit a browser. Weights are finite."""
    if not data.edge_extras and "zero_links" not in data.metadata.file_form:
        return links
    return (json.dumps(_for_browsers(json.loads(link))) for link in links)


def _saved(file: Path, nodes: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The `qParams` that the page saved when the graph was served from the same folder before; None if it saved none.

    Raises:
        InputError: they are about other nodes than those that are shown now, or cannot be read.
    """
    if not file.exists():
        return None
    try:
        before = json.loads(file.read_text(encoding="utf-8"))
        saved: dict[str, Any] = before["qParams"]
        ids = {node["node_id"] for node in before["nodes"]}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            "not a graph as circuit-tracer's page reads it", where=str(file), fix="Give another folder with --output."
        ) from error
    if saved == before.get(_FIRST):
        return None
    if ids != {node["node_id"] for node in nodes}:
        raise InputError(
            "has pins or groups that the page saved, of other nodes than are shown now",
            where=str(file),
            fix="Give another folder with --output, the same thresholds as then, or remove the file.",
        )
    return saved


def _slug(graph: str) -> str:
    """The graph's name, if it can be a file's name and part of an address; else a hash of it."""
    if _SAFE_SLUG.fullmatch(graph) and graph.lower() != _LIST:  # some file systems take upper case for lower case
        return graph
    return _hashed(graph)


def _hashed(graph: str) -> str:
    return f"graph-{hashlib.sha256(graph.encode()).hexdigest()[:12]}"


def _listed(folder: Path) -> dict[str, dict[str, Any]]:
    """The entries of the page's list, by slug."""
    file = folder / f"{_LIST}.json"
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))["graphs"] if file.exists() else []
        return {entry["slug"]: entry for entry in entries}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            "not a list of graphs as circuit-tracer's page reads it",
            where=str(file),
            fix="Give another folder with --output.",
        ) from error


def _add_to_list(folder: Path, metadata: dict[str, Any]) -> None:
    from filelock import FileLock

    with FileLock(folder / f".{_LIST}.lock"):  # another program may serve from the same folder
        entries = {**_listed(folder), metadata["slug"]: metadata}
        write_file(folder / f"{_LIST}.json", json.dumps({"graphs": list(entries.values())}).encode())


def _feature_pages(
    nodes: list[dict[str, Any]], explained: list[Sequence[Explanation]]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The page of each feature, with the number that the graph's file gives the feature."""
    seen: set[int] = set()
    for node, explanations in zip(nodes, explained, strict=True):
        feature = node.get("feature")
        # It becomes the name of a file.
        if not isinstance(feature, int) or isinstance(feature, bool) or abs(feature) > _MAX_FEATURE:
            continue
        if node.get("feature_type") != "cross layer transcoder" or feature in seen:
            continue
        seen.add(feature)
        yield feature, _feature_page(explanations)


def _feature_page(explanations: Sequence[Explanation]) -> dict[str, Any]:
    """The page shows groups of examples, on which a feature is active. It has no place for explanations, so each source
    of explanations becomes a group, and each explanation an example of one token."""
    groups: dict[str, list[str]] = {}
    for text, source in dict.fromkeys((explanation.text, explanation.source) for explanation in explanations):
        groups.setdefault(f"Explanation, {source}" if source else "Explanation", []).append(text)
    groups = groups or {"No explanation is stored": []}
    return {
        "examples_quantiles": [
            {"quantile_name": name, "examples": [_example(text) for text in texts]} for name, texts in groups.items()
        ],
        "top_logits": [],
        "bottom_logits": [],
    }


def _example(text: str) -> dict[str, Any]:
    return {"tokens": [text], "tokens_acts_list": [0.0], "train_token_ind": 0, "is_repeated_datapoint": False}


class FrontendServer:
    """Serves circuit-tracer's page, on the loopback interface only, in a thread, until `stop` is called.

    Args:
        folder: the folder with the files that `write_frontend_files` wrote.
        port: the port; None for 8041, or a free port if that is in use.

    Raises:
        DatabaseError: the port is in use.
        InvalidArgumentError: it is not 0 to 65,535.
        MissingExtraError: the extra `attribution` is not installed.
    """

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self._saving = threading.Lock()  # each save reads and writes the whole file
        handler = functools.partial(_handler(self._saving), frontend_dir=_assets(), data_dir=str(folder.resolve()))
        self._server = _bind(handler, port)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Address of the page."""
        return f"http://{_HOST}:{self._server.server_port}/index.html"

    def page(self, slug: str) -> str:
        """Address of the page that shows a graph."""
        return f"{self.url}?slug={quote(slug)}"

    def stop(self) -> None:
        """Stop serving and release the port, after what is being saved."""
        self._server.shutdown()
        with self._saving:
            pass
        self._server.server_close()
        self._thread.join()


class _BoundedServer(ThreadingHTTPServer):
    """Serves a bounded number of connections at once, and closes further ones."""

    def __init__(self, address: tuple[str, int], handler: Any) -> None:
        super().__init__(address, handler)
        self._free = threading.BoundedSemaphore(MAX_CONNECTIONS)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer a connection in a thread of its own, if fewer than `MAX_CONNECTIONS` are open."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: socket.socket | tuple[bytes, socket.socket], client_address: Any) -> None:
        """Answer a connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has gone is no error; anything else is logged, and the server goes on."""
        error = sys.exception()
        if not isinstance(error, ConnectionError | TimeoutError):
            _LOG.warning("a request failed: %r", error)


def _bind(handler: Any, port: int | None) -> ThreadingHTTPServer:
    if port is not None:
        check_range("port", port, 0, 65_535)
    for tried in (DEFAULT_PORT, 0) if port is None else (port,):
        try:
            return _BoundedServer((_HOST, tried), handler)
        except OSError as error:
            reason = error
    raise DatabaseError(f"port {port} cannot be used: {reason.strerror}", fix="Give another --port.") from reason


def _assets() -> Path:
    return Path(str(files("circuit_tracer") / "frontend" / "assets"))


def _handler(saving: threading.Lock) -> Callable[..., Any]:
    with needs_extra("attribution", "serving circuit-tracer's page"):
        from circuit_tracer.frontend import local_server
    # Without a handler of its own, its log would print a traceback for each client that has gone.
    local_server.logger.addHandler(_NO_LOG)

    class Handler(local_server.CircuitGraphHandler):  # type: ignore[misc]
        """circuit-tracer's handler, for requests from this machine, for files in the folder, and with a policy that
        allows the page's own scripts only."""

        timeout = _PATIENCE

        def do_POST(self) -> None:  # noqa: N802 - its name in http.server
            """Save the `qParams` that the page sends. circuit-tracer's own method writes over the file, so that half of
            it is left if the program ends then."""
            file = Path(self.data_dir) / f"{_slug_of(self.path)}.json"
            try:
                qparams = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["qParams"]
                json.dumps(qparams, allow_nan=False)  # a browser could not read the graph again
            except (ValueError, KeyError, TypeError, RecursionError):
                self.send_error(400)
                return
            try:
                with saving:
                    content = json.loads(file.read_text(encoding="utf-8"))
                    write_file(file, json.dumps({**content, "qParams": qparams}).encode())
            except (AtlasError, OSError, ValueError, TypeError) as error:
                _LOG.warning("%s cannot be saved: %s", file, error)
                self.send_error(500)
                return
            self.send_response(200)
            self.end_headers()

        def parse_request(self) -> bool:
            if not super().parse_request():
                return False
            # Another web page could send requests here through the user's browser, under a host name of its own.
            host, origin = str(self.headers.get("Host")), self.headers.get("Origin")
            is_local = _LOCAL.fullmatch(host) and origin in (None, f"http://{host}")
            if not is_local or not self._is_within_folder():
                self.send_error(403)
                return False
            refusal = self._refused_save() if self.command == "POST" else None
            if refusal:
                self.send_error(refusal)
            return refusal is None

        def _refused_save(self) -> int | None:
            """The status that refuses a POST, which must save a graph of the folder; None if it does."""
            slug, length = _slug_of(self.path), str(self.headers.get("Content-Length"))
            if not str(self.path).startswith(_SAVE) or not _is_listed(Path(self.data_dir), slug):
                return 404
            if not re.fullmatch(r"\d{1,10}", length, re.ASCII):
                return 411
            return 413 if int(length) > _MAX_BODY else None

        def _is_within_folder(self) -> bool:
            """Whether the requested file lies in the folder. circuit-tracer joins the two without a check."""
            path, folder = str(self.path).split("?")[0], Path(self.data_dir)
            for prefix in ("/graph_data/", "/data/"):
                if path.startswith(prefix):
                    requested = folder / path.removeprefix(prefix)
                    return requested.resolve().is_relative_to(folder)
            return True  # a file of the page itself

        def end_headers(self) -> None:
            self.send_header("Content-Security-Policy", _policy())
            super().end_headers()

    return Handler


def _is_listed(folder: Path, slug: str) -> bool:
    """Whether the page's list has this graph. The user's folder may contain other JSON files."""
    with suppress(InputError):
        is_graph = _SAFE_SLUG.fullmatch(slug) and slug != _LIST and slug in _listed(folder)
        return bool(is_graph) and (folder / f"{slug}.json").is_file()
    return False


def _slug_of(path: str) -> str:
    """The graph that the path of a request names."""
    return path.split("?", maxsplit=1)[0].rpartition("/")[2]


@functools.cache
def _policy() -> str:
    """Allows the scripts in the page and the libraries that it loads, but no script in a graph. Whole hosts would not
    do: anyone can publish a script on one of them."""
    page = (_assets() / "index.html").read_text(encoding="utf-8")
    libraries = re.findall(r"<script src=['\"](https://[^'\" ;,]+)", page)
    inline = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in inline]
    return (
        f"default-src 'self'; script-src 'self' {' '.join([*hashes, *libraries])}; "
        f"style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self' {' '.join(_FEATURE_HOSTS)}; "
        "frame-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none'"
    )
