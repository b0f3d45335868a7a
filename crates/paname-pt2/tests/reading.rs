//! What torch 2.11 has saved, and what our exporter writes, is read as it was meant.
#![expect(clippy::unwrap_used, reason = "a test that cannot read its fixtures has to stop")]

mod common;

use std::fmt::Write as _;

use common::{FIXTURES, Parts, path, with_large_end};
use paname_pt2::{
    Archive, Argument, DType, Dimension, Graph, Input, InputRole, Output, Program, Scalar, Size, TensorMeta,
    ValueId, ValueKind,
};
use zip::CompressionMethod;

/// A program as a page of text.
fn page(archive: &Archive) -> String {
    let program = archive.program();
    let mut page = format!("schema {:?}, torch {}\n", program.schema_version, program.torch_version);
    for symbol in &program.symbols {
        writeln!(page, "symbol {}: {} to {}", symbol.name, symbol.least, symbol.most).unwrap();
    }
    graph(&program.graph, program, 0, &mut page);
    for role in &program.signature.inputs {
        writeln!(page, "in: {role:?}").unwrap();
    }
    for (role, output) in program.signature.outputs.iter().zip(&program.graph.outputs) {
        writeln!(page, "out: {role:?} {output:?}").unwrap();
    }
    writeln!(page, "outputs: {}", archive.output_names().join(", ")).unwrap();
    for (layer, id) in archive.layers() {
        writeln!(page, "layer {layer}: {}", program.graph.values[id.index()].name).unwrap();
    }
    for (role, weight) in archive.weights() {
        let (name, dtype, shape, strides) =
            (role.weight().unwrap(), weight.dtype, weight.shape, weight.strides);
        writeln!(page, "weight {name}: {dtype} {shape:?} {strides:?}, {} bytes", weight.bytes.len()).unwrap();
    }
    page
}

fn graph(graph: &Graph, program: &Program, indent: usize, page: &mut String) {
    let margin = "  ".repeat(indent);
    let define = |id: &ValueId| {
        let value = &graph.values[id.index()];
        let kind = match &value.kind {
            ValueKind::Tensor(TensorMeta { dtype, shape, .. }) => {
                let sizes: Vec<String> = shape.iter().map(|size| self::size(*size, program)).collect();
                format!("{dtype}[{}]", sizes.join(", "))
            }
            ValueKind::Int(size) => format!("int {}", self::size(*size, program)),
            other => format!("{other:?}"),
        };
        format!("{}#{}: {kind}", value.name, id.0)
    };
    for input in &graph.inputs {
        match input {
            Input::Value(id) => writeln!(page, "{margin}input {}", define(id)).unwrap(),
            Input::Literal(literal) => writeln!(page, "{margin}input literal {literal:?}").unwrap(),
        }
    }
    for node in &graph.nodes {
        let outputs: Vec<String> = node
            .outputs
            .iter()
            .map(|output| match output {
                Output::Value(id) => define(id),
                Output::List(ids) => format!("{:?}", ids.iter().flatten().map(define).collect::<Vec<_>>()),
                Output::Nothing => "nothing".into(),
            })
            .collect();
        let layer = node.layer.map_or("", |layer| &program.layers[layer.index()].path);
        writeln!(page, "{margin}{} = {} ({layer})", outputs.join(", "), node.target).unwrap();
        for named in &node.arguments {
            if let Argument::Graph(inner) = &named.argument {
                writeln!(page, "{margin}    graph {}", inner.name).unwrap();
                self::graph(inner, program, indent + 4, page);
                writeln!(page, "{margin}        returns {:?}", inner.outputs).unwrap();
            } else {
                writeln!(page, "{margin}    {} {:?} {:?}", named.name, named.argument, named.kind).unwrap();
            }
        }
    }
}

fn size(size: Size, program: &Program) -> String {
    match size {
        Size::Known(size) => size.to_string(),
        Size::Symbol(id) => program.symbols[id.index()].name.clone(),
        Size::Unknown => "?".to_owned(),
    }
}

#[test]
fn programs_of_torch_are_read() {
    for name in FIXTURES {
        insta::assert_snapshot!(name, page(&Archive::open(path(name)).unwrap()));
    }
}

#[test]
fn weights_are_where_the_file_is_mapped_and_as_they_were() {
    let archive = Archive::open(path("classifier")).unwrap();
    let shift = archive.weight("shift").unwrap();
    assert_eq!((shift.dtype, shift.shape, shift.strides), (DType::F32, &[2][..], &[1][..]));
    assert_eq!(shift.bytes, [1.0_f32.to_le_bytes(), 2.0_f32.to_le_bytes()].concat());
    let batches = archive.weight("stem.1.num_batches_tracked").unwrap();
    assert_eq!((batches.dtype, batches.shape.len(), batches.bytes), (DType::I64, 0, &[0; 8][..]));
    // Torch aligns what it stores, and tied weights are one.
    let (head, again) = (archive.weight("head.weight").unwrap(), archive.weight("again.weight").unwrap());
    assert_eq!(head.bytes.as_ptr(), again.bytes.as_ptr());
    assert_eq!(head.bytes.as_ptr() as usize % 64, 0);
    assert!(archive.card().is_none());
    assert!(archive.weight("x").unwrap_err().to_string().ends_with("weight `x`: is not in the signature"));
}

#[test]
fn strides_and_offsets_of_one_storage_are_kept() {
    let mut parts = Parts::of("classifier");
    let index = "data/weights/model_weights_config.json";
    parts = parts.edit(index, |index| {
        let meta = &mut index["config"]["head.weight"]["tensor_meta"];
        meta["strides"] = serde_json::json!([{"as_int": 1}, {"as_int": 2}]);
        meta["storage_offset"]["as_int"] = 1.into();
        index["config"]["head.weight"]["path_name"] = "long".into();
    });
    let long: Vec<u8> = (0..6_u8).flat_map(|x| f32::from(x).to_le_bytes()).collect();
    parts.entries.push(("data/weights/long".into(), long));
    let archive = parts.read().unwrap();
    let weight = archive.weight("head.weight").unwrap();
    assert_eq!((weight.strides, weight.bytes.len()), (&[1, 2][..], 16));
    assert_eq!(weight.bytes[..4], 1.0_f32.to_le_bytes());
}

#[test]
fn our_exporter_is_read_with_its_card() {
    let archive = Parts::exported().read().unwrap();
    let theirs = Archive::open(path("classifier")).unwrap();
    assert_eq!(archive.program(), theirs.program());
    for ((role, weight), (_, same)) in archive.weights().zip(theirs.weights()) {
        assert_eq!(
            (weight.dtype, weight.shape, weight.bytes),
            (same.dtype, same.shape, same.bytes),
            "{role:?}"
        );
    }
    let card = archive.card().unwrap();
    assert_eq!(card.task.as_deref(), Some("classification"));
    assert_eq!(card.inputs[0].shape[..2], [Dimension::Named("batch".into()), Dimension::Fixed(1)]);
    assert_eq!(card.classes, ["cat", "dog"]);
    assert_eq!(archive.output_names(), ["logits"]);
    let layers = archive.layers();
    assert_eq!(layers.len(), 1);
    assert_eq!(layers[0].0, "stem.2");
    assert_eq!(archive.program().graph.values[layers[0].1.index()].name, "relu");
}

#[test]
fn compressed_archives_are_read_too() {
    for parts in [Parts::of("classifier"), Parts::exported()] {
        let packed = Archive::read(parts.packed(CompressionMethod::Deflated), "m.pt2").unwrap();
        let stored = parts.read().unwrap();
        assert_eq!(packed.program(), stored.program());
        assert!(packed.weights().eq(stored.weights()));
    }
}

#[test]
fn sample_inputs_are_never_opened() {
    let mut parts = Parts::of("classifier");
    *parts.bytes("data/sample_inputs/model.pt") = b"cposix\nsystem\n(S'true'\ntR.".to_vec();
    parts.read().unwrap();
    parts.remove("data/sample_inputs/model.pt");
    parts.read().unwrap();
}

#[test]
fn roles_name_the_weights() {
    let archive = Archive::open(path("classifier")).unwrap();
    let roles = &archive.program().signature.inputs;
    assert!(roles.contains(&InputRole::Buffer { name: "shift".into(), persistent: false }));
    assert!(roles.contains(&InputRole::Constant("lifted_tensor_0".into())));
    assert_eq!(archive.weights().count(), roles.len() - 1);
}

#[test]
fn every_kind_of_argument_is_read() {
    let arguments = [
        (r#"{"as_none": true}"#, Argument::None),
        (r#"{"as_int": -3}"#, Argument::Int(-3)),
        (r#"{"as_ints": [1, 2]}"#, Argument::Ints(vec![1, 2])),
        (r#"{"as_int_lists": [[1], []]}"#, Argument::IntLists(vec![vec![1], vec![]])),
        (r#"{"as_float": "-Infinity"}"#, Argument::Float(f64::NEG_INFINITY)),
        (r#"{"as_floats": [1, 0.5]}"#, Argument::Floats(vec![1.0, 0.5])),
        (r#"{"as_bool": true}"#, Argument::Bool(true)),
        (r#"{"as_bools": [true, false]}"#, Argument::Bools(vec![true, false])),
        (r#"{"as_string": "a\n"}"#, Argument::String("a\n".into())),
        (r#"{"as_strings": ["a"]}"#, Argument::Strings(vec!["a".into()])),
        (r#"{"as_sym_int": {"as_int": 3}}"#, Argument::Int(3)),
        (r#"{"as_sym_ints": [{"as_int": 3}]}"#, Argument::SymInts(vec![Scalar::Known(3)])),
        (r#"{"as_sym_float": {"as_float": 0.5}}"#, Argument::Float(0.5)),
        (r#"{"as_sym_floats": [{"as_float": 1}]}"#, Argument::SymFloats(vec![Scalar::Known(1.0)])),
        (r#"{"as_sym_bool": {"as_bool": true}}"#, Argument::Bool(true)),
        (r#"{"as_sym_bools": [{"as_bool": true}]}"#, Argument::SymBools(vec![Scalar::Known(true)])),
        (r#"{"as_complex": {"real": 1, "imag": -0.5}}"#, Argument::Complex { real: 1.0, imaginary: -0.5 }),
        (r#"{"as_scalar_type": 13}"#, Argument::DType(DType::BF16)),
        (r#"{"as_operator": "aten.add"}"#, Argument::Operator("aten.add".into())),
        (r#"{"as_tensor": {"name": "x"}}"#, Argument::Tensor(ValueId(9))),
        (r#"{"as_tensors": [{"name": "x"}]}"#, Argument::Tensors(vec![ValueId(9)])),
        (r#"{"as_optional_tensor": {"as_tensor": {"name": "x"}}}"#, Argument::Tensor(ValueId(9))),
        (r#"{"as_optional_tensor": {"as_none": true}}"#, Argument::None),
        (
            r#"{"as_optional_tensors": [{"as_none": true}, {"as_tensor": {"name": "x"}}]}"#,
            Argument::OptionalTensors(vec![None, Some(ValueId(9))]),
        ),
        (r#"{"as_nested_tensors": [[{"name": "x"}]]}"#, Argument::TensorLists(vec![vec![ValueId(9)]])),
        (
            r#"{"as_string_to_argument": {"b": {"as_int": 1}, "a": {"as_bool": false}}}"#,
            Argument::Map(vec![("a".into(), Argument::Bool(false)), ("b".into(), Argument::Int(1))]),
        ),
    ];
    for (json, expected) in arguments {
        let parts = Parts::of("classifier").edit(common::MODEL, |model| {
            let node = &mut model["graph_module"]["graph"]["nodes"][0];
            node["inputs"][1]["arg"] = serde_json::from_str(json).unwrap();
        });
        let archive = parts.read().unwrap();
        let expected = match expected {
            // The number that `x` has in this graph.
            Argument::Tensor(_) => Argument::Tensor(x(&archive)),
            Argument::Tensors(_) => Argument::Tensors(vec![x(&archive)]),
            Argument::TensorLists(_) => Argument::TensorLists(vec![vec![x(&archive)]]),
            Argument::OptionalTensors(_) => Argument::OptionalTensors(vec![None, Some(x(&archive))]),
            other => other,
        };
        assert_eq!(archive.program().graph.nodes[0].arguments[1].argument, expected, "{json}");
    }
}

fn x(archive: &Archive) -> ValueId {
    archive.program().graph.find("x").unwrap()
}

#[test]
fn names_of_any_length_and_archives_within() {
    // The sample inputs, which are never opened, are an archive too.
    let mut parts = Parts::of("classifier");
    assert!(parts.bytes("data/sample_inputs/model.pt").starts_with(b"PK\x03\x04"));
    let inner = parts.bytes("data/sample_inputs/model.pt").clone();
    let weights = Archive::open(path("classifier")).unwrap().weights().count();
    // Last, so that its end is as near to that of the file as it can be.
    parts.remove("data/sample_inputs/model.pt");
    parts.entries.push(("data/sample_inputs/model.pt".into(), inner));
    for length in 1..64 {
        parts.root = "m".repeat(length);
        for bytes in [parts.zip(), with_large_end(parts.zip())] {
            let archive = Archive::read(bytes, "m.pt2").unwrap_or_else(|error| panic!("{length}: {error}"));
            assert_eq!(archive.weights().count(), weights, "{length}");
        }
    }
}
