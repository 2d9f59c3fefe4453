"""Dashboards against passages run one by one through Hugging Face's modules, and plain sums."""

from __future__ import annotations

import sqlite3
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from circuitviz.errors import ComputationError, InputError
from circuitviz.features import Dictionary, dashboards, load_dictionaries
from circuitviz.features.dashboards import (
    FeatureIndex,
    build_index_steps,
    de_embedding_effects,
    nearest_features,
    token_effects,
)
from circuitviz.features.passages import Passages, passages_from_texts
from circuitviz.progress import run_to_completion
from circuitviz.resources import resource_path
from circuitviz.training.demo.corpus import DemoCorpus
from circuitviz.workbench.requests.feature_dashboards import OpenDictionaries


@pytest.fixture(scope="module")
def dictionaries(demo: Any) -> dict[str, Dictionary]:
    return {one.name: one for one in load_dictionaries([resource_path("demo", "dictionaries")], demo.model)}


@pytest.fixture(scope="module")
def text(demo: Any) -> Passages:
    return passages_from_texts(
        demo.model, [*islice(DemoCorpus(5).passages(), 70), " ring" * 100 + " Mary" * 60]
    )


@pytest.fixture(scope="module")
def index(demo: Any, dictionaries: Any, text: Passages, tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("index") / "deep" / "demo.sqlite"
    built = run_to_completion(
        build_index_steps(demo.model, [dictionaries["a1"], dictionaries["m2"]], text, path)
    )
    yield built
    built.close()


def _slow_values(demo: Any, one: Dictionary, text: Passages) -> list[torch.Tensor]:
    """Activations [time, features] of each passage by itself, the dictionary written out."""
    block = demo.slow.hf.transformer.h[one.site.layer]
    part = block.attn.c_proj if one.site.part == "a" else block.mlp
    double = one.to(torch.zeros((), dtype=torch.double))
    out: list[torch.Tensor] = []

    def keep(_module: Any, args: Any) -> None:
        before = args[0][0] @ double.encoder + double.bias
        out.append(torch.where(before > double.threshold, before.clamp_min(0), 0))

    handle = part.register_forward_pre_hook(keep)
    for row in text.rows:
        with torch.no_grad():
            demo.slow.hf(torch.tensor([row]))
    handle.remove()
    return out


def test_the_index_that_ships_is_of_the_demo_as_it_is(
    demo: Any, dictionaries: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The window asks for it by the same name, builds nothing, and its numbers are the model's."""
    monkeypatch.setattr(dashboards, "build_index_steps", lambda *given: pytest.fail("it is built anew"))
    request, all_of_them = OpenDictionaries((), None, tmp_path), list(dictionaries.values())
    shipped = run_to_completion(request._open_or_build_index(demo.model, all_of_them))
    try:
        assert shipped.sites == {one.site.name: one.features for one in all_of_them}
        for site, number in (("a1", 3), ("m2", 40), ("a3", 700)):
            examples = shipped.statistics(site, number).examples[:4]
            assert examples
            passages = SimpleNamespace(rows=[shipped.passage(one.passage) for one in examples])
            values = _slow_values(demo, dictionaries[site], passages)
            for example, mine in zip(examples, values, strict=True):
                end = example.first + len(example.tokens)
                right = mine[example.first : end, number].numpy()
                assert np.allclose(example.activations, right, rtol=1e-3, atol=1e-3)
    finally:
        shipped.close()


@pytest.mark.parametrize("site", ["a1", "m2"])
def test_statistics_are_those_of_every_token(
    demo: Any, dictionaries: Any, text: Passages, index: FeatureIndex, site: str
) -> None:
    values = _slow_values(demo, dictionaries[site], text)
    flat = torch.cat(values)
    rows = index.features(site)
    assert index.tokens == len(flat) and len(rows) == flat.shape[1]
    fired = (flat > 0).sum(0)
    density = torch.tensor([row.density for row in rows]) * len(flat)
    assert (density - fired).abs().max() < 1.5  # a value at its threshold may round either way
    assert float(((density - fired).abs() < 0.5).double().mean()) > 0.98
    greatest = torch.tensor([row.greatest for row in rows])
    often = fired > 1
    torch.testing.assert_close(greatest[often].double(), flat.amax(0)[often], rtol=1e-3, atol=1e-3)
    for number in fired.topk(5).indices.tolist():
        found = index.statistics(site, number)
        mine = flat[:, number][flat[:, number] > 0].numpy()
        assert found.row.mean == pytest.approx(mine.mean(), rel=1e-2)
        assert sum(found.bins) == round(found.row.density * index.tokens)
        assert found.histogram_max / 2 < mine.max() <= found.histogram_max
        edges = np.linspace(0, found.histogram_max, len(found.bins) + 1)
        assert np.abs(np.histogram(mine, edges)[0] - np.array(found.bins)).sum() <= 0.02 * len(mine) + 2


@pytest.mark.parametrize("site", ["a1", "m2"])
def test_examples_are_the_strongest_passages_with_what_is_around(
    demo: Any, dictionaries: Any, text: Passages, index: FeatureIndex, site: str
) -> None:
    values = _slow_values(demo, dictionaries[site], text)
    peaks = torch.stack([one.amax(0) for one in values])
    for number in (peaks > 0).sum(0).topk(6).indices.tolist():
        examples = index.statistics(site, number).examples
        expected = peaks[:, number].sort(descending=True).values[:20]
        expected = expected[expected > 0]
        shown = torch.tensor([one.activation for one in examples])
        torch.testing.assert_close(shown.double(), expected, rtol=1e-3, atol=1e-3)
        assert len({one.passage for one in examples}) == len(examples)
        for one in examples:
            row, mine = text.rows[one.passage], values[one.passage][:, number]
            end = one.first + len(one.tokens)
            assert one.first == max(0, one.position - 40) and end == min(len(row), one.position + 16)
            assert one.tokens == row[one.first : end]
            near = torch.tensor(one.activations).double() - mine[one.first : end]
            assert float(near.abs().sort().values[:-1].max()) < 1e-3


def test_an_index_that_is_stopped_leaves_nothing(
    demo: Any, dictionaries: Any, text: Passages, tmp_path: Path
) -> None:
    steps = build_index_steps(demo.model, [dictionaries["m2"]], text, tmp_path / "x.sqlite")
    next(steps)
    steps.close()
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_index_or_not_there_is_refused(
    demo: Any, dictionaries: Any, text: Passages, index: FeatureIndex, tmp_path: Path
) -> None:
    (tmp_path / "odd.sqlite").write_text("text")
    other = sqlite3.connect(tmp_path / "other.sqlite")
    other.execute("CREATE TABLE about (key, value)")
    other.commit()
    other.close()
    for name in ("odd", "other", "none"):
        with pytest.raises(InputError, match="build it anew"):
            FeatureIndex(tmp_path / f"{name}.sqlite")
    with pytest.raises(InputError, match="features 0 to 511"):
        index.statistics("m2", 512)
    with pytest.raises(InputError, match="it has a1, m2"):
        index.features("m3")
    (tmp_path / "file").write_text("")
    with pytest.raises(ComputationError, match="could not be written"):
        run_to_completion(
            build_index_steps(demo.model, [dictionaries["m2"]], text, tmp_path / "file" / "x.sqlite")
        )


@pytest.mark.parametrize("site", ["a1", "m3"])
def test_tokens_promoted_are_those_whose_logits_rise(demo: Any, dictionaries: Any, site: str) -> None:
    """A small addition of what the feature writes, before the last normalisation of an even stream."""
    one, hf = dictionaries[site].to(torch.zeros((), dtype=torch.double)), demo.slow.hf
    for number in (3, 77):
        row = one.decoder[number]
        block = hf.transformer.h[one.site.layer]
        written = row @ block.attn.c_proj.weight if one.site.part == "a" else row
        norm = hf.transformer.ln_f
        effect = hf.lm_head.weight.detach() @ ((written - written.mean()) * norm.weight.detach())
        top, bottom = token_effects(demo.model, dictionaries[site], number, 5)
        words = demo.model.tokens.token_strings(effect.topk(5).indices.tolist())
        assert [t.token for t in top] == words
        assert [t.value for t in top] == pytest.approx(effect.topk(5).values.tolist(), rel=1e-3)
        assert [t.value for t in bottom] == pytest.approx(effect.sort().values[:5].tolist(), rel=1e-3)


def test_de_embedding_is_what_an_embedding_alone_adds_to_the_pre_activation(
    demo: Any, dictionaries: Any
) -> None:
    hf = demo.slow.hf
    embedding = hf.transformer.wte.weight.detach()
    block = hf.transformer.h[1]

    def normed(x: torch.Tensor, norm: Any) -> torch.Tensor:
        return (x - x.mean(-1, keepdim=True)) * norm.weight.detach()

    m1, a1 = (dictionaries[name].to(torch.zeros((), dtype=torch.double)) for name in ("m1", "a1"))
    direct = normed(embedding, block.ln_2) @ m1.encoder[:, 9]
    assert _values(de_embedding_effects(demo.model, dictionaries["m1"], 9)) == pytest.approx(
        _top(direct), rel=1e-3
    )

    first = hf.transformer.h[0]
    values = normed(embedding, first.ln_1) @ first.attn.c_attn.weight.detach()[:, 256:]  # all heads' v
    alone = torch.zeros_like(values)
    alone[:, 48:64] = values[:, 48:64]  # head 3
    through = normed(alone @ first.attn.c_proj.weight.detach(), block.ln_2) @ m1.encoder[:, 9]
    shown = de_embedding_effects(demo.model, dictionaries["m1"], 9, head="a0.h3")
    assert _values(shown) == pytest.approx(_top(through), rel=1e-3)

    own = normed(embedding, block.ln_1) @ block.attn.c_attn.weight.detach()[:, 256:]
    assert _values(de_embedding_effects(demo.model, dictionaries["a1"], 4)) == pytest.approx(
        _top(own @ a1.encoder[:, 4]), rel=1e-3
    )
    part = own[:, 32:48] @ a1.encoder[32:48, 4]
    assert _values(de_embedding_effects(demo.model, dictionaries["a1"], 4, head="a1.h2")) == pytest.approx(
        _top(part), rel=1e-3
    )
    for head in ("a2.h0", "a0.h9", "m0", "a0.h3<q>"):
        with pytest.raises(InputError, match="layers 0 to 1"):
            de_embedding_effects(demo.model, dictionaries["m1"], 9, head=head)


@pytest.mark.parametrize("by", ["decoder", "encoder"])
def test_nearest_features_have_the_greatest_cosines(dictionaries: Any, by: str) -> None:
    one = dictionaries["m2"]
    rows = one.decoder if by == "decoder" else one.encoder.T
    cosines = torch.nn.functional.cosine_similarity(rows, rows[5][None], dim=1)
    found = nearest_features(one, 5, by, 4)
    order = [n for n in cosines.sort(descending=True).indices.tolist() if n != 5][:4]
    assert [n.number for n in found] == order
    assert [n.cosine for n in found] == pytest.approx(cosines[order].tolist(), abs=1e-5)
    with pytest.raises(InputError, match="no feature 512"):
        nearest_features(one, 512, by)


def _values(shown: Any) -> list[float]:
    return [one.value for one in shown]


def _top(effect: torch.Tensor) -> list[float]:
    return effect.sort(descending=True).values[:10].tolist()
