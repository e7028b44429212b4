"""DeepSHAP: time over bare passes of the network on the same points, and gaps; it and its kin against shap and captum."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from audit.methods.attribution.deep_shap import deep_shap
from audit.methods.attribution.guided_backpropagation import guided_backpropagation
from audit.methods.attribution.layer_relevance import layer_relevance
from audit.methods.attribution.occlusion import occlusion, per_entry, sliding_windows
from tests.audit.methods.attribution.networks import IMAGE, ROW, Written, drawn, fixed, row_networks, structured_networks
from tests.benchmarks.figure import Figure, interleaved

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # both warn of their own dependencies on import
    import shap
    from captum.attr import LRP, DeepLiftShap, GuidedBackprop, Occlusion

FAMILY = "attribution"
CHUNK = 1024


def figures(device: str, quick: bool) -> Iterator[Figure]:
    """All figures of the family."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # shap and captum warn of hooks and of tensors that need gradients
        yield from _times(device, rounds=3 if quick else 9)
        yield _gap(device)
        yield from _kin(device)


def _times(device: str, *, rounds: int) -> Iterator[Figure]:
    torch.manual_seed(0)
    dense = nn.Sequential(nn.Linear(32, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))
    smooth = nn.Sequential(nn.Linear(32, 128), nn.GELU(), nn.Linear(128, 128), nn.Tanh(), nn.Linear(128, 10))
    images = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
    layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True, activation="gelu")
    for name, network, shape, rows in (
        ("MLP", dense, (32,), 512),
        ("MLP with GELU and tanh", smooth, (32,), 512),
        ("CNN", nn.Sequential(images, nn.Linear(400, 10)), (1, 28, 28), 64),
        ("transformer", nn.Sequential(layer, nn.Flatten(), nn.Linear(512, 10)), (16, 32), 64),
    ):
        yield from _against(name, network.eval().requires_grad_(False).to(device), shape, rows, rounds=rounds, device=device)


def _against(name: str, network: nn.Module, shape: tuple[int, ...], rows: int, *, rounds: int, device: str) -> Iterator[Figure]:
    inputs, baselines = torch.randn(rows, *shape, device=device), torch.randn(100, *shape, device=device)
    target = torch.arange(rows, device=device) % 10
    ours = lambda: deep_shap(network, inputs, baselines, target, chunk=CHUNK)  # noqa: E731
    ratio = interleaved(ours, _bare(network, torch.randn(rows * 200, *shape, device=device)), rounds=rounds)
    text = f"{ratio}; {rows} rows, 100 baselines, two points for each pair"
    yield Figure(FAMILY, f"DeepSHAP: time over bare passes, {name}", 1 / ratio.wall, 1.7, "lower", text)
    if name != "MLP":
        return
    few = inputs[:32]
    for library, theirs in (
        ("captum", lambda: DeepLiftShap(network).attribute(few, baselines=baselines, target=target[:32])),
        ("shap", lambda: shap.DeepExplainer(network, baselines).shap_values(few, check_additivity=False)),
    ):
        against = interleaved(lambda: deep_shap(network, few, baselines, target[:32], chunk=CHUNK), theirs, rounds=rounds)
        note = f"{against}; 32 rows" + ("; shap takes all ten outputs" if library == "shap" else "")
        yield Figure(FAMILY, f"DeepSHAP: time of {library} over ours, {name}", against.wall, 1.0, "higher", note)
        yield _difference(library, theirs, network, few, baselines, target[:32])


def _difference(  # noqa: PLR0917  the places of one comparison
    library: str, theirs: Callable[[], Any], network: nn.Module, inputs: Tensor, baselines: Tensor, target: Tensor
) -> Figure:
    found = theirs()
    other = found.detach().cpu().numpy() if isinstance(found, Tensor) else np.stack([row[..., k] for row, k in zip(found, target.cpu(), strict=True)])
    apart = float(np.abs(deep_shap(network, inputs, baselines, target).values - other).max())
    return Figure(FAMILY, f"DeepSHAP: largest difference to {library}, MLP", apart, 1e-5, "lower", "float32")


def _gap(device: str) -> Figure:
    """The largest relative gap over networks with pooling, attention, and functional, reused and in-place activations."""
    worst = (0.0, "")
    networks = {name: (network, ROW) for name, network in row_networks().items()} | structured_networks()
    for name, (network, shape) in networks.items():
        inputs, baselines = (drawn(rows, shape, torch.float32, seed=seed).to(device) for rows, seed in ((16, 1), (32, 2)))
        found = deep_shap(fixed(network, torch.float32).to(device), inputs, baselines, torch.arange(16, device=device) % 3)
        change = np.abs(found.total - found.base)
        worst = max(worst, (float((found.gap / np.maximum(change, change.mean())).max()), name))
    return Figure(FAMILY, "DeepSHAP: largest relative gap", worst[0], 1e-5, "lower", f"float32, {len(networks)} networks; in {worst[1]!r}")


def _kin(device: str) -> Iterator[Figure]:
    """Largest differences to captum on a network of images, over the largest attribution."""
    body = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 2), nn.ReLU())
    network = fixed(Written(lambda m, x: m[1](torch.flatten(m[0](x), 1)), body, nn.Linear(36, 3))).to(device)
    inputs, target = drawn(6, IMAGE).to(device), torch.arange(6, device=device) % 3
    windows = sliding_windows(IMAGE, (1, 3, 3), (1, 2, 2))
    falls = per_entry(occlusion(network, inputs, torch.zeros_like(inputs[:1]), windows, target).values, windows)
    for name, ours, theirs in (
        ("occlusion", falls, Occlusion(network).attribute(inputs, (1, 3, 3), (1, 2, 2), target=target)),
        ("relevance propagation", layer_relevance(network, inputs, target, epsilon=1e-9).values, LRP(network).attribute(inputs, target=target)),
        ("guided backpropagation", guided_backpropagation(network, inputs, target), GuidedBackprop(network).attribute(inputs, target=target)),
    ):
        other = theirs.detach().cpu().numpy()
        apart = float(np.abs(np.asarray(torch.as_tensor(ours).cpu()) - other).max() / np.abs(other).max())
        yield Figure(FAMILY, f"{name}: largest relative difference to captum", apart, 1e-6, "lower", "float64, CNN with max-pooling")


def _bare(network: nn.Module, points: Tensor) -> Callable[[], None]:
    """Forward and backward on as many points, as many at a time."""

    def call() -> None:
        for part in torch.split(points, CHUNK):
            leaf = part.clone().requires_grad_(True)
            torch.autograd.grad(network(leaf)[:, 0].sum(), leaf)

    return call
