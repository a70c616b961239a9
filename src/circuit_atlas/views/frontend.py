"""circuit-tracer's own web page on graphs of the database: the files it reads, and a server for them.

The page, its server and the form of its files are circuit-tracer's. Its server listens to the whole network and hands
out any file of the machine to whoever asks for `/data/../../...`; ours takes its handler, listens to this machine
alone, and keeps to the folder. The page loads d3, dagre and pako from two hosts on the internet, and examples of
features from a third: what else a graph file could make it load or run, a Content-Security-Policy forbids.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from http.server import ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from circuit_atlas.errors import DatabaseError, needs_extra
from circuit_atlas.export.json_file import write_json
from circuit_atlas.graph.data import GraphData

DEFAULT_PORT = 8041  # of circuit-tracer's command line
_HOST = "127.0.0.1"
_SCRIPTS = ("https://transformer-circuits.pub", "https://unpkg.com")
_FEATURES = (
    "https://huggingface.co",
    "https://*.huggingface.co",
    "https://*.hf.co",
    "https://d1fk9w8oratjix.cloudfront.net",
)
_LINK = re.compile(r"https?://[\w./?=&%:#-]+")
_SAFE_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}")


class Explanations(NamedTuple):
    """What is known of a transcoder feature: the explanation that names it, all of them, and where each comes from."""

    explanation: str
    explanations: Sequence[str]
    sources: Sequence[str]


def write_frontend_files(folder: Path, graph: str, data: GraphData, explained: Mapping[str, Explanations]) -> str:
    """Write what the page reads of a graph: its JSON as circuit-tracer's `create_graph_files` writes it, its line in
    `graph-metadata.json`, and a page for each feature when any has an explanation.

    Args:
        folder: where to.
        graph: the graph's name.
        data: the graph, pruned.
        explained: keys of nodes and what explains them.

    Returns:
        The graph's slug, by which the page knows it.

    Raises:
        InputError: the folder cannot be written to.
    """
    slug = _slug(graph)
    file = folder / f"{slug}.json"
    write_json(data, file)
    content = json.loads(file.read_text(encoding="utf-8"))
    metadata = {**content["metadata"], "slug": slug, "title_prefix": graph}
    _list(folder, metadata)
    nodes = content["nodes"]
    known = [explained.get(data.nodes.key(i)) for i in range(len(nodes))]
    for node, found in zip(nodes, known, strict=True):
        if found:
            node["clerp"] = node.get("clerp") or found.explanation
        if not _LINK.fullmatch(str(node.get("vis_link", ""))):
            node.pop("vis_link", None)
    pages = _feature_pages(nodes, known)
    if pages:
        metadata["scan"] = f"./data/features/{slug}"
        (folder / "features" / slug).mkdir(parents=True, exist_ok=True)
        for feature, page in pages.items():
            (folder / "features" / slug / f"{feature}.json").write_text(json.dumps(page), encoding="utf-8")
    content["metadata"] = metadata
    file.write_text(json.dumps(content), encoding="utf-8")
    return slug


def _slug(graph: str) -> str:
    if _SAFE_SLUG.fullmatch(graph):
        return graph
    return f"graph-{hashlib.sha256(graph.encode()).hexdigest()[:12]}"


def _list(folder: Path, metadata: dict[str, Any]) -> None:
    file = folder / "graph-metadata.json"
    listed = json.loads(file.read_text(encoding="utf-8"))["graphs"] if file.exists() else []
    others = [line for line in listed if line["slug"] != metadata["slug"]]
    file.write_text(json.dumps({"graphs": [*others, metadata]}), encoding="utf-8")


def _feature_pages(nodes: list[dict[str, Any]], known: list[Explanations | None]) -> dict[int, dict[str, Any]]:
    """Pages by the number that the graph's file gives a feature; none when nothing is explained."""
    pages: dict[int, dict[str, Any]] = {}
    for node, found in zip(nodes, known, strict=True):
        feature = node.get("feature")
        if node.get("feature_type") == "cross layer transcoder" and isinstance(feature, int):
            pages.setdefault(feature, _feature_page(found))
    return pages if any(known) else {}


def _feature_page(found: Explanations | None) -> dict[str, Any]:
    texts: list[tuple[str, str]] = []
    if found:
        sources = [*found.sources, *[""] * len(found.explanations)]
        texts = list(dict.fromkeys(zip(found.explanations, sources, strict=False))) or [(found.explanation, "")]
    groups: dict[str, list[str]] = {}
    for text, source in texts:
        groups.setdefault(f"Explanation, {source}" if source else "Explanation", []).append(text)
    groups = groups or {"No explanation is stored": []}
    return {
        "examples_quantiles": [
            {"quantile_name": name, "examples": [_example(text) for text in group]} for name, group in groups.items()
        ],
        "top_logits": [],
        "bottom_logits": [],
    }


def _example(text: str) -> dict[str, Any]:
    return {"tokens": [text], "tokens_acts_list": [0.0], "train_token_ind": 0, "is_repeated_datapoint": False}


class FrontendServer:
    """A server of circuit-tracer's page on this machine alone, in a thread, until `stop`.

    Args:
        folder: what `write_frontend_files` wrote.
        port: the port; None for the usual one, or a free one when it is taken.

    Raises:
        DatabaseError: the port is taken.
        MissingExtraError: the extra `attribution` is not installed.
    """

    def __init__(self, folder: Path, port: int | None = None) -> None:
        handler = functools.partial(_handler(), frontend_dir=_assets(), data_dir=str(folder.resolve()))
        self._server = _bind(handler, port)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Address of the page."""
        return f"http://{_HOST}:{self._server.server_port}/index.html"

    def page(self, slug: str) -> str:
        """Address of the page with a graph open."""
        return f"{self.url}?slug={quote(slug)}"

    def stop(self) -> None:
        """Stop serving; the port is free."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _bind(handler: Any, port: int | None) -> ThreadingHTTPServer:
    for tried in (DEFAULT_PORT, 0) if port is None else (port,):
        try:
            return ThreadingHTTPServer((_HOST, tried), handler)
        except OSError as error:
            reason = error
    raise DatabaseError(f"port {port} cannot be used: {reason.strerror}", fix="Give another --port.") from reason


def _assets() -> Path:
    return Path(str(files("circuit_tracer") / "frontend" / "assets"))


def _handler() -> Callable[..., Any]:
    with needs_extra("attribution", "serving circuit-tracer's page"):
        from circuit_tracer.frontend.local_server import CircuitGraphHandler

    class Handler(CircuitGraphHandler):  # type: ignore[misc]
        """circuit-tracer's, kept to the folder, to this machine, and to scripts that are the page's own."""

        def parse_request(self) -> bool:
            if not super().parse_request():
                return False
            host, origin = str(self.headers.get("Host")), self.headers.get("Origin")
            here = host.rpartition(":")[0] in (_HOST, "localhost") and origin in (None, f"http://{host}")
            if not here or not self._within():
                self.send_error(403)
                return False
            return True

        def _within(self) -> bool:
            """Whether what is asked for lies in the folder; circuit-tracer joins the two as they are."""
            path, folder = self.path.split("?")[0], Path(self.data_dir)
            asked = (
                path.removeprefix("/graph_data/") if path.startswith("/graph_data/") else path.removeprefix("/data/")
            )
            return bool(asked == path or (folder / asked).resolve().is_relative_to(folder))

        def end_headers(self) -> None:
            self.send_header("Content-Security-Policy", _policy())
            super().end_headers()

    return Handler


@functools.cache
def _policy() -> str:
    """Scripts of the page and of the hosts it takes libraries from; nothing that stands in a graph."""
    page = (_assets() / "index.html").read_text(encoding="utf-8")
    inline = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in inline]
    return (
        f"default-src 'self'; script-src 'self' {' '.join([*hashes, *_SCRIPTS])}; style-src 'self' 'unsafe-inline'; "
        f"img-src 'self' data:; connect-src 'self' {' '.join(_FEATURES)}; base-uri 'none'; form-action 'none'"
    )
