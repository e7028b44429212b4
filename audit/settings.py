"""Settings of checks and probes: the keyword-only parameters of a function, with their true defaults."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from audit.errors import ConfigError, nearest


@dataclass(frozen=True)
class Settings:
    """Names, types and defaults of the settings of one function."""

    defaults: Mapping[str, Any]
    types: Mapping[str, Any]

    def resolve(self, given: Mapping[str, Any], where: str) -> dict[str, Any]:
        """`given` over the defaults; raises ConfigError that names every unknown or ill-typed setting of `where`."""
        problems = [f"{where}: unknown setting {name!r}: {nearest(name, self.defaults)}" for name in given if name not in self.defaults]
        resolved = dict(self.defaults)
        for name, value in given.items():
            if name in self.types:
                try:
                    resolved[name] = convert(value, self.types[name])
                except (TypeError, ValueError) as error:
                    problems.append(f"{where}: setting {name!r} is {value!r}; expected {describe_type(self.types[name])} ({error})")
        if problems:
            raise ConfigError(problems)
        return resolved


def read_settings(function: Callable[..., Any]) -> Settings:
    """The keyword-only parameters of `function`; raises TypeError when one has no default or no annotation."""
    hints = typing.get_type_hints(function)
    parameters = [p for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]
    for parameter in parameters:
        if parameter.default is parameter.empty or parameter.name not in hints:
            raise TypeError(f"{function.__qualname__}: setting {parameter.name!r} needs a default and a type")
    return Settings({p.name: p.default for p in parameters}, {p.name: hints[p.name] for p in parameters})


def convert(value: Any, kind: Any) -> Any:
    """`value` as `kind` (bool, int, float, str, Literal, tuple[X, ...], X | None); raises TypeError or ValueError, never guesses."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return _first_that_fits(value, arguments)
    if origin is typing.Literal and value not in arguments:
        raise ValueError(nearest(str(value), [str(a) for a in arguments]))
    if origin is typing.Literal:
        return value
    if origin is tuple and isinstance(value, (list, tuple)):
        return tuple(convert(item, arguments[0]) for item in value)
    return _scalar(value, kind)


def _first_that_fits(value: Any, options: tuple[Any, ...]) -> Any:
    if value is None and type(None) in options:
        return None
    for option in (a for a in options if a is not type(None)):
        try:
            return convert(value, option)
        except (TypeError, ValueError):
            continue
    raise TypeError("none of the alternatives fits")


def _scalar(value: Any, kind: Any) -> Any:
    number = isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)
    if kind is float and number:
        return float(value)
    if kind is int and number and isinstance(value, int):
        return value
    if kind in (bool, str) and isinstance(value, kind):
        return value
    raise TypeError(f"found {type(value).__name__}")


def describe_type(kind: Any) -> str:
    """A reader's name for a type."""
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return "one of " + ", ".join(repr(a) for a in arguments)
    if origin is tuple:
        return f"a list, each {describe_type(arguments[0])}"
    if origin in (typing.Union, types.UnionType):
        return " or ".join("nothing" if a is type(None) else describe_type(a) for a in arguments)
    return names.get(kind, str(kind))
