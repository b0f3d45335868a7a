"""In the folder python/paname_export: python -m unittest discover -s tests"""

import contextlib
import copy
import io
import json
import os
import stat
import tempfile
import unittest
import warnings
import zipfile

import torch
from torch import nn

import paname_export
from paname_export import Archive, ExportError, archive, safetensors
from paname_export.__main__ import main

VERSION = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])


class Net(nn.Module):
    """Normalisation, dropout, an in-place activation, and a residual."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.bn = nn.BatchNorm2d(4)
        self.act = nn.ReLU(inplace=True)
        self.drop = nn.Dropout(0.5)
        self.block = nn.Sequential(nn.Conv2d(4, 4, 1), nn.Tanh())
        self.fc = nn.Linear(4, 5)

    def forward(self, x):
        x = self.act(self.bn(self.conv(x)))
        x = x + self.block(x)
        return self.fc(self.drop(x.mean((2, 3))))


class Words(nn.Module):
    """Token ids with a mask, constants made on the way, and a dictionary for an answer."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(10, 4)
        self.register_buffer("places", torch.arange(8), persistent=False)
        self.head = nn.Linear(4, 10, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, ids, mask):
        x = self.embed(ids) + self.places[: ids.shape[1]].float()[None, :, None] * torch.tensor(0.5)
        scores = (x @ x.transpose(1, 2)).masked_fill(mask[:, None, :] == 0, float("-inf"))
        x = scores.softmax(-1) @ x
        beside = {"attentions": None, "length": ids.shape[1]} if VERSION >= (2, 3) else {}
        return {"logits": self.head(x[:, 0]), **beside, "hidden": x}


def net():
    """A small network whose normalisation has seen data."""
    torch.manual_seed(0)
    model = Net()
    model(torch.randn(8, 3, 6, 6))
    return model.eval()


def content(path):
    """The bytes of a file."""
    with open(path, "rb") as file:
        return file.read()


class Case(unittest.TestCase):
    """Tests with a folder of their own."""

    def setUp(self):
        torch.manual_seed(1)
        torch.set_num_threads(1)
        held = tempfile.TemporaryDirectory()
        self.addCleanup(held.cleanup)
        self.folder = held.name

    def path(self, name="model.pt2"):
        return os.path.join(self.folder, name)

    def refused(self, model, example, *words, **options):
        """Exports, and expects an error of one line with these words, and no file."""
        before = sorted(os.listdir(self.folder))
        with self.assertRaises(ExportError) as caught:
            paname_export.export(model, example, self.path(), **options)
        message = str(caught.exception)
        for word in words:
            self.assertIn(word, message)
        self.assertNotIn("\n", message)
        self.assertEqual(sorted(os.listdir(self.folder)), before)


class WhatIsWritten(Case):
    def test_the_archive_computes_what_the_model_does_for_any_batch(self):
        model = net()
        card = paname_export.export(model, torch.randn(4, 3, 6, 6), self.path())
        read = Archive(self.path())
        self.assertEqual(read.card, card)
        for count in (1, 2, 9):
            x = torch.randn(count, 3, 6, 6)
            (found,) = read(x)
            torch.testing.assert_close(found, model(x))

    def test_the_card_says_what_goes_in_and_out(self):
        card = paname_export.export(
            net(),
            torch.randn(4, 3, 6, 6),
            self.path(),
            task="classification",
            classes=range(5),
            normalisation=([0.5, 0.5, 0.5], [0.2, 0.2, 0.2]),
            layers=["block", "fc"],
        )
        self.assertEqual(card["format"], 1)
        self.assertEqual(card["inputs"], [{"name": "x", "shape": ["batch", 3, 6, 6], "dtype": "float32"}] if VERSION >= (2, 3) else card["inputs"])
        self.assertEqual(card["outputs"], [{"name": "output", "shape": ["batch", 5], "dtype": "float32"}])
        self.assertEqual(card["classes"], ["0", "1", "2", "3", "4"])
        self.assertEqual(card["normalisation"], {"mean": [0.5] * 3, "std": [0.2] * 3})
        self.assertEqual([layer["name"] for layer in card["layers"]], ["block", "fc"])
        self.assertEqual(card["aliases"], {})

    def test_layers_are_modules_with_the_value_that_leaves_them(self):
        card = paname_export.export(net(), torch.randn(4, 3, 6, 6), self.path())
        layers = {layer["name"]: layer["value"] for layer in card["layers"]}
        self.assertLessEqual({"conv", "bn", "act", "block", "block.0", "block.1", "fc"}, set(layers))
        self.assertEqual(layers["block"], layers["block.1"])
        if VERSION >= (2, 5):
            self.assertIn("drop", layers)
        makers = self.makers()
        self.assertIn("relu", makers[layers["act"]])
        self.assertIn("batch_norm", makers[layers["bn"]])

    def makers(self):
        """The operator that makes each value."""
        graph = archive.read(self.path())[1]["graph_module"]["graph"]
        return {o["as_tensor"]["name"]: node["target"] for node in graph["nodes"] for o in node["outputs"] if "as_tensor" in o}

    def test_normalisation_and_dropout_keep_their_mode_as_an_argument(self):
        paname_export.export(net(), torch.randn(4, 3, 6, 6), self.path())
        graph = archive.read(self.path())[1]["graph_module"]["graph"]
        given = {node["target"]: {i["name"]: i["arg"] for i in node["inputs"]} for node in graph["nodes"]}
        self.assertEqual(given["torch.ops.aten.batch_norm.default"]["training"], {"as_bool": False})
        if VERSION >= (2, 5):
            self.assertEqual(given["torch.ops.aten.dropout.default"]["train"], {"as_bool": False})

    def test_several_inputs_outputs_and_tied_weights(self):
        model = Words().eval()
        example = {"ids": torch.randint(0, 10, (3, 6)), "mask": torch.tensor([[1] * 6, [1] * 4 + [0] * 2, [1] * 6])}
        card = paname_export.export(model, example, self.path())
        self.assertEqual([output["name"] for output in card["outputs"]], ["logits", "hidden"])
        self.assertEqual([given["dtype"] for given in card["inputs"]], ["int64", "int64"])
        read = Archive(self.path())
        wanted = model(**example)
        for one, other in zip(read(*example.values()), (wanted["logits"], wanted["hidden"])):
            torch.testing.assert_close(one, other)
        stored = safetensors.read(archive.read(self.path())[2])
        shared = [name for name in stored if name in ("embed.weight", "head.weight")]
        self.assertEqual(len(shared), 1)
        self.assertEqual(list(card["aliases"].values()), shared)
        self.assertIn("places", stored)

    def test_entries_are_aligned_and_stored_and_the_bytes_repeat(self):
        for name in ("a.pt2", "b.pt2"):
            paname_export.export(net(), torch.randn(4, 3, 6, 6), self.path(name))
        first, second = (content(self.path(name)) for name in ("a.pt2", "b.pt2"))
        self.assertEqual(first, second)
        with zipfile.ZipFile(self.path("a.pt2")) as opened:
            self.assertEqual(opened.namelist(), [archive.CARD, archive.MODEL, archive.WEIGHTS])
            for info in opened.infolist():
                self.assertEqual(info.compress_type, zipfile.ZIP_STORED)
                length = int.from_bytes(first[info.header_offset + 28 : info.header_offset + 30], "little")
                begin = info.header_offset + 30 + len(info.filename) + length
                self.assertEqual(begin % 64, 0)
                self.assertEqual(first[begin : begin + info.file_size], opened.read(info.filename))
        data = archive.read(self.path("a.pt2"))[2]
        self.assertEqual(safetensors.header_of(data)[1] % 64, 0)
        self.assertNotIn(os.path.dirname(__file__).encode(), first)

    def test_types_of_numbers(self):
        class Typed(nn.Module):
            def __init__(self, dtype):
                super().__init__()
                self.weight = nn.Parameter(torch.randn(3, 3).to(dtype).t())
                self.register_buffer("keep", torch.tensor([True, False, True]))
                self.register_buffer("steps", torch.tensor(3, dtype=torch.int32))
                self.register_buffer("none", torch.empty(0, 2))

            def forward(self, x):
                return (x @ self.weight) * self.keep + self.steps + self.none.sum().to(x.dtype)

        for dtype in (torch.float64, torch.float16, torch.bfloat16):
            if dtype is torch.float16 and VERSION < (2, 3):
                continue  # not multiplied on processors then
            with self.subTest(dtype=dtype):
                model = Typed(dtype).eval()
                x = torch.randn(4, 3).to(dtype)
                paname_export.export(model, x, self.path(), tolerance=0.01)
                torch.testing.assert_close(Archive(self.path())(x)[0], model(x))
                stored = safetensors.read(archive.read(self.path())[2])
                torch.testing.assert_close(stored["weight"], model.weight.detach())

    def test_one_record_alone_is_an_example_too(self):
        model = net()
        card = paname_export.export(model, torch.randn(1, 3, 6, 6), self.path())
        self.assertEqual(card["inputs"][0]["shape"][0], "batch")
        ranges = archive.read(self.path())[1]["range_constraints"]
        self.assertEqual([held["min_val"] for held in ranges.values()], [1])

    def test_a_model_that_treats_one_record_apart_needs_two(self):
        class Apart(nn.Module):
            def forward(self, x):
                return x * 2 if x.shape[0] == 1 else x

        paname_export.export(Apart().eval(), torch.randn(3, 4), self.path())
        ranges = archive.read(self.path())[1]["range_constraints"]
        self.assertEqual([held["min_val"] for held in ranges.values()], [2])

    def test_fixed_batch_and_lengths_that_vary(self):
        paname_export.export(net(), torch.randn(4, 3, 6, 6), self.path(), dynamic_batch=False)
        self.assertEqual(Archive(self.path()).card["inputs"][0]["shape"], [4, 3, 6, 6])
        if VERSION >= (2, 3):
            dims = {0: torch.export.Dim("batch", min=2, max=64), 1: torch.export.Dim("length", min=2, max=8)}
            model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).eval()
            paname_export.export(model, torch.randn(3, 5, 3), self.path(), dynamic_shapes=(dims,))
            x = torch.randn(6, 7, 3)
            torch.testing.assert_close(Archive(self.path())(x)[0], model(x))

    @unittest.skipIf(VERSION < (2, 5), "older versions decompose")
    def test_regions_without_gradient_are_put_in(self):
        class Region(nn.Module):
            def __init__(self):
                super().__init__()
                self.a, self.b = nn.Linear(3, 3), nn.Linear(3, 3)

            def forward(self, x):
                with torch.no_grad():
                    y = self.a(x)
                with torch.autocast("cpu", enabled=False):
                    z = self.b(x)
                return y + z

        model, x = Region().eval(), torch.randn(4, 3)
        card = paname_export.export(model, x, self.path())
        torch.testing.assert_close(Archive(self.path())(x)[0], model(x))
        self.assertIn("torch.ops.aten.detach.default", self.makers().values())
        self.assertLessEqual({"a", "b"}, {layer["name"] for layer in card["layers"]})

    @unittest.skipIf(VERSION < (2, 9), "older versions write another schema")
    def test_torchs_own_writer_writes_the_same_nodes(self):
        from torch._export.serde.serialize import serialize

        from paname_export.program import Graph

        model, x = net(), torch.randn(4, 3, 6, 6)
        program = torch.export.export(model, (x,), dynamic_shapes=({0: torch.export.Dim("batch", min=1)},))
        theirs = json.loads(serialize(program).exported_program)["graph_module"]
        ours = Graph(program).document({})["graph_module"]

        def plain(value):
            """Without what is absent, and without what we leave out on purpose."""
            if isinstance(value, dict):
                left_out = ("hint", "metadata", "is_hop_single_tensor_return", "expr_str")
                return {key: plain(part) for key, part in value.items() if part is not None and key not in left_out}
            return [plain(part) for part in value] if isinstance(value, list) else value

        if VERSION < (2, 10):
            # Older schemas have no names of nodes.
            for node in ours["graph"]["nodes"]:
                del node["name"]
        for part in ("nodes", "inputs", "outputs", "tensor_values"):
            self.assertEqual(plain(ours["graph"][part]), plain(theirs["graph"][part]))
        self.assertEqual(plain(ours["signature"]), plain(theirs["signature"]))
        stacks = [[node["metadata"].get("nn_module_stack") for node in graph["graph"]["nodes"]] for graph in (ours, theirs)]
        self.assertEqual(*stacks)


class WhatIsRefused(Case):
    def test_training_mode(self):
        self.refused(net().train(), torch.randn(4, 3, 6, 6), "training mode", "model.eval()")
        model = net()
        model.drop.train()
        self.refused(model, torch.randn(4, 3, 6, 6), "drop")

    def test_what_depends_on_values(self):
        class Branch(nn.Module):
            def forward(self, x):
                return x * 2 if x.sum() > 0 else x

        self.refused(Branch().eval(), torch.randn(4, 3), "torch.export", "depends on the values")

    def test_random_outputs(self):
        class Random(nn.Module):
            def forward(self, x):
                return x + torch.rand_like(x)

        self.refused(Random().eval(), torch.randn(4, 3), "random numbers")

    def test_types_and_kinds_of_tensors(self):
        class Held(nn.Module):
            def __init__(self, tensor):
                super().__init__()
                self.register_buffer("held", tensor)

            def forward(self, x):
                return x + self.held.abs().sum()

        self.refused(Held(torch.zeros(2, dtype=torch.complex64)).eval(), torch.randn(4, 3), "held", "complex64")

    def test_quantised_models(self):
        if "fbgemm" not in torch.backends.quantized.supported_engines and "onednn" not in torch.backends.quantized.supported_engines:
            self.skipTest("this build cannot quantise")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            quantise = torch.ao.quantization.quantize_dynamic
            try:
                model = quantise(nn.Sequential(nn.Linear(3, 4)).eval(), {nn.Linear}, dtype=torch.qint8)
            except Exception:
                self.skipTest("this build cannot quantise")
        self.refused(model, torch.randn(4, 3))

    def test_operators_of_others(self):
        library = torch.library.Library("paname_test", "DEF")
        library.define("twice(Tensor x) -> Tensor")
        library.impl("twice", lambda x: x * 2, "CompositeExplicitAutograd")
        library.impl("twice", lambda x: torch.empty_like(x), "Meta")

        class Foreign(nn.Module):
            def forward(self, x):
                return torch.ops.paname_test.twice(x) + 1

        self.refused(Foreign().eval(), torch.randn(4, 3), "paname_test::twice")

    @unittest.skipIf(VERSION < (2, 6), "older versions do not tell")
    def test_autocast(self):
        class Cast(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(3, 3)

            def forward(self, x):
                with torch.autocast("cpu", dtype=torch.bfloat16):
                    x = self.fc(x)
                return x.float()

        self.refused(Cast().eval(), torch.randn(4, 3), "autocast")

    def test_arguments(self):
        model, x = net(), torch.randn(4, 3, 6, 6)
        self.refused({"weight": x}, x, "dict", "torch.nn.Module")
        self.refused(model, "x", "str")
        self.refused(model, x, "normalisation", normalisation={"mean": [0], "deviation": [1]})
        self.refused(model, x, "above zero", normalisation={"mean": [0], "std": [0]})
        self.refused(model, x, "task", task=3)
        self.refused(model, x, "no output of conv9", layers=["conv9"])
        self.refused(Words().eval(), (torch.zeros(3, 6, dtype=torch.long), torch.ones(1, 6)), "differ")

    def test_a_path_that_cannot_be_written(self):
        model, x = net(), torch.randn(4, 3, 6, 6)
        for path in (os.path.join(self.folder, "absent", "model.pt2"), self.folder):
            with self.assertRaisesRegex(ExportError, "cannot be written"):
                paname_export.export(model, x, path)

    def test_a_failure_leaves_what_was_there(self):
        paname_export.export(net(), torch.randn(4, 3, 6, 6), self.path())
        self.assertEqual(stat.S_IMODE(os.stat(self.path()).st_mode) & 0o400, 0o400)
        before = content(self.path())
        self.refused(net(), torch.randn(4, 3, 6, 6), "differs", tolerance=-1.0)
        self.assertEqual(content(self.path()), before)


class WhatIsReadBack(Case):
    def test_damage_is_found(self):
        paname_export.export(net(), torch.randn(4, 3, 6, 6), self.path())
        card, model, weights = archive.read(self.path())
        graph = model["graph_module"]["graph"]

        def changed(change):
            held = copy.deepcopy(model)
            change(held["graph_module"]["graph"])
            return card, held, weights

        first = graph["nodes"][0]["outputs"][0]["as_tensor"]["name"]
        damaged = {
            "bytes": (card, model, weights[:-4]),
            "before it is defined": changed(lambda graph: graph["nodes"].reverse()),
            "defined twice": changed(lambda graph: graph["nodes"].append(graph["nodes"][0])),
            "not described": changed(lambda graph: graph["tensor_values"].pop(first)),
            "format 2": (dict(card, format=2), model, weights),
            "shape": changed(lambda graph: [value["sizes"].append({"as_int": 1}) for value in graph["tensor_values"].values()]),
        }
        for word, (card_, model_, weights_) in damaged.items():
            archive.write(self.path("bad.pt2"), card_, model_, (len(weights_), [weights_]))
            with self.subTest(word), self.assertRaisesRegex(ExportError, word):
                Archive(self.path("bad.pt2"))
        with open(self.path("bad.pt2"), "wb") as file:
            file.write(b"PK")
        with self.assertRaisesRegex(ExportError, "no archive"):
            Archive(self.path("bad.pt2"))

    def test_safetensors_of_every_type(self):
        tensors = {str(dtype): torch.ones(3, dtype=dtype) for dtype in safetensors.DTYPES}
        tensors["scalar"], tensors["nothing"] = torch.tensor(2.5), torch.zeros(0, 4)
        size, pieces = safetensors.encoded(tensors, {"format": "pt"})
        data = b"".join(pieces)
        self.assertEqual(len(data), size)
        found = safetensors.read(data)
        self.assertEqual(set(found), set(tensors))
        for name, tensor in tensors.items():
            torch.testing.assert_close(found[name], tensor)


class WhatIsRewritten(Case):
    def saved(self):
        """An archive of torch's own, and the model."""
        model, x = net(), torch.randn(4, 3, 6, 6)
        given = {} if VERSION < (2, 3) else {"dynamic_shapes": ({0: torch.export.Dim("batch", min=2)},)}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.export.save(torch.export.export(model, (x,), **given), self.path("old.pt2"))
        return model, x

    def test_an_archive_of_torch(self):
        model, x = self.saved()
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code = main([self.path("old.pt2"), self.path("new.pt2"), "--task", "classification"])
        self.assertEqual(code, 0, errors.getvalue())
        read = Archive(self.path("new.pt2"))
        self.assertEqual(read.card["task"], "classification")
        torch.testing.assert_close(read(x)[0], model(x))

    def test_what_is_no_archive(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.jit.trace(net(), torch.randn(4, 3, 6, 6)).save(self.path("script.pt"))
        torch.save(net().state_dict(), self.path("weights.pt"))
        for name, word in (("script.pt", "TorchScript"), ("weights.pt", "does not read"), ("absent.pt2", "no file")):
            errors = io.StringIO()
            with contextlib.redirect_stderr(errors):
                self.assertEqual(main([self.path(name), self.path("new.pt2")]), 1)
            self.assertIn(word, errors.getvalue())
            self.assertFalse(os.path.exists(self.path("new.pt2")))


if __name__ == "__main__":
    unittest.main()
