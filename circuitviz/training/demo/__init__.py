"""The demo model and its dictionaries: their text, tokenizer, training and figures."""
