"""Audit files and model files for doors that give outputs only, made from the table network and its rows."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import load_file
from torch import nn

from audit.config_file import load_config
from audit.open_model import NO_TRUST, Trust
from audit.open_subject import open_subject
from audit.subject import Subject
from tests.smoke import architectures, subjects

INPUTS = ["income", "debt", "years", "score"]
LOGIT = 'output = "logits"\ntask = "binary"\n'
PROBABILITIES = 'output = "probabilities"\ntask = "binary"\n'


def written(folder: Path, model: str) -> Path:
    """The table network's subject with another model in its audit file."""
    path = subjects.write_table_network(folder)
    before, after = path.read_text(encoding="utf-8").split("[model]")
    path.write_text(f"{before}[model]\n{model}\n[decision]{after.split('[decision]')[1]}", encoding="utf-8")
    return path


def opened(folder: Path, model: str, *, trust: Trust = NO_TRUST) -> Subject:
    """The subject of `written`."""
    return open_subject(load_config(written(folder, model)), trust)


def rows(folder: Path, name: str = "test") -> pd.DataFrame:
    """Rows of one of the subject's files."""
    return pd.read_parquet(folder / f"{name}.parquet")


def network(folder: Path) -> nn.Module:
    """The torch network of the subject."""
    found = architectures.table()
    found.load_state_dict(load_file(folder / "weights.safetensors"))
    return found.eval()


def logits(folder: Path, frame: pd.DataFrame) -> NDArray[np.float64]:
    """What the torch network answers, (n, 1)."""
    return network(folder)(torch.tensor(frame[INPUTS].to_numpy(np.float32))).detach().double().numpy()


def outputs(subject: Subject) -> NDArray[np.float64]:
    """What the subject's model answers to all evaluation rows."""
    batch = subject.encode(subject.evaluate.take(np.arange(subject.evaluate.n_rows, dtype=np.int64)))
    return subject.model.outputs(batch)


def onnx_network(folder: Path, *, rows: int | str = "rows", kind: int = TensorProto.FLOAT, external: str = "") -> onnx.ModelProto:
    """The subject's network in ONNX; `external` puts the first weights into a file."""
    state = {name: tensor.numpy() for name, tensor in load_file(folder / "weights.safetensors").items()}
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    held = [numpy_helper.from_array(np.ascontiguousarray(value, dtype=dtype), name) for name, value in state.items()]
    nodes = [
        helper.make_node("Gemm", ["x", "0.weight", "0.bias"], ["h"], transB=1),
        helper.make_node("Tanh", ["h"], ["t"]),
        helper.make_node("Gemm", ["t", "2.weight", "2.bias"], ["y"], transB=1),
    ]
    if external:
        away(held[0], external)
    given, answer = helper.make_tensor_value_info("x", kind, [rows, 4]), helper.make_tensor_value_info("y", kind, [rows, 1])
    return onnx_model(nodes, [given], [answer], held)


def onnx_model(nodes: list[Any], given: list[Any], answers: list[Any], held: list[Any] | None = None, **more: Any) -> onnx.ModelProto:
    """A model that onnxruntime of this year and some before read."""
    graph = helper.make_graph(nodes, "network", given, answers, initializer=held or [])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)], ir_version=9, **more)


def away(tensor: Any, place: str) -> bytes:
    """Take the numbers out of a tensor, which then says that they are at `place`; returns them."""
    content = bytes(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": place, "offset": "0", "length": str(len(content))}.items():
        tensor.external_data.add(key=key, value=value)
    return content


@contextmanager
def serving(answer: Callable[[BaseHTTPRequestHandler, Any], tuple[int, bytes, dict[str, str]]]) -> Iterator[str]:
    """A server on the loopback device; `answer` takes the request and the body and gives status, body and headers."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, content, headers = answer(self, json.loads(body))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
