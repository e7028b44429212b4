"""shap with its loops as the Python they are written in: a witness runs them for a few rows, and compiling them first takes eight seconds."""

from __future__ import annotations

from numba import config

_settings = vars(config)
_before = _settings["DISABLE_JIT"]
_settings["DISABLE_JIT"] = True
try:
    import shap
finally:
    _settings["DISABLE_JIT"] = _before

__all__ = ["shap"]
