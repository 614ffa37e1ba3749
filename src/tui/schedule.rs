//! When to draw: a pure function of what changed, when the last frame went out, and now.

/// At most 20 frames a second while someone types, 4 while only numbers move.
const INPUT_GAP_US: u64 = 50_000;
const DATA_GAP_US: u64 = 250_000;

/// Why a frame is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    Input,
    Data,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// Nothing to draw, or the terminal has not taken the last frame yet: sleep until a message comes.
    Never,
    Now,
    /// In so many microseconds.
    In(u64),
}

#[derive(Debug, Default)]
pub(crate) struct Schedule {
    wanted: Option<Cause>,
    last_us: Option<u64>,
    /// The last frame is still on its way to the terminal.
    in_flight: bool,
}

impl Schedule {
    pub(crate) fn want(&mut self, cause: Cause) {
        if self.wanted != Some(Cause::Input) {
            self.wanted = Some(cause);
        }
    }

    pub(crate) fn due(&self, now_us: u64) -> Due {
        let gap = match self.wanted {
            _ if self.in_flight => return Due::Never,
            None => return Due::Never,
            Some(Cause::Input) => INPUT_GAP_US,
            Some(Cause::Data) => DATA_GAP_US,
        };
        match self.last_us.map(|last| (last + gap).saturating_sub(now_us)) {
            None | Some(0) => Due::Now,
            Some(us) => Due::In(us),
        }
    }

    /// A frame was drawn; `sent` when it had bytes that are now on their way.
    pub(crate) fn drawn(&mut self, now_us: u64, sent: bool) {
        self.wanted = None;
        self.last_us = Some(now_us);
        self.in_flight = sent;
    }

    /// Bytes beside the frames are on their way.
    pub(crate) fn sent(&mut self) {
        self.in_flight = true;
    }

    /// The terminal took the last frame.
    pub(crate) fn drained(&mut self) {
        self.in_flight = false;
    }

    pub(crate) fn busy(&self) -> bool {
        self.in_flight
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_never_wakes() {
        let mut s = Schedule::default();
        assert_eq!(s.due(0), Due::Never);
        s.want(Cause::Data);
        assert_eq!(s.due(0), Due::Now);
        s.drawn(0, false);
        assert_eq!(s.due(10_000_000), Due::Never);
    }

    #[test]
    fn input_comes_before_data_and_both_are_limited() {
        let mut s = Schedule::default();
        s.drawn(1_000_000, false);
        s.want(Cause::Data);
        assert_eq!(s.due(1_010_000), Due::In(240_000));
        s.want(Cause::Input);
        s.want(Cause::Data);
        assert_eq!(s.due(1_010_000), Due::In(40_000));
        let frames = (0..1000u64)
            .filter(|ms| {
                s.want(Cause::Input);
                let now = 2_000_000 + ms * 1000;
                let draw = s.due(now) == Due::Now;
                if draw {
                    s.drawn(now, false);
                }
                draw
            })
            .count();
        assert_eq!(frames, 20);
    }

    #[test]
    fn a_stalled_terminal_coalesces_frames() {
        let mut s = Schedule::default();
        s.want(Cause::Input);
        s.drawn(0, true);
        s.want(Cause::Input);
        assert_eq!(s.due(60_000_000), Due::Never);
        s.drained();
        assert_eq!(s.due(60_000_000), Due::Now);
    }
}
