"""Pictures in a real Chromium: what they show, and what pointing, searching and sliding do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from support.chromium import PageLog, open_page, screenshots
from support.examples import EXAMPLES, example_file
from support.markup import HOSTILE
from support.two_files import File

from circuit_atlas.queries.graphs import find_graph
from circuit_atlas.views.clusters import ClustersView
from circuit_atlas.views.figure import short_name
from circuit_atlas.views.overlay import overlay
from circuit_atlas.views.picture import read_picture
from circuit_atlas.views.view import picture_view, view_paths

Open = Callable[..., Any]
POSITION = """key => {
    const graph = document.getElementById("graph"), stage = document.getElementById("stage"), full = graph._fullLayout;
    const node = JSON.parse(document.getElementById("data").textContent).nodes.find(node => node.key === key);
    const [x, y] = [full.xaxis._offset + full.xaxis.l2p(node.x), full.yaxis._offset + full.yaxis.l2p(node.y)];
    stage.scrollTo(x - stage.clientWidth / 2, y - stage.clientHeight / 2);  // a wide graph does not fit into the page
    const box = graph.getBoundingClientRect();
    return [box.left + x, box.top + y];
}"""

SUPERNODE = """key => {
    const t = graph.data.at(-1), f = graph._fullLayout, box = graph.getBoundingClientRect();
    const i = t.customdata.indexOf(key);
    return [box.left + f.xaxis._offset + f.xaxis.l2p(t.x[i]), box.top + f.yaxis._offset + f.yaxis.l2p(t.y[i])];
}"""

CELL = """([row, column]) => {
    const figure = document.getElementById("figure"), full = figure._fullLayout, box = figure.getBoundingClientRect();
    return [box.left + full.xaxis._offset + full.xaxis.l2p(column), box.top + full.yaxis._offset + full.yaxis.l2p(row)];
}"""


@pytest.fixture
def show(page: Any, page_log: PageLog, tmp_path: Path) -> Open:
    """Opens a view as a file of its own, and waits until it is drawn."""

    def open_view(view: Any) -> Any:
        view.save(tmp_path / "view.html")
        page.goto((tmp_path / "view.html").as_uri())
        page.wait_for_selector("html[data-drawn]")
        assert page_log.requests == []  # not even to a file beside it
        assert page.locator(".modebar [data-title*=Share]").count() == 0  # plotly.js would send the data away
        return page

    return open_view


@pytest.fixture(scope="module")
def opened(chromium: Any, examples: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A page that tests share, with what it complained of."""
    log, file = PageLog(), tmp_path_factory.mktemp("view") / "dallas.html"
    examples["dallas"].view().save(file)
    pages = open_page(chromium, log)
    page = next(pages)
    page.goto(file.as_uri())
    page.wait_for_selector("html[data-drawn]")
    yield page, log
    next(pages, None)


@pytest.fixture
def dallas(opened: Any) -> Any:
    """The page of the Dallas prompt, as it is when it is opened."""
    page, log = opened
    page.mouse.move(3, 3)
    page.keyboard.press("Escape")
    page.fill("#search", "")
    page.fill("#weight", "0")
    for box in page.locator("#tools input[type=checkbox]:visible").all():
        box.check()
    yield page
    assert log.unexpected() == log.requests == []


def point(page: Any, key: str) -> None:
    page.mouse.move(*page.evaluate(POSITION, key))
    page.wait_for_selector(f'#graph .lit.focus[data-key="{key}"]')


def lit(page: Any, role: str) -> set[str]:
    return set(page.eval_on_selector_all(f"#graph .lit.{role}", "found => found.map(node => node.dataset.key)"))


def test_pointing_at_a_node_lights_up_its_inputs_and_outputs(dallas: Any, examples: Any) -> None:
    page, screenshot = dallas, screenshots(dallas)
    screenshot("graph")
    key = "feature:20/44686@10"
    point(page, key)
    screenshot("graph-pointed-at")
    address = "https://www.neuronpedia.org/gemma-2-2b/20-clt-hp/44686"
    assert page.get_attribute("#panel a", "href") == address
    near = examples["dallas"].neighbors(key, k=1000)
    assert lit(page, "in") == {item.node.key for item in near.incoming}
    assert lit(page, "out") == {item.node.key for item in near.outgoing}
    assert page.locator("#graph .lit-edge.in").count() == len(near.incoming)
    assert page.locator("#graph .lit-edge.out[stroke-dasharray]").count() == len(near.outgoing)
    panel = page.inner_text("#panel")
    for told in ("Texas locations/legal contexts", key, "feature", "20", "10", "4.25", "0.01989"):
        assert told in panel
    assert f"+{near.incoming[0].weight:.4g}" in panel
    assert f"+{near.incoming[0].weight:.4g}" in page.inner_html("#graph .overlay")  # and beside the node
    page.mouse.move(3, 3)
    page.wait_for_selector("#graph .lit.focus", state="detached")


def test_clicking_pins_and_escape_lets_go(dallas: Any) -> None:
    page = dallas
    point(page, "token:9")
    page.mouse.click(*page.evaluate(POSITION, "token:9"))
    page.mouse.move(3, 3)
    assert lit(page, "focus") == {"token:9"}
    assert "Pinned" in page.inner_text("#panel")
    page.click("#panel .row >> nth=0")
    assert len(lit(page, "focus")) == 2
    page.keyboard.press("Escape")
    assert lit(page, "focus") == set()


def test_names_of_logits_are_shown_with_them(dallas: Any) -> None:
    page = dallas
    texts = "found => found.map(text => text.textContent)"
    assert any("Austin" in text for text in page.eval_on_selector_all("#graph .annotation-text", texts))
    page.uncheck("#kinds input[name=logit]")
    page.wait_for_selector("#graph .annotation-text", state="detached")
    page.check("#kinds input[name=logit]")
    page.wait_for_selector("#graph .annotation-text")


def test_what_is_found_can_be_pinned_with_the_keyboard(dallas: Any) -> None:
    page = dallas
    page.fill("#search", "texas legal")
    page.wait_for_selector("#panel button.row")
    page.focus("#panel button.row >> nth=0")
    page.keyboard.press("Enter")
    assert len(lit(page, "focus")) == 1
    assert "Pinned" in page.inner_text("#panel")


def test_search_finds_by_name_and_key(dallas: Any, examples: Any) -> None:
    page, screenshot = dallas, screenshots(dallas)
    page.fill("#search", "texas")
    named = [
        row["n"]["key"]
        for row in examples["dallas"]
        .database.run("MATCH (n:Node {graph: 'dallas'}) WHERE toLower(n.name) CONTAINS 'texas' RETURN n LIMIT 1000")
        .rows
    ]
    assert lit(page, "found") == set(named)
    assert page.inner_text("#found") == f"{len(named)} found"
    screenshot("graph-search")
    page.fill("#search", "error:24@10")
    assert lit(page, "found") == {"error:24@10"}
    page.fill("#search", "")
    assert lit(page, "found") == set()


def drawn_edges(page: Any) -> int:
    return int(page.evaluate("graph.data.filter(t => t.meta === 'edges').reduce((sum, t) => sum + t.x.length / 3, 0)"))


def test_the_slider_leaves_out_weak_edges(dallas: Any, examples: Any) -> None:
    page = dallas
    assert drawn_edges(page) == 1500
    assert "1,500 strongest of 4,944" in page.inner_text("#panel")
    page.fill("#weight", "80")
    threshold = float(page.inner_text("#threshold").split("≥")[1])
    weights = [
        row["w"]
        for row in examples["dallas"]
        .database.run("MATCH (:Node {graph: 'dallas'})-[r:DIRECT_EFFECT]->() RETURN r.weight AS w LIMIT 10000")
        .rows
    ]
    strong = sum(abs(weight) >= threshold for weight in weights)
    assert 0 < drawn_edges(page) == strong < 1500
    point(page, "logit:22605@10")
    near = examples["dallas"].neighbors("logit:22605@10", k=1000).incoming
    assert lit(page, "in") == {item.node.key for item in near if abs(item.weight) >= threshold}


def test_kinds_can_be_hidden(dallas: Any, examples: Any) -> None:
    page = dallas
    assert "error 90" in page.inner_text("#kinds")
    page.uncheck("#kinds input[name=error]")
    point(page, "logit:22605@10")
    near = examples["dallas"].neighbors("logit:22605@10", k=1000).incoming
    assert lit(page, "in") == {item.node.key for item in near if item.node.kind != "error"}
    page.mouse.move(3, 3)
    page.uncheck("#kinds input[name=feature]")
    page.wait_for_function("document.querySelectorAll('#graph .lit').length > 0")
    assert page.locator("#graph .lit-edge.path").count() == 0  # no best path goes straight from token to logit


def test_paths_lie_over_it_and_can_be_switched(show: Open, examples: Any) -> None:
    """Their steps are blue where they promote and red where they inhibit."""
    question: dict[str, Any] = {"sources": ["Dallas"], "targets": ["Austin"], "k": 5, "sign": "inhibiting", "hops": 3}
    page = show(examples["dallas"].view(**question))
    paths = examples["dallas"].paths(score="product", **question).paths
    signs = {(weight < 0) for path in paths for weight in path.weights}
    colors = {line.get_attribute("stroke") for line in page.locator("line.path").all()}
    assert colors == {("#2166AC", "#B2182B")[sign] for sign in signs} == {"#2166AC", "#B2182B"}
    assert lit(page, "path") == {node.key for path in paths for node in path.nodes}
    for box in page.locator("#panel .path input").all()[1:]:
        box.uncheck()
    page.mouse.move(3, 3)
    assert lit(page, "path") == {node.key for node in paths[0].nodes}
    page.uncheck("#paths-on")
    assert lit(page, "path") == set()
    page.hover("#panel .path >> nth=3")
    assert lit(page, "path") == {node.key for node in paths[3].nodes}


def test_supernodes_collapse_and_their_edges_are_summed(show: Open, examples: Any, screenshot: Any) -> None:
    page = show(examples["dallas-haiku"].view())
    page.check("#collapse")
    page.wait_for_function("graph.data.at(-1).x.length > 0")
    screenshot("graph-supernodes")
    row = (
        examples["dallas-haiku"]
        .database.run(
            "MATCH (a:Supernode {graph: 'dallas-haiku', name: 'capital'})-[:GROUPS]->(s:Node)"
            "-[r:DIRECT_EFFECT]->(t:Node)<-[:GROUPS]-(b:Supernode {name: 'say a capital'}) "
            "RETURN sum(r.weight) AS weight LIMIT 1"
        )
        .rows[0]
    )
    page.mouse.move(*page.evaluate(SUPERNODE, "supernode:say a capital"))
    page.wait_for_selector('#graph .lit.focus[data-key="supernode:say a capital"]')
    told = page.inner_text('#panel .row[title="supernode:capital"] b')
    assert float(told) == pytest.approx(row["weight"], rel=1e-3)


def test_supernodes_of_two_graphs_collapse_and_stay_pinned(show: Open, atlas: Any, examples: Any) -> None:
    """A supernode with members in both and in one only is in both, with its influence in each. It stays pinned."""
    one = read_picture(find_graph(atlas, "dallas-haiku"))
    members = [i for i, node in enumerate(one.nodes) if "capital" in node.supernodes]
    changed = {members[0]: replace(one.nodes[members[0]], key="feature:0/1@1")}
    nodes = [replace(changed.get(i, node), influence=2 * (node.influence or 0.0)) for i, node in enumerate(one.nodes)]
    page = show(picture_view(overlay(one, replace(one, title="other", nodes=nodes))))
    page.check("#collapse")
    page.wait_for_function("graph.data.at(-1).x.length > 0")
    page.mouse.move(*page.evaluate(SUPERNODE, "supernode:capital"))
    page.wait_for_selector('#graph .lit.focus[data-key="supernode:capital"]')
    told = page.inner_text("#panel")
    assert "in both" in told
    total = sum(one.nodes[i].influence or 0.0 for i in members)
    influences = re.search(r"influence\s+(\S+) \| (\S+)", told)
    assert influences is not None
    assert [float(value) for value in influences.groups()] == pytest.approx([total, 2 * total], rel=1e-3)
    page.mouse.down()
    page.mouse.up()
    page.fill("#weight", "1")
    page.mouse.move(3, 3)
    page.wait_for_function("document.getElementById('threshold').textContent !== 'all'")
    assert "Pinned" in page.inner_text("#panel")


def test_two_graphs_in_one_picture(show: Open, examples: Any, screenshot: Any, tmp_path: Path) -> None:
    page = show(examples["dallas"].view(compare="night"))
    noted = examples["dallas"].view(compare="night", targets=["logit:2"]).save(tmp_path / "page.html").notes
    assert "The sources and targets given are nodes of dallas." in noted[-1]
    screenshot("compare")
    dallas, night = (set(File(example_file(name), "relative").identities) for name in ("dallas", "night"))
    assert f"in both {len(dallas & night)}" in page.inner_text("#sides")
    point(page, "logit:22605@10")
    assert "only in dallas" in page.inner_text("#panel")
    page.uncheck("#sides input[name='only in dallas']")
    colors = page.evaluate("graph.data.filter(t => t.meta === 'nodes').flatMap(t => t.marker.color)")
    assert set(colors) == {"#767676", "#D55E00"}


def test_a_graph_of_500_nodes_is_drawn(show: Open, examples: Any) -> None:
    page = show(examples["opposite-small"].view(max_nodes=500))
    assert page.locator("#graph .scatterlayer .point").count() == 500
    assert "Only 500 of 694 nodes" in page.inner_text("header")


@pytest.fixture
def hostile_graph(atlas: Any, new_name: Any, tmp_path: Path) -> Any:
    """Dallas, with markup in every text that a file can hold."""
    data = json.loads((EXAMPLES / "dallas.json").read_text(encoding="utf-8"))
    for node in data["nodes"]:
        node["clerp"] = HOSTILE
    data["metadata"] |= {"prompt": HOSTILE, "prompt_tokens": [HOSTILE for _ in data["metadata"]["prompt_tokens"]]}
    features = [node["node_id"] for node in data["nodes"] if node["feature_type"] == "cross layer transcoder"]
    data["qParams"] = {**data["qParams"], "supernodes": [[HOSTILE, *features[:5]]]}
    (tmp_path / "hostile.json").write_text(json.dumps(data), encoding="utf-8")
    return atlas.ingest(tmp_path / "hostile.json", name=new_name())


def test_markup_stays_text_in_the_browser(
    show: Open, page: Any, hostile_graph: Any, atlas: Any, screenshot: Any, tmp_path: Path
) -> None:
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    show(hostile_graph.view(sources=["token:9"], targets=["logit:22605@10"]))
    point(page, "feature:20/44686@10")
    assert page.inner_text("#panel h2") == f"{HOSTILE} (20/44686@10)"
    assert HOSTILE in page.inner_text("header .prompt")
    page.check("#collapse")
    page.fill("#search", "onerror")
    screenshot("hostile")
    labels = page.locator("#graph .xtick text").all_text_contents()
    assert labels[0] == HOSTILE[:10] + "…"  # there is little room at the left of the first
    assert page.locator("img, #graph b, #graph a, #panel b b").count() == 0
    show(view_paths(hostile_graph))
    assert any("</script><img" in text for text in page.locator(".sankey text").all_text_contents())
    assert page.locator("img").count() == 0
    hostile_graph.report(k=3).save(tmp_path / "report.html")
    page.goto((tmp_path / "report.html").as_uri())
    page.frame_locator("iframe").locator("html[data-drawn]").wait_for(state="attached")
    assert page.inner_text("blockquote") == HOSTILE
    assert page.locator("img").count() == 0


def test_a_sankey_diagram_opens(show: Open, examples: Any, screenshot: Any) -> None:
    page = show(examples["dallas"].view_paths(sources=["Dallas"], targets=["Austin"], max_hops=3, k=10))
    screenshot("paths")
    page.hover(".sankey-node >> nth=1")
    assert page.locator(".sankey-node").count() > 5


def test_clusters_open_as_dendrogram_and_heat_map(show: Open, atlas: Any, examples: Any, screenshot: Any) -> None:
    found = atlas.clusters("dallas", tags=["analogies"], groups=2)
    long = "-" * 20  # cut beside the rows, whole above a cell
    renamed = [
        group.model_copy(update={"graphs": [HOSTILE[:12] + long + name for name in group.graphs]}) for group in found
    ]
    page = show(ClustersView(found.model_copy(update={"groups": renamed})))
    screenshot("clusters")
    whole = [HOSTILE[:12] + long + name for name in found.graphs]
    names = [short_name(name, 24) for name in whole]
    assert page.locator(".ytick text").all_text_contents() == names
    assert sorted(page.locator(".xtick text").all_text_contents()) == sorted(names)
    assert page.locator(".shapelayer path").count() == 2  # a square around each group
    values = page.evaluate("document.getElementById('figure').data[0].z")
    assert values == [[round(value, 4) for value in row] for row in found.similarities().tolist()]
    page.mouse.move(*page.evaluate(CELL, [0, 1]))
    page.wait_for_selector(".hoverlayer text")
    told = " ".join(page.locator(".hoverlayer text").all_text_contents())
    assert all(word in told for word in (whole[0], whole[1], f"similarity {values[0][1]:.4f}"))


def test_a_report_opens_with_its_picture(
    page: Any, page_log: PageLog, examples: Any, screenshot: Any, tmp_path: Path
) -> None:
    report = examples["dallas"].report()
    assert report.view._repr_html_()[:15] == report._repr_html_()[:15] == "<iframe srcdoc="  # as notebooks show it
    report.save(tmp_path / "report.html")
    page.goto((tmp_path / "report.html").as_uri())
    frame = page.frame_locator("iframe")
    frame.locator("html[data-drawn]").wait_for(state="attached")
    assert frame.locator(".scatterlayer .point").count() == 415
    assert "replacement 0.694" in page.inner_text("table >> nth=0")
    screenshot("report")
    assert page_log.requests_elsewhere() == []


def test_lit_nodes_are_saved_with_the_picture(dallas: Any, tmp_path: Path) -> None:
    page = dallas
    page.fill("#search", "texas")
    with page.expect_download() as download:
        page.click("#save")
    assert download.value.suggested_filename == "dallas.svg"
    download.value.save_as(tmp_path / "saved.svg")
    saved = ET.parse(tmp_path / "saved.svg").getroot()
    assert [path for path in saved.iter("{http://www.w3.org/2000/svg}path") if path.get("class") == "lit found"]


def test_an_empty_picture_opens(show: Open, examples: Any) -> None:
    from circuit_atlas.views.picture import Picture

    empty = Picture("empty", "test", "test", "", (), (), 0, [], [])
    assert show(picture_view(empty)).inner_text("h1") == "empty"


@pytest.mark.parametrize("width", [1400, 1000, 760])
def test_a_picture_fits_the_window(width: int, page: Any, examples: Any) -> None:
    """All tokens and logits are in sight, no name is cut off, and nodes do not overlap."""
    page.set_viewport_size({"width": width, "height": 900})
    page.set_content(examples["dallas"].view().html)
    page.wait_for_selector("html[data-drawn]", state="attached")
    page.wait_for_function("document.querySelector('#stage').clientWidth > 0")
    assert page.evaluate("document.getElementById('stage').scrollWidth <= document.getElementById('stage').clientWidth")
    area = page.evaluate("(({l, w}) => ({l, w}))(document.getElementById('graph')._fullLayout._size)")
    for box in (text.bounding_box() for text in page.locator("#graph .overlay text").all()):
        assert box["x"] >= area["l"] - 12
        assert box["x"] + box["width"] <= width
    points = page.evaluate(
        """() => [...document.getElementById('graph')._fullData].filter(t => t.meta === 'nodes').flatMap(t =>
          t.x.map((x, i) => [x, t.y[i], t.marker.size[i]]))"""
    )
    full = page.evaluate(
        "(g => [g.xaxis._length / g.xaxis.range[1], g.yaxis._length / g.yaxis.range[1]])"
        "(document.getElementById('graph')._fullLayout)"
    )
    placed = np.array(points)
    x, y, radius = placed[:, 0] * full[0], placed[:, 1] * full[1], placed[:, 2] / 2
    apart = np.hypot(x[:, None] - x, y[:, None] - y) - (radius[:, None] + radius)
    np.fill_diagonal(apart, 1)
    assert apart.min() > -0.5


def test_every_token_is_named_and_every_score_has_room(page: Any, examples: Any) -> None:
    """The first token of Llama's prompts has a long name and little room at its left."""
    page.set_viewport_size({"width": 700, "height": 900})
    page.set_content(examples["dallas-llama"].view().html)
    page.wait_for_selector("html[data-drawn]", state="attached")
    shown = [text.bounding_box()["x"] for text in page.locator("#graph .xtick text").all() if text.is_visible()]
    assert len(shown) == 8
    assert min(shown) >= 0
    assert page.locator("#panel .path b").count() == 10
    assert page.eval_on_selector_all("#panel .path b", "all => all.every(b => b.scrollWidth <= b.clientWidth)")


def test_a_long_prompt_begins_at_its_end(page: Any, examples: Any) -> None:
    """It is wider than the window, where one can scroll; at first, the logits are in sight."""
    page.set_viewport_size({"width": 500, "height": 900})
    page.set_content(examples["dallas"].view().html)
    page.wait_for_selector("html[data-drawn]", state="attached")
    left, room, whole = page.evaluate(
        "(s => [s.scrollLeft, s.clientWidth, s.scrollWidth])(document.getElementById('stage'))"
    )
    assert left + room >= whole - 1 > room
