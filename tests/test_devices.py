"""The GPU path, on a stand-in for a GPU: nothing mixes host and device, and nothing waits in a hot loop.

Each work runs on two sizes, and its counts are compared, so no number of waits is written down here. What may
grow, and with what, is said in ``PER_PASS`` and ``PER_LAYER``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
import torch
from conftest import RANDOM
from device_standin import DEVICE, SYNCHRONISATION, UPLOAD, MixedDevicesError, StandinDevice, device
from device_works import EVALUATIONS, FEATURES, METHODS, READINGS, WORKS, DeviceCase, Size, make_case

from circuitviz.discovery import device_results, make_setting, methods
from circuitviz.errors import InputError
from circuitviz.evaluation import measures
from circuitviz.evaluation.claims.registry import claim_tests
from circuitviz.models import load_model
from circuitviz.models.device_arrays import copy_arrays

SMALL = Size(layers=2, heads=2, prompts=4, time=6)
LARGE = Size(layers=3, heads=4, prompts=7, time=8)
WIDE = Size(layers=2, heads=4, prompts=7, time=8)  # as many layers as the small one
PER_PASS = {
    "exact",
    "exact-by-span",
    "acdc",
    "activation-patching",
    "eap-ig-activations",
    "minimality",
    "roles",
    "atp-star",
}
"""Works whose number of passes through the model depends on the graph: one copy of each kind a pass, as the
next pass depends on it (acdc), or as each is the measurement of another circuit."""
PER_LAYER = {"local", "local-scores", "prompt-bench", "roles", "traces", "local-of-size", "ablations",
             "predicted", "sizes", "neurons", "steering"}  # fmt: skip
"""Works in which the host chooses, stage by stage, which rows of edges are computed, or in which keys and values
are kept layer by layer."""
ONE_SIZE = {"traces", "local-of-size", "random", "rivals", "mib"}
"""Works whose steps depend on numbers: how many examples there are, thresholds until a size is reached, or circuits
that are drawn or searched."""


@pytest.fixture(autouse=True)
def rare_partial_results(monkeypatch: pytest.MonkeyPatch) -> None:
    """Partial results depend on the time: only the first one is due."""
    monkeypatch.setattr(device_results, "FETCH_INTERVAL_S", 1e9)


@pytest.fixture
def standin() -> Iterator[StandinDevice]:
    with device:
        yield device


@cache
def case_of(size: Size) -> DeviceCase:
    """A model of a size, with its passes counted."""
    made = make_case(size)
    made.model.bridge.unembed.register_forward_pre_hook(lambda *_: _count_pass(made))
    METHODS["task-attribution"](made)  # what several works share
    made.made("scores", lambda: METHODS["eap"](made))
    FEATURES["local"](made)
    _ = made.model.weight_hash
    return made


def _count_pass(case: DeviceCase) -> None:
    case.passes += 1


def counts_of(name: str, size: Size) -> tuple[Counter[tuple[str, str, str]], int]:
    """What a work counts, and its passes."""
    case = case_of(size)
    before = case.passes
    with device.counting() as counts:
        WORKS[name](case)
        return Counter(counts), case.passes - before


def total(counts: Counter[tuple[str, str, str]], kind: str) -> int:
    return sum(number for key, number in counts.items() if key[0] == kind)


# The stand-in itself


def test_it_fails_where_host_and_device_meet(standin: StandinDevice) -> None:
    here, there = torch.ones(3), torch.ones(3, device="cuda")
    assert there.device == DEVICE != here.device and (there * 2).is_cuda and there[1:].view(2).is_cuda
    with pytest.raises(MixedDevicesError, match=r"aten\.add\.Tensor at outside.*host \[3\], device \[3\]"):
        here + there
    for mix in (
        lambda: torch.cat([here, there]),
        lambda: there[torch.tensor([0, 1])],
        lambda: there @ here,
        lambda: there.__setitem__(slice(0, 2), there[:2] + here[:2]),
        lambda: there.numpy(),
        lambda: np.asarray(there),
        lambda: torch.randn(3, device="cuda", generator=torch.Generator()),
    ):
        with pytest.raises(MixedDevicesError):
            mix()
    assert (there + torch.tensor(2.0)).is_cuda  # a single number is an argument of the kernel


def test_it_names_the_line_of_circuitviz(standin: StandinDevice) -> None:
    case = case_of(SMALL)
    with pytest.raises(MixedDevicesError, match=r"models/model\.py:\d+"):
        case.model.logits(case.task.clean, case.task.lengths - 1)


def test_it_follows_gradients(standin: StandinDevice) -> None:
    weight = torch.ones(2, 3, device="cuda", requires_grad=True)
    (gradient,) = torch.autograd.grad((weight[:, 1:] ** 2).sum(), weight)
    assert gradient.is_cuda
    with pytest.raises(MixedDevicesError):
        gradient + torch.ones(2, 3)


def test_it_counts_waits_and_copies(standin: StandinDevice) -> None:
    there, mask = torch.arange(4.0, device="cuda"), torch.arange(4, device="cuda") > 1
    waits = (
        lambda: there.cpu(),
        lambda: there.to("cpu"),
        lambda: there.tolist(),
        lambda: there.sum().item(),
        lambda: bool(mask.any()),
        lambda: mask.nonzero(),
        lambda: there[mask],
        lambda: torch.equal(there, there),
        lambda: torch.zeros(4).copy_(there),
    )
    copies = (
        lambda: torch.tensor([1, 2], device="cuda"),
        lambda: torch.ones(2).to("cuda"),
        lambda: there[[0, 2]],
        lambda: there[:2].copy_(torch.ones(2)),
        lambda: there.new_tensor([1.0]),
    )
    free = (
        lambda: there.masked_fill(mask, 0.0),
        lambda: there.__setitem__(mask, 0.0),
        lambda: there.__setitem__(1, 2.0),
        lambda: torch.where(mask, there, 0.0),
        lambda: there.to(torch.float64),
        lambda: torch.arange(3, device="cuda"),
    )
    for actions, expected in ((waits, (1, 0)), (copies, (0, 1)), (free, (0, 0))):
        for action in actions:
            with device.counting() as counts:
                action()
                assert (total(counts, SYNCHRONISATION), total(counts, UPLOAD)) == expected, counts


def test_arrays_of_all_types_are_copied_in_one_piece(standin: StandinDevice) -> None:
    arrays = [
        np.arange(3, dtype=np.int8),
        np.zeros((0, 2), np.int64),
        np.eye(2),
        np.array([True]),
        np.arange(5),
    ]
    with device.counting() as counts:
        tensors = copy_arrays(arrays, DEVICE)
        assert total(counts, UPLOAD) == 1
    for array, tensor in zip(arrays, tensors, strict=True):
        assert tensor.is_cuda and tensor.dtype == torch.from_numpy(array).dtype
        assert tensor.shape == array.shape and tensor.tolist() == array.tolist()


# Everything on it


def test_no_method_measure_or_claim_is_forgotten() -> None:
    assert {*methods.names()} == {*METHODS}
    # robustness is faithfulness in every setting, of which there are five here
    assert {*measures.names()} - {"robustness"} <= {*EVALUATIONS}
    assert {f"claim-{name}" for name in claim_tests.names()} <= {*EVALUATIONS}


@pytest.mark.parametrize("name", [n for n in WORKS if n not in ONE_SIZE])
def test_waits_and_copies_do_not_grow(standin: StandinDevice, name: str) -> None:
    """Neither with edges, nor with layers, nor with prompts."""
    (small, few), (large, many) = (
        counts_of(name, size) for size in (SMALL, WIDE if name in PER_LAYER else LARGE)
    )
    for kind in (SYNCHRONISATION, UPLOAD):
        growth = {
            key: (small[key], large[key]) for key in large if key[0] == kind and large[key] > small[key]
        }
        allowed = many - few if name in PER_PASS else 0
        assert total(large, kind) - total(small, kind) <= allowed, growth


@pytest.mark.parametrize("name", sorted(ONE_SIZE))
def test_works_of_one_size_do_not_mix(standin: StandinDevice, name: str) -> None:
    counts_of(name, SMALL)


@pytest.mark.parametrize("architecture", ["neox", "gemma2"])
def test_other_architectures_do_not_mix(standin: StandinDevice, architecture: str) -> None:
    torch.manual_seed(0)
    case = make_case(SMALL, RANDOM[architecture]())
    for name in ("eap-ig", "information-flow-routes", "faithfulness", "lens-map", "head"):
        WORKS[name](case)


def test_numbers_are_those_of_the_cpu(standin: StandinDevice) -> None:
    """Where another way is taken on a device, only the order of sums differs."""
    on_device, on_host = (make_case(SMALL, device=name) for name in ("cuda", "cpu"))
    for name in ("eap-ig", "exact", "task-attribution"):
        theirs, ours = (METHODS[name](case) for case in (on_device, on_host))
        if name == "task-attribution":
            theirs, ours = theirs[2], ours[2]
        np.testing.assert_allclose(theirs.values, ours.values, rtol=1e-4, atol=1e-5)
    theirs, ours = (FEATURES["local"](case) for case in (on_device, on_host))
    assert theirs.names == ours.names and theirs.ledger.total == pytest.approx(ours.ledger.total, rel=1e-4)
    theirs, ours = (READINGS["lens-map"](case) for case in (on_device, on_host))
    for row, expected in zip(theirs.cells, ours.cells, strict=True):
        assert [cell.rank for cell in row] == [cell.rank for cell in expected]


def test_scores_are_made_without_tf32(standin: StandinDevice) -> None:
    torch.set_float32_matmul_precision("high")
    try:
        make_case(SMALL)
        assert torch.get_float32_matmul_precision() == "highest"
    finally:
        torch.set_float32_matmul_precision("highest")


def test_a_device_without_float64_is_refused() -> None:
    with pytest.raises(InputError, match="'mps'.*float64.*cpu would be right"):
        load_model("demo", "mps")


def test_partial_results_come_at_a_bounded_rate(
    standin: StandinDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a device the first one, and then none until time has passed; on the CPU every one."""
    for on, expected in ((DEVICE, [True, False, False, True]), (torch.device("cpu"), [True] * 4)):
        now = iter([0.0, 0.1, 0.2, 0.3])
        monkeypatch.setattr(device_results, "FETCH_INTERVAL_S", 0.25)
        monkeypatch.setattr(device_results.time, "monotonic", lambda now=now: next(now))
        timer = device_results.FetchTimer(on)
        assert [timer.is_due() for _ in range(4)] == expected


def test_a_task_answers_the_host_without_the_device(standin: StandinDevice) -> None:
    case = case_of(LARGE)
    moved = make_setting(case.model, case.task).task
    assert moved.clean.is_cuda and not case.task.clean.is_cuda and moved.to(DEVICE) is moved
    assert moved.to(torch.device("cpu")) is case.task
    with device.counting() as counts:
        batch = moved.subset(range(1, 4)).subset(range(2))
        assert batch.hash == case.task.subset([1, 2]).hash and batch.two_sided
        assert batch.prompt_strings(1) == case.task.prompt_strings(2)
        assert batch.resolve_position(0, "END") == case.task.resolve_position(1, "END")
        assert not counts
        assert moved.subset([0, 4]).clean.tolist() == case.task.clean[[0, 4]].tolist()
