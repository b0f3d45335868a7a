//! Lower bounds on privacy parameters from one training run.
//!
//! Each of `m` canaries was put in or left out by its own fair coin, fixed before training. The attacker guesses some of the
//! coins, abstains on the rest, and `v` of its `r` guesses are right. How many it guesses, and by which rule, must be fixed
//! before the scores are seen, or be one of a list that was ([`best_of`]). One person is one canary. A balanced half, or a
//! split that nature made, gives no bound.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Result, Roc, argument, binomial, epsilon::non_negative, gaussian, normal};

/// How an attacker's guesses turned out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Guesses {
    /// Canaries: guessed about or not.
    pub canaries: u64,
    /// Guesses made.
    pub made: u64,
    /// Guesses that were right.
    pub right: u64,
}

impl Guesses {
    /// "In" for the `inside` highest scores and "out" for the `outside` lowest, among canaries that were in (the members of
    /// `roc`) and out. Equal scores at the edge of a guess count as wrong as they can, since an order among them that knows
    /// the coins would not be a guess.
    pub fn from_scores(roc: &Roc, inside: u64, outside: u64) -> Result<Self> {
        let canaries = roc.members() + roc.non_members();
        argument::part("guesses \"in\"", inside, canaries)?;
        argument::part("guesses \"out\"", outside, canaries - inside)?;
        let vertices = roc.vertices();
        let flagged = |i: usize| vertices[i].tp + vertices[i].fp;
        // The last vertex that flags no more than are guessed, and what is still to guess of the next score.
        let top = vertices.partition_point(|vertex| vertex.tp + vertex.fp <= inside) - 1;
        let mut right = vertices[top].tp;
        if let Some(next) = vertices.get(top + 1) {
            right += (inside - flagged(top)).saturating_sub(next.fp - vertices[top].fp);
        }
        // The same from below.
        let bottom = vertices.partition_point(|vertex| vertex.tp + vertex.fp < canaries - outside);
        right += roc.non_members() - vertices[bottom].fp;
        if let Some(above) = bottom.checked_sub(1) {
            let rest = outside - (canaries - flagged(bottom));
            right += rest.saturating_sub(vertices[bottom].tp - vertices[above].tp);
        }
        Ok(Self { canaries, made: inside + outside, right })
    }

    fn check(&self) -> Result<()> {
        argument::size("canaries", self.canaries)?;
        argument::part("guesses made", self.made, self.canaries)?;
        argument::part("right guesses", self.right, self.made)
    }
}

/// The p-value of "the training is (ε, δ)-differentially private", `β + 2mδa`: `β` is the probability of so many right
/// guesses where each is right with probability `1 / (1 + e^-ε)`, and `a = max P[v-i ≤ V ≤ v-1] / i` over `i = 1…v`.
/// (Steinke, Nasr and Jagielski, "Privacy auditing with one (1) training run", `NeurIPS` 2023, appendix D.)
pub fn p_value(guesses: Guesses, epsilon: f64, delta: f64) -> Result<f64> {
    guesses.check()?;
    non_negative("epsilon", epsilon)?;
    argument::unit("delta", delta)?;
    Ok(argument::p_value(approximate_p(guesses, epsilon, delta)))
}

/// The largest ε whose [`p_value`] at δ is at most `alpha`, 0 where none is. O(√m) operations for each of some 40 halvings.
pub fn lower_bound(guesses: Guesses, delta: f64, alpha: f64) -> Result<f64> {
    guesses.check()?;
    argument::unit("delta", delta)?;
    argument::open_unit("alpha", alpha)?;
    // At δ = 0 the p-value is a binomial tail, and the bound is Clopper and Pearson's on the logit scale.
    let rate = binomial::clopper_pearson_lower(guesses.right, guesses.made, alpha)?;
    let highest = (rate / (1.0 - rate)).ln();
    if highest <= 0.0 {
        return Ok(0.0);
    }
    if delta == 0.0 {
        return Ok(highest);
    }
    Ok(largest_refuted(highest, |epsilon| approximate_p(guesses, epsilon, delta) <= alpha))
}

/// The most that [`lower_bound`] can give: every coin guessed right. 5.78 for 1 000 canaries at δ = 1e-5 and 95 %. To be
/// printed beside every bound.
pub fn ceiling(canaries: u64, delta: f64, alpha: f64) -> Result<f64> {
    lower_bound(Guesses { canaries, made: canaries, right: canaries }, delta, alpha)
}

/// A trade-off curve that a training may claim: how much more probable any event may become by one record.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Curve {
    /// (ε, δ)-differential privacy.
    Approximate {
        /// ε, from 0.
        epsilon: f64,
        /// δ, from 0 to 1.
        delta: f64,
    },
    /// µ-Gaussian differential privacy; an assumption about the mechanism, see [`gaussian`].
    Gaussian {
        /// µ, from 0.
        mu: f64,
    },
}

impl Curve {
    fn check(&self) -> Result<()> {
        match *self {
            Self::Approximate { epsilon, delta } => {
                non_negative("epsilon", epsilon)?;
                argument::unit("delta", delta).map(|_| ())
            }
            Self::Gaussian { mu } => non_negative("mu", mu),
        }
    }

    /// The least probability that an event of probability `x` must keep when one record is changed.
    fn least(&self, x: f64) -> f64 {
        match *self {
            Self::Approximate { epsilon, delta } => {
                let near_nobody = (-epsilon).exp() * (x - delta);
                let near_everybody = 1.0 - delta - epsilon.exp() * (1.0 - x);
                near_nobody.max(near_everybody).max(0.0)
            }
            Self::Gaussian { .. } if x <= 0.0 => 0.0,
            Self::Gaussian { .. } if x >= 1.0 => 1.0,
            Self::Gaussian { mu } => normal::upper_tail(normal::upper_quantile(x) + mu),
        }
    }
}

/// Whether the guesses refute that the training keeps `curve`, with error `alpha`.
///
/// (Mahloujifar, Melis and Chaudhuri, "Auditing f-differential privacy in one run", ICML 2025: the
/// recursion on `r` and `h`.) Let `p_i` be the probability of exactly `i` right guesses of `c`. For every `i`, the curve bounds
/// `h = Σ_{j ≥ i-1} p_j (c-j)/m` from below by its value at `r = Σ_{j ≥ i} p_j j/m`. Suppose that `v` or more right guesses had
/// probability `alpha`: least follows where all of it lies on `v` itself. Going down from there, each step forces some
/// probability on the next lower number. Where the probabilities so forced exceed 1 together, the supposition is false.
pub fn refutes(guesses: Guesses, curve: Curve, alpha: f64) -> Result<bool> {
    guesses.check()?;
    curve.check()?;
    argument::open_unit("alpha", alpha)?;
    Ok(curve_refuted(guesses, curve, alpha))
}

/// The largest ε whose (ε, δ) curve [`refutes`] rejects, 0 where none is.
pub fn curve_lower_bound(guesses: Guesses, delta: f64, alpha: f64) -> Result<f64> {
    refutes(guesses, Curve::Approximate { epsilon: 0.0, delta }, alpha)?;
    let refuted = |epsilon: f64| curve_refuted(guesses, Curve::Approximate { epsilon, delta }, alpha);
    Ok(largest_refuted(unrefuted(refuted), refuted))
}

/// A lower bound on µ, and the ε that it means.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GaussianBound {
    /// The lower bound on µ.
    pub mu: f64,
    /// Its ε at the δ asked for.
    pub epsilon: f64,
}

/// The largest µ whose Gaussian curve [`refutes`] rejects, 0 where none is, and its ε at δ. It holds if the mechanism is
/// Gaussian, which is an assumption.
pub fn gaussian_lower_bound(guesses: Guesses, delta: f64, alpha: f64) -> Result<GaussianBound> {
    argument::open_unit("delta", delta)?;
    refutes(guesses, Curve::Gaussian { mu: 0.0 }, alpha)?;
    let refuted = |mu: f64| curve_refuted(guesses, Curve::Gaussian { mu }, alpha);
    let mu = largest_refuted(unrefuted(refuted), refuted);
    Ok(GaussianBound { mu, epsilon: gaussian::epsilon(mu, delta)? })
}

/// The largest bound over several ways to guess that were fixed before the scores were seen, each with its share of the
/// error, and which of them gave it. `bound` is told the guesses and the share.
pub fn best_of(
    candidates: &[Guesses],
    alpha: f64,
    bound: impl Fn(Guesses, f64) -> Result<f64>,
) -> Result<(f64, Guesses)> {
    let share = alpha / candidates.len() as f64;
    let mut best: Option<(f64, Guesses)> = None;
    for &guesses in candidates {
        let value = bound(guesses, share)?;
        if best.is_none_or(|(largest, _)| value > largest) {
            best = Some((value, guesses));
        }
    }
    best.ok_or(Error::Empty { what: "ways to guess" })
}

fn approximate_p(guesses: Guesses, epsilon: f64, delta: f64) -> f64 {
    let Guesses { canaries, made, right } = guesses;
    let rate = 1.0 / (1.0 + (-epsilon).exp());
    let beta = binomial::at_least(right, made, rate);
    if delta == 0.0 || right == 0 {
        return beta;
    }
    // Densities rise and then fall, so the mean density over the `i` numbers below `right` grows until the next number's
    // is no longer above it. Before any density that can be written, it has not yet grown.
    let mean = |i: u64| (binomial::at_least(right - i, made, rate) - beta) / i as f64;
    let falls = |i: u64| {
        i >= right || {
            let mean = mean(i);
            mean > 0.0 && binomial::mass(right - i - 1, made, rate) <= mean
        }
    };
    let widest = binomial::first(1, falls).unwrap_or(right);
    (beta + 2.0 * canaries as f64 * delta * mean(widest.min(right))).min(1.0)
}

fn curve_refuted(guesses: Guesses, curve: Curve, alpha: f64) -> bool {
    let [m, c, v] = [guesses.canaries, guesses.made, guesses.right].map(|count| count as f64);
    let all = c / m;
    let (mut r, mut h) = (alpha * v / m, alpha * (c - v) / m);
    for i in (0..guesses.right).rev() {
        let next = curve.least(r);
        if next <= h {
            // Nothing is forced here, nor further down.
            break;
        }
        r += i as f64 / (c - i as f64) * (next - h);
        h = next;
        if r + h > all {
            return true;
        }
    }
    r + h > all
}

/// The largest refuted parameter, where all below a refuted one are refuted and `highest` is not; 0 where none is.
fn largest_refuted(highest: f64, refuted: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, highest);
    while high - low > 1e-10 * (1.0 + high) {
        let middle = f64::midpoint(low, high);
        if refuted(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// A parameter that is not refuted.
fn unrefuted(refuted: impl Fn(f64) -> bool) -> f64 {
    let mut high = 1.0;
    while refuted(high) && high < 1e6 {
        high *= 2.0;
    }
    high
}
