"""Draws an audit from the Adult census: make.py TABLE FOLDER [--rows N] [--population N] [--seed S]

Members, as many non-members and a population, drawn by chance: records.csv, population.csv and inputs.csv in FOLDER. Standard library only.

The attribute is whether a person is married, which stands in place of the marital status. The columns that tell it by another name (the relationship)
and that tell persons apart (the weight in the census) are left out.
"""

import argparse
import csv
import pathlib
import random

MARRIED = {"Married-civ-spouse", "Married-AF-spouse"}
LEFT_OUT = {"id", "fnlwgt", "Relationship", "MaritalStatus", "Income"}

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("table", type=pathlib.Path)
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("--rows", type=int, default=10_000, help="members, and as many non-members")
parser.add_argument("--population", type=int, default=10_000)
parser.add_argument("--seed", type=int, default=0)
options = parser.parse_args()

with open(options.table, newline="") as file:
    persons = list(csv.DictReader(file))
needed = 2 * options.rows + options.population
if needed > len(persons):
    parser.error(f"{needed} persons are wanted, and the census has {len(persons)}")
random.Random(options.seed).shuffle(persons)
audited, population = persons[: 2 * options.rows], persons[2 * options.rows : needed]
members = {person["id"] for person in audited[: options.rows]}
audited.sort(key=lambda person: int(person["id"]))
columns = [name for name in persons[0] if name not in LEFT_OUT]


def write(name, header, rows):
    with open(options.folder / name, "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(header)
        table.writerows(rows)


def label(person):
    return int(person["Income"] == ">50K")


def married(person):
    return "yes" if person["MaritalStatus"] in MARRIED else "no"


options.folder.mkdir(parents=True, exist_ok=True)
write(
    "records.csv",
    ["id", "label", "member", "group"],
    ([p["id"], label(p), int(p["id"] in members), p["Gender"]] for p in audited),
)
write("population.csv", ["id", "label"], ([p["id"], label(p)] for p in population))
write("inputs.csv", ["id", "married", *columns], ([p["id"], married(p), *(p[c] for c in columns)] for p in audited + population))
