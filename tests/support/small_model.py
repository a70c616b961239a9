"""A small transformer with transcoders, built here, and the graphs circuit-tracer makes of it on a CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from circuit_tracer import Graph, attribute
from circuit_tracer.replacement_model.replacement_model_transformerlens import TransformerLensReplacementModel
from circuit_tracer.transcoder.activation_functions import JumpReLU
from circuit_tracer.transcoder.cross_layer_transcoder import CrossLayerTranscoder
from circuit_tracer.transcoder.single_layer_transcoder import SingleLayerTranscoder, TranscoderSet
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformer_lens import HookedTransformerConfig
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

WORDS = [
    "<unk>",
    "<bos>",
    "Fact",
    ":",
    "The",
    "capital",
    "of",
    "the",
    "state",
    "containing",
    "Dallas",
    "Oakland",
    "is",
    "Austin",
    "Sacramento",
    "Texas",
    "California",
    "not",
    "a",
    "an",
    "city",
    "in",
    "where",
    "does",
    "opposite",
    "small",
    "big",
    "large",
]
PROMPT = "Fact : The capital of the state containing Dallas is"


def build_tokenizer(folder: Path) -> Path:
    """Save a word-level tokenizer and return its folder."""
    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<bos>").save_pretrained(folder)
    return folder


def build_model(folder: Path, *, n_layers: int = 3, scan: str | list[str] | None = "gemma", seed: int = 0) -> Any:
    """A replacement model with random weights; its tokenizer lies in `folder`."""
    torch.manual_seed(seed)
    tokenizer = AutoTokenizer.from_pretrained(build_tokenizer(folder))
    config = HookedTransformerConfig.from_dict(
        {
            "n_layers": n_layers,
            "d_model": 16,
            "n_ctx": 64,
            "d_head": 8,
            "n_heads": 2,
            "d_mlp": 32,
            "act_fn": "gelu",
            "d_vocab": len(WORDS),
            "model_name": "google/gemma-2-2b",
            "tokenizer_name": str(folder),
            "original_architecture": "Gemma2ForCausalLM",
            "normalization_type": "RMSPre",
            "positional_embedding_type": "rotary",
            "rotary_dim": 8,
            "device": "cpu",
            "final_rms": True,
            "gated_mlp": True,
            "use_normalization_before_and_after": True,
        }
    )
    layers = {
        layer: SingleLayerTranscoder(16, 48, JumpReLU(torch.zeros(48), 0.1), layer, dtype=torch.float32)
        for layer in range(n_layers)
    }
    transcoders = TranscoderSet(layers, "ln2.hook_normalized", "hook_mlp_out", scan=scan)
    model = TransformerLensReplacementModel.from_config(config, transcoders, tokenizer=tokenizer)
    for parameter in model.parameters():
        torch.nn.init.uniform_(parameter, -0.5, 0.5)
    for layer in range(n_layers):
        torch.nn.init.uniform_(transcoders.transcoders[layer].activation_function.threshold, 0.4, 0.8)
    return model


def save_model(folder: Path, *, n_layers: int = 3, seed: int = 0) -> Path:
    """Save a Llama with random weights and its tokenizer, as transformers does, and return the folder."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=n_layers,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=64,
        bos_token_id=1,
        eos_token_id=1,
    )
    model = LlamaForCausalLM(config)
    for parameter in model.parameters():
        torch.nn.init.uniform_(parameter, -0.5, 0.5)
    model.save_pretrained(build_tokenizer(folder))
    return folder


def save_transcoders(folder: Path, kind: str = "transcoder_set", *, n_layers: int = 3, seed: int = 1) -> Path:
    """Save transcoders with random weights as circuit-tracer's cache holds them, and return the folder."""
    torch.manual_seed(seed)
    hooks = {"feature_input_hook": "mlp.hook_in", "feature_output_hook": "mlp.hook_out"}
    saved: TranscoderSet | CrossLayerTranscoder
    if kind == "transcoder_set":
        layers = {i: SingleLayerTranscoder(16, 48, JumpReLU(torch.zeros(48), 0.1), i) for i in range(n_layers)}
        saved = TranscoderSet(layers, **hooks, scan=None)
    else:
        saved = CrossLayerTranscoder(n_layers, 48, 16, lazy_decoder=False, dtype=torch.float32, **hooks)
    for parameter in saved.parameters():
        torch.nn.init.uniform_(parameter, -0.5, 0.5)
    for name, parameter in saved.named_parameters():
        if name.endswith("threshold"):
            torch.nn.init.uniform_(parameter, 0.2, 0.4)
    saved.to_safetensors(str(folder))
    settings = {"model_kind": kind, "model_name": "google/gemma-2-2b", "scan": "small-set", **hooks}
    (folder / "config.yaml").write_text("".join(f"{name}: {value}\n" for name, value in settings.items()))
    return folder


def attribute_prompt(model: Any, prompt: str = PROMPT, **options: Any) -> Graph:
    """circuit-tracer's attribution graph of a prompt."""
    return attribute(prompt, model, max_n_logits=5, batch_size=64, **options)


def save_generation(graph: Graph, path: Path, generation: str, *, config: Any = None) -> Path:
    """Save a graph as circuit-tracer did in the generation of that name."""
    content = {
        "input_string": graph.input_string,
        "adjacency_matrix": graph.adjacency_matrix,
        "cfg": graph.cfg,
        "active_features": graph.active_features,
        "logit_probabilities": graph.logit_probabilities,
        "input_tokens": graph.input_tokens,
        "selected_features": graph.selected_features,
        "activation_values": graph.activation_values,
        "scan": graph.scan,
    }
    ids = graph.logit_token_ids
    match generation:
        case "logit_tokens":
            content |= {"logit_tokens": ids, "cfg": config}
        case "logit_targets":
            content |= {"logit_targets": graph.logit_targets, "vocab_size": graph.vocab_size}
        case "logit_targets_tensor":
            content |= {"logit_targets": ids, "vocab_size": graph.vocab_size}
        case "scan_name":
            content |= {"logit_targets": graph.logit_targets, "vocab_size": graph.vocab_size}
            content["scan_name"] = content.pop("scan")
        case _:
            raise ValueError(generation)
    torch.save(content, path)
    return path


def write_graph_files(graph: Graph, folder: Path, **options: Any) -> Path:
    """The JSON that circuit-tracer's own `create_graph_files` writes."""
    from circuit_tracer.utils import create_graph_files

    create_graph_files(graph, slug="small", output_path=str(folder), **options)
    return folder / "small.json"
