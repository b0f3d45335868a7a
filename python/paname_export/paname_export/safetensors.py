"""Tensors in one file: eight bytes that say how long the header is, a JSON header, the numbers.

Written here rather than taken from the package of that name, so that torch is the only dependency.
"""

import ctypes
import itertools
import json
import struct

import torch

#: What the format calls each type of number that it can hold here.
DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}

#: Where the numbers begin is a multiple of this, so that a reader may map them into memory.
ALIGNMENT = 64


def encoded(tensors, metadata=None):
    """The file of `tensors` (name to tensor on the processor, dense, of a type in DTYPES): its size, and byte strings to write one after the other.

    The format allows no holes, so the widest numbers come first: each tensor then lies at a multiple of its own width.
    """
    order = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    header, at = {}, 0
    if metadata:
        header["__metadata__"] = metadata
    for name in order:
        tensor = tensors[name]
        size = tensor.numel() * tensor.element_size()
        header[name] = {"dtype": DTYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % ALIGNMENT)
    # One tensor at a time, so that a large model is not in memory twice.
    pieces = itertools.chain([struct.pack("<Q", len(text)), text], (number_bytes(tensors[name]) for name in order))
    return 8 + len(text) + at, pieces


def number_bytes(tensor):
    """The numbers of a tensor in row-major order."""
    tensor = tensor.detach().contiguous()
    size = tensor.numel() * tensor.element_size()
    return ctypes.string_at(tensor.data_ptr(), size) if size else b""


def write(path, tensors, metadata=None):
    """Writes a file of `tensors`."""
    with open(path, "wb") as file:
        for piece in encoded(tensors, metadata)[1]:
            file.write(piece)


def header_of(data):
    """The header of a file, and where in it the numbers begin; `ValueError` where it is not one."""
    if len(data) < 8:
        raise ValueError("the weights are shorter than a header")
    (length,) = struct.unpack("<Q", data[:8])
    if length > len(data) - 8:
        raise ValueError("the header of the weights is longer than the file")
    return json.loads(bytes(data[8 : 8 + length]).decode()), 8 + length


def read(data):
    """Name to tensor of the bytes of a file, each a copy."""
    header, begin = header_of(data)
    types = {word: dtype for dtype, word in DTYPES.items()}
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            first, last = entry["data_offsets"]
            raw = bytearray(data[begin + first : begin + last])
            dtype = types[entry["dtype"]]
            flat = torch.frombuffer(raw, dtype=dtype) if raw else torch.empty(0, dtype=dtype)
            tensors[name] = flat.reshape(entry["shape"])
    return tensors
