"""Relevance propagation against captum, against sums written out, and what it must conserve."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from captum.attr import LRP
from captum.attr._utils.lrp_rules import Alpha1_Beta0_Rule, EpsilonRule
from torch import nn
from torch.nn import functional

from audit.errors import MethodError
from audit.methods.attribution.layer_relevance import layer_relevance
from tests.audit.methods.attribution.networks import IMAGE, ROW, Written, drawn, fixed


def flattened(body, head):
    """A network of images that captum can walk: it has no rule for `nn.Flatten`."""
    return Written(lambda m, x: m[1](torch.flatten(m[0](x), 1)), body, head)


def dense(bias=True):
    return nn.Sequential(nn.Linear(6, 8, bias=bias), nn.ReLU(), nn.Linear(8, 8, bias=bias), nn.Tanh(), nn.Linear(8, 3, bias=bias))


def images(bias=True):
    body = nn.Sequential(nn.Conv2d(1, 4, 3, bias=bias), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 2, bias=bias), nn.ReLU(), nn.AvgPool2d(3))
    return flattened(body, nn.Linear(4, 3, bias=bias))


CASES = {"dense": (dense, ROW), "images": (images, IMAGE)}


@pytest.mark.parametrize("name", CASES)
def test_the_epsilon_rule_agrees_with_captum(name):
    make, shape = CASES[name]
    network, inputs, target = fixed(make()), drawn(4, shape), torch.arange(4) % 3
    for part in network.modules():
        if isinstance(part, (nn.Linear, nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)):
            part.rule = EpsilonRule(1e-4)

    ours = layer_relevance(network, inputs, target, epsilon=1e-4, chunk=3)

    theirs = _quietly(lambda: LRP(network).attribute(inputs, target=target))
    np.testing.assert_allclose(ours.values, theirs.detach(), atol=1e-9 * np.abs(ours.values).max())


def test_alpha_one_agrees_with_captum_where_inputs_are_positive():
    network, inputs = fixed(nn.Sequential(nn.Linear(6, 8, bias=False), nn.ReLU(), nn.Linear(8, 3, bias=False))), drawn(4, ROW).abs()
    for part in (network[0], network[2]):
        part.rule = Alpha1_Beta0_Rule(set_bias_to_zero=True)

    ours = layer_relevance(network, inputs, torch.arange(4) % 3, rule="alpha_beta", alpha=1.0, epsilon=1e-9)

    theirs = _quietly(lambda: LRP(network).attribute(inputs, target=torch.arange(4) % 3))
    np.testing.assert_allclose(ours.values, theirs.detach(), atol=1e-6)


def test_alpha_and_beta_share_positive_and_negative_parts_apart():
    layer, inputs = fixed(nn.Linear(6, 3)), drawn(1, ROW)
    parts = (layer.weight * inputs[0]).numpy()  # (3, 6), of either sign
    bias, output = layer.bias.numpy(), float(layer(inputs)[0, 1])
    up = parts[1].clip(min=0) / (parts[1].clip(min=0).sum() + max(bias[1], 0))
    down = parts[1].clip(max=0) / (parts[1].clip(max=0).sum() + min(bias[1], 0))

    found = layer_relevance(layer, inputs, torch.tensor([1]), rule="alpha_beta", alpha=3.0, epsilon=0.0)

    np.testing.assert_allclose(found.values[0], (3 * up - 2 * down) * output, rtol=1e-9)


@pytest.mark.parametrize("rule", ["epsilon", "alpha_beta"])
@pytest.mark.parametrize("name", CASES)
def test_without_biases_nothing_is_lost(name, rule):
    make, shape = CASES[name]
    network = fixed(make(bias=False))

    found = layer_relevance(network, drawn(6, shape), torch.arange(6) % 3, rule=rule, epsilon=1e-12)

    if rule == "epsilon":
        np.testing.assert_allclose(found.values.reshape(6, -1).sum(axis=1), found.total, rtol=1e-6)
    else:  # a sum without positive, or without negative, parts has nobody to hand its share to
        assert np.median(found.gap / np.abs(found.total)) < 1
    np.testing.assert_allclose(found.gap, np.abs(found.values.reshape(6, -1).sum(axis=1) - found.total), atol=1e-12)


def test_alpha_and_beta_lose_nothing_where_both_signs_are_there():
    layer = fixed(nn.Linear(40, 3, bias=False))

    found = layer_relevance(layer, drawn(5, (40,)), torch.arange(5) % 3, rule="alpha_beta", epsilon=0.0)

    np.testing.assert_allclose(found.gap, 0, atol=1e-12)


def test_a_network_of_relus_without_biases_is_gradient_times_input():
    network, inputs = fixed(nn.Sequential(nn.Linear(6, 8, bias=False), nn.ReLU(), nn.Linear(8, 3, bias=False))), drawn(4, ROW)
    leaf = inputs.clone().requires_grad_()
    (slope,) = torch.autograd.grad(network(leaf)[:, 2].sum(), leaf)

    found = layer_relevance(network, inputs, torch.full((4,), 2), epsilon=1e-12)

    np.testing.assert_allclose(found.values, slope * inputs, rtol=1e-6, atol=1e-9)


def test_functional_reused_and_flattened_networks_are_the_same_network():
    relu, linear = nn.ReLU(inplace=True), [nn.Linear(6, 6), nn.Linear(6, 3)]
    modules = fixed(nn.Sequential(linear[0], relu, nn.Flatten(), linear[1]))
    written = Written(lambda _, x: linear[1](functional.relu(linear[0](x))))

    found = [layer_relevance(network, drawn(4, ROW), torch.zeros(4).long()).values for network in (modules, written)]

    np.testing.assert_array_equal(*found)


def test_a_shortcut_is_shared_by_what_each_branch_adds():
    network = Written(lambda _, x: x[:, :1] * 3 + x[:, 1:2])

    found = layer_relevance(network, torch.tensor([[2.0, 4.0]]), torch.tensor([0]), epsilon=0.0)

    np.testing.assert_allclose(found.values, [[6.0, 4.0]])


def test_a_choice_hands_relevance_to_what_was_chosen():
    network = Written(lambda _, x: torch.where(x[:, :1] > 0, 3 * x[:, 1:2], x[:, 2:3]))

    found = layer_relevance(network, torch.tensor([[1.0, 2.0, 5.0], [-1.0, 2.0, 5.0]]), torch.tensor([0, 0]), epsilon=0.0)

    np.testing.assert_allclose(found.values, [[0.0, 6.0, 0.0], [0.0, 0.0, 5.0]])


@pytest.mark.parametrize("rule", ["epsilon", "alpha_beta"])
def test_a_row_is_explained_alike_alone_and_among_others(rule):
    network, inputs, target = fixed(images()), drawn(4, IMAGE), torch.arange(4) % 3

    together = layer_relevance(network, inputs, target, rule=rule).values
    alone = [layer_relevance(network, inputs[i : i + 1], target[i : i + 1], rule=rule).values[0] for i in range(4)]

    np.testing.assert_allclose(np.stack(alone), together, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("network", "named"),
    [
        (nn.Sequential(nn.Linear(6, 3), nn.GELU()), "`gelu`"),
        (nn.Sequential(nn.Linear(6, 3), nn.LayerNorm(3)), "`native_layer_norm`"),
        (nn.Sequential(nn.Linear(6, 3), nn.Softmax(1)), "`_softmax`"),
        (Written(lambda _, x: x * x), "`mul`"),
        (Written(lambda _, x: x @ x.T[:, :3]), "`mm`"),
    ],
    ids=["GELU", "LayerNorm", "softmax", "product", "matrices"],
)
def test_what_has_no_rule_is_refused_by_name(network, named):
    with pytest.raises(MethodError, match=f"operator {named} |\\({named}\\)$"):
        layer_relevance(fixed(network) if list(network.parameters()) else network, drawn(2, ROW), torch.zeros(2).long())


def test_settings_out_of_range_are_refused():
    with pytest.raises(MethodError, match="alpha ≥ 1"):
        layer_relevance(fixed(nn.Linear(6, 3)), drawn(2, ROW), torch.zeros(2).long(), rule="alpha_beta", alpha=0.5)


def _quietly(call):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call()
