"""Opens what an audit file names: rows, groups, model and what its outputs mean; refuses what does not belong together before any work."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pandas as pd

from audit.config import AuditConfig
from audit.config_file import ConfigFile
from audit.data.canonical import canonical_text
from audit.data.dataset import Dataset, GroupSpec, Schema
from audit.data.groups import fit_groups
from audit.errors import ConfigError, DataError, SubjectError, nearest
from audit.facts import Facts
from audit.flag_threshold import refuse_known_rows, with_threshold
from audit.open_companions import open_companions
from audit.open_data import column_roles, open_data
from audit.open_model import NO_TRUST, Trust, open_model
from audit.subject import Subject


def open_subject(file: ConfigFile, trust: Trust = NO_TRUST) -> Subject:
    """The subject an audit file describes.

    Raises ConfigError, DataError, ModelError or SubjectError, each in one clear message, before anything is measured.
    """
    config = file.config
    _refuse_label_as_prediction(config)
    opened = open_data(file)
    schema, datasets, encoder = opened.schema, opened.datasets, opened.encoder
    evaluate = datasets["evaluate"]
    groups = fit_groups(config.data.groups, evaluate)
    facts = _facts(config, schema, groups, evaluate)
    model = open_model(file, trust, evaluate, encoder)
    if config.decision.quantile is not None and encoder is not None:
        kept = refuse_known_rows(datasets.get("calibration"), datasets.get("reference"), evaluate)
        facts = with_threshold(facts, quantile=float(config.decision.quantile), model=model, calibration=kept, encoder=encoder)
    return Subject(
        model=model,
        evaluate=evaluate,
        reference=datasets.get("reference"),
        calibration=datasets.get("calibration"),
        encoder=encoder,
        facts=facts,
        roles=column_roles(config),
        seed=config.seed,
        companions=open_companions(file, trust, evaluate, encoder),
    )


def _refuse_label_as_prediction(config: AuditConfig) -> None:
    """A network held against its own outputs agrees with them in every row."""
    labels, predictions = (config.data.label, *config.data.labels), config.model.predictions
    both = [name for name in labels if predictions is not None and name in predictions.columns]
    if both:
        raise ConfigError(f"column {both[0]!r} is the label and the prediction; every number against labels would be perfect: name two columns")


def _facts(config: AuditConfig, schema: Schema, groups: tuple[GroupSpec, ...], evaluate: Dataset) -> Facts:
    classes = config.model.classes or _default_classes(config, evaluate)
    if config.data.labels and len(config.data.labels) != len(classes):
        raise ConfigError(f"data.labels names {len(config.data.labels)} columns for the {len(classes)} labels of model.classes")
    facts = Facts(
        task=config.model.task,
        output=config.model.output,
        classes=classes,
        favourable=_favourable(config, classes),
        threshold=_threshold(config),
        label=config.data.label,
        label_kind=config.data.label_kind,
        groups=groups,
        schema=schema,
        census=config.data.census,
        label_unit=config.data.label_unit,
        labels=config.data.labels,
        flag=config.decision.flag,
    )
    if facts.task == "multilabel":
        return replace(facts, thresholds=_thresholds(config, classes))
    if facts.output == "score" and facts.task == "binary" and facts.threshold is None:
        raise SubjectError("model.output is 'score', so decision.threshold must be declared; it is never assumed")
    if facts.task == "binary" and facts.threshold is None and facts.output != "decision":
        return replace(facts, threshold=0.5)
    return facts


def _threshold(config: AuditConfig) -> float | None:
    """The declared threshold, of the negative of a score whose low end is unusual."""
    declared = config.decision.threshold
    if declared is None:
        return None
    return -float(declared) if config.decision.flag == "low" else float(declared)


def _favourable(config: AuditConfig, classes: tuple[str, ...]) -> tuple[int, ...]:
    found = tuple(_position(str(value), classes, "decision.favourable") for value in config.decision.favourable)
    if config.model.task != "multilabel" and classes and len(set(found)) == len(classes):
        raise ConfigError("decision.favourable names every class, so that all decisions are favourable and every group is selected: leave one out")
    return found


def _default_classes(config: AuditConfig, evaluate: Dataset) -> tuple[str, ...]:
    if config.model.task == "regression":
        return ()
    if config.model.task in ("binary", "anomaly"):
        return ("0", "1")
    if config.model.task == "multilabel":
        return _label_names(config)
    if config.data.label is None:
        raise ConfigError("model.classes is missing: without labels the classes cannot be read from the data")
    found = {canonical_text(v) for block in evaluate.blocks(65_536) for v in pd.unique(block.values[config.data.label]) if not pd.isna(v)}
    if all(value.lstrip("-").isdigit() for value in found):
        return tuple(sorted(found, key=int))
    return tuple(sorted(found))


def _label_names(config: AuditConfig) -> tuple[str, ...]:
    given = config.model.predictions
    names = config.data.labels or (given.columns if given is not None else ())
    if not names:
        raise ConfigError("model.classes is missing: name the labels in the order of the outputs, or declare their columns in data.labels")
    return names


def _thresholds(config: AuditConfig, classes: tuple[str, ...]) -> tuple[float, ...]:
    """The threshold of each label: its own, else the common one, else 0.5 for probabilities."""
    own, common, output = config.decision.thresholds, config.decision.threshold, config.model.output
    for name in own:
        _position(name, classes, "decision.thresholds")
    missing = [name for name in classes if name not in own]
    if output == "score" and common is None and missing:
        raise SubjectError(f"model.output is 'score', so a threshold must be declared for {', '.join(missing)}; it is never assumed")
    return () if output == "decision" else tuple(float(own.get(name, common if common is not None else Decimal("0.5"))) for name in classes)


def _position(value: str, classes: tuple[str, ...], key: str) -> int:
    if value not in classes:
        raise DataError(f"{key} names class {value!r}: {nearest(value, classes)}")
    return classes.index(value)
