"""Opening a model, running it with edges patched, and recording what every sender writes."""

from circuitviz.models.constant_ablations import ABLATIONS, check_ablation, mean_activations, zero_activations
from circuitviz.models.model import Model
from circuitviz.models.model_loading import (
    DEMO_MODEL,
    from_hugging_face,
    is_local_model,
    list_shipped_models,
    load_model,
    load_model_steps,
)
from circuitviz.models.norms import Norm
from circuitviz.models.patched_run import PatchedRun
from circuitviz.models.prompt_tokenizer import PromptTokenizer
from circuitviz.models.sender_activations import Activations, compute_sender_deltas, record_activations

__all__ = [
    "ABLATIONS",
    "DEMO_MODEL",
    "Activations",
    "Model",
    "Norm",
    "PatchedRun",
    "PromptTokenizer",
    "check_ablation",
    "compute_sender_deltas",
    "from_hugging_face",
    "is_local_model",
    "load_model",
    "load_model_steps",
    "mean_activations",
    "record_activations",
    "list_shipped_models",
    "zero_activations",
]
