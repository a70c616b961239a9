"""From a prompt to a stored graph: `Atlas.attribute`."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from circuit_atlas.answers import FileResult, IngestResult, IngestResults
from circuit_atlas.attribution import (
    AttributionOptions,
    LoadOptions,
    Prompt,
    attribute_prompt,
    load_model,
    read_prompts,
    slug_of,
)
from circuit_atlas.errors import (
    AtlasError,
    DatabaseError,
    GraphExistsError,
    GraphNotFoundError,
    InputError,
    InvalidArgumentError,
)
from circuit_atlas.handle import GraphHandle
from circuit_atlas.open_database import PathLike
from circuit_atlas.queries import graphs as graph_questions
from circuit_atlas.transfers import Transfers

if TYPE_CHECKING:
    import circuit_tracer

_FILE_NAME = re.compile(r"\w[\w .-]*")
_LOADING = {field.name for field in fields(LoadOptions)}


class Attributions(Transfers):
    """Attribution with circuit-tracer; see `Atlas`."""

    def attribute(
        self,
        prompt: str,
        *,
        model: Any = None,
        transcoders: str | None = None,
        name: str | None = None,
        output: PathLike | None = None,
        replace: bool = False,
        tags: Iterable[str] = (),
        node_threshold: float | None = None,
        edge_threshold: float | None = None,
        source_set: str | None = None,
        **options: Any,
    ) -> GraphHandle:
        """Run circuit-tracer's attribution on a prompt, store the graph, and return its handle. A graph of that name
        and prompt that is stored already is left alone.

        Args:
            prompt: the text whose next token is explained.
            model: name or folder of a model (by default the one that the transcoders are of), or a ReplacementModel.
            transcoders: name or folder of a set of transcoders; none with a ReplacementModel.
            name: the graph's name; by default the words of the prompt.
            output: the `.pt` to write, or a folder for it; none is written when None. One that is there is taken
                instead of a new attribution.
            replace: whether to attribute anew and replace what is stored under that name, and the file.
            tags: names of collections that the graph belongs to.
            node_threshold: what is stored is pruned to nodes with this share of influence; the `.pt` is not.
            edge_threshold: likewise for edges.
            source_set: the set of transcoders, where `transcoders` does not tell Neuronpedia's name of it.
            options: those of `attribution.LoadOptions` and `attribution.AttributionOptions`: circuit-tracer's own.

        Raises:
            AttributionError: the model cannot be loaded, or the prompt not be attributed.
            OutOfMemoryError: there is not enough memory; the message says what to lower.
            GraphExistsError: a graph of another prompt or model has the name, and `replace` is not set.
            InputError: the file is there with another prompt's graph, or cannot be written.
        """
        asked = Prompt(prompt, name or slug_of(prompt))
        reader = {"node_threshold": node_threshold, "edge_threshold": edge_threshold, "source_set": source_set}
        plan = _Plan.of(model, transcoders, options, reader, tags)
        file = _file(output, asked.name)
        result = None if replace else self._left_alone(asked, file, plan)
        if result is None:
            result = self._attributed(asked, file, plan.load(), plan, replace)
        return GraphHandle(self._runner, result.graph, ingested=result)

    def attribute_all(
        self,
        prompts: PathLike | Iterable[str | Prompt],
        *,
        model: Any = None,
        transcoders: str | None = None,
        output: PathLike | None = None,
        replace: bool = False,
        tags: Iterable[str] = (),
        node_threshold: float | None = None,
        edge_threshold: float | None = None,
        source_set: str | None = None,
        **options: Any,
    ) -> IngestResults:
        """Attribute several prompts with a model that is loaded once. What is stored, or saved, already is left alone,
        so that the same call goes on where an earlier one was stopped; a prompt that fails is told of in the answer.

        Args:
            prompts: a file (see `attribution.read_prompts`), or the prompts.
            output: a folder for the `.pt` files; none are written when None.
            model, transcoders, replace, tags, node_threshold, edge_threshold, source_set, options: as in `attribute`.

        Raises:
            InputError: the file of prompts cannot be read.
            AttributionError: the model cannot be loaded.
            DatabaseError: the database is not there any more.
        """
        if isinstance(prompts, str | os.PathLike):
            asked = read_prompts(Path(prompts))
        else:
            asked = [p if isinstance(p, Prompt) else Prompt(p, slug_of(p)) for p in prompts]
        reader = {"node_threshold": node_threshold, "edge_threshold": edge_threshold, "source_set": source_set}
        plan = _Plan.of(model, transcoders, options, reader, tags)
        files = {prompt: None if output is None else Path(output) / _file_name(prompt.name) for prompt in asked}
        found: dict[Prompt, FileResult | None] = dict.fromkeys(asked)

        def note(prompt: Prompt, work: Callable[[], IngestResult | None]) -> None:
            shown = str(files[prompt] or prompt.name)
            try:
                result = work()
            except DatabaseError:
                raise
            except AtlasError as error:
                found[prompt] = FileResult(file=shown, result=None, error=str(error))
            else:
                found[prompt] = None if result is None else FileResult(file=shown, result=result, error=None)

        for prompt in asked if not replace else ():
            note(prompt, partial(self._left_alone, prompt, files[prompt], plan))
        left = [prompt for prompt in asked if found[prompt] is None]
        loaded = plan.load() if left else None
        for prompt in tqdm(left, "attributing", unit=" prompts", disable=None if self._progress else True):
            note(prompt, partial(self._attributed, prompt, files[prompt], loaded, plan, replace))
        results = [result for result in found.values() if result]
        return IngestResults(files=results, failed=sum(result.error is not None for result in results))

    def _left_alone(self, prompt: Prompt, file: Path | None, plan: _Plan) -> IngestResult | None:
        """What is stored of a prompt already, or is now, from the file of an earlier attribution; None when neither."""
        from circuit_atlas.ingest import read_graph
        from circuit_atlas.ingest.load import check_tags

        try:
            there = graph_questions.find_graph(self._runner, prompt.name)["graph"]
        except GraphNotFoundError:
            there = None
        if there is not None:
            if not _is_of(prompt, there["prompt"]) or not plan.is_of(there["model"]):
                raise GraphExistsError(
                    f"a graph named {prompt.name!r}, of {there['prompt']!r:.80} by {there['model']}, is there",
                    fix="Give this one another name with --name, or say --replace.",
                )
            if plan.tags:
                with self._writing():
                    self._stored_rows().add_tags(prompt.name, check_tags(plan.tags))
            return IngestResult(
                graph=prompt.name,
                status="unchanged",
                nodes=there["nodes"],
                edges=there["edges"],
                zero_links=there["zero_links"],
                warnings=[],
            )
        if file is None or not file.exists():
            return None
        data = read_graph(file, **plan.reader)
        if not _is_of(prompt, data.metadata.prompt):
            raise InputError(
                f"is there, with the graph of {data.metadata.prompt!r:.80}",
                where=str(file),
                fix="Give another place with --output, or say --replace.",
            )
        return self._store(data, prompt.name, replace=False, tags=plan.tags)

    def _attributed(self, prompt: Prompt, file: Path | None, model: Any, plan: _Plan, replace: bool) -> IngestResult:
        from circuit_atlas.ingest import read_graph
        from circuit_atlas.ingest.load import check_name, check_tags

        check_name(prompt.name)
        check_tags(plan.tags)
        graph = attribute_prompt(model, prompt.text, plan.options)
        if file is None:
            return self._store(read_graph(graph, **plan.reader), prompt.name, replace=replace, tags=plan.tags)
        _save(graph, file)
        del graph
        return self._store(read_graph(file, **plan.reader), prompt.name, replace=replace, tags=plan.tags)


@dataclass(frozen=True)
class _Plan:
    """Which model attributes, and how; how what it makes is read and tagged."""

    model: Any
    transcoders: str | None
    loading: LoadOptions
    options: AttributionOptions
    reader: dict[str, Any]
    tags: tuple[str, ...]

    @classmethod
    def of(
        cls, model: Any, transcoders: str | None, options: dict[str, Any], reader: dict[str, Any], tags: Iterable[str]
    ) -> _Plan:
        model = str(model) if isinstance(model, os.PathLike) else model
        if isinstance(model, str | None) and transcoders is None:
            raise InvalidArgumentError("no transcoders", fix="Name them, such as `gemma`, or give their folder.")
        parts: tuple[dict[str, Any], dict[str, Any]] = {}, {}
        for key, value in options.items():
            parts[key in _LOADING][key] = value
        try:
            chosen = LoadOptions(**parts[True]), AttributionOptions(**parts[False])
        except TypeError as error:
            raise InvalidArgumentError(f"attribute does not take {str(error).rpartition(' ')[2]}") from error
        return cls(model, transcoders, *chosen, reader, tuple(tags))

    def load(self) -> Any:
        """The replacement model."""
        if not isinstance(self.model, str | None):
            return self.model
        return load_model(self.model, str(self.transcoders), self.loading)

    def is_of(self, model: str) -> bool:
        """Whether a graph of `model`, as it is stored, may be of this one."""
        return not isinstance(self.model, str) or Path(self.model).name.lower() == model.lower()


def _is_of(prompt: Prompt, stored: str) -> bool:
    """Whether a graph is of a prompt: it was decoded from tokens, so blanks do not count, and begins with BOS."""
    return "".join(stored.split()).endswith("".join(prompt.text.split()))


def _file(output: PathLike | None, name: str) -> Path | None:
    if output is None:
        return None
    is_folder = Path(output).is_dir() or os.fspath(output).endswith(os.sep)
    return Path(output) / _file_name(name) if is_folder else Path(output)


def _file_name(name: str) -> str:
    return f"{name if _FILE_NAME.fullmatch(name) else slug_of(name)}.pt"


def _save(graph: circuit_tracer.Graph, file: Path) -> None:
    """Write a `.pt`, whole or not at all."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=".attribute-") as beside:
            part = Path(beside) / "graph.pt"
            graph.to_pt(str(part))
            part.replace(file)
    except (OSError, RuntimeError) as error:
        raise InputError(
            f"cannot be written: {error}", where=str(file), fix="Check the place and its free space."
        ) from error
