"""The Log panel keeps the latest messages."""

from __future__ import annotations

import re

from panel_host import PanelHost

from circuitviz.panels.log.panel import MAX_LOG_LINES


def test_messages_are_listed_with_their_times(idle_host: PanelHost) -> None:
    panel = idle_host.show("log")
    idle_host.workspace.post_message("first")
    idle_host.workspace.post_message("<b>second</b>")
    lines = panel.text_field.toPlainText().splitlines()
    assert [re.sub(r"^\d\d:\d\d:\d\d  ", "", line) for line in lines] == ["first", "<b>second</b>"]
    for number in range(MAX_LOG_LINES):
        panel.add_message(str(number))
    assert len(panel.text_field.toPlainText().splitlines()) == MAX_LOG_LINES
