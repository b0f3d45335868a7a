//! The detection test of a level in a form that may be looked at after every query.

use paname_core::{Ctx, Result};
use paname_evidence::Anytime;
use paname_stats::evalue::Pairs;
use paname_stats::level::FixedThreshold;

use super::{shuffle, statistics};
use crate::manifest::Statistics;

/// How often it is looked whether an absence could have been claimed: the bound takes long.
const LOOK: u64 = 16;

/// Takes members and counted non-members in pairs, the non-member first, in an order drawn by chance. `alpha` is the level of a single test.
pub(super) fn anytime(
    fixed: &FixedThreshold,
    members: &[f64],
    counted: &[f64],
    settings: &Statistics,
    alpha: f64,
    ctx: &Ctx<'_>,
) -> Result<Anytime> {
    let drawn = |scores: &[f64], stage: &str| {
        let mut scores = scores.to_vec();
        shuffle(&mut scores, &mut ctx.rng(stage));
        scores
    };
    let (members, counted) = (drawn(members, "members asked"), drawn(counted, "non-members asked"));
    let mut pairs = Pairs::default();
    let (mut queries, mut conclusive_after, mut absence_after) = (0, None, None);
    for (member, non_member) in members.iter().zip(&counted) {
        pairs.observe(false, *non_member > fixed.threshold);
        pairs.observe(true, *member > fixed.threshold);
        queries += 2;
        if conclusive_after.is_none() && pairs.conclusive(alpha).map_err(statistics)? {
            conclusive_after = Some(queries);
        }
        if absence_after.is_none() && queries % LOOK == 0 {
            let upper = pairs.excess_upper(settings.alpha).map_err(statistics)?;
            absence_after = (upper < settings.min_effect_tpr).then_some(queries);
        }
    }
    Ok(Anytime { ln_e: pairs.ln_e_value(), p: pairs.p_value(), queries, conclusive_after, absence_after })
}
