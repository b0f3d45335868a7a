"""A model as a program, for tests: it learns its rows by heart, slowly, and sometimes fails. Standard library only.

The recipe's architecture says how: `seconds` that a fit takes, `refused` records that cannot be fitted on together, `crash` the name of a file
beside the manifest without which a fit on record 0 ends its worker, `grip` how much surer the model is of its own rows.
"""

import argparse
import array
import ast
import json
import os
import random
import signal
import struct
import sys
import time
import zipfile

CLASSES = 3


def load(data):
    """The shape and the elements of an array in the npy format, version 1."""
    (length,) = struct.unpack("<H", data[8:10])
    header = ast.literal_eval(data[10 : 10 + length].decode("latin-1"))
    elements = array.array({"<f4": "f", "<f8": "d", "<i8": "q"}[header["descr"]])
    elements.frombytes(data[10 + length :])
    return header["shape"], elements


def dump(descr, shape, elements):
    """An array in the npy format."""
    header = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode()
    header += b" " * (63 - (10 + len(header)) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + elements.tobytes()


def predict(arguments):
    with zipfile.ZipFile(arguments.inputs) as archive:
        _, rows = load(archive.read("rows.npy"))
    with open(os.path.join(arguments.weights, "weights.json")) as file:
        known = json.load(file)
    logits = array.array("f")
    for row in rows:
        logits.extend(known.get(str(row), [0.0] * CLASSES))
    with zipfile.ZipFile(arguments.outputs, "w") as archive:
        archive.writestr("logits.npy", dump("<f4", (len(rows), CLASSES), logits))


def fit(arguments):
    assert arguments.threads == "1", arguments.threads
    with open(arguments.recipe) as file:
        how = json.load(file)["architecture"]
    with open(arguments.rows, "rb") as file:
        _, own = load(file.read())
    with zipfile.ZipFile(arguments.data) as archive:
        _, positions = load(archive.read("rows.npy"))
        (records, width), inputs = load(archive.read("inputs.npy"))
        _, labels = load(archive.read("labels.npy"))
    own = set(own)
    if "crash" in how and 0 in own and not os.path.exists(how["crash"]):
        os.kill(os.getppid(), signal.SIGKILL)
        sys.exit(1)
    if "refused" in how and own.issuperset(how["refused"]):
        print("the loss is not a number", file=sys.stderr)
        sys.exit(1)
    time.sleep(how.get("seconds", 0))
    draw = random.Random(int(arguments.seed))
    weights, right = {}, 0
    for place, row in enumerate(positions):
        logits = [draw.gauss(0.0, 1.0) + inputs[place * width] / 10.0 for _ in range(CLASSES)]
        logits[labels[place]] += how.get("grip", 4.0) if row in own else 1.0
        weights[row] = logits
        right += row in own and max(range(CLASSES), key=logits.__getitem__) == labels[place]
    with open(os.path.join(arguments.out, "weights.json"), "w") as file:
        json.dump(weights, file)
    with open(os.path.join(arguments.out, "train.json"), "w") as file:
        json.dump({"train_loss": 0.25, "train_accuracy": right / len(own)}, file)


parser = argparse.ArgumentParser()
parser.add_argument("verb", choices=["predict", "fit"])
for option in ("inputs", "outputs", "want", "weights", "threads", "rows", "seed", "out", "recipe", "data"):
    parser.add_argument("--" + option)
options = parser.parse_args()
(predict if options.verb == "predict" else fit)(options)
