//! The JSON of torch.export, schema 8, as it stands in the file: names borrowed, nothing resolved. Keys that no reader needs are skipped.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The major versions of the schema that are read: breaking changes raise it.
pub(crate) const MAJORS: [u32; 1] = [8];

#[derive(Deserialize)]
pub(crate) struct ExportedProgram<'a> {
    #[serde(borrow)]
    pub(crate) graph_module: GraphModule<'a>,
    #[serde(borrow)]
    pub(crate) range_constraints: Entries<'a, Range>,
    pub(crate) schema_version: Version,
    #[serde(default)]
    pub(crate) torch_version: String,
}

/// What is asked first of a document that does not parse.
#[derive(Deserialize)]
pub(crate) struct Versioned {
    pub(crate) schema_version: Version,
}

#[derive(Deserialize, Clone, Copy)]
pub(crate) struct Version {
    pub(crate) major: u32,
    pub(crate) minor: u32,
}

#[derive(Deserialize)]
pub(crate) struct Range {
    pub(crate) min_val: Option<i64>,
    pub(crate) max_val: Option<i64>,
}

#[derive(Deserialize)]
pub(crate) struct GraphModule<'a> {
    #[serde(borrow)]
    pub(crate) graph: Graph<'a>,
    #[serde(borrow)]
    pub(crate) signature: GraphSignature<'a>,
    #[serde(borrow, default)]
    pub(crate) module_call_graph: List<ModuleCall<'a>>,
}

#[derive(Deserialize)]
pub(crate) struct ModuleCall<'a> {
    #[serde(borrow)]
    pub(crate) fqn: Text<'a>,
    #[serde(borrow, default)]
    pub(crate) signature: Option<ModuleCallSignature<'a>>,
}

#[derive(Deserialize)]
pub(crate) struct ModuleCallSignature<'a> {
    #[serde(borrow)]
    pub(crate) out_spec: Text<'a>,
}

#[derive(Deserialize)]
pub(crate) struct Graph<'a> {
    #[serde(borrow)]
    pub(crate) inputs: List<Argument<'a>>,
    #[serde(borrow)]
    pub(crate) outputs: List<Argument<'a>>,
    #[serde(borrow)]
    pub(crate) nodes: List<Node<'a>>,
    #[serde(borrow)]
    pub(crate) tensor_values: Entries<'a, TensorMeta<'a>>,
    #[serde(borrow)]
    pub(crate) sym_int_values: Entries<'a, SymInt<'a>>,
    #[serde(borrow)]
    pub(crate) sym_bool_values: Entries<'a, IgnoredAny>,
    #[serde(borrow, default)]
    pub(crate) sym_float_values: Entries<'a, IgnoredAny>,
    #[serde(default)]
    pub(crate) is_single_tensor_return: bool,
}

#[derive(Deserialize)]
pub(crate) struct Node<'a> {
    #[serde(borrow)]
    pub(crate) target: Text<'a>,
    #[serde(borrow)]
    pub(crate) inputs: List<NamedArgument<'a>>,
    #[serde(borrow)]
    pub(crate) outputs: List<Argument<'a>>,
    #[serde(borrow, default)]
    pub(crate) metadata: Metadata<'a>,
    #[serde(default)]
    pub(crate) is_hop_single_tensor_return: Option<bool>,
}

/// Of what is known about a node, the modules that it comes from.
#[derive(Deserialize, Default)]
pub(crate) struct Metadata<'a> {
    #[serde(borrow, default)]
    pub(crate) nn_module_stack: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(crate) struct NamedArgument<'a> {
    #[serde(borrow)]
    pub(crate) name: Text<'a>,
    #[serde(borrow)]
    pub(crate) arg: Argument<'a>,
    #[serde(default)]
    pub(crate) kind: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", remote = "Self")]
#[expect(clippy::enum_variant_names, reason = "these are the names in the schema")]
pub(crate) enum Argument<'a> {
    AsNone(IgnoredAny),
    #[serde(borrow)]
    AsTensor(TensorArgument<'a>),
    AsTensors(List<TensorArgument<'a>>),
    AsInt(i64),
    AsInts(List<i64>),
    AsFloat(Real),
    AsFloats(List<Real>),
    AsString(Text<'a>),
    AsStrings(List<Text<'a>>),
    AsSymInt(SymIntArgument<'a>),
    AsSymInts(List<SymIntArgument<'a>>),
    AsScalarType(i64),
    AsMemoryFormat(i64),
    AsLayout(i64),
    AsDevice(Device<'a>),
    AsBool(bool),
    AsBools(List<bool>),
    AsSymBool(SymBoolArgument<'a>),
    AsSymBools(List<SymBoolArgument<'a>>),
    AsGraph(Box<GraphArgument<'a>>),
    AsOptionalTensors(List<OptionalTensorArgument<'a>>),
    AsCustomObj(CustomObjArgument<'a>),
    AsOperator(Text<'a>),
    AsSymFloat(SymFloatArgument<'a>),
    AsSymFloats(List<SymFloatArgument<'a>>),
    AsOptionalTensor(OptionalTensorArgument<'a>),
    AsComplex(Complex),
    AsNestedTensors(List<List<TensorArgument<'a>>>),
    AsIntLists(List<List<i64>>),
    AsStringToArgument(Entries<'a, Argument<'a>>),
}

#[derive(Deserialize)]
pub(crate) struct TensorArgument<'a> {
    #[serde(borrow)]
    pub(crate) name: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", remote = "Self")]
pub(crate) enum OptionalTensorArgument<'a> {
    #[serde(borrow)]
    AsTensor(TensorArgument<'a>),
    AsNone(IgnoredAny),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", remote = "Self")]
pub(crate) enum SymIntArgument<'a> {
    #[serde(borrow)]
    AsName(Text<'a>),
    AsInt(i64),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", remote = "Self")]
pub(crate) enum SymFloatArgument<'a> {
    #[serde(borrow)]
    AsName(Text<'a>),
    AsFloat(Real),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", remote = "Self")]
pub(crate) enum SymBoolArgument<'a> {
    #[serde(borrow)]
    AsName(Text<'a>),
    AsBool(bool),
}

#[derive(Deserialize)]
pub(crate) struct GraphArgument<'a> {
    #[serde(borrow)]
    pub(crate) name: Text<'a>,
    #[serde(borrow)]
    pub(crate) graph: Graph<'a>,
}

#[derive(Deserialize)]
pub(crate) struct CustomObjArgument<'a> {
    #[serde(borrow)]
    pub(crate) name: Text<'a>,
    #[serde(borrow)]
    pub(crate) class_fqn: Text<'a>,
}

#[derive(Deserialize)]
pub(crate) struct Complex {
    pub(crate) real: Real,
    pub(crate) imag: Real,
}

#[derive(Deserialize)]
pub(crate) struct Device<'a> {
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Text<'a>,
    #[serde(default)]
    pub(crate) index: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", remote = "Self")]
pub(crate) enum SymInt<'a> {
    #[serde(borrow)]
    AsExpr(SymExpr<'a>),
    AsInt(i64),
}

#[derive(Deserialize)]
pub(crate) struct SymExpr<'a> {
    #[serde(borrow)]
    pub(crate) expr_str: Text<'a>,
}

#[derive(Deserialize)]
pub(crate) struct TensorMeta<'a> {
    pub(crate) dtype: i64,
    #[serde(borrow)]
    pub(crate) sizes: List<SymInt<'a>>,
    pub(crate) requires_grad: bool,
    #[serde(borrow)]
    pub(crate) device: Device<'a>,
    #[serde(borrow)]
    pub(crate) strides: List<SymInt<'a>>,
    #[serde(borrow)]
    pub(crate) storage_offset: SymInt<'a>,
    pub(crate) layout: i64,
}

#[derive(Deserialize)]
pub(crate) struct GraphSignature<'a> {
    #[serde(borrow)]
    pub(crate) input_specs: List<InputSpec<'a>>,
    #[serde(borrow)]
    pub(crate) output_specs: List<OutputSpec<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", remote = "Self")]
pub(crate) enum InputSpec<'a> {
    #[serde(borrow)]
    UserInput(UserSpec<'a>),
    Parameter(ParameterSpec<'a>),
    Buffer(BufferSpec<'a>),
    TensorConstant(TensorConstantSpec<'a>),
    CustomObj(IgnoredAny),
    Token(IgnoredAny),
    ConstantInput(IgnoredAny),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", remote = "Self")]
pub(crate) enum OutputSpec<'a> {
    #[serde(borrow)]
    UserOutput(UserSpec<'a>),
    LossOutput(LossSpec<'a>),
    BufferMutation(BufferMutationSpec<'a>),
    ParameterMutation(ParameterSpec<'a>),
    GradientToParameter(ParameterSpec<'a>),
    GradientToUserInput(UserInputSpec<'a>),
    UserInputMutation(UserInputSpec<'a>),
    Token(IgnoredAny),
}

#[derive(Deserialize)]
pub(crate) struct UserSpec<'a> {
    #[serde(borrow)]
    pub(crate) arg: Argument<'a>,
}

#[derive(Deserialize)]
pub(crate) struct LossSpec<'a> {
    #[serde(borrow)]
    pub(crate) arg: TensorArgument<'a>,
}

#[derive(Deserialize)]
pub(crate) struct ParameterSpec<'a> {
    #[serde(borrow)]
    pub(crate) arg: TensorArgument<'a>,
    pub(crate) parameter_name: String,
}

#[derive(Deserialize)]
pub(crate) struct BufferSpec<'a> {
    #[serde(borrow)]
    pub(crate) arg: TensorArgument<'a>,
    pub(crate) buffer_name: String,
    pub(crate) persistent: bool,
}

#[derive(Deserialize)]
pub(crate) struct BufferMutationSpec<'a> {
    #[serde(borrow)]
    pub(crate) arg: TensorArgument<'a>,
    pub(crate) buffer_name: String,
}

#[derive(Deserialize)]
pub(crate) struct TensorConstantSpec<'a> {
    #[serde(borrow)]
    pub(crate) arg: TensorArgument<'a>,
    pub(crate) tensor_constant_name: String,
}

#[derive(Deserialize)]
pub(crate) struct UserInputSpec<'a> {
    #[serde(borrow)]
    pub(crate) arg: TensorArgument<'a>,
    #[serde(borrow)]
    pub(crate) user_input_name: Text<'a>,
}

/// The index of raw weights or constants, by name.
#[derive(Deserialize)]
pub(crate) struct PayloadConfig<'a> {
    #[serde(borrow)]
    pub(crate) config: Entries<'a, PayloadMeta<'a>>,
}

#[derive(Deserialize)]
pub(crate) struct PayloadMeta<'a> {
    pub(crate) path_name: String,
    pub(crate) use_pickle: bool,
    #[serde(borrow)]
    pub(crate) tensor_meta: Option<TensorMeta<'a>>,
}

/// Unions are objects of one key, which the derived reading takes on trust; here more of them are refused in words.
macro_rules! unions {
    ($($union:ident)*) => {$(
        impl<'de: 'a, 'a> Deserialize<'de> for $union<'a> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Reading;
                impl<'de> Visitor<'de> for Reading {
                    type Value = $union<'de>;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("an object of one key")
                    }
                    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                        let value = $union::deserialize(MapAccessDeserializer::new(&mut map))?;
                        match map.next_key::<IgnoredAny>()? {
                            None => Ok(value),
                            Some(_) => Err(A::Error::custom("has several keys; expected an object of one key")),
                        }
                    }
                }
                deserializer.deserialize_map(Reading)
            }
        }
    )*};
}

unions! {
    Argument OptionalTensorArgument SymIntArgument SymFloatArgument SymBoolArgument SymInt InputSpec OutputSpec
}

/// A string that is borrowed from the document unless it has escapes. It is looked up as the text that it is: its hash is that of its `str`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Text<'a>(Cow<'a, str>);

impl Borrow<str> for Text<'_> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reading;
        impl<'de> Visitor<'de> for Reading {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Reading)
    }
}

impl Text<'_> {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn into_owned(self) -> String {
        self.0.into_owned()
    }
}

/// A number; those that JSON has not are written as words.
pub(crate) struct Real(pub(crate) f64);

impl<'de> Deserialize<'de> for Real {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reading;
        impl Visitor<'_> for Reading {
            type Value = Real;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, \"Infinity\", \"-Infinity\" or \"NaN\"")
            }
            fn visit_f64<E>(self, number: f64) -> Result<Real, E> {
                Ok(Real(number))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Real, E> {
                Ok(Real(number as f64))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Real, E> {
                Ok(Real(number as f64))
            }
            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Real, E> {
                match word {
                    "Infinity" => Ok(Real(f64::INFINITY)),
                    "-Infinity" => Ok(Real(f64::NEG_INFINITY)),
                    "NaN" => Ok(Real(f64::NAN)),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(word), &self)),
                }
            }
        }
        deserializer.deserialize_any(Reading)
    }
}

/// A list whose errors say in which item they are.
pub(crate) struct List<T>(pub(crate) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// What an item of a list is called in errors.
trait Item {
    const NAME: &'static str = "item";
}

impl Item for Node<'_> {
    const NAME: &'static str = "node";
}
impl Item for Argument<'_> {}
impl Item for NamedArgument<'_> {
    const NAME: &'static str = "argument";
}
impl Item for TensorArgument<'_> {}
impl Item for OptionalTensorArgument<'_> {}
impl Item for SymIntArgument<'_> {}
impl Item for SymFloatArgument<'_> {}
impl Item for SymBoolArgument<'_> {}
impl Item for SymInt<'_> {
    const NAME: &'static str = "dimension";
}
impl Item for InputSpec<'_> {
    const NAME: &'static str = "input";
}
impl Item for OutputSpec<'_> {
    const NAME: &'static str = "output";
}
impl Item for ModuleCall<'_> {}
impl Item for Text<'_> {}
impl Item for Real {}
impl Item for i64 {}
impl Item for bool {}
impl<T> Item for List<T> {}

impl<'de, T: Deserialize<'de> + Item> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reading<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de> + Item> Visitor<'de> for Reading<T> {
            type Value = List<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<List<T>, A::Error> {
                let mut list = Vec::new();
                loop {
                    match items.next_element() {
                        Ok(Some(item)) => list.push(item),
                        Ok(None) => return Ok(List(list)),
                        Err(e) => {
                            return Err(A::Error::custom(format_args!("{} {}: {e}", T::NAME, list.len())));
                        }
                    }
                }
            }
        }
        deserializer.deserialize_seq(Reading(PhantomData))
    }
}

/// The entries of an object in the order of the file, whose errors say in which entry they are.
pub(crate) struct Entries<'a, T>(pub(crate) Vec<(Text<'a>, T)>);

impl<T> Default for Entries<'_, T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de: 'a, 'a, T: Deserialize<'de>> Deserialize<'de> for Entries<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reading<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Reading<T> {
            type Value = Entries<'de, T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(key) = map.next_key::<Text<'de>>()? {
                    let value = map
                        .next_value()
                        .map_err(|e| A::Error::custom(format_args!("`{}`: {e}", key.as_str())))?;
                    entries.push((key, value));
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Reading(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Masks of attention are filled with it: one place more and it is no number of single precision.
    #[test]
    fn a_number_keeps_its_last_place() {
        let Real(lowest) = serde_json::from_str("-3.4028234663852886e+38").unwrap();
        assert_eq!(lowest, f64::from(f32::MIN));
    }
}
