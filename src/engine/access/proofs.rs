//! What proves who somebody is, beside the kernel's word: SSH keys, second factors; and the sessions they hold.

use super::AccessReply;
use super::actions::{AccessAction, meant, no_such, principal};
use crate::api::types::access::NewTotp;
use crate::audit::Entry;
use crate::engine::run::Inner;
use crate::engine::{Caller, EngineError};
use crate::governance::access::Totp;
use crate::store::crypt::random;

/// What changes one of them.
pub(super) fn change(
    inner: &Inner,
    caller: &Caller,
    action: AccessAction,
    told: Option<&Entry>,
    by: &str,
) -> Result<AccessReply, EngineError> {
    let (access, now_ms) = (&inner.access, inner.clock.now_ms());
    Ok(match action {
        AccessAction::AddKey { name, request } => {
            let owner = meant(inner, &name)?;
            access.change(inner, told, |book| book.add_key(&owner, &request.key, by, now_ms))?;
            AccessReply::Principal(Box::new(principal(inner, &name)?))
        }
        AccessAction::RemoveKey { name, fingerprint, reason } => {
            let owner = meant(inner, &name)?;
            access.change(inner, told, |book| book.remove_key(&owner, &fingerprint))?;
            tracing::info!(request = %caller.request, %owner, fingerprint, by, reason, "an SSH key was removed");
            AccessReply::Done
        }
        AccessAction::RevokeSession { id, reason } => {
            let token = inner.sessions.token(&id).ok_or_else(|| no_such("session", &id))?;
            access.change(inner, told, |book| match token {
                // It may have been revoked while its connection stood.
                Some(token) if book.tokens.contains_key(&token) => book.revoke_token(token).map(drop),
                _ => Ok(()),
            })?;
            inner.sessions.close(&id);
            tracing::info!(request = %caller.request, session = id, by, reason, "a session was revoked");
            AccessReply::Done
        }
        AccessAction::EnrolTotp { name } => {
            let (owner, totp) = (meant(inner, &name)?, Totp::new(random(), by, now_ms));
            let made = NewTotp { principal: owner.to_string(), secret: totp.base32(), uri: totp.uri(&name) };
            access.change(inner, told, |book| book.enrol_totp(&owner, totp))?;
            AccessReply::Totp(Box::new(made))
        }
        AccessAction::RemoveTotp { name, reason } => {
            let owner = meant(inner, &name)?;
            access.change(inner, told, |book| book.remove_totp(&owner))?;
            tracing::info!(request = %caller.request, %owner, by, reason, "a second factor was removed");
            AccessReply::Done
        }
        _ => return Err(EngineError::Internal("this changes nobody's access".into())),
    })
}
