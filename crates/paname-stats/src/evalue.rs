//! Evidence that may be looked at after every query: an audit over an interface that costs money can stop at the first
//! conclusive one, go on, or come back later with more units, and its error stays what it was.
//!
//! A bet is laid against the null hypothesis; fair or unfavourable bets seldom make anybody rich. An e-value is the capital
//! that one unit has grown to, and by Ville's inequality it ever reaches 1/α with probability at most α (Shafer, "Testing by
//! betting", JRSS A 184, 2021; Shekhar and Ramdas, "Nonparametric two-sample testing by betting", IEEE Transactions on
//! Information Theory 70, 2024; Ramdas et al., "Game-theoretic statistics and safe anytime-valid inference", Statistical
//! Science 38, 2023).

use std::collections::VecDeque;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Result, argument, binomial, multiple};

/// A sequence of pairs, one member and one non-member each, in the order in which they were asked about. It can be written
/// down after any query and go on from there.
///
/// **The bet.** Pair `k` gives `D = member flagged - non-member flagged`, at a threshold fixed before. Under "TPR ≤ FPR" the
/// mean of `D` given all earlier pairs is at most 0, so the capital `Π (1 + λ D)` shrinks on average for every fraction
/// `0 ≤ λ ≤ 1`, and so does its mean over fractions drawn uniformly before the first pair. With `W` pairs where only the member
/// was flagged and `L` where only the non-member was, that mean is
///
/// `E = ∫₀¹ (1 + λ)^W (1 - λ)^L dλ = 2 · P[Bin(W + L + 1, ½) ≤ W] / ((W + L + 1) · P[Bin(W + L, ½) = W])`,
///
/// so the state is a few counts. Nothing is assumed of the two rates but their order, nor of their level, and pairs drawn
/// without replacement from members and non-members that chance told apart keep the mean of `D` at 0 as well.
///
/// **Any order of queries.** The first member asked about is paired with the first non-member, and so on; who waits for a
/// partner is in `waiting`. Whether a pair is begun is decided by what is known of earlier pairs, so the number of pairs begun
/// is a stopping time of the sequence of whole pairs, and the capital after all of them has been completed has mean at most 1.
/// Whether a begun pair is completed, however, may be decided by its first half, which could be abused to leave out losses.
/// Hence [`Pairs::ln_e_value`] takes each waiting unit as though its partner were going to turn out worst: a waiting member
/// that is not flagged and a waiting non-member that is flagged count as lost. What is shown is never more than the capital
/// after completion, and the error holds whatever the rule of stopping or choosing the next query. To lose least by it, ask about
/// the non-member first.
///
/// **What it is not.** The flags must be those of one threshold, fixed on other data; units must come in an order that chance
/// drew, and each counts once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pairs {
    /// Pairs where only the member was flagged.
    pub wins: u64,
    /// Pairs where only the non-member was flagged.
    pub losses: u64,
    /// Pairs where both were flagged or neither.
    pub ties: u64,
    /// Units without a partner yet.
    pub waiting: Waiting,
    /// The largest natural logarithm of the e-value so far.
    pub largest_ln_e: f64,
}

/// Units of one side that wait for units of the other, the first first; `true` is flagged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Waiting {
    /// Nobody.
    #[default]
    Nobody,
    /// Members.
    Members(VecDeque<bool>),
    /// Non-members.
    NonMembers(VecDeque<bool>),
}

impl Pairs {
    /// Takes one query into account.
    pub fn observe(&mut self, member: bool, flagged: bool) {
        let partner = match &mut self.waiting {
            Waiting::Members(queue) if !member => queue.pop_front(),
            Waiting::NonMembers(queue) if member => queue.pop_front(),
            Waiting::Members(queue) | Waiting::NonMembers(queue) if !queue.is_empty() => {
                queue.push_back(flagged);
                None
            }
            waiting => {
                let queue = VecDeque::from([flagged]);
                *waiting = if member { Waiting::Members(queue) } else { Waiting::NonMembers(queue) };
                None
            }
        };
        if let Some(partner) = partner {
            if matches!(&self.waiting, Waiting::Members(queue) | Waiting::NonMembers(queue) if queue.is_empty())
            {
                self.waiting = Waiting::Nobody;
            }
            let (inside, outside) = if member { (flagged, partner) } else { (partner, flagged) };
            match (inside, outside) {
                (true, false) => self.wins += 1,
                (false, true) => self.losses += 1,
                _ => self.ties += 1,
            }
            // The e-value rises by a win, and where a partner who might have brought a loss brought none.
            if inside >= outside && (inside != outside || partner == member) {
                self.largest_ln_e = self.largest_ln_e.max(self.ln_e_value());
            }
        }
    }

    /// Takes a pair of scores into account: won where the member's is higher, tied where they are equal. Then the null hypothesis
    /// is that neither is more often the higher one, which sees weaker leaks than flags at a low false positive rate do, and
    /// says nothing about those few whom only such flags find. One sequence takes either flags or scores.
    pub fn observe_scores(&mut self, member: f64, non_member: f64) -> Result<()> {
        argument::numbers("scores of a pair", &[member, non_member])?;
        if member > non_member {
            self.wins += 1;
        } else if member < non_member {
            self.losses += 1;
        } else {
            self.ties += 1;
        }
        self.largest_ln_e = self.largest_ln_e.max(self.ln_e_value());
        Ok(())
    }

    /// The natural logarithm of the e-value now; 0 before the first query.
    pub fn ln_e_value(&self) -> f64 {
        let (w, l) = (self.wins, self.losses + self.doubtful(false));
        let n = w + l;
        if w >= l {
            let at_most = binomial::at_most(w, n + 1, 0.5).ln();
            return std::f64::consts::LN_2 + at_most - (n as f64 + 1.0).ln() - binomial::ln_mass(w, n, 0.5);
        }
        // Both probabilities may be too small to write; their quotient is not: terms of the tail over its last one.
        let ratios = (1..=w).rev().map(|k| k as f64 / (n + 2 - k) as f64);
        binomial::geometric(ratios).ln() - (l as f64 + 1.0).ln()
    }

    /// The anytime-valid p-value of "TPR ≤ FPR": one over the largest e-value so far.
    pub fn p_value(&self) -> f64 {
        argument::p_value((-self.largest_ln_e).exp())
    }

    /// Whether the e-value has reached 1/alpha: then "TPR ≤ FPR" is rejected at this level, and may be reported whenever.
    pub fn conclusive(&self, alpha: f64) -> Result<bool> {
        argument::open_unit("alpha", alpha)?;
        Ok(self.largest_ln_e >= -alpha.ln())
    }

    /// An upper bound on TPR - FPR that holds now with probability 1 - alpha, whatever the rule of stopping, from 0 to 1: 1
    /// before the first query. Where it falls below the margin that the manifest declares, an audit may stop at "nothing found" early.
    ///
    /// For each margin `Δ`, under "TPR - FPR ≥ Δ", the capital `Π (1 - λ (D - Δ))` shrinks on average for each fraction, hence
    /// also its mean over a grid of fractions; each factor grows with `Δ`, so the margins not refuted end at one point
    /// (Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", JRSS B 86, 2024). A waiting unit
    /// counts as though its partner were going to turn out worst, as above, here for the other side.
    pub fn excess_upper(&self, alpha: f64) -> Result<f64> {
        argument::open_unit("alpha", alpha)?;
        let refuted = |margin: f64| self.ln_e_against(margin) >= -alpha.ln();
        let (mut low, mut high) = (0.0, 1.0);
        while high - low > 1e-9 {
            let middle = f64::midpoint(low, high);
            if refuted(middle) {
                high = middle;
            } else {
                low = middle;
            }
        }
        Ok(high)
    }

    /// The natural logarithm of the e-value against "TPR - FPR ≥ margin", for a margin from 0.
    fn ln_e_against(&self, margin: f64) -> f64 {
        let w = (self.wins + self.doubtful(true)) as f64;
        let (l, t) = (self.losses as f64, self.ties as f64);
        // Fractions from small to nearly everything, evenly on the scale of their logarithms: small ones serve long sequences.
        let capitals: [f64; FRACTIONS] = std::array::from_fn(|i| {
            let fraction = 0.98 * 0.75_f64.powi(i as i32);
            w * (-fraction * (1.0 - margin)).ln_1p()
                + l * (fraction * (1.0 + margin)).ln_1p()
                + t * (fraction * margin).ln_1p()
        });
        let largest = capitals.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = capitals.iter().map(|capital| (capital - largest).exp()).sum();
        largest + (sum / FRACTIONS as f64).ln()
    }

    /// Waiting units that an unlucky partner makes a win, or a loss.
    fn doubtful(&self, win: bool) -> u64 {
        let (queue, side) = match &self.waiting {
            Waiting::Nobody => return 0,
            Waiting::Members(queue) => (queue, true),
            Waiting::NonMembers(queue) => (queue, false),
        };
        // A flagged member or an unflagged non-member may still win, the others may still lose.
        queue.iter().filter(|flagged| (**flagged == side) == win).count() as u64
    }
}

/// The size of the grid of [`Pairs::excess_upper`].
const FRACTIONS: usize = 24;

/// The natural logarithm of the product of e-values of re-tests: an e-value again where each test's units are new, also where
/// the decision to test again hung on the tests before. E-values on the same units must not be multiplied.
pub fn ln_product(ln_e_values: &[f64]) -> Result<f64> {
    argument::finite("e-values", ln_e_values)?;
    Ok(ln_e_values.iter().sum())
}

/// The p-value that an e-value is worth, `min(1, 1/e)` (Vovk and Wang, "E-values: calibration, combination and applications",
/// Annals of Statistics 49, 2021).
pub fn p_value(ln_e_value: f64) -> Result<f64> {
    argument::numbers("e-value", &[ln_e_value])?;
    Ok(argument::p_value((-ln_e_value).exp()))
}

/// The procedure of Benjamini and Hochberg on e-values, as adjusted values: reject where they are at most the false discovery
/// rate, which then holds under any dependence (Wang and Ramdas, "False discovery rate control with e-values", JRSS B 84, 2022).
pub fn benjamini_hochberg(ln_e_values: &[f64]) -> Result<Vec<f64>> {
    let p_values = ln_e_values.iter().map(|ln_e| p_value(*ln_e)).collect::<Result<Vec<f64>>>()?;
    multiple::benjamini_hochberg(&p_values)
}
