//! What libtorch says, on one line.

use paname_core::Error;
use tch::TchError;

/// The longest message of libtorch that is told.
const LONGEST: usize = 300;

/// Turns an error of libtorch into one of ours, as a function for `map_err`.
#[expect(clippy::needless_pass_by_value, reason = "as `map_err` gives it")]
pub(crate) fn from_torch(error: TchError) -> Error {
    let text = said(&error);
    // The machine's fault, not the model's: another time it may succeed.
    if ["allocate memory", "out of memory"].iter().any(|words| text.contains(words)) {
        return Error::Caused { message: "libtorch".into(), causes: vec![text] };
    }
    Error::Other(format!("libtorch: {text}"))
}

/// What went wrong, on one line, without the stack of C++ functions behind it.
pub(crate) fn said(error: &TchError) -> String {
    match error {
        TchError::Torch(text) | TchError::Shape(text) | TchError::FileFormat(text) => message(text),
        other => message(&other.to_string()),
    }
}

/// The line of a message that says what went wrong. Errors of TorchScript tell where they come from first; others, last.
fn message(text: &str) -> String {
    let text = text.split("\nException raised from").next().unwrap_or_default();
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let raised = |line: &&str| line.contains("Error: ") || line.contains("Exception: ");
    let line = if text.contains("TorchScript interpreter") {
        lines().rfind(raised).or_else(|| lines().next_back())
    } else {
        lines().next()
    };
    line.unwrap_or_default().chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_is_kept_of_many() {
        let script = "The following operation failed in the TorchScript interpreter.\nTraceback of TorchScript, serialized code (most recent call last):\n  File \"code/x.py\", line 7, in forward\n    ops.prim.RaiseException(\"no\", \"builtins.ValueError\")\n    ~~~ <--- HERE\n\nbuiltins.RuntimeError: no such input\n";
        assert_eq!(message(script), "builtins.RuntimeError: no such input");
        let plain = "mat1 and mat2 shapes cannot be multiplied (1x3 and 4x2)\nException raised from meta at /x.cpp:1 (most recent call first):\nframe #0: c10::Error";
        assert_eq!(message(plain), "mat1 and mat2 shapes cannot be multiplied (1x3 and 4x2)");
        assert_eq!(message(""), "");
    }
}
