"""Windows and folders of a test's own."""

from window_fixtures import open_window, opened, own_data, steady, window

__all__ = ["open_window", "opened", "own_data", "steady", "window"]
