"""Windows and folders of a test's own."""

from tab_fixtures import asked, files, three
from window_fixtures import little_text, open_window, opened, own_data, shared_indexes, steady, window

__all__ = [
    "asked",
    "files",
    "little_text",
    "open_window",
    "opened",
    "own_data",
    "shared_indexes",
    "steady",
    "three",
    "window",
]
