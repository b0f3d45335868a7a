//! How many people an attacker could name as members while being wrong at a stated rate.
//!
//! Benjamini and Hochberg's procedure (JRSS B 57, 1995) needs a pool in which somebody is not a member: among members alone
//! every rejection is true, and a false discovery rate says nothing. The pool here mixes the audited members with other
//! non-members, those whose p-values were not calibrated on themselves, at a declared prior.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Result, argument};

/// What the procedure finds in the mixed pool.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Inferable {
    /// Members named: "so many units are inferable at this false discovery rate".
    pub members: u64,
    /// Non-members named.
    pub non_members: u64,
    /// The share of members in the pool.
    pub prior: f64,
    /// The false discovery rate that the procedure keeps.
    pub rate: f64,
    /// Everybody with a p-value up to here is named; `None` where nobody is.
    pub threshold: Option<f64>,
    /// The share of non-members among those named in the pool at the declared prior, as it turned out; `None` where nobody
    /// is named. It varies around `rate * (1 - prior)` or below.
    pub realised: Option<f64>,
}

/// Names as many as Benjamini and Hochberg's procedure allows at the false discovery rate `rate`, in a pool where members
/// have the share `prior`. The largest p-value `t` with `t <= rate · (prior · M(t) + (1 - prior) · N(t))`, where `M` and
/// `N` are the shares of members and of non-members with a p-value up to `t`; at the shares of the samples themselves this
/// is the plain procedure on all p-values.
///
/// The samples are weighted to the prior, not thinned out: nothing is left to chance and nobody is thrown away. Weights in
/// the ratio of whole numbers mean so many copies of each p-value, and copies keep the positive dependence under which the
/// procedure holds its rate (Benjamini and Yekutieli, Annals of Statistics 29, 2001; conformal p-values have it: Bates et al.,
/// Annals of Statistics 51, 2023). What weights cannot make up for is number: with few non-members in the place of many,
/// the realised share is a coarse figure, though its mean is kept.
pub fn inferable(members: &[f64], non_members: &[f64], prior: f64, rate: f64) -> Result<Inferable> {
    argument::open_unit("prior", prior)?;
    argument::open_unit("false discovery rate", rate)?;
    let [inside, outside] = [("p-values of members", members), ("p-values of non-members", non_members)];
    for (what, p_values) in [inside, outside] {
        argument::sample(what, p_values)?;
        for p in p_values {
            argument::unit(what, *p)?;
        }
    }
    let (inside, outside) = (argument::sorted(members), argument::sorted(non_members));
    let counts = |t: f64| [&inside, &outside].map(|p_values| p_values.partition_point(|p| *p <= t) as u64);
    let shares = |[named, others]: [u64; 2]| {
        let inside = prior * named as f64 / members.len() as f64;
        (inside, (1.0 - prior) * others as f64 / non_members.len() as f64)
    };
    let allowed = |t: f64| {
        let (inside, outside) = shares(counts(t));
        // A hair of slack: 3 of 100 must be allowed at 0.03.
        t <= rate * (inside + outside) * (1.0 + 1e-12)
    };
    let threshold = inside.iter().chain(&outside).copied().filter(|t| allowed(*t)).max_by(f64::total_cmp);
    let found = threshold.map_or([0, 0], counts);
    let (inside, outside) = shares(found);
    Ok(Inferable {
        members: found[0],
        non_members: found[1],
        prior,
        rate,
        threshold,
        realised: threshold.map(|_| outside / (inside + outside)),
    })
}
