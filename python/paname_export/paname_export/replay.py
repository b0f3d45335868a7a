"""Reads an archive back, checks it, and computes what it says, by torch but without any code of the model."""

import itertools

import torch

from . import archive, safetensors
from .errors import ExportError

_OPERATORS = {"eq", "ne", "le", "ge", "lt", "gt", "neg", "pos", "mul", "add", "sub", "floordiv", "mod", "pow", "truediv", "and_", "or_", "lshift", "rshift"}
_PLAIN = {"as_int", "as_bool", "as_string", "as_ints", "as_bools", "as_strings"}
_WORDS = {"Infinity": float("inf"), "-Infinity": float("-inf"), "NaN": float("nan")}


class Archive:
    """An archive that has been read: `card`, and `archive(*inputs)` gives the outputs in their order."""

    def __init__(self, path):
        from .program import LAYOUTS, MEMORY_FORMATS, SCALAR_TYPES

        self.card, model, weights = archive.read(path)
        self.path = path
        self._tables = {
            "as_scalar_type": {number: value for value, number in SCALAR_TYPES.items()},
            "as_layout": {number: value for value, number in LAYOUTS.items()},
            "as_memory_format": {number: value for value, number in MEMORY_FORMATS.items()},
        }
        try:
            if self.card["format"] != 1:
                raise ValueError(f"it has format {self.card['format']}; this version reads 1")
            self._graph = model["graph_module"]["graph"]
            self._signature = model["graph_module"]["signature"]
            self._check_weights(weights)
            self._weights = safetensors.read(weights)
            self._check_graph()
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise ExportError(f"{path}: {archive.one_of(error)}") from None

    def __call__(self, *inputs):
        """The outputs of a batch: tensors in the order of the card. No gradient is kept."""
        with torch.no_grad():
            values = self._given(inputs)
            for node in self._graph["nodes"]:
                self._compute(node, values)
        return [
            values[argument["as_tensor"]["name"]]
            for argument, spec in zip(self._graph["outputs"], self._signature["output_specs"])
            if "user_output" in spec and "as_tensor" in argument
        ]

    # Checks.

    def _check_weights(self, data):
        """Each tensor has the bytes of its shape, one after the other to the end."""
        header, begin = safetensors.header_of(data)
        sizes = {word: torch.empty(0, dtype=dtype).element_size() for dtype, word in safetensors.DTYPES.items()}
        at = 0
        for name, entry in sorted(header.items(), key=lambda item: item[1].get("data_offsets", [0])):
            if name == "__metadata__":
                continue
            count = 1
            for side in entry["shape"]:
                count *= side
            first, last = entry["data_offsets"]
            if first != at or last - first != count * sizes[entry["dtype"]]:
                raise ValueError(f"weight {name} has bytes {first} to {last}; expected {at} to {at + count * sizes[entry['dtype']]}")
            at = last
        if begin + at != len(data):
            raise ValueError(f"the weights have {len(data) - begin} bytes; their header says {at}")

    def _check_graph(self):
        """Each name is defined once, before it is used, and is described; each weight is there in the shape that the graph expects."""
        graph, defined = self._graph, set()
        kinds = ("tensor_values", "sym_int_values", "sym_float_values", "sym_bool_values")
        described = set(itertools.chain.from_iterable(graph[kind] for kind in kinds))

        def define(name):
            if name in defined:
                raise ValueError(f"{name} is defined twice")
            if name not in described:
                raise ValueError(f"{name} is not described")
            defined.add(name)

        def use(name):
            if name not in defined:
                raise ValueError(f"{name} is used before it is defined")

        for argument in graph["inputs"]:
            for name in names_in(argument):
                define(name)
        for node in graph["nodes"]:
            for given in node["inputs"]:
                for name in names_in(given["arg"]):
                    use(name)
            for argument in node["outputs"]:
                for name in names_in(argument):
                    define(name)
        for argument in graph["outputs"]:
            for name in names_in(argument):
                use(name)
        for layer in self.card["layers"]:
            use(layer["value"])
        for spec in self._signature["input_specs"]:
            held = _weight_of(spec)
            if held:
                name, target = held
                stored = self._weight(target)
                meta = graph["tensor_values"][name]
                if [size["as_int"] for size in meta["sizes"]] != list(stored.shape):
                    raise ValueError(f"weight {target} has shape {list(stored.shape)}; the graph expects {meta['sizes']}")
                if self._tables["as_scalar_type"][meta["dtype"]] != stored.dtype:
                    raise ValueError(f"weight {target} is of another type than the graph expects")

    def _weight(self, target):
        return self._weights[self.card["aliases"].get(target, target)]

    # Computing.

    def _given(self, inputs):
        values, inputs = {}, iter(inputs)
        for spec in self._signature["input_specs"]:
            held = _weight_of(spec)
            if held:
                # A copy, since batch normalisation and in-place operators may change what they are given.
                values[held[0]] = self._weight(held[1]).clone()
            elif "user_input" in spec:
                ((kind, argument),) = spec["user_input"]["arg"].items()
                given = next(inputs)
                values[argument["name" if kind == "as_tensor" else "as_name"]] = given
        return values

    def _compute(self, node, values):
        positional, keyword = [], {}
        function, arguments = _function(node["target"])
        inputs = {given["name"]: self._value(given["arg"], values) for given in node["inputs"]}
        if arguments is None:
            positional = list(inputs.values())
        else:
            # By place as far as that goes, since one argument of many operators is called self.
            names = [argument.name for argument in arguments if not argument.kwarg_only]
            given = list(itertools.takewhile(inputs.__contains__, names))
            positional = [inputs.pop(name) for name in given]
            keyword = inputs
        made = function(*positional, **keyword)
        outputs = node["outputs"]
        if not outputs:
            return
        (key,) = outputs[0]
        if len(outputs) > 1 or key == "as_tensors":
            names = [element["name"] for element in outputs[0]["as_tensors"]] if key == "as_tensors" else [(names_in(o) or [None])[0] for o in outputs]
            values.update(zip(names, made))
        else:
            for name in names_in(outputs[0]):
                values[name] = made

    def _value(self, argument, values):
        ((key, held),) = argument.items()
        if key == "as_none":
            return None
        if key in _PLAIN:
            return held
        if key == "as_float":
            return _WORDS.get(held, held)
        if key == "as_floats":
            return [_WORDS.get(number, number) for number in held]
        if key == "as_tensor":
            return values[held["name"]]
        if key == "as_tensors":
            return [values[element["name"]] for element in held]
        if key in ("as_optional_tensors", "as_sym_ints", "as_sym_floats", "as_sym_bools"):
            return [values[element["as_name"]] if "as_name" in element else self._value(element, values) for element in held]
        if key in ("as_sym_int", "as_sym_float", "as_sym_bool"):
            return values[held["as_name"]]
        if key == "as_device":
            return torch.device(held["type"])
        return self._tables[key][held]


def names_in(argument):
    """The names of values that an argument has."""
    ((key, held),) = argument.items()
    if key == "as_tensor":
        return [held["name"]]
    if key == "as_tensors":
        return [element["name"] for element in held]
    if key == "as_optional_tensors":
        return [element["as_tensor"]["name"] for element in held if "as_tensor" in element]
    if key in ("as_sym_int", "as_sym_float", "as_sym_bool"):
        return [held["as_name"]] if "as_name" in held else []
    if key in ("as_sym_ints", "as_sym_floats", "as_sym_bools"):
        return [element["as_name"] for element in held if "as_name" in element]
    return []


def _weight_of(spec):
    """The name in the graph and in the model of what an input is of the model, if it is of it."""
    for kind in ("parameter", "buffer", "tensor_constant"):
        if kind in spec:
            return spec[kind]["arg"]["name"], spec[kind][f"{kind}_name"]
    return None


def _function(target):
    """What a node calls, and its schema where it is an operator."""
    import math
    import operator

    space, _, word = target.rpartition(".")
    if target.startswith("torch.ops.aten."):
        _, _, packet = space.rpartition(".")
        overload = getattr(getattr(torch.ops.aten, packet), word)
        return overload, overload._schema.arguments
    if space == "_operator" and word in _OPERATORS:
        return getattr(operator, word), None
    if space == "math" and word in ("trunc", "floor", "ceil"):
        return getattr(math, word), None
    if space.startswith("torch") and word.startswith("sym_"):
        return getattr(torch, word), None
    raise ExportError(f"{target} is no operator that is known")
