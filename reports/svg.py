"""Small pieces of SVG as strings: elements, text, a drawing with title and description. Colours live in the style sheet, as classes."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Literal

from reports.visible import visible

Anchor = Literal["start", "middle", "end"]


def element(name: str, attributes: Mapping[str, str | float], *children: str) -> str:
    """One element; children are SVG already."""
    inside = "".join(f' {key}="{_attribute(value)}"' for key, value in attributes.items())
    return f"<{name}{inside}>{''.join(children)}</{name}>" if children else f"<{name}{inside}/>"


def text(x: float, y: float, content: str, *, anchor: Anchor = "start", style: str = "") -> str:
    """A line of text, escaped."""
    attributes: dict[str, str | float] = {"x": x, "y": y}
    if anchor != "start":
        attributes["text-anchor"] = anchor
    if style:
        attributes["class"] = style
    return element("text", attributes, escape(visible(content)))


def line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    """A straight line."""
    return element("path", {"d": f"M{_number(x1)} {_number(y1)}L{_number(x2)} {_number(y2)}", "class": style})


def rectangle(x: float, y: float, width: float, height: float, style: str) -> str:
    """A rectangle."""
    return element("rect", {"x": x, "y": y, "width": max(width, 0.0), "height": max(height, 0.0), "class": style})


def path(points: list[tuple[float, float]], style: str, *, closed: bool = False) -> str:
    """A line through points."""
    steps = "L".join(f"{_number(x)} {_number(y)}" for x, y in points)
    return element("path", {"d": f"M{steps}{'Z' if closed else ''}", "class": style})


def drawing(identity: str, width: float, height: float, title: str, description: str, *parts: str) -> str:
    """A whole picture that a screen reader announces by title and description."""
    head = element("title", {"id": f"{identity}-t"}, escape(visible(title))) + element("desc", {"id": f"{identity}-d"}, escape(visible(description)))
    attributes: dict[str, str | float] = {
        "viewBox": f"0 0 {_number(width)} {_number(height)}",
        "role": "img",
        "aria-labelledby": f"{identity}-t {identity}-d",
        "class": "plot",
    }
    return element("svg", attributes, head, *parts)


def _attribute(value: str | float) -> str:
    return escape(visible(value)) if isinstance(value, str) else _number(value)


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
