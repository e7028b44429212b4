"""A hand-made run that uses every field: all statuses, all chart kinds, limits, absences, errors. Used by the report's tests."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

from audit.chart_kinds import BarChart, HeatMap, Histogram, ImageOverlay, LineChart, Mark, Scatter, Series, SeriesStrip, TableChart, TextHighlight
from audit.results import Absent, AuditRun, Card, Criterion, Finding, Judgement, Measurement, ProbeRecord, Simultaneous, Status, count_statuses

CARD = Card(
    question="Do groups get the favourable decision at different rates?",
    why="A decision that is rarer for one group can shut people out.\n\nThe rate is what an applicant meets first.",
    how_to_read="Each dot is the rate of one group. The line through it is the 95 % interval. Where intervals are wide, few rows stand behind the dot.",
    cannot_show="It cannot show whether a difference is justified, nor what causes it.",
    references=("29 CFR 1607.4(D)", "Katz et al. 1978, doi 10.2307/2530610"),
)


def sample_run() -> AuditRun:
    """The run."""
    findings = (
        _selection(),
        _error_rates(),
        _calibration(),
        _explanations(),
        _overlap(),
        _stability(),
        _perturbation(),
        _broken(),
        _anomalies(),
        _images(),
    )
    return AuditRun(
        schema=1,
        id="20261122T214500Z-7f3a9c",
        name="Mortgage approval network",
        started="2026-11-22T21:45:00Z",
        seconds=83.4,
        seed=7,
        config={
            "name": "Mortgage approval network",
            "purpose": "Recommends approval of a mortgage application to a loan officer.",
            "seed": 7,
            "model": {"architecture": "sample_models.lending.model:build", "output": "logits", "task": "binary"},
            "decision": {"threshold": "0.5", "favourable": [1]},
        },
        criteria_fixed_at="2026-11-22T21:45:00Z",
        subject=_subject(),
        encoder={
            "kind": "table",
            "columns": {"obrat": {"encode": "standard", "mean": 32.39, "scale": 8.26}, "married": {"encode": "one_hot", "levels": ["no", "yes"]}},
        },
        probes=_probes(),
        statuses=count_statuses(findings),
        findings=findings,
        versions={"python": "3.11.9", "netassay": "0.1.0", "numpy": "2.4.6", "torch": "2.13.0"},
    )


def finding(check: str, title: str, status: Status, reason: str, **fields: Any) -> Finding:
    """A finding with plain defaults for what a test does not care about."""
    defaults: dict[str, Any] = {
        "topics": ("topic",),
        "seconds": 0.25,
        "settings": {"resamples": 2000, "confidence": 0.95},
        "criteria": (),
        "measurements": (),
        "absent": (),
        "notes": (),
        "blockers": (),
        "charts": (),
        "card": CARD,
    }
    return Finding(check=check, title=title, status=status, reason=reason, **(defaults | fields))


def many(run: AuditRun, *, findings: int, measurements: int) -> AuditRun:
    """`run` with many copies of its first finding, each with many measurements and long charts."""
    first = run.findings[0]
    rows = tuple(
        replace(first.measurements[0], slice={"region": f"district {i}"}, value=0.5 + i / (4 * measurements), low=0.4, high=0.9)
        for i in range(measurements)
    )
    names = [f"district {i}" for i in range(measurements)]
    chart = BarChart(
        title="Rates", categories=names, values=[m.value for m in rows], low=[0.4] * measurements, high=[0.9] * measurements, n=[50] * measurements
    )
    copies = tuple(replace(first, check=f"fairness.copy_{i}", measurements=rows, judgements=(), charts=(chart, chart)) for i in range(findings))
    return replace(run, findings=copies)


def _selection() -> Finding:
    rates = {"female": (0.7812, 0.672, 0.863, 76), "male": (0.9034, 0.889, 0.917, 1802), "unknown": (0.8421, 0.702, 0.933, 38)}
    measurements = [
        Measurement(
            name="impact_ratio",
            value=0.86474,
            low=0.7512,
            high=0.9546,
            n=76,
            slice={"sex": "female"},
            versus={"sex": "male"},
            unit="ratio",
            method="ratio of rates, Katz log interval",
            counts={"selected": 59, "rows": 76},
        ),
        Measurement(
            name="impact_ratio",
            value=0.7432,
            low=0.6521,
            high=0.7814,
            n=197,
            slice={"race": "black"},
            versus={"race": "white"},
            unit="ratio",
            method="ratio of rates, Katz log interval",
            counts={"selected": 133, "rows": 197},
        ),
        Measurement(
            name="selection_gap",
            value=-0.1222,
            low=-0.2314,
            high=-0.0402,
            n=76,
            slice={"sex": "female"},
            versus={"sex": "male"},
            unit="proportion",
            method="difference of rates, Newcombe interval",
            simultaneous=Simultaneous(low=-0.2611, high=-0.0107, comparisons=6, method="Bonferroni"),
        ),
        *(
            Measurement(name="selection_rate", value=v, low=lo, high=hi, n=n, slice={"sex": g}, unit="proportion", method="Wilson interval")
            for g, (v, lo, hi, n) in rates.items()
        ),
    ]
    limit = Criterion(
        measurement="impact_ratio",
        minimum=Decimal("0.8"),
        rule="four_fifths",
        because="House policy LP-7 asks for a second look below four fifths",
        source="29 CFR 1607.4(D)",
        owner="Model risk",
    )
    return finding(
        "fairness.selection_rates",
        "Selection rates by group",
        "outside",
        "Impact ratio for race = black versus race = white is 0.743 (95 % interval 0.652 to 0.781), wholly beyond the limit (at least 0.8).",
        measurements=tuple(measurements),
        criteria=(limit,),
        judgements=(
            Judgement(measurement=0, criterion=0, status="inconclusive", reason="The interval straddles the limit."),
            Judgement(measurement=1, criterion=0, status="outside", reason="The interval is beyond the limit."),
        ),
        absent=(
            Absent(
                name="impact_ratio",
                reason="Only 3 rows are in this group; at least 5 are needed.",
                n=3,
                slice={"race": "other"},
                versus={"race": "white"},
            ),
        ),
        notes=("Group membership is unknown for 38 of 1,916 rows; they are counted as their own group.",),
        charts=(
            BarChart(
                title="Selection rate by group",
                categories=["female", "male", "unknown", "black", "hispanic", "white", "other"],
                values=[0.7812, 0.9034, 0.8421, 0.6751, 0.7664, 0.9083, None],
                low=[0.672, 0.889, 0.702, 0.607, 0.679, 0.894, None],
                high=[0.863, 0.917, 0.933, 0.737, 0.837, 0.921, None],
                n=[76, 1802, 38, 197, 107, 1609, 3],
                x_label="Share of applications with the favourable decision",
                marks=(Mark(value=0.877, label="all rows"),),
            ),
            BarChart(
                title="Impact ratio",
                categories=["female / male", "black / white", "hispanic / white"],
                values=[0.86474, 0.7432, 0.8438],
                low=[0.7512, 0.6521, 0.7601],
                high=[0.9546, 0.7814, 0.9367],
                n=[76, 197, 107],
                x_label="Ratio of rates",
                scale="log",
                marks=(Mark(value=0.8, label="limit"), Mark(value=1.0, label="equal rates")),
            ),
        ),
    )


def _error_rates() -> Finding:
    measurements = tuple(
        Measurement(
            name="true_positive_rate_gap",
            value=v,
            low=lo,
            high=hi,
            n=n,
            slice={"race": g},
            versus={"race": "white"},
            at={"class": "approve"},
            unit="proportion",
            method="difference of rates, Newcombe interval",
        )
        for g, v, lo, hi, n in (("black", -0.0811, -0.1514, -0.0309, 133), ("hispanic", -0.0212, -0.0807, 0.0134, 82))
    )
    return finding(
        "fairness.error_rates", "Error rates by group", "informative", "No limit was declared, so nothing was judged.", measurements=measurements
    )


def _calibration() -> Finding:
    grid = [i / 10 for i in range(11)]
    curves = (
        Series(
            name="all rows",
            x=grid,
            y=[0.02, 0.09, 0.17, 0.33, 0.38, 0.52, 0.63, 0.69, 0.83, 0.91, 0.98],
            low=[max(0, g - 0.07) for g in grid],
            high=[min(1, g + 0.08) for g in grid],
        ),
        Series(name="race = black", x=grid, y=[0.01, 0.05, 0.11, 0.22, 0.31, 0.43, 0.49, 0.61, 0.72, 0.83, 0.94]),
    )
    measurement = Measurement(
        name="expected_calibration_error",
        value=0.0412,
        low=0.0287,
        high=0.0611,
        n=1916,
        unit="proportion",
        method="15 equal-mass bins, bootstrap of rows, 2000 resamples",
    )
    limit = Criterion(
        measurement="expected_calibration_error",
        maximum=Decimal("0.05"),
        because="Scores are read as probabilities by the loan officer",
        source="House policy LP-9",
        owner="Credit analytics",
    )
    return finding(
        "performance.calibration",
        "Calibration of the scores",
        "inconclusive",
        "Expected calibration error is 4.1 % (95 % interval 2.9 % to 6.1 %), which straddles the limit (at most 0.05).",
        measurements=(measurement,),
        criteria=(limit,),
        judgements=(Judgement(measurement=0, criterion=0, status="inconclusive", reason="It straddles."),),
        charts=(
            LineChart(title="Predicted and observed shares", series=curves, x_label="Predicted probability", y_label="Observed share", diagonal=True),
            Histogram(
                title="Scores by group",
                edges=grid,
                series={"white": [12, 20, 31, 40, 52, 80, 122, 210, 402, 640], "black": [10, 14, 17, 20, 21, 22, 25, 27, 24, 17]},
                x_label="Predicted probability",
            ),
        ),
    )


def _explanations() -> Finding:
    gap = Measurement(name="completeness_gap", value=0.00031, n=400, unit="proportion", method="Shapley values, 64 background rows, 2048 coalitions")
    technical = Criterion(
        measurement="completeness_gap",
        maximum=Decimal("0.01"),
        rule="point",
        because="Attributions must add up to the output",
        source="definition of the method",
        technical=True,
    )
    return finding(
        "attribution.global_importance",
        "What the score is associated with",
        "within",
        "Completeness gap is 0.031 %, inside the limit (at most 0.01).",
        measurements=(
            gap,
            *(
                Measurement(
                    name="mean_absolute_attribution",
                    value=v,
                    low=v - 0.03,
                    high=v + 0.03,
                    n=400,
                    at={"column": c},
                    unit="log-odds",
                    method="mean over rows",
                )
                for c, v in (("credit history", 0.912), ("debt to income", 0.541), ("loan to value", 0.403), ("married", 0.114))
            ),
        ),
        criteria=(technical,),
        judgements=(Judgement(measurement=0, criterion=0, status="within", reason="Inside."),),
        charts=(
            HeatMap(
                title="Attribution by column and group",
                rows=["credit history", "debt to income", "loan to value", "married"],
                columns=["female", "male", "black", "white"],
                values=[[0.42, 0.31, -0.92, 0.55], [-0.11, -0.08, -0.31, 0.12], [0.02, 0.05, None, 0.01], [0.1, -0.02, 0.03, 0.0]],
                x_label="Group",
                y_label="Column",
            ),
            Scatter(
                title="Debt to income and its attribution",
                x=[10 + i * 0.9 for i in range(60)],
                y=[0.8 - i * 0.03 + (i % 7) * 0.05 for i in range(60)],
                names=["approved by rule" if i % 3 else "manual review" for i in range(60)],
                x_label="Debt to income (% of income)",
                y_label="Attribution (log-odds)",
            ),
        ),
    )


def _overlap() -> Finding:
    return finding("data.overlap", "Rows seen in training", "not_assessed", "No reference data was declared.")


def _stability() -> Finding:
    return finding("data.drift_over_time", "Change over time", "not_applicable", "The data has no time column.")


def _perturbation() -> Finding:
    curve = Series(
        name="unchanged decisions",
        x=[0.0, 0.01, 0.02, 0.05, 0.1],
        y=[1.0, 0.97, 0.93, 0.81, 0.6],
        low=[1.0, 0.95, 0.91, 0.77, 0.55],
        high=[1.0, 0.98, 0.95, 0.84, 0.65],
    )
    other = Series(name="random noise", x=[0.0, 0.01, 0.02, 0.05, 0.1], y=[1.0, 0.995, 0.99, 0.97, 0.93])
    return finding(
        "robustness.small_changes",
        "Small changes of the inputs",
        "attention",
        "The attack did not converge on 31 of 400 rows, so the true share can be lower.",
        measurements=(
            Measurement(
                name="unchanged_share",
                value=0.8112,
                low=0.7702,
                high=0.8464,
                n=400,
                at={"radius": 0.05, "norm": "inf"},
                unit="proportion",
                method="Wilson interval",
            ),
        ),
        blockers=("The attack did not converge on 31 of 400 rows.",),
        charts=(
            LineChart(
                title="Share of decisions that stay the same",
                series=(curve, other),
                x_label="Radius (share of the column's range)",
                y_label="Share of rows",
                marks=(Mark(value=0.9, label="limit of the house"),),
            ),
        ),
    )


def _broken() -> Finding:
    return finding(
        "robustness.noise",
        "Noise on the inputs",
        "error",
        "The check broke: ZeroDivisionError: division by zero",
        trace='Traceback (most recent call last):\n  File "noise.py", line 7, in noise\n    return 1 / 0\nZeroDivisionError: division by zero\n',
    )


def _anomalies() -> Finding:
    table = TableChart(
        title="Columns with the most unusual values",
        columns=["column", "unusual rows", "largest distance"],
        rows=[["obrat", 12, 6.21], ["loanprc", 4, 5.02], ["unknown", None, None]],
    )
    return finding(
        "anomaly.unusual_rows",
        "Unusual rows",
        "informative",
        "No limit was declared, so nothing was judged.",
        measurements=(
            Measurement(name="unusual_share", value=0.00836, low=0.0052, high=0.0134, n=1916, unit="proportion", method="Wilson interval"),
        ),
        charts=(table,),
    )


def _images() -> Finding:
    image = [[float((r * 3 + c * 5) % 17) for c in range(12)] for r in range(12)]
    overlay = [[float(((r - 5) * (c - 6)) % 9 - 4) for c in range(12)] for r in range(12)]
    return finding(
        "attribution.pictures",
        "Where the network looks",
        "informative",
        "No limit was declared, so nothing was judged.",
        charts=(
            ImageOverlay(title="One picture and its attribution", image=image, overlay=overlay),
            ImageOverlay(title="A stored picture", array="picture-1.npy"),
            SeriesStrip(
                title="One series and its attribution",
                channels=("pulse", "temperature"),
                values=[[math.sin(step / 4) for step in range(60)], [36.5 + step / 60 if step < 45 else None for step in range(60)]],
                attributions=[[0.4 if 20 <= step < 30 else 0.0 for step in range(60)], [-0.2 if step < 10 else 0.0 for step in range(60)]],
            ),
            TextHighlight(
                title="One text and its attribution",
                pieces=[
                    "The",
                    "room",
                    "was",
                    "clean",
                    ",",
                    "but",
                    "nobody",
                    "ever",
                    "answered",
                    "the",
                    "bell",
                    "and",
                    "we",
                    "waited",
                    "an",
                    "hour",
                    "in",
                    "the",
                    "rain",
                    ".",
                ],
                values=[0.0, 0.1, 0.0, 0.9, 0.0, -0.1, -0.4, 0.0, -0.2, 0.0, -0.1, 0.0, 0.0, -0.8, 0.0, -0.3, 0.0, 0.0, -0.5, 0.0],
            ),
        ),
    )


def _subject() -> dict[str, Any]:
    return {
        "model": {
            "architecture": "sample_models.lending.model:build",
            "parameters": 2113,
            "sha256": "9b1d0a4e" * 8,
            "capabilities": ["gradients", "modules"],
        },
        "data": {"evaluate": {"rows": 1916, "sha256": "51c3f0aa" * 8}, "calibration": {"rows": 500, "sha256": "77aa01ff" * 8}},
        "task": "binary",
        "output": "logits",
        "classes": ["0", "1"],
        "favourable": [1],
        "threshold": 0.5,
        "label": "approve",
        "label_kind": "past_decision",
        "label_unit": "",
        "census": False,
        "roles": {"label": "approve"},
        "groups": [
            {"name": "sex", "column": "sex", "levels": ["female", "male"], "reference": None, "shares": {}},
            {"name": "race", "column": "race", "levels": ["black", "hispanic", "white"], "reference": "white", "shares": {}},
        ],
        "columns": [{"name": name, "kind": "numeric", "unit": "", "levels": [], "immutable": False} for name in ("obrat", "loanprc", "married")],
    }


def _probes() -> tuple[ProbeRecord, ...]:
    columns = {"score": {"unit": "", "dtype": "float64", "about": "Score"}}
    return (
        ProbeRecord(
            id="outputs",
            instance="outputs",
            scope="rows",
            status="measured",
            reason="",
            settings={},
            rows=1916,
            seconds=0.8,
            columns=columns,
            blocks_reused=1,
            blocks=2,
        ),
        ProbeRecord(
            id="attribution.shapley",
            instance="attribution.shapley",
            scope="rows",
            status="measured",
            reason="",
            settings={"background": 64, "coalitions": 2048},
            rows=400,
            seconds=61.2,
            columns={},
            blocks=4,
            failed_rows=12,
        ),
        ProbeRecord(
            id="data.overlap",
            instance="data.overlap",
            scope="rows",
            status="not_assessed",
            reason="No reference data was declared.",
            settings={},
            rows=0,
            seconds=0.0,
            columns={},
        ),
    )
