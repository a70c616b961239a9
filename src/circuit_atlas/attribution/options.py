"""circuit-tracer's options, under its names. An option that is None has circuit-tracer's own default."""

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
        device: such as `cuda`, `cuda:1` or `cpu`; by default a GPU, if the machine has one.
        dtype: `float32`, `bfloat16` or `float16`, of the model and the transcoders.
        lazy_encoder: whether encoders are read from disk only when they are needed.
        lazy_decoder: whether decoders are read from disk only when they are needed.
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
            (text, weight, direction) for other directions; by default the most probable tokens.
        max_n_logits: the number of targets, at most (10).
        desired_logit_prob: the probability that the targets reach together (0.95).
        batch_size: rows of the matrix per backward pass (512).
        max_feature_nodes: the number of features, at most: the most influential ones; by default all active features.
        offload: `cpu` or `disk`: where parts of the model are moved while they are not needed.
        update_interval: batches between two rankings of the features (4).
        verbose: whether circuit-tracer reports its progress.
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
        """The options that are set, without those that have circuit-tracer's default."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}
