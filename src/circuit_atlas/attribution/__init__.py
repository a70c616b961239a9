"""Runs circuit-tracer: from a prompt to a `circuit_tracer.Graph`, on a GPU or a CPU."""

from __future__ import annotations

from circuit_atlas.attribution.load import load_model
from circuit_atlas.attribution.options import AttributionOptions, LoadOptions
from circuit_atlas.attribution.prompts import Prompt, read_prompts, slug_of
from circuit_atlas.attribution.run import attribute_prompt

__all__ = [
    "AttributionOptions",
    "LoadOptions",
    "Prompt",
    "attribute_prompt",
    "load_model",
    "read_prompts",
    "slug_of",
]
