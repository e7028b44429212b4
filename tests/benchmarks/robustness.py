"""Cost of 40 steps of PGD against 40 bare forward and backward passes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import torch

from audit.methods.robustness.losses import cross_entropy, decide
from audit.methods.robustness.neighbourhood import neighbourhood
from audit.methods.robustness.pgd import pgd
from tests.benchmarks.figure import Figure

FAMILY = "robustness"
STEPS, ROWS, ENTRIES = 40, 1024, 64


def figures(device: str, quick: bool) -> Iterator[Figure]:
    """Both processor times on one thread, each the best of several, interleaved."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield _cost(device, rounds=5 if quick else 15)
    finally:
        torch.set_num_threads(threads)


def _cost(device: str, *, rounds: int) -> Figure:
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Linear(ENTRIES, 256), torch.nn.ReLU(), torch.nn.Linear(256, 256), torch.nn.ReLU(), torch.nn.Linear(256, 10)
    ).requires_grad_(False)
    network = network.to(device)
    inputs = torch.randn(ROWS, ENTRIES).to(device)
    target = decide(network(inputs))
    # A radius at which hardly any row gives way, so that no time is saved by rows that leave early.
    space = neighbourhood(
        inputs,
        low=inputs - 9,
        high=inputs + 9,
        radius=torch.full((ENTRIES,), 1e-6, device=device),
        mutable=torch.ones(ENTRIES, dtype=torch.bool, device=device),
    )

    def bare() -> None:
        for _ in range(STEPS):
            leaf = inputs.detach().requires_grad_(True)
            torch.autograd.grad(torch.nn.functional.cross_entropy(network(leaf), target, reduction="sum"), leaf)

    def attack() -> None:
        pgd(network, space, target, scale=torch.ones(ROWS, device=device), starts=inputs[None], loss=cross_entropy, steps=STEPS)

    times = [(_seconds(bare), _seconds(attack)) for _ in range(rounds)]
    passes, attacked = min(t[0] for t in times), min(t[1] for t in times)
    detail = f"{passes:.3f} s against {attacked:.3f} s"
    return Figure(FAMILY, f"PGD-{STEPS} over {STEPS} bare passes, CPU", attacked / passes, 1.1, "lower", detail)


def _seconds(call: Callable[[], None]) -> float:
    started = time.process_time()
    call()
    return time.process_time() - started
