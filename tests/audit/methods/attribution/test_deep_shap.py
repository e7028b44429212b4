"""DeepSHAP: it adds up whatever the network is made of, looks at one row at a time, and agrees with shap and captum where they are right."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from captum.attr import DeepLift, DeepLiftShap
from torch import nn

from audit.errors import MethodError
from audit.methods.attribution.deep_shap import deep_shap
from audit.methods.attribution.integrated_gradients import integrated_gradients
from audit.models.torch_model import TorchModel
from tests.audit.methods.attribution.networks import IMAGE, ROW, Written, drawn, fixed, row_networks, structured_networks

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import shap

ROWS, STRUCTURED = row_networks(), structured_networks()
CASES = {name: (network, ROW) for name, network in ROWS.items()} | STRUCTURED


def measured(network, shape, *, rows=4, baselines=5, dtype=torch.float64, chunk=1024):
    return deep_shap(network, drawn(rows, shape, dtype), drawn(baselines, shape, dtype, seed=2), torch.arange(rows) % 3, chunk=chunk)


def relative_gap(found):
    """Gap over what is explained, or the spread of what is where hardly anything is."""
    change = np.abs(found.total - found.base)
    return found.gap / np.maximum(change, change.mean())


@pytest.mark.parametrize("name", CASES)
def test_values_add_up_whatever_the_network_is_made_of(name):
    network, shape = CASES[name]

    found = measured(fixed(network), shape)

    assert relative_gap(found).max() <= 1e-10
    np.testing.assert_allclose(found.total, fixed(network)(drawn(4, shape))[range(4), torch.arange(4) % 3], atol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_values_add_up_in_single_precision(name):
    network, shape = CASES[name]

    assert relative_gap(measured(fixed(network, torch.float32), shape, dtype=torch.float32)).max() <= 1e-5


@pytest.mark.parametrize("name", CASES)
def test_a_row_is_explained_alike_alone_and_among_others(name):
    network, shape = CASES[name]
    inputs, baselines, target = drawn(4, shape), drawn(5, shape, seed=2), torch.arange(4) % 3
    network = fixed(network)

    together = deep_shap(network, inputs, baselines, target).values
    alone = [deep_shap(network, inputs[i : i + 1], baselines, target[i : i + 1]).values[0] for i in range(4)]

    np.testing.assert_allclose(np.stack(alone), together, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_row_and_baseline_can_change_places(name):
    network, shape = CASES[name]
    network, inputs, baselines, target = fixed(network), drawn(3, shape), drawn(3, shape, seed=2), torch.arange(3)

    there = deep_shap(network, inputs, baselines[:, None], target).values
    back = deep_shap(network, baselines, inputs[:, None], target).values

    np.testing.assert_allclose(there, -back, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("name", CASES)
def test_close_to_the_baseline_values_are_gradient_times_change(name):
    network, shape = CASES[name]
    network, baseline = fixed(network), drawn(1, shape, seed=5)
    near = baseline + 1e-6 * drawn(1, shape, seed=6)
    leaf = baseline.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(network(leaf)[0, 1], leaf)

    found = deep_shap(network, near, baseline, torch.tensor([1])).values

    expected = gradient * (near - baseline)
    np.testing.assert_allclose(found, expected, atol=1e-4 * expected.abs().max())


@pytest.mark.parametrize("chunk", [2, 7, 12, 1024])
def test_the_number_of_pairs_at_once_changes_nothing(chunk):
    whole = measured(fixed(ROWS["reused"]), ROW, rows=7, baselines=5)

    found = measured(fixed(ROWS["reused"]), ROW, rows=7, baselines=5, chunk=chunk)

    np.testing.assert_allclose(found.values, whole.values, atol=1e-13)
    np.testing.assert_allclose(found.base, whole.base, atol=1e-13)


def test_memory_that_runs_out_halves_the_pairs_at_once():
    network, seen = fixed(ROWS["relu"]), []

    def small(rows):
        seen.append(len(rows))
        if len(rows) > 8:
            raise torch.OutOfMemoryError("out of memory")
        return network(rows)

    found = deep_shap(small, drawn(4, ROW), drawn(5, ROW, seed=2), torch.arange(4) % 3, chunk=64)

    assert max(seen) > 8
    np.testing.assert_allclose(found.values, measured(network, ROW).values, atol=1e-13)


def test_a_network_that_takes_few_rows_at_a_time_is_one_network():
    network = fixed(ROWS["LayerNorm"])

    def piecewise(rows):
        return torch.cat([network(part) for part in torch.split(rows, 3)])

    found = deep_shap(piecewise, drawn(4, ROW), drawn(5, ROW, seed=2), torch.arange(4) % 3)

    np.testing.assert_allclose(found.values, measured(network, ROW).values, atol=1e-13)


def test_a_scripted_network_is_seen_through():
    network = fixed(ROWS["relu"], torch.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit tells that it is no longer developed
        script = torch.jit.trace(network, torch.zeros(2, 6))

    found, expected = (measured(held, ROW, dtype=torch.float32).values for held in (script, network))

    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_linear_network_is_divided_by_its_weights():
    network = fixed(nn.Linear(6, 3))
    inputs, baselines = drawn(4, ROW), drawn(5, ROW, seed=2)

    found = deep_shap(network, inputs, baselines, torch.full((4,), 2))

    np.testing.assert_allclose(found.values, network.weight[2] * (inputs - baselines.mean(dim=0)), atol=1e-12)


def test_a_product_of_two_is_shared_half_and_half_and_of_three_by_pairs():
    network = Written(lambda _, x: x[:, :1] * x[:, 1:2] * x[:, 2:3])
    row, zero = torch.tensor([[2.0, 3.0, 5.0]]).double(), torch.zeros(1, 3).double()

    found = deep_shap(network, row, zero, torch.zeros(1, dtype=torch.int64))

    np.testing.assert_allclose(found.values, [[7.5, 7.5, 15.0]], atol=1e-12)  # ((xy)z): z takes half, x and y half of the other half


def test_a_rectified_sum_is_shared_by_its_terms():
    network = Written(lambda _, x: torch.relu(x[:, :1] - 1 - x[:, 1:2]))
    found = deep_shap(network, torch.tensor([[3.0, 1.0]]), torch.zeros(1, 2), torch.zeros(1, dtype=torch.int64))

    np.testing.assert_allclose(found.values, [[1.5, -0.5]], atol=1e-7)  # the slope of the sum −1 → 1 is a half


@pytest.mark.parametrize("name", ["relu", "kinked"])
def test_dense_networks_agree_with_captum(name):
    network = fixed(nn.Sequential(nn.Linear(6, 16), nn.ReLU() if name == "relu" else nn.ELU(), nn.Linear(16, 3)))
    inputs, baselines, target = drawn(4, ROW), drawn(5, ROW, seed=2), torch.arange(4) % 3

    theirs = _quietly(lambda: DeepLiftShap(network).attribute(inputs, baselines=baselines, target=target))

    np.testing.assert_allclose(deep_shap(network, inputs, baselines, target).values, theirs.detach(), atol=1e-9)


@pytest.mark.parametrize(
    ("network", "shape"),
    [
        (nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 16), nn.Sigmoid(), nn.Linear(16, 3)), ROW),
        (nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 3)), IMAGE),
    ],
    ids=["dense", "max-pooling"],
)
def test_networks_of_modules_agree_with_shap(network, shape):
    network = fixed(network, torch.float32)
    inputs, baselines = drawn(3, shape, torch.float32), drawn(6, shape, torch.float32, seed=2)

    theirs = _quietly(lambda: shap.DeepExplainer(network, baselines).shap_values(inputs))

    for output in range(3):
        ours = deep_shap(network, inputs, baselines, torch.full((3,), output)).values
        np.testing.assert_allclose(ours, theirs[..., output], atol=1e-5 * np.abs(theirs).max())


def test_where_captum_loses_part_of_max_pooling_nothing_is_lost():
    network = fixed(nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 3)))
    inputs, baselines, target = drawn(3, IMAGE), drawn(3, IMAGE, seed=2), torch.arange(3)

    _, theirs = _quietly(lambda: DeepLift(network).attribute(inputs, baselines, target=target, return_convergence_delta=True))

    assert float(theirs.detach().abs().max()) > 1e-3
    assert deep_shap(network, inputs, baselines[:, None], target).gap.max() < 1e-12


def test_where_captum_lets_other_rows_into_a_softmax_ours_keeps_them_out():
    network = fixed(nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3), nn.Softmax(dim=1)))
    inputs, baseline, target = drawn(5, ROW), torch.zeros(5, 6).double(), torch.zeros(5, dtype=torch.int64)

    theirs = [_quietly(lambda rows=rows: DeepLift(network).attribute(inputs[:rows], baseline[:rows], target=0))[0] for rows in (1, 5)]
    ours = [deep_shap(network, inputs[:rows], baseline[:1], target[:rows]).values[0] for rows in (1, 5)]

    assert float((theirs[0] - theirs[1]).detach().abs().max()) > 1e-6
    np.testing.assert_allclose(ours[0], ours[1], atol=1e-14)


def test_logits_of_any_size_are_divided_without_a_gap():
    network = fixed(nn.Sequential(nn.Linear(6, 4), nn.Softmax(dim=1)))
    network[0].weight.mul_(200)

    found = deep_shap(network, drawn(5, ROW), drawn(5, ROW, seed=2), torch.arange(5) % 4)

    assert relative_gap(found).max() <= 1e-10
    assert np.isfinite(found.values).all()


def test_a_softmax_of_two_is_the_sigmoid_of_their_difference():
    inputs, baselines, target = drawn(4, ROW), drawn(5, ROW, seed=2), torch.zeros(4, dtype=torch.int64)
    head = fixed(nn.Linear(6, 2))

    found = deep_shap(nn.Sequential(head, nn.Softmax(dim=1)), inputs, baselines, target).values

    difference = Written(lambda _, x: torch.sigmoid(head(x) @ torch.tensor([[1.0], [-1.0]]).double()))
    np.testing.assert_allclose(found, deep_shap(difference, inputs, baselines, target).values, atol=1e-9)


def test_a_normalisation_of_two_is_a_function_of_their_difference():
    inputs, baselines = drawn(4, (2,)), drawn(1, (2,), seed=2)

    found = deep_shap(nn.LayerNorm(2, elementwise_affine=False, dtype=torch.float64), inputs, baselines, torch.zeros(4, dtype=torch.int64)).values

    half, other = (inputs[:, 0] - inputs[:, 1]) / 2, (baselines[0, 0] - baselines[0, 1]) / 2
    slope = (half / (half**2 + 1e-5).sqrt() - other / (other**2 + 1e-5).sqrt()) / (half - other)
    expected = torch.stack([slope, -slope], dim=1) / 2 * (inputs - baselines)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_products_are_divided_as_by_the_path_integral():
    network = Written(lambda m, x: (m[0](x[:, :3]) * x[:, 3:]).sum(dim=1, keepdim=True), nn.Linear(3, 3))
    inputs, baselines, target = drawn(4, ROW), drawn(5, ROW, seed=2), torch.zeros(4, dtype=torch.int64)

    found = deep_shap(fixed(network), inputs, baselines, target).values

    np.testing.assert_allclose(found, integrated_gradients(network, inputs, baselines, target).values, atol=1e-12)


def test_a_shift_of_all_logits_is_credited_to_nobody():
    network = Written(lambda m, x: torch.softmax(m[0](x[:, :5]) + x[:, 5:], dim=1), nn.Linear(5, 3))

    found = deep_shap(fixed(network), drawn(4, ROW), drawn(5, ROW, seed=2), torch.arange(4) % 3)

    np.testing.assert_allclose(found.values[:, 5], 0, atol=1e-14)


def test_entries_that_agree_with_every_baseline_get_exactly_nothing():
    inputs, baselines = drawn(4, ROW), drawn(5, ROW, seed=2)
    baselines[:, 2] = inputs[:, 2] = 0.5

    found = deep_shap(fixed(ROWS["products and quotients"]), inputs, baselines, torch.zeros(4, dtype=torch.int64))

    assert not found.values[:, 2].any()


def test_a_network_that_never_changes_is_explained_by_nothing():
    found = measured(Written(lambda _, x: torch.ones(len(x), 3, dtype=x.dtype)), ROW)

    assert not found.values.any()
    assert not found.gap.any()


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda _, x: torch.where(x > 0, x, 0.1 * x), "`gt`"),
        (lambda _, x: x.sort(dim=1)[0], "`sort`"),
        (lambda _, x: x + x.max(dim=1, keepdim=True)[1], "places of maxima"),
        (lambda _, x: x.cumprod(dim=1), "`cumprod`"),
        (lambda _, x: x + x.round(), "`round`"),
        (lambda _, x: torch.fft.rfft(x).real, "`_fft_r2c`"),
        (lambda _, x: x if x.sum() > 0 else -x, "`item`"),
        (lambda _, x: torch.from_numpy(x.detach().numpy() * 2), "outside torch"),
        (lambda _, x: x + torch.randn_like(x), "at random"),
        (lambda _, x: nn.functional.batch_norm(x, None, None, training=True), "statistics of the batch"),
    ],
)
def test_what_cannot_be_divided_is_refused_by_name(call, named):
    with pytest.raises(MethodError, match=named) as refused:
        measured(Written(call), ROW)

    assert "\n" not in str(refused.value)


def test_a_branch_inside_a_model_s_session_is_refused_as_such():
    model = TorchModel(Written(lambda m, x: m[0](x) if x.sum() > 0 else m[0](-x), nn.Linear(6, 3)), dtype="float64", device="cpu")

    with model.session(gradients=True) as network, pytest.raises(MethodError, match="looks at its numbers"):
        deep_shap(network, drawn(4, ROW), drawn(5, ROW, seed=2), torch.zeros(4, dtype=torch.int64))


def test_what_torch_cannot_follow_is_refused():
    def strange(rows):
        if not isinstance(rows, torch.nn.Parameter):
            raise TypeError("takes no such rows")
        return rows

    with pytest.raises(MethodError, match="could not write down the operators of the network: takes no such rows"):
        deep_shap(strange, drawn(4, ROW), drawn(5, ROW, seed=2), torch.zeros(4, dtype=torch.int64))


def test_baselines_that_do_not_fit_are_refused():
    with pytest.raises(MethodError, match=r"baselines of shape \(2, 5\)"):
        deep_shap(nn.Linear(6, 1), drawn(3, ROW), drawn(2, (5,)), torch.zeros(3, dtype=torch.int64))
    with pytest.raises(MethodError, match="floating"):
        deep_shap(nn.Linear(6, 1), torch.zeros(3, 6, dtype=torch.int64), drawn(2, ROW), torch.zeros(3, dtype=torch.int64))


def test_neither_the_network_nor_the_rows_are_changed():
    network, inputs, baselines = fixed(ROWS["in place and reused"]), drawn(4, ROW), drawn(5, ROW, seed=2)
    before = [held.clone() for held in (inputs, baselines, *network.state_dict().values())]

    deep_shap(network, inputs, baselines, torch.zeros(4, dtype=torch.int64))

    assert all(torch.equal(held, was) for held, was in zip((inputs, baselines, *network.state_dict().values()), before, strict=True))
    assert not any(part._forward_hooks or part._backward_hooks for part in network.modules())
    assert torch.backends.mha.get_fastpath_enabled()


def _quietly(call):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call()
