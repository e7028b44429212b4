"""Cost of 40 steps of PGD against 40 bare forward and backward passes; run as ``python -m tests.benchmarks.robustness``."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from audit.methods.robustness.losses import cross_entropy, decide
from audit.methods.robustness.neighbourhood import neighbourhood
from audit.methods.robustness.pgd import pgd

STEPS, ROWS, ENTRIES, REPEATS = 40, 1024, 64, 15


def main() -> None:
    """Print both processor times on one thread and their ratio, each the best of several, interleaved."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    network = torch.nn.Sequential(
        torch.nn.Linear(ENTRIES, 256), torch.nn.ReLU(), torch.nn.Linear(256, 256), torch.nn.ReLU(), torch.nn.Linear(256, 10)
    ).requires_grad_(False)
    inputs = torch.randn(ROWS, ENTRIES)
    target = decide(network(inputs))
    # A radius at which hardly any row gives way, so that no time is saved by rows that leave early.
    space = neighbourhood(inputs, low=inputs - 9, high=inputs + 9, radius=torch.full((ENTRIES,), 1e-6), mutable=torch.ones(ENTRIES, dtype=torch.bool))

    def bare() -> None:
        for _ in range(STEPS):
            leaf = inputs.detach().requires_grad_(True)
            torch.autograd.grad(torch.nn.functional.cross_entropy(network(leaf), target, reduction="sum"), leaf)

    def attack() -> None:
        pgd(network, space, target, scale=torch.ones(ROWS), starts=inputs[None], loss=cross_entropy, steps=STEPS)

    times = [(_seconds(bare), _seconds(attack)) for _ in range(REPEATS)]
    passes, attacked = min(t[0] for t in times), min(t[1] for t in times)
    print(f"{STEPS} passes {passes:.3f} s, PGD-{STEPS} {attacked:.3f} s, ratio {attacked / passes:.2f}")


def _seconds(call: Callable[[], None]) -> float:
    started = time.process_time()
    call()
    return time.process_time() - started


if __name__ == "__main__":
    main()
