"""Places on the network that rows may be sent to: named by the person at the command line, never by the audit file alone."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from audit.errors import ConfigError

OPTION = "--send-to"


def origin(url: str) -> str:
    """``scheme://host:port`` of a URL, in small letters, the port always written out; raises ValueError for no legal port."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme.lower() == "https" else 80)
    host = (parts.hostname or "").lower()
    return f"{parts.scheme.lower()}://{f'[{host}]' if ':' in host else host}:{port}"


def trusted_places(given: Iterable[str]) -> frozenset[str]:
    """The places of ``scheme://host[:port]``, as `origin` writes them; raises ConfigError for anything else."""
    return frozenset(_place(text.strip()) for text in given)


def _place(text: str) -> str:
    try:
        parts, found = urlsplit(text), origin(text)
    except ValueError as error:
        raise ConfigError(f"{OPTION} {text}: {error}") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        raise ConfigError(f"{OPTION} {text}: expected https://host or https://host:port")
    return found
