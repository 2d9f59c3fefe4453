"""Opening a model, running it patched, and what every sender wrote."""

from circuitviz.models.ablations import ABLATIONS, check_ablation, means, zeros
from circuitviz.models.activations import Activations, fill_differences, record
from circuitviz.models.loading import DEMO, from_hugging_face, is_local, load_model, load_model_steps, shipped
from circuitviz.models.model import Model
from circuitviz.models.norms import Norm
from circuitviz.models.patched import PatchedRun
from circuitviz.models.tokens import Tokens

__all__ = [
    "ABLATIONS",
    "DEMO",
    "Activations",
    "Model",
    "Norm",
    "PatchedRun",
    "Tokens",
    "check_ablation",
    "fill_differences",
    "from_hugging_face",
    "is_local",
    "load_model",
    "load_model_steps",
    "means",
    "record",
    "shipped",
    "zeros",
]
