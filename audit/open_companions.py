"""Opens the companions an audit file names, each through the door of its kind and under the same trust as the audited model."""

from __future__ import annotations

from collections.abc import Mapping

from audit.companion import Companion
from audit.config_file import ConfigFile
from audit.data.dataset import Dataset
from audit.data.encoding import Encoder
from audit.errors import ConfigError, ModelError
from audit.open_model import Trust, open_model


def open_companions(file: ConfigFile, trust: Trust, evaluate: Dataset, encoder: Encoder | None) -> Mapping[str, Companion]:
    """The companions by name, in the order of the names, each tried on the first rows of `evaluate`.

    Raises what `open_model` raises; the message of a ConfigError or ModelError says which companion it is about.
    """
    found = {}
    for name, model in sorted(file.config.companions.items()):
        own = file.model_copy(update={"config": file.config.model_copy(update={"model": model})})
        try:
            found[name] = Companion(open_model(own, trust, evaluate, encoder), model.output)
        except (ConfigError, ModelError) as error:
            raise type(error)(f"companions.{name}: {error}") from None
    return found
