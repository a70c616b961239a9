"""From a prompt to a stored graph: attributes prompts and ingests the result."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, Unpack

from tqdm import tqdm

from circuit_atlas.attribution.load import is_named, load_model, scan_of
from circuit_atlas.attribution.options import AttributeOptions, AttributionOptions, LoadOptions
from circuit_atlas.attribution.prompts import (
    Prompt,
    at_each_position,
    checked_names,
    named_prompt,
    read_prompts,
    slug_of,
)
from circuit_atlas.attribution.run import attribute_prompt
from circuit_atlas.database import Database
from circuit_atlas.errors import (
    AtlasError,
    AttributionError,
    DatabaseError,
    GraphExistsError,
    GraphNotFoundError,
    InputError,
    InvalidArgumentError,
)
from circuit_atlas.files import replacing
from circuit_atlas.graph.data import KINDS, GraphData
from circuit_atlas.handle import IngestedGraph
from circuit_atlas.ingest.files import given_path
from circuit_atlas.ingest.load import add_tags
from circuit_atlas.ingest.names import check_name, check_tags
from circuit_atlas.ingest.options import ReadOptions, check_options
from circuit_atlas.ingest.results import FileResult, IngestResult, IngestResults
from circuit_atlas.ingest.source_sets import identify
from circuit_atlas.printable import first_of
from circuit_atlas.queries.graphs import StoredGraph, find_graph
from circuit_atlas.schema.keys import Kind

if TYPE_CHECKING:
    import circuit_tracer

PathLike = str | os.PathLike[str]
_CLEANED_UP = (" .", " ?", " !", " ,", " ' ", " n't", " 'm", " 's", " 've", " 're")  # in the order of transformers
# Of the usual tokenizers; none if the prompt has it.
_BOS = re.compile(r"(?:(?:<[^<>]+>|\[\w+\]) ?)?")
_SHOWN = 10  # outputs that an error names
_FILE_NAME = re.compile(r"\w[\w .@-]*")
_MAX_FILE_NAME = 200  # bytes: a temporary file beside it has a longer name


def attribute(
    database: Database,
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
    **options: Unpack[AttributeOptions],
) -> IngestedGraph:
    """Run circuit-tracer's attribution on a prompt, store the graph, and return its handle. A graph of that name
    and prompt that is already stored is left as it is.

    Args:
        database: the database.
        prompt: the text whose next token is explained.
        model: name or folder of a model (by default the one that the transcoders belong to), or a ReplacementModel.
        transcoders: name or folder of a set of transcoders; none with a ReplacementModel.
        name: the graph's name; by default the words of the prompt.
        output: the `.pt` to write, or a folder for it; none is written when None. A file that exists is used
            instead of a new attribution.
        replace: whether to attribute again and replace the stored graph of that name, and the file.
        tags: tags of the graph.
        node_threshold: store only the nodes that carry this share of the influence; the `.pt` is not pruned.
        edge_threshold: store only the edges that carry this share of the influence.
        source_set: the set of transcoders, if Neuronpedia's name for it cannot be derived from `transcoders`.
        options: circuit-tracer's own, see `circuit_atlas.attribution.AttributeOptions`.

    Raises:
        AttributionError: the model cannot be loaded, or the prompt cannot be attributed.
        OutOfMemoryError: there is not enough memory; the message says what to lower.
        GraphExistsError: a graph of another prompt, model or set of transcoders, or one that these options cannot make,
            has the name, and `replace` is not set.
        InputError: the file exists with such a graph, or cannot be written; or the prompt is not Unicode.
    """
    wanted = named_prompt(prompt, name)
    reading = ReadOptions(node_threshold=node_threshold, edge_threshold=edge_threshold, source_set=source_set)
    plan = _Plan.of(model, transcoders, options, reading, tags)
    file = _file(output, wanted.name)
    database.make_store()
    result = None if replace else _existing(database, wanted, file, plan)
    if result is None:
        result = _attributed(database, wanted, file, plan.load(), plan, replace)
    return IngestedGraph(database, result)


def attribute_all(
    database: Database,
    prompts: PathLike | Iterable[str | Prompt],
    *,
    each_position: bool = False,
    model: Any = None,
    transcoders: str | None = None,
    output: PathLike | None = None,
    replace: bool = False,
    tags: Iterable[str] = (),
    node_threshold: float | None = None,
    edge_threshold: float | None = None,
    source_set: str | None = None,
    **options: Unpack[AttributeOptions],
) -> IngestResults:
    """Attribute several prompts with a model that is loaded once. Prompts that are already stored or saved are left
    as they are: the same call resumes where an earlier one stopped. The result reports the prompts that failed.

    Args:
        database: the database.
        prompts: a file (see `circuit_atlas.attribution.read_prompts`), or the prompts.
        each_position: whether to attribute each prompt at each of its positions, to explain what follows each of its
            tokens: graphs NAME@1, NAME@2 and so on, which `series` compares.
        model: see `attribute`.
        transcoders: see `attribute`.
        output: a folder for the `.pt` files; none are written when None.
        replace: see `attribute`.
        tags: see `attribute`.
        node_threshold: see `attribute`.
        edge_threshold: see `attribute`.
        source_set: see `attribute`.
        options: see `attribute`.

    Raises:
        InputError: the file of prompts cannot be read, a prompt is not Unicode, or two different prompts have the same
            name, or the same file.
        AttributionError: the model cannot be loaded.
        DatabaseError: the connection to the database was lost.
    """
    if isinstance(prompts, str | os.PathLike):
        wanted = read_prompts(Path(prompts))
    else:
        wanted = checked_names([p if isinstance(p, Prompt) else Prompt(p, slug_of(p)) for p in prompts], None)
    reading = ReadOptions(node_threshold=node_threshold, edge_threshold=edge_threshold, source_set=source_set)
    plan = _Plan.of(model, transcoders, options, reading, tags)
    loaded = plan.load() if each_position else None
    failed: list[FileResult] = []
    if each_position:
        wanted, failed = _at_each_position(loaded, wanted)
        checked_names(wanted, None)
    files = dict.fromkeys(wanted) if output is None else _files(given_path(output), wanted)
    found: dict[Prompt, FileResult | None] = dict.fromkeys(wanted)

    def note(prompt: Prompt, work: Callable[[], IngestResult | None]) -> None:
        shown = str(files[prompt] or prompt.name)
        try:
            result = work()
        except DatabaseError:
            raise
        except AtlasError as error:
            found[prompt] = FileResult.failed(shown, error)
        else:
            found[prompt] = None if result is None else FileResult(file=shown, result=result, error=None)

    database.make_store()
    for prompt in wanted if not replace else ():
        note(prompt, partial(_existing, database, prompt, files[prompt], plan))
    left = [prompt for prompt in wanted if found[prompt] is None]
    loaded = plan.load() if left and loaded is None else loaded
    for prompt in tqdm(left, "attributing", unit=" prompts", disable=None if database.progress else True):
        note(prompt, partial(_attributed, database, prompt, files[prompt], loaded, plan, replace))
    return IngestResults.of([*failed, *(result for result in found.values() if result)])


def _at_each_position(model: Any, prompts: Iterable[Prompt]) -> tuple[list[Prompt], list[FileResult]]:
    """The prompts that end at each position of some prompts, and results for those that cannot be split so."""
    parts: list[Prompt] = []
    failed = []
    for prompt in prompts:
        try:
            parts += at_each_position(model, prompt)
        except AttributionError as error:
            failed.append(FileResult.failed(prompt.name, error))
    return parts, failed


def _existing(database: Database, prompt: Prompt, file: Path | None, plan: _Plan) -> IngestResult | None:
    """The result for a prompt that is already stored, or saved by an earlier attribution; None if neither."""
    try:
        graph = find_graph(database, prompt.name)
    except GraphNotFoundError:
        graph = None
    if graph is not None:
        stored = graph.properties
        found = _Found.of_graph(graph)
        why = None if _is_of(prompt, found.prompt) and plan.is_of(found) else found.description
        for threshold in ("node_threshold", "edge_threshold"):
            asked = plan.reading.get(threshold)
            if why is None and asked is not None and asked != stored.get(threshold):
                why = f"with the {threshold} {stored.get(threshold, 'none')}"
        if why := why or plan.contradicts(found):
            raise GraphExistsError(
                f"graph {prompt.name!r} already exists, {why}",
                fix="Give this one another name with --name, or pass --replace.",
            )
        with database.writing():
            add_tags(database, prompt.name, check_tags(plan.tags))
        same = IngestResult.unchanged(prompt.name, stored)
        left = _left_undone(prompt.name, file, plan, stored)
        return same.model_copy(update={"warnings": [*same.warnings, *left]})
    if file is None or not os.path.exists(file):
        return None
    from circuit_atlas.ingest import read_graph

    data = read_graph(file, **plan.reading)
    saved = _Found.of_file(data)
    why = plan.contradicts(saved) if _is_of(prompt, saved.prompt) and plan.is_of(saved) else saved.description
    if why:
        raise InputError(
            f"already exists, with a graph {why}", where=str(file), fix="Give another --output, or pass --replace."
        )
    return _store(database, data, prompt.name, plan, replace=False)


def _left_undone(name: str, file: Path | None, plan: _Plan, stored: Mapping[str, Any]) -> list[str]:
    """Warnings that a graph stored earlier differs from what this call would make: it is pruned, or has no file."""
    thresholds = [
        f"already stored, pruned with the {threshold} {stored[threshold]}; `--replace` makes it again"
        for threshold in ("node_threshold", "edge_threshold")
        if stored.get(threshold) is not None and plan.reading.get(threshold) is None
    ]
    if file is None or os.path.exists(file):
        return thresholds
    export = f"`circuit-atlas export {quote(name)} {quote(str(file))}`"
    return [*thresholds, f"already stored, so {file} was not written: {export} writes the stored graph"]


def _attributed(
    database: Database, prompt: Prompt, file: Path | None, model: Any, plan: _Plan, replace: bool
) -> IngestResult:
    from circuit_atlas.ingest import read_graph

    check_name(prompt.name)
    check_tags(plan.tags)
    graph = attribute_prompt(model, prompt.text, plan.options)
    if file is None:
        return _store(database, read_graph(graph, **plan.reading), prompt.name, plan, replace=replace)
    _save(graph, file)
    del graph  # a dense matrix, which the reader maps from the file again
    return _store(database, read_graph(file, **plan.reading), prompt.name, plan, replace=replace)


def _store(database: Database, data: GraphData, name: str, plan: _Plan, *, replace: bool) -> IngestResult:
    from circuit_atlas.ingest import load_graph

    with database.writing():
        return load_graph(database, data, name=name, replace=replace, tags=plan.tags)


@dataclass(frozen=True)
class _Found:
    """Facts about a graph that was attributed before, from a `.pt` or from the database. `logits` are their texts,
    which a `.pt` may not have."""

    prompt: str
    model: str
    source_set: str
    scan: str | list[str] | None
    features: int
    logits: list[str | None]
    is_file: bool

    @classmethod
    def of_graph(cls, graph: StoredGraph) -> _Found:
        """A graph of the database, which may be pruned."""
        stored = graph.properties
        about = stored["prompt"], stored["model"], stored["source_set"], stored.get("scan")
        texts = [logit["token"] for logit in graph.logits]
        more = [None] * (stored["logit_nodes"] - len(texts))
        return cls(*about, stored["feature_nodes"], [*texts, *more], is_file=False)

    @classmethod
    def of_file(cls, data: GraphData) -> _Found:
        """A graph of a file."""
        kinds = [KINDS[kind] for kind in data.nodes.kind]
        logits = [text for kind, text in zip(kinds, data.nodes.token, strict=True) if kind is Kind.LOGIT]
        about = data.metadata
        known = about.prompt, about.model, about.source_set, about.scan
        return cls(*known, kinds.count(Kind.FEATURE), logits, is_file=True)

    @property
    def description(self) -> str:
        """Of which prompt it is, and of which model."""
        return f"of {self.prompt!r:.80} by {self.model} with the transcoders {self.source_set}"


@dataclass(frozen=True)
class _Plan:
    """Which model attributes, and how; how its graphs are read and tagged."""

    model: Any
    transcoders: str | None
    loading: LoadOptions
    options: AttributionOptions
    reading: ReadOptions
    tags: tuple[str, ...]

    @classmethod
    def of(
        cls,
        model: Any,
        transcoders: str | None,
        options: AttributeOptions,
        reading: ReadOptions,
        tags: Iterable[str],
    ) -> _Plan:
        model = str(model) if isinstance(model, os.PathLike) else model
        if isinstance(model, str | None) and transcoders is None:
            raise InvalidArgumentError("no transcoders given", fix="Name them, such as `gemma`, or give their folder.")
        unknown = options.keys() - AttributeOptions.__annotations__.keys()
        if unknown:
            raise InvalidArgumentError(f"attribute does not take {', '.join(sorted(unknown))}")
        check_options({"model": model, "transcoders": transcoders, **reading, **options})
        ignored = [name for name in ("max_n_logits", "desired_logit_prob") if options.get(name) is not None]
        if ignored and options.get("attribution_targets") is not None:
            raise InvalidArgumentError(
                f"{ignored[0]} has no effect on outputs that are named",
                fix="Leave it out, or name no outputs: --target (attribution_targets).",
            )
        loading: Any = {name: value for name, value in options.items() if name in LoadOptions.__annotations__}
        chosen: Any = {name: value for name, value in options.items() if name in AttributionOptions.__annotations__}
        return cls(model, transcoders, loading, chosen, reading, tuple(tags))

    def load(self) -> Any:
        """The replacement model."""
        if not isinstance(self.model, str | None):
            return self.model
        return load_model(self.model, str(self.transcoders), self.loading)

    def is_of(self, found: _Found) -> bool:
        """Whether a graph may be of this model and these transcoders, as far as their names show before they
        are loaded."""
        if isinstance(self.model, str) and not is_named(self.model, found.model):
            return False
        wanted = self.reading.get("source_set")
        if wanted is not None and wanted != found.source_set:
            return False
        own = scan_of(str(self.transcoders)) if self.transcoders else getattr(self.model, "scan", None)
        if not isinstance(own, str) or found.scan is None or own == found.scan:
            return True
        return not found.is_file and identify(own, {})[1] == found.source_set  # a JSON file may name only the set

    def contradicts(self, found: _Found) -> str | None:
        """How one sees that a graph was not made with these options; None if it may have been. A graph does not keep
        the options that it was made with."""
        most, features = self.options.get("max_n_logits"), self.options.get("max_feature_nodes")
        targets = self.options.get("attribution_targets")
        texts = {text.strip() for text in found.logits if text is not None}
        if targets is not None:
            # A custom direction is a tuple that begins with its text. Token ids have no text, so they are not compared.
            named = [str(t[0] if isinstance(t, tuple) else t).strip() for t in targets if isinstance(t, str | tuple)]
            is_other = len(targets) != len(found.logits) or (None not in found.logits and not texts.issuperset(named))
            return f"of the outputs {first_of(sorted(texts), _SHOWN)}" if is_other else None
        if most is not None and len(found.logits) > most:
            return f"of {len(found.logits):,} outputs"
        return f"with {found.features:,} features" if features is not None and found.features > features else None


def _is_of(prompt: Prompt, stored: str) -> bool:
    """Whether a graph is of a prompt. The stored text was decoded from tokens: it begins with BOS, after which some
    tokenizers put a blank. Other blanks count: they are tokens, or parts of tokens. But transformers may have removed
    some before punctuation (`clean_up_tokenization_spaces`)."""
    text, asked = (unicodedata.normalize("NFC", one) for one in (stored, prompt.text))
    cleaned = asked
    for found in _CLEANED_UP:
        cleaned = cleaned.replace(found, found.strip())
    return any(text.endswith(one) and _BOS.fullmatch(text.removesuffix(one)) is not None for one in (asked, cleaned))


def _file(output: PathLike | None, name: str) -> Path | None:
    if output is None:
        return None
    path = given_path(output)
    is_folder = os.path.isdir(path) or os.fspath(output).endswith(os.sep)
    if not is_folder and path.suffix not in (".pt", ".pth"):
        raise InvalidArgumentError(f"{os.fspath(output)!r} is not the name of a .pt", fix="Name a .pt, or a folder.")
    return path / _file_name(name) if is_folder else path


def _file_name(name: str) -> str:
    """The name of the file of a graph; some systems allow 255 bytes."""
    is_one = _FILE_NAME.fullmatch(name) and len(name.encode()) <= _MAX_FILE_NAME
    return f"{name if is_one else slug_of(name)}.pt"


def _files(folder: Path, prompts: Sequence[Prompt]) -> dict[Prompt, Path | None]:
    """The file of each prompt.

    Raises:
        InputError: two have the same, also where a disk takes small letters and capitals for the same.
    """
    files: dict[Prompt, Path | None] = {prompt: folder / _file_name(prompt.name) for prompt in prompts}
    first: dict[str, Prompt] = {}
    for prompt, file in files.items():
        other = first.setdefault(str(file).casefold(), prompt)
        if other is not prompt:
            raise InputError(
                f"the graphs {other.name!r} and {prompt.name!r} would be written to the same file",
                where=str(file),
                fix="Give one of the prompts another name.",
            )
    return files


def _save(graph: circuit_tracer.Graph, file: Path) -> None:
    """Write a `.pt`, whole or not at all."""
    try:
        with replacing(file, make_parents=True) as part:
            graph.to_pt(str(part))
    except RuntimeError as error:  # of torch, which raises it for a full disk
        raise InputError(
            f"cannot be written: {error}", where=str(file), fix="Check the folder and its free space."
        ) from error
