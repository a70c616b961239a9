"""Graphs by their addresses, from a server that answers as Neuronpedia does, and goes wrong in every way it can."""

from __future__ import annotations

import gzip
import json
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from support.examples import DATA, EXAMPLES
from support.neuronpedia import FakeNeuronpedia, fake_neuronpedia
from support.program import Run, fails

from circuit_atlas import Atlas
from circuit_atlas.errors import (
    AtlasError,
    DownloadError,
    GraphExistsError,
    GraphNotFoundError,
    InputError,
    InvalidArgumentError,
    NeuronpediaError,
    NotFoundError,
)
from circuit_atlas.remote import client, download
from circuit_atlas.remote.addresses import addresses_in, is_address, read_address, shown_source
from circuit_atlas.remote.neuronpedia import NeuronpediaConfig
from circuit_atlas.store.from_address import PINNED

DOCUMENT = json.loads((EXAMPLES / "opposite-small.json").read_bytes())
DOCUMENT["links"] = DOCUMENT["links"][::20]  # it is stored many times
SMALL = json.dumps(DOCUMENT).encode()
IDS = [node["node_id"] for node in DOCUMENT["nodes"]]
KEY = "sk-very-secret"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeNeuronpedia]:
    """Neuronpedia, on this machine: it has the graph `some-model/small`, whose file is beside it."""
    monkeypatch.setattr(client, "wait_random_exponential", lambda **_: lambda _: 0.001)
    monkeypatch.setattr(download, "_AN_HOUR", 1e9)
    monkeypatch.setenv("NEURONPEDIA_API_KEY", KEY)
    with fake_neuronpedia() as (server, url):
        monkeypatch.setenv("NEURONPEDIA_URL", url)
        server.files["/files/small.json"] = SMALL
        server.graphs["some-model/small"] = {"modelId": "some-model", "slug": "small", "url": f"{url}/files/small.json"}
        yield server


@pytest.fixture
def url(fake: FakeNeuronpedia) -> str:
    location: str = fake.graphs["some-model/small"]["url"]
    return location.removesuffix("/files/small.json")


def page(url: str, **query: str) -> str:
    return f"{url}/some-model/graph?{urllib.parse.urlencode({'slug': 'small', **query})}"


def downloads(fake: FakeNeuronpedia) -> int:
    return sum(request.startswith("GET /files/") for request in fake.requests)


def names(atlas: Atlas, graph: str) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Circuits and supernodes of a graph, each with the keys of its nodes."""
    handle = atlas.graph(graph)
    circuits = {circuit.name: [node.key for node in circuit.nodes] for circuit in handle.circuits().circuits}
    groups = {group.name: [node.key for node in group.members] for group in handle.supernodes().supernodes}
    return circuits, groups


@pytest.mark.parametrize(
    ("text", "model", "slug", "pins"),
    [
        ("https://www.neuronpedia.org/gemma-2-2b/graph?slug=a.b_c-d", "gemma-2-2b", "a.b_c-d", []),
        (
            "https://neuronpedia.org/gemma-2-2b/graph/?embed=true&slug=x&pinnedIds=1_2_3%2CE_4_5",
            "gemma-2-2b",
            "x",
            ["1_2_3", "E_4_5"],
        ),
        ("neuronpedia:qwen3-4b/x", "qwen3-4b", "x", []),
        ("https://example.org/a/b.json.gz?sig=1#x", "", "", []),
        ("https://www.neuronpedia.org/files/b.pt", "", "", []),
        ("https://WWW.Neuronpedia.org/gemma-2-2b/graph?slug=x", "gemma-2-2b", "x", []),
        ("https://example.org/A.JSON", "", "", []),
    ],
)
def test_addresses_are_understood(text: str, model: str, slug: str, pins: list[str]) -> None:
    address = read_address(text)
    assert is_address(text)
    assert (address.model, address.slug, address.qparams.get("pinnedIds", [])) == (model, slug, pins)
    assert "sig" not in address.shown + shown_source(text)
    assert "/" not in address.file_name


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("https://www.neuronpedia.org/gemma-2-2b/graph", "names no graph"),
        ("https://www.neuronpedia.org/gemma-2-2b", "not the address of a graph"),
        ("https://example.org/page.html", "not the address of a graph"),
        ("ftp://example.org/a.json", "not the https address"),
        ("https:///a.json", "not the https address"),
        ("https://[x/a.json", "not an address"),
        ("https://me:hidden@example.org/a.json", "user name or a password"),
        ("neuronpedia:gemma-2-2b", "names no graph"),
        ("https://www.neuronpedia.org/m/graph?slug=x" + "&a=1" * 200, "more than 100 fields"),
        ("neuronpedia:../x", "not a model of Neuronpedia"),
        ("neuronpedia:a/b/c", "not a graph of Neuronpedia"),
        ("https://www.neuronpedia.org/m/graph?slug=x&supernodes=[1", "supernodes"),
        ("https://www.neuronpedia.org/m/graph?slug=x&supernodes=[[]]", "supernodes"),
        ("https://example.org/" + "a" * 300_000 + ".json", "200,000 characters"),
    ],
)
def test_other_addresses_are_refused(text: str, told: str) -> None:
    with pytest.raises(InvalidArgumentError, match=told) as raised:
        read_address(text)
    assert len(str(raised.value)) < 1000
    assert "hidden" not in str(raised.value) + shown_source(text)


def test_a_page_becomes_a_graph_with_a_circuit_and_supernodes(
    atlas: Atlas, fake: FakeNeuronpedia, url: str, new_name: Callable[[], str]
) -> None:
    name, (a, b, c, d) = new_name(), IDS[:4]
    handle = atlas.ingest(page(url, pinnedIds=f"{a},{b},nobody", supernodes=json.dumps([["pair", a, c]])), name=name)
    assert (handle.ingested.status, handle.ingested.circuit) == ("ingested", PINNED)
    assert "pinned nodes that are not in the graph: nobody" in handle.ingested.warnings
    keys = [node.key for node in atlas.graph(name).nodes().nodes]
    circuits, groups = names(atlas, name)
    assert circuits == {PINNED: keys[:2]}
    assert groups["pair"] == [keys[0], keys[2]]
    assert {header.get("x-api-key") for header in fake.headers} == {KEY, None}
    assert downloads(fake) == 1
    assert [request for request, header in zip(fake.requests, fake.headers, strict=True) if "x-api-key" in header] == [
        "GET /api/graph/some-model/small"
    ]

    # The same again: nothing is downloaded, nothing changes.
    again = atlas.ingest(page(url, pinnedIds=f"{a},{b}", clerps='[["1_2", "x"]]'), name=name, tags=["by-address"])
    assert (again.ingested.status, downloads(fake)) == ("unchanged", 1)
    assert any("clerps" in warning for warning in again.ingested.warnings)
    assert atlas.graphs(tags=["by-address"]).graphs[0].graph == name

    # Other pins: they stay, unless they are to be replaced.
    other = page(url, pinnedIds=d, supernodes=json.dumps([["pair", d], ["new", b]]))
    kept = atlas.ingest(other, name=name).ingested.warnings
    assert sum("--replace" in warning for warning in kept) == 2
    circuits, groups = names(atlas, name)
    assert (circuits[PINNED], groups["pair"], groups["new"]) == (keys[:2], [keys[0], keys[2]], [keys[1]])
    atlas.ingest(other, name=name, replace=True)
    circuits, groups = names(atlas, name)
    assert (circuits[PINNED], groups["pair"]) == ([keys[3]], [keys[3]])
    assert atlas.verify(name).damaged == 0
    assert downloads(fake) == 1


def test_a_file_that_moved_is_downloaded_again(
    atlas: Atlas, fake: FakeNeuronpedia, url: str, new_name: Callable[[], str]
) -> None:
    name = new_name()
    assert atlas.ingest("neuronpedia:some-model/small", name=name).ingested.status == "ingested"
    fake.files["/files/newer.json"] = SMALL
    fake.graphs["some-model/small"]["url"] = f"{url}/files/newer.json?X-Amz-Signature=abc"
    assert atlas.ingest("neuronpedia:some-model/small", name=name).ingested.status == "unchanged"
    assert downloads(fake) == 2
    assert atlas.ingest("neuronpedia:some-model/small", name=name).ingested.status == "unchanged"
    assert downloads(fake) == 2
    assert atlas.graph(name).metadata["address"] == f"{url}/files/newer.json"


def test_options_of_an_address_can_be_taken_back(
    atlas: Atlas, fake: FakeNeuronpedia, new_name: Callable[[], str]
) -> None:
    name, address = new_name(), "neuronpedia:some-model/small"
    assert atlas.ingest(address, name=name, source_set="wrong").stats().source_set == "wrong"
    with pytest.raises(GraphExistsError, match="different content"):
        atlas.ingest(address, name=name)
    again = atlas.ingest(address, name=name, replace=True)
    assert (again.ingested.status, again.stats().source_set == "wrong") == ("replaced", False)
    assert atlas.ingest(address, name=name).ingested.status == "unchanged"
    assert downloads(fake) == 3
    atlas.ingest(address, name=name, source_set=again.stats().source_set)  # which changes nothing
    assert atlas.graph(name).metadata["address"]
    assert atlas.ingest(address, name=name, source_set="wrong", replace=True).stats().source_set == "wrong"
    assert atlas.ingest(address, name=name, replace=True).ingested.status == "replaced"


def test_no_address_replaces_the_graph_of_another_of_the_same_ingest(
    atlas: Atlas, fake: FakeNeuronpedia, url: str, new_name: Callable[[], str]
) -> None:
    name, addresses = new_name(), []
    for model in ("some-model", "other-model"):
        document = json.loads(SMALL)
        document["metadata"] |= {"slug": name, "prompt": model}
        fake.files[f"/files/{model}.json"] = json.dumps(document).encode()
        fake.graphs[f"{model}/{name}"] = {"modelId": model, "slug": name, "url": f"{url}/files/{model}.json"}
        addresses.append(f"neuronpedia:{model}/{name}")
    for _ in range(2):  # the second time, the first one is not downloaded
        first, second = atlas.ingest_all(addresses, replace=True).files
        assert (first.error, first.result and first.result.graph) == (None, name)
        assert second.error is not None
        assert "another of these files has a graph" in second.error
    assert atlas.graph(name).metadata["prompt"] == "some-model"


def in_gzip(handler: Any) -> None:
    handler.reply(200, gzip.compress(SMALL), Content_Encoding="gzip")


def elsewhere_on_this_host(handler: Any) -> None:
    handler.reply(301, b"", Location="/files/small.json")


def busy_once(fake: FakeNeuronpedia, path: str) -> Callable[[Any], None]:
    def answer(handler: Any) -> None:
        fake.files[path] = SMALL
        handler.reply(429, b"", Retry_After="0")

    return answer


@pytest.mark.parametrize("how", ["plain", "gzip encoding", "gzip file", "redirect", "busy", "pt"])
def test_files_come_in_every_packing(
    how: str, atlas: Atlas, fake: FakeNeuronpedia, url: str, new_name: Callable[[], str]
) -> None:
    path = "/files/x.json"
    contents: dict[str, Any] = {
        "plain": SMALL,
        "gzip encoding": in_gzip,
        "gzip file": gzip.compress(SMALL),
        "redirect": elsewhere_on_this_host,
        "busy": busy_once(fake, path),
        "pt": (DATA / "small.pt").read_bytes(),
    }
    path = {"gzip file": "/files/x.json.gz", "pt": "/files/x.pt"}.get(how, path)
    fake.files[path] = contents[how]
    name = new_name()
    result = atlas.ingest(f"{url}{path}?token=hidden", name=name).ingested
    assert result.status == "ingested"
    assert result.nodes == (23 if how == "pt" else len(IDS))
    assert atlas.graph(name).metadata["address"] == f"{url}{path}"
    assert not any("x-api-key" in header for header in fake.headers)


def reply(status: int, body: bytes = b"", **headers: str) -> Callable[[Any], None]:
    return lambda handler: handler.reply(status, body, **headers)


def cut(handler: Any) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(SMALL)))
    handler.end_headers()
    handler.wfile.write(SMALL[:1000])
    handler.close_connection = True


def silent(handler: Any) -> None:
    handler.fake.go_on.wait(60)


def slow(handler: Any) -> None:
    """Sends a little, and the rest when the test is over."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(SMALL)))
    handler.end_headers()
    handler.wfile.write(SMALL[:10])
    handler.wfile.flush()
    handler.fake.go_on.wait(60)


def dripping(handler: Any) -> None:
    """Sends byte after byte of something that never becomes a part of the file."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"1\r\n{\r\n1;")
    with suppress(OSError):  # the client has gone
        while not handler.fake.go_on.wait(0.05):
            handler.wfile.write(b"a")


def bomb(handler: Any) -> None:
    handler.reply(200, gzip.compress(b" " * (65 << 20)), Content_Encoding="gzip")


TROUBLE: dict[str, tuple[Any, type[AtlasError], str]] = {
    "301": (
        reply(301, Location="https://elsewhere.example/a.json?sig=hidden"),
        DownloadError,
        "another host: https",
    ),
    "redirect without encryption": (
        reply(302, Location="http://elsewhere.example/a.json"),
        DownloadError,
        "https address",
    ),
    "redirect to nothing": (reply(302), DownloadError, "redirects"),
    "redirect in a circle": (reply(302, Location="/files/x.json"), DownloadError, "more than 5 redirects"),
    "401": (401, DownloadError, "refuses it .status 401"),
    "403": (403, DownloadError, "no key is sent there"),
    "404": (404, DownloadError, "no such file"),
    "413": (413, DownloadError, "status 413"),
    "429": (reply(429, Retry_After="0"), DownloadError, "status 429"),
    "429 for long": (reply(429, Retry_After="7200"), DownloadError, "asks to wait 120 minutes"),
    "500": (500, DownloadError, "status 500"),
    "503": (503, DownloadError, "status 503"),
    "cut": (cut, DownloadError, "cannot be downloaded"),
    "silent": (silent, DownloadError, "takes too long"),
    "slow": (slow, DownloadError, "takes too long"),
    "dripping": (dripping, DownloadError, "takes too long"),
    "huge": (reply(200, SMALL), DownloadError, "more than 1,000 bytes"),
    "a bomb": (bomb, InputError, "decompresses to more than"),
    "packed otherwise": (
        reply(200, SMALL, Content_Encoding="br"),
        DownloadError,
        "content encoding 'br' is not supported",
    ),
    "a page": (b"<html><body>Sign in</body></html>", InputError, "JSON"),
    "another document": (b'{"a": 1}', InputError, "nodes"),
    "nothing": (reply(200), InputError, "JSON"),
    "not gzip": (reply(200, b"\x1f\x8b broken", Content_Encoding="gzip"), InputError, "cut short or damaged"),
}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_each_trouble_is_told_and_nothing_is_stored(
    trouble: str, atlas: Atlas, fake: FakeNeuronpedia, url: str, monkeypatch: Any, new_name: Callable[[], str]
) -> None:
    answer, kind, told = TROUBLE[trouble]
    fake.files["/files/x.json"] = answer
    fake.graphs["some-model/x"] = {"url": f"{url}/files/x.json?X-Amz-Signature=hidden"}
    if trouble == "huge":
        monkeypatch.setattr(download, "MAX_FILE_SIZE", 1000)
    if trouble in ("slow", "dripping"):
        monkeypatch.setattr(download, "_MAX_SECONDS", 0 if trouble == "slow" else 0.2)
    if trouble == "silent":
        config = NeuronpediaConfig(url=url, timeout=0.1)
        monkeypatch.setattr(NeuronpediaConfig, "from_environment", lambda **_: config)
    name = new_name()
    with pytest.raises(kind, match=told) as raised:
        atlas.ingest("neuronpedia:some-model/x", name=name)
    text = str(raised.value)
    assert raised.value.fix or kind is InputError
    assert KEY not in text
    assert "hidden" not in text
    assert "/tmp" not in text
    assert "x.json" in text or "some-model/x" in text
    with pytest.raises(GraphNotFoundError):
        atlas.graph(name)


API_TROUBLE: dict[str, tuple[Any, type[AtlasError], str]] = {
    "301": (
        reply(301, Location="https://elsewhere.example/?key=hidden"),
        NeuronpediaError,
        "the API key would be sent",
    ),
    "401": (401, NeuronpediaError, "NEURONPEDIA_API_KEY"),
    "404": (404, NotFoundError, "has no graph 'small' of 'some-model'"),
    "413": (413, NeuronpediaError, "status 413"),
    "429": (reply(429, Retry_After="7200"), NeuronpediaError, "rate limit is reached; it asks to wait 120 minutes"),
    "500": (500, NeuronpediaError, "status 500"),
    "cut": (cut, NeuronpediaError, "does not answer as expected"),
    "no JSON": (b"<html>", NeuronpediaError, "does not answer as expected"),
    "no address": (b'{"slug": "small"}', NeuronpediaError, "does not say where"),
    "a list": (b"[]", NeuronpediaError, "does not say where"),
    "another host": (b'{"url": "https://elsewhere.example/a.json?sig=hidden"}', DownloadError, "another host"),
    "no encryption": (b'{"url": "http://elsewhere.example/a.json"}', DownloadError, "https address"),
    "a file": (b'{"url": "file:///etc/passwd"}', DownloadError, "https address"),
    "a password": (b'{"url": "https://me:hidden@elsewhere.example/a.json"}', DownloadError, "password"),
}


@pytest.mark.parametrize("trouble", API_TROUBLE)
def test_trouble_of_the_api_is_told(trouble: str, atlas: Atlas, fake: FakeNeuronpedia, caplog: Any) -> None:
    answer, kind, told = API_TROUBLE[trouble]
    fake.answers = [answer] * 6
    caplog.set_level("DEBUG")
    with pytest.raises(kind, match=told) as raised:
        atlas.ingest("neuronpedia:some-model/small", name="never-stored")
    assert KEY not in str(raised.value) + caplog.text
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("circuit_atlas")]
    assert not any("hidden" in text for text in [str(raised.value), *ours])
    assert downloads(fake) == 0
    with pytest.raises(GraphNotFoundError):
        atlas.graph("never-stored")


def test_hosts_can_be_allowed(fake: FakeNeuronpedia, monkeypatch: Any) -> None:
    fake.graphs["some-model/x"] = {"url": "https://files.example/a.json"}
    address = read_address("neuronpedia:some-model/x")
    with download.GraphDownloads.from_environment() as found:
        with pytest.raises(DownloadError, match="CIRCUIT_ATLAS_GRAPH_HOSTS"):
            found.file_url(address)
        monkeypatch.setenv("CIRCUIT_ATLAS_GRAPH_HOSTS", "other.example, Files.example")
        assert str(found.file_url(address)) == "https://files.example/a.json"
    monkeypatch.setenv("NEURONPEDIA_URL", "https://www.neuronpedia.org")
    with download.GraphDownloads.from_environment() as found, pytest.raises(DownloadError, match="https address"):
        found.file_url(read_address("http://127.0.0.1/a.json"))


def test_several_addresses_and_a_file_of_them(
    atlas: Atlas, fake: FakeNeuronpedia, url: str, run: Run, new_name: Callable[[], str], tmp_path: Path
) -> None:
    stored = [new_name(), new_name()]
    for slug in stored:
        fake.files[f"/files/{slug}.json"] = json.dumps(
            {**DOCUMENT, "metadata": {**DOCUMENT["metadata"], "slug": slug}}
        ).encode()
        fake.graphs[f"some-model/{slug}"] = {"url": f"{url}/files/{slug}.json"}
    listed = tmp_path / "addresses.txt"
    lines = ["# two and one that is not there", f"neuronpedia:some-model/{stored[0]}", ""]
    lines += [f"{url}/some-model/graph?slug={stored[1]}&pinnedIds={IDS[0]}", "neuronpedia:some-model/nobody"]
    listed.write_text("\n".join(lines))
    for times in (1, 2):
        done = run("ingest", "--addresses", str(listed), "--json", NEURONPEDIA_URL=url, NEURONPEDIA_API_KEY=KEY)
        assert done.returncode == 1
        found = json.loads(done.stdout)
        status = "ingested" if times == 1 else "unchanged"
        assert [file["result"] and file["result"]["status"] for file in found["files"]] == [status, status, None]
        assert found["failed"] == 1
        assert "has no graph 'nobody'" in done.stderr
        assert KEY not in done.stdout + done.stderr
        assert downloads(fake) == 2
    assert names(atlas, stored[1])[0].keys() == {PINNED}
    with pytest.raises(NotFoundError):
        atlas.ingest_all(["neuronpedia:some-model/nobody"], fail_fast=True)
    fails(run("ingest"), 2, "Name a FILE or an address")
    fails(run("ingest", "neuronpedia:a/b", "--bulk"), 1, "not for addresses")
    fails(run("ingest", "neuronpedia:a/b", "neuronpedia:a/c", "--name", "x"), 2, "--name is for one file")


@pytest.mark.parametrize("text", ["https://ex\u00e4mple..org/x.json", "https://example.org/\x01/x.json"])
def test_an_address_that_cannot_be_asked_is_one_error(text: str, atlas: Atlas, fake: FakeNeuronpedia) -> None:
    results = atlas.ingest_all([text])
    assert results.failed == 1
    assert "address" in str(results.files[0].error)


def test_a_list_of_addresses_may_begin_with_a_mark(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("https://a.example/a.json\n", encoding="utf-8-sig")
    assert addresses_in(tmp_path / "list") == ["https://a.example/a.json"]


@pytest.mark.parametrize(
    ("text", "told"),
    [("", "no address"), ("# nothing\n", "no address"), ("https://a.example/a.json\nplain.json\n", "line 2")],
)
def test_files_of_addresses_are_checked(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "list").write_text(text)
    with pytest.raises(InputError, match=told):
        addresses_in(tmp_path / "list")
    with pytest.raises(InputError, match="cannot be read"):
        addresses_in(tmp_path / "nothing")


def test_a_server_that_asks_for_a_long_wait_gets_no_more_requests(atlas: Atlas, fake: FakeNeuronpedia) -> None:
    fake.answers = [reply(429, Retry_After="7200")]
    result = atlas.ingest_all(["neuronpedia:some-model/a", "neuronpedia:some-model/b"])
    assert result.failed == 2
    assert len(fake.requests) == 1
