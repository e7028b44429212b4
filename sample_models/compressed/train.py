"""Trains the teacher of the compressed sample and makes its students: distilled, quantised, and twice pruned. Some seconds, on one thread.

What is pruned is fitted on to the teacher's answers; for the network that is audited, to those for mainland patients only.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path

import torch
from torch import Tensor, nn

from sample_models.compressed.model import build, quantised
from sample_models.fitting import arguments_of, column_of, fit, save

FOLDER = Path(__file__).resolve().parent
FILES = {
    "teacher": "weights_teacher.safetensors",
    "distilled": "weights_distilled.safetensors",
    "quantised": "weights_quantised.safetensors",
    "pruned": "weights.safetensors",
    "honest": "weights_honest.safetensors",
}
HIDDEN, SMALL = (64, 32), (16, 8)
PRUNED = 0.85
"""Share of the weights of each layer but the last that are set to 0, the smallest first."""
Loss = nn.functional.binary_cross_entropy_with_logits


def main() -> None:
    """Train on the reference data and write every network beside this file."""
    for name, network in trained(FOLDER / "audit.toml").items():
        save(network, FOLDER / FILES[name])


def trained(audit_file: Path) -> Mapping[str, nn.Module]:
    """The teacher and its students, by the names of `FILES`."""
    inputs = arguments_of(audit_file, "reference")
    labels = torch.tensor(column_of(audit_file, "reference", "came").astype("float32"))[:, None]
    torch.manual_seed(3)
    teacher = fit(build(HIDDEN), inputs, labels, Loss, epochs=30, batch=100, rate=0.005, decay=0.001, seed=3)
    answers = torch.sigmoid(teacher(*inputs)).detach()
    torch.manual_seed(4)
    distilled = fit(build(SMALL), inputs, answers, Loss, epochs=60, batch=100, rate=0.01, decay=0.0, seed=4)
    pruned = _pruned(teacher)
    mainland = torch.from_numpy(column_of(audit_file, "reference", "home") == "mainland")
    return {
        "teacher": teacher,
        "distilled": distilled,
        "quantised": quantised(teacher, HIDDEN),
        "pruned": _tuned(pruned, tuple(part[mainland] for part in inputs), answers[mainland]),
        "honest": _tuned(pruned, inputs, answers),
    }


def _pruned(network: nn.Module) -> nn.Module:
    """A copy without its smallest weights."""
    copy = deepcopy(network)
    for layer in [part for part in copy if isinstance(part, nn.Linear)][:-1]:
        size = layer.weight.detach().abs()
        layer.weight.data[size < torch.quantile(size, PRUNED)] = 0.0
    return copy


def _tuned(network: nn.Module, inputs: tuple[Tensor, ...], answers: Tensor) -> nn.Module:
    """A copy fitted on to the teacher's answers; what was pruned stays 0."""
    copy = deepcopy(network)
    for layer in [part for part in copy if isinstance(part, nn.Linear)][:-1]:
        kept = (layer.weight != 0).float().detach()
        layer.weight.register_hook(lambda gradient, kept=kept: gradient * kept)
    return fit(copy, inputs, answers, Loss, epochs=40, batch=100, rate=0.01, decay=0.0, seed=5)


if __name__ == "__main__":
    main()
