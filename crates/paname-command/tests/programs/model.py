"""A model as a program, for tests: a record's logits follow from its number in `points.csv`, and a fitted model adds 5 to the class of its members.

New inputs are arrays with the x first, or a table with the columns x, town and free. Standard library only. `points.csv` lies beside this file: id, x and class, in the order of the roster.
"""

import argparse
import array
import ast
import csv
import json
import os
import struct
import sys
import zipfile


def load(data):
    """The shape and the elements of an array in the npy format, version 1."""
    (length,) = struct.unpack("<H", data[8:10])
    header = ast.literal_eval(data[10 : 10 + length].decode("latin-1"))
    if header["descr"].startswith("<U"):
        width = 4 * int(header["descr"][2:])
        texts = data[10 + length :]
        cells = [texts[i * width : (i + 1) * width].decode("utf-32-le") for i in range(header["shape"][0])]
        return header["shape"], [cell.rstrip("\0") for cell in cells]
    elements = array.array({"<f4": "f", "<f8": "d", "<i8": "q", "|b1": "b"}[header["descr"]])
    elements.frombytes(data[10 + length :])
    return header["shape"], elements


def dump(descr, shape, elements):
    """An array in the npy format."""
    header = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode()
    header += b" " * (63 - (10 + len(header)) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + elements.tobytes()


def points():
    with open(os.path.join(os.path.dirname(__file__), "points.csv"), newline="") as file:
        return [(row["id"], float(row["x"]), int(row["class"])) for row in csv.DictReader(file)]


def answer_new(arguments, archive):
    """About inputs that are no records."""
    names = archive.namelist()
    get = lambda name: load(archive.read(name + ".npy"))
    if "rows.npy" in names or os.path.exists(os.path.join(os.path.dirname(arguments.inputs), "ids.txt")):
        sys.exit(3)
    logits = array.array("f")
    if "inputs.npy" in names:
        (count, width), inputs = get("inputs")
        for row in range(count):
            logits.extend([inputs[row * width], -inputs[row * width], 0.0])
    else:
        (count,), x = get("inputs/x")
        gaps = get("missing/x")[1] if "missing/x.npy" in names else [0] * count
        towns, free = get("inputs/town")[1], get("inputs/free")[1]
        for row in range(count):
            logits.extend([-1.0 if gaps[row] else x[row], len(towns[row]) + (towns[row] == "Orléans"), free[row]])
    answers = {"logits": ("<f4", (count, 3), logits)}
    if "labels.npy" in names:
        answers["loss"] = ("<f8", (count,), array.array("d", [label + 0.25 for label in get("labels")[1]]))
    if count == 13:
        print("thirteen are too many", file=sys.stderr)
        sys.exit(1)
    with zipfile.ZipFile(arguments.outputs, "w") as archive:
        for name in arguments.want.split(","):
            archive.writestr(name + ".npy", dump(*answers[name]))


def predict(arguments):
    with zipfile.ZipFile(arguments.inputs) as archive:
        if "rows.npy" not in archive.namelist():
            answer_new(arguments, archive)
            return
        _, rows = load(archive.read("rows.npy"))
        _, augmentation = load(archive.read("augmentation.npy"))
        labels = load(archive.read("labels.npy"))[1] if "labels.npy" in archive.namelist() else None
    known = points()
    ids = os.path.join(os.path.dirname(arguments.inputs), "ids.txt")
    if os.path.exists(ids):
        with open(ids, newline="\n") as file:
            names = [json.loads(line) if line.startswith('"') else line for line in file.read().splitlines()]
        if names != [known[row][0] for row in rows]:
            sys.exit(3)
    members = set()
    if arguments.weights:
        with open(os.path.join(arguments.weights, "members.json")) as file:
            members = set(json.load(file))
    print("asked about", len(rows), arguments.want)
    logits = array.array("f")
    for row in rows:
        _, x, label = known[row]
        row_logits = [x + augmentation[0], -x, 0.0]
        row_logits[label] += 5.0 if row in members else 0.0
        logits.extend(row_logits)
    answers = {"logits": ("<f4", (len(rows), 3), logits)}
    if labels is not None:
        answers["loss"] = ("<f8", (len(rows),), array.array("d", [float(label) for label in labels]))
    with zipfile.ZipFile(arguments.outputs, "w") as archive:
        for name in arguments.want.split(","):
            archive.writestr(name + ".npy", dump(*answers[name]))


def fit(arguments):
    if arguments.seed == "13":
        print("seed 13 is not for me", file=sys.stderr)
        sys.exit(1)
    with open(arguments.rows, "rb") as file:
        _, rows = load(file.read())
    total = 0.0
    if arguments.data:
        with zipfile.ZipFile(arguments.data) as archive:
            total = sum(load(archive.read("inputs.npy"))[1])
    if arguments.recipe:
        with open(arguments.recipe) as file:
            total += json.load(file)["epochs"]
    with open(os.path.join(arguments.out, "members.json"), "w") as file:
        json.dump(list(rows), file)
    with open(os.path.join(arguments.out, "train.json"), "w") as file:
        json.dump({"train_loss": total, "train_accuracy": 1.0, "more": []}, file)


parser = argparse.ArgumentParser()
parser.add_argument("verb", choices=["predict", "fit"])
for option in ("inputs", "outputs", "want", "weights", "threads", "rows", "seed", "out", "recipe", "data"):
    parser.add_argument("--" + option)
options = parser.parse_args()
(predict if options.verb == "predict" else fit)(options)
