"""Token ids become their embeddings, alone or beside other inputs, and the network answers what it did."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from audit.data.batch import Batch
from audit.data.dataset import RowBlock
from audit.data.leaf import Arguments, Part, Plain, Series, Several, Tokens
from audit.models.torch_model import TorchModel

BESIDE = Several(
    (
        Part(0, 2, (2,), Plain(), "form"),
        Part(2, 5, (3,), Tokens(pad=0, mask=True, lengths=True), "one"),
        Part(5, 8, (3,), Tokens(pad=0, mask=False, lengths=False), "two"),
        Part(8, 12, (2, 2), Series("nct", ends=True, mask=False, lengths=False), "beat"),
    )
)
LEAF = torch.tensor([[0.5, -1, 3, 4, 0, 1, 2, 2, 7, 8, 1, 1], [1, 2, 2, 0, 0, 4, 3, 0, 5, 0, 1, 0]])


class Reads(nn.Module):
    """Columns, two texts with one embedding (the first with mask and lengths), and a series."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(5, 4), nn.Embedding(3, 4)
        self.head = nn.Linear(2 + 4 + 4 + 2, 2)

    def forward(self, form: Tensor, one: Tensor, mask: Tensor, lengths: Tensor, two: Tensor, beat: Tensor) -> Tensor:  # noqa: PLR0917  as many as the parts give
        placed = self.words(one) + self.places(torch.arange(3))
        first = (placed * mask[..., None]).sum(dim=1) / lengths[:, None]
        return self.head(torch.cat([form, first.tanh(), self.words(two).sum(dim=1), beat[:, 0]], dim=1))


def tried(network: nn.Module, arguments: Arguments, leaf: Tensor) -> TorchModel:
    torch.manual_seed(0)
    model = TorchModel(network, device="cpu", arguments=arguments)
    model.trial(Batch({"values": leaf.numpy()}, "values", RowBlock(np.arange(len(leaf)), {})))
    return model


def test_a_smooth_leaf_is_answered_as_the_leaf_is() -> None:
    model = tried(Reads(), BESIDE, LEAF)
    smooth = model.smooth(LEAF)

    assert "gradients" in model.capabilities
    assert smooth.shape == (2, 2 + 3 * 5 + 3 * 5 + 4)
    with model.session(gradients=False) as network:
        assert torch.allclose(network(smooth), network(LEAF))
        assert network(smooth[:0]).shape == (0, 2)


def test_entries_of_a_smooth_leaf_know_where_they_come_from_and_which_never_change() -> None:
    found = tried(Reads(), BESIDE, LEAF).smooth_entries((12,))

    assert found.origin.tolist() == [0, 1, *np.repeat(np.arange(2, 8), 5).tolist(), 8, 9, 10, 11]
    assert found.fixed.tolist() == [False, False, *([False] * 4 + [True]) * 6, False, False, True, True]


def test_the_gradient_of_each_text_is_that_of_its_own_embedding() -> None:
    """The derivative of the output with respect to what the layer answered, by autograd on the network taken apart."""
    network = Reads()
    model = tried(network, BESIDE, LEAF)
    leaf = model.smooth(LEAF).requires_grad_()
    one, two = (LEAF[:, place].long() for place in (slice(2, 5), slice(5, 8)))
    first, second = (network.words(ids).detach().requires_grad_() for ids in (one, two))
    kept, lengths = (one != 0)[..., None], torch.tensor([[2.0], [1.0]])

    mean = (((first + network.places.weight) * kept).sum(dim=1) / lengths).tanh()
    beat = LEAF[:, 8:10] * LEAF[:, 10:12]
    network.head(torch.cat([LEAF[:, :2], mean, second.sum(dim=1), beat], dim=1))[:, 0].sum().backward()
    with model.session(gradients=True) as call:
        (found,) = torch.autograd.grad(call(leaf)[:, 0].sum(), leaf)

    each = found[:, 2:32].reshape(2, 6, 5)
    assert torch.allclose(each[:, :3, :4], first.grad)
    assert torch.allclose(each[:, 3:, :4], second.grad)
    assert (each[..., 4] == 0).all()
    assert torch.allclose(found[:, :2], network.head.weight[0, :2].expand(2, 2))


class Of(nn.Module):
    """A network of columns and ids by whatever is made of the embedding."""

    def __init__(self, made: Callable[[nn.Module, Tensor], Tensor], rows: int = 5) -> None:
        super().__init__()
        self.words, self.other, self.made = nn.Embedding(rows, 4), nn.Embedding(rows, 4), made

    def forward(self, form: Tensor, ids: Tensor) -> Tensor:
        return form.sum(dim=1, keepdim=True) + self.made(self, ids).sum(dim=(1, 2))[:, None]


TEXT = Several((Part(0, 2, (2,), Plain(), "form"), Part(2, 4, (2,), Tokens(pad=0, mask=False, lengths=False), "note")))
FAULTS: dict[str, tuple[Callable[..., Tensor], str]] = {
    "none": (lambda net, ids: torch.nn.functional.one_hot(ids, 5).float() @ net.words.weight, "the text 'note'.*none is"),
    "two": (lambda net, ids: net.words(ids) + net.other(ids), "the text 'note'.*it happens 2 times"),
    "turned": (lambda net, ids: net.words(ids.T).transpose(0, 1), "the text 'note'.*none is"),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_without_one_embedding_of_the_ids_there_are_no_gradients_and_it_says_why(fault: str) -> None:
    made, message = FAULTS[fault]
    model = tried(Of(made), TEXT, torch.tensor([[1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 2.0, 1.0], [0.0, 1.0, 1.0, 1.0]]))

    assert "gradients" not in model.capabilities
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(model.lacks["gradients"])


def test_two_texts_that_were_the_same_in_all_rows_cannot_be_told_apart() -> None:
    leaf = LEAF.clone()
    leaf[:, 5:8] = leaf[:, 2:5]

    model = tried(Reads(), BESIDE, leaf)

    assert "gradients" not in model.capabilities
    assert "the text 'one'" in model.lacks["gradients"]


def test_a_text_alone_keeps_its_shape() -> None:
    class Alone(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words = nn.Embedding(5, 4)

        def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
            return self.words(ids).sum(dim=(1, 2))[:, None] / lengths[:, None]

    ids = torch.tensor([[1, 2, 0], [4, 3, 2]])
    model = tried(Alone(), Tokens(pad=0, mask=False, lengths=True), ids)

    assert model.smooth(ids).shape == (2, 3, 5)
    assert model.smooth_entries((3,)).origin.tolist() == np.repeat(np.arange(3), 5).tolist()
    with model.session(gradients=False) as network:
        assert torch.allclose(network(model.smooth(ids)), network(ids))
