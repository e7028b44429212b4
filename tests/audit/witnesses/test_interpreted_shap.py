"""shap's loops stay Python for the witness, and what others compile is compiled."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import types
import numpy as np
from audit.witnesses.interpreted_shap import shap
from audit.witnesses.by_shap import shap_values
import numba
from shap.explainers import _exact
from shap.maskers import _tabular

assert isinstance(_exact._compute_grey_code_row_values, types.FunctionType)
assert isinstance(_tabular._delta_masking, types.FunctionType)
squared = numba.njit(lambda x: x * x)
assert squared(3) == 9 and squared.signatures
network = lambda rows: rows[:, 0] * rows[:, 1] + rows[:, 2]
found = shap_values(network, np.array([1.0, 2.0, 3.0]), np.zeros((1, 3)), np.arange(3), players=3, evaluations=100, seed=0)
print(found.values.round(9).tolist())
"""


def test_the_witness_compiles_nothing_and_others_still_do() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[1.0, 1.0, 3.0]"
