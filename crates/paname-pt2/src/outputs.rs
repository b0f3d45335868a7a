//! Names of what a model returns, from the tree in which PyTorch describes it.

use serde::Deserialize;

use crate::schema::{List, ModuleCall};

/// Longer names are none.
const LONGEST: usize = 256;

/// One for each of `count` outputs: keys and numbers on the way to it, joined by dots. Names are a courtesy: a tree that is not understood gives numbers.
pub(crate) fn names(calls: &List<ModuleCall<'_>>, count: usize) -> Vec<String> {
    let model = calls.0.iter().find(|call| call.fqn.as_str().is_empty());
    let tree = model.and_then(|call| call.signature.as_ref()).and_then(|signature| {
        let (_, tree): (u64, Tree) = serde_json::from_str(signature.out_spec.as_str()).ok()?;
        Some(tree)
    });
    let mut names = Vec::new();
    if let Some(tree) = tree
        && tree.name("", count, &mut names).is_some()
        && names.len() == count
        && names.iter().all(|name| !name.is_empty())
    {
        return names;
    }
    if count == 1 { vec!["output".to_owned()] } else { (0..count).map(|index| index.to_string()).collect() }
}

/// A leaf, which has no type, or a container.
#[derive(Deserialize)]
struct Tree {
    #[serde(rename = "type")]
    kind: Option<String>,
    context: Option<String>,
    #[serde(default)]
    children_spec: Vec<Tree>,
}

impl Tree {
    /// Names the leaves; gives up where there are more than `most`, or a name would be endless.
    fn name(&self, path: &str, most: usize, names: &mut Vec<String>) -> Option<()> {
        if names.len() > most || path.len() > LONGEST {
            return None;
        }
        if self.kind.is_none() {
            names.push(path.to_owned());
            return Some(());
        }
        let keys = self.keys().filter(|keys| keys.len() == self.children_spec.len());
        for (index, child) in self.children_spec.iter().enumerate() {
            let step = keys.as_ref().map_or_else(|| index.to_string(), |keys| keys[index].clone());
            let path = if path.is_empty() { step } else { format!("{path}.{step}") };
            child.name(&path, most, names)?;
        }
        Some(())
    }

    /// The keys of a dictionary, in the order of its children.
    fn keys(&self) -> Option<Vec<String>> {
        serde_json::from_str(self.context.as_deref()?).ok()
    }
}
