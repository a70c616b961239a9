"""The fields of circuit-tracer's `Graph`, of any generation, from a file or from memory, checked against each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from circuit_atlas.errors import InputError
from circuit_atlas.graph.data import NO_VALUE, ActiveFeatures
from circuit_atlas.graph.values import check_values
from circuit_atlas.ingest.other_projects import recognised_pt
from circuit_atlas.ingest.pt_pickle import TorchDtype
from circuit_atlas.printable import first_of

_SHOWN = 10  # fields that a refusal names
_FIX = "Give a .pt file saved by circuit-tracer's Graph.to_pt."
REQUIRED = (
    "input_string",
    "input_tokens",
    "active_features",
    "selected_features",
    "activation_values",
    "adjacency_matrix",
    "logit_probabilities",
    "cfg",
)


@dataclass(frozen=True)
class Attribution:
    """The fields of a `circuit_tracer.Graph`, with tensors as arrays.

    `tokens` (n_pos,) are ids. `features` (n_features, 3) are layer, position and index of the *selected* features, and
    `activations` (n_features,) theirs. `active` has all active features; it is None if the selected features are all of
    them, in the same order. `logit_ids`, `logit_texts` (empty if unknown) and `probabilities` are (n_logits,).
    `adjacency[target, source]` is (n, n) with n = n_features + n_layers * n_pos + n_pos + n_logits, in any float dtype.
    `form` becomes `GraphMetadata.file_form`.
    """

    prompt: str
    tokens: npt.NDArray[np.int64]
    features: npt.NDArray[np.int64]
    activations: npt.NDArray[np.float64]
    active: ActiveFeatures | None
    n_active: int
    logit_ids: npt.NDArray[np.int64]
    logit_texts: list[str]
    probabilities: npt.NDArray[np.float64]
    adjacency: npt.NDArray[Any]
    scan: str | list[str] | None
    config: dict[str, Any]
    vocab_size: int | None
    form: dict[str, Any]

    @property
    def n_layers(self) -> int:
        """Number of layers of the model."""
        return int(self.config["n_layers"])

    @property
    def n_pos(self) -> int:
        """Number of positions of the prompt."""
        return len(self.tokens)


def read_fields(content: dict[str, Any], where: str) -> Attribution:
    """Check the fields of a `Graph` against each other.

    Args:
        content: the dict of `Graph.to_pt` with tensors as arrays, of any generation: `logit_tokens` (until 0.3.1) or
            `logit_targets` (since 0.4), `scan` or `scan_name` (since 2026-05).
        where: the file, for messages.

    Raises:
        InputError: a field is missing, has the wrong type, or does not fit the others.
    """
    missing = [name for name in REQUIRED if name not in content]
    if missing or not {"logit_tokens", "logit_targets"} & content.keys():
        raise _refusal(content, missing or ["logit_targets"], where)
    config = _config(content["cfg"], where)
    prompt = content["input_string"]
    _check(isinstance(prompt, str), "input_string", f"is a {type(prompt).__name__}, not a text", where)
    _check_lengths(content, where)
    active = _array(content, "active_features", where, np.int64, 2)
    selected = _array(content, "selected_features", where, np.int64, 1)
    activations = _array(content, "activation_values", where, np.float64, 1)
    _check(active.shape[1:] == (3,), "active_features", f"has shape {active.shape}, not (n, 3)", where)
    _check(_within(selected, len(active)), "selected_features", "points beyond active_features", where)
    # One value for each active feature, whatever circuit-tracer's docstring says; some files have those of selected
    # ones.
    fits = len(activations) in (len(active), len(selected))
    _check(fits, "activation_values", "does not fit active_features", where)
    all_activations = activations if len(activations) == len(active) else activations[:0]
    ids, texts = _logits(content, where)
    found = Attribution(
        prompt=prompt,
        tokens=_array(content, "input_tokens", where, np.int64, 1),
        features=active[selected],
        activations=all_activations[selected] if len(all_activations) else activations,
        active=_active(active, selected, all_activations),
        n_active=len(active),
        logit_ids=ids,
        logit_texts=texts,
        probabilities=_array(content, "logit_probabilities", where, np.float64, 1),
        adjacency=_tensor(content, "adjacency_matrix", where),
        scan=_scan(content.get("scan", content.get("scan_name")), where),
        config=config,
        vocab_size=_whole(content.get("vocab_size", config.get("d_vocab"))),
        form=_form(content),
    )
    _check_sizes(found, where)
    fields = {"input_string": found.prompt, "logit_targets": texts, "cfg": config, "scan": found.scan}
    check_values(fields, where)
    return found


def _check_lengths(content: dict[str, Any], where: str) -> None:
    """Refuse fields with more values than the adjacency matrix has rows, before they are copied: in a small file,
    several large tensors may share the same bytes."""
    shape = _tensor(content, "adjacency_matrix", where).shape
    for name in ("selected_features", "input_tokens", "logit_probabilities", "logit_targets", "logit_tokens"):
        value = content.get(name)
        size = value.size if isinstance(value, np.ndarray) else len(value) if isinstance(value, list) else 0
        what = f"has shape {shape}, but {name} {size:,} values"
        _check(size <= max(shape, default=0), "adjacency_matrix", what, where)


def _refusal(content: dict[str, Any], missing: list[str], where: str) -> InputError:
    """The error for a dict that is not a graph; it says what it has, and what it is if that is known."""
    other = recognised_pt(content)
    if other:
        return InputError(
            f"not an attribution graph, but {other.what}; it has {_named(content)}", where=where, fix=other.fix
        )
    return InputError(
        f"not an attribution graph: it has no {', '.join(missing)}; it has {_named(content)}", where=where, fix=_FIX
    )


def _named(content: dict[str, Any]) -> str:
    return first_of([f"{name!s:.40}" for name in content], _SHOWN) if content else "no fields"


def _active(
    active: npt.NDArray[np.int64], selected: npt.NDArray[np.int64], activations: npt.NDArray[np.float64]
) -> ActiveFeatures | None:
    if np.array_equal(selected, np.arange(len(active))):
        return None
    # Selected features are the first nodes of the graph, in their order.
    ordinal = np.full(len(active), NO_VALUE, np.int64)
    ordinal[selected] = np.arange(len(selected))
    layer, position, index = np.ascontiguousarray(active.T)
    return ActiveFeatures(layer, position, index, activations, ordinal)


def _form(content: dict[str, Any]) -> dict[str, Any]:
    """What fields do not say, and writing the same file again needs: dtypes of tensors, and of fields of the config."""
    fields = getattr(content["cfg"], "__dict__", {})
    dtypes = {name: _dtype_name(value) for name, value in fields.items()}
    return {
        "dtypes": {name: value.dtype.name for name, value in content.items() if isinstance(value, np.ndarray)},
        "cfg": {name: dtypes[name] for name, value in fields.items() if value is None or dtypes[name]},
    }


def _dtype_name(value: Any) -> str | None:
    if isinstance(value, TorchDtype):
        return value.name
    return str(value).removeprefix("torch.") if type(value).__name__ == "dtype" else None


def _check_sizes(found: Attribution, where: str) -> None:
    layers, positions, indices = found.features.T
    n = len(found.features) + found.n_layers * found.n_pos + found.n_pos + len(found.logit_ids)
    shape = found.adjacency.shape
    _check(_within(layers, found.n_layers), "active_features", "names layers that the model does not have", where)
    _check(_within(positions, found.n_pos), "active_features", "names positions beyond the prompt", where)
    _check(_within(indices, 1 << 62), "active_features", "contains negative indices", where)
    _check(
        len(found.probabilities) == len(found.logit_ids),
        "logit_probabilities",
        "does not fit the logits",
        where,
    )
    _check(_within(found.logit_ids, 1 << 62), "logit_targets", "contains negative ids", where)
    _check(
        len(set(found.logit_ids.tolist())) == len(found.logit_ids),
        "logit_targets",
        "names a logit twice",
        where,
    )
    unique = len(np.unique(found.features, axis=0)) == len(found.features)
    _check(unique, "selected_features", "names a feature twice", where)
    _check(shape == (n, n), "adjacency_matrix", f"has shape {shape}, but the other fields require ({n}, {n})", where)
    _check(not _is_whole(found.adjacency), "adjacency_matrix", "does not contain floats", where)
    for name in ("activations", "probabilities"):
        _check(bool(np.isfinite(getattr(found, name)).all()), name, "contains NaN or infinite values", where)


def _array(content: dict[str, Any], name: str, where: str, dtype: Any, dimensions: int) -> npt.NDArray[Any]:
    value = _of_list(content[name], name, where) if isinstance(content[name], list) else _tensor(content, name, where)
    _check(_is_whole(value) or not np.issubdtype(dtype, np.integer), name, "does not contain integers", where)
    _check(value.ndim == dimensions, name, f"has {value.ndim} dimensions, not {dimensions}", where)
    return np.ascontiguousarray(value, dtype)


def _of_list(values: list[Any], name: str, where: str) -> npt.NDArray[Any]:
    try:
        found = np.asarray(values)
    except ValueError:  # lists of several lengths
        found = np.asarray([None])
    _check(found.dtype.kind in "biuf", name, "contains something other than numbers in rows of equal length", where)
    return found


def _tensor(content: dict[str, Any], name: str, where: str) -> npt.NDArray[Any]:
    value = content[name]
    _check(isinstance(value, np.ndarray), name, f"is a {type(value).__name__}, not a tensor", where)
    return value  # type: ignore[no-any-return]


def _is_whole(values: npt.NDArray[Any]) -> bool:
    return np.issubdtype(values.dtype, np.integer) or values.dtype == np.bool_


def _logits(content: dict[str, Any], where: str) -> tuple[npt.NDArray[np.int64], list[str]]:
    if "logit_targets" not in content or isinstance(content["logit_targets"], np.ndarray):
        name = "logit_targets" if "logit_targets" in content else "logit_tokens"
        ids = _array(content, name, where, np.int64, 1)
        return ids, [""] * len(ids)
    targets = content["logit_targets"]
    fits = isinstance(targets, list) and all(isinstance(t, tuple) and len(t) == 2 for t in targets)
    _check(
        fits and all(isinstance(t[0], str | None) and _whole(t[1]) is not None for t in targets),
        "logit_targets",
        "is not a list of targets",
        where,
    )
    return np.array([int(t[1]) for t in targets], np.int64), [t[0] or "" for t in targets]


def _config(config: Any, where: str) -> dict[str, Any]:
    fields = config if isinstance(config, dict) else getattr(config, "__dict__", {})
    plain = {k: v for k, v in fields.items() if isinstance(k, str) and isinstance(v, str | int | float | bool)}
    n_layers = _whole(plain.get("n_layers"))
    _check(n_layers is not None and 0 < n_layers < 10_000, "cfg", "does not give the number of layers", where)
    return plain


def _scan(scan: Any, where: str) -> str | list[str] | None:
    is_list = isinstance(scan, list) and all(isinstance(name, str) for name in scan)
    _check(scan is None or isinstance(scan, str) or is_list, "scan", "must be a string or a list of strings", where)
    return scan  # type: ignore[no-any-return]


def _within(values: npt.NDArray[np.int64], end: int) -> bool:
    return not len(values) or bool(values.min() >= 0 and values.max() < end)


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _check(is_right: bool, field: str, problem: str, where: str) -> None:
    if not is_right:
        raise InputError(problem, where=f"{where}: {field}", fix=_FIX)
