//! Principals, roles, tokens and grants, and the one decision that stands before every action.
//!
//! A principal is a user of this box (`uid:1000`, as the kernel says), a group (`gid:100`), or a name with bearer
//! tokens. The owner of the data folder is an admin by that alone, and root is one for emergencies; whoever else
//! reaches the socket is an analyst. Everything else is granted, with who, when, why and until when.

mod book;
mod decide;
mod error;
mod key;
mod pass;
mod permission;
mod principal;
mod review;
mod review_shelf;
#[cfg(test)]
mod review_tests;
mod role;
mod sha1;
mod shelf;
mod token;
mod totp;

pub use book::{Book, Grant, Principal, Token};
pub use decide::{ApprovalFacts, Circumstances, Decision, Need, Resource, Subject, Via, decide, would_allow};
pub use error::AccessError;
pub use key::Key;
pub use pass::{Pass, permit};
pub use permission::Permission;
pub use principal::Name;
pub use review::{Closed, Decided, Review, ReviewItem, Verdict, is_due, may_decide, names_of};
pub use review_shelf::ReviewShelf;
pub use role::Role;
pub use shelf::{KEPT as DECISIONS_KEPT, Shelf};
pub use token::{PREFIX as TOKEN_PREFIX, Secret, hash_of};
pub use totp::{Checked, Totp};
