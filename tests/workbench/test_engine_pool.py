"""Tabs of one model share it; where memory is short, the model that was used longest ago makes room."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from circuitviz.cancellation import Cancelled
from circuitviz.models import MemoryShortError, memory_needs
from circuitviz.workbench.engine import Engine
from circuitviz.workbench.engine_pool import EnginePool
from circuitviz.workbench.requests.messages import ModelReleased, Reply

pytestmark = pytest.mark.usefixtures("own_models")  # which are opened in the memory that there is


def opening(engine: Engine, name: str) -> Iterator[Reply]:
    return engine.open_model(name, "cpu", "auto")


@pytest.fixture
def busy() -> set[int | None]:
    """Tabs with work that is not done."""
    return set()


@pytest.fixture
def pool(busy: set[int | None]) -> EnginePool:
    """Tabs 0 and 1 of the demo model, tab 2 of another one that was used last."""
    pool = EnginePool(None, lambda tab: tab in busy)
    for tab, name in enumerate(("demo", "demo", "reverse")):
        list(opening(pool.engine(tab), name))
    return pool


@pytest.fixture
def short(pool: EnginePool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is free as long as the demo model is open."""
    engines = [pool.engine(tab) for tab in (0, 1, 2)]

    def free(_device: object) -> int:
        return 0 if engines[0].is_model_open or engines[1].is_model_open else 10**12

    monkeypatch.setattr(memory_needs, "free_bytes", free)


def test_tabs_of_one_model_share_it_until_the_last_is_closed(pool: EnginePool) -> None:
    first, second, third = (pool.engine(tab) for tab in (0, 1, 2))
    assert first.model is second.model and first.model is not third.model
    pool.close(0)
    assert not first.is_model_open and second.is_model_open
    assert not list(opening(pool.engine(3), "demo")), "nothing is loaded"
    assert pool.engine(3).model is second.model


@pytest.mark.usefixtures("short")
def test_the_model_that_was_used_longest_ago_makes_room(pool: EnginePool) -> None:
    replies = list(opening(pool.engine(3), "x-proportion"))
    assert [one for one in replies if isinstance(one, ModelReleased)] == [ModelReleased("demo", (0, 1))]
    assert pool.engine(3).model.name == "x-proportion"
    assert [pool.engine(tab).is_model_open for tab in (0, 1, 2)] == [False, False, True]


def test_each_release_is_told_before_the_next(pool: EnginePool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that ends or steps aside after the first has released no other model."""
    monkeypatch.setattr(memory_needs, "free_bytes", lambda _device: 0)
    replies = opening(pool.engine(3), "x-proportion")
    assert next(one for one in replies if isinstance(one, ModelReleased)) == ModelReleased("demo", (0, 1))
    assert pool.engine(2).is_model_open
    replies.close()  # type: ignore[attr-defined]  # a generator
    assert pool.engine(2).is_model_open


@pytest.mark.usefixtures("short")
def test_a_release_is_told_where_collecting_garbage_is_cancelled(pool: EnginePool) -> None:
    """Else the window would take a model for open that is gone."""

    def cancel() -> None:
        raise Cancelled

    pool.engine(3).shared.collect_garbage = cancel
    replies = list[Reply]()
    with pytest.raises(Cancelled):
        for reply in opening(pool.engine(3), "x-proportion"):
            replies.append(reply)
    assert ModelReleased("demo", (0, 1)) in replies


@pytest.mark.usefixtures("short")
def test_a_model_that_a_job_needs_is_kept(pool: EnginePool, busy: set[int | None]) -> None:
    busy |= {1, 2}
    with pytest.raises(MemoryShortError, match="are free on cpu"):
        list(opening(pool.engine(3), "x-proportion"))
    assert all(pool.engine(tab).is_model_open for tab in (0, 1, 2))
