"""POST requests to one place: with a time limit, retries, a bounded answer, a limited rate, and no way to be sent elsewhere."""

from __future__ import annotations

import http.client
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

from audit.errors import ModelError
from audit.models.places import origin

AGAIN = frozenset({429, 500, 502, 503, 504})
"""Answers after which the same request is sent once more."""
MOVED = frozenset({301, 302, 303, 307, 308})
KEPT = frozenset({307, 308})
"""Redirects that keep the request as it is."""
LONGEST_WAIT = 30.0
"""Seconds before a retry, at most."""
REDIRECTS = 3
PIECE = 2**16


class Temporary(Exception):  # noqa: N818  no error yet: it is tried again
    """A request that may succeed when it is sent again; `wait` in seconds is what the server asked for."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        self.wait = wait
        super().__init__(reason)


@dataclass
class Posts:
    """Posts to `url`; `headers` are secrets and appear in no message.

    `timeout` is in seconds, of connecting, of each silence and of a whole answer; `rate` in requests per second, None for any.
    """

    url: str
    headers: Mapping[str, str] = field(repr=False)
    timeout: float
    retries: int
    rate: float | None
    largest: int
    """Bytes of the largest answer that is read."""
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _connection: http.client.HTTPConnection | None = field(default=None, repr=False)
    _end: Callable[[], object] | None = field(default=None, repr=False)
    _earliest: float = 0.0

    def __call__(self, body: bytes) -> bytes:
        """The body of the answer; raises ModelError in one line when there is none after all retries."""
        for attempt in range(self.retries + 1):
            self._pace()
            try:
                return self._sent(body)
            except Temporary as error:
                self._close()
                if attempt == self.retries:
                    tried = f" ({attempt + 1} attempts)" if attempt else ""
                    raise ModelError(f"{self._place}: {error}{tried}") from error
                self.sleep(min(LONGEST_WAIT, max(error.wait, 0.5 * 2.0**attempt)))
            except BaseException:
                self._close()  # what is left of an answer must not be read as the next one
                raise
        raise AssertionError("every attempt returns or raises")

    @property
    def _place(self) -> str:
        return f"endpoint {origin(self.url)}{urlsplit(self.url).path}"

    def _pace(self) -> None:
        if self.rate is None:
            return
        wait = self._earliest - self.clock()
        if wait > 0:
            self.sleep(wait)
        self._earliest = max(self._earliest, self.clock()) + 1.0 / self.rate

    def _sent(self, body: bytes) -> bytes:
        target = urlsplit(self.url)
        for _ in range(REDIRECTS + 1):
            answer = self._request(target, body)
            if answer.status not in MOVED:
                return self._content(answer)
            target = self._moved(target, answer)
            answer.read(PIECE)
            self._close()
        raise ModelError(f"{self._place} redirects more than {REDIRECTS} times")

    def _request(self, target: SplitResult, body: bytes) -> http.client.HTTPResponse:
        path = (target.path or "/") + (f"?{target.query}" if target.query else "")
        kept = self._connection is not None
        try:
            return self._asked_once(path, body)
        except (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected) as error:
            self._close()
            if not kept:
                raise Temporary(f"the connection failed: {type(error).__name__}") from error
        return self._request(target, body)  # the server had ended a connection that it kept from the request before

    def _asked_once(self, path: str, body: bytes) -> http.client.HTTPResponse:
        try:
            connection = self._connection = self._connection or self._connected()
            connection.request("POST", path, body, {"Content-Type": "application/json", "Accept": "application/json", **self.headers})
            return connection.getresponse()
        except (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected):
            raise
        except ConnectionRefusedError as error:
            raise Temporary("the connection was refused; is it running?") from error
        except TimeoutError as error:
            raise Temporary(f"no answer within {self.timeout:g} seconds") from error
        except (OSError, http.client.HTTPException) as error:
            raise Temporary(f"the connection failed: {type(error).__name__}") from error

    def _connected(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=self.timeout)
        self._end = weakref.finalize(self, connection.close)  # nobody says when the last request was sent
        return connection

    def _moved(self, target: SplitResult, answer: http.client.HTTPResponse) -> SplitResult:
        """Where a redirect leads; only to another path of the same place, by a redirect that keeps the request."""
        found = urljoin(target.geturl(), answer.headers.get("Location", ""))
        try:
            there = origin(found)
        except ValueError:
            there = "a place that cannot be read"
        if there != origin(self.url):
            raise ModelError(f"{self._place} redirects to {there}, and rows are sent nowhere else than declared")
        if answer.status not in KEPT:
            raise ModelError(f"{self._place} redirects with status {answer.status}, which drops the rows; declare the url it redirects to")
        return urlsplit(found)

    def _content(self, answer: http.client.HTTPResponse) -> bytes:
        if answer.status in AGAIN:
            raise Temporary(f"answered {answer.status} {http.client.responses.get(answer.status, '')}".rstrip(), _asked(answer))
        if answer.status != 200:
            raise ModelError(f"{self._place}: answered {answer.status} {http.client.responses.get(answer.status, '')}".rstrip())
        pieces, size, end = [], 0, self.clock() + self.timeout
        try:
            while piece := answer.read1(PIECE):
                pieces.append(piece)
                size += len(piece)
                if size > self.largest:
                    raise ModelError(f"{self._place}: the answer is larger than {self.largest} bytes and was not read to its end")
                if self.clock() > end:
                    raise Temporary(f"the answer took longer than {self.timeout:g} seconds")
        except TimeoutError as error:
            raise Temporary(f"no answer within {self.timeout:g} seconds") from error
        except (OSError, http.client.HTTPException) as error:
            raise Temporary(f"the answer broke off: {type(error).__name__}") from error
        if answer.length:
            raise Temporary("the answer broke off")
        answer.close()  # read1 leaves an answer of known length open, and with it the connection busy
        return b"".join(pieces)

    def _close(self) -> None:
        if self._end is not None:
            self._end()
        self._connection = self._end = None


def _asked(answer: Any) -> float:
    """Seconds that the server asks to wait; 0 when it names none."""
    said = answer.headers.get("Retry-After", "")
    return float(said) if said.isdecimal() and len(said) < 6 else 0.0
