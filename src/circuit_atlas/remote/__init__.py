"""Requests to other machines: Neuronpedia's API, and graph files by their addresses."""
