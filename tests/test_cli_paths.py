"""The commands about paths, synthetic graphs and several files, as processes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support.examples import EXAMPLES
from support.program import Run, fails

from circuit_atlas import GraphHandle


@pytest.mark.parametrize("option", ["--features-per-layer=9", "--logits=5", "--density=0.5"])
def test_options_that_a_simple_graph_ignores_are_refused(run: Run, option: str, tmp_path: Path) -> None:
    fails(run("synth", str(tmp_path / "x.json"), "--simple", option), 2, f"{option.partition('=')[0]} has no effect")


def test_paths_can_be_restricted(run: Run, examples: dict[str, GraphHandle]) -> None:
    done = run(
        "paths",
        "dallas",
        "--layer",
        "10-24",
        "--layer",
        "2",
        "--position",
        "9-10",
        "--must-pass",
        "feature:20/44686@10",
        "-k",
        "5",
    )
    expected = examples["dallas"].paths(
        layers=[*range(10, 25), 2], positions=[9, 10], must_pass=["feature:20/44686@10"], k=5
    )
    assert json.loads(done.stdout) == json.loads(expected.to_json())
    assert len(expected.paths) == 5
    for wrong in ("x", "3-", "3-x", "1.5", "9-3"):
        fails(run("paths", "dallas", f"--layer={wrong}"), 2, "not a number or a range")
    fails(run("paths", "dallas", "--layer=-3"), 1, "layer cannot be -3")  # only positions are counted from the end


def test_the_value_of_edges_can_be_given_as_an_expression(run: Run, tmp_path: Path) -> None:
    found = json.loads(run("paths", "dallas", "--score", "sum", "--edge-value", "abs(weight)", "-k", "2").stdout)
    for path in found["paths"]:
        assert path["score"] == pytest.approx(sum(map(abs, path["weights"])))
        keys = [node["key"] for node in path["nodes"]]
        again = json.loads(run("score", "dallas", *keys, "--score", "sum", "--edge-value", "abs(weight)").stdout)
        assert again["paths"][0]["score"] == pytest.approx(path["score"])
    fails(run("paths", "dallas", "--edge-value", "1 + nonsense"), 1, "column 5: unknown name 'nonsense'")
    fails(run("paths", "dallas", "--edge-value", "1", "--score", "product"), 1, "with the score `product`")
    (tmp_path / "binary.json").write_bytes(b"\x80\x02\xff")
    fails(run("score", "dallas", "--file", str(tmp_path / "binary.json")), 2, "not JSON")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    fails(run("score", "dallas", "--file", str(tmp_path / "deep.json")), 2, "not JSON")


def test_distribution_prints_all_paths_or_a_sample(run: Run) -> None:
    found = json.loads(run("distribution", "dallas", "--max-hops", "2").stdout)
    assert (found["paths"], found["scored"], found["seed"]) == (1108, 1108, None)
    sampled = json.loads(run("distribution", "dallas", "--sample", "100", "--seed", "1").stdout)
    assert (sampled["paths"], sampled["scored"], sampled["seed"]) == (90131, 100, 1)
    assert "uniform sample of 100" in run("distribution", "dallas", "--sample", "100", "--table").stdout


def test_influence_can_be_of_edges(run: Run) -> None:
    found = json.loads(run("influence", "dallas", "--by", "edge", "--to", "Austin", "-k", "3").stdout)
    assert len(found["edges"]) == 3
    assert {"source", "target", "weight", "influence"} == set(found["edges"][0])
    fails(
        run("influence", "dallas", "--by", "edge", "--share", "0.5"),
        2,
        "--share needs --by node",
    )


def test_synth_writes_the_shape_asked_for(run: Run, tmp_path: Path) -> None:
    made = json.loads(
        run("synth", str(tmp_path / "simple.json"), "--simple", "--layers", "3", "--positions", "2").stdout
    )
    assert (made["nodes"], made["edges"], made["paths"]) == (7, 15, {"1": 2, "2": 6, "3": 4})
    made = json.loads(run("synth", str(tmp_path / "small.pt"), "--features-per-layer", "5", "--json").stdout)
    assert (tmp_path / "small.pt").is_file()
    assert made["nodes"] == 6 * (5 + 8) + 8 + 5
    fails(run("synth", str(tmp_path / "small.txt")), 1, ".pt or .json")
    fails(run("synth", str(tmp_path / "small.pt"), "--features-per-layer", "9999"), 1, "at most 20,000")


def test_several_files_are_ingested_and_failures_counted(run: Run, new_name: Callable[[], str], tmp_path: Path) -> None:
    folder = tmp_path / "graphs"
    (folder / "below").mkdir(parents=True)
    document = json.loads((EXAMPLES / "opposite-small.json").read_text(encoding="utf-8"))
    names = sorted(new_name() for _ in range(3))
    for name, place in zip(names, (folder, folder / "below", tmp_path), strict=True):
        document["metadata"]["slug"] = document["metadata"]["prompt"] = name
        (place / f"{name}.json").write_text(json.dumps(document))
    (folder / "broken.json").write_text("{")
    (folder / "notes.txt").write_text("no graph")
    done = run("ingest", str(folder), str(tmp_path / f"{names[2]}.json"))
    assert done.returncode == 1
    assert "broken.json" in done.stderr
    assert "Traceback" not in done.stderr
    found = json.loads(done.stdout)
    assert found["failed"] == 1
    assert sorted(file["result"]["graph"] for file in found["files"] if file["result"]) == names
    assert all(file["result"]["status"] == "ingested" for file in found["files"] if file["result"])
    assert run("stats", names[0]).returncode == 0
    fails(run("ingest", str(folder), "--fail-fast"), 1, "broken.json")
    (folder / "broken.json").unlink()
    again = run("ingest", str(folder), "--table")
    assert again.returncode == 0
    assert again.stdout.count("unchanged") == 2
    fails(run("ingest", str(folder), "--name", "x"), 2, "for one file")
    (tmp_path / "empty").mkdir()
    fails(run("ingest", str(tmp_path / "empty")), 1, "no graph file")
