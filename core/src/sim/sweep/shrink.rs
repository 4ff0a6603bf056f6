//! Making a case that fails small: what is left is what it needs to fail.

use super::{Case, Complaint, Deed, Verdict};
use crate::sim::workload::Pace;
use crate::sim::{Action, Fault};

/// What shrinking came to.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The smallest case that was found.
    pub case: Case,
    /// What came of it.
    pub verdict: Verdict,
    /// How many runs it took.
    pub runs: u32,
}

struct Shrinker {
    best: Case,
    verdict: Verdict,
    complaint: Complaint,
    runs: u32,
    runs_max: u32,
}

impl Shrinker {
    fn has_time(&self) -> bool {
        self.runs < self.runs_max
    }

    /// Keeps a smaller case if it fails in the same way.
    fn keep_if_failing(&mut self, case: Case) -> bool {
        if !self.has_time() || case == self.best {
            return false;
        }
        self.runs += 1;
        match case.run() {
            Ok((_, verdict)) if verdict.findings.iter().any(|f| f.what == self.complaint) => {
                (self.best, self.verdict) = (case, verdict);
                true
            }
            _ => false,
        }
    }

    /// Ends the faults soon after it first showed.
    fn shorten(&mut self) {
        let found = self.verdict.findings.iter().find(|f| f.what == self.complaint).map(|f| f.at_us);
        let last = self.best.deeds.iter().map(|deed| deed.at_us).max();
        for until_us in [found, found.map(|at_us| at_us + 1_000_000), last.map(|at_us| at_us + 1)] {
            if let Some(until_us) = until_us.filter(|&us| us < self.best.until_us) {
                let deeds = self.best.deeds.iter().filter(|deed| deed.at_us <= until_us).cloned().collect();
                if self.keep_if_failing(Case { until_us, deeds, ..self.best.clone() }) {
                    return;
                }
            }
        }
    }

    /// Leaves out deeds: halves first, then smaller and smaller pieces (Zeller and Hildebrandt's ddmin).
    fn fewer_deeds(&mut self) {
        let mut piece = self.best.deeds.len().div_ceil(2);
        while piece > 0 && self.has_time() {
            let mut at = 0;
            while at < self.best.deeds.len() && self.has_time() {
                let end = (at + piece).min(self.best.deeds.len());
                let mut deeds = self.best.deeds.clone();
                deeds.drain(at..end);
                if !self.keep_if_failing(Case { deeds, ..self.best.clone() }) {
                    at = end;
                }
            }
            piece /= 2;
        }
    }

    /// Leaves out whole shards, from the last.
    fn fewer_shards(&mut self) {
        while self.has_time() {
            let mut case = self.best.clone();
            let Some(formation) = &mut case.setup.formation else { return };
            if formation.shards.len() <= 1 {
                return;
            }
            let Some(gone) = formation.shards.pop() else { return };
            if let Some(last) = formation.shards.last_mut() {
                last.slots.1 = gone.slots.1;
            }
            case.setup.nodes.retain(|node| !gone.nodes.contains(&node.name));
            case.deeds.retain(|deed| !gone.nodes.iter().any(|name| names(&deed.action, name)));
            if !self.keep_if_failing(case) {
                return;
            }
        }
    }

    /// Fewer clients, that do less, over fewer keys.
    fn less_load(&mut self) {
        for at in 0..self.best.deeds.len() {
            while self.has_time() {
                let mut case = self.best.clone();
                let Some(Deed { action: Action::StartWorkload { workload, .. }, .. }) =
                    case.deeds.get_mut(at)
                else {
                    break;
                };
                workload.clients = workload.clients.div_ceil(2);
                workload.keys.count = workload.keys.count.div_ceil(2);
                workload.pace = match workload.pace {
                    Pace::Open { per_second } => Pace::Open { per_second: per_second.div_ceil(2) },
                    Pace::Closed { think_us } => Pace::Closed { think_us: think_us.saturating_mul(2) },
                };
                if !self.keep_if_failing(case) {
                    break;
                }
            }
        }
    }
}

/// Whether an action names a node.
fn names(action: &Action, name: &str) -> bool {
    let link = |link: &crate::sim::Link| link.a == name || link.b == name;
    match action {
        Action::Fault { fault, .. } => match fault {
            Fault::Partition { .. } => false,
            fault => fault.link().is_some_and(link) || fault.node().is_some_and(|node| node == name),
        },
        Action::ResetConnections { link: at, .. } => link(at),
        Action::Start { node }
        | Action::Resume { node }
        | Action::Restart { node, .. }
        | Action::SyncDisk { node }
        | Action::FlipBits { node, .. } => node == name,
        _ => false,
    }
}

/// Makes a failing case smaller, in at most `runs_max` runs, as long as the first thing found wrong with it still is. `None` if it does
/// not fail.
pub fn shrink(case: &Case, runs_max: u32) -> Option<Shrunk> {
    let (_, verdict) = case.run().ok()?;
    let complaint = verdict.findings.first()?.what;
    Some(shrink_from(case, verdict, complaint, runs_max))
}

/// The same for one of the things that are wrong with it.
pub fn shrink_by(case: &Case, complaint: Complaint, runs_max: u32) -> Option<Shrunk> {
    let (_, verdict) = case.run().ok()?;
    let fails = verdict.findings.iter().any(|finding| finding.what == complaint);
    fails.then(|| shrink_from(case, verdict, complaint, runs_max))
}

fn shrink_from(case: &Case, verdict: Verdict, complaint: Complaint, runs_max: u32) -> Shrunk {
    let mut shrinker = Shrinker { best: case.clone(), verdict, complaint, runs: 1, runs_max };
    loop {
        let before = shrinker.best.clone();
        shrinker.shorten();
        shrinker.fewer_deeds();
        shrinker.fewer_shards();
        shrinker.less_load();
        if shrinker.best == before || !shrinker.has_time() {
            return Shrunk { case: shrinker.best, verdict: shrinker.verdict, runs: shrinker.runs };
        }
    }
}
