"""The parts of the Ablation panel: the form, what changed, and predicted against measured."""
