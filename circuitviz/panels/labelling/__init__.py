"""What the Labels panel is made of: the table, the evidence, the suggestions, the rounds."""
