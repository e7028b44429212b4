"""Words are told by what they add wherever they stand, as counting by hand finds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from audit.pieces import split
from audit.results import AuditRun, Finding
from tests.contract.audited import Audited, audit, lasting_folder
from tests.smoke import subjects


@pytest.fixture(scope="module")
def held() -> Audited:
    folder = lasting_folder("netassay-words-")
    few = [f"probes.attribution.{name}.rows='all'" for name in ("shapley", "integrated_gradients")]
    return audit(subjects.write_reviews(folder), folder / "runs", overrides=["only=['explanation.words', 'anomaly.unusual_rows']", *few])


def finding(run: AuditRun) -> Finding:
    return next(one for one in run.findings if one.check == "explanation.words")


def by_hand(held: Audited, word: str) -> list[float]:
    rows = held.rows().within("attribution.shapley")
    values, texts = rows.column("attribution.shapley.values"), rows.column("subject.text.review")
    found = []
    for row, text in enumerate(texts):
        places = [place for place, one in enumerate(text.split()[:8]) if one == word]
        if places:
            found.append(float(values[row, places].sum()))
    return found


def test_means_are_those_worked_out_by_hand(held: Audited) -> None:
    told = [one for one in finding(held.run).measurements if one.at["method"] == "shapley"]

    assert {"lovely", "awful", "the"} <= {one.at["word"] for one in told}
    for one in told:
        sums = by_hand(held, str(one.at["word"]))
        expected = np.mean(sums) if one.name == "mean_attribution" else np.mean(np.abs(sums))
        assert one.n == len(sums) >= 5
        assert float(one.value) == pytest.approx(expected)
        if one.name == "mean_attribution":
            half = stats.t.ppf(0.975, len(sums) - 1) * np.std(sums, ddof=1) / np.sqrt(len(sums))
            assert one.low == pytest.approx(expected - half)


def test_words_that_decide_come_before_those_that_do_not(held: Audited) -> None:
    means = {
        str(one.at["word"]): float(one.value)
        for one in finding(held.run).measurements
        if one.name == "mean_attribution" and one.at["method"] == "shapley"
    }

    assert min(means[word] for word in ("lovely", "great", "fine", "honest")) > 0
    assert max(means[word] for word in ("awful", "broken", "late", "dull")) < 0
    assert max(abs(means[word]) for word in ("the", "a", "box")) < min(abs(means[word]) for word in ("lovely", "awful"))


def test_pieces_are_stored_with_the_rows(held: Audited) -> None:
    rows = held.rows()

    assert [split(cell) for cell in rows.column("subject.pieces.review")] == [text.split()[:8] for text in rows.column("subject.text.review")]


def test_it_has_no_meaning_for_a_table(tmp_path) -> None:
    run = audit(subjects.write_table_network(tmp_path), tmp_path / "runs", overrides=["only=['explanation.words', 'sanity.labels']"]).run

    assert finding(run).status == "not_applicable"
    assert finding(run).reason == "None of the network's inputs is a text."
