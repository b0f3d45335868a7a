"""From an exported program to the document of its graph.

The document is in the schema of torch's own archives, major version 8, but written by a walk of our own: the graphs of all
versions of torch since 2.1 then become the same document, whatever each version's own writer leaves out or adds. Left out on
purpose: where the sources stood on the disk, and objects that need code to be read.
"""

import inspect
import math
import operator
import re
from dataclasses import dataclass

import torch

from .errors import ExportError

#: Version of the schema that is written.
SCHEMA_VERSION = {"major": 8, "minor": 8}

#: Numbers by which the schema calls types of numbers.
SCALAR_TYPES = {
    torch.uint8: 1,
    torch.int8: 2,
    torch.int16: 3,
    torch.int32: 4,
    torch.int64: 5,
    torch.float16: 6,
    torch.float32: 7,
    torch.float64: 8,
    torch.bool: 12,
    torch.bfloat16: 13,
}
LAYOUTS = {torch.strided: 7}
MEMORY_FORMATS = {
    torch.contiguous_format: 1,
    torch.channels_last: 2,
    torch.channels_last_3d: 3,
    torch.preserve_format: 4,
}

#: Checks that say nothing to a reader which checks shapes itself.
_CHECKS = {
    "_assert_async",
    "_assert_scalar",
    "_assert_tensor_metadata",
    "sym_constrain_range",
    "sym_constrain_range_for_size",
}

_SYMBOLIC = (torch.SymInt, torch.SymFloat, torch.SymBool)


@dataclass(frozen=True)
class Value:
    """A tensor or a symbolic number of the graph, by its name."""

    name: str
    kind: str


@dataclass
class Step:
    """A node of the document, with the modules that it is in, outermost first."""

    node: dict
    modules: list
    used: list
    made: list
    mutates: bool


class Graph:
    """The graph of an exported program as a document, and what the card needs to know of it."""

    def __init__(self, program, renamed=None):
        self.steps, self.inputs, self.outputs = [], [], []
        self.input_specs, self.output_specs = [], []
        self.tensor_values, self.symbols = {}, {"sym_int": {}, "sym_float": {}, "sym_bool": {}}
        self.tensors = {}
        self._names, self._foreign = set(), set()
        self._values, self._signature = {}, _signature_of(program)
        # Whether gradients are kept where the walk is, what was computed where they are not, and the modules of the node at hand.
        self._grad, self._without, self._within = True, {}, []
        self._program, self._renamed = program, renamed or {}
        module = program.graph_module
        # Names of the outer graph are taken first, so that what is put in from inner graphs makes way.
        self._names.update(node.name for node in module.graph.nodes)
        for node in module.graph.nodes:
            if node.op == "placeholder":
                self._placeholder(node)
        self._walk(module, None)
        if self._foreign:
            raise ExportError(
                f"operators that PyTorch itself does not have, or that take a graph: {', '.join(sorted(self._foreign))}; "
                "write what they do in plain PyTorch, or leave them out of the exported part"
            )
        self._drop_unused()

    def document(self, ranges):
        """The document, where the sizes that may vary have these ranges (name to lowest and highest)."""
        graph = {
            "inputs": self.inputs,
            "outputs": self.outputs,
            "nodes": [step.node for step in self.steps],
            "tensor_values": self.tensor_values,
            "sym_int_values": self.symbols["sym_int"],
            "sym_bool_values": self.symbols["sym_bool"],
            "sym_float_values": self.symbols["sym_float"],
            "custom_obj_values": {},
            "is_single_tensor_return": False,
        }
        signature = {"input_specs": self.input_specs, "output_specs": self.output_specs}
        return {
            "graph_module": {"graph": graph, "signature": signature, "module_call_graph": [], "metadata": {}},
            "opset_version": {"aten": torch._C._get_max_operator_version()},
            "range_constraints": {name: {"min_val": low, "max_val": high} for name, (low, high) in ranges.items()},
            "schema_version": SCHEMA_VERSION,
            "verifiers": ["TRAINING"],
            "torch_version": torch.__version__,
            "guards_code": [],
        }

    # What the graph takes.

    def _placeholder(self, node):
        kind, target, persistent = self._signature.inputs[node.name]
        if kind == "custom_obj" or kind == "token":
            raise ExportError(f"the model holds {target or node.name}, an object of a class of its own; only tensors can be written")
        if kind == "user_input":
            value = node.meta.get("val")
            if not isinstance(value, (torch.Tensor, *_SYMBOLIC)):
                # What is no tensor was fixed when the program was made.
                argument = self._constant(value)
                self.inputs.append(argument)
                held = {"name": node.name, "value": argument}
                self.input_specs.append({"constant_input": held})
                self._values[node] = value
                return
            made = self._define(node.name, value)
            self._values[node] = made
            self.inputs.append(self._argument(made))
            self.input_specs.append({"user_input": {"arg": self._argument(made)}})
            return
        self._values[node] = self._weight(node.name, kind, target, persistent)

    def _weight(self, name, kind, target, persistent):
        tensor = self._tensor(target)
        target = self._renamed.get(target, target)
        self.tensors[target] = tensor
        made = self._define(name, tensor, target)
        self.inputs.append(self._argument(made))
        argument = {"name": name}
        specs = {
            "parameter": {"arg": argument, "parameter_name": target},
            "buffer": {"arg": argument, "buffer_name": target, "persistent": persistent},
            "tensor_constant": {"arg": argument, "tensor_constant_name": target},
        }
        self.input_specs.append({kind: specs[kind]})
        return made

    def _tensor(self, target):
        program = self._program
        for held in ("state_dict", "constants", "tensor_constants"):
            found = (getattr(program, held, None) or {}).get(target)
            if found is not None:
                break
        else:
            found = program.graph_module
            for part in target.split("."):
                found = getattr(found, part)
        if not isinstance(found, torch.Tensor):
            raise ExportError(f"the model holds {target}, an object of {type(found).__name__}; only tensors can be written")
        return found

    # What it computes.

    def _walk(self, module, given, modules=()):
        """Goes through a graph. An inner one is given the values of its inputs, and its outputs are given back."""
        inputs = iter(given or ())
        for node in module.graph.nodes:
            if node.op == "placeholder":
                if given is not None:
                    self._values[node] = next(inputs)
            elif node.op == "get_attr":
                self._attribute(module, node)
            elif node.op == "call_function":
                self._call(module, node, modules)
            elif node.op == "output":
                outputs = node.args[0]
                if given is not None:
                    return self._resolve(outputs)
                self._end(outputs if isinstance(outputs, (tuple, list)) else [outputs])
            else:
                raise ExportError(f"the graph holds {node.op} {node.target}, which an exported program should not")
        return None

    def _attribute(self, module, node):
        held = module
        for part in node.target.split("."):
            held = getattr(held, part)
        if isinstance(held, torch.Tensor):
            # Older versions leave constants in the graph; here they are inputs, as in newer ones.
            self._values[node] = self._weight(self._fresh(node), "tensor_constant", node.target, False)
        else:
            self._values[node] = held

    def _call(self, module, node, modules):
        target = node.target
        if target is operator.getitem:
            container, index = self._resolve(node.args)
            self._values[node] = container[index]
            return
        modules = _modules(node) or list(modules)
        self._within = modules
        if target is torch._C._set_grad_enabled:
            # Some versions write the mode as a call rather than as a region.
            self._grad = node.args[0]
        elif isinstance(target, torch._ops.HigherOrderOperator):
            self._values[node] = self._region(node, modules)
        elif isinstance(target, torch._ops.OpOverload):
            self._operator(node, modules)
        elif target in _arithmetic():
            names = _parameter_names(target, len(node.args))
            inputs = [(name, argument, 1) for name, argument in zip(names, self._resolve(node.args))]
            word = f"{target.__module__}.{target.__name__}"
            self._values[node] = self._step(node, word, inputs, node.meta["val"], modules, False)
        else:
            self._foreign.add(str(getattr(target, "__name__", target)))

    def _operator(self, node, modules):
        target, schema = node.target, node.target._schema
        space, _, name = schema.name.partition("::")
        if space != "aten":
            self._foreign.add(schema.name)
            return
        if name in _CHECKS:
            return
        positional, keyword = self._resolve(node.args), self._resolve(node.kwargs)
        inputs = []
        for place, argument in enumerate(schema.arguments):
            if argument.name in keyword:
                inputs.append((argument.name, _typed(keyword[argument.name], argument.type), 2))
            elif place < len(positional) and not argument.kwarg_only:
                inputs.append((argument.name, _typed(positional[place], argument.type), 1))
        word = f"torch.ops.aten.{target.__name__}"
        if name in _WHOLE:
            word, inputs = _WHOLE[name]({word: value for word, value, _ in inputs})
            first = next((user for user in node.users if user.args[1] == 0), None)
            values = node.meta["val"]
            made = self._step(first or node, word, inputs, values[0], modules, False)
            self._values[node] = [made] + [None] * (len(values) - 1)
            return
        many = len(schema.returns) > 1
        value = node.meta.get("val") if schema.returns else ()
        self._values[node] = self._step(node, word, inputs, value, modules, schema.is_mutable, many)

    def _region(self, node, modules):
        """A part of the graph that runs in another mode, put in where it is called, if that changes nothing."""
        name, arguments = node.target.__name__, list(self._resolve(node.args))
        if name == "wrap_with_set_grad_enabled":
            enabled, inner, *given = arguments
            before, self._grad = self._grad, enabled
            outputs = self._walk(inner, given, modules)
            self._grad = before
            return outputs
        if name == "wrap_with_autocast":
            _, _, enabled, _, inner, *given = arguments
            if enabled:
                raise ExportError(
                    "the model computes under torch.autocast, whose types of numbers are not in the graph; "
                    "export it without, or convert it by model.half() or model.bfloat16()"
                )
            return self._walk(inner, given, modules)
        self._foreign.add(f"higher_order::{name}")
        return _Anything()

    def _detached(self, value):
        """The same tensor without gradient, where gradients are kept again: what is computed where they are off has none."""
        if self._without[value] is None:
            meta = self.tensor_values[value.name]
            name = self._free(f"{value.name}_detached")
            self.tensor_values[name] = dict(meta, requires_grad=False)
            made = Value(name, "tensor")
            inputs = [{"name": "self", "arg": self._argument(value), "kind": 1}]
            self._append("torch.ops.aten.detach.default", name, inputs, [value], [self._argument(made)], [made], self._within, False)
            self._without[value] = made
        return self._without[value]

    def _step(self, node, word, inputs, value, modules, mutates, many=False):
        """Adds a step, and gives what it puts out: one value, or a list."""
        used, arguments = [], []
        for name, argument, kind in inputs:
            arguments.append({"name": name, "arg": self._argument(argument), "kind": kind})
            used += _values_in(argument)
        if many:
            made = [self._element(node, place, element) for place, element in enumerate(value)]
            outputs = [self._argument(element) for element in made]
        elif isinstance(value, (tuple, list)):
            made = [self._element(node, place, element) for place, element in enumerate(value)]
            outputs = [{"as_tensors": [{"name": element.name} for element in made]}] if value else []
        elif value is None:
            made, outputs = None, [{"as_none": True}]
        else:
            made = self._define(self._fresh(node), value)
            outputs = [self._argument(made)]
        values = [m for m in (made if isinstance(made, list) else [made]) if isinstance(m, Value)]
        if not self._grad:
            self._without.update((value, None) for value in values if value.kind == "tensor")
        name = values[0].name if len(values) == 1 else node.name
        self._append(word, name, arguments, used, outputs, values, modules, mutates)
        return made

    def _append(self, word, name, arguments, used, outputs, made, modules, mutates):
        node = {"target": word, "name": name, "inputs": arguments, "outputs": outputs, "metadata": {}}
        if modules:
            node["metadata"] = {"nn_module_stack": ";".join(",".join(module) for module in modules)}
        self.steps.append(Step(node, [path for _, path, _ in modules], used, made, mutates))

    def _element(self, node, place, value):
        """One of several outputs, which has the name of what takes it out."""
        if value is None:
            return None
        users = [user for user in node.users if user.target is operator.getitem and user.args[1] == place]
        name = self._fresh(users[0]) if users else self._free(f"{node.name}_unused_{place}")
        return self._define(name, value)

    # What it gives.

    def _end(self, outputs):
        for output, (kind, target) in zip(self._resolve(outputs), self._signature.outputs):
            if kind == "user_output" and not (isinstance(output, Value) and output.kind == "tensor"):
                # What is returned beside tensors, such as nothing or the number that a size is, is no answer about a record.
                continue
            argument = self._argument(output)
            self.outputs.append(argument)
            if kind == "user_output":
                self.output_specs.append({kind: {"arg": argument}})
                continue
            if not isinstance(output, Value):
                raise ExportError(f"the graph ends in {kind} of what is no tensor")
            held = {"buffer_mutation": "buffer_name", "parameter_mutation": "parameter_name", "user_input_mutation": "user_input_name"}
            if kind not in held:
                raise ExportError(f"the graph ends in {kind}, which is not supported")
            self.output_specs.append({kind: {"arg": {"name": output.name}, held[kind]: target}})

    def _drop_unused(self):
        """Leaves out steps that nothing needs, such as those that fed checks."""
        needed = {argument["as_tensor"]["name"] for argument in self.outputs if "as_tensor" in argument}
        kept = []
        for step in reversed(self.steps):
            if step.mutates or any(value.name in needed for value in step.made):
                needed.update(value.name for value in step.used)
                kept.append(step)
            else:
                for value in step.made:
                    (self.tensor_values if value.kind == "tensor" else self.symbols[value.kind]).pop(value.name, None)
        self.steps = kept[::-1]

    # Names and values.

    def _fresh(self, node):
        """The name of a node, or another where an outer graph has it."""
        if node.graph is self._program.graph_module.graph:
            return node.name
        return self._free(node.name)

    def _free(self, name):
        found, number = name, 0
        while found in self._names:
            number += 1
            found = f"{name}_{number}"
        self._names.add(found)
        return found

    def _define(self, name, value, told=None):
        if isinstance(value, torch.Tensor):
            self.tensor_values[name] = _tensor_meta(told or name, value)
            return Value(name, "tensor")
        if isinstance(value, (bool, torch.SymBool)):
            self.symbols["sym_bool"][name] = {"as_bool": value} if isinstance(value, bool) else {"as_expr": _expression(value)}
            return Value(name, "sym_bool")
        if isinstance(value, (int, torch.SymInt)):
            self.symbols["sym_int"][name] = _size(value)
            return Value(name, "sym_int")
        if isinstance(value, (float, torch.SymFloat)):
            self.symbols["sym_float"][name] = {"as_float": value} if isinstance(value, float) else {"as_expr": _expression(value)}
            return Value(name, "sym_float")
        raise ExportError(f"the graph computes {name}, {type(value).__name__}, which cannot be written")

    def _resolve(self, argument):
        """Replaces nodes by their values, at any depth."""
        if isinstance(argument, torch.fx.Node):
            return self._resolve(self._values.get(argument, _ANYTHING))
        if isinstance(argument, Value):
            return self._detached(argument) if self._grad and argument in self._without else argument
        if isinstance(argument, (tuple, list)):
            return [self._resolve(part) for part in argument]
        if isinstance(argument, dict):
            return {key: self._resolve(part) for key, part in argument.items()}
        return argument

    def _constant(self, value):
        if isinstance(value, (bool, int, float, str, type(None))):
            return self._argument(value)
        raise ExportError(f"an input is {type(value).__name__}; inputs are tensors")

    def _argument(self, value):
        """A value as an argument of the schema: an object of one key that says which kind it is."""
        if isinstance(value, Value):
            if value.kind == "tensor":
                return {"as_tensor": {"name": value.name}}
            return {f"as_{value.kind}": {"as_name": value.name}}
        for types, key in ((bool, "as_bool"), (int, "as_int"), (str, "as_string")):
            if isinstance(value, types):
                return {key: value}
        if isinstance(value, float):
            return {"as_float": _number(value)}
        if value is None:
            return {"as_none": True}
        for table, key in ((SCALAR_TYPES, "as_scalar_type"), (LAYOUTS, "as_layout"), (MEMORY_FORMATS, "as_memory_format")):
            if isinstance(value, (torch.dtype, torch.layout, torch.memory_format)) and value in table:
                return {key: table[value]}
        if isinstance(value, torch.device):
            return {"as_device": {"type": value.type, "index": value.index}}
        if isinstance(value, _Empty):
            return {value.key: []}
        if isinstance(value, list) and value:
            return self._list(value)
        if isinstance(value, _Anything):
            return {"as_none": True}
        raise ExportError(f"an operator takes {value!r}, which cannot be written")

    def _list(self, values):
        for kind, key in ((bool, "as_bools"), (int, "as_ints"), (str, "as_strings")):
            if all(type(value) is kind for value in values):
                return {key: values}
        if all(isinstance(value, float) for value in values):
            return {"as_floats": [_number(value) for value in values]}
        kinds = {value.kind if isinstance(value, Value) else type(value) for value in values}
        if kinds == {"tensor"}:
            return {"as_tensors": [{"name": value.name} for value in values]}
        if kinds == {"tensor", type(None)} or kinds == {type(None)}:
            optional = [{"as_none": True} if value is None else {"as_tensor": {"name": value.name}} for value in values]
            return {"as_optional_tensors": optional}
        for kind, plain in (("sym_int", int), ("sym_float", float), ("sym_bool", bool)):
            if kinds <= {kind, plain}:
                word = {"sym_int": "as_int", "sym_float": "as_float", "sym_bool": "as_bool"}[kind]
                return {f"as_{kind}s": [{"as_name": v.name} if isinstance(v, Value) else {word: v} for v in values]}
        raise ExportError(f"an operator takes the list {values!r}, which cannot be written")


class _Anything:
    """Stands for what an operator that is refused would have put out, so that all of those can be named at once."""

    def __getitem__(self, index):
        return self

    def __iter__(self):
        return iter(())


_ANYTHING = _Anything()


@dataclass(frozen=True)
class _Empty:
    """A list without elements, whose type the operator's schema knows."""

    key: str


def _typed(value, type_):
    """A value as the schema of its operator has it: numbers that were written as integers, and lists without elements."""
    if isinstance(type_, torch.OptionalType):
        type_ = type_.getElementType()
    if isinstance(type_, torch.FloatType) and type(value) is int:
        return float(value)
    if isinstance(value, list) and isinstance(type_, torch.ListType):
        element = type_.getElementType()
        if isinstance(element, torch.FloatType):
            value = [float(part) if type(part) is int else part for part in value]
        if not value:
            keys = {"Tensor": "as_tensors", "int": "as_ints", "float": "as_floats", "bool": "as_bools", "str": "as_strings"}
            return _Empty(keys.get(str(element), "as_ints"))
    return value


def _batch_norm(given):
    """The operator that older versions make of batch normalisation, as the one that also serves training."""
    names = ["input", "weight", "bias", "running_mean", "running_var", "training", "momentum", "eps", "cudnn_enabled"]
    given = dict(given, training=False, cudnn_enabled=True)
    return "torch.ops.aten.batch_norm.default", [(name, given[name], 1) for name in names]


def _attention(given):
    """The operator that older versions choose for attention, which newer ones do not have on processors, as the one that chooses."""
    given = {"attn_mask": None, "dropout_p": 0.0, "is_causal": False, **given}
    inputs = [(name, given[name], 1) for name in ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")]
    inputs += [("scale", given["scale"], 2)] if "scale" in given else []
    return "torch.ops.aten.scaled_dot_product_attention.default", inputs


#: Operators with several outputs, of which models use the first, that stand for a whole one with one output.
_WHOLE = {
    "_native_batch_norm_legit_no_training": _batch_norm,
    "_scaled_dot_product_flash_attention": _attention,
    "_scaled_dot_product_flash_attention_for_cpu": _attention,
}


def _values_in(argument):
    if isinstance(argument, Value):
        return [argument]
    return [value for part in argument for value in _values_in(part)] if isinstance(argument, list) else []


def _number(value):
    """JSON has no infinity: words stand for it, as in torch's own archives."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def _expression(value):
    return {"expr_str": str(value.node.expr)}


def _size(value):
    """A size: a number, or the symbol of what may vary."""
    if isinstance(value, torch.SymInt):
        expression = value.node.expr
        return {"as_int": int(expression)} if expression.is_number else {"as_expr": {"expr_str": str(expression)}}
    return {"as_int": int(value)}


def _tensor_meta(name, tensor):
    if tensor.layout is not torch.strided or tensor.is_quantized:
        kind = "quantised" if tensor.is_quantized else str(tensor.layout)
        raise ExportError(f"{name} is {kind}; only dense tensors can be written: export the model before it is quantised or made sparse")
    if tensor.dtype not in SCALAR_TYPES:
        raise ExportError(f"{name} is of type {tensor.dtype}, which cannot be written; convert the model first, such as by model.float()")
    if tensor.device.type != "cpu":
        raise ExportError(f"{name} lies on {tensor.device}; export from the processor: model.cpu() and example.cpu()")
    return {
        "dtype": SCALAR_TYPES[tensor.dtype],
        "sizes": [_size(size) for size in tensor.shape],
        "requires_grad": tensor.requires_grad,
        "device": {"type": tensor.device.type, "index": None},
        "strides": [_size(stride) for stride in tensor.stride()],
        "storage_offset": {"as_int": 0},
        "layout": LAYOUTS[tensor.layout],
    }


def _arithmetic():
    """Functions of symbolic sizes."""
    words = "eq ne le ge lt gt neg pos mul add sub floordiv mod pow truediv and_ or_ lshift rshift".split()
    found = {getattr(operator, word) for word in words} | {math.trunc, math.floor, math.ceil}
    for word in "sym_not sym_int sym_float sym_ite sym_max sym_min sym_sqrt".split():
        found |= {getattr(torch, word)} if hasattr(torch, word) else set()
    return found


def _parameter_names(function, count):
    try:
        names = list(inspect.signature(function).parameters)
    except ValueError:
        names = list("abcd")
    return names[:count]


def _modules(node):
    """The modules that a node is in, outermost first: key, path and type of each, as torch's own archives have them."""
    found = []
    for key, (path, type_) in (node.meta.get("nn_module_stack") or {}).items():
        if not isinstance(type_, str):
            type_ = f"{type_.__module__}.{type_.__qualname__}"
        path = module_path(path)
        if path.startswith("_empty_nn_module_stack") or any(mark in word for word in (key, path, type_) for mark in ",;"):
            continue
        found.append((key, path, type_))
    return found


def module_path(path):
    """A module's name as the model itself has it; older versions write expressions: `getattr(L['self'].layers, '0')`."""
    before = None
    while path != before:
        before, path = path, re.sub(r"getattr\(([^()]*), '([^']*)'\)", r"\1.\2", path)
    path = re.sub(r"^L\['self'\]\.?", "", path)
    return re.sub(r"\[['\"]?([^\]'\"]+)['\"]?\]", lambda found: f".{found.group(1)}", path).lstrip(".")


# What is whose, by the signature.


@dataclass
class _Signature:
    inputs: dict
    outputs: list


def _signature_of(program):
    """Of each input its kind, what it is of the model, and whether it is saved; of each output kind and target."""
    signature = program.graph_signature
    if hasattr(signature, "input_specs"):
        return _by_specs(program, signature)
    inputs = {}
    for node in program.graph_module.graph.nodes:
        if node.op == "placeholder":
            name = node.name
            if name in signature.inputs_to_parameters:
                inputs[name] = ("parameter", signature.inputs_to_parameters[name], None)
            elif name in signature.inputs_to_buffers:
                inputs[name] = ("buffer", signature.inputs_to_buffers[name], True)
            else:
                inputs[name] = ("user_input", None, None)
    outputs = [("buffer_mutation", target) for target in signature.buffers_to_mutate.values()]
    outputs += [("user_output", None) for _ in signature.user_outputs]
    return _Signature(inputs, outputs)


def _by_specs(program, signature):
    kinds = {"USER_INPUT": "user_input", "PARAMETER": "parameter", "BUFFER": "buffer", "CONSTANT_TENSOR": "tensor_constant"}
    inputs = {}
    placeholders = [node.name for node in program.graph_module.graph.nodes if node.op == "placeholder"]
    for name, spec in zip(placeholders, signature.input_specs):
        kind = kinds.get(spec.kind.name, spec.kind.name.lower())
        # Older versions do not say whether a buffer is saved.
        persistent = getattr(spec, "persistent", None)
        inputs[name] = (kind, spec.target, True if kind == "buffer" and persistent is None else persistent)
    outputs = [(spec.kind.name.lower(), spec.target) for spec in signature.output_specs]
    return _Signature(inputs, outputs)
