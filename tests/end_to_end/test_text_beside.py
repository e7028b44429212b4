"""Gradients of a network of columns and two texts: by hand where it is linear, and by captum where it is not."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from audit.config_file import load_config
from audit.open_subject import open_subject
from audit.plan import make_plan
from tests.contract.audited import TRUST, Audited, audit, lasting_folder
from tests.smoke.triage import NOTE, TITLE, Triage, inputs_of, write_triage

COLUMNS = 2
MASK = 2
"""Id of what stands for an absent word of the note; padding stands for one of the title."""
GRADIENTS = ("integrated_gradients", "expected_gradients", "deep_shap")
CHECKS = ["explanation.completeness", "explanation.words", "robustness.adversarial"]
RUN = ("smoothgrad", "gradient", *GRADIENTS)


@cache
def audited(straight: bool) -> Audited:
    folder = lasting_folder("netassay-triage-")
    return audit(write_triage(folder, straight=straight), folder / "runs", overrides=[f"only={CHECKS}"])


def network_of(held: Audited, straight: bool) -> Triage:
    network = Triage(straight=straight)
    network.load_state_dict(load_file(held.config.parent / "weights.safetensors"))
    network.requires_grad_(False).eval()
    return network


def absent(title: Tensor, note: Tensor) -> tuple[Tensor, Tensor]:
    """Ids of what stands for the words; padding stays padding."""
    return torch.zeros_like(title), torch.where(note == 0, 0, MASK)


def test_players_are_columns_and_the_words_of_each_text() -> None:
    names = list(audited(False).rows().table("attribution.gradient", "players")["name"])

    assert names == ["age", "calls", *(f"title word {place + 1}" for place in range(TITLE)), *(f"note word {place + 1}" for place in range(NOTE))]


def test_integrated_gradients_are_those_of_captum_on_columns_and_what_the_embedding_made_of_each_text() -> None:
    """The title and the note are two calls of one layer, so captum is given what the layer answered as inputs."""
    held = audited(False)
    rows = held.rows().within("attribution.integrated_gradients")
    network = network_of(held, False)
    columns, title, note, mask = inputs_of(held.config.parent, "evaluate")
    others, *_ = inputs_of(held.config.parent, "reference")

    def answer(given: Tensor, short: Tensor, long: Tensor, kept: Tensor) -> Tensor:
        means = [short.tanh().sum(dim=1), (long.tanh() * kept[..., None]).sum(dim=1) / kept[..., None].sum(dim=1).clamp(min=1)]
        return network.head(torch.cat([given, *means], dim=1))[:, 0]

    method = IntegratedGradients(answer)
    for place, row in enumerate(rows.positions[:3]):
        count = len(others)
        short, long = (network.embedding(ids[row].expand(count, -1)) for ids in (title, note))
        gone, left = (network.embedding(ids).expand(count, -1, -1) for ids in absent(title[row, None], note[row, None]))
        kept = mask[row].float().expand(count, -1)
        found = method.attribute(
            (columns[row].expand(count, -1), short, long), baselines=(others, gone, left), additional_forward_args=(kept,), n_steps=64
        )
        expected = torch.cat([found[0], found[1].sum(dim=2), found[2].sum(dim=2)], dim=1).mean(dim=0)
        np.testing.assert_allclose(rows.column("attribution.integrated_gradients.values")[place], expected.numpy(), atol=2e-5)


def by_hand(held: Audited, positions: NDArray[np.int64], *, against: bool) -> NDArray[np.float64]:
    """Of the linear network: each weight times what it is given, less what stands for absent where it is held `against` that."""
    network = network_of(held, True)
    columns, title, note, _ = (one[torch.as_tensor(positions)] for one in inputs_of(held.config.parent, "evaluate"))
    weight = network.head.weight[0]
    gone, left = absent(title, note)
    given = columns - (inputs_of(held.config.parent, "reference")[0].mean(dim=0) if against else 0)
    texts = []
    for ids, without, part in ((title, gone, weight[2:5]), (note, left, weight[5:8])):
        texts.append((network.embedding(ids) - (network.embedding(without) if against else 0)) @ part)
    return torch.cat([given * weight[:2], *texts], dim=1).double().numpy()


@pytest.mark.parametrize("method", ["integrated_gradients", "deep_shap", "shapley"])
def test_what_is_held_against_an_absence_is_weight_times_difference_in_a_linear_network(method: str) -> None:
    held = audited(True)
    rows = held.rows().within(f"attribution.{method}")

    np.testing.assert_allclose(rows.column(f"attribution.{method}.values"), by_hand(held, rows.positions, against=True), atol=1e-5)


@pytest.mark.parametrize("method", ["gradient", "smoothgrad"])
def test_input_times_gradient_is_weight_times_input_in_a_linear_network(method: str) -> None:
    held = audited(True)
    rows = held.rows().within(f"attribution.{method}")
    weight = network_of(held, True).head.weight[0].abs()
    sizes = [*weight[:2], *([weight[2:5].sum()] * TITLE), *([weight[5:8].sum()] * NOTE)]

    np.testing.assert_allclose(rows.column(f"attribution.{method}.values"), by_hand(held, rows.positions, against=False), atol=1e-5)
    np.testing.assert_allclose(rows.column(f"attribution.{method}.gradient"), np.tile(np.array(sizes), (rows.n, 1)), atol=1e-5)


def test_drawn_places_agree_with_the_whole_within_their_error() -> None:
    held = audited(True)
    rows = held.rows().within("attribution.expected_gradients")
    values, se = (rows.column(f"attribution.expected_gradients.{name}") for name in ("values", "se"))
    expected = by_hand(held, rows.positions, against=True)

    assert (np.abs(values - expected) <= 5 * se + 1e-5).all()
    np.testing.assert_allclose(values[:, COLUMNS:], expected[:, COLUMNS:], atol=1e-5)  # a text has one absence, so nothing of it is drawn


def test_values_add_up_in_a_network_that_is_not_linear() -> None:
    held = audited(False)
    for method in ("integrated_gradients", "deep_shap"):
        rows = held.rows().within(f"attribution.{method}")
        values, base, total = (rows.column(f"attribution.{method}.{name}") for name in ("values", "base", "total"))
        np.testing.assert_allclose(values.sum(axis=1), total - base, atol=1e-5)
        np.testing.assert_allclose(total, held.rows().column("outputs.output")[rows.positions, 0], atol=1e-5)


def test_a_network_that_looks_words_up_in_another_way_is_told_apart_by_the_text(tmp_path: Path) -> None:
    file = load_config(write_triage(tmp_path), ("model.architecture='tests.smoke.triage:looked_up'",))

    skips = {node.instance: node.skip for node in make_plan(file.config, open_subject(file, TRUST)).nodes}

    refused = skips["attribution.integrated_gradients"]
    assert refused is not None
    assert refused.status == "not_assessed"
    assert "the text 'title': gradients are of its embedding" in refused.reason
    assert skips["attribution.shapley"] is None


def test_what_cannot_be_moved_says_so_and_nothing_breaks() -> None:
    for straight in (False, True):
        run = audited(straight).run
        probes = {probe.id: probe for probe in run.probes}
        assert [finding.check for finding in run.findings if finding.status == "error"] == []
        assert all(probes[f"attribution.{method}"].status == "measured" for method in RUN)
        assert "Words are exchanged" in probes["robustness.pgd"].reason
        witnesses = {probe.id: probe.witness for probe in run.probes if probe.witness is not None}
        assert witnesses["attribution.integrated_gradients"].agrees
