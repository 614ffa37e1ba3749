//! Changes that wait for the votes of others: a request, its votes, and what is carried out when there are enough.
//!
//! [`step`] is the whole of it: a function of a request, what somebody does, and the time. Who may vote is said by
//! policies over the facts of the request ([`Approval::facts`]); what no policy may allow is refused here as well:
//! nobody decides what they submitted, nobody counts twice, root never votes.
//!
//! Invariant: a change is carried out by the step that brings the last vote, or not at all; pure but for [`Shelf`]
//! and the tables of signed votes.

mod ballot;
mod error;
mod request;
mod shelf;
mod signed;
mod step;
#[cfg(test)]
mod tests;

pub use ballot::{Ballot, NAMESPACE, decision};
pub use error::ApprovalError;
pub use request::{
    Act, Approval, Change, Draft, Event, Impact, REASON_BYTES, State, Subject, TIME_MOST_MS, VOTES_MOST,
};
pub use shelf::{Filter, Shelf};
pub use signed::{Issued, SignedVote, counted, issue, issued, keep_signed, signed_votes};
pub use step::{Done, Effect, Input, Person, Proof, step};
