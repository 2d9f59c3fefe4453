"""What a person can ask of the engine: open, discover, evaluate, read, trace. Free of Qt."""
