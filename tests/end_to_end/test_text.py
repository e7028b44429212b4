"""A network that reads text is audited by the same probes, and what they say of it agrees with working it out by hand."""

from __future__ import annotations

from functools import cache
from itertools import combinations
from math import factorial

import numpy as np
import pytest
import torch
from captum.attr import LayerIntegratedGradients
from safetensors.torch import load_file

from audit.rows import Rows
from tests.contract.audited import Audited, audit, lasting_folder
from tests.smoke import architectures, subjects


@cache
def audited(absent: str, mask: bool) -> Audited:
    folder = lasting_folder("netassay-reviews-")
    return audit(subjects.write_reviews(folder, absent=absent, mask=mask), folder / "runs")


def network_of(held: Audited) -> torch.nn.Module:
    folder = held.config.parent
    network = architectures.text(len((folder / "vocabulary.txt").read_text().split()))
    network.load_state_dict(load_file(folder / "weights.safetensors"))
    return network.eval()


def ids_of(held: Audited, rows: Rows) -> torch.Tensor:
    """Ids worked out independently of the encoder: words of the made-up reviews are apart by single spaces."""
    place = {word: i for i, word in enumerate((held.config.parent / "vocabulary.txt").read_text().split())}
    ids = torch.zeros(rows.n, 8, dtype=torch.int64)
    for row, text in enumerate(rows.column("subject.text.review")):
        found = [place[word] for word in text.split()][:8]
        ids[row, : len(found)] = torch.tensor(found)
    return ids


def called(network: torch.nn.Module, ids: torch.Tensor, mask: bool) -> torch.Tensor:
    return (network(ids, ids != 0) if mask else network(ids))[:, 0].detach().double()


@pytest.mark.parametrize(("absent", "mask"), [("<pad>", True), ("<mask>", False)])
def test_outputs_are_those_of_the_network(absent: str, mask: bool) -> None:
    held = audited(absent, mask)
    rows = held.rows()

    np.testing.assert_allclose(rows.column("outputs.output")[:, 0], called(network_of(held), ids_of(held, rows), mask), atol=1e-5)
    assert (rows.column("outputs.correct") == 1).mean() > 0.9


@pytest.mark.parametrize(("absent", "mask"), [("<pad>", True), ("<mask>", False)])
def test_shapley_values_are_those_of_all_coalitions_of_words(absent: str, mask: bool) -> None:
    held = audited(absent, mask)
    rows = held.rows().within("attribution.shapley")
    network, ids = network_of(held), ids_of(held, rows)
    gone = 0 if absent == "<pad>" else 2

    for row in (0, 1, 7):
        words = [place for place in range(8) if ids[row, place] != 0]
        count = len(words)

        def worth(kept: tuple[int, ...], row: int = row, words: list[int] = words) -> float:
            one = ids[row : row + 1].clone()
            one[0, [place for place in words if place not in kept]] = gone
            return float(called(network, one, mask))

        expected = np.zeros(8)
        for place in words:
            others = [other for other in words if other != place]
            for size in range(count):
                share = factorial(size) * factorial(count - size - 1) / factorial(count)
                expected[place] += sum(share * (worth((*kept, place)) - worth(kept)) for kept in combinations(others, size))
        np.testing.assert_allclose(rows.column("attribution.shapley.values")[row], expected, atol=1e-5)


@pytest.mark.parametrize(("absent", "mask"), [("<pad>", True), ("<mask>", False)])
def test_integrated_gradients_are_those_of_captum_on_the_embedding(absent: str, mask: bool) -> None:
    held = audited(absent, mask)
    rows = held.rows().within("attribution.integrated_gradients")
    network, ids = network_of(held), ids_of(held, rows)[:5]
    baseline = torch.where(ids == 0, 0, 0 if absent == "<pad>" else 2)
    method = LayerIntegratedGradients(lambda one, kept: network(one, kept if mask else None)[:, 0], network.embedding)

    expected = method.attribute(ids, baselines=baseline, additional_forward_args=(ids != 0,), n_steps=256).sum(dim=2).detach().numpy()

    np.testing.assert_allclose(rows.column("attribution.integrated_gradients.values")[:5], expected, atol=0.02 * np.abs(expected).max())


def test_all_witnesses_agree() -> None:
    witnesses = {probe.id: probe.witness for probe in audited("<pad>", True).run.probes if probe.witness is not None}

    assert {"attribution.shapley", "attribution.integrated_gradients", "attribution.lime"} <= set(witnesses)
    assert all(witness.agrees for witness in witnesses.values())


def test_the_words_that_decide_are_found() -> None:
    held = audited("<pad>", True)
    rows = held.rows().within("attribution.shapley")
    values, texts = rows.column("attribution.shapley.values"), rows.column("subject.text.review")

    deciding = {"lovely", "great", "fine", "honest", "awful", "broken", "late", "dull"}
    leading = [text.split()[int(np.argmax(np.abs(values[row, : len(text.split())])))] for row, text in enumerate(texts) if len(text.split()) <= 8]

    assert np.mean([word in deciding for word in leading]) > 0.9


def test_padding_has_no_part_in_anything() -> None:
    held = audited("<mask>", False)
    rows = held.rows().within("attribution.shapley")
    padding = ids_of(held, rows).numpy() == 0

    assert (rows.column("attribution.shapley.values")[padding] == 0).all()


def test_lime_points_the_way_shapley_values_do() -> None:
    held = audited("<pad>", True)
    lime, shapley = (held.rows().within(f"attribution.{name}") for name in ("lime", "shapley"))
    coefficients, values = lime.column("attribution.lime.values"), shapley.column("attribution.shapley.values")
    sides = np.where(lime.column("attribution.lime.target") == 1, 1, -1)[:, None]

    assert np.array_equal(lime.positions, shapley.positions)
    top = np.argmax(np.abs(coefficients), axis=1)
    same = np.sign((coefficients * sides)[np.arange(lime.n), top]) == np.sign(values[np.arange(lime.n), top])
    assert same.mean() > 0.95
    assert np.nanmedian(lime.column("attribution.lime.r2")) > 0.5
    assert (coefficients[ids_of(held, lime).numpy() == 0] == 0).all()


def test_what_has_no_meaning_for_text_says_so() -> None:
    run = audited("<pad>", True).run
    reasons = {probe.id: probe.reason for probe in run.probes if probe.status == "not_applicable"}

    assert "Words are exchanged" in reasons["robustness.pgd"]
    assert "columns of a table" in reasons["anomaly.isolation_forest"]
