"""The part of the audit file that says where rows are and how they are read: columns, groups, images."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from audit.data.dataset import MissingPolicy
from audit.facts import LabelKind

Text = Annotated[str, Field(min_length=1, max_length=2000)]
Encoding = Literal["none", "standard", "minmax", "one_hot", "ordinal"]


class ConfigTable(BaseModel):
    """A table of the audit file: unknown keys are refused, values are never coerced between kinds."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class ColumnConfig(ConfigTable):
    """One raw input column."""

    kind: Literal["numeric", "binary", "categorical", "ordinal"] | None = None
    unit: str = ""
    min: Decimal | None = None
    max: Decimal | None = None
    levels: tuple[str | int | bool, ...] = ()
    immutable: bool = False
    direction: Literal["any", "increase", "decrease"] = "any"
    integer: bool = False
    missing_codes: tuple[Decimal | int | str, ...] = ()
    missing: MissingPolicy | None = None
    fill: Decimal | int | str | None = None
    encode: Encoding | None = None
    mean: Decimal | None = None
    """Subtracted before scaling with encode = "standard"; fitted on the reference data when absent."""
    scale: Decimal | None = None
    """Divisor with encode = "standard"; fitted on the reference data when absent."""


class GroupConfig(ConfigTable):
    """One protected attribute."""

    column: Text
    reference: str | int | bool | None = None
    unknown: tuple[str | int | bool, ...] = ()
    """Raw values that mean unknown membership."""
    bins: tuple[Decimal, ...] = ()
    shares: dict[str, Decimal] = Field(default_factory=dict)
    compare: Literal["reference", "best", "rest"] = "reference"
    """What each level is compared with: the reference (else the largest, or for selection rates the highest), the level with the highest
    selection rate, or all rows that are not of the level."""
    separator: Annotated[str, Field(max_length=8)] = ""
    """Between several values of one row, as in "a;b" with ";"; each value is then an attribute of its own, compared with the rest."""

    @model_validator(mode="after")
    def _one_way(self) -> GroupConfig:
        if self.reference is not None and (self.compare != "reference" or self.separator):
            raise ValueError("reference goes with compare = 'reference' and without a separator")
        if self.bins and self.separator:
            raise ValueError("bins cut numbers, a separator cuts text; declare one of them")
        if self.shares and (self.compare == "rest" or self.separator):
            raise ValueError("shares name levels of one attribute; they do not go with compare = 'rest' or a separator")
        return self


class ImageConfig(ConfigTable):
    """How images are read: npz arrays."""

    array: Text = "images"
    scale: Decimal = Decimal(1)
    """Raw values are divided by it."""
    mean: Decimal = Decimal(0)
    deviation: Decimal = Decimal(1)
    patch: Annotated[int, Field(ge=1)] = 4
    """Side of the square patches that are the units of explanation, in pixels."""


class TextConfig(ConfigTable):
    """How a column of text becomes token ids."""

    column: Text = "text"
    tokenise: Literal["word", "character", "tokenizer"] = "word"
    vocabulary: Text | None = None
    """File of the vocabulary (.txt, .json), or the tokenizer file (.json)."""
    lower: bool = True
    """Words and characters are looked up in lower case; a tokenizer file has its own rule."""
    length: Annotated[int, Field(ge=1, le=65_536)] = 128
    """Pieces the network is given; longer texts are cut, shorter ones padded."""
    keep: Literal["start", "end"] = "start"
    """Which pieces of a longer text are kept."""
    pad: Text = "<pad>"
    unknown: Text = "<unk>"
    """Token for pieces that are not in the vocabulary; a tokenizer file has its own."""
    absent: Text | None = None
    """Token that stands where an explanation leaves a piece out; padding when none is named."""
    mask: bool = False
    """The network takes a mask (n, length), True where there is no padding, after the ids."""
    lengths: bool = False
    """The network takes the lengths (n,) after the ids (and the mask)."""


class DataConfig(ConfigTable):
    """Where the rows are and which column plays which part."""

    kind: Literal["table", "image", "text"] = "table"
    evaluate: Text
    reference: Text | None = None
    calibration: Text | None = None
    inputs: tuple[Text, ...] = ()
    """Raw columns in the order the network takes them."""
    label: Text | None = None
    labels: tuple[Text, ...] = ()
    """Multilabel: one column of 0 and 1 for each label, in the order of the outputs."""
    label_kind: LabelKind = "outcome"
    label_unit: str = ""
    id: Text | None = None
    weight: Text | None = None
    cluster: Text | None = None
    time: Text | None = None
    census: bool = False
    missing: MissingPolicy = "refuse"
    """Policy for columns that declare none."""
    groups: dict[str, GroupConfig] = Field(default_factory=dict)
    columns: dict[str, ColumnConfig] = Field(default_factory=dict)
    image: ImageConfig = ImageConfig()
    text: TextConfig = TextConfig()

    @field_validator("groups", mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: {"column": item} if isinstance(item, str) else item for name, item in value.items()}
        return value
