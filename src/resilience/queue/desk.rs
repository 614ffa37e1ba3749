//! What people ask of the queue: look, pause, retry, edit, purge. What changes something takes along what is to be
//! kept in the same commit (`also`); where nothing changed, that is not kept either.

use super::look;
use super::operation::{LANES, Lane, NewOperation, Operation, Refusal, State};
use super::revisions;
use super::shelf::{self, Added, Found, Listed};
use super::state::{LaneView, Queue, QueueView, entry};
use crate::store::{Control, StoreError, WriteTransaction};

impl Queue {
    /// Stops deliveries with a reason that survives a restart, or lets them go on.
    ///
    /// # Errors
    /// What the store says.
    pub fn pause(
        &self,
        control: &Control,
        reason: Option<&str>,
        now_ms: u64,
        also: impl FnOnce(&WriteTransaction) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.load(control, now_ms)?;
        self.write(control, |write| {
            shelf::change_totals(write, |totals| {
                totals.paused = reason.map(|reason| (reason.to_owned(), now_ms));
                Ok(())
            })?;
            also(write)
        })?;
        let mut picture = self.picture();
        if reason.is_none() {
            picture.gate_ms = 0;
        }
        self.wake.notify_all();
        Ok(())
    }

    /// The upstream is tried at once, however long it was to be left alone.
    pub fn try_now(&self) {
        let mut picture = self.picture();
        picture.gate_ms = 0;
        picture.version += 1;
        self.wake.notify_all();
    }

    /// A dead letter goes back to its place; `None` when there is none of this number.
    ///
    /// # Errors
    /// What the store says.
    pub fn retry(
        &self,
        control: &Control,
        number: u64,
        now_ms: u64,
        also: impl FnOnce(&WriteTransaction) -> Result<(), StoreError>,
    ) -> Result<Option<Operation>, StoreError> {
        self.load(control, now_ms)?;
        let revived = self.write(control, |write| {
            let revived = shelf::revive(write, number)?;
            revived.is_some().then(|| also(write)).transpose()?;
            Ok(revived)
        })?;
        if let Some(operation) = &revived {
            let mut picture = self.picture();
            picture.scheduler.add(number, entry(operation));
            self.wake.notify_all();
        }
        Ok(revived)
    }

    /// Gives a dead letter another payload, which makes it another message: gives its revision, too. `None` when there
    /// is none of this number.
    ///
    /// # Errors
    /// What the store says.
    pub fn edit(
        &self,
        control: &Control,
        number: u64,
        (content_type, payload): (Option<&str>, &[u8]),
        also: impl FnOnce(&WriteTransaction) -> Result<(), StoreError>,
    ) -> Result<Option<(Operation, u32)>, StoreError> {
        self.write(control, |write| {
            let edited = shelf::edit(write, number, content_type, payload)?;
            edited.is_some().then(|| also(write)).transpose()?;
            Ok(edited)
        })
    }

    /// Throws one dead letter away, or all; how many.
    ///
    /// # Errors
    /// What the store says.
    pub fn purge(
        &self,
        control: &Control,
        number: Option<u64>,
        also: impl FnOnce(&WriteTransaction) -> Result<(), StoreError>,
    ) -> Result<u64, StoreError> {
        self.write(control, |write| {
            let purged = shelf::purge(write, number)?;
            (purged > 0).then(|| also(write)).transpose()?;
            Ok(purged)
        })
    }

    /// An operation wherever it is, with its payload where there still is one.
    ///
    /// # Errors
    /// What the store says.
    pub fn find(&self, control: &Control, number: u64) -> Result<Option<Found>, StoreError> {
        control.read(|read| {
            let Some(operation) = look::find(read, number)? else { return Ok(None) };
            Ok(Some((operation, look::payload(read, number)?)))
        })
    }

    /// How often an operation that is not settled was given another payload.
    ///
    /// # Errors
    /// What the store says.
    pub fn revision(&self, control: &Control, number: u64) -> Result<u32, StoreError> {
        control.read(|read| revisions::look(read, number))
    }

    /// Keeps an operation in place of the one of its kind that waits.
    ///
    /// # Errors
    /// What the store says; it is not kept then.
    pub fn put_newest(
        &self,
        control: &Control,
        new: &NewOperation,
        now_ms: u64,
    ) -> Result<Result<Added, Refusal>, StoreError> {
        self.load(control, now_ms)?;
        let terms = self.terms().ok_or(StoreError::Full)?;
        let answer = self.write(control, |write| terms.replace(write, new, now_ms))?;
        self.announce(answer.as_ref().map_or(&[][..], std::slice::from_ref), now_ms);
        Ok(answer)
    }

    /// Waiting operations of a lane after a number, oldest first.
    ///
    /// # Errors
    /// What the store says.
    pub fn waiting(
        &self,
        control: &Control,
        lane: Lane,
        after: u64,
        most: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        control.read(|read| look::list_waiting(read, lane, after, most))
    }

    /// Dead or delivered operations before a number, newest first.
    ///
    /// # Errors
    /// What the store says.
    pub fn ended(
        &self,
        control: &Control,
        state: State,
        before: u64,
        most: usize,
    ) -> Result<Vec<Listed>, StoreError> {
        control.read(|read| look::list_ended(read, state, before, most))
    }

    /// The queue as it stands.
    ///
    /// # Errors
    /// What the store says.
    pub fn view(&self, control: &Control, now_ms: u64) -> Result<QueueView, StoreError> {
        let is_stale = self.picture().stale;
        if is_stale {
            self.load(control, now_ms)?;
        }
        let oldest = control.read(|read| {
            let mut oldest = [None; 4];
            for (lane, slot) in LANES.into_iter().zip(&mut oldest) {
                let first = look::list_waiting(read, lane, 0, 1)?;
                *slot = first.first().map(|(_, operation)| operation.created_ms);
            }
            Ok(oldest)
        })?;
        let picture = self.picture();
        let lanes = LANES.into_iter().zip(oldest).filter_map(|(lane, oldest_ms)| {
            let at = lane as usize;
            let held = picture.totals.lanes.get(at)?;
            Some(LaneView {
                lane,
                operations: held.operations,
                bytes: held.bytes,
                limits: *self.settings.limits.get(at)?,
                delivered: held.delivered,
                dropped: held.dropped,
                added_per_minute: picture.added.get(at)?.per_minute(now_ms),
                delivered_per_minute: picture.delivered.get(at)?.per_minute(now_ms),
                oldest_ms,
            })
        });
        Ok(QueueView {
            box_id: picture.box_id(),
            lanes: lanes.collect(),
            dead: picture.totals.dead,
            next_retry_ms: picture.scheduler.next_retry(),
            paused: picture.totals.paused.clone(),
            gate_ms: Some(picture.gate_ms).filter(|gate| *gate > now_ms),
            last_delivered_ms: picture.last_delivered_ms,
            last_error: picture.last_error.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resilience::queue::{LaneLimits, QueueSettings};

    #[test]
    fn only_the_newest_of_a_kind_waits_and_what_is_under_way_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&folder.path().join("control.redb"), 256 << 10).unwrap();
        let lane = LaneLimits { operations: 100, bytes: 1 << 20, drop_oldest: false };
        let settings = QueueSettings { limits: [lane; 4], attempts_most: 3, upstream: true };
        let queue = Queue::new(settings.clone(), 7, 1_000);
        let new = |text: &str| NewOperation {
            kind: "spud.health".into(),
            payload: text.into(),
            ..NewOperation::default()
        };
        let put = |queue: &Queue, text: &str| {
            queue.put_newest(&control, &new(text), 1_000).unwrap().unwrap().id.number
        };
        let numbers = |queue: &Queue| -> Vec<u64> {
            let found = queue.waiting(&control, Lane::Normal, 0, 10).unwrap();
            found.into_iter().map(|(number, _)| number).collect()
        };
        queue.post(&control, &[new("posted by somebody")], 1_000).unwrap().pop().unwrap().unwrap();
        let (first, second) = (put(&queue, "1"), put(&queue, "2"));
        assert_eq!(numbers(&queue), [1, second]);
        assert!(queue.picture().scheduler.get(first).is_none());
        assert_eq!(queue.view(&control, 1_000).unwrap().lanes[2].operations, 2);
        // Another process leaves it as it is; under way, it is not taken back.
        let third = put(&Queue::new(settings, 7, 2_000), "3");
        assert_eq!(numbers(&queue), [1, third]);
        let epoch = queue.terms().unwrap().epoch;
        let lease = |write: &crate::store::WriteTransaction| {
            let mut operation = shelf::waiting(write, Lane::Normal, third)?.unwrap();
            (operation.state, operation.lease) = (State::Leased, (epoch, 9_000));
            shelf::rewrite(write, third, &operation)
        };
        control.write(lease).unwrap();
        let fourth = put(&queue, "4");
        assert_eq!(numbers(&queue), [1, third, fourth]);
    }
}
