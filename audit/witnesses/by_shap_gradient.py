"""shap's GradientExplainer on a few rows, several times, for the spread of its draws."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from audit.witnesses.interpreted_shap import shap

RUNS = 6


def shap_gradients(
    module: nn.Module, inputs: Tensor, background: Tensor, target: NDArray[np.int64], *, samples: int, seed: int
) -> list[NDArray[np.float64]]:
    """Expected gradients (n, …) of one output of each row, from `RUNS` runs with draws of their own."""
    with _numpy_stream():
        explainer = shap.GradientExplainer(module, background)
        runs = [np.asarray(explainer.shap_values(inputs, nsamples=samples, rseed=(seed + run) % 2**32), dtype=np.float64) for run in range(RUNS)]
    wide = [run if run.ndim > inputs.ndim else run[..., None] for run in runs]
    return [np.stack([row[..., output] for row, output in zip(run, target, strict=True)]) for run in wide]


@contextmanager
def _numpy_stream() -> Iterator[None]:
    """shap draws from numpy's global stream; whatever else uses it finds it as it was."""
    held = np.random.get_state()  # noqa: NPY002  the only way to put it back
    try:
        yield
    finally:
        np.random.set_state(held)  # noqa: NPY002
