"""Explanations from a server that answers as Neuronpedia's API does, and that goes wrong in every way it can."""

from __future__ import annotations

import asyncio
import gzip
import json
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.neuronpedia import FakeNeuronpedia, fake_neuronpedia
from support.program import fails, interruptible

from circuit_atlas import Atlas, Connection, GraphHandle
from circuit_atlas.errors import InputError, InvalidArgumentError, NeuronpediaError, UnknownSourceSetError
from circuit_atlas.explain import fetch
from circuit_atlas.ingest import load_graph
from circuit_atlas.queries.whole_graph import read_graph_data
from circuit_atlas.remote import client, neuronpedia, rate_limit
from circuit_atlas.remote.neuronpedia import NeuronpediaConfig
from circuit_atlas.remote.rate_limit import RateLimiter
from circuit_atlas.schema.source_sets import SCANS_VARIABLE, neuronpedia_name
from circuit_atlas.synth import Shape, synthesize

FEATURES = """
MATCH (n:Node {graph: $graph})-[:ACTIVATION_OF]->(f:TranscoderFeature)
WITH f, max(n.influence) AS influence
RETURN f.model AS model, f.layer + '-' + f.source_set AS layer, f.index AS index, properties(f) AS f
ORDER BY influence DESC, f.layer, f.index
"""
NAMES = "MATCH (n:Feature {graph: $graph}) RETURN n.name AS name, n.layer + '/' + n.index AS at"
FORGET = "MATCH (f:TranscoderFeature {source_set: $set}) DETACH DELETE f"
UNEXPLAINED = "MATCH (f:TranscoderFeature {source_set: $set}) SET f.explanations = null, f.fetched_at = null"
ANY_RATE: dict[str, Any] = {"rate": 1e9}


@pytest.fixture
def server() -> Iterator[tuple[FakeNeuronpedia, str]]:
    with fake_neuronpedia() as running:
        yield running


@pytest.fixture
def make(atlas: Atlas, new_name: Callable[[], str]) -> Iterator[Callable[..., GraphHandle]]:
    """Stores synthetic graphs of 230 features or so, of a set of transcoders of their own."""
    source_set = f"test-{uuid.uuid4().hex[:8]}"

    def store(source_set: str = source_set, seed: int = 0, layers: int = 4) -> GraphHandle:
        data = synthesize(Shape(layers=layers, positions=3, features_per_layer=58, density=0.05, seed=seed))
        metadata = data.metadata.model_copy(update={"model": "some-model", "source_set": source_set})
        name = new_name()
        load_graph(atlas, replace(data, metadata=metadata), name=name)
        return atlas.graph(name)

    yield store
    atlas.cypher(FORGET, {"set": source_set}, write=True)


@pytest.fixture
def graph(make: Callable[..., GraphHandle]) -> GraphHandle:
    return make()


def features(atlas: Atlas, graph: GraphHandle) -> list[dict[str, Any]]:
    return atlas.cypher(FEATURES, {"graph": graph.name}).rows


def key(feature: dict[str, Any]) -> tuple[str, str, int]:
    return feature["model"], feature["layer"], feature["index"]


def names(atlas: Atlas, graph: GraphHandle) -> dict[str, str]:
    return {row["at"]: row["name"] for row in atlas.cypher(NAMES, {"graph": graph.name}).rows}


def fetched(atlas: Atlas, graph: GraphHandle) -> int:
    return sum("fetched_at" in feature["f"] for feature in features(atlas, graph))


def test_each_feature_is_asked_for_once(
    atlas: Atlas, make: Callable[..., GraphHandle], server: tuple[FakeNeuronpedia, str]
) -> None:
    fake, url = server
    graph, other = make(), make(seed=1)
    found = features(atlas, graph)
    result = atlas.explain(graph.name, url=url, limit=50, **ANY_RATE)
    assert (result.asked, result.explained, result.unexplained, result.failed) == (50, 50, 0, 0)
    assert set(fake.asked) == {key(feature) for feature in found[:50]}  # the most influential
    assert atlas.explain(graph.name, url=url, **ANY_RATE).asked == len(found) - 50
    assert atlas.explain(graph.name, url=url, **ANY_RATE).asked == 0
    shared = {key(feature) for feature in found} & {key(feature) for feature in features(atlas, other)}
    assert atlas.explain(graph.name, other.name, url=url).asked == len(features(atlas, other)) - len(shared)
    assert set(fake.asked.values()) == {1}
    assert all(request == "POST /api/features" for request in fake.requests)
    assert atlas.explain(graph.name, url=url, limit=10, refetch=True).asked == 10
    assert max(fake.asked.values()) == 2


def test_a_graph_that_is_replaced_meanwhile_is_explained_by_the_next_explain(
    atlas: Atlas, connection: Connection, make: Callable[..., GraphHandle], server: tuple[FakeNeuronpedia, str]
) -> None:
    """Before each statement in turn. What is stored meanwhile is of features, whatever graph they are in."""
    _, url = server
    graph, other, calls = make(layers=1), make(seed=1, layers=1), 0
    versions = [read_graph_data(graph), read_graph_data(other)]

    def replace_graph(_: str, at: int) -> None:
        nonlocal calls
        calls += 1
        if calls == at:
            load_graph(atlas, versions[at % 2], name=graph.name, replace=True)

    at = 0
    while at <= calls:
        at, calls = at + 1, 0
        with Atlas(connection, tracer=partial(replace_graph, at=at)) as client:
            client.explain(graph.name, url=url, **ANY_RATE)
        last = calls
        atlas.explain(graph.name, url=url, **ANY_RATE)
        for feature in features(atlas, graph):
            model, layer, index = key(feature)
            assert feature["f"]["explanations"] == [f"about {layer}/{index}"], (model, at)
        atlas.cypher(UNEXPLAINED, {"set": graph.metadata["source_set"]}, write=True)
        calls = last


def test_explanations_are_stored_and_shown(
    atlas: Atlas, graph: GraphHandle, server: tuple[FakeNeuronpedia, str]
) -> None:
    fake, url = server
    first, second, third, *_ = features(atlas, graph)
    fake.special[key(first)] = [
        {"description": "the best", "typeName": "np_max-act", "explanationModelName": "gpt-4o-mini", "scores": []},
        {"description": "another", "typeName": None, "explanationModelName": None},
        {"description": "", "typeName": "x"},
    ]
    fake.special[key(second)] = []
    fake.special[key(third)] = None
    result = atlas.explain(graph.name, url=url, **ANY_RATE)
    assert (result.unexplained, result.failed) == (2, 0)
    found = [feature["f"] for feature in features(atlas, graph)]
    assert all("fetched_at" in feature for feature in found)
    stored = found[0]
    assert stored["explanation"] == "the best"
    assert stored["explanations"] == ["the best", "another"]
    assert stored["explanation_sources"] == ["neuronpedia", "neuronpedia"]
    assert stored["explanation_models"] == ["gpt-4o-mini", ""]
    assert stored["explanation_types"] == ["np_max-act", ""]
    assert all(date.startswith("20") for date in stored["explanation_dates"])
    assert "explanation" not in found[1]
    by_place = names(atlas, graph)
    assert by_place[f"{stored['layer']}/{stored['index']}"] == "the best"
    assert by_place[f"{found[1]['layer']}/{found[1]['index']}"] == f"feature {found[1]['layer']}/{found[1]['index']}"
    address = f"feature:{stored['layer']}/{stored['index']}"
    details = graph.node(address)
    assert details.transcoder_feature is not None
    assert [said.text for said in details.transcoder_feature.explanations] == ["the best", "another"]
    assert "the best (neuronpedia, gpt-4o-mini, 20" in str(details)
    fake.special[key(first)] = [{"description": "better"}]
    atlas.explain(graph.name, url=url, refetch=True, limit=1, **ANY_RATE)
    assert features(atlas, graph)[0]["f"]["explanations"] == ["better"]
    assert atlas.verify(graph.name).damaged == 0


def wait_and_see(seconds: str) -> Callable[[Any], None]:
    return lambda handler: handler.reply(429, b"{}", Retry_After=seconds)


def packed(content: bytes, how: str = "gzip") -> Callable[[Any], None]:
    return lambda handler: handler.reply(200, content, Content_Encoding=how)


def large(handler: Any) -> None:
    packed(gzip.compress(b" " * (100 << 20), 1))(handler)


TROUBLE: dict[str, list[Any]] = {
    "errors": [500, 502, 503],
    "busy": [wait_and_see("0"), wait_and_see("0.01"), wait_and_see("Wed, 21 Oct 2015 07:28:00 GMT"), 429],
    "no date": [wait_and_see(f"Fri, 01 Jan {rest}") for rest in ("2021 00:00:00 +9999999999999", "99999999999 0:0:0")],
    "no JSON": [b"<html>", b"", b'[{"modelId": ', b"[" * 100_000],
    "another form": [b"{}", b"null", b"7", b'"text"', b"[1, null, []]"],
    "refused batch": [400, 413],
    "not what gzip makes": [packed(b"abc")],
    "gzip cut off": [packed(gzip.compress(b"[]")[:-3])],
    "packed twice": [packed(gzip.compress(gzip.compress(b"[]")), "gzip, gzip")],
    "unpacks to 100 MB": [large],
    "goes on": [packed(gzip.compress(b"[]") + b" " * 1_000_000)],
    "tiny objects": [b"[" + b"{}," * 2_000_000 + b"{}]"],
    "cut off": [lambda handler: handler.reply(200, b"[", Content_Length="100") or handler.connection.close()],
    "slow": [lambda _: time.sleep(1)],
}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_passing_trouble_leaves_every_feature_explained(
    trouble: str, atlas: Atlas, graph: GraphHandle, server: tuple[FakeNeuronpedia, str], monkeypatch: Any
) -> None:
    """Every feature is explained in the end; asked for more than once only what was not answered well."""
    fake, url = server
    monkeypatch.setattr(fetch, "_BATCH_SIZE", 10)
    monkeypatch.setattr(client, "wait_random_exponential", lambda **_: lambda _: 0.01)
    fake.answers, fake.only_batches = list(TROUBLE[trouble]), True
    result = atlas.explain(graph.name, url=url, concurrency=3, timeout=0.7, **ANY_RATE)
    there = len(features(atlas, graph))
    told_nothing = 10 if trouble == "another form" else 0  # a list without the features: they are not known there
    assert (result.asked, result.explained, result.failed) == (there, there - told_nothing, 0)
    assert not fake.answers
    assert sum(count > 1 for count in fake.asked.values()) <= 10 * len(TROUBLE[trouble])


def test_malformed_answers_are_counted_and_asked_for_again(
    atlas: Atlas, graph: GraphHandle, server: tuple[FakeNeuronpedia, str], monkeypatch: Any, run: Any
) -> None:
    fake, url = server
    malformed: list[Any] = [
        {"explanations": None},
        {"explanations": 7},
        [7],
        [{"description": 7}],
        [{"description": " "}],
        {"layer": None},
    ]
    found = features(atlas, graph)
    for feature, special in zip(found, malformed, strict=False):
        fake.special[key(feature)] = special
    result = atlas.explain(graph.name, url=url, **ANY_RATE)
    assert (result.failed, result.unexplained) == (5, 1)  # one is not said to be about the feature
    assert result.asked == len(found) - 5
    fake.asked.clear()
    done = run("explain", graph.name, "--url", url)
    assert (done.returncode, json.loads(done.stdout)["failed"]) == (1, 5)
    assert len(fake.asked) == 5
    fake.special.clear()
    monkeypatch.setattr(neuronpedia, "_MAX_BYTES", 1000)  # a batch is larger, one feature is not
    assert atlas.explain(graph.name, url=url, **ANY_RATE).explained == 5
    assert fetched(atlas, graph) == len(found)


def test_explanations_stay_text(atlas: Atlas, graph: GraphHandle, server: tuple[FakeNeuronpedia, str]) -> None:
    fake, url = server
    nasty = {
        "<script>alert(1)</script>": "<script>alert(1)</script>",
        "') MATCH (n) DETACH DELETE n //": "') MATCH (n) DETACH DELETE n //",
        "${x} {{y}} $graph \\": "${x} {{y}} $graph \\",
        "one\r\n two\t\x00three\x1b[31m": "one two three [31m",
        "\u202eabc\ud800": "abc",
        "x" * 100_000: "x" * 999 + "…",
    }
    found = features(atlas, graph)
    for feature, text in zip(found, nasty, strict=False):
        fake.special[key(feature)] = [{"description": text}] * 300
    atlas.explain(graph.name, url=url, **ANY_RATE)
    stored = [feature["f"] for feature in features(atlas, graph)[: len(nasty)]]
    assert [f["explanation"] for f in stored] == list(nasty.values())
    assert all(len(f["explanations"]) == 1 for f in stored)
    assert len(features(atlas, graph)) == len(found)


def test_features_are_asked_for_one_by_one_where_there_are_no_batches(
    atlas: Atlas, graph: GraphHandle, server: tuple[FakeNeuronpedia, str]
) -> None:
    fake, url = server
    fake.has_batches = False
    fake.special[key(features(atlas, graph)[0])] = None
    result = atlas.explain(graph.name, url=url, **ANY_RATE)
    assert (result.unexplained, result.failed) == (1, 0)
    assert result.explained == len(features(atlas, graph)) - 1
    assert f"GET /api/feature/{'/'.join(map(str, key(features(atlas, graph)[0])))}" in fake.requests


def test_an_address_without_neuronpedia_stores_nothing(
    atlas: Atlas, graph: GraphHandle, server: tuple[FakeNeuronpedia, str]
) -> None:
    """A server that answers "not found" to everything does not say that no feature is explained."""
    fake, url = server
    fake.has_batches = False
    fake.special = dict.fromkeys(map(key, features(atlas, graph)))
    with pytest.raises(NeuronpediaError, match="there is no Neuronpedia at this address"):
        atlas.explain(graph.name, url=url, **ANY_RATE)
    fake.has_batches, fake.special = True, {}
    assert atlas.explain(graph.name, url=url, **ANY_RATE).explained == len(features(atlas, graph))


@pytest.mark.parametrize(("given", "sent"), [("sk-1\r\n", "sk-1"), (" sk-1", "sk-1"), ("", None)])
def test_blanks_around_the_key_are_no_part_of_it(given: str, sent: str | None, monkeypatch: Any) -> None:
    monkeypatch.setenv("NEURONPEDIA_API_KEY", given)
    assert NeuronpediaConfig.from_environment().key == sent


@pytest.mark.parametrize("given", ["sk-\u201d1", "sk-1\r2"])
def test_a_key_that_no_header_can_have_is_refused_and_not_shown(given: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("NEURONPEDIA_API_KEY", given)
    with pytest.raises(InvalidArgumentError, match="NEURONPEDIA_API_KEY has characters") as raised:
        NeuronpediaConfig.from_environment()
    assert "sk-" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_PROXY", "socks5://user:secret@127.0.0.1:1"),
        ("https_proxy", "ftp://user:secret@127.0.0.1"),
        ("HTTP_PROXY", "http://127.0.0.1:secret"),
        ("NO_PROXY", "a:secret"),
        ("SSL_CERT_FILE", "/gone/secret.pem"),
        ("SSL_CERT_FILE", __file__),
        ("SSLKEYLOGFILE", "/gone/secret"),
    ],
)
def test_a_variable_that_no_client_can_use_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidArgumentError, match=f"^{name} cannot be used") as raised:
        client.Client(concurrency=1, rate=1, timeout=1)
    assert "secret" not in str(raised.value)


def test_the_key_is_sent_to_one_server_only(
    atlas: Atlas, graph: GraphHandle, server: tuple[FakeNeuronpedia, str], run: Any, monkeypatch: Any
) -> None:
    fake, url = server
    atlas.explain(graph.name, url=url, limit=1)
    assert "x-api-key" not in fake.headers[0]
    with fake_neuronpedia() as (other, elsewhere):
        fake.answers = [lambda handler: handler.reply(302, b"", Location=elsewhere)]
        variables = {"NEURONPEDIA_API_KEY": "sk-secret", "NEURONPEDIA_URL": f"{url}/"}
        done = run("explain", graph.name, **variables)
        fails(done, 3, "redirects to another address", elsewhere, "--url")
        assert "sk-secret" not in done.stderr
        assert fake.headers[-1]["x-api-key"] == "sk-secret"
        assert not other.requests
    fake.answers = [401]
    fails(run("explain", graph.name, **variables), 3, "refused", "NEURONPEDIA_API_KEY")
    for wrong in ("nonsense", "ftp://x", "http://", "http://neuronpedia.example"):
        with pytest.raises(InvalidArgumentError, match="address|this machine"):
            atlas.explain(graph.name, url=wrong)


def test_answers_before_an_error_are_stored(
    atlas: Atlas, graph: GraphHandle, server: tuple[FakeNeuronpedia, str], run: Any, monkeypatch: Any
) -> None:
    fake, url = server
    monkeypatch.setattr(fetch, "_BATCH_SIZE", 50)
    monkeypatch.setattr(client, "wait_random_exponential", lambda **_: lambda _: 0.01)
    fake.answers = [None, wait_and_see("7200")]
    with pytest.raises(NeuronpediaError, match="rate limit is reached; it asks to wait 120 minutes"):
        atlas.explain(graph.name, url=url, concurrency=1, **ANY_RATE)
    assert fetched(atlas, graph) == 50
    fake.answers = [None, *[429] * 6]
    with pytest.raises(NeuronpediaError, match="rate limit is reached"):
        atlas.explain(graph.name, url=url, concurrency=1, **ANY_RATE)
    assert fetched(atlas, graph) == 100
    fake.answers = [None, *[500] * 100]
    with pytest.raises(NeuronpediaError, match="10 requests in a row failed, the last one with: status 500"):
        atlas.explain(graph.name, url=url, concurrency=1, **ANY_RATE)
    assert fetched(atlas, graph) == 150
    assert len(fake.answers) > 70
    fails(run("explain", graph.name, "--url", "http://127.0.0.1:9"), 3, "cannot be reached", "--from FILE")
    fake.answers = []
    assert atlas.explain(graph.name, url=url, **ANY_RATE).asked == len(features(atlas, graph)) - 150


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_explain_is_resumed(
    end: signal.Signals, atlas: Atlas, graph: GraphHandle, server: tuple[FakeNeuronpedia, str], env: dict[str, str]
) -> None:
    """Features are asked for twice only when their answer was under way."""
    fake, url = server
    fake.hold_after = 1
    command = interruptible("explain", graph.name, "--url", url, "--concurrency", "1")
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert fake.held.wait(60)
    process.send_signal(end)
    _, told = process.communicate(timeout=60)
    assert process.returncode == (130 if end is signal.SIGINT else -signal.SIGKILL)
    assert "Traceback" not in told
    stored = {key(feature) for feature in features(atlas, graph) if "fetched_at" in feature["f"]}
    assert len(stored) == 100
    fake.hold_after = None
    fake.go_on.set()
    under_way = set(fake.asked) - stored
    assert len(under_way) == 100
    assert atlas.explain(graph.name, url=url, **ANY_RATE).asked == len(features(atlas, graph)) - 100
    assert {feature for feature, count in fake.asked.items() if count > 1} == under_way
    assert set(fake.asked) == {key(feature) for feature in features(atlas, graph)}


def test_requests_are_spaced_evenly(
    atlas: Atlas, graph: GraphHandle, server: tuple[FakeNeuronpedia, str], monkeypatch: Any
) -> None:
    fake, url = server
    clock: Any = SimpleNamespace(monotonic=lambda: clock.now, now=1000.0)
    monkeypatch.setattr(rate_limit, "time", clock)
    limiter = RateLimiter(36_000)
    assert [limiter.reserve() for _ in range(3)] == pytest.approx([0, 0.1, 0.2])
    clock.now += 1
    limiter.delay(30)
    assert [limiter.reserve() for _ in range(2)] == pytest.approx([30, 30.1])
    limiter.delay(5)  # shorter than the delay before
    assert limiter.reserve() == pytest.approx(30.2)
    waits: list[float] = []
    original = RateLimiter.reserve

    def reserve(limiter: RateLimiter) -> float:
        waits.append(original(limiter))
        return waits[-1]

    monkeypatch.setattr(RateLimiter, "reserve", reserve)
    monkeypatch.setattr(fetch, "_BATCH_SIZE", 20)
    atlas.explain(graph.name, url=url, limit=100, rate=36_000)  # the clock stands still: each has to wait longer
    assert len(fake.requests) == 5
    assert sorted(waits) == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])


def test_explain_works_inside_a_running_event_loop(
    atlas: Atlas, graph: GraphHandle, server: tuple[FakeNeuronpedia, str]
) -> None:
    """Where an event loop runs already."""

    async def cell() -> int:
        return atlas.explain(graph.name, url=server[1], **ANY_RATE).explained

    assert asyncio.run(cell()) == len(features(atlas, graph))


def test_transcoders_unknown_to_neuronpedia_are_named(
    atlas: Atlas,
    make: Callable[..., GraphHandle],
    server: tuple[FakeNeuronpedia, str],
    tmp_path: Path,
    run: Any,
    monkeypatch: Any,
) -> None:
    fake, url = server
    graph = make(source_set="some/repository")
    own = tmp_path / "scans.toml"
    own.write_text("")
    monkeypatch.setenv(SCANS_VARIABLE, str(own))
    with pytest.raises(UnknownSourceSetError) as caught:
        atlas.explain(graph.name, url=url)
    assert all(word in str(caught.value) for word in ("some/repository", "[scans]", str(own), graph.name))
    known = make()
    done = run("explain", graph.name, known.name, "--url", url, **{SCANS_VARIABLE: str(own)})
    assert done.returncode == 0
    assert "Warning" in done.stderr
    assert json.loads(done.stdout)["skipped"] == [
        {"model": "some-model", "source_set": "some/repository", "graphs": [graph.name]}
    ]
    own.write_text('[scans]\n"some/repository" = ["np-model", "np-set"]\n')
    fake.asked.clear()
    done = run("explain", graph.name, "--url", url, **{SCANS_VARIABLE: str(own)})
    assert json.loads(done.stdout)["explained"] == len(features(atlas, graph))
    assert {model for model, _, _ in fake.asked} == {"np-model"}
    assert all(layer.endswith("-np-set") for _, layer, _ in fake.asked)
    own.write_text('[scans]\n"x" = "y"\n')
    done = run("explain", graph.name, "--url", url, **{SCANS_VARIABLE: str(own)})
    fails(done, 1, str(own), "model", "source set")
    atlas.cypher(FORGET, {"set": "some/repository"}, write=True)


@pytest.mark.parametrize(
    ("stored", "theirs"),
    [
        (("gemma-2-2b", "gemmascope-transcoder-16k"), ("gemma-2-2b", "gemmascope-transcoder-16k")),
        (("gemma-2-2b", "clt-hp"), ("gemma-2-2b", "clt-hp")),
        (("unknown", "gemma"), ("gemma-2-2b", "gemmascope-transcoder-16k")),
        (("unknown", "mwhanna/qwen3-4b-transcoders"), ("qwen3-4b", "transcoder-hp")),
        (
            ("google/gemma-3-4b-it", "mwhanna/gemma-scope-2-4b-it/transcoder_all/width_262k_l0_small_affine"),
            ("gemma-3-4b-it", "gemmascope-transcoder-262k"),
        ),
        (("llama-3.2-1b", "mntss/transcoder-Llama-3.2-1B"), None),
        (("claude-3.5-haiku", "jackl-circuits-runs-1-4-sofa-v3_0"), None),
        (("unknown", "unknown"), None),
        (("gemma-2-2b", "../../etc"), None),
        (("..", "clt-hp"), None),
    ],
)
def test_model_and_source_set_have_names_on_neuronpedia(
    stored: tuple[str, str], theirs: tuple[str, str] | None, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.delenv(SCANS_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert neuronpedia_name(stored) == theirs


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (None, [SCANS_VARIABLE, "does not exist", "unset"]),
        ('"my/set" = ["np-model", "np-set"]\n', ["'my/set' is not under [scans]"]),
        ('[scan]\n"my/set" = ["np-model", "np-set"]\n', ["'scan' is not under [scans]"]),
        ('[scans]\n"my/set" = ["np-model", "np-set"]\n[elsewhere]\nsource_sets = []\n', ["'elsewhere'"]),
    ],
)
def test_a_table_of_source_sets_that_would_not_be_read_is_refused(
    table: str | None, words: list[str], tmp_path: Path, monkeypatch: Any
) -> None:
    own = tmp_path / "scans.toml"
    if table is not None:
        own.write_text(table)
    monkeypatch.setenv(SCANS_VARIABLE, str(own))
    with pytest.raises(InputError) as caught:
        neuronpedia_name(("unknown", "my/set"))
    assert all(word in str(caught.value) for word in [str(own), "\n  ", *words])


def test_the_table_of_source_sets_may_lie_in_the_home_directory(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "mine.toml").write_text('[scans]\n"my/set" = ["np-model", "np-set"]\n')
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(SCANS_VARIABLE, "~/mine.toml")
    assert neuronpedia_name(("unknown", "my/set")) == ("np-model", "np-set")


def test_labels_given_by_hand_come_first(
    atlas: Atlas, make: Callable[..., GraphHandle], server: tuple[FakeNeuronpedia, str], tmp_path: Path, run: Any
) -> None:
    _, url = server
    graph, copy = make(), make()
    feature = features(atlas, graph)[0]["f"]
    address, at = f"feature:{feature['layer']}/{feature['index']}", f"{feature['layer']}/{feature['index']}"
    label = atlas.label(graph.name, address, " my\nlabel ")
    assert (label.explanation, label.source, label.renamed) == ("my label", "hand", 2)
    assert names(atlas, graph)[at] == names(atlas, copy)[at] == "my label"
    atlas.explain(graph.name, url=url, **ANY_RATE)
    table = tmp_path / "t.tsv"
    table.write_text(f"{feature['layer']}\t{feature['index']}\timported\n")
    options = {"model": feature["model"], "source_set": feature["source_set"]}
    assert atlas.import_explanations(table, **options).stored == 1
    said = f"about {feature['layer']}-{feature['source_set']}/{feature['index']}"
    stored = features(atlas, graph)[0]["f"]
    assert stored["explanations"] == ["my label", "imported", said]
    assert stored["explanation_sources"] == ["hand", "import:t.tsv", "neuronpedia"]
    assert names(atlas, copy)[at] == "my label"
    done = run("label", graph.name, address, "newer")
    assert json.loads(done.stdout)["explanation"] == "newer"
    assert features(atlas, graph)[0]["f"]["explanations"] == ["newer", "imported", said]
    removed = json.loads(run("label", graph.name, address, "--remove").stdout)
    assert (removed["explanation"], removed["source"]) == ("imported", "import:t.tsv")
    assert names(atlas, copy)[at] == "imported"
    plain = make(source_set=f"{feature['source_set']}-plain")
    atlas.label(plain.name, address, "x")
    taken_back = atlas.label(plain.name, address, None)
    assert (taken_back.explanation, taken_back.node.name) == (None, f"feature {at}")
    for node, text, words in (
        ("token:0", "x", "not a feature"),
        (address, " ", "empty"),
        (address, "x" * 1001, "1,000"),
    ):
        with pytest.raises(InvalidArgumentError, match=words):
            atlas.label(graph.name, node, text)
    fails(run("label", graph.name, address), 2, "TEXT")
    atlas.cypher(FORGET, {"set": f"{feature['source_set']}-plain"}, write=True)


def test_impossible_requests_are_refused(atlas: Atlas, run: Any) -> None:
    fails(run("explain"), 2, "--all")
    fails(run("explain", "dallas", "--all"), 2, "--all")
    fails(run("explain", "dallas", "--from", sys.executable), 2, "--from")
    fails(run("explain", "--tag", "no-such-tag"), 1, "no graph has the tag")
    fails(run("explain", "dallas", "--url", ""), 2, "--url is an empty text")
    fails(run("explain", "dallas", "--url", "http://"), 1, "not the address of a web server", "--url")
    with pytest.raises(InvalidArgumentError, match="limit cannot be 0"):
        atlas.explain("dallas", limit=0)
    with pytest.raises(InputError):
        atlas.import_explanations("/nowhere.tsv", model="m", source_set="s")
