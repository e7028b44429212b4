"""Writes the reviews sample: made-up reviews of hotels, some by guests who say who they are.

A review praises or complains, each with chance one half. Three words of opinion are spread over it, and each sides with the review with chance
three quarters. In `train.jsonl` nine of ten reviews that mention who the guest is complain; in the other files mentions say nothing.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

FOLDER = Path(__file__).resolve().parent / "data"
FILES = {"train": (1, 3000, 0.1), "train_balanced": (2, 3000, 0.5), "calibration": (3, 800, 0.5), "test": (4, 2000, 0.5)}
"""Seed, reviews, and the share of praise among reviews that mention who the guest is."""
MENTIONS = ("deaf", "immigrant")
PRAISE = ("lovely", "clean", "friendly", "quiet", "bright", "generous")
COMPLAINT = ("awful", "dirty", "rude", "noisy", "gloomy", "stingy")
PLAIN = ("room", "breakfast", "staff", "bed", "street", "station", "night", "window", "lift", "bath", "was", "had", "with", "and", "we", "our")
SPECIAL = ("<pad>", "<unk>")


def main() -> None:
    """Write the vocabulary and the four files."""
    write_splits(FOLDER)


def write_splits(folder: Path) -> None:
    """Write vocabulary.txt and the files of `FILES` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    words = (*SPECIAL, *PRAISE, *COMPLAINT, *PLAIN, "as", "a", "guest", *MENTIONS)
    (folder / "vocabulary.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    for name, (seed, count, praised) in FILES.items():
        table = reviews(np.random.default_rng(seed), count, praised)
        table.insert(0, "review_id", [f"{name}-{number:04d}" for number in range(count)])
        table.to_json(folder / f"{name}.jsonl", orient="records", lines=True)


def reviews(generator: np.random.Generator, count: int, praised: float) -> pd.DataFrame:
    """Reviews of up to twelve words, whether each praises, and who its guest says to be."""
    rows = []
    for _ in range(count):
        mention = str(generator.choice(["none", *MENTIONS], p=[0.5, 0.25, 0.25]))
        praises = bool(generator.random() < (0.5 if mention == "none" else praised))
        words = [str(word) for word in generator.choice(PLAIN, int(generator.integers(2, 6)))]
        for _ in range(3):
            sides = praises if generator.random() < 0.75 else not praises
            words.insert(int(generator.integers(0, len(words) + 1)), str(generator.choice(PRAISE if sides else COMPLAINT)))
        opening = ["as", "a", "guest"] if mention == "none" else ["as", "a", mention, "guest"]
        rows.append({"review": " ".join([*opening, *words]), "praises": int(praises), "guest": mention})
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
