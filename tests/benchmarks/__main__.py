"""Runs the benchmarks: ``python -m tests.benchmarks --family attribution --device cpu``; prints a table and writes bench.json."""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import torch

from tests import benchmarks
from tests.benchmarks.figure import Figure


def main() -> int:
    """Measure, print a line for each figure, write ``bench.json``.

    A goal that is missed is a result, not a failure; with ``--gate`` a figure behind its gate is named and ends in 1.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Measure figures of merit and hold them against their goals.")
    modules = list(_modules())
    parser.add_argument("--family", choices=sorted({module.FAMILY for module in modules}), help="one family; all when left out")
    parser.add_argument("--device", default="cpu", help="device of the networks, such as cpu or cuda")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="cores for ours and the peers alike; all when left out")
    parser.add_argument("--quick", action="store_true", help="fewer rounds and rows; figures are rougher")
    parser.add_argument("--gate", action="store_true", help="end with 1 when a figure is behind its gate, and name it")
    asked = parser.parse_args()
    chosen = [module for module in modules if asked.family in {None, module.FAMILY}]
    figures = []
    torch.set_num_threads(asked.threads)
    for module in chosen:
        for figure in module.figures(asked.device, asked.quick):
            figures.append(figure)
            print(_line(figure), flush=True)
    Path("bench.json").write_text(json.dumps([figure.plain() for figure in figures], indent=1) + "\n", encoding="utf-8")
    print(f"{sum(figure.met for figure in figures)} of {len(figures)} goals met; written to bench.json")
    missed = [figure for figure in figures if not figure.passes]
    for figure in missed:
        print(f"behind its gate: {figure.family}: {figure.figure}: {figure.value:.3g}, gate {_bound(figure, figure.limit)}")
    return 1 if asked.gate and missed else 0


def _modules() -> Iterator[ModuleType]:
    """Modules of this folder that offer a family of figures."""
    for info in pkgutil.iter_modules(benchmarks.__path__):
        if not info.name.startswith("_"):
            module = importlib.import_module(f"tests.benchmarks.{info.name}")
            if hasattr(module, "FAMILY"):
                yield module


def _line(figure: Figure) -> str:
    mark = "met" if figure.met else "NOT MET" if figure.passes else "BEHIND GATE"
    goal, gate = _bound(figure, figure.goal), f"(gate {_bound(figure, figure.limit)})"
    return f"{figure.family:<12} {figure.figure:<64} {figure.value:>10.3g}  {goal:<10} {gate:<18} {mark:<11} {figure.detail}"


def _bound(figure: Figure, bound: float) -> str:
    return f"{'≥' if figure.better == 'higher' else '≤'} {bound:.4g}"


if __name__ == "__main__":
    sys.exit(main())
