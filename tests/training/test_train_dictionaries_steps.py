"""Training: what is learned, shown, stopped and resumed, against slow sums written here."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

from circuitviz.errors import InputError
from circuitviz.features import check_dictionary, load_dictionary, write_saelens_folder
from circuitviz.features.passages import Passages, passages_from_texts, read_passage_file
from circuitviz.progress import run_to_completion
from circuitviz.resources import resource_path
from circuitviz.training import (
    DictionaryRecipe,
    TrainedDictionaries,
    collect_activations,
    loss_recovered_steps,
    measure_dictionary_steps,
    parse_site,
    train_dictionaries_steps,
    trainable_sites,
)
from circuitviz.training.demo.corpus import DemoCorpus

SMALL = DictionaryRecipe(features=64, sparsity=6, steps=75, batch=128, seed=3)


@pytest.fixture(scope="module")
def text(demo: Any) -> Passages:
    return passages_from_texts(demo.model, islice(DemoCorpus(5).passages(), 120))


@pytest.fixture(scope="module")
def trained(demo: Any, text: Passages) -> TrainedDictionaries:
    return run_to_completion(
        train_dictionaries_steps(demo.model, [parse_site("m1", demo.model)], text, SMALL)
    )


def test_a_text_file_is_its_paragraphs_or_its_lines(demo: Any, tmp_path: Path) -> None:
    lines, prose = tmp_path / "lines.txt", tmp_path / "prose.txt"
    lines.write_text("Mary likes the ring.\nIt was a day.\n")
    prose.write_text("Mary likes\nthe ring.\n\n\nIt was a day.\n")
    bos = demo.model.tokens.encode("")
    for path, first in ((lines, "Mary likes the ring."), (prose, "Mary likes\nthe ring.")):
        read = read_passage_file(demo.model, path)
        assert [list(row) for row in read.rows] == [
            demo.model.tokens.encode(first),
            demo.model.tokens.encode("It was a day."),
        ]
        assert read.bos and list(read.rows[0][:1]) == bos


def test_a_passage_longer_than_the_context_becomes_windows(demo: Any) -> None:
    words = " ring" * 300
    rows = passages_from_texts(demo.model, [words]).rows
    assert [len(row) for row in rows] == [128, 128, 47]
    told = [piece for row in rows for piece in demo.model.tokens.token_strings(row[1:])]
    assert "".join(told) == words
    assert all(row[0] == rows[0][0] for row in rows)


@pytest.mark.parametrize("content", [b"", b" \n \n", b"\xff\xfe\x00"])
def test_a_file_without_text_is_refused(demo: Any, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match="empty|UTF-8"):
        read_passage_file(demo.model, path)
    with pytest.raises(InputError, match="no text file"):
        read_passage_file(demo.model, tmp_path / "none.txt")


@pytest.mark.parametrize("name", ["a2", "m2"])
def test_activations_are_those_of_each_passage_alone(demo: Any, text: Passages, name: str) -> None:
    """Padding and batches change nothing: against Hugging Face's own modules, one passage at a time."""
    some = Passages(text.rows[:7], True)
    x, y = collect_activations(demo.model, parse_site(name, demo.model), some)
    block = demo.slow.hf.transformer.h[2]
    seen: dict[str, torch.Tensor] = {}
    part = block.attn.c_proj if name == "a2" else block.mlp
    handle = part.register_forward_hook(lambda _m, args, out: seen.update(x=args[0][0], y=out[0]))
    rows: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
    for number, row in enumerate(some.rows):
        with torch.no_grad():
            demo.slow.hf(torch.tensor([row]))
        rows[number] = (seen["x"][1:], seen["x"][1:] if name == "a2" else seen["y"][1:])
    handle.remove()
    order = [number for batch in some.batches() for number in batch.row_numbers]
    torch.testing.assert_close(x, torch.cat([rows[n][0] for n in order]).float(), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(y, torch.cat([rows[n][1] for n in order]).float(), rtol=1e-4, atol=1e-4)


def test_training_lowers_the_loss_and_shows_it(demo: Any, text: Passages) -> None:
    steps = list(_progress(demo.model, "a1", text, SMALL))
    shown = [step.partial for step in steps if step.partial is not None]
    assert [partial.history["a1"][-1].step for partial in shown if partial.history["a1"]][-1:] == [75]
    assert not any(partial.is_complete for partial in shown)
    course = shown[-1].history["a1"]
    assert [point.step for point in course] == [25, 50, 75]
    assert course[-1].loss < 0.6 * course[0].loss
    assert all(point.l0 == pytest.approx(SMALL.sparsity, rel=0.05) for point in course)
    assert f"L0 {course[-1].l0:.1f}" in steps[-1].message


def test_the_same_seed_gives_the_same_weights_and_another_does_not(
    demo: Any, text: Passages, trained: TrainedDictionaries
) -> None:
    site = parse_site("m1", demo.model)
    again = run_to_completion(train_dictionaries_steps(demo.model, [site], text, SMALL))
    other = run_to_completion(
        train_dictionaries_steps(demo.model, [site], text, DictionaryRecipe(64, 6, 75, 128, seed=4))
    )
    assert torch.equal(again.dictionaries[0].encoder, trained.dictionaries[0].encoder)
    assert not torch.allclose(other.dictionaries[0].encoder, trained.dictionaries[0].encoder)


def test_a_stopped_run_goes_on_to_the_same_weights(
    demo: Any, text: Passages, trained: TrainedDictionaries, tmp_path: Path
) -> None:
    site, state = parse_site("m1", demo.model), tmp_path / "deep" / "m1.training"
    steps = train_dictionaries_steps(demo.model, [site], text, SMALL, state)
    while next(steps).done < 50:
        pass
    steps.close()
    assert state.is_file() and [p.name for p in state.parent.iterdir()] == ["m1.training"]
    steps = train_dictionaries_steps(demo.model, [site], text, SMALL, state)
    done = [step.done for step in steps if step.partial is not None]
    assert done and min(done) > 50 and done[-1] == 75  # only the last 25 steps were run
    assert not state.exists()

    steps = train_dictionaries_steps(demo.model, [site], text, SMALL, state)
    while next(steps).done < 25:
        pass
    steps.close()
    resumed = run_to_completion(train_dictionaries_steps(demo.model, [site], text, SMALL, state))
    assert resumed.is_complete and resumed.history == trained.history
    for name in ("encoder", "bias", "decoder", "decoder_bias", "threshold"):
        assert torch.equal(getattr(resumed.dictionaries[0], name), getattr(trained.dictionaries[0], name)), (
            name
        )


def test_a_state_of_another_run_is_refused(demo: Any, text: Passages, tmp_path: Path) -> None:
    state = tmp_path / "a.training"
    steps = train_dictionaries_steps(demo.model, [parse_site("a1", demo.model)], text, SMALL, state)
    while next(steps).done < 25:
        pass
    steps.close()
    with pytest.raises(InputError, match="another training"):
        run_to_completion(
            train_dictionaries_steps(demo.model, [parse_site("a2", demo.model)], text, SMALL, state)
        )
    state.write_bytes(b"no state")
    with pytest.raises(InputError, match="no state of a training"):
        run_to_completion(
            train_dictionaries_steps(demo.model, [parse_site("a1", demo.model)], text, SMALL, state)
        )


def test_sites_are_named_and_wrong_names_refused(demo: Any) -> None:
    assert [site.name for site in trainable_sites(demo.model)] == [
        "a0",
        "m0",
        "a1",
        "m1",
        "a2",
        "m2",
        "a3",
        "m3",
    ]
    with pytest.raises(InputError, match="layers 0 to 3"):
        parse_site("m4", demo.model)
    with pytest.raises(InputError, match="names no site"):
        parse_site("mlp-1", demo.model)


def test_figures_are_those_of_slow_sums(demo: Any, text: Passages, trained: TrainedDictionaries) -> None:
    some = Passages(text.rows[:20], True)
    found = run_to_completion(measure_dictionary_steps(demo.model, trained.dictionaries[0], some))
    one = trained.dictionaries[0].to(torch.zeros((), dtype=torch.double))
    ys, errors, fired, losses = [], [], [], []
    mlp = demo.slow.hf.transformer.h[1].mlp
    for row in some.rows:
        seen: dict[str, torch.Tensor] = {}
        case = [_loss(demo.slow.hf, row)]
        for rebuild in (True, False):

            def swap(_m: Any, args: Any, out: torch.Tensor, rebuild: bool = rebuild, seen: Any = seen) -> Any:
                seen.update(x=args[0][0], y=out[0])
                before = seen["x"] @ one.encoder + one.bias
                features = torch.where(before > one.threshold, before.clamp_min(0), 0)
                seen.update(f=features, r=features @ one.decoder + one.decoder_bias)
                return seen["r"][None] if rebuild else torch.zeros_like(out)

            handle = mlp.register_forward_hook(swap)
            case.append(_loss(demo.slow.hf, row))
            handle.remove()
        losses.append(torch.tensor(case).double())
        ys.append(seen["y"][1:].double())
        errors.append((seen["y"] - seen["r"])[1:].double())
        fired.append(seen["f"][1:] > 0)
    y, error, active = torch.cat(ys), torch.cat(errors), torch.cat(fired)
    loss, spliced, zeroed = (torch.stack(losses).sum(0) / sum(len(r) - 1 for r in some.rows)).tolist()
    assert found.tokens == len(y) and found.features == 64
    assert found.unexplained == pytest.approx(
        float(error.square().sum() / (y - y.mean(0)).square().sum()), rel=1e-3
    )
    assert found.l0 == pytest.approx(float(active.sum(1).double().mean()), rel=1e-3)
    assert found.dead == pytest.approx(float((active.sum(0) == 0).double().mean()))
    assert found.loss == pytest.approx(loss, rel=1e-4)
    assert found.loss_spliced == pytest.approx(spliced, rel=1e-3)
    assert found.recovered == pytest.approx((zeroed - spliced) / (zeroed - loss), abs=2e-3)
    assert run_to_completion(
        loss_recovered_steps(demo.model, [trained.dictionaries[0]], some)
    ) == pytest.approx(found.recovered)


@pytest.mark.parametrize(("site", "harm"), [("m0", False), ("m1", True)])
def test_where_zeros_do_no_harm_nothing_is_recovered(demo: Any, site: str, harm: bool) -> None:
    """Beginnings of sequence alone: the model did not expect them, and without m0 they surprise it less."""
    text = Passages(((0, 0, 0, 0), (0, 0, 0)), True)
    one = load_dictionary(resource_path("demo", "dictionaries", site), demo.model)
    found = run_to_completion(measure_dictionary_steps(demo.model, one, text))
    mlp = demo.slow.hf.transformer.h[int(site[1])].mlp
    handle = mlp.register_forward_hook(lambda _module, _args, out: torch.zeros_like(out))
    zeroed = sum(_loss(demo.slow.hf, row) for row in text.rows) / 5
    handle.remove()
    assert (zeroed > found.loss) is harm
    assert math.isnan(found.recovered) is not harm


def test_saelens_opens_what_was_trained_and_encodes_the_same(
    demo: Any, text: Passages, trained: TrainedDictionaries, tmp_path: Path
) -> None:
    sae_lens = pytest.importorskip("sae_lens", exc_type=ImportError)
    attention = run_to_completion(
        train_dictionaries_steps(demo.model, [parse_site("a0", demo.model)], text, SMALL)
    ).dictionaries[0]
    for one in (trained.dictionaries[0], attention):
        write_saelens_folder(one, tmp_path / one.name)
        x, _ = collect_activations(demo.model, one.site, Passages(text.rows[:9], True))
        theirs = sae_lens.SAE.load_from_disk(str(tmp_path / one.name))
        given = x.view(len(x), 8, 16) if one.name == "a0" else x
        features = theirs.encode(given)
        torch.testing.assert_close(features, one.encode(x), rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(
            theirs.decode(features).flatten(1), one.reconstruct(x), rtol=1e-5, atol=1e-5
        )
        again = load_dictionary(tmp_path / one.name)  # without the model: so short a training fits badly
        check_dictionary(again, demo.model)
        assert torch.equal(again.encode(x), one.encode(x))


def _progress(model: Any, site: str, text: Passages, recipe: DictionaryRecipe) -> Iterator[Any]:
    yield from train_dictionaries_steps(model, [parse_site(site, model)], text, recipe)


def _loss(hf: Any, row: tuple[int, ...]) -> float:
    with torch.no_grad():
        logits = hf(torch.tensor([row])).logits[0, :-1]
    return float(functional.cross_entropy(logits, torch.tensor(row[1:]), reduction="sum"))
