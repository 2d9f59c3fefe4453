"""What the fields of the search form mean, as their tool tips say it."""

MODEL_HINT = "demo, a Hugging Face name such as gpt2, or a model folder"
TASK_HINT = "a task, own prompts, or a CSV, JSONL, JSON or TOML file"
PROMPTS_HINT = "how many pairs of prompts scores and faithfulness are means over"
SEED_HINT = "the same seed makes the same prompts of a task"
SPANS_HINT = (
    "whole prompt: edges are scored as a sum over positions; by span: each edge at each span that the task "
    "names, such as S2 or END"
)
METRIC_HINT = "what the circuit is to explain; a higher value is a better answer"
ABLATION_HINT = "what the edges outside the circuit carry: the corrupted prompt's values, zero, or means"
SELECTION_HINT = "how edges are chosen from their scores"
EDGES_HINT = "how many edges are chosen; the slider under Edges changes it afterwards, without a new search"
REUSE_HINT = "fill this form with the model, task, method and settings that the open circuit was found with"
SELECTION_RULES = {
    "greedy": "from the logits up, the strongest edge into a node already reached",
    "top": "top k by |score|, pruned",
    "signed": "top k by signed score, pruned",
    "nodes": "the strongest nodes and all edges between them",
    "own": "the edges that the method itself kept (ACDC)",
}
