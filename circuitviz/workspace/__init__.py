"""The application's model: document, undo stack, selection, live faithfulness, comparison, jobs."""
