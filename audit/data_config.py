"""The part of the audit file that says where rows are and how they are read: columns, groups, images."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from audit.data.dataset import MissingPolicy
from audit.errors import nearest
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
    reason: Annotated[str, Field(max_length=200)] = ""
    """What is told of the column where it is a candidate reason of an adverse decision; its name when absent."""


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
    """How images are read: arrays of an npz file, or files that a table names."""

    array: Text = "images"
    """Array of an npz file."""
    column: Text = "image"
    """Column of a table with the names of the image files."""
    folder: Text | None = None
    """Folder that those names are relative to; that of the table when absent."""
    colour: Literal["grey", "rgb"] | None = None
    """What image files are turned into; as stored when absent, and then all must agree."""
    size: tuple[Annotated[int, Field(ge=1, le=8192)], Annotated[int, Field(ge=1, le=8192)]] | None = None
    """Height and width that image files are resized to, bilinearly with antialiasing; as stored when absent, and then all must agree."""
    background: Annotated[int, Field(ge=0, le=255)] | None = None
    """What shows through transparent places of image files, 0 (black) to 255 (white)."""
    layout: Literal["nchw", "nhwc"] | None = None
    """Order of the axes of an npz array; found where it is plain when absent."""
    gives: Literal["nchw", "nhwc"] = "nchw"
    """Order of the axes that the network takes."""
    scale: Decimal = Decimal(1)
    """Raw values are divided by it."""
    mean: Decimal | tuple[Decimal, ...] = Decimal(0)
    """Subtracted after scaling: one number, or one per channel."""
    deviation: Decimal | tuple[Decimal, ...] = Decimal(1)
    """Divided by after that: one number, or one per channel."""
    players: Literal["patches", "superpixels"] = "patches"
    """The units of explanation: square patches, the same in all images, or superpixels, regions of like colour that every image has of its own."""
    patch: Annotated[int, Field(ge=1)] = 4
    """Side of the square patches, in pixels; with superpixels, the width that absent = "blur" smooths over."""
    superpixels: Annotated[int, Field(ge=2, le=1000)] = 50
    """At most so many in an image."""
    compactness: Annotated[Decimal, Field(gt=0)] = Decimal(10)
    """Of superpixels: the larger, the squarer."""
    absent: Literal["rows", "mean", "blur", "inpaint"] = "rows"
    """What stands where an explanation leaves a patch out: reference images, the mean of the same image and channel, the image blurred, or what
    the pixels around the patch say of it."""


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


class SeriesConfig(ConfigTable):
    """How series of numbers are read and given to the network."""

    array: Text = "series"
    """Array of an npz file."""
    layout: Literal["nct", "ntc"] = "nct"
    """Axes of that array: n series, c channels, t steps."""
    by: Text | None = None
    """Column of a table that names the series of each row. Beside other inputs also an array of an npz file; data.id where it is not declared."""
    step: Text | None = None
    """Column of a table that orders the steps: numbers or dates."""
    channels: tuple[Text, ...] = ()
    """Columns of a table that hold the values; names of the channels for other files."""
    units: dict[str, Text] = Field(default_factory=dict)
    """Unit of each channel, by name."""
    length: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Steps the network is given; longer series are cut, shorter ones end earlier. The longest of all files when absent."""
    keep: Literal["start", "end"] = "start"
    """Which steps of a longer series are kept."""
    missing: Literal["refuse", "previous", "interpolate"] = "refuse"
    """What stands in a gap within a series."""
    encode: Literal["none", "standard"] = "none"
    """standard is (value - mean) / deviation by channel, fitted on the reference data where they are not declared."""
    mean: dict[str, Decimal] = Field(default_factory=dict)
    deviation: dict[str, Decimal] = Field(default_factory=dict)
    gives: Literal["nct", "ntc", "nt"] = "nct"
    """Axes of what the network takes; nt for a single channel without an axis of its own."""
    mask: bool = False
    """The network takes a mask (n, t), True before the end of each series, after the values."""
    lengths: bool = False
    """The network takes the lengths (n,) after the values (and the mask)."""
    window: Annotated[int, Field(ge=1)] | None = None
    """Steps of the windows that are the units of explanation; a twentieth of the length when absent."""
    absent: Literal["rows", "mean"] = "rows"
    """What stands where an explanation leaves a window out: values of reference rows, or the mean of the same series and channel."""


class PartSeriesConfig(SeriesConfig):
    """Series beside other inputs: in files of their own, each series belonging to one row of the tables, by id or in their order."""

    evaluate: Text
    """File with the series of the rows of data.evaluate."""
    reference: Text | None = None
    calibration: Text | None = None


class PartConfig(ConfigTable):
    """One input of a network with several: columns of a table, an image, a text, or a series."""

    inputs: tuple[Text, ...] = ()
    image: ImageConfig | None = None
    text: TextConfig | None = None
    series: PartSeriesConfig | None = None

    @model_validator(mode="after")
    def _one(self) -> PartConfig:
        given = [name for name in ("inputs", "image", "text", "series") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError(f"needs exactly one of inputs, image, text, series; found {', '.join(given) or 'none'}")
        return self


KINDS_OF_KEYS: Mapping[str, tuple[str, ...]] = {
    "image": ("image",),
    "text": ("text",),
    "series": ("series",),
    "parts": ("several",),
    "inputs": ("table",),
    "feature_groups": ("table",),
    "columns": ("table", "several"),
}
"""Keys of the data table that go with some kinds of data only."""


class DataConfig(ConfigTable):
    """Where the rows are and which column plays which part."""

    kind: Literal["table", "image", "text", "series", "several"] = "table"
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
    feature_groups: dict[str, tuple[Text, ...]] = Field(default_factory=dict)
    """Columns that are explained together, as one unit, by a name of their own; every other column is a unit by itself."""
    image: ImageConfig = ImageConfig()
    text: TextConfig = TextConfig()
    series: SeriesConfig = SeriesConfig()
    parts: dict[str, PartConfig] = Field(default_factory=dict)
    """The inputs of a network that takes several, in its order."""

    @model_validator(mode="after")
    def _of_its_kind(self) -> DataConfig:
        for key, kinds in KINDS_OF_KEYS.items():
            if key in self.model_fields_set and getattr(self, key) and self.kind not in kinds:
                raise ValueError(f"{key} goes with kind = {' or '.join(map(repr, kinds))}; found kind = {self.kind!r}")
        if self.kind == "several" and len(self.parts) < 2:
            raise ValueError("kind = 'several' needs at least two parts: the inputs of the network, in its order")
        self._check_feature_groups()
        if sum(part.image is not None for part in self.parts.values()) > 1:
            raise ValueError("kind = 'several' takes at most one image for each row")
        for name, part in self.parts.items():
            if part.series is not None:
                self._check_files(f"parts.{name}.series", part.series)
        return self

    def _check_files(self, key: str, series: PartSeriesConfig) -> None:
        """Every table has series, and no series are without a table."""
        if series.by is not None and self.id is None:
            raise ValueError(f"{key}.by names the series of each row, by the id of the rows; declare id, the column that holds it")
        for which in ("reference", "calibration"):
            if getattr(self, which) is not None and getattr(series, which) is None:
                raise ValueError(f"{key}.{which} is missing: the file with the series of the rows of {which} = {getattr(self, which)!r}")
            if getattr(self, which) is None and getattr(series, which) is not None:
                raise ValueError(f"{key}.{which} names series for rows that are not there; declare {which}, or leave it out")

    def _check_feature_groups(self) -> None:
        member: dict[str, str] = {}
        for name, columns in self.feature_groups.items():
            if not columns:
                raise ValueError(f"feature_groups.{name} names no column")
            for column in columns:
                if self.inputs and column not in self.inputs:
                    raise ValueError(f"feature_groups.{name}: {column!r} is no input: {nearest(column, self.inputs)}")
                if column in member:
                    raise ValueError(f"feature_groups: {column!r} is in {member[column]!r} and in {name!r}; a column has one place")
                member[column] = name
        for name in self.feature_groups:
            if name in self.inputs and member.get(name) != name:
                raise ValueError(f"feature_groups.{name} has the name of a column that is not in it; choose another name")

    @field_validator("groups", mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: {"column": item} if isinstance(item, str) else item for name, item in value.items()}
        return value
