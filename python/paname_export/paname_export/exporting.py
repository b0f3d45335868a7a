"""The two ways to an archive: from a model in memory, and from an archive that torch has written."""

import collections.abc
import contextlib
import dataclasses
import functools
import io
import logging
import math
import os
import warnings
import zipfile

import torch

from . import archive, safetensors
from .errors import ExportError, one_line
from .layers import layers_of
from .program import Graph
from .replay import Archive

VERSION = "0.1.0"

#: Largest difference between the outputs of the archive and of the model, relative to the largest output.
TOLERANCE = 1e-4

#: Numbers of records from here on are as good as unbounded. Some versions cannot export without a bound.
_MOST = 1 << 40

#: Old versions choose how to convolve by whether there are more records than this, and export no batch that could be on both sides.
_FEW = 15


def export(
    model,
    example,
    path,
    *,
    dynamic_batch=True,
    dynamic_shapes=None,
    task=None,
    classes=None,
    normalisation=None,
    layers=None,
    tolerance=TOLERANCE,
):
    """Writes `model` to `path` as an archive that PANAME reads, and checks that the archive computes the same.

    model: a `torch.nn.Module` in evaluation mode, on the processor.
    example: a batch of what it takes: a tensor, a tuple of tensors, or a dictionary from names of arguments to tensors.
    path: where the archive goes, by custom `NAME.pt2`. What is there is replaced when everything has gone well.
    dynamic_batch: whether the first dimension of every input is the number of records, which may differ from one batch to the next.
    dynamic_shapes: for anything else that may vary, as `torch.export.export` takes it; replaces `dynamic_batch`.
    task: a word for what the model does: "classification", "regression", ….
    classes: names of the classes, in the order of the outputs.
    normalisation: `{"mean": […], "std": […]}`, one number per channel: what the model expects to have been done to its inputs.
    layers: names of the modules at which activations can be asked for; every module where absent.
    tolerance: largest difference between outputs of the archive and of the model, relative to the largest output.

    Returns the card of the archive. Raises `ExportError`, and leaves no file, where something is not as it should be.
    """
    if not isinstance(model, torch.nn.Module):
        raise ExportError(f"expected a torch.nn.Module, got {type(model).__name__}; load the weights into a model first")
    if isinstance(model, torch.jit.ScriptModule):
        raise ExportError("a TorchScript program cannot be exported: export the model that it was made from")
    _refuse_training(model)
    args, kwargs = _arguments(example)
    described = _Description(task, classes, normalisation, layers)
    args, kwargs, batch = _several(args, kwargs, dynamic_batch and dynamic_shapes is None)
    shapes = [dynamic_shapes]
    if batch is not None:
        # Where one record alone goes another way through the code, batches of two and more can still be exported.
        bounds = [(1, _MOST), (2, _MOST)]
        if _version() < (2, 5) and batch <= _FEW:
            bounds.append((2, _FEW))
        shapes = [_batch_shapes(args, kwargs, *bound) for bound in bounds]
    program = _export(model, args, kwargs, shapes)
    renamed, state = _renamed(program, model), model.state_dict(keep_vars=True)
    with torch.no_grad():
        outputs = model(*args, **kwargs)
    names = [name for name, _ in _named(outputs)]
    with archive.replacing(path) as beside:
        card = _write(program, beside, described, names, _symbol_of(program, batch is not None), renamed=renamed, state=state)
        read = Archive(beside)
        _compare(read, model, args, kwargs, tolerance, path)
        if batch is not None:
            bounds, symbol = _bounds(read, model, args, kwargs, batch, tolerance), _symbol_of(program, True)
            if _ranges(program).get(symbol, bounds) != bounds:
                card = _write(program, beside, described, names, symbol, bounds, renamed, state)
                Archive(beside)
    return card


def rewrite(old, new, *, task=None, classes=None, normalisation=None, layers=None, tolerance=TOLERANCE):
    """Rewrites an archive that `torch.export.save` has written, and returns the card.

    `torch.export.load` opens it, which in archives of torch before 2.9 reads pickles: these run code when they are opened, so that
    whoever calls this must trust the file. What PANAME reads afterwards holds none.
    """
    if not os.path.isfile(old):
        raise ExportError(f"{old} is no file")
    if _is_script(old):
        raise ExportError(
            f"{old} is a TorchScript program, which cannot be converted: build the model in Python, load its weights, and call "
            "paname_export.export(model, example, path); or audit it as it is, with script = … and trust = true"
        )
    try:
        with _quiet():
            program = torch.export.load(old)
    except Exception as error:
        raise ExportError(f"torch.export.load does not read {old}: {one_line(error)}; it reads what torch.export.save wrote, best with the same version of torch") from error
    described = _Description(task, classes, normalisation, layers)
    example = getattr(program, "example_inputs", None)
    with archive.replacing(new) as beside:
        symbol = _symbol_of(program, True)
        if not example:
            card = _write(program, beside, described, None, symbol)
            Archive(beside)
            warnings.warn(f"{old} has no example of its inputs, so that the outputs of {new} could not be compared", stacklevel=2)
            return card
        args, kwargs = example
        module = program.module() if hasattr(program, "module") else program
        with torch.no_grad():
            names = [name for name, _ in _named(module(*args, **kwargs))]
        card = _write(program, beside, described, names, symbol)
        _compare(Archive(beside), module, args, kwargs, tolerance, new)
    return card


def _is_script(path):
    """Whether a file is a TorchScript program: a zip file that holds code."""
    try:
        with zipfile.ZipFile(path) as opened:
            return any("/code/" in name for name in opened.namelist())
    except (zipfile.BadZipFile, OSError):
        return False


# What was asked for.


class _Description:
    """What only whoever exports can know of a model, checked."""

    def __init__(self, task, classes, normalisation, layers):
        if task is not None and (not isinstance(task, str) or not task):
            raise ExportError(f"task: expected a word, got {task!r}")
        if classes is not None:
            classes = [str(name) for name in classes]
        if normalisation is not None:
            normalisation = _normalisation(normalisation)
        self.task, self.classes, self.normalisation = task, classes, normalisation
        self.layers = None if layers is None else list(layers)

    def chosen(self, found):
        """The layers of the card."""
        if self.layers is not None:
            absent = [name for name in self.layers if name not in found]
            if absent:
                raise ExportError(f"layers: the graph has no output of {', '.join(absent)}; it has {', '.join(found) or 'none'}")
            found = {name: value for name, value in found.items() if name in self.layers}
        return [{"name": name, "value": value} for name, value in found.items()]


def _normalisation(given):
    if isinstance(given, collections.abc.Mapping):
        if set(given) != {"mean", "std"}:
            raise ExportError(f"normalisation: expected the keys mean and std, got {', '.join(map(str, given))}")
        given = (given["mean"], given["std"])
    try:
        mean, std = ([float(number) for number in numbers] for numbers in given)
    except (TypeError, ValueError):
        raise ExportError('normalisation: expected {"mean": […], "std": […]}') from None
    if len(mean) != len(std) or not mean or not all(map(math.isfinite, mean + std)) or min(std) <= 0:
        raise ExportError("normalisation: mean and std must be equally many finite numbers, and std above zero")
    return {"mean": mean, "std": std}


def _refuse_training(model):
    """A model in training mode answers differently each time; parts of one, such as frozen layers, may have been forgotten."""
    training = [name or "the model itself" for name, module in model.named_modules() if module.training]
    if training:
        shown = ", ".join(training[:3]) + (", …" if len(training) > 3 else "")
        raise ExportError(f"the model is in training mode ({shown}): call model.eval() first; PANAME can still fit it, since normalisation and dropout keep their mode as an argument")


def _arguments(example):
    """Positional and named arguments."""
    if isinstance(example, torch.Tensor):
        return (example,), {}
    if isinstance(example, collections.abc.Mapping):
        return (), dict(example)
    if isinstance(example, (tuple, list)):
        return tuple(example), {}
    raise ExportError(f"example: expected a tensor, a tuple or a dictionary of tensors, got {type(example).__name__}")


def _tensors(args, kwargs):
    """The tensors among arguments, in their order."""
    leaves, _ = torch.utils._pytree.tree_flatten((args, kwargs))
    return [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]


def _map(function, args, kwargs):
    return torch.utils._pytree.tree_map(lambda leaf: function(leaf) if isinstance(leaf, torch.Tensor) else leaf, (args, kwargs))


def _several(args, kwargs, wanted):
    """The example with at least two records, and how many: from one record torch concludes that there is always one."""
    sizes = [tensor.shape[0] for tensor in _tensors(args, kwargs) if tensor.dim()]
    if not wanted or not sizes:
        return args, kwargs, None
    if len(set(sizes)) != 1:
        raise ExportError(
            f"example: the first dimensions of the inputs differ ({', '.join(map(str, sizes))}), so that they are not the number of records; "
            "give dynamic_batch=False, or dynamic_shapes as torch.export.export takes it"
        )
    if sizes[0] == 0:
        raise ExportError("example: the batch is empty")
    if sizes[0] > 1:
        return args, kwargs, sizes[0]
    args, kwargs = _records(args, kwargs, 2)
    return args, kwargs, 2


def _records(args, kwargs, count):
    """The inputs with so many records: those of the example, over and over."""

    def changed(tensor):
        if not tensor.dim():
            return tensor
        return tensor[torch.arange(count) % tensor.shape[0]]

    return _map(changed, args, kwargs)


def _batch_shapes(args, kwargs, lowest, highest):
    """What `torch.export.export` is told of a first dimension that may vary."""
    if not hasattr(torch.export, "Dim"):
        return highest
    dimension = torch.export.Dim("batch", min=lowest, max=highest)
    shapes, named = _map(lambda tensor: {0: dimension} if tensor.dim() else None, args, kwargs)
    return (shapes, named) if named and shapes else (named or shapes)


# Exporting.


def _version():
    """Major and minor version of torch."""
    return tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])


def _export(model, args, kwargs, shapes):
    """The exported program, by the way of this version of torch that keeps most of the model."""
    errors = []
    for attempt in _attempts(model, args, kwargs, shapes):
        try:
            with _quiet(), _without_onednn():
                return attempt()
        except Exception as error:
            errors.append(error)
    error = errors[0]
    raise ExportError(
        f"torch.export does not take the model apart: {one_line(error)}; this is mostly code whose way depends on the values of tensors "
        "(if, for, .item()), or a batch whose size is written into the code (then dynamic_batch=False)"
    ) from error


@contextlib.contextmanager
def _quiet():
    """Without the pages that torch prints and logs about what it tries: what matters of them is in the error."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@contextlib.contextmanager
def _without_onednn():
    """Older versions would put an operator of oneDNN in the place of recurrent layers, through which no gradient goes."""
    before = torch._C._has_mkldnn
    torch._C._has_mkldnn = before and _version() >= (2, 5)
    try:
        yield
    finally:
        torch._C._has_mkldnn = before


def _attempts(model, args, kwargs, shapes):
    """Ways to export, the best first. Tracing what runs is taken before the analysis of the source, which fails more often."""
    version = _version()
    if version < (2, 2):
        for highest in shapes:
            constraints = _constraints(args, kwargs, highest) if highest else None
            yield functools.partial(torch.export.export, model, args, kwargs, constraints=constraints)
        return
    # From 2.5 to 2.8 the graph that keeps batch normalisation and dropout as they are has a function of its own.
    function = torch.export.export
    if (2, 5) <= version < (2, 9) and hasattr(torch.export, "export_for_training"):
        function = torch.export.export_for_training
    for strict in ({"strict": False}, {"strict": True}) if version >= (2, 3) else ({},):
        for shape in shapes:
            yield functools.partial(function, model, args, kwargs, dynamic_shapes=shape, **strict)


def _constraints(args, kwargs, highest):
    """What the first version is told of a first dimension that may vary."""
    tensors = [tensor for tensor in _tensors(args, kwargs) if tensor.dim()]
    first = torch.export.dynamic_dim(tensors[0], 0)
    bound = [first <= highest] if highest < _MOST else [first]
    return bound + [torch.export.dynamic_dim(tensor, 0) == first for tensor in tensors[1:]]


def _renamed(program, model):
    """Names that the first version gives to tensors of the model, with those that the model has."""
    if _version() >= (2, 2):
        return None
    places = {_place(tensor): name for name, tensor in [*model.named_buffers(), *model.named_parameters()]}
    return {name: places.get(_place(tensor), name) for name, tensor in program.state_dict.items()}


def _symbol_of(program, wanted):
    """The symbol of the number of records: the first dimension of the first input of the user, where it may vary."""
    if not wanted:
        return None
    for node in program.graph_module.graph.nodes:
        if node.op == "placeholder" and node.name in set(program.graph_signature.user_inputs):
            value = node.meta.get("val")
            if isinstance(value, torch.Tensor) and value.dim() and isinstance(value.shape[0], torch.SymInt):
                return str(value.shape[0].node.expr)
    return None


def _write(program, path, described, names, symbol, bounds=None, renamed=None, state=None):
    """Writes the archive of a program and returns its card."""
    graph = Graph(program, renamed)
    stored, aliases = _stored(graph.tensors, program.state_dict if state is None else state)
    ranges = _ranges(program)
    if bounds is not None and symbol in ranges:
        ranges[symbol] = bounds
    inputs = [spec["user_input"]["arg"]["as_tensor"]["name"] for spec in graph.input_specs if "as_tensor" in spec.get("user_input", {}).get("arg", {})]
    outputs = [spec["user_output"]["arg"]["as_tensor"]["name"] for spec in graph.output_specs if "as_tensor" in spec.get("user_output", {}).get("arg", {})]
    if not outputs:
        raise ExportError("the model returns no tensor")
    if names is None or len(names) != len(outputs):
        names = [str(place) for place in range(len(outputs))] if len(outputs) > 1 else ["output"]
    card = {
        "format": 1,
        "torch": str(torch.__version__),
        "exporter": f"paname_export {VERSION}",
        "inputs": [_shown(graph, name, name, symbol) for name in inputs],
        "outputs": [_shown(graph, value, name, symbol) for value, name in zip(outputs, names)],
        "layers": described.chosen(layers_of(graph)),
        "aliases": aliases,
    }
    for key in ("task", "classes", "normalisation"):
        if getattr(described, key) is not None:
            card[key] = getattr(described, key)
    archive.write(path, card, graph.document(ranges), safetensors.encoded(stored, {"format": "pt"}))
    return card


def _shown(graph, value, name, symbol):
    """One input or output as the card tells it."""
    from .program import SCALAR_TYPES

    meta = graph.tensor_values[value]
    words = {number: str(dtype).replace("torch.", "") for dtype, number in SCALAR_TYPES.items()}
    sizes = [size["as_int"] if "as_int" in size else size["as_expr"]["expr_str"] for size in meta["sizes"]]
    return {"name": name, "shape": ["batch" if size == symbol else size for size in sizes], "dtype": words[meta["dtype"]]}


def _place(tensor):
    """Where a tensor lies in memory and how: the same for names of one tensor."""
    return tensor.data_ptr(), tuple(tensor.shape), tuple(tensor.stride()), tensor.dtype


def _stored(tensors, state):
    """The tensors to store, and the names that stand for another's: tied weights are stored once, so that they stay tied."""
    kept, first, aliases = {}, {}, {}
    known = dict(tensors)
    for name, tensor in state.items():
        if isinstance(tensor, torch.Tensor):
            known.setdefault(name, tensor)
    # Those of the graph first: an alias must not point to a name that is not stored.
    for name in sorted(known, key=lambda name: (name not in tensors, name)):
        tensor = known[name]
        place = _place(tensor)
        if tensor.numel() and place in first:
            aliases[name] = first[place]
        elif name in tensors:
            first[place] = name
            kept[name] = tensor
    return kept, aliases


def _ranges(program):
    """Lowest and highest value of each symbol; None where there is no bound."""
    ranges = {}
    for symbol, found in (program.range_constraints or {}).items():
        low = getattr(found, "lower", getattr(found, "min_val", None))
        high = getattr(found, "upper", getattr(found, "max_val", None))
        ranges[str(symbol)] = (_bound(low), _bound(high))
    return ranges


def _bound(value):
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return int(value) if math.isfinite(number) and abs(number) < _MOST else None


# Checking.


def _named(outputs, prefix=""):
    """Names and tensors of what a model returns."""
    if isinstance(outputs, torch.Tensor):
        return [(prefix or "output", outputs)]
    if isinstance(outputs, collections.abc.Mapping):
        parts = outputs.items()
    elif hasattr(outputs, "_fields"):
        parts = zip(outputs._fields, outputs)
    elif isinstance(outputs, (tuple, list)):
        parts = enumerate(outputs) if len(outputs) > 1 or prefix else ((prefix, part) for part in outputs)
    elif dataclasses.is_dataclass(outputs):
        parts = ((field.name, getattr(outputs, field.name)) for field in dataclasses.fields(outputs))
    else:
        return []
    return [found for key, part in parts for found in _named(part, f"{prefix}.{key}".strip("."))]


def _difference(read, model, args, kwargs):
    """The largest difference of the archive's outputs from the model's, relative to the largest output; None where shapes differ."""
    copies = _map(lambda tensor: tensor.clone(), args, kwargs)
    with torch.no_grad():
        wanted = [tensor for _, tensor in _named(model(*args, **kwargs))]
    found = read(*_tensors(*copies))
    if len(wanted) != len(found):
        return None
    worst = 0.0
    for one, other in zip(wanted, found):
        if one.shape != other.shape or one.dtype != other.dtype:
            return None
        if not one.numel():
            continue
        one, other = one.double(), other.double()
        if not torch.equal(torch.isfinite(one), torch.isfinite(other)):
            return math.inf
        finite = torch.isfinite(one)
        scale = one[finite].abs().max().item() if finite.any() else 0.0
        gap = (one[finite] - other[finite]).abs().max().item() if finite.any() else 0.0
        worst = max(worst, gap / scale if scale > 0 else gap)
    return worst


def _compare(read, model, args, kwargs, tolerance, path):
    try:
        gap = _difference(read, model, args, kwargs)
    except ExportError:
        raise
    except Exception as error:
        raise ExportError(f"{path} was written, but computing from it fails: {one_line(error)}") from error
    if gap is None:
        raise ExportError("what the archive computes has another number of outputs, or other shapes, than what the model returns")
    if not gap <= tolerance:
        raise ExportError(
            f"what the archive computes differs from what the model returns by {gap:.2g} of the largest output (at most {tolerance:.2g}): "
            "does the model draw random numbers, or keep something from one call to the next?"
        )


def _bounds(read, model, args, kwargs, batch, tolerance):
    """The smallest and the largest batch that the archive is right for, after trying another size."""
    # In old versions a size on the other side of the bound that was needed to export.
    other = _FEW + 2 if _version() < (2, 5) and batch <= _FEW else batch + 1
    try:
        gap = _difference(read, model, *_records(args, kwargs, other))
    except Exception as error:
        raise ExportError(f"the archive does not take a batch of {other} records: {one_line(error)}; dynamic_batch=False fixes the size") from error
    if gap is None or not gap <= tolerance:
        raise ExportError(f"for a batch of {other} records the archive does not compute what the model returns: does the code hold the size of a batch? dynamic_batch=False fixes it")
    try:
        # One record alone: a model that squeezes its batch away is right for two records and more.
        gap = _difference(read, model, *_records(args, kwargs, 1))
    except Exception:
        return 2, None
    return (1 if gap is not None and gap <= tolerance else 2), None
