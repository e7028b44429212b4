"""`explanation.background_choice` on planted attributions."""

from __future__ import annotations

import numpy as np
import pytest

from audit.checks.explanation.background_choice import PROBE, background_choice
from tests.audit.checks.explanation.explained import at
from tests.audit.checks.planted import planted, write_rows


def asked(folder, values, error, **more):
    values, error = np.asarray(values, dtype=float), np.asarray(error, dtype=float)
    write_rows(folder, PROBE, {"values": values, "background_se": error})
    return background_choice(planted(folder, decisions=np.zeros(len(values), dtype=int)), **more)


def test_the_error_is_relative_to_the_attributions_of_the_row(tmp_path):
    found = asked(tmp_path, [[3.0, 4.0], [0.0, -2.0]] * 10, [[0.3, 0.4], [0.0, 0.5]] * 10)

    assert at(found, "mean_relative_background_error").value == pytest.approx((0.1 + 0.25) / 2)


def test_what_lies_within_its_error_of_zero_has_no_certain_sign(tmp_path):
    found = asked(tmp_path, [[3.0, -1.0]] * 5 + [[2.0, 2.0]] * 5, [[1.0, 1.0]] * 5 + [[0.1, 0.1]] * 5)

    assert at(found, "certain_sign_share").value == pytest.approx((0.75 + 1) / 2)


def test_the_first_column_is_certain_where_its_lead_is_larger_than_its_error(tmp_path):
    values = [[5.0, -1.0, 0.0], [5.0, -4.9, 0.0], [-5.0, 4.0, 3.0]] * 4
    found = asked(tmp_path, values, np.full((12, 3), 0.5), deviations=2.0)

    share = at(found, "certain_first_share")
    assert (share.value, share.n) == (pytest.approx(1 / 3), 12)  # leads of 4, 0.1 and 1 against 2 · 0.5 · √2


def test_rows_with_one_background_row_or_without_values_are_left_out(tmp_path):
    found = asked(tmp_path, [[1.0, 0.5]] * 6 + [[0.0, 0.0], [np.nan, 1.0]], [[0.1, 0.1]] * 5 + [[np.nan, np.nan]] + [[0.1, 0.1]] * 2)

    assert at(found, "certain_sign_share").n == 5
    assert found.notes == ("3 rows without attributions other than 0 against several background rows are left out.",)


def test_where_nothing_is_left_the_reason_is_given(tmp_path):
    found = asked(tmp_path, [[1.0, 0.5]], [[np.nan, np.nan]])

    assert [one.name for one in found.absent] == ["mean_relative_background_error"]


def test_a_single_column_has_no_second_one(tmp_path):
    found = asked(tmp_path, [[1.0]] * 6, [[0.1]] * 6)

    assert {one.name for one in found.measurements} == {"mean_relative_background_error", "certain_sign_share"}
