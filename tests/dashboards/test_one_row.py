"""One row: why it was decided so, how little turns the decision, how usual it is. Expected words are worked out from a run made by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from audit.facts import facts_of
from audit.results import AuditRun
from dashboards.distinct_names import distinct
from dashboards.held_row import HeldRow, held_row
from dashboards.neighbours import neighbours_frame
from dashboards.one_row_tables import further_frame
from dashboards.row_attributions import attributions, beside, most_attributed, not_sampled, pull_sentence
from dashboards.row_words import decision_sentences
from dashboards.smallest_change import smallest_changes
from dashboards.unusual import detectors_missing, unusual_frame
from tests.contract.audited import audited
from tests.dashboards.made_run import write_run


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[AuditRun, Path]:
    folder = tmp_path_factory.mktemp("made")
    run = write_run(folder, rows=300)
    return run, folder / run.id


def row(made: tuple[AuditRun, Path], position: int) -> HeldRow:
    run, folder = made
    return held_row(folder, facts_of(run), position)


def changed(held: HeldRow, probe: str = "robustness.pgd", **values: object) -> HeldRow:
    return replace(held, values={**held.values, probe: {**held.values[probe], **values}})


def test_a_row_holds_what_each_probe_measured_of_it() -> None:
    done = audited("table")
    rows = done.rows()

    held = held_row(done.folder, facts_of(done.run), 3)

    for name in ("outputs.score", "subject.id", "robustness.pgd.changed", "attribution.shapley.values"):
        probe, _, column = name.rpartition(".")
        np.testing.assert_array_equal(held.get(probe, column), rows.column(name)[3])
    smaller = {"under_test", "interactions", "layer_units", "planted_twins", "in_company"}
    assert set(held.elsewhere) <= {f"attribution.{probe}" for probe in smaller}  # samples smaller than the table


def test_probes_that_sampled_other_rows_are_told(made: tuple[AuditRun, Path]) -> None:
    held = row(made, 299)

    assert held.elsewhere == ("attribution.lime", "attribution.shapley", "robustness.pgd")
    assert not_sampled(held) == ["LIME", "Shapley values"]
    assert "not in the sample" in smallest_changes(made[0], held)[0].sentence


def test_a_binary_decision_is_told_with_its_score_and_threshold(made: tuple[AuditRun, Path]) -> None:
    held = changed(row(made, 0), "outputs", decision=0, score=0.25, probability=np.array([0.75, 0.25]))
    facts = replace(held.facts, classes=("refuse", "approve"))
    held = changed(replace(held, facts=facts), "subject", label=1)

    first, second = decision_sentences(held)

    assert first == (
        "The network decided refuse, which does not count as favourable: the probability of approve is 0.2500, 0.2500 below the threshold of 0.5."
    )
    assert second == "The label, a past decision, is approve: the two differ."


def test_several_classes_and_quantities_have_sentences_too() -> None:
    for name, words in (("diabetes", "The network predicted"), ("predictions", "The network decided")):
        done = audited(name)
        assert decision_sentences(held_row(done.folder, facts_of(done.run), 0))[0].startswith(words)


def test_a_row_without_finite_output_has_no_decision(made: tuple[AuditRun, Path]) -> None:
    assert "nothing" in decision_sentences(changed(row(made, 0), "outputs", decision=-1))[0]


def test_attributions_of_a_single_logit_speak_for_class_one() -> None:
    done = audited("table")
    held = held_row(done.folder, facts_of(done.run), 3)

    shapley = next(item for item in attributions(held) if item.method == "Shapley values")

    assert shapley.target == "1"
    assert shapley.frame["value"].tolist() == done.rows().column("attribution.shapley.values")[3].tolist()


def test_what_lowers_the_probability_of_class_one_pulls_towards_class_zero(made: tuple[AuditRun, Path]) -> None:
    held = changed(row(made, 0), "outputs", decision=0)
    values = np.zeros(12)
    values[[5, 7]] = (-2.0, 3.0)
    held = changed(held, "attribution.shapley", values=values)

    item = next(item for item in attributions(held) if item.method == "Shapley values")

    assert item.towards == -1
    assert "towards this decision: =HYPERLINK" in pull_sentence(item)
    assert "against it: @SUM(A1) (3)" in pull_sentence(item)


def test_methods_lie_side_by_side_with_their_doubt(made: tuple[AuditRun, Path]) -> None:
    found = attributions(row(made, 1))

    frame = beside(found, most_attributed(found))

    assert [item.method for item in found] == ["Shapley values", "LIME"]
    assert len(frame) == 12
    assert {"Shapley values, standard error", "LIME, standard error"} < set(frame.columns)
    assert any("stability" in doubt for doubt in found[1].doubts)


def test_the_smallest_change_lists_only_what_moves(made: tuple[AuditRun, Path]) -> None:
    held = row(made, 0)

    change = smallest_changes(made[0], held)[0]

    raw = [held.get("subject", f"input.{column.name}") for column in held.facts.schema.columns]
    assert len(change.frame) == 6
    assert change.frame["Change"].unique().tolist() == ["+0.5000"]
    told = [float(text.replace("−", "-")) for text in change.frame["After"]]
    np.testing.assert_allclose(told, np.array(raw)[::2] + 0.5, rtol=1e-3, atol=1e-3)
    assert "6 inputs" in change.sentence
    assert "50.0 % of its spread" in change.sentence
    assert len(change.held) == 1


def test_a_small_change_of_a_large_number_is_seen(made: tuple[AuditRun, Path]) -> None:
    held = row(made, 0)
    name = held.facts.schema.columns[0].name
    held = changed(changed(held, "subject", **{f"input.{name}": 123456.789}), changed=np.array([0.001, *np.zeros(11)]))

    line = smallest_changes(made[0], held)[0].frame.iloc[0]

    assert line["Now"] != line["After"]


def test_levels_are_told_by_name(made: tuple[AuditRun, Path]) -> None:
    held = row(made, 0)
    first, *others = held.facts.schema.columns
    levels = replace(first, kind="categorical", levels=("rent", "own", "other"))
    facts = replace(held.facts, schema=replace(held.facts.schema, columns=(levels, *others)))
    held = changed(replace(held, facts=facts), changed=np.array([-2.0, *np.zeros(11)]))
    held = changed(held, "subject", **{f"input.{first.name}": "other"})

    line = smallest_changes(made[0], held)[0].frame.iloc[0]

    assert (line["Now"], line["After"]) == ("other", "rent")


def test_no_change_found_is_told_with_the_radius_tried(made: tuple[AuditRun, Path]) -> None:
    change = smallest_changes(made[0], row(made, 2))[0]

    assert "No change of decision was found up to a radius of 1 spreads" in change.sentence
    assert change.frame.empty


def test_a_change_that_was_not_confirmed_is_not_shown(made: tuple[AuditRun, Path]) -> None:
    change = smallest_changes(made[0], changed(row(made, 0), verified=0))[0]

    assert "not confirm" in change.sentence
    assert change.frame.empty


def test_a_change_of_decision_in_a_real_run_is_a_change_of_that_row() -> None:
    done = audited("table")
    found = [smallest_changes(done.run, held_row(done.folder, facts_of(done.run), position))[0] for position in range(10)]

    assert any(not change.frame.empty for change in found)
    assert all(change.frame.empty == ("turns the decision" not in change.sentence) for change in found)


def test_p_values_stand_beside_the_smallest_they_can_be(made: tuple[AuditRun, Path]) -> None:
    frame = unusual_frame(row(made, 0))

    assert frame["Smallest it can be"].tolist() == ["0.01000", "0.01000"]
    assert frame["Calibration rows"].tolist() == ["99", "99"]
    assert detectors_missing(made[0], row(made, 0)) == []


def test_everything_else_is_listed_without_lists(made: tuple[AuditRun, Path]) -> None:
    frame = further_frame(row(made, 0))

    assert {"Censored", "Distance", "P value"} <= set(frame["Quantity"])
    assert "Changed" not in set(frame["Quantity"])


def test_repeated_names_are_told_apart() -> None:
    names = distinct(["a", "a", "a (2)", "b", "a"])

    assert len(set(names)) == 5
    assert names[0] == "a"
    assert names[3] == "b"


def test_the_nearest_known_rows_stand_beside_the_row(made: tuple[AuditRun, Path]) -> None:
    held = row(made, 25)

    frame = neighbours_frame(held)

    assert frame.columns.tolist() == ["What", "Unit", "This row", "Neighbour 1", "Neighbour 2", "Neighbour 3"]
    assert frame.iloc[0].tolist() == ["Distance", "", "0", "0", "0.1000", "0.2000"]
    assert frame.iloc[1].tolist()[2:] == ["25", "50", "60", "70"]
    assert len(frame) == 3 + 12


def test_neighbours_of_a_real_run_are_at_the_distances_the_probe_held() -> None:
    done = audited("table")
    held = held_row(done.folder, facts_of(done.run), 3)

    frame = neighbours_frame(held)

    assert frame["What"].tolist() == ["Distance", "Position in its data", "Label", "income", "debt", "years", "score"]
    told = [float(text) for text in frame.iloc[0].tolist()[3:]]
    np.testing.assert_allclose(told, held.get("anomaly.feature_neighbours", "nearest_distance"), rtol=1e-3)


def test_a_row_without_neighbours_shows_none(made: tuple[AuditRun, Path]) -> None:
    assert neighbours_frame(row(made, 1)).empty
