"""circuitviz finds circuits in transformer language models, draws them and takes them apart."""

__version__ = "0.1.0"
