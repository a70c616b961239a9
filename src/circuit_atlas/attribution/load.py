"""Loads a replacement model: a language model and its transcoders, by name or from folders.

circuit-tracer takes names of a model hub. Folders on this machine are read here with its own readers and those of
TransformerLens, which have everything but the door:

- transcoders: a folder as `circuit_tracer.utils.caching` writes it, or any with the same `config.yaml` (`model_kind`,
  `feature_input_hook`, `feature_output_hook`), beside `layer_0.safetensors`, ... or the files it lists in
  `transcoders`, or `W_enc_*`/`W_dec_*` of a cross-layer transcoder;
- a model: a folder of Hugging Face's transformers with its tokenizer. The nnsight backend opens it itself.
  TransformerLens knows some architectures by the model's name alone (Gemma), so a folder that has the name of such a
  model is that model; others (Llama, Qwen, Mistral, GPT-2, ...) are read from `config.json`.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from circuit_atlas.attribution.options import LoadOptions
from circuit_atlas.attribution.run import LOWER_LOADING, translated_failures
from circuit_atlas.errors import AttributionError, needs_extra


def load_model(model: str | None, transcoders: str, options: LoadOptions) -> Any:
    """A ReplacementModel.

    Args:
        model: name of a model, such as `google/gemma-2-2b`, or a folder; by default what the transcoders' own
            configuration names.
        transcoders: name of a set of transcoders (`gemma`, `llama`, `user/repository[@revision]`), or a folder.
        options: backend, device, types.

    Raises:
        AttributionError: one of them cannot be found or read, or they do not fit.
        OutOfMemoryError: neither GPU nor CPU has the memory.
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
            raise AttributionError("which model the transcoders are of, they do not say", fix="Name it with --model.")
        with translated_failures(f"the model {name!r} cannot be loaded", LOWER_LOADING):
            _check_layers(name, loaded)
            return _model(name, loaded, options.get("backend", "transformerlens"), device=device, dtype=dtype)


def _transcoders(transcoders: str, **settings: Any) -> tuple[Any, dict[str, Any]]:
    from circuit_tracer.utils.hf_utils import load_transcoder_from_hub, load_transcoders

    folder = Path(transcoders)
    if not folder.is_dir():
        return load_transcoder_from_hub(transcoders, **settings)  # type: ignore[no-any-return]
    import yaml

    config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    if not isinstance(config, dict):
        raise ValueError("config.yaml holds no settings")
    config = {"scan": folder.name, "repo_id": folder.name, **config}
    hooks = {name: config[name] for name in ("scan", "feature_input_hook", "feature_output_hook")}
    if config["model_kind"] == "cross_layer_transcoder" and "transcoders" not in config:
        from circuit_tracer.transcoder.cross_layer_transcoder import load_clt

        return load_clt(str(folder), **hooks, **settings), config
    files = config.get("transcoders") or [file.name for file in folder.glob("layer_*.safetensors")]
    if not files:
        raise ValueError("there is no layer_0.safetensors beside config.yaml")
    if "transcoders" not in config:
        files = [f"layer_{layer}.safetensors" for layer in range(len(files))]
    config["transcoders"] = [file if file.startswith("hf://") else str(folder / file) for file in files]
    return load_transcoders(config, **settings), config


def _check_layers(name: str, transcoders: Any) -> None:
    config = Path(name) / "config.json"
    layers = json.loads(config.read_text(encoding="utf-8")).get("num_hidden_layers") if config.is_file() else None
    if layers is not None and layers != transcoders.n_layers:
        raise ValueError(f"it has {layers} layers, the transcoders are for {transcoders.n_layers}")


def _model(name: str, transcoders: Any, backend: str, **settings: Any) -> Any:
    from circuit_tracer import ReplacementModel

    load = ReplacementModel.from_pretrained_and_transcoders
    folder = Path(name)
    if backend == "nnsight" or not folder.is_dir():
        return load(name, transcoders, backend=backend, **settings)
    official = _official_name(folder)
    if official is None:
        return _from_folder(folder, transcoders, **settings)
    from transformers import AutoModelForCausalLM, AutoTokenizer

    weights = AutoModelForCausalLM.from_pretrained(folder, dtype=settings["dtype"])
    tokenizer = AutoTokenizer.from_pretrained(folder)
    return load(official, transcoders, hf_model=weights, tokenizer=tokenizer, **settings)


def _official_name(folder: Path) -> str | None:
    """The model of TransformerLens's list that has the folder's name."""
    from transformer_lens.loading_from_pretrained import OFFICIAL_MODEL_NAMES

    return next((name for name in OFFICIAL_MODEL_NAMES if name.split("/")[-1] == folder.resolve().name), None)


def _from_folder(folder: Path, transcoders: Any, *, device: Any, dtype: Any) -> Any:
    """What `HookedTransformer.from_pretrained` does, but for its look into the list of names."""
    from circuit_tracer.replacement_model.replacement_model_transformerlens import (
        TransformerLensReplacementModel,
    )
    from transformer_lens import loading_from_pretrained as loading
    from transformers import AutoTokenizer

    with tempfile.TemporaryDirectory(prefix="model-") as neutral:  # a path that holds "llama" would be taken for a name
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
