"""Writes the tables of this recipe from the published Location-30 file, with Python's own library alone.

    python make.py dataset_location.tgz FOLDER

The archive, or the table in it: 5,010 lines, the class from 1 to 30 first, then 446 columns of 0 and 1. A fixed seed draws 2,400 records to
audit, half of them members, and leaves 2,610 as population.
"""

import csv
import io
import random
import sys
import tarfile
from pathlib import Path

RECORDS, COLUMNS, CLASSES, AUDITED = 5010, 446, 30, 2400


def rows(path: Path) -> list[list[str]]:
    if tarfile.is_tarfile(path):
        with tarfile.open(path) as archive:
            files = [member for member in archive if member.isfile()]
            if len(files) != 1:
                sys.exit(f"{path}: {len(files)} files, expected the one table")
            text = archive.extractfile(files[0]).read().decode()
    else:
        text = path.read_text()
    table = list(csv.reader(io.StringIO(text)))
    if len(table) != RECORDS or any(len(row) != COLUMNS + 1 for row in table):
        sys.exit(f"{path}: expected {RECORDS} lines of {COLUMNS + 1} columns")
    if {int(row[0]) for row in table} != set(range(1, CLASSES + 1)):
        sys.exit(f"{path}: expected the classes 1 to {CLASSES} in the first column")
    if any(cell not in ("0", "1") for row in table for cell in row[1:]):
        sys.exit(f"{path}: expected 0 and 1 behind the class")
    return table


def write(path: Path, head: list[str], lines) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([head, *lines])


def main(source: str, target: str) -> None:
    table, folder = rows(Path(source)), Path(target)
    folder.mkdir(parents=True, exist_ok=True)
    order = list(range(RECORDS))
    random.Random(30).shuffle(order)
    label = [int(row[0]) - 1 for row in table]
    audited, population = order[:AUDITED], order[AUDITED:]
    members = set(audited[: AUDITED // 2])
    write(
        folder / "records.csv",
        ["id", "label", "member"],
        ([f"location-{i}", label[i], int(i in members)] for i in sorted(audited)),
    )
    write(folder / "population.csv", ["id", "label"], ([f"location-{i}", label[i]] for i in sorted(population)))
    places = [f"place-{column}" for column in range(COLUMNS)]
    write(folder / "inputs.csv", ["id", *places], ([f"location-{i}", *row[1:]] for i, row in enumerate(table)))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
