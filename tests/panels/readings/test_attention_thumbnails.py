"""Small patterns of long prompts: of cells that share a pixel, the strongest is seen."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from circuitviz.panels.readings.attention_thumbnails import (
    MAX_THUMBNAIL_CELLS,
    AttentionThumbnails,
    downsample,
)


@pytest.mark.parametrize("tokens", [9, 128, 129, 300])
def test_cells_that_become_one_keep_the_strongest(tokens: int) -> None:
    maps = np.random.default_rng(tokens).normal(size=(2, tokens, tokens))
    made = downsample(maps, MAX_THUMBNAIL_CELLS)
    step = -(-tokens // MAX_THUMBNAIL_CELLS)
    assert made.shape[1:] == (-(-tokens // step),) * 2 and max(made.shape) <= MAX_THUMBNAIL_CELLS
    for head, row, column in [(0, 0, 0), (1, 3, 2), (1, made.shape[1] - 1, made.shape[1] - 1)]:
        cells = maps[head, row * step : (row + 1) * step, column * step : (column + 1) * step].ravel()
        assert made[head, row, column] == max(cells, key=abs)
    assert (made is maps) == (step == 1)


def test_a_head_that_is_chosen_anew_is_coarsened_no_more(qtbot: QtBot) -> None:
    maps = np.tril(np.random.default_rng(0).random((4, 300, 300)))
    thumbnails = AttentionThumbnails()
    qtbot.addWidget(thumbnails)
    thumbnails.resize(420, 240)
    thumbnails.show_patterns([f"a0.h{i}" for i in range(4)], maps, 1.0, 0, list)
    with qtbot.waitExposed(thumbnails):
        thumbnails.show()
    first = thumbnails._screen_patterns()
    thumbnails.show_patterns(thumbnails.head_names, maps, 1.0, 2, list)
    assert thumbnails._screen_patterns() is first
    thumbnails.show_patterns(thumbnails.head_names, maps * 0.5, 1.0, 2, list)
    assert np.allclose(thumbnails._screen_patterns(), first * 0.5)
