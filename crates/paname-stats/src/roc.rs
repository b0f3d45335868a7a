//! The receiver operating characteristic with exact ties: one vertex per distinct score, nothing between vertices.
//!
//! Fawcett, "An introduction to ROC analysis", Pattern Recognition Letters 27 (2006).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Result, argument};

/// A decision rule "flag every score at or above the threshold" and what it flags.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Vertex {
    /// The lowest score flagged; `None` flags nobody.
    pub threshold: Option<f64>,
    /// Members flagged.
    pub tp: u64,
    /// Non-members flagged.
    pub fp: u64,
}

/// A figure maximised over thresholds on the very data that it is computed on. It is optimistic: even exchangeable scores
/// give more than chance, so it describes the sample and bears no confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Optimistic {
    /// The largest value over all vertices.
    pub value: f64,
    /// The most restrictive vertex that reaches it.
    pub vertex: Vertex,
}

/// All decision rules that two samples of scores can tell apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Roc {
    vertices: Vec<Vertex>,
    members: u64,
    non_members: u64,
}

impl Roc {
    /// Sorts the scores, O(n log n). Equal scores share a vertex; infinities are ordinary scores; both samples need at
    /// least one score.
    pub fn new(members: &[f64], non_members: &[f64]) -> Result<Self> {
        argument::sample("members", members)?;
        argument::sample("non-members", non_members)?;
        let (ascending_members, ascending_others) =
            (argument::sorted(members), argument::sorted(non_members));
        let mut vertices = Vec::with_capacity(1 + members.len() + non_members.len());
        let (mut tp, mut fp) = (0, 0);
        vertices.push(Vertex { threshold: None, tp: 0, fp: 0 });
        let mut inside = ascending_members.iter().rev().peekable();
        let mut outside = ascending_others.iter().rev().peekable();
        while let Some(&threshold) = match (inside.peek(), outside.peek()) {
            (Some(a), Some(b)) => Some(if a >= b { *a } else { *b }),
            (a, b) => a.or(b).copied(),
        } {
            while inside.next_if(|score| **score == threshold).is_some() {
                tp += 1;
            }
            while outside.next_if(|score| **score == threshold).is_some() {
                fp += 1;
            }
            vertices.push(Vertex { threshold: Some(threshold), tp, fp });
        }
        Ok(Self { vertices, members: tp, non_members: fp })
    }

    /// The number of members, at least 1.
    pub fn members(&self) -> u64 {
        self.members
    }

    /// The number of non-members, at least 1.
    pub fn non_members(&self) -> u64 {
        self.non_members
    }

    /// Every vertex, from the rule that flags nobody to the rule that flags all.
    pub fn vertices(&self) -> &[Vertex] {
        &self.vertices
    }

    /// The share of members that a vertex flags.
    pub fn tpr(&self, vertex: &Vertex) -> f64 {
        vertex.tp as f64 / self.members as f64
    }

    /// The share of non-members that a vertex flags.
    pub fn fpr(&self, vertex: &Vertex) -> f64 {
        vertex.fp as f64 / self.non_members as f64
    }

    /// The area under the curve: the probability that a member's score exceeds a non-member's, ties counting one half
    /// (the Mann-Whitney statistic by midranks, summed in integers).
    pub fn auc(&self) -> f64 {
        self.twice_u() as f64 / (2 * u128::from(self.members) * u128::from(self.non_members)) as f64
    }

    /// The most permissive vertex whose empirical false positive rate is at most `level`, from 0 to 1. No interpolation.
    pub fn tpr_at(&self, level: f64) -> Result<Vertex> {
        argument::unit("false positive rate", level)?;
        Ok(self.at_most(argument::largest_count_within(level, self.non_members)))
    }

    /// The most permissive vertex with at most `fp` false positives.
    pub fn at_most(&self, fp: u64) -> Vertex {
        // The first vertex has no false positives, so at least one vertex qualifies.
        self.vertices[self.vertices.partition_point(|vertex| vertex.fp <= fp) - 1]
    }

    /// The vertex of the rule "flag every score at or above `threshold`"; a `NaN` threshold flags nobody.
    pub fn at_threshold(&self, threshold: f64) -> Vertex {
        let flagged = self.vertices.partition_point(|vertex| vertex.threshold.is_none_or(|t| t >= threshold));
        self.vertices[flagged - 1]
    }

    /// The best balanced accuracy, (TPR + TNR) / 2.
    pub fn balanced_accuracy(&self) -> Optimistic {
        let best = self.advantage();
        Optimistic { value: f64::midpoint(1.0, best.value), vertex: best.vertex }
    }

    /// The best membership advantage, TPR - FPR (Yeom et al., "Privacy risk in machine learning", CSF 2018).
    pub fn advantage(&self) -> Optimistic {
        let gain = |v: &Vertex| {
            i128::from(v.tp) * i128::from(self.non_members) - i128::from(v.fp) * i128::from(self.members)
        };
        let mut vertex = self.vertices[0];
        for candidate in &self.vertices {
            if gain(candidate) > gain(&vertex) {
                vertex = *candidate;
            }
        }
        Optimistic { value: self.tpr(&vertex) - self.fpr(&vertex), vertex }
    }

    /// At most `points` vertices to draw, evenly spread on a logarithmic false-positive axis. Both ends and every corner
    /// below 20 false positives, which a log-log plot shows largest, are kept even beyond `points`; what else is dropped
    /// there lies on a straight line.
    pub fn thinned(&self, points: usize) -> Vec<Vertex> {
        let corners: Vec<Vertex> =
            (0..self.vertices.len()).filter(|&i| self.is_corner(i)).map(|i| self.vertices[i]).collect();
        if corners.len() <= points {
            return corners;
        }
        let kept = corners.partition_point(|vertex| vertex.fp < SMALL_FALSE_POSITIVES);
        let (small, large) = corners.split_at(kept);
        let mut thinned = small.to_vec();
        let Some((last, between)) = large.split_last() else { return thinned };
        let room = points.saturating_sub(small.len() + 1);
        let ratio = (self.non_members as f64 / SMALL_FALSE_POSITIVES as f64).ln() / room.max(1) as f64;
        let mut next = 0;
        for slot in 0..room {
            let target = SMALL_FALSE_POSITIVES as f64 * (ratio * slot as f64).exp();
            next = next.max(between.partition_point(|vertex| (vertex.fp as f64) < target));
            let Some(vertex) = between.get(next) else { break };
            thinned.push(*vertex);
            next += 1;
        }
        thinned.push(*last);
        thinned
    }

    /// Whether the curve turns at this vertex; all others lie on a straight horizontal or vertical line.
    fn is_corner(&self, i: usize) -> bool {
        if i == 0 || i + 1 == self.vertices.len() {
            return true;
        }
        let [before, here, after] = [self.vertices[i - 1], self.vertices[i], self.vertices[i + 1]];
        let vertical = before.fp == here.fp && here.fp == after.fp;
        let horizontal = before.tp == here.tp && here.tp == after.tp;
        !vertical && !horizontal
    }

    /// Per distinct score, from the highest: members and non-members above it, members and non-members at it.
    pub(crate) fn steps(&self) -> impl Iterator<Item = Step> {
        self.vertices.windows(2).map(|pair| Step {
            members_above: pair[0].tp,
            non_members_above: pair[0].fp,
            members: pair[1].tp - pair[0].tp,
            non_members: pair[1].fp - pair[0].fp,
        })
    }

    /// Twice the Mann-Whitney statistic: 2 for each pair that the member wins, 1 for each tie.
    pub(crate) fn twice_u(&self) -> u128 {
        self.steps()
            .map(|step| {
                let below = self.non_members - step.non_members_above - step.non_members;
                u128::from(step.members) * u128::from(2 * below + step.non_members)
            })
            .sum()
    }
}

const SMALL_FALSE_POSITIVES: u64 = 20;

/// What happens at one distinct score.
pub(crate) struct Step {
    pub(crate) members_above: u64,
    pub(crate) non_members_above: u64,
    pub(crate) members: u64,
    pub(crate) non_members: u64,
}
