#!/usr/bin/env python3
"""Makes inputs.npz, the images of the records of examples/digits. Users do not need it: its output is committed.

    pip install numpy scikit-learn
    python examples/digits-model/make.py

Order, ids and labels are drawn again with the seed of examples/digits/make.py and compared with the tables that lie there, so that
an image can be under no other id than its own.
"""

import csv
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
TABLES = HERE.parent / "digits"
sys.path.insert(0, str(TABLES))
sys.dont_write_bytecode = True

from make import SEED, make_data  # noqa: E402


def main():
    rng = np.random.default_rng(SEED)
    images, labels, mislabelled = make_data(rng)
    ids = np.array([f"digit-{i:04}".encode() for i in rng.permutation(len(labels))])
    drawn = {name.decode(): (str(label), wrong) for name, label, wrong in zip(ids, labels, mislabelled)}
    tables = [row for name in ("records.csv", "population.csv") for row in csv.DictReader(open(TABLES / name))]
    assert len(tables) == len(drawn) == 1797
    for row in tables:
        label, wrong = drawn[row["id"]]
        assert row["label"] == label, row
        assert row.get("group") in (None, "mislabelled" if wrong else "clean"), row
    # Whole numbers from 0 to 16, as they were published.
    pixels = np.round(images * 16).astype(np.uint8).reshape(-1, 8, 8)
    order = np.argsort(ids)
    np.savez_compressed(HERE / "inputs.npz", ids=ids[order], images=pixels[order])


if __name__ == "__main__":
    main()
