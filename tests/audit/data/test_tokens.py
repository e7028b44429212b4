"""Texts become ids by a vocabulary or a tokenizer file; bad files are refused in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from audit.data.tokens import Kind, Tokeniser, open_tokeniser
from audit.errors import DataError

WORDS = ["<pad>", "<unk>", "<mask>", "the", "don't", "cat", ",", "é"]


def opened(folder: Path, content: str, name: str = "vocabulary.txt", *, kind: Kind = "word", absent: str | None = None) -> Tokeniser:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return open_tokeniser(path, kind=kind, lower=True, pad="<pad>", unknown="<unk>", absent=absent)


def test_words_and_marks_are_looked_up_in_lower_case(tmp_path: Path) -> None:
    held = opened(tmp_path, "\n".join(WORDS) + "\n")

    assert held.pieces("The CAT, don't É dog", 10) == [("the", 3), ("cat", 5), (",", 6), ("don't", 4), ("é", 7), ("dog", 1)]
    assert (held.pad, held.absent, held.size) == (0, 0, 8)


def test_the_start_or_the_end_of_a_long_text_is_kept(tmp_path: Path) -> None:
    held = opened(tmp_path, "\n".join(WORDS))

    assert [piece for piece, _ in held.pieces("the cat the cat ,", 2)] == ["the", "cat"]
    assert [piece for piece, _ in held.pieces("the cat the cat ,", 2, keep="end")] == ["cat", ","]


@pytest.mark.parametrize("content", [json.dumps(WORDS), json.dumps({word: place for place, word in enumerate(WORDS)})])
def test_a_json_vocabulary_says_the_same(tmp_path: Path, content: str) -> None:
    assert opened(tmp_path, content, "v.json", absent="<mask>").pieces("the cat", 5) == [("the", 3), ("cat", 5)]
    assert opened(tmp_path, content, "v.json", absent="<mask>").absent == 2


@given(st.text(max_size=40))
def test_characters_are_taken_one_by_one(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    held = opened(tmp_path_factory.getbasetemp(), json.dumps(["<pad>", "<unk>", "a", "b"]), "characters.json", kind="character")

    assert [piece for piece, _ in held.pieces(text, 1000)] == list(text.lower())


def test_a_tokenizer_file_gives_its_own_ids(tmp_path: Path) -> None:
    made = Tokenizer(WordLevel({word: place for place, word in enumerate(WORDS)}, unk_token="<unk>"))  # noqa: S106  a token, no password
    made.pre_tokenizer = Whitespace()
    made.enable_padding(length=12)
    made.enable_truncation(2)
    held = opened(tmp_path, made.to_str(), "tokenizer.json", kind="tokenizer")

    assert held.pieces("the cat the dog", 10) == [("the", 3), ("cat", 5), ("the", 3), ("<unk>", 1)]


@pytest.mark.parametrize(
    ("name", "content", "kind", "words"),
    [
        ("v.json", "{not json", "word", "cannot be read as a vocabulary"),
        ("v.json", '{"a": -1}', "word", "expected one token a line"),
        ("v.json", "[1, 2]", "word", "expected one token a line"),
        ("v.json", "[" * 100_000, "word", "cannot be read as a vocabulary"),
        ("v.txt", "a\nb\n", "word", "data.text.unknown is '<unk>'"),
        ("t.json", '{"model": "pickle"}', "tokenizer", "cannot be read as a tokenizer"),
    ],
)
def test_bad_files_are_refused_by_name(tmp_path: Path, name: str, content: str, kind: Kind, words: str) -> None:
    with pytest.raises(DataError, match=words):
        opened(tmp_path, content, name, kind=kind)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        open_tokeniser(tmp_path / "none.txt", kind="word", lower=True, pad="<pad>", unknown="<unk>", absent=None)
