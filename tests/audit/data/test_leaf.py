"""A leaf becomes what a network is called with, and stays differentiable."""

from __future__ import annotations

import torch

from audit.data.leaf import Part, Plain, Series, Several, Tokens, entries_of


def test_tokens_come_with_mask_and_lengths() -> None:
    ids = torch.tensor([[3, 4, 0, 0], [5, 0, 6, 0], [0, 0, 0, 0]])

    found, mask, lengths = Tokens(pad=0, mask=True, lengths=True).of(ids)

    assert found is ids
    assert mask.tolist() == (ids != 0).tolist()
    assert lengths.tolist() == [2, 3, 1]
    assert len(Tokens(pad=0, mask=False, lengths=False).of(ids)) == 1


def test_a_series_ends_where_its_last_channel_says() -> None:
    leaf = torch.randn(2, 3, 4)
    leaf[:, -1] = torch.tensor([[1.0, 1, 0, 0], [1, 1, 1, 1]])
    leaf.requires_grad_()

    values, mask, lengths = Series("ntc", ends=True, mask=True, lengths=True).of(leaf)
    values.sum().backward()

    assert values.shape == (2, 4, 2)
    assert values[0, 2:].abs().sum() == 0
    assert mask.sum(dim=1).tolist() == lengths.tolist() == [2, 4]
    assert leaf.grad is not None
    assert leaf.grad[0, :2, 2:].abs().sum() == 0


def test_several_inputs_lie_side_by_side() -> None:
    leaf = torch.tensor([[1.0, 2.0, 3.0, 4.0, 7.0, 0.0]])

    picture, ids, mask = Several((Part(0, 4, (2, 2), Plain()), Part(4, 6, (2,), Tokens(pad=0, mask=True, lengths=False)))).of(leaf)

    assert picture.tolist() == [[[1.0, 2.0], [3.0, 4.0]]]
    assert ids.tolist() == [[7, 0]]
    assert ids.dtype == torch.int64
    assert mask.tolist() == [[True, False]]


def test_a_series_without_an_end_is_only_turned() -> None:
    leaf = torch.randn(2, 3, 4)

    assert torch.equal(Series("ntc", ends=False, mask=False, lengths=False).of(leaf)[0], leaf.transpose(1, 2))
    assert torch.equal(Series("nct", ends=False, mask=False, lengths=False).of(leaf)[0], leaf)
    assert torch.equal(Series("nt", ends=False, mask=False, lengths=False).of(leaf[:, :1])[0], leaf[:, 0])


def test_ids_and_ends_are_known_among_the_entries_of_several_inputs() -> None:
    tokens, series = Tokens(pad=0, mask=False, lengths=False), Series("nct", ends=True, mask=True, lengths=False)

    found = entries_of(Several((Part(0, 1, (1,), Plain()), Part(1, 3, (2,), tokens), Part(3, 9, (3, 2), series))), (9,))

    assert found.ids.tolist() == [False, True, True, *[False] * 6]
    assert found.fixed.tolist() == [*[False] * 7, True, True]
    assert entries_of(tokens, (3,)).ids.all()
    assert not entries_of(Plain(), (2, 2)).ids.any()
