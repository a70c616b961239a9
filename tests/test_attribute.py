"""From a prompt to a stored graph, with a small model and small transcoders on a CPU, read from folders."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.graphs import status_of
from support.program import Run, fails

from circuit_atlas import Atlas
from circuit_atlas.attribution import (
    AttributionOptions,
    LoadOptions,
    Prompt,
    attribute_prompt,
    load_model,
    read_prompts,
    slug_of,
)
from circuit_atlas.attribution.load import is_named, scan_of
from circuit_atlas.attribution.stored import _file, _files, _is_of
from circuit_atlas.errors import AttributionError, GraphExistsError, InputError, InvalidArgumentError, OutOfMemoryError
from circuit_atlas.handle import IngestedGraph

PROMPT = "Fact : The capital of the state containing Dallas is"
OTHER = "The capital of the state containing Oakland is"


class Folders(NamedTuple):
    model: Path
    transcoders: Path

    def options(self) -> dict[str, Any]:
        return {"model": str(self.model), "transcoders": str(self.transcoders)}

    def flags(self) -> list[str]:
        return ["--model", str(self.model), "--transcoders", str(self.transcoders)]


@pytest.fixture(scope="session")
def folders(small_model: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """Below a folder called llama: TransformerLens takes that for the name of a model."""
    place = tmp_path_factory.mktemp("llama")
    return Folders(small_model.save_model(place / "small"), small_model.save_transcoders(place / "transcoders"))


@pytest.fixture(scope="session")
def loaded(folders: Folders) -> Any:
    return load_model(str(folders.model), str(folders.transcoders), LoadOptions())


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_prompt_is_attributed_saved_and_stored(
    run: Run,
    atlas: Atlas,
    folders: Folders,
    loaded: Any,
    torch: ModuleType,
    work: Path,
    new_name: Callable[[], str],
) -> None:
    from circuit_tracer import Graph

    name = new_name()
    done = run("attribute", PROMPT, "--name", name, "--max-n-logits", "3", *folders.flags())
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["graph"], answer["status"]) == (name, "ingested")
    saved = Graph.from_pt(str(work / f"{name}.pt"))
    expected = attribute_prompt(loaded, PROMPT, AttributionOptions(max_n_logits=3))
    assert torch.equal(saved.adjacency_matrix, expected.adjacency_matrix)
    assert answer["nodes"] == len(expected.adjacency_matrix)
    assert not atlas.verify(name, work / f"{name}.pt").graphs[0].problems
    stored = atlas.graph(name).metadata
    assert stored["model"] == "small"
    assert stored["tokens"] == ["<bos>", *PROMPT.split()]
    again_with = ["attribute", PROMPT, "--name", name, "--model", str(folders.model), "--tag", "small models"]
    (work / folders.transcoders.name).mkdir()
    again = run(*again_with, "--transcoders", folders.transcoders.name)  # an empty folder of the same name
    assert json.loads(again.stdout)["status"] == "unchanged"  # the model was not even loaded
    tags = atlas.cypher("MATCH (:Graph {name: $n})-[:TAGGED]->(t) RETURN t.name AS tag LIMIT 5", {"n": name})
    assert tags.rows == [{"tag": "small models"}]


def test_what_is_stored_is_not_taken_for_another_attribution(
    atlas: Atlas, folders: Folders, small_model: ModuleType, loaded: Any, tmp_path: Path, new_name: Callable[[], str]
) -> None:
    """With other transcoders, outputs or limits, the stored graph is no answer; nor is that of a file."""
    name, file = new_name(), tmp_path / "graph.pt"
    targets = ["Austin", "Texas"]
    few: dict[str, Any] = {"attribution_targets": targets, "max_feature_nodes": 20}
    atlas.attribute(PROMPT, model=loaded, name=name, output=file, **few)
    others = small_model.save_transcoders(tmp_path / "others")
    settings = (others / "config.yaml").read_text()
    assert "small-set" in settings
    (others / "config.yaml").write_text(settings.replace("small-set", "other-set"))
    model = str(folders.model)
    changes: list[dict[str, Any]] = [
        {"model": model, "transcoders": str(others)},
        {"model": model, "transcoders": "gemma"},
        {"source_set": "others"},
        {"attribution_targets": ["Austin"]},
        {"attribution_targets": ["Austin", "Dallas"]},
        {"max_n_logits": 1},
        {"max_feature_nodes": 19},
    ]
    for change in changes:
        with pytest.raises(GraphExistsError, match=rf"graph '{name}' already exists, (of|with) "):
            atlas.attribute(PROMPT, name=name, **{"model": loaded, **change})
    for change in changes[:2] + changes[3:]:  # the name of the set is given to what is read
        with pytest.raises(InputError, match="already exists, with a graph (of|with) "):
            atlas.attribute(PROMPT, name=new_name(), output=file, **{"model": loaded, **change})
    alike: list[dict[str, Any]] = [few, {"max_n_logits": 2}, {"max_feature_nodes": 40}, {"desired_logit_prob": 0.5}]
    for again in alike:
        assert status_of(atlas.attribute(PROMPT, model=loaded, name=name, **again)) == "unchanged"
    same: dict[str, Any] = {"model": model, "transcoders": str(folders.transcoders)}
    assert status_of(atlas.attribute(PROMPT, name=name, **same)) == "unchanged"


@pytest.mark.parametrize(
    ("transcoders", "scan"),
    [
        ("gemma", "mwhanna/gemma-scope-transcoders"),
        ("mntss/clt-gemma-2-2b-426k", "mntss/clt-gemma-2-2b-426k"),
        ("user/repository@v1", "user/repository@v1"),
        ("user/repository/a/b@v1", "user/repository//a/b@v1"),
        ("hf://user/repository/file", None),
    ],
)
def test_the_name_that_graphs_keep_of_transcoders(transcoders: str, scan: str | None) -> None:
    assert scan_of(transcoders) == scan


def test_a_loaded_model_answers_as_its_files_do(folders: Folders, loaded: Any, torch: ModuleType) -> None:
    from transformers import AutoModelForCausalLM

    tokens = loaded.ensure_tokenized(PROMPT)[None]
    expected = AutoModelForCausalLM.from_pretrained(folders.model)(tokens).logits
    torch.testing.assert_close(loaded(tokens), expected, atol=1e-4, rtol=1e-4)


def test_both_backends_and_every_option(folders: Folders, loaded: Any, torch: ModuleType) -> None:
    options = AttributionOptions(
        max_n_logits=4, desired_logit_prob=0.5, batch_size=32, max_feature_nodes=60, offload="cpu", update_interval=2
    )
    ours = attribute_prompt(loaded, PROMPT, options)
    assert len(ours.selected_features) == 60
    nnsight = load_model(str(folders.model), str(folders.transcoders), LoadOptions(backend="nnsight", device="cpu"))
    other = attribute_prompt(nnsight, PROMPT, options)
    torch.testing.assert_close(other.adjacency_matrix, ours.adjacency_matrix, atol=1e-4, rtol=1e-4)
    targets = attribute_prompt(loaded, PROMPT, AttributionOptions(attribution_targets=["Austin", "Texas"]))
    assert [target.token_str for target in targets.logit_targets] == ["Austin", "Texas"]


def test_cross_layer_transcoders_and_a_type_of_numbers(
    folders: Folders, torch: ModuleType, small_model: ModuleType, tmp_path: Path
) -> None:
    crossing = small_model.save_transcoders(tmp_path / "clt", "cross_layer_transcoder")
    options = LoadOptions(dtype="bfloat16", lazy_encoder=True)
    graph = attribute_prompt(load_model(str(folders.model), str(crossing), options), PROMPT, AttributionOptions())
    assert graph.adjacency_matrix.abs().sum() > 0
    assert graph.cfg.dtype is torch.bfloat16


def test_a_loaded_model_can_be_given(atlas: Atlas, loaded: Any, new_name: Callable[[], str]) -> None:
    name = new_name()
    graph = atlas.attribute(PROMPT, model=loaded, name=name, max_n_logits=2, node_threshold=0.8, edge_threshold=0.9)
    assert graph.metadata["logit_nodes"] == 2
    assert graph.metadata["node_threshold"] == 0.8
    whole = atlas.attribute(PROMPT, model=loaded, name=name)
    assert isinstance(whole, IngestedGraph)
    assert status_of(whole) == "unchanged"
    told = "already stored, pruned with the {}_threshold {}; `--replace` makes it again"
    assert whole.ingested.warnings[-2:] == [told.format("node", 0.8), told.format("edge", 0.9)]
    assert status_of(atlas.attribute(PROMPT, model=loaded, name=name, node_threshold=0.8)) == "unchanged"
    with pytest.raises(GraphExistsError, match="already exists, with the node_threshold 0.8"):
        atlas.attribute(PROMPT, model=loaded, name=name, node_threshold=0.5)
    with pytest.raises(GraphExistsError, match="Dallas"):
        atlas.attribute(OTHER, model=loaded, name=name)
    replaced = atlas.attribute(OTHER, model=loaded, name=name, replace=True, max_n_logits=2)
    assert status_of(replaced) == "replaced"


def test_the_prompts_of_a_file_are_resumed(
    run: Run, atlas: Atlas, folders: Folders, work: Path, new_name: Callable[[], str]
) -> None:
    first, second, third = new_name(), new_name(), new_name()
    lines = [
        {"prompt": PROMPT, "name": first},
        {"prompt": "<bos>", "name": second},
        {"prompt": OTHER, "name": third},
    ]
    (work / "prompts.jsonl").write_text("\n".join(map(json.dumps, lines)))
    arguments = [
        "attribute",
        "--prompts",
        "prompts.jsonl",
        "--output",
        "graphs",
        "--max-n-logits",
        "2",
        "--max-feature-nodes",
        "40",
        *folders.flags(),
    ]
    done = run(*arguments)
    assert done.returncode == 1  # the second prompt is a token too short for circuit-tracer
    answer = json.loads(done.stdout)
    assert [bool(file["error"]) for file in answer["files"]] == [False, True, False]
    assert answer["failed"] == 1
    assert "Traceback" not in done.stderr
    assert sorted(file.name for file in (work / "graphs").iterdir()) == sorted([f"{first}.pt", f"{third}.pt"])
    stamp = (work / "graphs" / f"{first}.pt").stat().st_mtime_ns
    atlas.delete(third)  # its file is still there
    again = json.loads(run(*arguments).stdout)
    assert [file["result"] and file["result"]["status"] for file in again["files"]] == ["unchanged", None, "ingested"]
    assert (work / "graphs" / f"{first}.pt").stat().st_mtime_ns == stamp
    assert again["files"][0]["result"]["warnings"] == answer["files"][0]["result"]["warnings"]
    elsewhere = json.loads(run(*["other" if word == "graphs" else word for word in arguments]).stdout)
    assert f"other/{first}.pt was not written" in elsewhere["files"][0]["result"]["warnings"][-1]


def test_a_prompt_is_attributed_at_each_position(
    run: Run, atlas: Atlas, folders: Folders, loaded: Any, work: Path, new_name: Callable[[], str]
) -> None:
    name, words = new_name(), PROMPT.split()[:3]
    options = ["--output", "graphs", "--max-n-logits", "2", "--max-feature-nodes", "20", "--tag", name]
    done = run("attribute", " ".join(words), "--each-position", "--name", name, *options, *folders.flags())
    assert [file["result"]["graph"] for file in json.loads(done.stdout)["files"]] == [f"{name}@{i}" for i in (1, 2, 3)]
    assert sorted(file.name for file in (work / "graphs").iterdir()) == [f"{name}@{i}.pt" for i in (1, 2, 3)]
    found = atlas.series(tags=[name])
    assert [(step.position, step.token) for step in found.steps] == list(enumerate(words, 1))
    alone = atlas.attribute(" ".join(words[:2]), model=loaded, name=new_name(), max_n_logits=2, max_feature_nodes=20)
    assert alone.paths() == atlas.graph(f"{name}@2").paths().model_copy(update={"graph": alone.name})
    again = atlas.attribute_all([Prompt(" ".join(words), name)], each_position=True, model=loaded)
    assert {file.result.status for file in again.files if file.result} == {"unchanged"}


def test_prompts_without_positions_are_reported(loaded: Any, atlas: Atlas, new_name: Callable[[], str]) -> None:
    """The others are attributed nevertheless."""
    good = new_name()
    prompts = [Prompt("<bos>", "nothing"), Prompt(" ", "blank"), Prompt("<bos> Fact :", good)]
    options: Any = {"model": loaded, "max_n_logits": 2, "max_feature_nodes": 20}
    found = atlas.attribute_all(prompts, each_position=True, **options)
    assert [file.error and file.error.splitlines()[0] for file in found.files] == [
        "nothing: the prompt has no token after the start",
        "blank: the prompt is empty",
        None,
        None,
    ]
    assert [step.token for step in atlas.series(f"{good}@1", f"{good}@2").steps] == ["Fact", ":"]
    with pytest.raises(GraphExistsError):
        atlas.attribute("act", name=f"{good}@1", **options)  # another word, with which the stored prompt ends


def test_an_existing_file_of_another_prompt_is_refused(
    atlas: Atlas, loaded: Any, work: Path, new_name: Callable[[], str]
) -> None:
    name = new_name()
    atlas.attribute(PROMPT, model=loaded, name=name, output=work / "graph.pt", max_n_logits=1)
    with pytest.raises(InputError, match="Dallas"):
        atlas.attribute(OTHER, model=loaded, name=new_name(), output=work / "graph.pt")
    with pytest.raises(InputError, match="cannot be written"):
        atlas.attribute(OTHER, model=loaded, name=new_name(), output=work / "graph.pt" / "below.pt")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model": "/nowhere/model"}, "/nowhere/model"),
        ({"transcoders": "/nowhere/transcoders"}, "/nowhere/transcoders"),
        ({"device": "cuda:7"}, "cuda:7"),
        ({"device": "toaster"}, "toaster"),
    ],
)
def test_the_error_names_what_cannot_be_loaded(
    change: dict[str, str], says: str, folders: Folders, atlas: Atlas
) -> None:
    with pytest.raises(AttributionError, match=says):
        atlas.attribute(PROMPT, name="never-stored", **{**folders.options(), **change})


def test_transcoders_of_another_number_of_layers_are_refused(
    folders: Folders, small_model: ModuleType, tmp_path: Path
) -> None:
    short = small_model.save_transcoders(tmp_path / "short", n_layers=2)
    with pytest.raises(AttributionError, match="3 layers, but the transcoders are for 2"):
        load_model(str(folders.model), str(short), LoadOptions())


def test_impossible_attributions_are_refused(atlas: Atlas, loaded: Any, run: Run, folders: Folders) -> None:
    with pytest.raises(InvalidArgumentError, match="transcoders"):
        atlas.attribute(PROMPT, model="google/gemma-2-2b")
    limits: list[dict[str, Any]] = [{"max_n_logits": 3}, {"desired_logit_prob": 0.5}]
    for limit in limits:
        with pytest.raises(InvalidArgumentError, match=f"{next(iter(limit))} has no effect on outputs that are named"):
            atlas.attribute(PROMPT, model=loaded, attribution_targets=["Austin"], **limit)
    unknown: dict[str, Any] = {"max_hops": 3}
    with pytest.raises(InvalidArgumentError, match="max_hops"):
        atlas.attribute(PROMPT, model=loaded, **unknown)
    with pytest.raises(AttributionError, match="empty"):
        atlas.attribute(" ", model=loaded, name="never-stored")
    with pytest.raises(AttributionError, match="no such word"):
        atlas.attribute(PROMPT, model=loaded, name="never-stored", attribution_targets=["no such word"])
    for option in ("source_set", "device"):
        empty: dict[str, Any] = {option: ""}
        with pytest.raises(InvalidArgumentError, match=f"{option} is an empty text"):
            atlas.attribute(PROMPT, model=loaded, **empty)
    with pytest.raises(InvalidArgumentError, match="model is an empty text"):
        atlas.attribute_all([PROMPT], model="", transcoders="gemma")
    for flags in ([], ["--each-position"]):
        fails(run("attribute", PROMPT, *folders.flags(), *flags, "--name", ""), 2, "--name is an empty text")
    assert run("attribute", "--transcoders", "gemma").returncode == 2
    assert run("attribute", PROMPT, "--prompts", "x", *folders.flags()).returncode == 2


def test_the_error_of_too_little_memory_says_what_to_lower(folders: Folders) -> None:
    """A real allocation that fails: the process may not have what a batch of two million rows takes."""
    code = f"""
        import resource
        import psutil
        from circuit_atlas.attribution import AttributionOptions, LoadOptions, attribute_prompt, load_model
        from circuit_atlas.errors import OutOfMemoryError
        model = load_model({str(folders.model)!r}, {str(folders.transcoders)!r}, LoadOptions(device="cpu"))
        limit = psutil.Process().memory_info().vms + 500_000_000
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        try:
            attribute_prompt(model, {PROMPT!r}, AttributionOptions(batch_size=2_000_000))
        except OutOfMemoryError as error:
            print(error)
        graph = attribute_prompt(model, {PROMPT!r}, AttributionOptions(batch_size=64, max_n_logits=1))
        print(len(graph.adjacency_matrix))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    assert done.returncode == 0, done.stderr
    said, size = done.stdout.rsplit("\n", 2)[:2]
    assert said.startswith("out of memory")
    assert all(option in said for option in ("--batch-size (half of 2000000)", "--max-feature-nodes", "--offload"))
    assert int(size) > 0
    assert OutOfMemoryError("x").exit_code == 3


def test_prompts_are_read_from_text_and_json(tmp_path: Path) -> None:
    text = tmp_path / "prompts.txt"
    text.write_text("The capital is\n\nHello, world!\nThe capital is\n")
    assert read_prompts(text) == [Prompt("The capital is", "the-capital-is"), Prompt("Hello, world!", "hello-world")]
    lines = tmp_path / "prompts.jsonl"
    lines.write_text('"one"\n{"prompt": "two", "name": "second"}\n')
    assert read_prompts(lines) == [Prompt("one", "one"), Prompt("two", "second")]
    capitals = lines.rename(tmp_path / "PROMPTS.JSONL")
    assert read_prompts(capitals) == [Prompt("one", "one"), Prompt("two", "second")]
    text.write_text("Hello\u2028world\n", encoding="utf-8-sig")  # as Windows writes it; and no separator of lines
    assert [prompt.text for prompt in read_prompts(text)] == ["Hello\u2028world"]
    lines.write_text('"a\u2028b"\n', encoding="utf-8-sig")
    assert [prompt.text for prompt in read_prompts(lines)] == ["a\u2028b"]
    for bad in (
        "{",
        "3",
        '{"name": "x"}',
        '{"prompt": " "}',
        "",
        '{"prompt": "x", "name": ""}',
        '{"prompt": "\\ud83d x"}',
        "9" * 5_000,
    ):
        lines.write_text(bad)
        with pytest.raises(InputError):
            read_prompts(lines)
    text.write_text("Hello, world!\nhello world\n")
    with pytest.raises(InputError, match="two different prompts have the name 'hello-world'"):
        read_prompts(text)


@given(st.text(min_size=1))
def test_any_text_has_a_slug(text: str) -> None:
    slug = slug_of(text)
    assert 0 < len(slug) <= 70
    assert set(slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert not slug.startswith("-")
    assert slug == slug_of(text)


def test_blanks_at_an_end_make_another_name() -> None:
    assert slug_of("the capital is") == "the-capital-is"
    assert len({slug_of(text) for text in ("the capital is", "the capital is ", " the capital is")}) == 3


@pytest.mark.parametrize(
    ("prompt", "stored", "is_same"),
    [
        ("The capital of Texas is", "<bos>The capital of Texas is", True),
        ("The capital of Texas is", "<s> The capital of Texas is", True),
        ("Yes , it is n't", "<bos>Yes, it isn't", True),
        ("Wait  . x  , y", "<bos>Wait . x , y", True),
        ("the dogs ' , and ' .", "<bos>the dogs ', and '.", True),
        ("the dogs ' tails", "<bos>the dogs'tails", True),
        ("e\N{COMBINING ACUTE ACCENT}t", "\N{LATIN SMALL LETTER E WITH ACUTE}t", True),
        ("The capital of Texas is ", "<bos>The capital of Texas is", False),
        (" The capital of Texas is", "<bos>The capital of Texas is", False),
        ("The capital of Texas is", " The capital of Texas is", False),
        ("the rapist", "<bos>therapist", False),
        ("Wait.", "<bos>Wait .", False),
        ("is", "<bos>this", False),
    ],
)
def test_blanks_make_another_prompt(prompt: str, stored: str, is_same: bool) -> None:
    """They are tokens, or parts of tokens."""
    assert _is_of(Prompt(prompt, "x"), stored) is is_same


@given(text=st.text(" .?!,'anmsvtre"))
def test_a_prompt_is_known_again_after_the_clean_up_of_transformers(text: str, torch: ModuleType) -> None:
    from transformers import PreTrainedTokenizerBase

    for decoded in (text, PreTrainedTokenizerBase.clean_up_tokenization(text)):
        assert _is_of(Prompt(text, "x"), f"<bos>{decoded}")


def test_a_model_is_known_by_the_name_that_graphs_keep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, torch: ModuleType
) -> None:
    (tmp_path / "gemma-2-2b").mkdir()
    (tmp_path / "current").symlink_to("gemma-2-2b")
    for model in ("google/gemma-2-2b", "Gemma-2-2B", str(tmp_path / "gemma-2-2b"), str(tmp_path / "current")):
        assert is_named(model, "gemma-2-2b"), model
        assert not is_named(model, "gemma-2-9b"), model
    monkeypatch.chdir(tmp_path / "current")
    assert is_named(".", "gemma-2-2b")
    assert is_named("gpt2-small", "gpt2")


def test_half_a_character_is_refused(atlas: Atlas) -> None:
    for text in ("a\ud800", b"a\xff".decode(errors="surrogateescape")):
        with pytest.raises(InputError, match="half a character"):
            atlas.attribute(text, transcoders="gemma")
        with pytest.raises(InputError, match="half a character"):
            atlas.attribute_all([text], transcoders="gemma")


@pytest.mark.parametrize("names", [("a/b", "a-b"), ("Case", "case")])
def test_two_graphs_are_not_written_to_one_file(names: tuple[str, str], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"'{names[0]}' and '{names[1]}' would be written to the same file"):
        _files(tmp_path, [Prompt(f"text of {name}", name) for name in names])


def test_a_name_that_is_too_long_for_a_file_gets_another_file(tmp_path: Path) -> None:
    long = "\u732b" * 90  # 270 bytes
    [file] = _files(tmp_path, [Prompt("text", long)]).values()
    assert file is not None
    file.touch()
    with pytest.raises(InputError, match="an empty text"):
        _file("", "name")
