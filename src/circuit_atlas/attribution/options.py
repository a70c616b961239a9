"""circuit-tracer's options, under its names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    import torch

DTYPES = ("float32", "bfloat16", "float16")
BACKENDS = ("transformerlens", "nnsight")
OFFLOADS = ("cpu", "disk")


class LoadOptions(TypedDict, total=False):
    """How a replacement model is loaded: `ReplacementModel.from_pretrained`.

    backend: `transformerlens` (the default) or `nnsight`.
    device: such as `cuda`, `cuda:1` or `cpu`; by default a GPU if there is one.
    dtype: `float32` (the default), `bfloat16` or `float16`, of the model and the transcoders.
    lazy_encoder: whether encoders are read from disk when they are needed (no).
    lazy_decoder: whether decoders are read from disk when they are needed (yes).
    """

    backend: str
    device: str | None
    dtype: str
    lazy_encoder: bool
    lazy_decoder: bool


class AttributionOptions(TypedDict, total=False):
    """How a prompt is attributed: `circuit_tracer.attribute`. None leaves an option to circuit-tracer's default, given
    in brackets.

    attribution_targets: the outputs to explain: texts of one token each, a tensor of token ids, or
        (text, weight, direction) for custom directions (the most probable tokens).
    max_n_logits: at most this many of them (10).
    desired_logit_prob: as many as reach this probability together (0.95).
    batch_size: rows of the matrix per backward pass (512).
    max_feature_nodes: at most this many features, the most influential (all active ones).
    offload: `cpu` or `disk`, where the parts of the model go that are not needed at the moment.
    update_interval: batches between two rankings of the features (4).
    verbose: whether circuit-tracer reports what it does (no).
    """

    attribution_targets: Sequence[Any] | torch.Tensor | None
    max_n_logits: int | None
    desired_logit_prob: float | None
    batch_size: int | None
    max_feature_nodes: int | None
    offload: str | None
    update_interval: int | None
    verbose: bool


class AttributeOptions(LoadOptions, AttributionOptions, total=False):
    """The options of `Atlas.attribute`: how the model is loaded, and how a prompt is attributed."""
