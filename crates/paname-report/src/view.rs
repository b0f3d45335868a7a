//! What the templates show: evidence turned into words and figures of one language. Templates lay out; everything else happens here.

mod attribute;
mod context;
mod epsilon;
mod found;
mod grid;
mod inversion;
mod lead;
mod page;
mod reason;
mod test;
mod words;

pub(crate) use found::About;
pub(crate) use reason::sentence as reason_sentence;
pub(crate) use words::{family, verdict_name};

pub(crate) use lead::{asked, not_said, verdict_sentence};
pub(crate) use page::page;
pub(crate) use words::{statistic, statistic_value};
