"""Runs circuit-tracer's attribution on a loaded model."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from circuit_atlas.attribution.options import AttributionOptions
from circuit_atlas.errors import AtlasError, AttributionError, OutOfMemoryError

if TYPE_CHECKING:
    import circuit_tracer

# How torch says it, on a GPU, a CPU and an Apple chip: it raises a RuntimeError for many reasons.
_OUT_OF_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "DefaultCPUAllocator",
    "mps backend out",
)
LOWER_LOADING = (
    "To use less memory, try --dtype bfloat16, which takes half, or --lazy-encoder and --lazy-decoder, which leave "
    "transcoders on disk; or use --device cpu."
)
LOWER_ATTRIBUTION = (
    "To use less memory, try in this order: --batch-size (half of {batch_size}), --max-feature-nodes (for instance "
    "7500; now {max_feature_nodes}), --offload cpu or disk, --dtype bfloat16, --lazy-encoder."
)


def attribute_prompt(model: Any, prompt: str, options: AttributionOptions) -> circuit_tracer.Graph:
    """Compute the attribution graph of a prompt: the whole graph, not pruned. See `circuit_tracer.attribute`.

    Args:
        model: a ReplacementModel of either backend.
        prompt: the text; circuit-tracer puts the tokenizer's BOS token before it.
        options: circuit-tracer's options.

    Raises:
        AttributionError: circuit-tracer cannot attribute this prompt.
        OutOfMemoryError: there is not enough memory on the device; the message says what to do.
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
    """Turn the errors of circuit-tracer, torch and transformers into errors of circuit-atlas. For a wrong model, prompt
    or file, these libraries raise nearly every exception.

    Args:
        what: what failed, for the error's message.
        lower: what to do when there is not enough memory.

    Raises:
        AttributionError, OutOfMemoryError
    """
    try:
        yield
    except MemoryError as error:
        raise _out_of_memory(error, lower) from error
    except AtlasError:
        raise
    except Exception as error:  # those of safetensors and yaml derive from it directly
        if isinstance(error, RuntimeError) and any(text in str(error) for text in _OUT_OF_MEMORY):
            raise _out_of_memory(error, lower) from error
        raise AttributionError(f"{what}: {_first_line(error)}") from error


def _out_of_memory(error: BaseException, lower: str) -> OutOfMemoryError:
    """Free the memory that the failed call used, so that the next prompt can be tried."""
    error.__traceback__ = None  # its frames keep the tensors alive
    gc.collect()
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return OutOfMemoryError(f"out of memory: {_first_line(error)}", fix=lower)


def _first_line(error: BaseException) -> str:
    """The first line of an error's message: torch's go on for pages."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:400].rstrip(".")
