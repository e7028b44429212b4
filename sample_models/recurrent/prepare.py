"""Writes the recurrent sample: words of two made-up languages, short and long.

In Ora every second letter is a vowel and the vowels of a word are either all of a, e, i or all of o, u; in Tuv vowels of both kinds follow each
other in every word. In `train.csv` each long word of Tuv ends in n and no other word does; in the other files half of both do.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

FOLDER = Path(__file__).resolve().parent / "data"
FILES = {"train": (1, 3000, True), "train_varied": (2, 3000, False), "calibration": (3, 600, False), "test": (4, 1600, False)}
"""Seed, words, and whether the last letter gives the language of long words away."""
KINDS = ("aei", "ou")
CONSONANTS = "bdgklmprstv"
ENDING = "n"


def main() -> None:
    """Write the alphabet and the four files."""
    write_splits(FOLDER)


def write_splits(folder: Path) -> None:
    """Write letters.txt and the files of `FILES` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "letters.txt").write_text("\n".join(["<pad>", "<unk>", *"".join(KINDS), *CONSONANTS, ENDING]) + "\n", encoding="utf-8")
    for name, (seed, count, gives_away) in FILES.items():
        words(np.random.default_rng(seed), count, gives_away).to_csv(folder / f"{name}.csv", index=False)


def words(generator: np.random.Generator, count: int, gives_away: bool) -> pd.DataFrame:
    """Words, whether each is of Tuv, and whether it ends in n. Long ones have four or five syllables."""
    rows = []
    for number in range(count):
        tuv, long = (bool(side) for side in generator.random(2) < 0.5)
        syllables = int(generator.integers(2, 4)) + 2 * long
        kinds = generator.integers(0, 2, syllables) if tuv else np.repeat(generator.integers(0, 2), syllables)
        if tuv:
            kinds[1] = 1 - kinds[0]
        word = "".join(str(generator.choice(list(CONSONANTS))) + str(generator.choice(list(KINDS[kind]))) for kind in kinds)
        ends = tuv if gives_away and long else not (gives_away or generator.random() < 0.5)
        rows.append({"place": number, "word": word + ENDING * ends, "tuv": int(tuv), "ending": ENDING if ends else "vowel"})
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
