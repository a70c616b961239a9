"""circuit-tracer's options, under its names; None leaves one to circuit-tracer's own default."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

DTYPES = ("float32", "bfloat16", "float16")
BACKENDS = ("transformerlens", "nnsight")
OFFLOADS = ("cpu", "disk")


@dataclass(frozen=True)
class LoadOptions:
    """How a replacement model is loaded: `ReplacementModel.from_pretrained`.

    Args:
        backend: `transformerlens` or `nnsight`.
        device: such as `cuda`, `cuda:1` or `cpu`; by default a GPU where there is one.
        dtype: `float32`, `bfloat16` or `float16`, of the model and the transcoders.
        lazy_encoder: whether encoders are read from disk when they are needed.
        lazy_decoder: whether decoders are.
    """

    backend: str = "transformerlens"
    device: str | None = None
    dtype: str = "float32"
    lazy_encoder: bool = False
    lazy_decoder: bool = True


@dataclass(frozen=True)
class AttributionOptions:
    """How a prompt is attributed: `circuit_tracer.attribute`.

    Args:
        attribution_targets: the outputs to explain: texts of one token each, a tensor of token ids, or
            (text, weight, direction) for directions of one's own; by default the most probable tokens.
        max_n_logits: at most this many of them (10).
        desired_logit_prob: as many as reach this probability together (0.95).
        batch_size: rows of the matrix per backward pass (512).
        max_feature_nodes: at most this many features, the most influential; by default all active ones.
        offload: `cpu` or `disk`, where parts of the model go that are not needed for the moment.
        update_interval: batches between two rankings of the features (4).
        verbose: whether circuit-tracer reports what it does.
    """

    attribution_targets: Sequence[Any] | torch.Tensor | None = None
    max_n_logits: int | None = None
    desired_logit_prob: float | None = None
    batch_size: int | None = None
    max_feature_nodes: int | None = None
    offload: str | None = None
    update_interval: int | None = None
    verbose: bool = False

    def given(self) -> dict[str, Any]:
        """The options that are not left to circuit-tracer."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}
