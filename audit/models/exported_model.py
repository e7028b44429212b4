"""`ExportedModel`: an exported network as a `TorchModel`, with layers only as far as hooks on them are called."""

from __future__ import annotations

from typing import Any

from audit.data.batch import Batch
from audit.models.hooks import restored_hooks
from audit.models.torch_model import LAYERS, TorchModel

UNSEEN = "Hooks on layer {!r} of the exported network are not called, so its layers are not looked into."


class ExportedModel(TorchModel):
    """What `TorchModel` is; capabilities that need layers are dropped, with a note, when a layer does not call its hooks."""

    _unseen: str | None = None

    @property
    def capabilities(self) -> frozenset[str]:
        """As of a `TorchModel`; without ``modules`` and ``embeddings`` when `trial` found a layer that does not call its hooks."""
        found = super().capabilities
        return found if self._unseen is None else found - {"modules", "embeddings"}

    @property
    def description(self) -> dict[str, Any]:
        """As of a `TorchModel`, with a note where layers are not looked into."""
        about = super().description
        if self._unseen is None:
            return about
        return about | {"notes": [*about.get("notes", []), UNSEEN.format(self._unseen)]}

    def trial(self, batch: Batch) -> None:
        """As of a `TorchModel`, and find out whether a hook on every layer is called."""
        super().trial(batch)
        called: set[str] = set()
        names = [name for name, part in self.module.named_modules() if isinstance(part, LAYERS)]
        with self.session(gradients=False) as network, restored_hooks(self.module):
            for name in names:
                self.module.get_submodule(name).register_forward_hook(lambda *_, name=name: called.add(name))
            network(self.tensor(batch.values))
        self._unseen = next((name for name in names if name not in called), None)
