"""The tree of errors a user can meet; each message says what, what was found, what was expected, and the nearest legal choice.

::

    NetassayError               anything Netassay raises on purpose; exit code 2
    ├── ConfigError             the audit file: all of its problems at once
    ├── DataError               a data file, a column, a row
    ├── ModelError              loading or calling the network
    │   ├── UntrustedFileError  the file would run code, and trust was not given
    │   └── WeightsError        weights and architecture do not fit; tensors named
    ├── SubjectError            model, data and decision do not belong together
    ├── MethodError             a numerical method was asked for what it cannot do
    └── StoreError              the run folder
        ├── BusyError           another process writes the same run
        └── TamperedError       a sealed file differs from its manifest
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


class NetassayError(Exception):
    """A mistake the user can mend, told in one message; `exit_code` is what the command ends with."""

    exit_code = 2


class ConfigError(NetassayError):
    """An audit file, or a setting, is wrong; `problems` lists every fault found, one line each."""

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class DataError(NetassayError):
    """A data file cannot be read, or its content contradicts what was declared."""


class ModelError(NetassayError):
    """A network cannot be loaded, or its outputs are not what was declared."""


class UntrustedFileError(ModelError):
    """Reading the file would execute code from it, and no trust was given for its hash."""


class WeightsError(ModelError):
    """Weights do not fit the architecture; the message names the tensors."""


class SubjectError(NetassayError):
    """Model, data, groups and decision contradict each other."""


class MethodError(NetassayError):
    """A method was called outside its domain (shape, dtype, range)."""


class StoreError(NetassayError):
    """A run folder cannot be written, sealed or read."""


class BusyError(StoreError):
    """Another process is writing the same run or folder."""


class TamperedError(StoreError):
    """A sealed run differs from its manifest; `files` names each difference."""

    def __init__(self, message: str, files: Sequence[str] = ()) -> None:
        self.files = tuple(files)
        super().__init__(message)


def nearest(found: str, legal: Iterable[str], count: int = 3) -> str:
    """A phrase that names the legal choice nearest to `found`: ``did you mean 'x'?``, or the whole short list."""
    choices = sorted({str(choice) for choice in legal})
    close = difflib.get_close_matches(str(found), choices, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    shown = ", ".join(repr(choice) for choice in choices[: count * 4])
    more = f" and {len(choices) - count * 4} more" if len(choices) > count * 4 else ""
    return f"expected one of {shown}{more}" if choices else "nothing is allowed here"
