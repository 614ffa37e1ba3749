//! What must be so of a queue after everything that happened to it.

use super::*;

impl QueueLife {
    /// Holds what is kept against what was acknowledged; what was under way is then as it was found.
    pub fn verify(&mut self) -> Result<bool, String> {
        let Some(stored) = self.said(self.read_all(), "reading back")? else { return Ok(false) };
        let (waiting, dead, done, view) = stored;
        let totals: u64 = view.lanes.iter().map(|lane| lane.operations).sum();
        ensure!(totals == waiting.len() as u64, "{totals} counted, {} waiting", waiting.len());
        ensure!(view.dead == dead.len() as u64, "{} dead counted, {} there", view.dead, dead.len());
        let all: BTreeSet<u64> = waiting.keys().chain(dead.keys()).chain(&done).copied().collect();
        ensure!(all.len() == waiting.len() + dead.len() + done.len(), "an operation is in two places");
        for number in &done {
            ensure!(self.upstream.has_applied(*number), "{number} is done and never arrived");
        }
        for (number, kept) in &mut self.posted {
            let is_dead = dead.contains_key(number);
            let is_done = done.contains(number);
            if kept.purging && !all.contains(number) {
                (kept.purged, kept.dead) = (true, false);
                continue;
            }
            if self.perhaps_done.contains(number) && !all.contains(number) {
                // Only the newest that are done are listed.
                kept.settled = true;
                self.upstream.settle(*number);
                continue;
            }
            ensure!(!kept.purged, "{number} was thrown away and is back");
            ensure!(all.contains(number), "{number} was accepted and is lost (dead: {})", kept.dead);
            ensure!(!kept.settled || is_done, "{number} was delivered and is back");
            ensure!(!kept.dead || is_dead || kept.loose, "{number} was a dead letter and is none");
            if is_dead {
                self.upstream.note_dead(*number);
            }
            (kept.dead, kept.settled, kept.loose, kept.purging) = (is_dead, is_done, false, false);
            let payload = waiting.get(number).or_else(|| dead.get(number));
            if let Some(payload) = payload {
                ensure!(
                    kept.payload == *payload || kept.edited == Some(*payload),
                    "{number} has another payload"
                );
                (kept.payload, kept.edited) = (*payload, None);
            }
        }
        done.iter().for_each(|number| self.upstream.settle(*number));
        self.perhaps_done.clear();
        self.settle_unsure(&all)?;
        let control = self.control.as_ref().ok_or("the store is not open")?;
        let read = self.settings.verify(control);
        let Some(settings) = self.said(read, "reading the settings' history")? else { return Ok(false) };
        settings?;
        if !self.verify_log()? {
            return Ok(false);
        }
        if self.forgets {
            self.posted.retain(|_, kept| !kept.settled && !kept.purged);
        }
        self.verify_words(view.paused.map(|(reason, _)| reason))
    }

    /// An entry of the audit log that goes with a change.
    pub(super) fn entry(&mut self) -> Entry {
        self.tried += 1;
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.tried.to_le_bytes());
        Entry::new(self.now_ms, seed, "test.changed", "uid:0", ("change", &self.tried.to_string()))
            .text("reason", "why")
    }

    /// No change that was acknowledged lacks its entry, and the tree is whole.
    fn verify_log(&mut self) -> Result<bool, String> {
        let read = self.control()?.snapshot();
        let Some(read) = self.said(read, "reading the log")? else { return Ok(false) };
        let verdict = Log::open(&read).and_then(|log| audit::verify(&log, &[], &|_| true));
        let verdict = match verdict {
            Ok(verdict) => verdict,
            Err(audit::AuditError::Store(error)) => {
                return Ok(self.said::<()>(Err(error), "verifying the log")?.is_some());
            }
            Err(error) => return Err(error.to_string()),
        };
        ensure!(verdict.problems.is_empty(), "the log: {:?}", verdict.problems);
        let fine = (self.entered..=self.tried).contains(&verdict.size);
        ensure!(fine, "{} entries, {} acknowledged, {} tried", verdict.size, self.entered, self.tried);
        Ok(true)
    }

    /// What was under way is there as a whole or not at all; whoever posted it posts it again.
    fn settle_unsure(&mut self, all: &BTreeSet<u64>) -> Result<(), String> {
        let strangers: Vec<u64> =
            all.iter().filter(|number| !self.posted.contains_key(number)).copied().collect();
        let strangers: Vec<u64> = strangers
            .into_iter()
            .filter(|number| !(self.forgets && self.upstream.is_settled(*number)))
            .collect();
        let unsure = std::mem::take(&mut self.unsure);
        ensure!(
            strangers.is_empty() || strangers.len() == unsure.len(),
            "{} of {} operations of one commit are there",
            strangers.len(),
            unsure.len()
        );
        if let (Some(reason), false) = (self.history_unsure.take(), strangers.is_empty()) {
            self.history.push(reason.clone());
            self.forced = Some(reason);
        }
        if strangers.is_empty() {
            self.again = unsure;
            return Ok(());
        }
        for (number, one) in strangers.into_iter().zip(unsure) {
            self.accept(number, &one.payload)?;
            let again = self.queue.post(self.control()?, &[one], self.now_ms);
            let Some(answers) = self.said(again, "posting again")? else { continue };
            let known = answers.first().and_then(|answer| answer.as_ref().ok());
            let same = known.is_some_and(|added| added.known && added.id.number == number);
            ensure!(same, "{number} was not known under its Idempotency-Key");
        }
        Ok(())
    }

    fn verify_words(&mut self, paused: Option<String>) -> Result<bool, String> {
        if let Some(unsure) = self.paused_unsure.take()
            && paused == unsure
        {
            self.paused = unsure;
        }
        ensure!(paused == self.paused, "paused is {paused:?}, not {:?}", self.paused);
        let read = History::newest(self.control()?, None, 2_000);
        let Some(newest) = self.said(read, "reading the history")? else { return Ok(false) };
        let found: Vec<String> = newest.into_iter().rev().map(|(_, change)| change.reason).collect();
        ensure!(found == self.history, "the history is {found:?}, not {:?}", self.history);
        let read = History::forced(self.control()?);
        let Some(forced) = self.said(read, "reading the forced mode")? else { return Ok(false) };
        let forced = forced.map(|forced| forced.reason);
        ensure!(forced == self.forced, "forced is {forced:?}, not {:?}", self.forced);
        Ok(true)
    }

    /// Lets everything go that waits, as long as nothing fails; an error where something stays.
    pub fn drain(&mut self) -> Result<(), String> {
        self.queue
            .pause(self.control()?, None, self.now_ms, |_| Ok(()))
            .map_err(|error| error.to_string())?;
        self.paused = None;
        self.upstream.away = false;
        self.post_again()?;
        for _ in 0..200_000 {
            self.now_ms += 30_000;
            self.work()?;
            if self.queue.backlog_percent() == 0.0 {
                break;
            }
        }
        let (waiting, ..) = self.read_all().map_err(|error| error.to_string())?;
        ensure!(waiting.is_empty(), "{} operations are never delivered: {:?}", waiting.len(), waiting.keys());
        Ok(())
    }

    #[allow(clippy::type_complexity)]
    fn read_all(
        &self,
    ) -> Result<
        (BTreeMap<u64, u64>, BTreeMap<u64, u64>, BTreeSet<u64>, spud::resilience::queue::QueueView),
        StoreError,
    > {
        let control = self.control.as_ref().ok_or(StoreError::Full)?;
        let with_payload = |listed: Vec<(u64, Operation)>| {
            // There may be many: only the checks of their payloads are held.
            let payload = |number: u64| -> Result<u64, StoreError> {
                let found = self.queue.find(control, number)?;
                Ok(check_of(&found.and_then(|(_, payload)| payload).unwrap_or_default()))
            };
            listed
                .into_iter()
                .map(|(number, _)| Ok((number, payload(number)?)))
                .collect::<Result<Vec<_>, StoreError>>()
        };
        let mut waiting = BTreeMap::new();
        for lane in LANES {
            waiting.extend(with_payload(self.queue.waiting(control, lane, 0, usize::MAX)?)?);
        }
        let dead = with_payload(self.queue.ended(control, State::Dead, u64::MAX, usize::MAX)?)?;
        let done = self.queue.ended(control, State::Done, u64::MAX, usize::MAX)?;
        let done = done.into_iter().map(|(number, _)| number).collect();
        Ok((waiting, dead.into_iter().collect(), done, self.queue.view(control, self.now_ms)?))
    }
}
