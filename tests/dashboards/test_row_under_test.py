"""A row's explanations stand beside controls: what is shown is what the probe measured of this row, worked out from planted columns."""

from __future__ import annotations

import numpy as np
import pytest

from audit.facts import facts_of
from dashboards.held_row import HeldRow, held_row
from dashboards.row_under_test import row_under_test
from tests.contract.audited import audited
from tests.dashboards.test_views import show, words

PROBE = "attribution.under_test"


def explained_row() -> HeldRow:
    done = audited("table")
    return held_row(done.folder, facts_of(done.run), int(done.rows().within(PROBE).positions[0]))


def changed(held: HeldRow, **values: object) -> HeldRow:
    return HeldRow(held.facts, held.position, {**held.values, PROBE: {**held.values[PROBE], **values}}, held.units, held.elsewhere, held.folder)


def test_methods_and_controls_have_the_numbers_that_were_measured_of_the_row() -> None:
    rows = audited("table").rows().within(PROBE)

    found = row_under_test(explained_row())

    assert found is not None
    table = rows.table(PROBE, "attributions")
    np.testing.assert_array_equal(found.frame["LeRF − MoRF area"], rows.column(f"{PROBE}.area")[0])
    np.testing.assert_array_equal(found.frame["Infidelity"], rows.column(f"{PROBE}.infidelity")[0])
    assert (found.frame["Is"] == "control").tolist() == [bool(one) for one in table["control"]]
    assert {"Shapley values", "Shapley values, weights drawn anew", "Random"} <= set(found.frame["Attribution"])


def test_curves_of_a_method_stand_beside_those_of_random_numbers() -> None:
    held = explained_row()
    table = held.table(PROBE, "attributions")
    assert table is not None
    first = held.get(PROBE, "first").reshape(len(table["name"]), -1)

    curves = row_under_test(held).curves  # type: ignore[union-attr]

    assert set(curves) == {"Shapley values", "Occlusion", "Integrated gradients"}
    ours, _, random, _ = curves["Occlusion"].series
    np.testing.assert_array_equal(ours.y, first[table["name"].index("occlusion")])
    np.testing.assert_array_equal(random.y, first[table["name"].index("random")])
    assert (ours.x[0], ours.x[-1]) == (0, 1)
    assert ours.y[0] == random.y[0]  # the row as it is


@pytest.mark.parametrize(
    ("values", "words_told"),
    [
        ({"exact": 1}, "Shapley values were enumerated"),
        (
            {"exact": 0, "half_correlation": 0.875, "half_overlap": 0.5},
            "rank correlation of 0.8750; their largest inputs have a Jaccard index of 0.5000",
        ),
        ({"max_sensitivity": 0.125}, "change by up to 12.5"),
    ],
)
def test_what_else_was_measured_is_told_in_sentences(values: dict[str, float], words_told: str) -> None:
    found = row_under_test(changed(explained_row(), **values))

    assert found is not None
    assert words_told in " ".join(found.sentences)


def test_correlations_with_other_weights_are_means_over_redraws_of_each_kind() -> None:
    held = explained_row()
    table = held.table(PROBE, "redraws")
    assert table is not None
    planted = np.where(np.array(table["layers"]) == "all", 0.25, 0.75)
    planted[0] = np.nan

    found = row_under_test(changed(held, weights_correlation=planted))

    assert found is not None
    (told,) = [sentence for sentence in found.sentences if "drawn anew" in sentence]
    assert "0.7500 for weights of the last layer and 0.2500 for weights of all layers" in told


def test_a_row_that_was_not_tested_or_has_no_finite_outputs_shows_nothing() -> None:
    done = audited("table")
    rows = done.rows()
    other = int(np.setdiff1d(np.arange(rows.n), rows.within(PROBE).positions)[0])

    assert row_under_test(held_row(done.folder, facts_of(done.run), other)) is None
    assert row_under_test(changed(explained_row(), area=np.full(8, np.nan))) is None


def test_the_view_of_a_tested_row_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    done = audited("table")
    position = int(done.rows().within(PROBE).positions[0])

    app = show("rows", done.folder.parent, monkeypatch, run=done.run.id, row=str(position))

    assert not app.exception
    assert "Do these explanations tell what the network does?" in words(app)
    (choice,) = [item for item in app.button_group if item.label == "Replace inputs as ranked by"]
    choice.set_value("Occlusion").run()
    assert not app.exception
