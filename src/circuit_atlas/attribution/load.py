"""Loads a replacement model: a language model and its transcoders, by name or from folders.

circuit-tracer takes names on a model hub only. Its readers and those of TransformerLens could read folders, but do not
offer it. This module uses them to read:

- transcoders: a folder that `circuit_tracer.utils.caching` wrote, or one with the same `config.yaml` (`model_kind`,
  `feature_input_hook`, `feature_output_hook`) and the weights next to it: `layer_0.safetensors`, ..., or the files that
  `config.yaml` lists in `transcoders`, or `W_enc_*`/`W_dec_*` of a cross-layer transcoder;
- a model: a folder as Hugging Face's transformers saves it, with its tokenizer. The nnsight backend reads such folders
  itself. TransformerLens identifies some architectures (Gemma) by the model's name alone, so a folder with the name of
  such a model is taken for that model. Other models (Llama, Qwen, Mistral, GPT-2, ...) are read from `config.json`.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from circuit_atlas.attribution.options import LoadOptions
from circuit_atlas.attribution.run import LOWER_LOADING, translated_failures
from circuit_atlas.errors import AttributionError, MissingExtraError, needs_extra

# Of circuit-tracer, for the sets that it had first.
_SHORT_NAMES = {"gemma": "mwhanna/gemma-scope-transcoders", "llama": "mntss/transcoder-Llama-3.2-1B"}


def load_model(model: str | None, transcoders: str, options: LoadOptions) -> Any:
    """Load a `circuit_tracer.ReplacementModel`.

    Args:
        model: name of a model, such as `google/gemma-2-2b`, or a folder; by default the model that the configuration of
            the transcoders names.
        transcoders: name of a set of transcoders (`gemma`, `llama`, `user/repository[@revision]`), or a folder.
        options: backend, device, types.

    Raises:
        AttributionError: the model or the transcoders are not found or cannot be read, or do not fit together.
        OutOfMemoryError: there is not enough memory on the device.
        MissingExtraError: the extra `attribution` is not installed.
    """
    with needs_extra("attribution", "attribution"):
        import torch
        from circuit_tracer.utils import get_default_device
    device_name = options.get("device")
    with translated_failures(f"there is no device {device_name!r}", LOWER_LOADING):
        device = torch.device(device_name) if device_name else get_default_device()
        torch.empty(1, device=device)
    dtype = getattr(torch, options.get("dtype", "float32"))
    lazy = {
        "lazy_encoder": options.get("lazy_encoder", False),
        "lazy_decoder": options.get("lazy_decoder", True),
    }
    with contextlib.redirect_stdout(sys.stderr):  # TransformerLens prints that it has loaded a model
        with translated_failures(f"the transcoders {transcoders!r} cannot be loaded", LOWER_LOADING):
            loaded, config = _transcoders(transcoders, device=device, dtype=dtype, **lazy)
        name = model or config.get("model_name")
        if not name:
            raise AttributionError(
                "the transcoders do not name the model that they belong to", fix="Name it with --model."
            )
        with translated_failures(f"the model {name!r} cannot be loaded", LOWER_LOADING):
            _check_layers(name, loaded)
            return _model(name, loaded, options.get("backend", "transformerlens"), device=device, dtype=dtype)


def is_named(model: str, kept: str) -> bool:
    """Whether a graph of a model keeps this name of it, as far as can be told without loading the model.

    Args:
        model: see `load_model`.
        kept: the name that a graph keeps.
    """
    if os.path.isdir(model):
        return Path(model).resolve().name.lower() == kept.lower()
    if model.rsplit("/", maxsplit=1)[-1].lower() == kept.lower():
        return True
    try:
        from transformer_lens.loading_from_pretrained import get_official_model_name

        official: str = get_official_model_name(model)  # `gpt2-small` is gpt2
        return official.rsplit("/", maxsplit=1)[-1].lower() == kept.lower()
    except (ImportError, ValueError):
        return False


def scan_of(transcoders: str) -> str | None:
    """The name that a graph keeps of transcoders (`scan`), without loading them; None where nobody can tell.

    Args:
        transcoders: see `load_model`.
    """
    folder = Path(transcoders)
    if not os.path.isdir(folder):
        # As circuit_tracer.utils.hf_utils names them, which imports torch: USER/REPOSITORY//FOLDER@REVISION.
        name, _, revision = _SHORT_NAMES.get(transcoders, transcoders).partition("@")
        parts = name.split("/")
        place = "//".join("/".join(part) for part in (parts[:2], parts[2:]) if part)
        return None if "://" in name else f"{place}@{revision}" if revision else place
    try:
        return str(_settings(folder)["scan"])
    except (OSError, ValueError, MissingExtraError):
        return None


def _transcoders(transcoders: str, **settings: Any) -> tuple[Any, dict[str, Any]]:
    """The transcoders and their configuration."""
    from circuit_tracer.utils.hf_utils import load_transcoder_from_hub

    folder = Path(transcoders)
    if not os.path.isdir(folder):
        return load_transcoder_from_hub(transcoders, **settings)  # type: ignore[no-any-return]
    return _transcoders_from_folder(folder, **settings)


def _transcoders_from_folder(folder: Path, **settings: Any) -> tuple[Any, dict[str, Any]]:
    """Loads transcoders as `load_transcoder_from_hub` does after it has downloaded a repository."""
    from circuit_tracer.utils.hf_utils import load_transcoders

    config = _settings(folder)
    hooks = {name: config[name] for name in ("scan", "feature_input_hook", "feature_output_hook")}
    if config["model_kind"] == "cross_layer_transcoder" and "transcoders" not in config:
        from circuit_tracer.transcoder.cross_layer_transcoder import load_clt

        return load_clt(str(folder), **hooks, **settings), config
    files = config.get("transcoders") or [file.name for file in folder.glob("layer_*.safetensors")]
    if not files:
        raise ValueError("the folder contains no layer_0.safetensors")
    if "transcoders" not in config:  # in the order of the layers, where a listing has layer_10 before layer_2
        files = [f"layer_{layer}.safetensors" for layer in range(len(files))]
    config["transcoders"] = [file if file.startswith("hf://") else str(folder / file) for file in files]
    return load_transcoders(config, **settings), config


def _settings(folder: Path) -> dict[str, Any]:
    """The settings in `config.yaml` of a folder of transcoders, with the folder's name where it gives none."""
    with needs_extra("attribution", "attribution"):
        import yaml

    try:
        config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"config.yaml: {error}") from error
    if not isinstance(config, dict):
        raise ValueError("config.yaml does not contain settings")
    return {"scan": folder.name, "repo_id": folder.name, **config}


def _check_layers(name: str, transcoders: Any) -> None:
    """Compare the numbers of layers, where the model is a folder: loading it takes minutes, and fails with an obscure
    error when they differ."""
    config = Path(name) / "config.json"
    layers = json.loads(config.read_text(encoding="utf-8")).get("num_hidden_layers") if os.path.isfile(config) else None
    if layers is not None and layers != transcoders.n_layers:
        raise ValueError(f"it has {layers} layers, but the transcoders are for {transcoders.n_layers}")


def _model(name: str, transcoders: Any, backend: str, **settings: Any) -> Any:
    from circuit_tracer import ReplacementModel

    load = ReplacementModel.from_pretrained_and_transcoders
    folder = Path(name)
    if backend == "nnsight" or not os.path.isdir(folder):
        return load(name, transcoders, backend=backend, **settings)
    official = _official_name(folder)
    if official is None:
        return _from_folder(folder, transcoders, **settings)
    from transformers import AutoModelForCausalLM, AutoTokenizer

    weights = AutoModelForCausalLM.from_pretrained(folder, dtype=settings["dtype"])
    tokenizer = AutoTokenizer.from_pretrained(folder)
    return load(official, transcoders, hf_model=weights, tokenizer=tokenizer, **settings)


def _official_name(folder: Path) -> str | None:
    """The model in TransformerLens's list that has the same name as the folder."""
    from transformer_lens.loading_from_pretrained import OFFICIAL_MODEL_NAMES

    return next((name for name in OFFICIAL_MODEL_NAMES if name.split("/")[-1] == folder.resolve().name), None)


def _from_folder(folder: Path, transcoders: Any, *, device: Any, dtype: Any) -> Any:
    """Loads a model as `HookedTransformer.from_pretrained` does, without looking its name up in the list of models."""
    from circuit_tracer.replacement_model.replacement_model_transformerlens import (
        TransformerLensReplacementModel,
    )
    from transformer_lens import loading_from_pretrained as loading
    from transformers import AutoTokenizer

    # TransformerLens would take a path that contains "llama" for the name of a model, so it gets a neutral path.
    with tempfile.TemporaryDirectory(prefix="model-") as neutral:
        link = Path(neutral) / "model"
        link.symlink_to(folder.resolve())
        config = loading.get_pretrained_model_config(str(link), device=device, dtype=dtype)
        weights = loading.get_pretrained_state_dict(str(link), config, dtype=dtype)
    config.model_name, config.tokenizer_name = folder.resolve().name, str(folder)
    model = TransformerLensReplacementModel(config, AutoTokenizer.from_pretrained(folder), move_to_device=False)
    model.load_and_process_state_dict(weights, fold_ln=False, center_writing_weights=False, center_unembed=False)
    model.move_model_modules_to_device()
    model._configure_replacement_model(transcoders)
    return model
