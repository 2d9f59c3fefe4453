"""The editor of own prompts."""
