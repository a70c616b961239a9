"""circuit-tracer's own page on graphs of the database, in a real Chromium and asked over HTTP."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest
from support.examples import EXAMPLES, example_file
from support.page_scripts import page_scripts
from support.program import Run, interruptible

from circuit_atlas import Atlas
from circuit_atlas.errors import DatabaseError, GraphNotFoundError, InputError, InvalidArgumentError
from circuit_atlas.ingest import read_graph
from circuit_atlas.queries.node_results import Explanation
from circuit_atlas.schema.limits import NODE_THRESHOLD
from circuit_atlas.views.frontend import MAX_CONNECTIONS, FrontendServer, write_frontend_files

if TYPE_CHECKING:
    from circuit_tracer import Graph
    from playwright.sync_api import Page, Route
    from support.chromium import PageLog

FEATURE = "20_44686_10"  # of dallas, labelled in its file


@pytest.fixture
def frontend(page: Page, page_log: PageLog) -> Any:
    """The page, with the libraries it takes from the internet."""
    scripts = page_scripts()

    def give(route: Route) -> None:
        found = [text for end, text in scripts.items() if route.request.url.endswith(end)]
        route.fulfill(body=found[0], content_type="text/javascript") if found else route.abort()

    page.route(re.compile(r"^https?://(?!127\.0\.0\.1)"), give)
    yield page
    expected = ("https://transformer-circuits.pub/", "https://unpkg.com/")
    page_log.requests[:] = [url for url in page_log.requests if not url.startswith(expected)]


def test_the_page_lists_and_draws_graphs_and_explains_features(
    atlas: Atlas, examples: Any, frontend: Page, screenshot: Callable[[str], Path]
) -> None:
    with atlas.serve("dallas", "night") as served:
        frontend.goto(served.urls[0])
        frontend.locator("text.node").first.wait_for()
        assert frontend.locator("text.node").count() >= 414  # two nodes of the file have one id
        options = frontend.locator("select.graph-prompt-select option").all_text_contents()
        assert [option.split()[0] for option in options] == ["dallas", "night"]
        place = frontend.evaluate(
            "(id) => d3.selectAll('text.node').filter((node) => node.nodeId === id).node().getBoundingClientRect()",
            FEATURE,
        )
        frontend.mouse.click(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
        frontend.locator(".feature-example-list").get_by_text("Texas locations/legal contexts").wait_for()
        assert "L20/44686" in frontend.locator(".feature-detail").inner_text()
        screenshot("circuit-tracer-frontend")
        frontend.select_option("select.graph-prompt-select", "night")
        frontend.wait_for_function("document.title.includes('Sun is to day')")
        frontend.goto("about:blank")


def test_a_graph_stored_whole_is_shown_as_circuit_tracer_would(
    atlas: Atlas,
    small_model: ModuleType,
    attributed: Graph,
    saved: Path,
    new_name: Callable[[], str],
    tmp_path: Path,
) -> None:
    name = new_name()
    atlas.ingest(saved, name=name)
    expected = json.loads(small_model.write_graph_files(attributed, tmp_path).read_text())
    with atlas.serve(name) as served:
        shown = json.loads((served.folder / f"{name}.json").read_text())
        assert [line["slug"] for line in listed(served.folder)] == [name]
    for node in expected["nodes"]:  # an error has an id of its own by now, which no feature has
        if node["feature_type"] == "mlp reconstruction error":
            node["node_id"] = f"{node['layer']}_-1_{node['ctx_idx']}"
    nodes = {node["node_id"]: node for node in expected["nodes"]}
    assert nodes.keys() == {node["node_id"] for node in shown["nodes"]}
    for node in shown["nodes"]:
        for field, value in nodes[node["node_id"]].items():
            assert node[field] == (pytest.approx(value, abs=1e-5) if isinstance(value, float) else value), field
    assert sorted(link["weight"] for link in shown["links"]) == sorted(link["weight"] for link in expected["links"])
    assert shown["metadata"]["node_threshold"] == 0.8
    assert not served.folder.exists()


def listed(folder: Path) -> list[dict[str, Any]]:
    graphs: list[dict[str, Any]] = json.loads((folder / "graph-metadata.json").read_text())["graphs"]
    return graphs


def test_graphs_are_pruned_and_kept_in_a_given_folder(
    atlas: Atlas, saved: Path, new_name: Callable[[], str], tmp_path: Path
) -> None:
    name = new_name()
    atlas.ingest(saved, name=name)
    with atlas.serve(name, output=tmp_path / "kept", node_threshold=0.3):
        pass
    few = json.loads((tmp_path / "kept" / f"{name}.json").read_text())
    with atlas.serve(name, "dallas", output=tmp_path / "kept", node_threshold=0.9) as served:
        assert served.notes == ["'dallas' is shown as it is stored: thresholds are for graphs that are stored whole."]
    other = new_name()
    atlas.ingest(saved, name=other, node_threshold=0.5)
    with atlas.serve(other, output=tmp_path / "pruned", node_threshold=NODE_THRESHOLD) as served:
        assert served.notes == [f"{other!r} is shown as it is stored: thresholds are for graphs that are stored whole."]
    with pytest.raises(InvalidArgumentError, match="node_threshold cannot be 7"):
        atlas.serve("dallas", node_threshold=7)
    with atlas.serve("dallas", output=tmp_path / "kept") as served:
        assert served.notes == []
    many = json.loads((tmp_path / "kept" / f"{name}.json").read_text())
    assert len(few["nodes"]) < len(many["nodes"])
    assert [line["slug"] for line in listed(tmp_path / "kept")] == [name, "dallas"]
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be created"):
        atlas.serve("dallas", output=tmp_path / "file")
    own = tmp_path / "own"  # a folder of graph files, which is what circuit-tracer's server takes
    own.mkdir()
    (own / "dallas.json").write_text("mine")
    with pytest.raises(InputError, match="already exists and was not written for this page"):
        atlas.serve("dallas", output=own)
    assert (own / "dallas.json").read_text() == "mine"
    for text in ("[]", "{", '{"graphs": [1]}'):
        (own / "graph-metadata.json").write_text(text)
        with pytest.raises(InputError, match="not a list of graphs"):
            atlas.serve("dallas", output=own)


def test_graphs_that_are_served_at_once_are_all_listed(tmp_path: Path) -> None:
    names = [f"graph-{i}" for i in range(16)]
    data = read_graph(example_file("night"))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: write_frontend_files(tmp_path, name, data, {}), names))
    assert sorted(line["slug"] for line in listed(tmp_path)) == sorted(names)


def saved_as(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(file.read_text())
    return content


def test_what_the_page_saved_is_kept(tmp_path: Path) -> None:
    data = read_graph(EXAMPLES / "dallas.json")
    file = tmp_path / "dallas.json"
    write_frontend_files(tmp_path, "dallas", data, {})
    first = saved_as(file)
    own = {**first["qParams"], "pinnedIds": [FEATURE], "supernodes": [["mine", FEATURE]]}
    file.write_text(json.dumps({**first, "qParams": own}))
    write_frontend_files(tmp_path, "dallas", data, {})
    assert saved_as(file) == {**first, "qParams": own}
    file.write_text(json.dumps({**first, "nodes": first["nodes"][1:], "qParams": own}))
    with pytest.raises(InputError, match="saved, of other nodes"):
        write_frontend_files(tmp_path, "dallas", data, {})
    assert saved_as(file)["qParams"] == own
    file.write_text(json.dumps({**first, "nodes": first["nodes"][1:]}))  # the page saved nothing
    write_frontend_files(tmp_path, "dallas", data, {})
    assert saved_as(file) == first
    file.write_text("{}")
    with pytest.raises(InputError, match="not a graph as circuit-tracer's page reads it"):
        write_frontend_files(tmp_path, "dallas", data, {})


def test_the_page_shows_the_best_label(tmp_path: Path) -> None:
    data = read_graph(EXAMPLES / "dallas.json")
    by_id = {data.nodes.source_id[i]: i for i in range(len(data.nodes))}
    label = data.nodes.label[by_id[FEATURE]]
    for source, shown in (("hand", "new"), ("neuronpedia", "new"), ("import:x", "new"), ("file:other", label)):
        found = {data.nodes.key(by_id[FEATURE]): [Explanation(text="new", source=source)]}
        write_frontend_files(tmp_path, "dallas", data, found)
        nodes = {node["node_id"]: node for node in saved_as(tmp_path / "dallas.json")["nodes"]}
        assert nodes[FEATURE]["clerp"] == shown


def test_numbers_that_a_browser_cannot_read(tmp_path: Path) -> None:
    """A number beyond float64, which JSON may have, and a feature's number that is too long for a file's name."""
    content = json.loads((EXAMPLES / "dallas.json").read_text())
    of_id = {node["node_id"]: node for node in content["nodes"]}
    of_id[FEATURE] |= {"score": "SCORE", "feature": 10**300}
    (tmp_path / "odd.json").write_text(json.dumps(content).replace('"SCORE"', "1e400"))
    data = read_graph(tmp_path / "odd.json")
    explained = {data.nodes.key(i): [Explanation(text="new", source="hand")] for i in range(len(data.nodes))}
    (tmp_path / "served").mkdir()
    slug = write_frontend_files(tmp_path / "served", "odd", data, explained)

    def refused(word: str) -> None:
        raise AssertionError(f"a browser does not read {word}")

    written = json.loads((tmp_path / "served" / f"{slug}.json").read_text(), parse_constant=refused)
    assert next(node for node in written["nodes"] if node["node_id"] == FEATURE)["score"] is None
    assert len(list((tmp_path / "served" / "features" / slug).iterdir())) > 100


@pytest.mark.parametrize("name", ["graph-metadata", "Graph-Metadata"])
def test_a_graph_does_not_take_the_place_of_the_list(name: str, tmp_path: Path) -> None:
    slug = write_frontend_files(tmp_path, name, read_graph(EXAMPLES / "dallas.json"), {})
    assert [line["slug"] for line in listed(tmp_path)] == [slug]
    assert slug.lower() != "graph-metadata"
    assert saved_as(tmp_path / f"{slug}.json")["metadata"]["title_prefix"] == name


def test_graphs_of_other_graphs_are_shown_as_they_are_stored(
    atlas: Atlas, saved: Path, new_name: Callable[[], str]
) -> None:
    """Collapsed graphs and aggregates of a `.pt` have nodes for which a `.pt` has no place."""
    name, other = new_name(), new_name()
    handle = atlas.ingest(saved, name=name)
    members = [node.key for node in handle.nodes() if node.kind == "feature"][:3]
    handle.create_supernode("three", members)
    collapsed = handle.collapsed()
    atlas.aggregate(name, name=other)
    with atlas.serve(name, collapsed.name, other, node_threshold=1) as served:
        whole, *stored = (saved_as(served.folder / f"{line['slug']}.json") for line in listed(served.folder))
    assert [group[0] for group in whole["qParams"]["supernodes"]] == ["three"]
    assert set(whole["qParams"]["supernodes"][0][1:]) <= {node["node_id"] for node in whole["nodes"]}
    for content, graph in zip(stored, (collapsed, atlas.graph(other)), strict=True):
        assert len(content["nodes"]) == graph.stats().nodes.total


def test_the_page_is_served_on_loopback_from_its_folder_alone(atlas: Atlas, examples: Any) -> None:
    with atlas.serve("dallas") as served:
        place = urlsplit(served.urls[0])
        assert place.hostname == "127.0.0.1"
        base = f"http://{place.netloc}"
        page = httpx.get(f"{base}/index.html")
        policy = page.headers["Content-Security-Policy"]
        assert "'unsafe-eval'" not in policy
        scripts = policy.partition("script-src ")[2].partition(";")[0].split()
        assert all(source.endswith(".js") for source in scripts if source.startswith("http"))  # no whole host
        assert sum(source.startswith("https://unpkg.com/") for source in scripts) == 2
        assert "Attribution Graphs" in page.text
        assert len(httpx.get(f"{base}/graph_data/dallas.json").json()["nodes"]) == 415
        for path in (
            "/data/../../../../etc/passwd",
            "/data//etc/passwd",
            "/graph_data//etc/passwd",
            "/data/..",
            "/data/%2e%2e/x",
            "/../pyproject.toml",
            "/data/\\etc/passwd",
        ):
            assert raw_status(place.port, path) in (403, 404), path
        assert raw_status(place.port, "/data/dallas.json", host="evil.example") == 403
        foreign = {"Origin": "http://evil.example"}
        assert httpx.post(f"{base}/save_graph/dallas", headers=foreign, json={"qParams": {}}).status_code == 403
        assert httpx.post(f"{base}/save_graph/dallas", json={"qParams": {"pinnedIds": [FEATURE]}}).status_code == 200
        assert httpx.get(f"{base}/data/dallas.json").json()["qParams"] == {"pinnedIds": [FEATURE]}
        with pytest.raises(DatabaseError, match="cannot be used"):
            atlas.serve("dallas", port=place.port)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{base}/index.html")
    with pytest.raises(GraphNotFoundError):
        atlas.serve("nothing")


@pytest.fixture
def port(torch: ModuleType, tmp_path: Path) -> Iterator[int]:
    """The port of a server for a folder with one graph."""
    (tmp_path / "one.json").write_text('{"nodes": [], "qParams": {}}')
    (tmp_path / "graph-metadata.json").write_text('{"graphs": [{"slug": "one"}, {"slug": "none"}]}')
    server = FrontendServer(tmp_path, 0)
    yield urlsplit(server.url).port or 0
    server.stop()


def test_only_graphs_can_be_saved(port: int, tmp_path: Path) -> None:
    base, body = f"http://127.0.0.1:{port}", {"qParams": {"pinnedIds": ["a"]}}
    (tmp_path / "package.json").write_text("{}")  # a folder that the user chose may have other files
    before = (tmp_path / "graph-metadata.json").read_text()
    for name in ("graph-metadata", "none", "package", "a/%2e%2e", ""):
        assert httpx.post(f"{base}/save_graph/{name}", json=body).status_code == 404, name
    assert httpx.post(f"{base}/data/one.json", json=body).status_code == 404
    assert [(tmp_path / f"{name}.json").read_text() for name in ("graph-metadata", "package")] == [before, "{}"]
    assert httpx.post(f"{base}/save_graph/one", json=body).status_code == 200
    assert json.loads((tmp_path / "one.json").read_text())["qParams"] == body["qParams"]
    for method in ("PUT", "DELETE", "PATCH"):
        assert httpx.request(method, f"{base}/save_graph/one").status_code == 501


def test_graphs_that_are_saved_at_once_are_saved_whole(port: int, tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json.dumps({"nodes": "x" * 1_000_000, "qParams": {}}))

    def save(number: int) -> int:
        pins = {"qParams": {"pinnedIds": ["a" * 1000 * number]}}
        return httpx.post(f"http://127.0.0.1:{port}/save_graph/one", json=pins, timeout=60).status_code

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(save, range(16))) == {200}
    assert len(json.loads((tmp_path / "one.json").read_text())["nodes"]) == 1_000_000


def test_a_save_that_fails_leaves_the_graph_as_it_was(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as on a full disk. A page may read the graph meanwhile."""
    before, url = (tmp_path / "one.json").read_text(), f"http://127.0.0.1:{port}/save_graph/one"

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", full)
        assert httpx.post(url, json={"qParams": {"pinnedIds": ["a"]}}).status_code == 500
    assert (tmp_path / "one.json").read_text() == before
    for body in ("{", "[]", "{}", "[" * 100_000, '{"qParams": {"x": NaN}}', '{"qParams": {"x": 1e999}}'):
        assert httpx.post(url, content=body).status_code == 400
    assert (tmp_path / "one.json").read_text() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["graph-metadata.json", "one.json"]


def test_a_browser_leaves_out_the_usual_port(port: int) -> None:
    for host, status in (("127.0.0.1", 200), ("localhost", 200), ("example.org", 403), (f"127.0.0.1.x:{port}", 403)):
        assert httpx.get(f"http://127.0.0.1:{port}/index.html", headers={"Host": host}).status_code == status


def test_a_port_that_does_not_exist(torch: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="port cannot be 70,?000"):
        FrontendServer(tmp_path, 70_000)


@pytest.mark.parametrize(
    ("length", "status"), [("-1", 411), ("x", 411), (None, 411), ("4194305", 413), ("9" * 11, 411)]
)
def test_bodies_are_bounded(port: int, length: str | None, status: int) -> None:
    header = "" if length is None else f"Content-Length: {length}\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(f"POST /save_graph/one HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n{header}\r\n".encode())
        assert int(client.recv(64).split()[1]) == status


def test_clients_that_go_leave_no_traceback(port: int, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json.dumps({"nodes": "x" * 1_000_000, "qParams": {}}))
    host = f"Host: 127.0.0.1:{port}\r\n"
    for request in (
        f"GET /data/one.json HTTP/1.0\r\n{host}\r\n",
        f"POST /save_graph/one HTTP/1.0\r\n{host}Content-Length: 1000\r\n\r\n{{",
        f"POST /save_graph/one HTTP/1.0\r\n{host}Content-Length: 1\r\n\r\n{{",
        "GET",
        "\x16\x03\x01",
    ):
        for _ in range(5):
            client = socket.create_connection(("127.0.0.1", port), timeout=60)
            client.sendall(request.encode())
            # Closed like this, it resets the connection.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
    assert httpx.get(f"http://127.0.0.1:{port}/data/one.json").status_code == 200
    assert capfd.readouterr() == ("", "")
    assert len(json.loads((tmp_path / "one.json").read_text())["nodes"]) == 1_000_000


def test_connections_are_bounded(port: int) -> None:
    clients = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(MAX_CONNECTIONS)]
    with socket.create_connection(("127.0.0.1", port), timeout=60) as one_more:
        assert one_more.recv(1) == b""
    for client in clients:
        client.sendall(f"GET /index.html HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        assert client.recv(12) == b"HTTP/1.0 200"
        client.close()


def raw_status(port: int | None, path: str, host: str = "127.0.0.1") -> int:
    """The status of a request that no client has tidied up."""
    with socket.create_connection(("127.0.0.1", port or 0), timeout=10) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: {host}:{port}\r\n\r\n".encode())
        return int(connection.recv(64).split()[1])


def test_markup_in_a_graph_does_not_run(
    atlas: Atlas, frontend: Page, page_log: PageLog, new_name: Callable[[], str], tmp_path: Path
) -> None:
    """The page puts some texts into its HTML as they are; the policy keeps them from running: code in an attribute, and
    a package that somebody has published where the page's libraries are."""
    theirs = "https://unpkg.com/somebodys-package@1/x.js"
    frame = f"<iframe srcdoc=\"<script src='{theirs}'></script>\"></iframe>"
    attack = f"<img src=x onerror=\"document.title='run'\">{frame}"
    loaded: list[str] = []

    def give(route: Route) -> None:
        loaded.append(route.request.url)
        route.fulfill(body="parent.document.title = 'run'", content_type="text/javascript")

    frontend.route(theirs, give)
    content = json.loads((EXAMPLES / "dallas.json").read_text())
    for node in content["nodes"]:
        node["vis_link"] = f'javascript:alert(1)"{attack}'
        if node["feature_type"] != "logit":
            node["clerp"] = attack
    content["metadata"] |= {"prompt": attack, "prompt_tokens": [attack] * 11, "scan": attack}
    (tmp_path / "attack.json").write_text(json.dumps(content))
    name = f"../{new_name()}"
    atlas.ingest(tmp_path / "attack.json", name=name)
    page_log.expected += ["Content Security Policy", "404"]  # the page does put the image into its HTML
    with atlas.serve(name) as served:
        assert all(path.is_relative_to(served.folder.resolve()) for path in served.folder.resolve().rglob("*"))
        assert not list(served.folder.parent.glob(f"*{name[3:]}*"))
        frontend.goto(served.urls[0] + f"&clickedId={FEATURE}")
        frontend.locator("text.node").first.wait_for()
        frontend.locator(".feature-header").first.wait_for()
        frontend.locator(f"text.node[data-node-id='{FEATURE}'], text.node").first.hover(force=True)  # shows its label
        frontend.locator("iframe").first.wait_for(state="attached")
        assert not loaded
        assert frontend.title().startswith("Attribution Graph")
        assert frontend.locator("a[href^=javascript]").count() == 0
        frontend.goto("about:blank")  # what it still loads is refused by a server that stops
    atlas.delete(name)


@pytest.mark.parametrize(
    ("number", "code", "told"),
    [
        (signal.SIGINT, 130, "Interrupted."),
        (signal.SIGTERM, 143, "Terminated."),
        (signal.SIGHUP, 129, "Terminated."),  # the terminal was closed
    ],
)
def test_a_signal_stops_it_and_frees_the_port(
    number: int, code: int, told: str, env: dict[str, str], examples: Any, tmp_path: Path
) -> None:
    command = interruptible("serve", "dallas")
    process = subprocess.Popen(
        command, env={**env, "TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    url = process.stdout.readline().strip()
    assert httpx.get(url).status_code == 200
    assert list(tmp_path.iterdir())
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in said
    assert told in said
    assert not list(tmp_path.iterdir())
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", urlsplit(url).port or 0))


def test_serving_an_unknown_graph_fails(run: Run) -> None:
    done = run("serve", "nothing")
    assert done.returncode == 1
    assert "nothing" in done.stderr
    assert run("serve").returncode == 2
