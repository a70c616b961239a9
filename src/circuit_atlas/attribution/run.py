"""Runs circuit-tracer's attribution on a loaded model."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from circuit_atlas.attribution.options import AttributionOptions
from circuit_atlas.errors import AttributionError, OutOfMemoryError

if TYPE_CHECKING:
    import circuit_tracer

_NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "DefaultCPUAllocator", "mps backend out")
LOWER_LOADING = (
    "Lower what the model takes: --dtype bfloat16 halves it, --lazy-encoder and --lazy-decoder leave transcoders on "
    "disk; or --device cpu."
)
LOWER_ATTRIBUTION = (
    "Lower what an attribution takes, in this order: --batch-size (half of {batch_size}), --max-feature-nodes "
    "(7500, say; now {max_feature_nodes}), --offload cpu or disk; then --dtype bfloat16 and --lazy-encoder."
)


def attribute_prompt(model: Any, prompt: str, options: AttributionOptions) -> circuit_tracer.Graph:
    """The attribution graph of a prompt, all of it, unpruned.

    Args:
        model: a ReplacementModel of either backend.
        prompt: the text; circuit-tracer puts the tokenizer's BOS before it.
        options: circuit-tracer's.

    Raises:
        AttributionError: circuit-tracer cannot attribute this prompt.
        OutOfMemoryError: neither GPU nor CPU has the memory; the message says what to lower.
    """
    from circuit_tracer import attribute

    if not prompt.strip():
        raise AttributionError("the prompt is empty", fix="Give a text whose next token is to be explained.")
    batch_size = options.get("batch_size") or "512, the default"
    lower = LOWER_ATTRIBUTION.format(
        batch_size=batch_size, max_feature_nodes=options.get("max_feature_nodes") or "all active ones"
    )
    with translated_failures(f"circuit-tracer cannot attribute {prompt!r:.60}", lower), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Full backward hook is firing")  # it concerns circuit-tracer alone
        given = {"verbose": False} | {name: value for name, value in options.items() if value is not None}
        return attribute(prompt, model, **given)


@contextmanager
def translated_failures(what: str, lower: str) -> Iterator[None]:
    """What circuit-tracer, torch and transformers raise, in our words; memory is given back first."""
    try:
        yield
    except MemoryError as error:
        raise _exhausted(error, lower) from error
    except (
        RuntimeError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AssertionError,
        AttributeError,
        OSError,
        NotImplementedError,
        ImportError,
    ) as error:
        if isinstance(error, RuntimeError) and any(text in str(error) for text in _NO_MEMORY):
            raise _exhausted(error, lower) from error
        raise AttributionError(f"{what}: {_first_line(error)}") from error


def _exhausted(error: BaseException, lower: str) -> OutOfMemoryError:
    error.__traceback__ = None  # the frames hold the tensors
    gc.collect()
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return OutOfMemoryError(f"out of memory: {_first_line(error)}", fix=lower)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:400].rstrip(".")
