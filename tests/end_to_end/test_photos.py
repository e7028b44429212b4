"""A network that looks at a folder of colour photos is audited by the same probes, and what they say of it agrees with working it out by hand."""

from __future__ import annotations

from functools import cache
from itertools import combinations
from math import factorial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from audit.cli import main
from audit.config_file import load_config
from audit.executors.processes import ProcessExecutor
from audit.runner import run_audit
from audit.store import RunStore
from tests.contract.audited import TRUST, Audited, lasting_folder
from tests.smoke import architectures, subjects

FEW = [
    "probes.attribution.shapley.rows=6",
    "probes.attribution.shapley.background=200",
    "probes.attribution.shapley.witness=1",
    "probes.attribution.lime.witness=1",
    "probes.attribution.lime.sets=2",
    "probes.attribution.lime.rows=6",
    "probes.attribution.lime.samples=400",
    "probes.attribution.integrated_gradients.rows=6",
    "probes.attribution.gradient.rows=6",
    "probes.attribution.grad_cam.rows=6",
    "probes.robustness.pgd.rows=12",
]
UNWITNESSED = ["probes.attribution.shapley.witness=0", "probes.attribution.lime.witness=0"]
PROBES = ("attribution.shapley", "attribution.lime", "attribution.integrated_gradients", "robustness.pgd")

pytestmark = pytest.mark.slow


@cache
def audited(channels_last: bool) -> Audited:
    """One audit by the public command."""
    folder = lasting_folder("netassay-photos-")
    config = subjects.write_photos(folder, channels_last=channels_last)
    options = [part for setting in (*FEW, *(UNWITNESSED if channels_last else [])) for part in ("--set", setting)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["netassay", "run", str(config), "--code", str(subjects.CODE), "--out", str(folder / "runs"), "-q", *options])
        with pytest.raises(SystemExit) as ended:
            main()
    assert ended.value.code == 0
    store = RunStore(folder / "runs")
    (run,) = store.runs()
    return Audited(config, store.read(run.id), store.path(run.id))


def shown(folder: Path, part: str = "test") -> torch.Tensor:
    """Photos (n, 3, 8, 12) as the network takes them, read and scaled independently of the audit."""
    names = pd.read_csv(folder / "photos" / f"{part}.csv")["image"]
    raw = np.stack([np.asarray(Image.open(folder / "photos" / name)) for name in names]) / 255
    scaled = (raw - np.array(subjects.PHOTO_MEAN)) / np.array(subjects.PHOTO_DEVIATION)
    return torch.tensor(scaled.transpose(0, 3, 1, 2), dtype=torch.float32)


def network_of(held: Audited, channels_last: bool) -> torch.nn.Module:
    network = architectures.photos(channels_last=channels_last)
    network.load_state_dict(load_file(held.config.parent / "weights.safetensors"))
    return network.eval()


BOTH = pytest.mark.parametrize("channels_last", [False, True])


@BOTH
def test_every_instrument_for_images_measures(channels_last: bool) -> None:
    held = audited(channels_last)
    status = {probe.id: probe.status for probe in held.run.probes}

    assert {status[name] for name in PROBES} == {"measured"}
    assert all(probe.witness.agrees for probe in held.run.probes if probe.witness is not None)
    assert not [finding for finding in held.run.findings if finding.status == "error"]
    assert (held.config.parent / "runs" / f"{held.run.id}.docs" / "report.html").is_file()


@BOTH
def test_outputs_are_those_of_the_network(channels_last: bool) -> None:
    held = audited(channels_last)
    rows, images = held.rows(), shown(held.config.parent)
    expected = network_of(held, channels_last)(images.permute(0, 2, 3, 1) if channels_last else images)

    np.testing.assert_allclose(rows.column("outputs.output"), expected.detach().numpy(), atol=1e-5)
    assert (rows.column("outputs.correct") == 1).mean() > 0.9
    assert rows.column("subject.id")[0] == "test-000.png"


def left_in(image: torch.Tensor, others: torch.Tensor, patches: tuple[int, ...]) -> torch.Tensor:
    """The image with all but some of its six patches, in all channels, taken from each of the others."""
    mixed = others.clone()
    for patch in patches:
        down, across = 4 * (patch // 3), 4 * (patch % 3)
        mixed[:, :, down : down + 4, across : across + 4] = image[:, down : down + 4, across : across + 4]
    return mixed


@BOTH
def test_shapley_values_are_those_of_all_coalitions_of_patches_over_all_channels(channels_last: bool) -> None:
    held = audited(channels_last)
    rows = held.rows().within("attribution.shapley")
    network, images, others = network_of(held, channels_last), shown(held.config.parent), shown(held.config.parent, "train")

    for place in (0, 3):
        image = images[rows.positions[place]]

        def worth(patches: tuple[int, ...], image: torch.Tensor = image) -> float:
            mixed = left_in(image, others, patches)
            return float(network(mixed.permute(0, 2, 3, 1) if channels_last else mixed).detach().double().mean())

        worths = {kept: worth(kept) for size in range(7) for kept in combinations(range(6), size)}
        expected = np.zeros(6)
        for patch, kept in ((patch, kept) for patch in range(6) for kept in worths if patch not in kept):
            share = factorial(len(kept)) * factorial(5 - len(kept)) / factorial(6)
            expected[patch] += share * (worths[tuple(sorted((*kept, patch)))] - worths[kept])
        np.testing.assert_allclose(rows.column("attribution.shapley.values")[place], expected, atol=1e-4)


@BOTH
@pytest.mark.parametrize("probe", ["attribution.shapley", "attribution.lime", "attribution.integrated_gradients"])
def test_the_patch_with_the_square_decides(probe: str, channels_last: bool) -> None:
    held = audited(channels_last)
    rows = held.rows().within(probe)
    colourful = shown(held.config.parent)[rows.positions.tolist()]
    spread = (colourful.amax(dim=1) - colourful.amin(dim=1)).reshape(-1, 2, 4, 3, 4).mean(dim=(2, 4)).reshape(-1, 6)

    values = np.abs(rows.column(f"{probe}.values"))

    assert (values.argmax(axis=1) == spread.argmax(dim=1).numpy()).mean() >= 0.8


@BOTH
def test_changes_that_flip_a_decision_stay_within_pixel_values(channels_last: bool) -> None:
    held = audited(channels_last)
    radii = held.rows().table("robustness.pgd", "radii")

    assert (list(radii["low"]), list(radii["high"])) == ([0.0], [255.0])


def test_both_orders_of_axes_give_the_same_numbers() -> None:
    first, last = audited(False).rows(), audited(True).rows()

    for name in ("outputs.output", "attribution.shapley.values", "attribution.integrated_gradients.values", "robustness.pgd.smallest_scale"):
        view = name.rpartition(".")[0]
        np.testing.assert_allclose(first.within(view).column(name), last.within(view).column(name), rtol=1e-3, atol=2e-3)


def test_worker_processes_measure_the_same() -> None:
    held = audited(False)
    file = load_config(held.config, [f"probes.{name}.enabled=false" for name in PROBES])

    sealed = run_audit(file, RunStore(lasting_folder("netassay-photos-")), executor=lambda _: ProcessExecutor(file, TRUST, workers=2), trust=TRUST)

    again = Audited(held.config, sealed.run, sealed.folder).rows()
    np.testing.assert_allclose(again.column("outputs.output"), held.rows().column("outputs.output"), atol=1e-6)
