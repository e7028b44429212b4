"""A factory written from names and widths builds a network that takes the weights."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from torch import nn

from audit.errors import ConfigError
from audit.models.layers import find_stack
from audit.proposal.factory_text import factory_module, factory_text


def stack(module: nn.Module):
    return find_stack({name: tuple(tensor.shape) for name, tensor in module.state_dict().items()})


def built(source: str) -> nn.Module:
    """What the written code builds; run here only, the product never runs it."""
    space: dict = {}
    exec(compile(source, "network.py", "exec"), space)  # noqa: S102
    return space["build"]()


def numbered() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 5), nn.ReLU(), nn.Dropout(0.1), nn.Linear(5, 3))


def named() -> nn.Module:
    layers = [("fc1", nn.Linear(4, 8)), ("a", nn.ReLU()), ("fc2", nn.Linear(8, 8, bias=False)), ("b", nn.ReLU()), ("out", nn.Linear(8, 1))]
    return nn.Sequential(OrderedDict(layers))


def nested() -> nn.Module:
    body = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 6), nn.ReLU())
    return nn.Sequential(OrderedDict([("net", nn.Sequential(OrderedDict([("body", body)]))), ("head", nn.Linear(6, 2))]))


@pytest.mark.parametrize("make", [numbered, named, nested, lambda: nn.Linear(3, 1)])
def test_the_written_network_answers_as_the_one_the_weights_are_from(make) -> None:
    torch.manual_seed(0)
    original = make().eval()
    source = factory_text(stack(original), source="w.pt")
    assert source is not None

    copy = built(source).eval()
    copy.load_state_dict(original.state_dict())

    inputs = torch.randn(7, next(original.parameters()).shape[1])
    assert torch.equal(copy(inputs), original(inputs))
    assert source.count("# assumed") == sum(isinstance(part, nn.ReLU) for part in original.modules())


@pytest.mark.parametrize(
    "shapes",
    [
        {"0.weight": (8, 4), "0.bias": (8,), "1.running_mean": (8,)},
        {"0.weight": (8, 4), "1.weight": (3, 9)},
        {"a b.weight": (8, 4)},
        {'0"]);import os#.weight': (8, 4)},
        {"forward.weight": (8, 4)},
        {"conv.weight": (8, 4, 3, 3)},
        {},
    ],
)
def test_no_code_is_written_for_what_is_not_a_plain_perceptron_with_plain_names(shapes: dict) -> None:
    assert factory_text(find_stack(shapes)) is None


def test_the_name_of_the_weights_file_cannot_break_out_of_the_docstring() -> None:
    source = factory_text(stack(nn.Linear(2, 1)), source='w"""\nimport os\n"""')

    assert source is not None
    assert "import os" not in source


@pytest.mark.parametrize("name", ["json.py", "torch.py", "a-b.py", "class.py", "network.txt"])
def test_a_factory_file_must_be_importable_under_its_own_name(name: str) -> None:
    with pytest.raises(ConfigError):
        factory_module(Path(name))
