"""Opens a file that holds a network with its code, which is run: only with trust in its sha256, and told apart by content."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np

from audit.data.leaf import PLAIN, Arguments
from audit.errors import ModelError
from audit.models.exported_door import open_exported
from audit.models.file_kind import PROGRAMS, WORDS, FileKind, file_kind
from audit.models.torch_model import TorchModel
from audit.models.torchscript_door import open_script
from audit.models.trusted_file import read_trusted
from audit.models.unpacked_size import refuse_bomb

DOORS: Mapping[FileKind, Callable[..., TorchModel]] = {"export": open_exported, "script": open_script}
ELSEWHERE: Mapping[FileKind, str] = {
    "safetensors": "it belongs to weights = …, beside architecture = …",
    "torch": "a state dict belongs to weights = …, beside architecture = …; a pickled module is not read, save its state_dict()",
    "pickle": "a state dict belongs to weights = …, beside architecture = …; a pickled module is not read, save its state_dict()",
}


def open_program(
    path: Path, *, trusted: Collection[str], device: str = "auto", dtype: str = "float32", micro_batch: int = 4096, arguments: Arguments = PLAIN
) -> TorchModel:
    """The network of a file of torch.export or TorchScript, called with the `arguments` of a leaf.

    `trusted` are sha256 sums, hexadecimal in small letters. Raises UntrustedFileError when the file's is not among them, and ModelError for a
    file of another kind, naming the key it belongs to.
    """
    kind = file_kind(path)
    if kind not in PROGRAMS:
        known = ", ".join(WORDS[program] for program in PROGRAMS)
        raise ModelError(f"{path} is a {WORDS[kind]}, found under file = …: {ELSEWHERE.get(kind, f'expected a {known}')}")
    refuse_bomb(path)
    held = read_trusted(path, trusted, kind=WORDS[kind])
    return DOORS[kind](path, held, device=device, dtype=dtype, micro_batch=micro_batch, arguments=arguments)


def fitting_width(path: Path, *, trusted: Collection[str], most: int) -> int | None:
    """How many numbers a row has that the network answers, of 1 to `most`; None where it answers none of them, or several.

    Raises as `open_program` does.
    """
    network = open_program(path, trusted=trusted, device="cpu")
    found: list[int] = []
    with network.session(gradients=False) as call:
        for width in range(1, most + 1):
            with suppress(ModelError):
                call(network.tensor(np.zeros((2, width))))
                found.append(width)
            if len(found) > 1:
                return None
    return found[0] if found else None
