"""Series with masks or lengths, and several inputs, reach a network that comes with its code as they reach the module it was made of."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from audit.data.batch import Batch
from audit.data.dataset import RowBlock
from audit.data.leaf import PLAIN, Arguments, Part, Series, Several, Tokens
from audit.models.onnx_door import open_onnx
from audit.models.ports import Port
from tests.audit.models.programs import trusted


class Monitor(nn.Module):
    """(n, steps, channels), mask and lengths → (n, 1)."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.head = nn.Linear(2, 1)

    def forward(self, values: Tensor, mask: Tensor, lengths: Tensor) -> Tensor:
        return self.head((values * mask[..., None].to(values.dtype)).sum(1) / lengths[:, None].to(values.dtype))


class Parcel(nn.Module):
    """Two columns and token ids → (n, 1)."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(6)
        self.words = nn.Embedding(5, 3)
        self.head = nn.Linear(5, 1)

    def forward(self, columns: Tensor, ids: Tensor) -> Tensor:
        return self.head(torch.cat([columns, self.words(ids).mean(1)], dim=1))


SERIES = np.array([[[1, 2, 3, 4], [5, 6, 7, 8], [1, 1, 1, 0]], [[2, 0, 1, 0], [1, 3, 0, 9], [1, 1, 0, 0]]], dtype=np.float32)
"""Two series of two channels, the third channel of the leaf says where they have values."""
PARCELS = np.array([[0.5, -1, 3, 4, 0], [2, 1, 1, 0, 0]], dtype=np.float32)
PARTS = Several((Part(0, 2, (2,), PLAIN), Part(2, 5, (3,), Tokens(0, mask=False, lengths=False))))
CASES: dict[str, tuple[nn.Module, Arguments, NDArray[np.float32], tuple[Tensor, ...]]] = {
    "series": (
        Monitor(),
        Series("ntc", ends=True, mask=True, lengths=True),
        SERIES,
        (
            torch.tensor([[[1.0, 5], [2, 6], [3, 7], [0, 0]], [[2, 1], [0, 3], [0, 0], [0, 0]]]),
            torch.tensor([[True, True, True, False], [True, True, False, False]]),
            torch.tensor([3, 2]),
        ),
    ),
    "several": (Parcel(), PARTS, PARCELS, (torch.tensor([[0.5, -1], [2, 1]]), torch.tensor([[3, 4, 0], [1, 0, 0]]))),
}


def opened(door: str, case: str, path: Path) -> Any:
    module, arguments, leaf, given = CASES[case]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of the exporters, which are not under test
        if door == "pt2":
            any_rows = torch.export.Dim("rows")
            torch.export.save(torch.export.export(module.eval(), given, dynamic_shapes=tuple({0: any_rows} for _ in given)), path)
        elif door == "pt":
            torch.jit.trace(module.eval(), given, check_trace=False).save(str(path))
        else:
            names = [f"given_{place}" for place in range(len(given))]
            torch.onnx.export(
                module.eval(), given, str(path), input_names=names, dynamic_axes={name: {0: "rows"} for name in names}, dynamo=False
            )  # fmt: skip
    if door != "onnx":
        return trusted(path, arguments=arguments)
    return open_onnx(path, output=None, raw=None, entries=(), shape=leaf.shape[1:], dtype="float32", micro_batch=8, arguments=arguments)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("door", ["pt2", "pt", "onnx"])
def test_each_input_is_given_its_part_of_the_leaf(door: str, case: str, tmp_path: Path) -> None:
    module, _, leaf, given = CASES[case]
    model = opened(door, case, tmp_path / f"network.{door}")
    batch = Batch({"values": leaf}, "values", RowBlock(np.arange(len(leaf)), {}))
    model.trial(batch)

    np.testing.assert_allclose(model.outputs(batch), module.eval()(*given).detach().numpy(), atol=1e-6)


def test_a_port_is_told_with_what_is_known_of_it() -> None:
    assert str(Port("x", "tensor(float)", ("rows", 3))) == "'x' float rows × 3"
    assert str(Port("x", "float32", (None, 3))) == "'x' float32 any × 3"
    assert str(Port("x", "Tensor", None)) == "'x' Tensor"
    assert str(Port("x", "int64", ())) == "'x' int64 one number"
