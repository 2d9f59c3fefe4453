"""Tiny random models of every Hugging Face architecture that the tests know, and where their parts are.

``PlainEdges`` measures the exact effect of an edge on the plain Hugging Face model, by nothing but torch
hooks on its own modules: no line of circuitviz is used.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import torch
import transformers
from torch import Tensor

VOCABULARY = 96
LAYERS, HEADS, WIDTH, HEAD_WIDTH = 2, 4, 32, 8

SPLIT = {"q": "q_proj", "k": "k_proj", "v": "v_proj"}
"""Where queries, keys and values have a linear map each; the others have one for all (``Layout.fused``)."""


@dataclass(frozen=True)
class Layout:
    """Names of a family's modules; those of a block are relative to it.

    fused: how one module's output [batch, time, ·] is laid out: ``parts`` (all queries, all keys, all
    values), ``heads`` (each head's query, key and value after one another), ``quarters`` (a quarter of the
    queries, of the values and of the keys after one another, which is a head's here) or ``groups`` (the
    queries of each key-value head, its key and its value after one another). norm, mlp_norm: the
    normalisation of what attention and the MLP read, empty where there is none. post_attention, post_mlp:
    that of what they write, where there is one. mlp_reads: the module that the MLP's input enters, where
    that is not the one that writes. factor: what outputs are multiplied by before they are added. positions:
    the position embedding, which is no part of what ``input`` writes.
    """

    blocks: str = "model.layers"
    norm: str = "input_layernorm"
    attention: str = "self_attn"
    out: str = "o_proj"
    channels: dict[str, str] = field(default_factory=lambda: dict(SPLIT))
    fused: str = ""
    mlp_norm: str = "post_attention_layernorm"
    mlp: str = "mlp"
    final: str = "model.norm"
    post_attention: str = ""
    post_mlp: str = ""
    mlp_reads: str = ""
    factor: float = 1.0
    positions: str = ""


def _fused(name: str) -> dict[str, str]:
    return dict.fromkeys("qkv", name)


LLAMA = Layout()
PHI = Layout(out="dense", mlp_norm="input_layernorm", final="model.final_layernorm")
GPT2 = Layout(
    blocks="transformer.h", norm="ln_1", attention="attn", out="c_proj", channels=_fused("c_attn"),
    fused="parts", mlp_norm="ln_2", final="transformer.ln_f", positions="transformer.wpe",
)  # fmt: skip
GPT_NEO = Layout(
    blocks="transformer.h", norm="ln_1", attention="attn.attention", out="out_proj", mlp_norm="ln_2",
    final="transformer.ln_f", positions="transformer.wpe",
)  # fmt: skip
GPT_J = Layout(
    blocks="transformer.h", norm="ln_1", attention="attn", out="out_proj", mlp_norm="ln_1",
    final="transformer.ln_f",
)  # fmt: skip
CODEGEN = replace(GPT_J, channels=_fused("qkv_proj"), fused="quarters")
NEOX = Layout(
    blocks="gpt_neox.layers", attention="attention", out="dense", channels=_fused("query_key_value"),
    fused="heads", final="gpt_neox.final_layer_norm",
)  # fmt: skip
GEMMA2 = Layout(
    mlp_norm="pre_feedforward_layernorm", post_attention="post_attention_layernorm",
    post_mlp="post_feedforward_layernorm",
)  # fmt: skip
OPT = Layout(
    blocks="model.decoder.layers", norm="self_attn_layer_norm", out="out_proj", mlp_norm="final_layer_norm",
    mlp="fc2", mlp_reads="fc1", final="model.decoder.final_layer_norm",
    positions="model.decoder.embed_positions",
)  # fmt: skip
XGLM = replace(OPT, blocks="model.layers", final="model.layer_norm", positions="model.embed_positions")
BLOOM = Layout(
    blocks="transformer.h", attention="self_attention", out="dense", channels=_fused("query_key_value"),
    fused="heads", mlp="mlp.dense_4h_to_h", mlp_reads="mlp.dense_h_to_4h", final="transformer.ln_f",
)  # fmt: skip
MPT = Layout(
    blocks="transformer.blocks", norm="norm_1", attention="attn", out="out_proj", channels=_fused("Wqkv"),
    fused="parts", mlp_norm="norm_2", mlp="ffn.down_proj", mlp_reads="ffn.up_proj",
    final="transformer.norm_f",
)  # fmt: skip
COHERE = Layout(mlp_norm="input_layernorm")
GRANITE = Layout(factor=0.5)
POST_NORM = Layout(
    norm="", mlp_norm="", post_attention="post_attention_layernorm", post_mlp="post_feedforward_layernorm"
)
GLM4 = Layout(post_attention="post_self_attn_layernorm", post_mlp="post_mlp_layernorm")
PHI3 = Layout(channels=_fused("qkv_proj"), fused="parts")
LLAMA4 = Layout(mlp="feed_forward")
STABLELM_PARALLEL = Layout(mlp_norm="input_layernorm")
FALCON = Layout(
    blocks="transformer.h", attention="self_attention", out="dense", channels=_fused("query_key_value"),
    fused="parts", mlp_norm="input_layernorm", final="transformer.ln_f",
)  # fmt: skip
FALCON_GROUPED = replace(FALCON, fused="groups", norm="ln_attn", mlp_norm="ln_mlp")
LFM2 = Layout(
    norm="operator_norm", out="out_proj", mlp_norm="ffn_norm", mlp="feed_forward",
    final="model.embedding_norm",
)  # fmt: skip
FALCON_ALIBI = replace(FALCON, fused="heads", mlp_norm="post_attention_layernorm")
APERTUS = Layout(norm="attention_layernorm", mlp_norm="feedforward_layernorm")


@dataclass(frozen=True)
class Family:
    """A configuration of an architecture; layout: None where it is refused when it is opened."""

    architecture: str
    options: dict[str, Any]
    layout: Layout | None = LLAMA


SIZES = {
    "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "hidden_size": WIDTH,
    "intermediate_size": 40, "max_position_embeddings": 64,
}  # fmt: skip
GPT2_SIZES = {"n_layer": LAYERS, "n_head": HEADS, "n_embd": WIDTH, "n_positions": 64}
COMMON = {
    "vocab_size": VOCABULARY, "pad_token_id": None, "bos_token_id": None, "eos_token_id": None,
    "initializer_range": 0.25, "attn_implementation": "eager",
}  # fmt: skip


def _like_gpt2(architecture: str = "GPT2LMHeadModel", layout: Layout | None = GPT2, **more: Any) -> Family:
    return Family(architecture, {**GPT2_SIZES, **more}, layout)


def _like_llama(architecture: str, layout: Layout | None = LLAMA, **more: Any) -> Family:
    return Family(architecture, {**SIZES, "num_key_value_heads": 2, **more}, layout)


def _experts(architecture: str, layout: Layout | None = LLAMA, **more: Any) -> Family:
    return _like_llama(architecture, layout, num_experts_per_tok=2, moe_intermediate_size=16, **more)


def _falcon_grouped(layout: Layout, **more: Any) -> Family:
    sizes = {"num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "hidden_size": WIDTH}
    grouped = {"num_kv_heads": 2, "new_decoder_architecture": True, "alibi": False}
    return Family("FalconForCausalLM", {**sizes, **grouped, **more}, layout)


def _opt(layout: Layout | None, **more: Any) -> Family:
    sizes = {
        "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "hidden_size": WIDTH, "ffn_dim": 40,
        "max_position_embeddings": 64, "word_embed_proj_dim": WIDTH, "init_std": 0.25,
    }  # fmt: skip
    return Family("OPTForCausalLM", {**sizes, **more}, layout)


def _llama4(moe_layer_step: int) -> Family:
    """Every ``moe_layer_step``-th layer is a mixture of experts."""
    experts = {"num_local_experts": 4, "num_experts_per_tok": 1, "interleave_moe_layer_step": moe_layer_step}
    return _like_llama("Llama4ForCausalLM", LLAMA4, head_dim=HEAD_WIDTH, intermediate_size_mlp=40, **experts)


def _gemma4(layout: Layout | None = GEMMA2, **more: Any) -> Family:
    heads = {"num_key_value_heads": 2, "head_dim": HEAD_WIDTH, "global_head_dim": HEAD_WIDTH}
    layers = {
        "sliding_window": 3,
        "hidden_size_per_layer_input": 0,
        "layer_types": ["sliding_attention", "full_attention"],
    }
    return Family("Gemma4ForCausalLM", {**SIZES, **heads, **layers, **more}, layout)


def _scaled(kind: str, **more: Any) -> Family:
    return _like_llama("LlamaForCausalLM", rope_scaling={"rope_type": kind, **more})


_GEMMA2 = {"head_dim": HEAD_WIDTH, "sliding_window": 3, "query_pre_attn_scalar": 16}
_MLA = {
    "num_key_value_heads": HEADS, "n_routed_experts": 4, "kv_lora_rank": 8, "qk_rope_head_dim": 4,
    "qk_nope_head_dim": 4, "v_head_dim": 8, "first_k_dense_replace": 1, "n_group": 1, "topk_group": 1,
}  # fmt: skip

FAMILIES = {
    "gpt2": _like_gpt2(),
    "gpt2-unscaled": _like_gpt2(scale_attn_weights=False),
    "gpt2-scaled-by-layer": _like_gpt2(scale_attn_by_inverse_layer_idx=True),
    "gpt2-upcast": _like_gpt2(reorder_and_upcast_attn=True),
    "gpt2-scaled-by-layer-upcast": _like_gpt2(
        scale_attn_by_inverse_layer_idx=True, reorder_and_upcast_attn=True
    ),
    "gpt-bigcode": _like_gpt2("GPTBigCodeForCausalLM"),
    "gpt-neo": Family(
        "GPTNeoForCausalLM",
        {
            "hidden_size": WIDTH,
            "num_layers": LAYERS,
            "num_heads": HEADS,
            "intermediate_size": 40,
            "attention_types": [[["global", "local"], 1]],
            "window_size": 3,
            "max_position_embeddings": 64,
        },
        GPT_NEO,
    ),
    "gpt-j": _like_gpt2("GPTJForCausalLM", GPT_J, rotary_dim=4),
    "codegen": _like_gpt2("CodeGenForCausalLM", CODEGEN, rotary_dim=4),
    "openai-gpt": _like_gpt2("OpenAIGPTLMHeadModel", None),
    "gpt-neox": Family("GPTNeoXForCausalLM", SIZES, NEOX),
    "gpt-neox-sequential": Family("GPTNeoXForCausalLM", {**SIZES, "use_parallel_residual": False}, NEOX),
    "llama": Family("LlamaForCausalLM", SIZES),
    "llama-grouped": _like_llama("LlamaForCausalLM"),
    "llama-biased": _like_llama("LlamaForCausalLM", attention_bias=True, mlp_bias=True),
    "llama-linear-rope": _scaled("linear", factor=2.0),
    "llama-dynamic-rope": _scaled("dynamic", factor=2.0),
    "llama-yarn": _scaled("yarn", factor=4.0, original_max_position_embeddings=16),
    "llama-3-rope": _scaled(
        "llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=16
    ),
    "mistral-sliding": _like_llama("MistralForCausalLM", sliding_window=3),
    "mixtral": _like_llama("MixtralForCausalLM", num_local_experts=4, num_experts_per_tok=2),
    "qwen2": _like_llama("Qwen2ForCausalLM"),
    "qwen2-sliding": _like_llama(
        "Qwen2ForCausalLM", use_sliding_window=True, sliding_window=3, max_window_layers=0
    ),
    "qwen2-moe": _experts("Qwen2MoeForCausalLM", num_experts=4, shared_expert_intermediate_size=16),
    "qwen3": _like_llama("Qwen3ForCausalLM", head_dim=HEAD_WIDTH),
    "qwen3-moe": _experts("Qwen3MoeForCausalLM", num_experts=4, head_dim=HEAD_WIDTH),
    "gemma": _like_llama("GemmaForCausalLM", head_dim=HEAD_WIDTH),
    "gemma2": _like_llama("Gemma2ForCausalLM", GEMMA2, **_GEMMA2),
    "gemma3": _like_llama(
        "Gemma3ForCausalLM", GEMMA2, **_GEMMA2, layer_types=["sliding_attention", "full_attention"]
    ),
    "gemma4": _gemma4(None, global_head_dim=2 * HEAD_WIDTH),  # as all that Google published
    "gemma4-equal-heads": _gemma4(),
    "gemma4-moe": _gemma4(enable_moe_block=True, num_experts=4, top_k_experts=2, moe_intermediate_size=16),
    "gemma4-keys-are-values": _gemma4(None, attention_k_eq_v=True),
    "gemma4-per-layer": _gemma4(None, hidden_size_per_layer_input=4, vocab_size_per_layer_input=VOCABULARY),
    "vaultgemma": _like_llama(
        "VaultGemmaForCausalLM", Layout(mlp_norm="pre_feedforward_layernorm"), **_GEMMA2
    ),
    "phi": Family("PhiForCausalLM", SIZES, PHI),
    "phi-normalised-queries": Family("PhiForCausalLM", {**SIZES, "qk_layernorm": True}, PHI),
    "phi3": _like_llama("Phi3ForCausalLM", PHI3),
    "stablelm": _like_llama("StableLmForCausalLM"),
    "stablelm-parallel": _like_llama(
        "StableLmForCausalLM", STABLELM_PARALLEL, use_parallel_residual=True, qk_layernorm=True
    ),
    "starcoder2": _like_llama("Starcoder2ForCausalLM"),
    "smollm3": _like_llama("SmolLM3ForCausalLM"),
    "glm": _like_llama("GlmForCausalLM", head_dim=HEAD_WIDTH),
    "glm4": _like_llama("Glm4ForCausalLM", GLM4, head_dim=HEAD_WIDTH),
    "glm4-moe": _experts(
        "Glm4MoeForCausalLM",
        head_dim=HEAD_WIDTH,
        n_routed_experts=4,
        first_k_dense_replace=1,
        n_group=1,
        topk_group=1,
    ),
    "gpt-oss": _like_llama(
        "GptOssForCausalLM", head_dim=HEAD_WIDTH, num_local_experts=4, num_experts_per_tok=2, sliding_window=3
    ),
    "llama4": _llama4(moe_layer_step=2),
    "hunyuan": _like_llama("HunYuanDenseV1ForCausalLM", head_dim=HEAD_WIDTH),
    "olmo": _like_llama("OlmoForCausalLM"),
    "olmo2": _like_llama("Olmo2ForCausalLM", POST_NORM),
    "olmo3": _like_llama("Olmo3ForCausalLM", POST_NORM, sliding_window=3),
    "olmoe": _like_llama("OlmoeForCausalLM", num_experts=4, num_experts_per_tok=2),
    "exaone4": _like_llama("Exaone4ForCausalLM", POST_NORM, sliding_window=3, sliding_window_pattern=2),
    "granite": _like_llama("GraniteForCausalLM", GRANITE, residual_multiplier=0.5, embedding_multiplier=3.0),
    "granite-moe": _like_llama(
        "GraniteMoeForCausalLM", Layout(mlp="block_sparse_moe"), num_local_experts=4, num_experts_per_tok=2
    ),
    "cohere": _like_llama("CohereForCausalLM", COHERE, logit_scale=0.5),
    "cohere2": _like_llama(
        "Cohere2ForCausalLM", COHERE, sliding_window=3, layer_types=["full_attention", "sliding_attention"]
    ),
    "falcon": Family(
        "FalconForCausalLM",
        {"num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "hidden_size": WIDTH, "alibi": False},
        FALCON,
    ),
    "falcon-alibi": Family(
        "FalconForCausalLM",
        {
            "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS,
            "hidden_size": WIDTH,
            "alibi": True,
            "multi_query": False,
            "parallel_attn": False,
            "bias": True,
        },
        FALCON_ALIBI,
    ),
    "mpt": Family(
        "MptForCausalLM", {"n_layers": LAYERS, "n_heads": HEADS, "d_model": WIDTH, "max_seq_len": 64}, MPT
    ),
    "bloom": Family("BloomForCausalLM", {"n_layer": LAYERS, "n_head": HEADS, "hidden_size": WIDTH}, BLOOM),
    "opt": _opt(OPT),
    "opt-post-norm": _opt(None, do_layer_norm_before=False),
    "opt-350m": _opt(None, do_layer_norm_before=False, word_embed_proj_dim=16),
    "xglm": Family(
        "XGLMForCausalLM",
        {"num_layers": LAYERS, "attention_heads": HEADS, "d_model": WIDTH, "ffn_dim": 40, "init_std": 0.25},
        XGLM,
    ),
    "deepseek2": _experts(
        "DeepseekV2ForCausalLM", None, **_MLA, q_lora_rank=None, topk_method="greedy", n_shared_experts=1
    ),
    "deepseek3": _experts("DeepseekV3ForCausalLM", None, **_MLA, q_lora_rank=8, n_shared_experts=1),
    "nemotron": _like_llama("NemotronForCausalLM"),
    "apertus": _like_llama("ApertusForCausalLM", APERTUS),
    "arcee": _like_llama("ArceeForCausalLM"),
    "ernie4-5": _like_llama("Ernie4_5ForCausalLM", head_dim=HEAD_WIDTH),
    "seed-oss": _like_llama("SeedOssForCausalLM", head_dim=HEAD_WIDTH),
    "llama-one-key-head": Family("LlamaForCausalLM", {**SIZES, "num_key_value_heads": 1}),
    "llama4-all-routed": _llama4(moe_layer_step=1),
    "qwen2-moe-mixed": _experts(
        "Qwen2MoeForCausalLM", num_experts=4, shared_expert_intermediate_size=16, mlp_only_layers=[0]
    ),
    "ministral3": _like_llama("Ministral3ForCausalLM", head_dim=HEAD_WIDTH),
    "bitnet": _like_llama("BitNetForCausalLM"),
    "phimoe": _like_llama("PhimoeForCausalLM", num_local_experts=4, num_experts_per_tok=2),
    "lfm2": _like_llama("Lfm2ForCausalLM", LFM2),
    "falcon-grouped": _falcon_grouped(FALCON_GROUPED, bias=True),
    "falcon-grouped-one-norm": _falcon_grouped(replace(FALCON, fused="groups"), num_ln_in_parallel_attn=1),
    "falcon-grouped-alibi": _falcon_grouped(FALCON_GROUPED, alibi=True),
    "granite-moe-scaled": _like_llama(
        "GraniteMoeForCausalLM",
        replace(GRANITE, mlp="block_sparse_moe"),
        num_local_experts=4,
        num_experts_per_tok=2,
        residual_multiplier=0.5,
    ),
    "gpt-bigcode-all-keys": _like_gpt2("GPTBigCodeForCausalLM", None, multi_query=False),
    "mamba": Family(
        "MambaForCausalLM", {"hidden_size": WIDTH, "num_hidden_layers": 2, "state_size": 4}, None
    ),
    "qwen3-next": _experts("Qwen3NextForCausalLM", None, num_experts=4, head_dim=HEAD_WIDTH),
    "bert": Family("BertLMHeadModel", {**SIZES, "is_decoder": True}, None),
    "persimmon": Family("PersimmonForCausalLM", SIZES, None),
    "helium": _like_llama("HeliumForCausalLM", None, head_dim=HEAD_WIDTH),
    "biogpt": Family("BioGptForCausalLM", SIZES, None),
    "nanochat": _like_llama("NanoChatForCausalLM", None),
    "dots1": _experts(
        "Dots1ForCausalLM",
        None,
        n_routed_experts=4,
        n_shared_experts=1,
        first_k_dense_replace=1,
        n_group=1,
        topk_group=1,
    ),
}


def random_model(name: str) -> Any:
    """A Hugging Face model with random weights, biases and normalisations, the same at every call."""
    family = FAMILIES[name]
    kind = getattr(transformers, family.architecture)
    options = {**COMMON, **family.options}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        config = kind.config_class(**options)
        torch.manual_seed(0)
        hf = kind(config).float().eval()
    draw = torch.Generator().manual_seed(1)
    for path, parameter in hf.named_parameters():
        part = path.rpartition(".")[0].rpartition(".")[2]
        if path.endswith(("bias", "sinks")):  # transformers starts them at nothing,
            parameter.data.copy_(torch.randn(parameter.shape, generator=draw) * 0.2)
        elif "norm" in part or part.startswith("ln"):  # where a mistake would not show
            parameter.data.add_(torch.randn(parameter.shape, generator=draw) * 0.2)
    return hf


@cache
def tokenizer() -> Any:
    """One token a word: ``w0 w1 …``, without special tokens but the unknown one."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = {f"w{i}": i for i in range(VOCABULARY - 1)} | {"<unk>": VOCABULARY - 1}
    made = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>")


class PlainEdges:
    """Effects and attributions of edges on a plain Hugging Face model.

    clean, corrupted: [batch, time]; loss: logits [batch, vocabulary] at the last position → a number.
    ``written``: what each sender writes on the clean prompts [batch, time, d], an MLP with its output bias;
    ``beyond``: what of it is beyond the corrupted prompts' outputs.
    """

    def __init__(
        self,
        hf: Any,
        layout: Layout,
        clean: Tensor,
        corrupted: Tensor,
        loss: Callable[[Tensor], Tensor],
        heads: int = HEADS,
        head_width: int = HEAD_WIDTH,
    ) -> None:
        self.hf, self.layout, self.loss = hf.requires_grad_(False), layout, loss
        self.heads, self.head_width = heads, head_width
        self.clean = clean
        self.blocks = hf.get_submodule(layout.blocks)
        self.final = hf.get_submodule(layout.final)
        with torch.no_grad():
            self.logits, self.written = self._record(clean)
            self.corrupted_logits, theirs = self._record(corrupted)
        self.beyond = {name: value - theirs[name] for name, value in self.written.items()}

    @torch.no_grad()
    def effect(self, receiver: str, less: Tensor) -> float:
        """Loss of the model minus its loss when one receiver reads ``less`` [batch, time, d] less."""
        with ExitStack() as stack:
            self._push(stack, receiver, -less)
            patched = self._run(self.clean)
        return float(self.loss(self.logits) - self.loss(patched))

    def effect_on_heads(self, receiver: str, less: Tensor) -> float:
        """Σ (z − z') · ∂loss/∂z over the layer's heads, z' where a query or key reads ``less`` less."""
        kept = list[Tensor]()

        def keep(_module: Any, args: Any) -> Any:
            kept.append(args[0].clone().requires_grad_())
            return (kept[-1], *args[1:])

        out = self._attention(int(receiver[1:].partition(".")[0]), self.layout.out)
        with ExitStack() as stack:
            stack.callback(out.register_forward_pre_hook(keep).remove)
            (gradient,) = torch.autograd.grad(self.loss(self._run(self.clean)), kept)
            self._push(stack, receiver, -less)
            self._run(self.clean)
        return float(((kept[0] - kept[1]) * gradient).sum().detach())

    def gradients(self, receivers: Collection[str]) -> dict[str, Tensor]:
        """∂loss/∂(what each receiver reads), [batch, time, d], by autograd over inputs of their own."""
        zero = torch.zeros_like(self.written["input"])
        pushed = {receiver: zero.clone().requires_grad_() for receiver in receivers}
        with ExitStack() as stack:
            for receiver, push in pushed.items():
                self._push(stack, receiver, push)
            loss = self.loss(self._run(self.clean))
        return dict(zip(pushed, torch.autograd.grad(loss, list(pushed.values())), strict=True))

    @torch.no_grad()
    def end(self) -> tuple[Tensor, Tensor, Tensor]:
        """At the last position: the stream [batch, d], it normalised [batch, d], and the logits."""
        final, kept = self.final, list[Tensor]()
        keep = final.register_forward_hook(lambda _module, args, out: kept.extend((args[0], out)))
        try:
            logits = self._run(self.clean)
        finally:
            keep.remove()
        return kept[0][:, -1], kept[1][:, -1], logits

    def _run(self, tokens: Tensor) -> Tensor:
        out: Tensor = self.hf(tokens, use_cache=False).logits[:, -1]
        return out

    def _part(self, layer: int, name: str) -> Any:
        return self.blocks[layer].get_submodule(name)

    def _attention(self, layer: int, name: str) -> Any:
        return self._part(layer, f"{self.layout.attention}.{name}")

    def _record(self, tokens: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Logits, and what senders write."""
        layout, kept = self.layout, dict[str, Tensor]()

        def before(name: str) -> Any:
            return lambda _module, args: kept.__setitem__(name, args[0].clone())  # Falcon adds in place

        def after(name: str) -> Any:
            def keep(_module: Any, _args: Any, out: Any) -> None:
                kept[name] = (out[0] if isinstance(out, tuple) else out).clone()

            return keep

        with ExitStack() as stack:
            for layer in range(len(self.blocks)):
                out, mlp = (
                    self._attention(layer, layout.out),
                    self._part(layer, layout.post_mlp or layout.mlp),
                )
                stack.callback(out.register_forward_pre_hook(before(f"z{layer}")).remove)
                stack.callback(out.register_forward_hook(after(f"o{layer}")).remove)
                stack.callback(mlp.register_forward_hook(after(f"m{layer}")).remove)

            def keep_input(_module: Any, args: Any, kwargs: Any) -> None:
                kept["input"] = (args[0] if args else kwargs["hidden_states"]).clone()

            stack.callback(self.blocks[0].register_forward_pre_hook(keep_input, with_kwargs=True).remove)
            if layout.positions:
                places = self.hf.get_submodule(layout.positions)
                stack.callback(places.register_forward_hook(after("positions")).remove)
            logits = self._run(tokens)
        written = {"input": kept["input"] - kept.get("positions", 0)}
        for layer in range(len(self.blocks)):
            out, z, total = self._attention(layer, layout.out), kept[f"z{layer}"], kept[f"o{layer}"]
            nothing = out.forward(torch.zeros_like(z))
            gain: Tensor | float = layout.factor
            if layout.post_attention:
                post = self._part(layer, layout.post_attention)
                gain = post.forward(total) / total  # RMSNorm multiplies each number
            for head in range(self.heads):
                alone = torch.zeros_like(z)
                rows = slice(head * self.head_width, (head + 1) * self.head_width)
                alone[..., rows] = z[..., rows]
                written[f"a{layer}.h{head}"] = (out.forward(alone) - nothing) * gain
            written[f"m{layer}"] = kept[f"m{layer}"].view_as(total) * layout.factor
        return logits, written

    def _push(self, stack: ExitStack, receiver: str, push: Tensor) -> None:
        """Let a receiver read ``push`` more, until the stack is left."""
        if receiver == "logits":
            hook = self.final.register_forward_pre_hook(lambda _module, args: (args[0] + push, *args[1:]))
            stack.callback(hook.remove)
            return
        place, _, channel = receiver.rstrip(">").partition("<")
        layer, seen = int(place[1:].partition(".")[0]), list[Tensor]()
        is_mlp = place.startswith("m")
        norm_name = self.layout.mlp_norm if is_mlp else self.layout.norm
        mlp_reads = self.layout.mlp_reads or self.layout.mlp
        reader = self._part(layer, norm_name or (mlp_reads if is_mlp else self.layout.attention))
        norm = reader.forward if norm_name else lambda stream: stream

        def look(_module: Any, args: Any, kwargs: Any) -> None:
            seen.append((args[0] if args else kwargs["hidden_states"]).view_as(push))  # OPT flattens

        stack.callback(reader.register_forward_pre_hook(look, with_kwargs=True).remove)
        if is_mlp:
            hook = self._part(layer, mlp_reads).register_forward_pre_hook(
                lambda _module, args: (norm(seen[-1] + push).view_as(args[0]), *args[1:])
            )
            stack.callback(hook.remove)
            return
        linear = self._attention(layer, self.layout.channels[channel])
        head = int(place.partition(".")[2].lstrip("hkv"))

        def change(_module: Any, _args: Any, out: Tensor) -> Tensor:
            other = linear.forward(norm(seen[-1] + push))
            rows = self._rows(channel, head, out.shape[-1])
            return torch.cat([out[..., : rows.start], other[..., rows], out[..., rows.stop :]], -1)

        stack.callback(linear.register_forward_hook(change).remove)

    def _rows(self, channel: str, head: int, width: int) -> slice:
        """Where a head's query, key or value is in the output of its module."""
        number = {"q": 0, "k": 1, "v": 2}[channel]
        if self.layout.fused == "heads":
            first = (3 * head + number) * self.head_width
        elif self.layout.fused == "quarters":
            first = (3 * head + (0, 2, 1)[number]) * self.head_width
        elif self.layout.fused == "groups":
            kv_heads = (width // self.head_width - self.heads) // 2
            size = self.heads // kv_heads
            group, query = (head // size, head % size) if channel == "q" else (head, size + number - 1)
            first = (group * (size + 2) + query) * self.head_width
        elif self.layout.fused == "parts":
            keys = (width - self.heads * self.head_width) // 2
            first = (0, self.heads * self.head_width, self.heads * self.head_width + keys)[
                number
            ] + head * self.head_width
        else:
            first = head * self.head_width
        return slice(first, first + self.head_width)
