"""What a person can ask of the engine: open, discover, evaluate, read, trace. Free of Qt."""

from circuitviz.workbench.experiment import Experiment, PromptExperiment, TaskExperiment, open, open_steps

__all__ = ["Experiment", "PromptExperiment", "TaskExperiment", "open", "open_steps"]
