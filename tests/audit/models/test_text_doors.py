"""A network of texts that comes with its code is called with token ids, mask and lengths, and answers as the module it was made of."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from audit.data.batch import Batch
from audit.data.dataset import RowBlock
from audit.data.leaf import PLAIN, Tokens
from audit.errors import ModelError
from audit.models.onnx_door import open_onnx
from audit.models.torch_model import TorchModel
from tests.audit.models.programs import sha256, trusted

ARGUMENTS = Tokens(pad=0, mask=True, lengths=True)
LENGTH = 6
ROWS = torch.export.Dim("rows")


class Reader(nn.Module):
    """Ids, mask and lengths to (n, 2): a masked mean of embeddings with their places, and the length."""

    def __init__(self, kind: torch.dtype = torch.bool) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.kind = kind
        self.embedding = nn.Embedding(9, 4, padding_idx=0)
        self.places = nn.Embedding(LENGTH, 4)
        self.head = nn.Linear(5, 2)

    def forward(self, ids: Tensor, mask: Tensor, lengths: Tensor) -> Tensor:
        kept = mask[..., None].to(torch.float32)
        words = torch.tanh(self.embedding(ids) + self.places(torch.arange(LENGTH)))
        mean = (words * kept).sum(1) / kept.sum(1).clamp(min=1)
        return self.head(torch.cat([mean, lengths[:, None].to(torch.float32)], dim=1))


class Functional(Reader):
    """The same, which looks ids up without a module of embeddings."""

    def forward(self, ids: Tensor, mask: Tensor, lengths: Tensor) -> Tensor:
        words = nn.functional.embedding(ids, self.embedding.weight) * mask[..., None]
        return self.head(torch.cat([words.mean(1), lengths[:, None].to(torch.float32)], dim=1))


def rows() -> tuple[Tensor, Tensor, Tensor]:
    ids = torch.tensor([[3, 4, 5, 0, 0, 0], [8, 1, 2, 3, 4, 5], [7, 0, 0, 0, 0, 0]])
    return ids, ids != 0, torch.tensor([3, 6, 1])


def batch() -> Batch:
    ids = rows()[0].numpy()
    return Batch({"values": ids}, "values", RowBlock(np.arange(len(ids)), {}))


def exported(module: nn.Module, path: Path, kind: torch.dtype = torch.bool) -> Path:
    ids, mask, lengths = rows()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of the exporter, which is not under test
        torch.export.save(torch.export.export(module.eval(), (ids, mask.to(kind), lengths), dynamic_shapes=({0: ROWS}, {0: ROWS}, {0: ROWS})), path)
    return path


def scripted(module: nn.Module, path: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(module.eval(), rows(), check_trace=False).save(str(path))
    return path


class Ordered(nn.Module):
    """A reader that takes its inputs in another order."""

    def __init__(self, body: nn.Module, order: tuple[str, ...]) -> None:
        super().__init__()
        self.body, self.order = body, order

    def forward(self, *given: Tensor) -> Tensor:
        return self.body(*(given[self.order.index(name)] for name in ("ids", "mask", "lengths")))


def in_onnx(module: nn.Module, path: Path, order: tuple[str, ...] = ("ids", "mask", "lengths")) -> Path:
    given = dict(zip(("ids", "mask", "lengths"), rows(), strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Ordered(module, order).eval(), tuple(given[name] for name in order), str(path), input_names=list(order), dynamo=False,
            dynamic_axes={name: {0: "rows"} for name in order},
        )  # fmt: skip
    return path


def onnx_model(path: Path, arguments: Any = ARGUMENTS) -> Any:
    entries = tuple(f"word {place + 1}" for place in range(LENGTH))
    return open_onnx(path, output=None, raw=None, entries=entries, shape=(LENGTH,), dtype="float32", micro_batch=64, arguments=arguments)


def gradients(model: TorchModel) -> tuple[np.ndarray, np.ndarray]:
    """Of the second output by the embeddings of the words, and the outputs."""
    leaf = model.smooth(model.tensor(rows()[0].numpy())).detach().requires_grad_()
    with model.session(gradients=True) as network:
        output = network(leaf)
        (found,) = torch.autograd.grad(output[:, 1].sum(), leaf)
    return found[..., :-1].numpy(), output.detach().numpy()


def expected_gradients(module: Reader) -> np.ndarray:
    """By hooking the module itself."""
    ids, mask, lengths = rows()
    seen: list[Tensor] = []
    handle = module.embedding.register_forward_hook(lambda _layer, _inputs, output: (output.retain_grad(), seen.append(output))[0])
    module.eval()(ids, mask, lengths)[:, 1].sum().backward()
    handle.remove()
    assert seen[0].grad is not None
    return seen[0].grad.numpy()


OPENED: dict[str, Callable[[Path], Any]] = {
    "exported": lambda folder: trusted(exported(Reader(), folder / "network.pt2"), arguments=ARGUMENTS),
    "mask of whole numbers": lambda folder: trusted(exported(Reader(), folder / "network.pt2", torch.int64), arguments=ARGUMENTS),
    "script": lambda folder: trusted(scripted(Reader(), folder / "network.pt"), arguments=ARGUMENTS),
    "onnx": lambda folder: onnx_model(in_onnx(Reader(), folder / "network.onnx")),
    "onnx in another order": lambda folder: onnx_model(in_onnx(Reader(), folder / "network.onnx", ("lengths", "mask", "ids"))),
}


@pytest.mark.parametrize("door", OPENED)
def test_outputs_are_those_of_the_module(door: str, tmp_path: Path) -> None:
    model = OPENED[door](tmp_path)
    model.trial(batch())

    np.testing.assert_allclose(model.outputs(batch()), Reader().eval()(*rows()).detach().numpy(), atol=1e-6)


def test_an_exported_network_is_differentiated_at_its_embedding(tmp_path: Path) -> None:
    model = OPENED["exported"](tmp_path)
    model.trial(batch())
    found, output = gradients(model)

    assert model.capabilities == {"outputs", "gradients", "modules", "embeddings"}
    np.testing.assert_allclose(found, expected_gradients(Reader()), atol=1e-6)
    np.testing.assert_allclose(output, Reader().eval()(*rows()).detach().numpy(), atol=1e-6)


@pytest.mark.parametrize("door", ["script", "functional"])
def test_without_an_embedding_to_hook_there_are_outputs_and_a_note_but_no_gradients(door: str, tmp_path: Path) -> None:
    path = scripted(Reader(), tmp_path / "network.pt") if door == "script" else exported(Functional(), tmp_path / "network.pt2")
    model = trusted(path, arguments=ARGUMENTS)
    model.trial(batch())

    assert "gradients" not in model.capabilities
    assert "one torch.nn.Embedding must be given its ids" in model.lacks["gradients"]
    assert model.description["notes"] == [model.lacks["gradients"]]


def test_an_onnx_network_with_more_inputs_than_the_rows_give_is_refused_by_name(tmp_path: Path) -> None:
    path = in_onnx(Reader(), tmp_path / "network.onnx")

    with pytest.raises(ModelError, match=r"takes 3 inputs .*'mask' bool.*; the rows give 2 \(token ids, mask\): .*data\.text\.lengths = true"):
        onnx_model(path, Tokens(0, mask=True, lengths=False))


@pytest.mark.parametrize("door", ["pt2", "pt"])
@pytest.mark.parametrize(("arguments", "given"), [(PLAIN, "values"), (Tokens(0, mask=True, lengths=False), "token ids, mask")])
def test_other_inputs_than_the_rows_give_are_refused_by_name(door: str, arguments: Any, given: str, tmp_path: Path) -> None:
    path = (exported if door == "pt2" else scripted)(Reader(), tmp_path / f"network.{door}")

    with pytest.raises(ModelError, match=rf"takes 3 inputs \('ids'.*\); the rows give \d \({given}\): "):
        trusted(path, arguments=arguments)


def test_inputs_of_another_type_are_refused_by_name(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Linear(LENGTH, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(torch.export.export(network.eval(), (torch.zeros(2, LENGTH),), dynamic_shapes=({0: ROWS},)), tmp_path / "network.pt2")
        torch.onnx.export(network, (torch.zeros(2, LENGTH),), str(tmp_path / "network.onnx"), dynamo=False, input_names=["numbers"],
                          dynamic_axes={"numbers": {0: "rows"}})  # fmt: skip
    plain = Tokens(0, mask=False, lengths=False)

    with pytest.raises(ModelError, match="takes 'input' float32 any × 6 where the rows give token ids; expected int64"):
        trusted(tmp_path / "network.pt2", arguments=plain)
    with pytest.raises(ModelError, match=r"takes tensor\(float\) in its input 'numbers', which is given token ids; expected int64"):
        onnx_model(tmp_path / "network.onnx", plain)


def test_weights_of_another_floating_type_are_refused(tmp_path: Path) -> None:
    path = exported(Reader(), tmp_path / "network.pt2")

    with pytest.raises(ModelError, match=r"exported with float32 weights.*expected 'float32'"):
        trusted(path, arguments=ARGUMENTS, dtype="float64")


def test_texts_of_another_length_are_refused_in_one_line(tmp_path: Path) -> None:
    model = OPENED["exported"](tmp_path)
    longer = Batch({"values": np.ones((2, LENGTH + 1), dtype=np.int64)}, "values", RowBlock(np.arange(2), {}))

    with pytest.raises(ModelError, match=r"it was exported for inputs of shape \(any, 6\)"):
        model.outputs(longer)


def test_the_digest_is_that_of_the_file(tmp_path: Path) -> None:
    path = exported(Reader(), tmp_path / "network.pt2")

    assert trusted(path, arguments=ARGUMENTS).description["file"] == {"name": "network.pt2", "sha256": sha256(path)}
