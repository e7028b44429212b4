"""An endpoint is asked politely, answers are read within bounds, secrets stay in the environment, and rows go to no other place."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audit.config_file import load_config
from audit.errors import ConfigError, ModelError, UntrustedFileError
from audit.model_config import EndpointConfig
from audit.models import endpoint_door
from audit.models.http_posts import Posts
from audit.models.places import origin, trusted_places
from audit.open_model import Trust
from audit.open_subject import open_subject
from tests.audit.models.doors import INPUTS, LOGIT, logits, opened, outputs, rows, serving, written

Answered = tuple[int, bytes, dict[str, str]]
FAST = "retries = 0\n"


def toml(url: str, more: str = FAST, model: str = LOGIT) -> str:
    return f'{model}[model.endpoint]\nurl = "{url}/score"\n{more}'


def trust(url: str) -> Trust:
    return Trust(places=trusted_places([url]))


def said(outputs: Any) -> Answered:
    return 200, json.dumps({"outputs": outputs}).encode(), {}


def fixed(answer: Answered) -> Callable[[Any, Any], Answered]:
    return lambda _, body: answer


def posts(url: str, **settings: Any) -> Posts:
    return Posts(url, **{"headers": {}, "timeout": 5.0, "retries": 0, "rate": None, "largest": 1000, "sleep": lambda _: None, **settings})


def test_outputs_are_those_of_the_torch_network(tmp_path: Path) -> None:
    written(tmp_path, LOGIT + "[model.endpoint]\nurl = 'http://localhost'\n")
    sizes: list[int] = []

    def answer(request: Any, body: Any) -> Answered:
        frame = rows(tmp_path)[:0].reindex(range(len(body["rows"])))
        frame[INPUTS] = body["rows"]
        sizes.append(len(frame))
        return said(logits(tmp_path, frame).tolist())

    with serving(answer) as url:
        subject = opened(tmp_path, toml(url, FAST + 'rows_per_request = 25\nversion = "7"\n'), trust=trust(url))
        sizes.clear()
        found = outputs(subject)

    np.testing.assert_allclose(found, logits(tmp_path, rows(tmp_path)), atol=1e-6)
    assert sizes == [25, 25, 10]
    about = subject.model.description
    assert (about["door"], about["url"], about["version"]) == ("endpoint", f"{url}/score", "7")
    assert "may answer differently" in about["notes"][0]


def test_raw_columns_are_sent_as_records_with_null_for_missing(tmp_path: Path) -> None:
    seen: list[Any] = []

    def answer(request: Any, body: Any) -> Answered:
        seen.extend(body["rows"])
        return said([0.5] * len(body["rows"]))

    with serving(answer) as url:
        path = written(tmp_path, toml(url, model=LOGIT + 'takes = "raw"\n'))
        frame = rows(tmp_path)
        frame.loc[1, "debt"] = np.nan
        frame.to_parquet(tmp_path / "test.parquet")
        text = path.read_text().replace(json.dumps(INPUTS), '["income", "debt", "region"]')
        text = text.replace('"debt" = { kind = "numeric", encode = "none" }', '"debt" = { missing = "indicator" }')
        path.write_text("\n".join(line for line in text.splitlines() if not line.startswith(('"years"', '"score"'))))
        open_subject(load_config(path), trust(url))

    assert seen[0] == {"income": frame["income"][0], "debt": frame["debt"][0], "region": "north"}
    assert seen[1] == {"income": frame["income"][1], "debt": None, "region": "south"}


def test_decided_classes_become_positions(tmp_path: Path) -> None:
    model = 'output = "decision"\ntask = "binary"\n'
    with serving(lambda _, body: said(["1" if row[0] > 0 else 0 for row in body["rows"]])) as url:
        path = written(tmp_path, toml(url, model=model))
        path.write_text(path.read_text().replace("threshold = 0.5", ""))
        found = outputs(open_subject(load_config(path), trust(url)))

    np.testing.assert_array_equal(found[:, 0], rows(tmp_path)["income"] > 0)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (said([[1.0]]), "1 outputs for 8 rows"),
        (said([[1.0], [1.0, 2.0], *[[1.0]] * 6]), "rows have 1 or 2 outputs"),
        (said(["NaN"] * 8), "an output is the text 'NaN'; expected a finite number"),
        (said([None] * 8), "an output is null"),
        (said([True] * 8), "an output is a truth value"),
        (said([[[1.0]]] * 8), "an output is a list"),
        (said({"a": 1}), "an object without outputs for 8 rows"),
        ((200, b'{"outputs": [NaN, 1, 1, 1, 1, 1, 1, 1]}', {}), "not valid JSON: NaN is no number of JSON"),
        ((200, b'{"outputs": [' + b"1" * 400 + b",1" * 7 + b"]}", {}), "too large for a number"),
        ((200, b'{"outputs": ' + b"[" * 100_000, {}), "not valid JSON: RecursionError"),
        ((200, b"<html>", {}), "not valid JSON: JSONDecodeError"),
        ((200, b"\xff", {}), "not valid JSON: UnicodeDecodeError"),
        ((200, b"[1, 2]", {}), "expected an answer"),
        ((403, b"secret", {}), "answered 403 Forbidden"),
        ((302, b"", {"Location": "/other"}), "redirects with status 302, which drops the rows"),
        ((307, b"", {"Location": "http://example.org/score"}), "redirects to http://example.org:80, and rows are sent nowhere else"),
        ((307, b"", {"Location": "//127.0.0.1:1/score"}), "redirects to http://127.0.0.1:1,"),
        ((308, b"", {"Location": "/score"}), "redirects more than 3 times"),
    ],
)
def test_what_is_no_answer_is_told_in_one_line(tmp_path: Path, answer: Answered, expected: str) -> None:
    with serving(fixed(answer)) as url, pytest.raises(ModelError) as refused:
        opened(tmp_path, toml(url), trust=trust(url))

    assert expected in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_a_redirect_on_the_same_place_is_followed() -> None:
    def answer(request: Any, body: Any) -> Answered:
        return said(body) if request.path == "/there" else (307, b"", {"Location": "/there"})

    with serving(answer) as url:
        assert json.loads(posts(url)(b"[5]")) == {"outputs": [5]}


def test_a_refused_connection_is_told(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"

    with pytest.raises(ModelError, match=r"/score: the connection was refused; is it running\?$"):
        opened(tmp_path, toml(url), trust=trust(url))


def test_a_busy_server_is_asked_again_after_growing_waits() -> None:
    waits: list[float] = []
    answers = iter([(503, b"", {}), (500, b"", {}), (429, b"", {"Retry-After": "7"}), said([1])])

    with serving(lambda *_: next(answers)) as url:
        assert posts(url, retries=3, sleep=waits.append)(b"[]") == said([1])[1]

    assert waits == [0.5, 1.0, 7.0]


def test_retries_end() -> None:
    waits: list[float] = []
    with (
        serving(fixed((503, b"", {"Retry-After": "9999"}))) as url,
        pytest.raises(ModelError, match=r"answered 503 Service Unavailable \(3 attempts\)"),
    ):
        posts(url, retries=2, sleep=waits.append)(b"[]")

    assert waits == [30.0, 30.0]


def test_a_kept_connection_that_the_server_ended_is_made_anew() -> None:
    count = 0

    def answer(request: Any, body: Any) -> Answered:
        nonlocal count
        count += 1
        request.close_connection = True
        return said([count])

    with serving(answer) as url:
        post = posts(url)
        assert [post(b"[]"), post(b"[]")] == [said([1])[1], said([2])[1]]


def test_requests_keep_their_rate() -> None:
    now, waits = [100.0], []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        now[0] += seconds

    with serving(fixed(said([1]))) as url:
        post = posts(url, rate=4.0, sleep=sleep, clock=lambda: now[0])
        for _ in range(3):
            post(b"[]")

    assert waits == [0.25, 0.25]


def test_an_answer_is_read_only_up_to_its_bound() -> None:
    with serving(fixed((200, b" " * 5000, {}))) as url, pytest.raises(ModelError, match="larger than 1000 bytes"):
        posts(url)(b"[]")


def test_an_answer_that_breaks_off_is_told() -> None:
    def answer(request: Any, body: Any) -> Answered:
        request.close_connection = True
        return 200, b"{", {"Content-Length": "50"}

    with serving(answer) as url, pytest.raises(ModelError, match="the answer broke off"):
        posts(url)(b"[]")


def test_silence_and_slow_answers_end_with_the_timeout() -> None:
    done = threading.Event()

    def silent(request: Any, body: Any) -> Answered:
        done.wait(5)
        return said([1])

    with serving(silent) as url:
        with pytest.raises(ModelError, match=r"no answer within 0\.1 seconds"):
            posts(url, timeout=0.1)(b"[]")
        done.set()
    ticks = iter(range(0, 1000, 4))
    with serving(fixed(said([1]))) as url, pytest.raises(ModelError, match="the answer took longer than 3 seconds"):
        posts(url, timeout=3.0, clock=lambda: float(next(ticks)))(b"[]")


def test_rows_go_only_where_the_command_line_allows(tmp_path: Path) -> None:
    asked: list[Any] = []

    def answer(request: Any, body: Any) -> Answered:
        asked.append(body)
        return said([0.0] * len(body["rows"]))

    with serving(answer) as url, pytest.raises(UntrustedFileError, match=f"repeat with --send-to {url}"):
        opened(tmp_path, toml(url), trust=trust("https://127.0.0.1"))

    assert asked == []


def test_secrets_come_from_the_environment_and_are_told_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETASSAY_TEST_TOKEN", "Bearer hush")
    seen: list[str] = []

    def answer(request: Any, body: Any) -> Answered:
        seen.append(request.headers["Authorization"])
        return said([0.0] * len(body["rows"]))

    more = FAST + 'headers_from_env = { Authorization = "NETASSAY_TEST_TOKEN" }\n'
    with serving(answer) as url:
        subject = opened(tmp_path, toml(url, more), trust=trust(url))

    assert set(seen) == {"Bearer hush"}
    assert subject.model.description["headers"] == ["Authorization"]
    assert "hush" not in repr((subject.describe(), posts("http://a", headers={"Authorization": "Bearer hush"})))
    monkeypatch.delenv("NETASSAY_TEST_TOKEN")
    with pytest.raises(ModelError, match="environment variable NETASSAY_TEST_TOKEN, which is not set"):
        opened(tmp_path, toml(url, more), trust=trust(url))


def test_secrets_are_not_sent_over_an_open_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETASSAY_TEST_TOKEN", "hush")
    endpoint = EndpointConfig(url="http://scores.example/score", headers_from_env={"X-Key": "NETASSAY_TEST_TOKEN"})

    with pytest.raises(ModelError, match=r"X-Key over an open line to http://scores\.example:80; use https"):
        endpoint_door.open_endpoint(endpoint, trusted={"http://scores.example:80"}, classes=(), raw=None, dtype="float64")
    monkeypatch.setenv("NETASSAY_TEST_TOKEN", "hush\r\nX-Other: 1")
    with pytest.raises(ModelError, match="characters that a header cannot carry"):
        endpoint_door.open_endpoint(endpoint, trusted={"http://scores.example:80"}, classes=(), raw=None, dtype="float64")


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("url", "ftp://host"),
        ("url", "https://"),
        ("url", "https://user:word@host/"),
        ("url", "https://host/#part"),
        ("url", "https://host:99999/"),
        ("url", "https://host/a b"),
        ("url", "https://host/\r\nX-Other: 1"),
        ("timeout", 0),
        ("rows_per_request", 0),
        ("headers_from_env", {"Host": "A"}),
        ("headers_from_env", {"X: y": "A"}),
    ],
)
def test_what_an_endpoint_cannot_be_is_refused(key: str, found: Any) -> None:
    with pytest.raises(ValueError):
        EndpointConfig.model_validate({"url": "https://host/score", key: found})


def test_places_are_compared_with_their_port() -> None:
    assert origin("HTTPS://Host/score?x=1") == "https://host:443"
    assert trusted_places(["http://[::1]:8080/any", "https://a"]) == {"http://[::1]:8080", "https://a:443"}
    for wrong in ("host", "file:///etc", "https://u@host", "https://host:no"):
        with pytest.raises(ConfigError, match="--send-to"):
            trusted_places([wrong])
