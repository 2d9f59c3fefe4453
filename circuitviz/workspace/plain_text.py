"""Text that we did not write is shown as it is: never as markup, never with mnemonics.

The style sheet makes every label plain text (``canvas.style.PLAIN_TEXT``), tooltips and message boxes too.
"""

from __future__ import annotations

from PySide6.QtWidgets import QLabel


class MarkupLabel(QLabel):
    """The only label that shows markup: tags that we write, around text that ``html.escape`` has escaped."""


def escape_mnemonics(text: str) -> str:
    """Text for a button, a menu entry or a tab, where Qt reads a single & as a mnemonic.

    >>> escape_mnemonics("Romeo & Juliet")
    'Romeo && Juliet'
    """
    return text.replace("&", "&&")
