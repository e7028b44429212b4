"""The check `fairness.protected_inputs`: whether the network is given a protected attribute, declared or not."""

from __future__ import annotations

from audit.chart_kinds import TableChart
from audit.check import check
from audit.data.protected_names import is_protected
from audit.ledger import Ledger
from audit.results import Evidence, Scalar
from audit.rows import Rows

SHOWN = 60


@check(
    title="Protected attributes among the inputs",
    topics=("fairness", "protected_attributes"),
    measures=("protected_inputs", "inputs_named_like_protected"),
    needs={"inputs"},
)
def protected_inputs(rows: Rows) -> Evidence:
    """Is the network given a protected attribute?

    Why it matters:
        Some laws forbid that certain attributes play a part in a decision at all, others ask for it in order to correct for the past. Either
        way it must be known, and a network can be given such a column without anybody having meant it.

    How to read it:
        The first number counts inputs that are the column of a declared group. The second counts further inputs whose names sound like a
        protected attribute, such as age or marital status; a name is a hint to ask a person, and nothing more. Both are listed. For declared
        ones fairness.individual tells how many decisions change when nothing but the attribute is changed.

    What it cannot show:
        Whether other inputs stand in for an attribute (see fairness.proxies), or whether using one is lawful. A column with a name that
        tells nothing, or in another language, is not found.

    References:
        12 CFR 1002.6(b), Equal Credit Opportunity Act (Regulation B), rules concerning evaluation of applications
    """
    ledger, schema = Ledger(), rows.facts.schema.columns
    groups = {spec.column: spec.name.partition(": ")[0] for spec in rows.facts.groups}
    declared = [column.name for column in schema if column.name in groups]
    alike = [column.name for column in schema if column.name not in groups and column.single and is_protected(column.name)]
    ledger.exact("protected_inputs", len(declared), len(schema), unit="columns", method="count of inputs")
    ledger.exact("inputs_named_like_protected", len(alike), len(schema), unit="columns", method="count of inputs")
    cells: list[list[Scalar]] = [[name, f"declared as {groups[name]}"] for name in declared]
    cells += [[name, "by its name only"] for name in alike]
    notes = [f"{len(cells) - SHOWN:,} more are not listed."] if len(cells) > SHOWN else []
    charts = [TableChart(title="Inputs that are or sound like protected attributes", columns=("input", "why"), rows=cells[:SHOWN])] if cells else []
    return ledger.evidence(charts, notes)
