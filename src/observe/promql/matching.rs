//! Operators between two vectors: which elements belong together, and what labels the result has.

use std::collections::{HashMap, HashSet};

use super::binary::element;
use super::evaluate::Evaluator;
use super::fault::{EvalFault, Place};
use super::labels::Labels;
use super::merge::{SAME_LABELS, merged};
use super::tree::{Binary, Group, Matching, Op};
use super::value::{Cell, Grid, Row};
use crate::base::InOrder;

/// Match groups of rows, by number: rows of one group have the same labels as far as the matching looks.
#[derive(Default)]
struct Groups {
    known: HashMap<Labels, usize>,
    labels: Vec<Labels>,
}

impl Groups {
    fn of(&mut self, matching: &Matching, rows: &[Row]) -> Vec<usize> {
        let mut groups = Vec::with_capacity(rows.len());
        for row in rows {
            let labels = if matching.on {
                row.labels.only(&matching.labels)
            } else {
                row.labels.bare_without(&matching.labels)
            };
            let next = self.labels.len();
            let group = *self.known.entry(labels.clone()).or_insert(next);
            if group == next {
                self.labels.push(labels);
            }
            groups.push(group);
        }
        groups
    }

    fn get(&self, group: usize) -> Labels {
        self.labels.get(group).cloned().unwrap_or_default()
    }
}

/// `and`, `or`, `unless`.
///
/// # Errors
/// Two values of the same labels at the same step.
pub(super) fn set(
    binary: &Binary,
    left: Vec<Row>,
    right: Vec<Row>,
    grid: &Grid,
) -> Result<Vec<Row>, EvalFault> {
    let mut groups = Groups::default();
    let left_groups = groups.of(&binary.matching, &left);
    let right_groups = groups.of(&binary.matching, &right);
    let (judge, judge_groups) =
        if binary.op == Op::Or { (&left, &left_groups) } else { (&right, &right_groups) };
    // Which groups are there at which step, on the side that decides.
    let mut there = vec![false; groups.labels.len() * grid.count];
    for (row, group) in judge.iter().zip(judge_groups) {
        for (at, cell) in row.cells.iter().enumerate() {
            if let Some(place) = there.get_mut(group * grid.count + at).filter(|_| !cell.is_absent()) {
                *place = true;
            }
        }
    }
    let filter = |rows: Vec<Row>, of: &[usize], wanted: bool| -> Vec<Row> {
        let mut rows = rows;
        for (row, group) in rows.iter_mut().zip(of) {
            for (at, cell) in row.cells.iter_mut().enumerate() {
                if there.get(group * grid.count + at).copied().unwrap_or(false) != wanted {
                    *cell = Cell::ABSENT;
                }
            }
        }
        rows.retain(|row| !row.is_empty());
        rows
    };
    match binary.op {
        Op::And => Ok(filter(left, &left_groups, true)),
        Op::Unless => Ok(filter(left, &left_groups, false)),
        _ => {
            let right = filter(right, &right_groups, false);
            merged(left.into_iter().chain(right).collect())
        }
    }
}

/// One step of a match between two sides.
struct Match<'a> {
    binary: &'a Binary,
    place: Place,
    /// The side that may have many elements in a group; with one to one, the left.
    many: &'a [Row],
    one: &'a [Row],
    many_groups: Vec<usize>,
    one_groups: Vec<usize>,
    groups: Groups,
    /// True when the "many" side is the left operand.
    many_left: bool,
    out: Output,
}

#[derive(Default)]
struct Output {
    rows: Vec<Row>,
    known: HashMap<(Labels, bool), usize>,
    /// Labels of the result by the rows they come from: computed once, not at each step.
    cached: HashMap<(Option<usize>, Option<usize>, usize), Labels>,
    count: usize,
}

impl Output {
    fn set(&mut self, labels: Labels, bare: bool, at: usize, cell: Cell) -> Result<(), EvalFault> {
        let next = self.rows.len();
        let row = *self.known.entry((labels.clone(), bare)).or_insert(next);
        if row == next {
            self.rows.push(Row::new(labels, bare, self.count));
        }
        let Some(row) = self.rows.get_mut(row) else { return Ok(()) };
        if !row.cell(at).is_absent() {
            return Err(EvalFault::execution(SAME_LABELS));
        }
        row.set(at, cell);
        Ok(())
    }
}

impl Evaluator<'_> {
    pub(super) fn matched(
        &mut self,
        binary: &Binary,
        place: Place,
        left: &[Row],
        right: &[Row],
        grid: &Grid,
    ) -> Result<Vec<Row>, EvalFault> {
        let many_left = binary.matching.group != Group::OneToMany;
        let (many, one) = if many_left { (left, right) } else { (right, left) };
        let mut groups = Groups::default();
        let many_groups = groups.of(&binary.matching, many);
        let one_groups = groups.of(&binary.matching, one);
        let out = Output { count: grid.count, ..Output::default() };
        let mut matching =
            Match { binary, place, many, one, many_groups, one_groups, groups, many_left, out };
        for at in 0..grid.count {
            self.spending.work()?;
            matching.step(at, self)?;
        }
        let rows = matching.out.rows;
        self.spending.samples(rows.len() * grid.count)?;
        Ok(rows.into_iter().filter(|row| !row.is_empty()).collect())
    }
}

impl Match<'_> {
    fn step(&mut self, at: usize, evaluator: &mut Evaluator<'_>) -> Result<(), EvalFault> {
        let unique = self.unique(at)?;
        let matching = &self.binary.matching;
        let (fill_many, fill_one) = if self.many_left {
            (matching.fill_left, matching.fill_right)
        } else {
            (matching.fill_right, matching.fill_left)
        };
        let mut used = vec![false; self.groups.labels.len()];
        let mut given = HashSet::new();
        for index in 0..self.many.len() {
            let (Some(row), Some(&group)) = (self.many.get(index), self.many_groups.get(index)) else {
                continue;
            };
            let cell = row.cell(at);
            if cell.is_absent() {
                continue;
            }
            let partner = unique.get(group).copied().flatten();
            let other = partner.and_then(|one| self.one.get(one)).map(|row| row.cell(at));
            let Some(other) = other.or(fill_one.map(Cell::float)) else { continue };
            let already = used.get_mut(group).is_some_and(|used| std::mem::replace(used, true));
            let labels = self.labels(Some(index), partner, group);
            if self.binary.matching.group == Group::OneToOne {
                if already {
                    let what = "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)";
                    return Err(EvalFault::execution(what));
                }
            } else if !given.insert((group, labels.clone())) {
                let what = "multiple matches for labels: grouping labels must ensure unique matches";
                return Err(EvalFault::execution(what));
            }
            let bare = row.bare;
            self.give(at, labels, bare, cell, other, evaluator)?;
        }
        let Some(fill) = fill_many else { return Ok(()) };
        for (group, one) in unique.iter().enumerate() {
            let (Some(one), false) = (*one, used.get(group).copied().unwrap_or(false)) else { continue };
            let Some(row) = self.one.get(one) else { continue };
            let (cell, bare) = (row.cell(at), row.bare);
            let labels = self.labels(None, Some(one), group);
            self.give(at, labels, bare, Cell::float(fill), cell, evaluator)?;
        }
        Ok(())
    }

    /// The element of each group on the "one" side at a step.
    fn unique(&self, at: usize) -> Result<Vec<Option<usize>>, EvalFault> {
        let mut unique: Vec<Option<usize>> = vec![None; self.groups.labels.len()];
        for (index, (row, group)) in self.one.iter().zip(&self.one_groups).enumerate() {
            if row.cell(at).is_absent() {
                continue;
            }
            let Some(place) = unique.get_mut(*group) else { continue };
            if let Some(first) = place.and_then(|first| self.one.get(first)) {
                let mut pair = [&first.labels, &row.labels];
                pair.order();
                let side = if self.many_left { "right" } else { "left" };
                return Err(EvalFault::execution(format!(
                    "found duplicate series for the match group {} on the {side} hand-side of the operation: [{}, {}];\
                    many-to-many matching not allowed: matching labels must be unique on one side",
                    self.groups.get(*group),
                    pair[0],
                    pair[1]
                )));
            }
            *place = Some(index);
        }
        Ok(unique)
    }

    /// The labels of a result; where a side is missing, those of the match group stand for it.
    fn labels(&mut self, many: Option<usize>, one: Option<usize>, group: usize) -> Labels {
        if let Some(labels) = self.out.cached.get(&(many, one, group)) {
            return labels.clone();
        }
        let matching = &self.binary.matching;
        let of = |rows: &[Row], index: Option<usize>| {
            let row = index.and_then(|index| rows.get(index));
            row.map_or_else(|| self.groups.get(group), |row| row.labels.clone())
        };
        let mut labels = of(self.many, many);
        if !self.binary.op.is_comparison() {
            labels = labels.bare();
        }
        if matching.group == Group::OneToOne {
            labels =
                if matching.on { labels.only(&matching.labels) } else { labels.without(&matching.labels) };
        }
        let from = of(self.one, one);
        for name in &matching.include {
            labels = labels.with(name, from.get(name));
        }
        self.out.cached.insert((many, one, group), labels.clone());
        labels
    }

    fn give(
        &mut self,
        at: usize,
        labels: Labels,
        bare: bool,
        many: Cell,
        one: Cell,
        evaluator: &mut Evaluator<'_>,
    ) -> Result<(), EvalFault> {
        let (left, right) = if self.many_left { (many, one) } else { (one, many) };
        let Some(element) = element(self.binary.op, left, right, &mut evaluator.notes, self.place)? else {
            return Ok(());
        };
        let cell = element.give(self.binary, left);
        if cell.is_absent() {
            return Ok(());
        }
        let bare = bare || self.binary.as_bool || !self.binary.op.is_comparison();
        self.out.set(labels, bare, at, cell)
    }
}
