"""Explanations of transcoder features: fetched from Neuronpedia, imported from files, given by hand as labels."""

from circuit_atlas.explain.files import import_explanations
from circuit_atlas.explain.labels import label_feature
from circuit_atlas.explain.results import ExplainResult, ImportResult, Label

__all__ = ["ExplainResult", "ImportResult", "Label", "import_explanations", "label_feature"]
