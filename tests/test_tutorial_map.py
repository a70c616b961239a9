"""The numbers of the tutorial about forty analogies, computed again from their files. The commands on the page are run
with those of all other pages."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from scipy import stats
from support.examples import ROOT, example_file
from support.oracle import read_document

PAGE = (ROOT / "docs" / "tutorial-map.md").read_text(encoding="utf-8")
FILES = sorted((ROOT / "examples" / "analogies").glob("*.json.gz"))
Pair = tuple[str, str]


def identities(document: dict[str, Any]) -> dict[str, str]:
    """What each node becomes in the map, by its id."""
    tokens = document["metadata"]["prompt_tokens"]
    logits = [node for node in document["nodes"] if node["feature_type"] == "logit"]
    target = max(logits, key=lambda node: node["token_prob"])["node_id"]
    found = {}
    for node in document["nodes"]:
        layer, index = node["node_id"].split("_")[:2]
        match node["feature_type"]:
            case "cross layer transcoder":
                found[node["node_id"]] = f"feature {layer}/{index}"
            case "mlp reconstruction error":
                found[node["node_id"]] = f"error {node['layer']}"
            case "embedding":
                found[node["node_id"]] = f"token {tokens[node['ctx_idx']]}"
            case "logit":
                found[node["node_id"]] = "target" if node["node_id"] == target else "others"
    assert len(found) == len(document["nodes"])
    return found


@pytest.fixture(scope="module")
def documents() -> list[dict[str, Any]]:
    return [read_document(file) for file in FILES]


@pytest.fixture(scope="module")
def prompts(documents: list[dict[str, Any]]) -> list[dict[Pair, float]]:
    """Of each prompt, the summed weights of its effects between nodes of the map."""
    made = []
    for document in documents:
        become, weights = identities(document), defaultdict[Pair, float](float)
        for link in document["links"]:
            source, target = become[link["source"]], become[link["target"]]
            if source != target:
                weights[source, target] += link["weight"]
        made.append(dict(weights))
    return made


@pytest.fixture(scope="module")
def names(documents: list[dict[str, Any]]) -> list[set[str]]:
    """Of each prompt, what its nodes become."""
    return [set(identities(document).values()) for document in documents]


def test_the_map_has_as_many_nodes_and_effects(
    documents: list[dict[str, Any]], prompts: list[dict[Pair, float]], names: list[set[str]]
) -> None:
    pairs = set[Pair]().union(*prompts)
    sums = {pair: sum(prompt.get(pair, 0.0) for prompt in prompts) for pair in pairs}
    edges = sum(total != 0 for total in sums.values())
    nodes = set[str]().union(*names)
    assert f"analogy-map  ingested  {len(nodes):7}  {edges:7}\n" in PAGE
    assert f"the {sum(name.startswith('feature') for name in nodes):,} features" in re.sub(r"\s+", " ", PAGE)
    links = sum(len(document["links"]) for document in documents)
    assert f"The 40 graphs have {links:,} effects, and the map has {edges:,}." in PAGE


@pytest.mark.parametrize("feature", ["0/96631", "0/93533"])
def test_the_best_paths_have_mean_weights_and_are_in_all_prompts(
    feature: str, prompts: list[dict[Pair, float]]
) -> None:
    hops = ("token  to", f"feature {feature}"), (f"feature {feature}", "target")
    means = [np.mean([prompt.get(hop, 0.0) for prompt in prompts]) for hop in hops]
    assert f"to --({means[0]:.3g})--> feature {feature} --({means[1]:.3g})--> target\n" in PAGE
    assert sum(all(hop in prompt for hop in hops) for prompt in prompts) == len(FILES) == 40
    assert f"    {feature.partition('/')[2]}         40\n" in PAGE


def test_features_that_all_have_and_that_one_alone_has(names: list[set[str]]) -> None:
    def features(nodes: set[str]) -> set[str]:
        return {name for name in nodes if name.startswith("feature")}

    shared = set.intersection(*map(features, names))
    dallas = features(set(identities(read_document(example_file("dallas"))).values()))
    assert f"{len(shared - dallas)} features, the 6 with the most influence:" in PAGE
    by_file = dict(zip([file.name for file in FILES], names, strict=True))
    night = by_file.pop("night.json.gz")
    alone = features(night) - features(set[str]().union(*by_file.values()))
    assert f"{len(alone)} features, the 4 with the most influence:" in PAGE


def test_effects_that_only_the_analogies_have(prompts: list[dict[Pair, float]]) -> None:
    document = read_document(example_file("dallas"))
    become = identities(document)
    dallas = {(become[link["source"]], become[link["target"]]) for link in document["links"]}
    everywhere = set.intersection(*map(set, prompts)) - dallas
    weights = {pair: np.mean([prompt[pair] for prompt in prompts]) for pair in everywhere}
    first = sorted(weights, key=lambda pair: -abs(weights[pair]))[:4]
    number = r"(-?\d+\.?\d*)"
    shown = rf"^token:(.+?)  +\S+ +feature:(\S+) .*?{number} \[{number}, {number}\] +40 of 40  0 of 1 "
    rows = re.findall(shown, PAGE, re.MULTILINE)
    assert [(f"token {token}", f"feature {feature}") for token, feature, *_ in rows] == first
    for pair, (_, _, *found) in zip(first, rows, strict=True):
        each = [prompt[pair] for prompt in prompts]
        low, high = stats.t.interval(0.95, len(each) - 1, np.mean(each), stats.sem(each))
        assert [float(one) for one in found] == [float(f"{one:.4g}") for one in (weights[pair], low, high)]
