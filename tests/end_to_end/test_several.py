"""A network with an image, columns and a text is audited by the same probes, and what they say agrees with working it out by hand."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
import torch
from captum.attr import LayerIntegratedGradients
from captum.attr._utils.input_layer_wrapper import ModelInputWrapper
from PIL import Image
from safetensors.torch import load_file

from tests.contract.audited import Audited, audit, lasting_folder
from tests.smoke import architectures
from tests.smoke.structured_subjects import write_several

ALL_ROWS = ("probes.attribution.integrated_gradients.background=160", "probes.attribution.integrated_gradients.tolerance=1e-4")


@cache
def audited(text: bool) -> Audited:
    folder = lasting_folder("netassay-several-")
    return audit(write_several(folder, text=text), folder / "runs", overrides=ALL_ROWS if text else ())


def inputs_of(held: Audited, text: bool, part: str = "test") -> tuple[torch.Tensor, ...]:
    """Worked out apart from the encoders."""
    folder = held.config.parent
    frame, train = (pd.read_csv(folder / f"{name}.csv") for name in (part, "train"))
    images = np.stack([np.asarray(Image.open(folder / name)) for name in frame["parcel"]]) / 255
    weight = (frame["weight"] - train["weight"].mean()) / train["weight"].std(ddof=0)
    columns = np.stack([weight, *((frame["size"] == level).astype(float) for level in "lms")], axis=1)
    words = (folder / "words.txt").read_text().split()
    notes = torch.tensor([[words.index(word) for word in note.split()] for note in frame["note"]])
    return (torch.tensor(images).float()[:, None], torch.tensor(columns).float(), *([notes] if text else []))


def network_of(held: Audited, text: bool) -> torch.nn.Module:
    network = architectures.several(4, 6 if text else 0)
    network.load_state_dict(load_file(held.config.parent / "weights.safetensors"))
    return network.eval()


@pytest.mark.parametrize("text", [False, True])
def test_outputs_are_those_of_the_network(text: bool) -> None:
    held = audited(text)

    expected = network_of(held, text)(*inputs_of(held, text))[:, 0].detach().numpy()

    np.testing.assert_allclose(held.rows().column("outputs.output")[:, 0], expected, atol=1e-5)
    assert [finding.check for finding in held.run.findings if finding.status == "error"] == []


@pytest.mark.parametrize("text", [False, True])
def test_leaving_out_one_player_is_leaving_it_out_of_its_own_input(text: bool) -> None:
    """Shapley values of an additive comparison: the sum of all players is the change from the background, which is worked out by hand."""
    held = audited(text)
    rows = held.rows().within("attribution.shapley")
    values, base, total = (rows.column(f"attribution.shapley.{name}") for name in ("values", "base", "total"))
    outputs = held.rows().column("outputs.output")[rows.positions, 0]

    assert values.shape[1] == 4 + 2 + (2 if text else 0)
    np.testing.assert_allclose(total, outputs, atol=1e-6)
    np.testing.assert_allclose(values.sum(axis=1), total - base, atol=1e-4)
    assert (np.abs(values).mean(axis=0)[:5] > 0).all()


def test_what_decides_is_found_in_both_inputs() -> None:
    rows = audited(False).rows().within("attribution.shapley")
    mean = np.abs(rows.column("attribution.shapley.values")).mean(axis=0)

    assert mean[4] > 5 * mean[5]  # weight decides, size does not
    assert mean[:4].sum() > 5 * mean[5]


def test_gradients_with_respect_to_all_inputs_are_those_of_autograd() -> None:
    held = audited(False)
    rows = held.rows().within("attribution.integrated_gradients")
    network, inputs = network_of(held, False), inputs_of(held, False)

    assert rows.n > 0
    np.testing.assert_allclose(rows.column("attribution.integrated_gradients.total"), network(*inputs)[rows.positions, 0].detach().numpy(), atol=1e-5)
    witnesses = {probe.id: probe.witness for probe in held.run.probes if probe.witness is not None}
    assert {"attribution.shapley", "attribution.integrated_gradients", "attribution.lime"} <= set(witnesses)
    assert all(witness.agrees for witness in witnesses.values())


@pytest.mark.filterwarnings("ignore:Multiple layers provided")  # none of them is behind another
def test_integrated_gradients_with_a_text_are_those_of_captum_on_its_embedding_and_the_other_inputs() -> None:
    """All reference rows stand for image and columns, padding for the words; captum moves all three along one path."""
    held = audited(True)
    rows = held.rows().within("attribution.integrated_gradients")
    network = network_of(held, True).requires_grad_(False)
    (images, columns, notes), (others, forms, _) = inputs_of(held, True), inputs_of(held, True, "train")
    wrapped = ModelInputWrapper(network)
    layers = [wrapped.input_maps["image"], wrapped.input_maps["columns"], network.read]
    method = LayerIntegratedGradients(lambda *given: wrapped(*given)[:, 0], layers)

    for place, row in enumerate(rows.positions[:2]):
        count = len(others)
        given = (images[row].expand(count, -1, -1, -1), columns[row].expand(count, -1), notes[row].expand(count, -1))
        of_image, of_columns, of_words = method.attribute(given, baselines=(others, forms, torch.zeros(count, 2, dtype=torch.int64)), n_steps=32)
        patches = of_image.mean(dim=0).reshape(2, 3, 2, 3).sum(dim=(1, 3)).flatten()
        weight, *sizes = of_columns.mean(dim=0)
        expected = torch.stack([*patches, weight, sum(sizes, torch.tensor(0.0)), *of_words.mean(dim=0).sum(dim=1)])
        np.testing.assert_allclose(rows.column("attribution.integrated_gradients.values")[place], expected.detach().numpy(), atol=2e-4)
