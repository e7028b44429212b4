"""The scale that attributions are on: raw outputs, or the log-odds of a mean probability; and what people are told of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from audit.declared_outputs import PROBABILISTIC
from audit.errors import MethodError
from audit.facts import Facts

LinkName = Literal["identity", "logit"]
NAMES = {
    "logits": "logits, as the network gives them",
    "log_probabilities": "log-probabilities, as the network gives them",
    "probabilities": "probabilities, as the network gives them",
    "score": "the score, as the network gives it",
    "reconstruction": "the score, as the network gives it",
    "decision": "the decision, as the network gives it",
    "quantity": "the quantity, as the network gives it",
}


def scale_words(facts: Facts, link: LinkName) -> str:
    """What attributions are amounts of."""
    return "log-odds of the mean probability over the background" if link == "logit" else NAMES[facts.output]


def on_scale(
    network: Callable[[Tensor], Tensor], facts: Facts, link: LinkName
) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor] | None]:
    """The network whose means are taken, and the link that is taken of these; raises MethodError for a logit of what is no probability."""
    if link == "identity":
        return network, None
    if facts.output not in PROBABILISTIC:
        raise MethodError(f"link 'logit' needs probabilities; the network gives {facts.output}")

    def probabilities(leaf: Tensor) -> Tensor:
        held = network(leaf).cpu().double()
        if facts.output == "probabilities":
            return held
        if facts.output == "log_probabilities":
            return held.exp()
        return held.sigmoid() if held.shape[1] == 1 or facts.task == "multilabel" else held.softmax(dim=1)

    return probabilities, lambda means: torch.logit(means, eps=1e-15)
