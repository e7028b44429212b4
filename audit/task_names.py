"""Names of tasks and of kinds of output as people write them: known ones stand, misspelt ones are told the nearest, others are refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from audit.errors import nearest
from audit.facts import OutputKind, Task

REFUSED_TASKS: Mapping[str, tuple[str, ...]] = {
    "Detection of objects": ("detection", "object_detection"),
    "Segmentation": ("segmentation", "semantic_segmentation", "instance_segmentation", "panoptic_segmentation"),
    "Translation": ("translation", "machine_translation", "summarization", "summarisation"),
    "Question answering": ("question_answering", "qa", "extractive_question_answering"),
    "Tagging of tokens": ("tagging", "token_classification", "ner", "named_entity_recognition", "sequence_labeling", "sequence_labelling"),
    "Generation": ("generation", "text_generation", "image_generation", "generative", "language_modeling", "language_modelling"),
}
"""Tasks that networks are trained for and that are not audited: the words they are refused by, and the names they go by."""
MEANT_TASKS: Mapping[str, str] = {
    "binary_classification": "binary",
    "multiclass_classification": "multiclass",
    "classification": "multiclass",
    "multi_class": "multiclass",
    "multi_label": "multilabel",
    "anomaly_detection": "anomaly",
    "outlier_detection": "anomaly",
    "novelty_detection": "anomaly",
}
"""Other names of tasks that are audited."""


def known_task(value: Any) -> Any:
    """`value` when it is a task, or no text at all; raises ValueError naming what is refused, or the nearest task."""
    if not isinstance(value, str) or value in get_args(Task):
        return value
    name = value.strip().lower().replace("-", "_").replace(" ", "_")
    refused = next((words for words, names in REFUSED_TASKS.items() if name in names), None)
    if refused is not None:
        raise ValueError(f"{refused} is not audited: a row must have one decision, one set of labels, one quantity or one score; found {value!r}")
    raise ValueError(f"there is no task {value!r}: {nearest(MEANT_TASKS.get(name, name), get_args(Task))}")


def known_output(value: Any) -> Any:
    """`value` when it is a kind of output, or no text at all; raises ValueError naming the nearest."""
    if not isinstance(value, str) or value in get_args(OutputKind):
        return value
    raise ValueError(f"there is no kind of output {value!r}: {nearest(value.strip().lower(), get_args(OutputKind))}")
