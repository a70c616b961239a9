"""What pictures and reports are made of; how they look in a browser is in test_view_pages.py."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import EXAMPLES, NAMES
from support.graphs import edge_list
from support.markup import HOSTILE, Tags, text_of
from support.program import Run

from circuit_atlas import Atlas
from circuit_atlas.errors import InputError, InvalidArgumentError, MissingExtraError
from circuit_atlas.ingest.load import load_graph
from circuit_atlas.printable import CONTROLS
from circuit_atlas.queries.graphs import find_graph
from circuit_atlas.queries.whole_graph import read_graph_data
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.models import Node
from circuit_atlas.synth import Shape, synthesize
from circuit_atlas.views import image, pair
from circuit_atlas.views import picture as picture_module
from circuit_atlas.views import view as view_module
from circuit_atlas.views.circuit import circuit_figure
from circuit_atlas.views.figure import graph_figure, plotly_text, short_name
from circuit_atlas.views.graph_page import LIBRARY, file_name, graph_page, script_json
from circuit_atlas.views.layout import lay_out
from circuit_atlas.views.overlay import overlay
from circuit_atlas.views.pair import read_pair
from circuit_atlas.views.picture import PathOptions, Picture, path_notes, read_picture
from circuit_atlas.views.report import Report, _markdown, report_on
from circuit_atlas.views.sankey import sankey_figure
from circuit_atlas.views.series import _style
from circuit_atlas.views.view import Drawing, View, view_paths


@pytest.fixture
def picture(atlas: Any, examples: Any) -> Any:
    return lambda name, **options: read_picture(find_graph(atlas, name), **options)


@pytest.mark.parametrize("name", ["dallas", "dallas-haiku"])
def test_a_pruned_graph_is_shown_whole(name: str, picture: Any, atlas: Any) -> None:
    shown, data = picture(name), read_graph_data(find_graph(atlas, name))
    assert [node.key for node in shown.nodes] == [data.nodes.key(i) for i in range(len(data.nodes))]
    expected = {(source, target): weight for source, target, weight in edge_list(data.edges)}
    assert {(edge.source, edge.target): edge.weight for edge in shown.edges} == expected
    assert [edge.strength for edge in shown.edges] == sorted(map(abs, expected.values()), reverse=True)
    assert shown.notes == ()


def test_a_large_graph_is_shown_in_part_with_a_note(picture: Any, atlas: Any) -> None:
    whole, part = picture("opposite-small"), picture("opposite-small", max_nodes=100)
    assert len(part.nodes) == 100
    assert {node.key for node in whole.nodes if node.kind in (Kind.TOKEN, Kind.LOGIT)} <= {n.key for n in part.nodes}
    on_paths = {part.nodes[i].key for path in part.paths for i in path.nodes}
    assert len(part.paths) == len(whole.paths) == 10
    chosen = {node.key for node in part.nodes}
    others = [n for n in part.nodes if n.key not in on_paths and n.kind not in (Kind.TOKEN, Kind.LOGIT)]
    left_out = [node.influence for node in whole.nodes if node.key not in chosen]
    assert min(node.influence for node in others) >= max(left_out)
    kept = {
        (whole.nodes[e.source].key, whole.nodes[e.target].key): e.weight
        for e in whole.edges
        if {whole.nodes[e.source].key, whole.nodes[e.target].key} <= chosen
    }
    assert {(part.nodes[e.source].key, part.nodes[e.target].key): e.weight for e in part.edges} == kept
    assert part.notes == (
        "Only 100 of 694 nodes are shown (--max-nodes): those of the best paths, then tokens and logits, then the most "
        f"influential; with all edges between them: {len(kept):,} of 23,559.",
    )
    few = picture("opposite-small", max_nodes=20)
    assert len(few.nodes) == 20
    assert [path for path in few.paths if not all(0 <= i < 20 for i in path.nodes)] == []
    left = len(whole.paths) - len(few.paths)
    assert not left or few.notes[1].startswith(f"{left} of the 10 best paths are left out")
    assert path_notes(10, 7) == ("3 of the 10 best paths are left out: they have more nodes than --max-nodes allows.",)


@pytest.mark.parametrize("name", NAMES)
def test_no_two_nodes_overlap_and_each_stands_in_its_layer_and_position(name: str, picture: Any) -> None:
    shown = picture(name)
    layout = lay_out(shown)
    cells: dict[Any, list[int]] = {}
    for i, node in enumerate(shown.nodes):
        left, right = layout.columns[node.position or 0]
        radius = layout.diameter[i] / 2
        assert left <= layout.x[i] - radius
        assert layout.x[i] + radius <= right
        depth = {Kind.TOKEN: min(layout.rows), Kind.LOGIT: max(layout.rows)}.get(node.kind, node.layer)
        assert abs(layout.y[i] - layout.rows[depth]) <= 10
        cells.setdefault((node.position, depth), []).append(i)
    for members in cells.values():
        for a, b in combinations(members, 2):
            apart = math.hypot(layout.x[a] - layout.x[b], layout.y[a] - layout.y[b])
            assert apart >= (layout.diameter[a] + layout.diameter[b]) / 2
    strong, weak = (f(shown.nodes, key=lambda node: node.influence or 0.0) for f in (max, min))
    sizes = dict(zip((node.key for node in shown.nodes), layout.diameter, strict=True))
    assert sizes[strong.key] > sizes[weak.key]


@pytest.mark.parametrize("other", ["night", "opposite-small", "dallas-llama"])
def test_the_overlay_of_two_graphs_shows_what_their_comparison_counts(other: str, picture: Any, atlas: Any) -> None:
    one, two = picture("dallas"), picture(other)
    both = overlay(one, two)
    counted = {overlap.what: overlap for overlap in atlas.compare("dallas", other, k=1).overlaps}
    for kind in Kind:
        sides = Counter(node.side for node in both.nodes if node.kind is kind)
        if sides:
            assert (sides[0], sides[1], sides[2]) == (counted[kind].shared, counted[kind].only_a, counted[kind].only_b)
    edges = Counter((edge.weight is not None, edge.other is not None) for edge in both.edges)
    effects = counted["direct effect"]
    assert (edges[True, True], edges[True, False], edges[False, True]) == (
        effects.shared,
        effects.only_a,
        effects.only_b,
    )
    for weights, graph in (([e.weight for e in both.edges], one), ([e.other for e in both.edges], two)):
        there = sorted(weight for weight in weights if weight is not None)
        assert there == sorted(edge.weight for edge in graph.edges)
    assert {path.graph for path in both.paths} == {"dallas", other}
    lay_out(both)


def ends(found: Picture) -> dict[tuple[str, str], tuple[float | None, float | None]]:
    """The weights of each edge, by the keys of its ends in the graphs that have them."""

    def both(i: int) -> str:
        node = found.nodes[i]
        return f"{node.key} {node.second and node.second.key} {node.side}"

    return {(both(edge.source), both(edge.target)): (edge.weight, edge.other) for edge in found.edges}


@pytest.mark.parametrize("other", ["night", "opposite-small", "dallas-llama"])
@pytest.mark.parametrize("most", [10_000, 300])
def test_in_a_part_of_an_overlay_the_sides_are_true(
    other: str, most: int, picture: Any, atlas: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two graphs of which only the best nodes and edges are shown, none is said to be in one that both have."""
    whole = overlay(picture("dallas"), picture(other))
    for module in (picture_module, pair):
        monkeypatch.setattr(module, "MAX_EDGES_SHOWN", most)
    graphs = find_graph(atlas, "dallas"), find_graph(atlas, other)
    one, two = read_pair(graphs, (PathOptions(k=3), PathOptions(k=3)), max_nodes=60)
    part = overlay(one, two)
    sides = {(node.side, node.key, node.second and node.second.key) for node in whole.nodes}
    assert {(node.side, node.key, node.second and node.second.key) for node in part.nodes} <= sides
    assert len(part.nodes) < len(whole.nodes)
    assert part.facts[0].startswith("of the nodes shown, ")
    every, shown = ends(whole), ends(part)
    assert shown.items() <= every.items()
    names = {node for pair_of_ends in shown for node in pair_of_ends}
    strengths = sorted(
        (max(abs(w or 0.0) for w in weights) for at, weights in every.items() if names.issuperset(at)), reverse=True
    )
    assert [edge.strength for edge in part.edges] == strengths[:most][: len(part.edges)]
    assert len(part.edges) == min(most, len(part.edges))


def test_prompts_in_an_overlay_are_aligned_from_the_end(picture: Any) -> None:
    both = overlay(picture("dallas"), picture("night"))
    dallas, night = (["<bos>", "", "", "Fact", ":"], ["<bos>", "The", "saying", "goes", ":"])
    dallas += ["The", "capital", "of", "the", "state", "containing", "Dallas", "is"]
    night += ["Sun", "is", "to", "day", "as", "moon", "is", "to"]
    for token, one, other in zip(both.tokens, dallas, night, strict=True):
        assert token.strip() == (one if one == other else f"{one} | {other}".removeprefix(" | "))
    feature = next(n for n in both.nodes if n.side == 0 and n.kind is Kind.FEATURE and n.position == 10)
    assert feature.second is not None
    assert feature.second.key == feature.key.replace("@10", "@12")


def test_an_overlay_with_itself_is_the_graph(picture: Any) -> None:
    one = picture("dallas")
    both = overlay(one, one)
    assert {node.side for node in both.nodes} == {0}
    assert all(edge.weight == edge.other for edge in both.edges)
    assert both.tokens == one.tokens


def test_a_sankey_diagram_carries_the_scores_of_its_paths(examples: Any) -> None:
    paths = examples["dallas"].paths(k=20)
    [trace] = sankey_figure(paths)["data"]
    ends = {trace["node"]["customdata"].index(path.nodes[-1].key) for path in paths.paths}
    into = [v for v, t in zip(trace["link"]["value"], trace["link"]["target"], strict=True) if t in ends]
    assert sum(into) == pytest.approx(sum(abs(path.score) for path in paths.paths))
    steps = {(a.key, b.key) for path in paths.paths for a, b in zip(path.nodes, path.nodes[1:], strict=False)}
    keys = trace["node"]["customdata"]
    links = zip(trace["link"]["source"], trace["link"]["target"], strict=True)
    assert {(keys[source], keys[target]) for source, target in links} == steps


def test_small_scores_in_a_sankey_diagram_have_widths_of_their_own(examples: Any) -> None:
    found = examples["dallas"].paths(k=3)
    scores = [4e-10, 1e-13, 0.0]
    small = [path.model_copy(update={"score": score}) for path, score in zip(found.paths, scores, strict=True)]
    [trace] = sankey_figure(found.model_copy(update={"paths": small}))["data"]
    widths = set(trace["link"]["value"])
    assert max(widths) == pytest.approx(4e-10)
    assert 1e-13 in widths
    assert min(widths) > 0


def test_arrows_between_boxes_of_one_row_lead_from_side_to_side() -> None:
    def node(key: str, layer: int, position: int) -> Node:
        return Node(key=key, kind=Kind.FEATURE, name=key, layer=layer, position=position, index=1, source_id=None)

    near = [node("feature:9/98@3", 9, 3), node("feature:9/55@4", 9, 4)]
    [arrow] = arrows_of(circuit_figure(near, [(near[0], near[1], 1.0)], {}, weights=False))
    assert arrow["ay"] == arrow["y"]
    assert arrow["ax"] < arrow["x"]
    over = [node("feature:9/lorsa/98@3", 9, 3), node("feature:9/55@3", 9, 3)]  # attention comes first in a layer
    [arrow] = arrows_of(circuit_figure(over, [(over[0], over[1], 1.0)], {}, weights=False))
    assert arrow["ay"] < arrow["y"]


def arrows_of(figure: dict[str, Any]) -> list[dict[str, Any]]:
    return [a for a in figure["layout"]["annotations"] if a["showarrow"] and a.get("name") != "legend"]


def test_what_has_no_position_is_drawn_where_it_belongs(atlas: Atlas, new_name: Any) -> None:
    names = [new_name(), new_name(), new_name()]
    for name, seed in zip(names[:2], (1, 2), strict=True):
        load_graph(atlas, synthesize(Shape(layers=3, positions=4, features_per_layer=8, seed=seed)), name=name)
    atlas.aggregate(*names[:2], name=names[2], align="relative")
    shown = read_picture(find_graph(atlas, names[2]))
    assert {node.column for node in shown.nodes if node.kind is Kind.LOGIT} == {len(shown.tokens) - 1}
    members = [node.key for node in atlas.graph(names[0]).nodes() if node.kind is Kind.FEATURE and node.position][:3]
    atlas.graph(names[0]).create_supernode("three", members)
    collapsed = read_picture(find_graph(atlas, atlas.graph(names[0]).collapsed().name))
    [three] = [node for node in collapsed.nodes if "three" in node.name]
    assert three.column in {int(key.rpartition("@")[2]) for key in members}
    atlas.aggregate(*names[:2], name=names[2], align="feature", replace=True)
    by_feature = read_picture(find_graph(atlas, names[2]))
    assert graph_figure(by_feature, lay_out(by_feature))["layout"]["xaxis"]["ticktext"] == [""]
    both = overlay(by_feature, read_picture(find_graph(atlas, names[0])))
    assert {node.column for node in both.nodes} <= set(range(4))
    label = next(a["text"] for a in graph_figure(both, lay_out(both))["layout"]["annotations"] if a["name"])
    assert label


def test_a_logit_of_two_graphs_has_both_probabilities(picture: Any) -> None:
    first = picture("night")
    logits = [node for node in first.nodes if node.kind is Kind.LOGIT]
    best = max(logits, key=lambda node: node.probability or 0.0)
    other = replace(first, nodes=[replace(node, probability=0.02) if node is best else node for node in first.nodes])
    both = overlay(first, other)
    texts = [a["text"] for a in graph_figure(both, lay_out(both))["layout"]["annotations"]]
    assert any(text.endswith(f" {best.probability:.0%} | 2%") for text in texts)


def test_a_hundred_lines_of_a_series_differ() -> None:
    styles = [json.dumps(_style(i)) for i in range(100)]
    assert len(set(styles)) == 100


def test_without_a_path_there_is_no_diagram(atlas: Any, examples: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="no path matches"):
        examples["dallas"].view_paths(sources=["logit:San"], targets=["Austin"])


@given(st.text())
def test_plotly_takes_no_text_for_markup(text: str) -> None:
    shown = plotly_text(text)
    ET.fromstring(f"<text>{shown}</text>")
    assert not re.search(f"[{CONTROLS}]", shown)
    assert not set(shown) & set("<>$\n")
    assert not re.search(r"&(?!(amp|lt|gt|#36);)", shown)


def test_names_are_cut_where_they_agree() -> None:
    assert short_name("a-name-of-a-graph@3", 19) == "a-name-of-a-graph@3"
    assert [short_name(f"the-capital-of-the-state-containing-dallas@{i}", 12) for i in (3, 7)] == [
        "the-ca…las@3",
        "the-ca…las@7",
    ]


@given(st.text())
def test_json_cannot_end_its_script(text: str) -> None:
    written = script_json({text: [text]})
    assert not set(written) & set("<>&")
    assert json.loads(written) == {text: [text]}


@given(st.text() | st.text("\u754c.", min_size=90))
def test_a_file_name_is_no_path(title: str) -> None:
    name = file_name(title)
    assert name
    assert Path(name).name == name
    assert not name.startswith(".")
    assert len(name.encode()) <= 200


EVIL = f"{HOSTILE}\x1b\x00\x7f\u202e"


def hostile(picture: Picture) -> Picture:
    """The same picture, but every text holds markup and control characters."""
    from dataclasses import replace

    nodes = [
        replace(n, name=EVIL, title=EVIL, explanation=EVIL, supernodes=(EVIL,), key=f"{n.key}{EVIL}")
        for n in picture.nodes
    ]
    return replace(
        picture,
        title=EVIL,
        prompt=EVIL,
        model=EVIL,
        source_set=EVIL,
        facts=(EVIL,),
        notes=(EVIL,),
        tokens=tuple(EVIL for _ in picture.tokens),
        nodes=nodes,
    )


def test_markup_in_any_text_stays_text(picture: Any) -> None:
    plain, page = (graph_page(shown, LIBRARY) for shown in (picture("dallas"), hostile(picture("dallas"))))
    assert not re.search(f"[{CONTROLS}]", page)
    assert Tags(page).seen - Tags(plain).seen == {"p": 1}  # the note
    assert "onerror=alert" not in re.sub(r'<script id="data".*?</script>', "", page).replace(
        "&lt;img src=x onerror=alert", ""
    )
    figure = json.dumps(graph_figure(hostile(picture("dallas")), lay_out(picture("dallas"))))
    assert "<img" not in figure


def test_a_report_contains_what_the_commands_print(atlas: Any, examples: Any) -> None:
    graph = examples["dallas"]
    report = graph.report(k=5)
    text = report.markdown()
    stats, best = graph.stats(), graph.paths(k=5, score="product", sign="promoting", min_hops=2).paths[0]
    assert f"{stats.replacement_score:.3f}" in text
    assert f"{stats.completeness_score:.3f}" in text
    assert all(f"{logit.probability:.4g}" in text for logit in stats.logits)
    assert f"{best.score:.4g}" in text
    assert all(f"| {item.influence:.4g} |" in text for item in graph.influence(k=5).contributors)
    assert "The picture is left out" in text
    for value in ("Statistics", "Top logits", "Contributors", "Top 5 promoting paths by product", f"{best.score:.4g}"):
        assert value in report.html
    assert '<span class="promotes">--(0.43)--&gt;</span> Austin' in report.html
    inhibiting = graph.report(k=5, sign="inhibiting", score="sum", hops=2)
    assert '<span class="inhibits">' in inhibiting.html
    assert "Top 5 inhibiting paths by sum" in inhibiting.html
    assert "<iframe srcdoc=" in report._repr_html_()
    assert report.notes == report.view.summary.notes


def test_a_report_on_a_circuit_says_why_it_has_no_paths(examples: Any, tmp_path: Path) -> None:
    graph = examples["dallas"]
    graph.circuit(nodes=3, name="small", replace=True)
    report = graph.report(circuit="small", hops=7)
    assert report.paths is not None
    [why] = report.paths.notes
    assert why in report.save(tmp_path / "report.html").notes
    assert why in text_of(re.sub(r"(?s)<iframe.*?</iframe>", "", report.html))
    from markdown_it import MarkdownIt

    assert why in text_of(MarkdownIt("gfm-like", {"linkify": False}).render(report.markdown()))
    graph.delete_circuit("small")


def test_a_report_has_the_notes_of_its_picture_once(examples: Any) -> None:
    report = examples["dallas"].report(k=1)
    note = "A note of the picture."
    summary = report.view.summary._replace(notes=[note])
    noted = replace(report, view=View(report.view._page, report.view._figure, summary))
    assert note in noted.markdown()
    assert note not in noted.html  # the page of a picture has its own


def test_a_report_on_a_circuit_is_restricted_to_it(examples: Any) -> None:
    graph = examples["dallas"]
    graph.circuit(nodes=8, name="reported", replace=True)
    report = graph.report(k=5, circuit="reported")
    assert report.contributors == graph.influence(k=5, circuit="reported")
    assert report.paths == graph.paths(k=5, score="product", sign="promoting", min_hops=2, circuit="reported")
    assert report.view.figure() == graph.view_circuit(name="reported").figure()
    graph.delete_circuit("reported")


def test_markup_in_a_report_stays_text(atlas: Any, examples: Any) -> None:
    found = report_on(find_graph(atlas, "dallas"))
    changed = found.statistics.model_copy(update={"prompt": EVIL, "graph": EVIL, "tokens": [EVIL]})
    report = Report(changed, found.contributors, found.paths, found.view)
    seen = Tags(report.html).seen
    assert seen["img"] == 0
    assert seen["script"] == 0  # those of the picture are in its frame
    page = re.sub(r"(?s)<iframe.*?</iframe>", "", report.html)  # without plotly.js, which has some
    assert not re.search(f"[{CONTROLS}]", page + report.markdown())
    from markdown_it import MarkdownIt

    rendered = MarkdownIt("gfm-like", {"linkify": False}).render(report.markdown())
    seen = Tags(rendered).seen
    assert not {"img", "script", "b"} & set(seen)
    assert seen["a"] == rendered.count('<a href="https://www.neuronpedia.org/')
    assert seen["code"] == 1  # ours
    assert "</script><img src=x onerror=alert(1)> & $x^2$ | `b` [a](javascript" in text_of(rendered)


@pytest.mark.parametrize("text", ["me@example.org", "heading ##", "# no heading", "www.example.org"])
def test_a_text_in_markdown_stays_as_it_is(text: str) -> None:
    from markdown_it import MarkdownIt

    written = _markdown(text)
    shown = MarkdownIt("gfm-like", {"linkify": False}).render(f"# {written}\n")
    assert text_of(shown).strip() == text
    assert "@" not in written  # which would make an address a link, and a name a mention
    assert "www." not in written


def test_a_graph_without_logits_or_tokens_can_be_looked_at(atlas: Any, new_name: Any, tmp_path: Path) -> None:
    whole = json.loads((EXAMPLES / "dallas.json").read_text(encoding="utf-8"))
    kept = [node for node in whole["nodes"] if node["feature_type"] == "cross layer transcoder"]
    ids = {node["node_id"] for node in kept}
    links = [link for link in whole["links"] if {link["source"], link["target"]} <= ids]
    (tmp_path / "part.json").write_text(json.dumps({**whole, "nodes": kept, "links": links}), encoding="utf-8")
    graph = atlas.ingest(tmp_path / "part.json", name=new_name())
    assert len(graph.view().html) > 1_000_000
    assert "Top paths" not in graph.report().html


def test_an_unknown_format_is_refused_with_those_that_are_known(examples: Any, tmp_path: Path) -> None:
    view = examples["dallas"].view()
    with pytest.raises(InvalidArgumentError, match=r"\.html, \.png, \.svg or \.pdf"):
        view.save(tmp_path / "dallas.gif")
    with pytest.raises(InputError, match="cannot be written"):
        view.save(tmp_path / "missing" / "dallas.html")
    with pytest.raises(InvalidArgumentError, match=r"\.html or \.md"):
        examples["dallas"].report().save(tmp_path / "dallas.pdf")


def test_without_chromium_an_image_says_what_to_install(
    examples: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "none"))
    monkeypatch.setenv("PATH", str(tmp_path))
    view = view_paths(examples["dallas"])
    with pytest.raises(MissingExtraError, match="apt-get install chromium"):
        view.save(tmp_path / "paths.png")
    report = examples["dallas"].report(k=3)
    result = report.save(tmp_path / "dallas.md")
    assert result.files == [str(tmp_path / "dallas.md")]
    assert "The picture is left out" in (tmp_path / "dallas.md").read_text(encoding="utf-8")
    # With one, the picture has a name of its own, which the link quotes.
    own = tmp_path / "50% (a)#1.svg"
    own.write_text("mine")
    monkeypatch.setattr(Drawing, "image", lambda _self, _form: b"drawn")
    files = Report(report.statistics, None, None, report.view).save(own.with_suffix(".md")).files
    assert (own.read_text(), Path(files[1]).read_bytes()) == ("mine", b"drawn")
    assert "(50%25%20%28a%29%231-picture.svg)" in own.with_suffix(".md").read_text()


def test_a_chromium_that_does_not_start_is_an_error(
    examples: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "chromium").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    (tmp_path / "chromium").chmod(0o755)
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "chromium"))
    with pytest.raises(MissingExtraError, match="does not start"):
        examples["dallas"].view_paths(k=1).image("svg")


def test_a_report_whose_picture_cannot_be_drawn_is_written(
    examples: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_figure: object, _form: str) -> bytes:
        raise InputError("Chromium or Chrome cannot draw it")

    monkeypatch.setattr(view_module, "draw_image", fails)
    done = examples["dallas"].report(k=3).save(tmp_path / "dallas.md")
    assert done.files == [str(tmp_path / "dallas.md")]
    assert done.notes[0] == "no picture: Chromium or Chrome cannot draw it"
    assert "The picture is left out" in (tmp_path / "dallas.md").read_text(encoding="utf-8")


def test_what_chromium_cannot_draw_is_an_error(examples: Any) -> None:
    from support.chromium import find_chromium

    if not find_chromium():
        pytest.skip("needs Chromium")
    broken = {"data": [{"type": "sankey", "node": {"label": 3}, "link": 5}], "layout": {"width": "x", "height": 100}}
    with pytest.raises(InputError, match=r"cannot draw it as \.svg"):
        image.draw_image(broken, "svg")


@pytest.mark.parametrize("form", ["png", "svg", "pdf"])
def test_images_are_drawn(form: str, examples: Any, tmp_path: Path) -> None:
    from support.chromium import find_chromium

    if not find_chromium():
        pytest.skip("needs Chromium")
    examples["dallas"].view().save(tmp_path / f"dallas.{form}")
    content = (tmp_path / f"dallas.{form}").read_bytes()
    if form == "svg":
        drawing = ET.fromstring(content)
        texts = [element.text for element in drawing.iter("{http://www.w3.org/2000/svg}text")]
        assert {"Austin 44%", "Dallas", "feature", "positive"} <= set(texts)
    elif form == "pdf":
        assert content.startswith(b"%PDF-")
    else:
        assert content.startswith(b"\x89PNG")
        assert tuple(np.frombuffer(content[16:24], ">u4")) >= (2000, 1000)
    assert image._SCALE == 2


def test_the_commands_write_pages_and_print_where(run: Run, tmp_path: Path) -> None:
    page, report = tmp_path / "part.html", tmp_path / "dallas.html"
    done = run("view", "opposite-small", "-o", str(page), "--max-nodes", "50", "--json")
    assert json.loads(done.stdout)["file"] == str(page)
    assert json.loads(done.stdout)["nodes"] == 50
    assert "Only 50 of 694 nodes" in done.stderr
    assert "Only 50 of 694 nodes" in page.read_text(encoding="utf-8")
    assert run("report", "dallas", "-o", str(report), "--table").stdout.split()[-1] == str(report)
    for options in (("--paths", "--compare", "night"), ("--circuit", "--compare", "night"), ("--paths", "--circuit")):
        done = run("view", "dallas", *options)
        assert (done.returncode, "cannot be combined" in done.stderr) == (2, True)
    assert "no graph is named" in run("view", "dallas", "--compare", "nothing").stderr
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >"{tmp_path}/opened"\n', encoding="utf-8")
    browser.chmod(0o755)
    done = run("view", "dallas", "--paths", "--from", "Dallas", "-o", str(page), "--open", BROWSER=str(browser))
    assert json.loads(done.stdout)["nodes"] < 20
    assert (tmp_path / "opened").read_text(encoding="utf-8").strip() == page.as_uri()


def test_a_circuit_has_the_nodes_and_effects_of_its_paths(examples: Any) -> None:
    """A box for each node and an arrow for each effect, with its weight; no box over another, none outside."""
    for name in NAMES:
        view = examples[name].view_circuit(k=8, sign="any")
        found = examples[name].paths(k=8, score="product", min_hops=2)
        keys = {node.key for path in found for node in path.nodes}
        weights = {(source.key, target.key): weight for source, target, weight in found.edges()}
        assert (view.summary.nodes, view.summary.edges) == (len(keys), len(weights)), name
        layout = view.figure()["layout"]
        drawn = [shape for shape in layout["annotations"] if shape.get("name") != "legend"]
        boxes = [shape for shape in drawn if shape.get("borderwidth")]
        arrows = [shape for shape in drawn if shape["showarrow"]]
        assert (len(boxes), len(arrows)) == (len(keys), len(weights))
        assert sum(arrow["arrowhead"] == 7 for arrow in arrows) == sum(weight < 0 for weight in weights.values())
        labels = [shape["text"] for shape in drawn if not shape["showarrow"] and shape not in boxes]
        assert Counter(labels) == Counter(f"{weight:.2g}" for weight in weights.values())
        plain = examples[name].view_circuit(k=8, sign="any", weights=False).figure()["layout"]
        assert len(layout["annotations"]) - len(plain["annotations"]) == len(labels)
        legend = {shape["text"] for shape in layout["annotations"] if shape not in drawn} - {""}
        assert legend >= {node.kind for path in found for node in path.nodes} | {"positive effect"}
        assert ("negative effect" in legend) == any(weight < 0 for weight in weights.values())
        for i, box in enumerate(boxes):
            assert 0 < box["x"] < layout["width"] == layout["meta"]["least_width"]
            assert 0 < box["y"] < layout["height"]
            for other in boxes[:i]:
                apart = abs(box["x"] - other["x"]) >= box["width"]
                assert apart or abs(box["y"] - other["y"]) >= (box["height"] + other["height"]) / 2, name


def test_a_stored_circuit_is_drawn_with_its_supernodes(examples: Any, atlas: Atlas) -> None:
    """In a collapsed graph, a supernode stands for its members, in the layer of the one in the middle."""
    handle = examples["opposite-small"]
    members = {supernode.name: {node.key for node in supernode.members} for supernode in handle.supernodes()}
    grouped = set().union(*members.values())
    alone = [found.node.key for found in handle.influence(kinds=["feature"], k=30) if found.node.key not in grouped]
    handle.score_circuit([*members["small"], *members["opposite"], *alone[:5]], name="drawn", replace=True)
    collapsed = handle.collapsed()
    [circuit] = [circuit for circuit in collapsed.circuits() if circuit.name == "drawn"]
    assert {node.key for node in circuit.nodes} == {"feature:supernode/small", "feature:supernode/opposite", *alone[:5]}
    drawn = collapsed.view_circuit(name="drawn").figure()["layout"]["annotations"]
    assert collapsed.view_circuit(name="drawn").summary.nodes == sum(
        shape.get("name") != "legend" and bool(shape.get("borderwidth")) for shape in drawn
    )
    boxes = {shape["text"].partition("<br>")[0]: shape for shape in drawn if "supernode" in shape["text"]}
    assert boxes["opposite"]["y"] < boxes["small"]["y"]  # layers 4 and 15
    picture = read_picture(find_graph(atlas, collapsed.name))
    assert {node.key: node.row for node in picture.nodes}["feature:supernode/small"] == 15
    with pytest.raises(InvalidArgumentError, match="is a collapsed graph"):
        collapsed.delete_circuit("drawn")
    handle.delete_circuit("drawn")


def test_a_circuit_has_at_most_20_nodes(examples: Any) -> None:
    view = examples["dallas"].view_circuit(k=100)
    assert view.summary.nodes <= 20
    assert re.fullmatch(
        r"Only the \d+ best paths are drawn: with more, there would be over 20 nodes\.", view.summary.notes[0]
    )
    with pytest.raises(InvalidArgumentError, match="no path matches"):
        examples["dallas"].view_circuit(sources=["logit:San"])


PAGE = "https://www.neuronpedia.org/gemma-2-2b/20-clt-hp/44686"


def test_a_feature_leads_to_its_page_wherever_it_is_named(examples: Any, atlas: Any) -> None:
    dallas = examples["dallas"]
    link = f'<a href="{PAGE}"'
    paths = dallas.paths(must_pass=["20/44686@10"])
    neighbors = dallas.neighbors("Austin", k=50)
    report = dallas.report()
    answers = {
        "paths": paths,
        "sliced": paths[:3],
        "neighbors": neighbors,
        "subgraph": dallas.subgraph("20/44686@10", hops=1, k=3),
        "influence": dallas.influence(k=100),
        "effects": dallas.edge_influence(k=200),
        "nodes": dallas.nodes(),
        "features": atlas.only_features("dallas", without=["night"], k=1000),
        "search": atlas.search("Texas locations/legal contexts", places=1),
        "compare": atlas.compare("dallas", "night", k=500),
    }
    assert [name for name, answer in answers.items() if link not in answer._repr_html_()] == []
    assert link in report.html
    assert f"]({PAGE})" in report.markdown()
    nodes = json.loads(re.findall(r'<script id="data".*?>(.*?)</script>', dallas.view().html)[0])["nodes"]
    assert {node["page"] for node in nodes if node["key"].startswith("feature:20/44686@")} == {PAGE}
    assert {node["page"] for node in nodes if node["kind"] != "feature"} == {None}
    assert "<a " not in str(paths)
    # Neuronpedia does not have every source set.
    assert "<a " not in examples["dallas-haiku"].paths()._repr_html_()
