//! `paname completions`.

use paname_report::Language;

use crate::arguments;
use crate::failure::Failure;
use crate::output::print;

pub(super) fn completions(shell: clap_complete::Shell, language: Language) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut arguments::command(language), "paname", &mut script);
    print(&String::from_utf8_lossy(&script))
}
