"""The frame of a chart with two numeric axes: light grid, tick labels, axis names."""

from __future__ import annotations

from dataclasses import dataclass

from reports import svg
from reports.axis import Axis
from reports.numbers import ticks
from reports.visible import label

WIDTH = 720.0
"""Width of every chart, in its own units."""


@dataclass(frozen=True)
class Frame:
    """The area between two axes."""

    x: Axis
    y: Axis
    x_label: str
    y_label: str

    def draw(self) -> str:
        """Grid, ticks and names."""
        left, right, bottom, top = self.x.start, self.x.end, self.y.start, self.y.end
        parts = [svg.line(left, self.y(tick), right, self.y(tick), "grid") for tick in self.y.ticks]
        up, along = zip(self.y.ticks, ticks(self.y.ticks), strict=True), zip(self.x.ticks, ticks(self.x.ticks), strict=True)
        parts += [svg.text(left - 8, self.y(t) + 4, word, anchor="end", style="tick") for t, word in up]
        parts += [svg.text(self.x(t), bottom + 18, word, anchor="middle", style="tick") for t, word in along]
        parts.append(svg.line(left, bottom, right, bottom, "axis"))
        parts.append(svg.text((left + right) / 2, bottom + 38, label(self.x_label, 80), anchor="middle", style="name"))
        parts.append(svg.text(0, top - 12, label(self.y_label, 80), style="name"))
        return "".join(parts)


def baseline(x: Axis, top: float, bottom: float, x_label: str) -> str:
    """Vertical grid and ticks under a list of categories."""
    parts = [svg.line(x(tick), top, x(tick), bottom, "grid") for tick in x.ticks]
    parts += [svg.text(x(t), bottom + 16, word, anchor="middle", style="tick") for t, word in zip(x.ticks, ticks(x.ticks), strict=True)]
    parts.append(svg.line(x.start, bottom, x.end, bottom, "axis"))
    parts.append(svg.text((x.start + x.end) / 2, bottom + 36, label(x_label, 70), anchor="middle", style="name"))
    return "".join(parts)
