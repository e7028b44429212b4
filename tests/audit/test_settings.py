"""Settings are the signature: unknown and ill-typed ones are refused with the legal names."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import pytest

from audit.errors import ConfigError
from audit.settings import read_settings


def example(
    rows: object, *, bins: int = 10, level: float = 0.5, kind: Literal["a", "b"] = "a", names: tuple[str, ...] = (), top: int | None = None
) -> None:
    """Nothing."""


def test_defaults_are_those_of_the_signature() -> None:
    assert read_settings(example).resolve({}, "x") == {"bins": 10, "level": 0.5, "kind": "a", "names": (), "top": None}


def test_values_are_converted_only_without_loss() -> None:
    given = {"level": Decimal("0.25"), "names": ["p", "q"], "top": 3}

    resolved = read_settings(example).resolve(given, "x")

    assert (resolved["level"], resolved["names"], resolved["top"]) == (0.25, ("p", "q"), 3)


@pytest.mark.parametrize(
    "given", [{"bins": 1.5}, {"bins": True}, {"bins": "3"}, {"level": "much"}, {"kind": "c"}, {"names": "p"}, {"names": [1]}, {"top": "x"}]
)
def test_an_ill_typed_value_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="expected"):
        read_settings(example).resolve(given, "checks.x")


def test_an_unknown_setting_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'bins'"):
        read_settings(example).resolve({"bin": 3}, "checks.x")


def test_all_problems_come_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        read_settings(example).resolve({"bin": 3, "level": "x"}, "checks.x")
    assert len(caught.value.problems) == 2


def test_a_setting_without_a_default_is_a_programming_error() -> None:
    def wrong(rows: object, *, bins: int) -> None:
        """Nothing."""

    with pytest.raises(TypeError, match="needs a default"):
        read_settings(wrong)
