"""Windows and folders of a test's own."""

from window_fixtures import little_text, open_window, opened, own_data, shared_indexes, steady, window

__all__ = ["little_text", "open_window", "opened", "own_data", "shared_indexes", "steady", "window"]
