//! The signature, held against the graph that it is about.

use std::collections::HashMap;

use crate::error::Fault;
use crate::program::{Argument, Graph, Input, ValueId, ValueKind};
use crate::schema::{self, Text};
use crate::scope::{Declared, Scope};
use crate::signature::{InputRole, OutputRole, Signature};

/// The roles of inputs and outputs, each held against the graph.
pub(crate) fn signature(
    signature: schema::GraphSignature<'_>,
    graph: &Graph,
    scope: &Scope<'_>,
) -> Result<Signature, Fault> {
    let schema::GraphSignature { input_specs, output_specs } = signature;
    let counted = |what: &str, roles: usize, there: usize| {
        if roles == there {
            return Ok(());
        }
        let problem = format!("names {roles} {what}; the graph has {there}");
        Err(Fault::new("signature", problem))
    };
    counted("inputs", input_specs.0.len(), graph.inputs.len())?;
    counted("outputs", output_specs.0.len(), graph.outputs.len())?;
    let mut inputs = Vec::with_capacity(graph.inputs.len());
    for (index, (spec, input)) in input_specs.0.into_iter().zip(&graph.inputs).enumerate() {
        let role = input_role(spec, input, scope, graph);
        inputs.push(role.map_err(|e| Fault::new(format!("signature, input {index}"), e))?);
    }
    let values = graph.inputs.iter().enumerate().filter_map(|(index, input)| match input {
        Input::Value(id) => Some((*id, index)),
        Input::Literal(_) => None,
    });
    let positions = values.collect();
    let mut outputs = Vec::with_capacity(graph.outputs.len());
    for (index, (spec, output)) in output_specs.0.into_iter().zip(&graph.outputs).enumerate() {
        let role = output_role(spec, output, scope, &positions);
        outputs.push(role.map_err(|e| Fault::new(format!("signature, output {index}"), e))?);
    }
    Ok(Signature { inputs, outputs })
}

fn input_role(
    spec: schema::InputSpec<'_>,
    input: &Input,
    scope: &Scope<'_>,
    graph: &Graph,
) -> Result<InputRole, String> {
    use schema::InputSpec as S;
    let tensor = |name: &Text<'_>| {
        let id = found(name, scope)?;
        let is_tensor = matches!(graph.values[id.index()].kind, ValueKind::Tensor(_));
        if *input != Input::Value(id) || !is_tensor {
            return Err(format!("`{}` is not the tensor at this place of the graph", name.as_str()));
        }
        Ok(())
    };
    Ok(match spec {
        S::Parameter(spec) => {
            tensor(&spec.arg.name)?;
            InputRole::Parameter(spec.parameter_name)
        }
        S::Buffer(spec) => {
            tensor(&spec.arg.name)?;
            InputRole::Buffer { name: spec.buffer_name, persistent: spec.persistent }
        }
        S::TensorConstant(spec) => {
            tensor(&spec.arg.name)?;
            InputRole::Constant(spec.tensor_constant_name)
        }
        S::UserInput(spec) => match (named(&spec.arg), input) {
            (Some(name), Input::Value(id)) if found(name, scope)? == *id => InputRole::User,
            (None, Input::Literal(_)) => InputRole::Literal,
            _ => return Err("is not what stands at this place of the graph".into()),
        },
        S::ConstantInput(_) => match input {
            Input::Literal(_) => InputRole::Literal,
            Input::Value(_) => return Err("is a literal, but the graph has a value at this place".into()),
        },
        S::CustomObj(_) => return Err("is a custom object, which is not supported".into()),
        S::Token(_) => return Err("is a token, which is not supported".into()),
    })
}

fn output_role(
    spec: schema::OutputSpec<'_>,
    output: &Argument,
    scope: &Scope<'_>,
    positions: &HashMap<ValueId, usize>,
) -> Result<OutputRole, String> {
    use schema::OutputSpec as S;
    let tensor = |name: &Text<'_>| {
        if *output == Argument::Tensor(found(name, scope)?) {
            return Ok(());
        }
        Err(format!("`{}` is not the tensor at this place of the graph", name.as_str()))
    };
    let user_input = |name: &Text<'_>| {
        let position = positions.get(&found(name, scope)?).copied();
        position.ok_or_else(|| format!("`{}` is no input of the graph", name.as_str()))
    };
    Ok(match spec {
        S::UserOutput(spec) => match (named(&spec.arg), value(output)) {
            (Some(name), Some(id)) if found(name, scope)? == id => OutputRole::User,
            (None, None) => OutputRole::User,
            _ => return Err("is not what stands at this place of the graph".into()),
        },
        S::LossOutput(spec) => {
            tensor(&spec.arg.name)?;
            OutputRole::Loss
        }
        S::BufferMutation(spec) => {
            tensor(&spec.arg.name)?;
            OutputRole::BufferMutation(spec.buffer_name)
        }
        S::ParameterMutation(spec) => {
            tensor(&spec.arg.name)?;
            OutputRole::ParameterMutation(spec.parameter_name)
        }
        S::GradientToParameter(spec) => {
            tensor(&spec.arg.name)?;
            OutputRole::ParameterGradient(spec.parameter_name)
        }
        S::UserInputMutation(spec) => {
            tensor(&spec.arg.name)?;
            OutputRole::InputMutation(user_input(&spec.user_input_name)?)
        }
        S::GradientToUserInput(spec) => {
            tensor(&spec.arg.name)?;
            OutputRole::InputGradient(user_input(&spec.user_input_name)?)
        }
        S::Token(_) => return Err("is a token, which is not supported".into()),
    })
}

fn found(name: &Text<'_>, scope: &Scope<'_>) -> Result<ValueId, String> {
    match scope.names.get(name.as_str()) {
        Some(Declared::Defined(id)) => Ok(*id),
        _ => Err(format!("`{}` is not defined by the graph", name.as_str().escape_debug())),
    }
}

/// The name of the value that an argument is, if it is one.
fn named<'s, 'a>(argument: &'s schema::Argument<'a>) -> Option<&'s Text<'a>> {
    use schema::Argument as A;
    match argument {
        A::AsTensor(tensor) => Some(&tensor.name),
        A::AsSymInt(schema::SymIntArgument::AsName(name))
        | A::AsSymFloat(schema::SymFloatArgument::AsName(name))
        | A::AsSymBool(schema::SymBoolArgument::AsName(name)) => Some(name),
        _ => None,
    }
}

/// The value that an argument is, if it is one.
fn value(argument: &Argument) -> Option<ValueId> {
    match argument {
        Argument::Tensor(id) | Argument::SymInt(id) | Argument::SymFloat(id) | Argument::SymBool(id) => {
            Some(*id)
        }
        _ => None,
    }
}
