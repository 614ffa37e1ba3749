//! What a box stands on: its clock, and where `control.redb` lies. Tests put others in their place, to let time pass
//! and to cut the power.

use std::path::Path;
use std::sync::Arc;

use crate::base::{Clock, SystemClock};
use crate::store::Disk;

type Stand = (Arc<dyn Clock>, Disk);

#[cfg(test)]
thread_local! {
    /// For the next box that this thread opens.
    pub(super) static NEXT: std::cell::RefCell<Option<Stand>> = const { std::cell::RefCell::new(None) };
}

pub(super) fn of(data: &Path) -> Stand {
    #[cfg(test)]
    if let Some(stand) = NEXT.take() {
        return stand;
    }
    (Arc::new(SystemClock::default()), Disk::file(&data.join("control.redb")))
}
