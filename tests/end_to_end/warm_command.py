"""Runs ``netassay`` commands in processes of their own that start with the libraries loaded: a process that has loaded them is forked for each.

Reads requests from standard input, one JSON object a line with `arguments`, `cwd`, `environment`, `out`, `err` and `timeout`, and answers each with a
line: the exit code, or null when the time was over. Ends with its input.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import signal
import sys
import time
import traceback
from typing import Any, NoReturn

from audit import discovery
from audit.cli import main

LIBRARIES = (
    *("torch.fx.experimental.proxy_tensor", "torch._inductor.config", "scipy.stats", "scipy.optimize", "pandas", "pyarrow.parquet"),
    *("sklearn.ensemble", "sklearn.linear_model", "matplotlib.pyplot", "captum.attr", "lime.lime_tabular", "fairlearn.metrics"),
    *("audit.runner", "audit.open_subject", "audit.witnesses.interpreted_shap", "reports.html"),
)


def _load() -> None:
    for name in LIBRARIES:
        importlib.import_module(name)
    discovery.checks()
    for probe_id in discovery.probe_ids():
        discovery.probe(probe_id)


def _become(request: dict[str, Any]) -> NoReturn:
    """The command, as if this process had been started for it."""
    os.setsid()
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environment"])
    for number, name in enumerate((os.devnull, request["out"], request["err"])):
        os.dup2(os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC), number)
    sys.argv[:] = ["netassay", *request["arguments"]]
    sys.path[0] = request["cwd"]
    code: object = 1
    try:
        main()
    except SystemExit as stop:
        code = stop.code
    except BaseException:  # noqa: BLE001  what Python itself would print
        traceback.print_exc()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else code is not None)


def _waited(child: int, seconds: float) -> int | None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _serve() -> None:
    _load()
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if not child:
            _become(request)
        sys.stdout.write(json.dumps(_waited(child, request["timeout"])) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
