"""Synthetic attribution graphs of up to 20,000 nodes, in the shape of real ones."""

from circuit_atlas.synth.graph import Shape, simple_path_counts, synthesize
from circuit_atlas.synth.result import SynthResult, write_synthetic

__all__ = ["Shape", "SynthResult", "simple_path_counts", "synthesize", "write_synthetic"]
