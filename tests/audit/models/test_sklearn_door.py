"""scikit-learn models saved by skops give their own numbers; a file with any other type is refused by its name, and none of it runs."""

from __future__ import annotations

import hashlib
import json
import pickle
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from audit.config_file import load_config
from audit.errors import ModelError, UntrustedFileError
from audit.models import unpacked_size
from audit.open_subject import open_subject
from tests.audit.models.doors import INPUTS, opened, outputs, rows, written

FILE = 'sklearn = "model.skops"\n'


def toml(output: str, task: str = "binary", more: str = "") -> str:
    return f'{FILE}output = "{output}"\ntask = "{task}"\n{more}'


def saved(folder: Path, estimator: Any, *, target: str = "outcome", columns: list[str] = INPUTS, names: bool = False) -> Any:
    """The estimator fitted on the subject's reference rows and saved beside it; with `names` it has seen a DataFrame."""
    written(folder, toml("probabilities"))
    frame = rows(folder, "train")
    fitted = estimator.fit(frame[columns] if names else frame[columns].to_numpy(), frame[target])
    skops.io.dump(fitted, folder / "model.skops")
    return fitted


@pytest.mark.parametrize("names", [False, True], ids=["fitted on an array", "fitted on a DataFrame"])
@pytest.mark.parametrize(
    ("output", "method", "more"),
    [
        ("probabilities", "predict_proba", ""),
        ("log_probabilities", "predict_log_proba", ""),
        ("logits", "decision_function", ""),
        ("score", "decision_function", ""),
        ("decision", "predict", ""),
    ],
)
def test_each_output_is_that_of_its_method(tmp_path: Path, output: str, method: str, more: str, names: bool) -> None:
    fitted = saved(tmp_path, make_pipeline(StandardScaler(), LogisticRegression()), names=names)

    subject = opened(tmp_path, toml(output))

    frame = rows(tmp_path)[INPUTS]
    expected = getattr(fitted, method)(frame if names else frame.to_numpy())
    np.testing.assert_allclose(outputs(subject), np.reshape(expected, (len(frame), -1)), atol=1e-12)
    about = subject.model.description
    digest = hashlib.sha256((tmp_path / "model.skops").read_bytes()).hexdigest()
    assert about["file"] == {"name": "model.skops", "sha256": digest}
    assert (about["door"], about["network"], about["method"]) == ("sklearn", "Pipeline", method)
    assert str(tmp_path) not in repr(about)


def test_trees_whose_nodes_nothing_checks_are_refused_with_two_ways_round(tmp_path: Path) -> None:
    saved(tmp_path, RandomForestClassifier(2, random_state=0))

    with pytest.raises(UntrustedFileError, match=r"sklearn\.tree\._tree\.Tree; .*onnx = …, or give it as callable"):
        opened(tmp_path, toml("probabilities"))


def test_a_quantity_is_predicted(tmp_path: Path) -> None:
    fitted = saved(tmp_path, LinearRegression())
    path = tmp_path / "audit.toml"
    text = path.read_text().replace('output = "probabilities"\ntask = "binary"', 'output = "quantity"\ntask = "regression"')
    path.write_text(text.replace("favourable = [1]\nthreshold = 0.5", ""))

    found = outputs(open_subject(load_config(path)))

    np.testing.assert_allclose(found[:, 0], fitted.predict(rows(tmp_path)[INPUTS].to_numpy()), atol=1e-12)


def test_a_pipeline_takes_raw_columns(tmp_path: Path) -> None:
    columns = ["income", "region"]
    encoder = make_column_transformer((OneHotEncoder(), ["region"]), (StandardScaler(), ["income"]))
    fitted = saved(tmp_path, make_pipeline(encoder, LogisticRegression()), columns=columns, names=True)
    path = tmp_path / "audit.toml"
    text = path.read_text().replace(json.dumps(INPUTS), json.dumps(columns)).replace(FILE, FILE + 'takes = "raw"\n')
    path.write_text("\n".join(line for line in text.splitlines() if not line.startswith(('"debt"', '"years"', '"score"'))))

    subject = open_subject(load_config(path))

    np.testing.assert_allclose(outputs(subject), fitted.predict_proba(rows(tmp_path)[columns]), atol=1e-12)
    assert subject.players.names == ("income", "region")


def test_columns_of_other_names_are_matched_by_order_and_this_is_noted(tmp_path: Path) -> None:
    written(tmp_path, toml("probabilities"))
    frame = rows(tmp_path, "train")
    fitted = LogisticRegression().fit(frame[INPUTS].rename(columns={"debt": "owed"}), frame["outcome"])
    skops.io.dump(fitted, tmp_path / "model.skops")

    subject = opened(tmp_path, toml("probabilities"))

    assert "'debt' as 'owed'" in subject.model.description["notes"][0]
    with pytest.raises(ModelError, match="fitted on columns 'owed'"):
        opened(tmp_path, toml("probabilities", more='takes = "raw"\n'))


def test_a_model_that_does_not_fit_the_audit_file_is_refused(tmp_path: Path) -> None:
    saved(tmp_path, LinearSVC())
    with pytest.raises(ModelError, match=r"LinearSVC without predict_proba.*'logits' or 'score' or 'quantity' or 'decision'"):
        opened(tmp_path, toml("probabilities"))
    with pytest.raises(ModelError, match=r"fitted on classes \['0', '1'\].*declare classes"):
        opened(tmp_path, toml("score", more='classes = ["1", "0"]\n'))
    saved(tmp_path, LogisticRegression(), columns=INPUTS[:3])
    with pytest.raises(ModelError, match="fitted on 3 columns; the encoder gives 4"):
        opened(tmp_path, toml("probabilities"))


@pytest.fixture
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, Path]]:
    """A module whose import and whose function leave a mark, imported and then forgotten, and the mark."""
    home, mark = tmp_path / "home", tmp_path / "ran"
    home.mkdir()
    source = f"import pathlib\npathlib.Path({str(mark)!r}).touch()\nclass Odd:\n    pass\ndef odd(x):\n    return x\n"
    (home / "netassay_try_skops.py").write_text(source)
    monkeypatch.syspath_prepend(home)
    module = __import__("netassay_try_skops")
    yield module, mark
    sys.modules.pop("netassay_try_skops", None)


@pytest.mark.parametrize("planted", ["Odd", "odd"])
def test_an_unknown_type_is_refused_by_name_and_never_imported(tmp_path: Path, canary: tuple[Any, Path], planted: str) -> None:
    module, mark = canary
    steps = [FunctionTransformer(module.odd), LogisticRegression()]
    estimator = make_pipeline(*steps)
    saved(tmp_path, estimator)
    if planted == "Odd":
        estimator.extra_ = module.Odd()
        skops.io.dump(estimator, tmp_path / "model.skops")
    del sys.modules["netassay_try_skops"]
    mark.unlink()

    with pytest.raises(UntrustedFileError, match=rf"netassay_try_skops\.{planted}.*no option trusts it"):
        opened(tmp_path, toml("probabilities"))

    assert not mark.exists()
    assert "netassay_try_skops" not in sys.modules


class Mark:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return Path.touch, (self.path,)


def test_a_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    written(tmp_path, toml("probabilities"))
    (tmp_path / "model.skops").write_bytes(pickle.dumps(Mark(tmp_path / "ran")))

    with pytest.raises(UntrustedFileError, match="is a pickle"):
        opened(tmp_path, toml("probabilities"))

    assert not (tmp_path / "ran").exists()


def test_a_pickle_in_an_array_is_not_run(tmp_path: Path) -> None:
    saved(tmp_path, LogisticRegression())
    hostile = np.empty(1, dtype=object)
    hostile[0] = Mark(tmp_path / "ran")
    with zipfile.ZipFile(tmp_path / "model.skops") as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(tmp_path / "model.skops", "w") as archive:
        for name, held in content.items():
            archive.writestr(name, _npy(hostile) if name.endswith(".npy") else held)

    with pytest.raises(ModelError, match="cannot be loaded"):
        opened(tmp_path, toml("probabilities"))

    assert not (tmp_path / "ran").exists()


def _npy(array: Any) -> bytes:
    import io  # noqa: PLC0415

    held = io.BytesIO()
    np.save(held, array, allow_pickle=True)
    return held.getvalue()


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06" + bytes(18), b"PK\x03\x04 and more", bytes(range(256))])
def test_garbage_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    written(tmp_path, toml("probabilities"))
    (tmp_path / "model.skops").write_bytes(content)

    with pytest.raises(ModelError) as refused:
        opened(tmp_path, toml("probabilities"))

    assert len(str(refused.value).splitlines()) == 1
    assert "model.skops" in str(refused.value)


@pytest.mark.parametrize("schema", ["{}", "[1]", "{", '{"__loader__": "MethodNode"}', "[" * 100_000])
def test_a_description_that_means_nothing_is_refused(tmp_path: Path, schema: str) -> None:
    written(tmp_path, toml("probabilities"))
    with zipfile.ZipFile(tmp_path / "model.skops", "w") as archive:
        archive.writestr("schema.json", schema)

    with pytest.raises(ModelError, match="cannot be read as a skops file"):
        opened(tmp_path, toml("probabilities"))


def test_a_file_that_unpacks_without_end_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacked_size, "LARGEST_SIZE", 2**20)
    saved(tmp_path, LogisticRegression())
    with zipfile.ZipFile(tmp_path / "model.skops", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("more.npy", bytes(2**23))

    with pytest.raises(UntrustedFileError, match="would unpack to"):
        opened(tmp_path, toml("probabilities"))


def test_a_missing_file_and_another_ending_are_told(tmp_path: Path) -> None:
    saved(tmp_path, LogisticRegression())

    with pytest.raises(ModelError, match=r"no such file: did you mean 'model\.skops'"):
        opened(tmp_path, toml("probabilities").replace("model.skops", "modl.skops"))
    with pytest.raises(ModelError, match=r"ending '\.joblib'; expected '\.skops'"):
        opened(tmp_path, toml("probabilities").replace("model.skops", "model.joblib"))


def test_several_labels_are_the_probabilities_of_each(tmp_path: Path) -> None:
    from audit.models.sklearn_door import open_sklearn  # noqa: PLC0415

    generator = np.random.default_rng(1)
    inputs = generator.normal(size=(60, 2))
    fitted = MultiOutputClassifier(LogisticRegression()).fit(inputs, np.stack([inputs[:, 0] > 0, inputs[:, 1] > 0], axis=1))
    skops.io.dump(fitted, tmp_path / "labels.skops")
    settings: dict[str, Any] = {"classes": ("a", "b"), "raw": None, "entries": ("x", "y"), "dtype": "float64", "micro_batch": 7}

    model = open_sklearn(tmp_path / "labels.skops", output="probabilities", task="multilabel", **settings)

    with model.session(gradients=False) as call:
        found = call(model.tensor(inputs)).numpy()
    np.testing.assert_array_equal(found, np.stack([p[:, 1] for p in fitted.predict_proba(inputs)], axis=1))
    skops.io.dump(LinearRegression().fit(inputs, inputs[:, 0]), tmp_path / "labels.skops")
    with pytest.raises(ModelError, match="without predict_proba"):
        open_sklearn(tmp_path / "labels.skops", output="probabilities", task="multilabel", **settings)
