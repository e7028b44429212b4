"""A network answers the same whatever the batch, and is left as it was found."""

from __future__ import annotations

import copy
from collections import namedtuple

import numpy as np
import pytest
import torch
from torch import nn

from audit.data.batch import Batch
from audit.errors import ModelError
from audit.models.model import DifferentiableModel
from audit.models.torch_model import TorchModel
from tests.audit.models.networks import Answers, Cramped, batch, perceptron, rows


def model(module: nn.Module, **settings: object) -> TorchModel:
    return TorchModel(module, **({"device": "cpu"} | settings))


def test_outputs_are_those_of_the_network_in_evaluation_mode() -> None:
    network, values = perceptron(), rows(10)
    reference = copy.deepcopy(network).eval()
    expected = reference(torch.tensor(values, dtype=torch.float32)).detach().numpy()

    found = model(network.train()).outputs(batch(values))

    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, atol=1e-7)


@pytest.mark.parametrize("micro_batch", [1, 7, 64])
def test_outputs_do_not_depend_on_the_batch(micro_batch: int) -> None:
    values = rows(130)
    whole = model(perceptron()).outputs(batch(values))
    cut = model(perceptron(), micro_batch=micro_batch)

    parts = np.concatenate([cut.outputs(batch(values[start : start + 33])) for start in range(0, 130, 33)])

    np.testing.assert_allclose(parts, whole, atol=1e-6)


def test_float64_networks_answer_in_float64() -> None:
    values = rows(5)
    reference = perceptron().double().eval()
    expected = reference(torch.tensor(values)).detach().numpy()

    found = model(perceptron(), dtype="float64")

    np.testing.assert_allclose(found.outputs(batch(values)), expected, rtol=1e-14)
    assert found.dtype == "float64"


def test_the_callers_module_keeps_its_floating_type() -> None:
    network = perceptron()

    model(network, dtype="float64")

    assert all(parameter.dtype == torch.float32 for parameter in network.parameters())


def test_one_number_per_row_becomes_one_column() -> None:
    assert model(Answers(lambda x: x.sum(dim=1))).outputs(batch(rows(4))).shape == (4, 1)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda x: (x, x), "a tuple of 2"),
        (lambda x: {"logits": x}, "a dict with keys 'logits'"),
        (namedtuple("Out", "logits"), "a Out of 1"),
        (lambda x: x[:, :, None], r"shape \(4, 3, 1\)"),
        (lambda x: x[:2], r"shape \(2, 3\) for 4 rows"),
        (lambda x: None, "NoneType"),
        (lambda x: x @ torch.ones(7, 2), r"failed on inputs of shape \(4, 3\)"),
    ],
)
def test_other_answers_are_refused_by_name(answer: object, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        model(Answers(answer)).outputs(batch(rows(4)))


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, RuntimeError])
def test_running_out_of_memory_halves_the_micro_batch_and_goes_on(error: type[RuntimeError]) -> None:
    network, values = Cramped(64, error), rows(300)

    found = model(network, micro_batch=256)

    np.testing.assert_allclose(found.outputs(batch(values)), 2 * values, rtol=1e-6)
    assert found.description["micro_batch"] == 64
    assert "64 rows" in found.description["notes"][0]
    assert network.sizes == [256, 128, 64, 64, 64, 64, 44]


def test_a_network_that_never_fits_is_refused() -> None:
    with pytest.raises(ModelError, match="one row at a time"):
        model(Cramped(0)).outputs(batch(rows(4)))


def test_a_session_restores_modes_flags_and_hooks_after_an_error() -> None:
    network = perceptron().train()
    network[1].eval()
    network[0].weight.requires_grad_(False)
    network[4].register_forward_hook(lambda *_: None)
    modes = [part.training for part in network.modules()]
    flags = [parameter.requires_grad for parameter in network.parameters()]
    hooks = [dict(part._forward_hooks) for part in network.modules()]

    with pytest.raises(ZeroDivisionError), model(network).session(gradients=True):  # noqa: PT012  what holds inside is part of the claim
        assert not any(part.training for part in network.modules())
        assert not any(parameter.requires_grad for parameter in network.parameters())
        network[0].register_forward_hook(lambda *_: None)
        raise ZeroDivisionError

    assert [part.training for part in network.modules()] == modes
    assert [parameter.requires_grad for parameter in network.parameters()] == flags
    assert [dict(part._forward_hooks) for part in network.modules()] == hooks
    assert torch.is_grad_enabled()


def test_a_session_gives_the_gradient_of_the_inputs_across_micro_batches() -> None:
    network, values = perceptron(), rows(10)
    held = model(network, micro_batch=3)
    leaf = held.tensor(values).requires_grad_()

    with held.session(gradients=True) as call:
        (found,) = torch.autograd.grad(call(leaf)[:, 1].sum(), leaf)

    plain = torch.tensor(values, dtype=torch.float32, requires_grad=True)
    network.eval()(plain)[:, 1].sum().backward()
    torch.testing.assert_close(found, plain.grad)


def test_a_session_without_gradients_builds_no_graph() -> None:
    held = model(perceptron())

    with held.session(gradients=False) as call:
        output = call(held.tensor(rows(2)).requires_grad_())

    assert not output.requires_grad


def test_a_step_that_is_not_differentiable_is_found() -> None:
    held = model(Answers(lambda x: x.detach().sign()))

    held.trial(batch(rows(2)))

    assert "gradients" not in held.capabilities
    with pytest.raises(ModelError, match="no gradient"), held.session(gradients=True) as call:
        call(held.tensor(rows(2)).requires_grad_())


def test_a_trial_keeps_the_gradients_of_an_ordinary_network() -> None:
    held = model(perceptron())

    held.trial(batch(rows(2)))

    assert held.capabilities == {"outputs", "gradients", "embeddings", "modules"}
    assert isinstance(held, DifferentiableModel)


def test_a_network_without_layers_gives_no_embeddings() -> None:
    held = model(Answers(lambda x: x))

    assert held.capabilities == {"outputs", "gradients"}
    with pytest.raises(ModelError, match="no linear layer"):
        held.embeddings(batch(rows(2)))


def test_embeddings_are_what_the_last_linear_layer_receives() -> None:
    network, values = perceptron(), rows(10)
    expected = network.eval()[:4](torch.tensor(values, dtype=torch.float32)).detach().numpy()

    found = model(network, micro_batch=4).embeddings(batch(values))

    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert not network[4]._forward_hooks


def test_tensors_are_copies_in_the_type_of_the_leaf() -> None:
    held, values = model(perceptron()), rows(2)
    values.setflags(write=False)

    assert held.tensor(values).dtype == torch.float32
    assert held.tensor(np.array([1, 2], dtype=np.int32)).dtype == torch.int64
    with pytest.raises(ModelError, match="type"):
        held.tensor(np.array(["a"]))


def test_the_digest_follows_weights_architecture_and_sources() -> None:
    base = model(perceptron()).digest
    changed = perceptron()
    changed[4].bias.data[0] += 1
    other = perceptron()
    other[3] = nn.ReLU()
    described = model(perceptron(), description={"modules": {"m": "ab"}})

    digests = {base, model(changed).digest, model(other).digest, described.digest, model(perceptron(), dtype="float64").digest}

    assert len(digests) == 5
    assert model(perceptron().train()).digest == base


def test_the_digest_reads_weights_of_any_type() -> None:
    network = perceptron()
    network.register_buffer("count", torch.tensor(3))
    network.register_buffer("short", torch.zeros(2, dtype=torch.bfloat16))

    assert len(model(network).digest) == 64


def test_further_arrays_are_refused() -> None:
    given = batch(rows(2))

    with pytest.raises(ModelError, match="mask"):
        model(perceptron()).outputs(Batch({**given.arrays, "mask": rows(2)}, "x", given.raw))
