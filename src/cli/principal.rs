//! `spud principal ...`: who one is, who else there is, and tokens.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;

use super::context::Context;
use super::error::CliError;
use super::output::clean;
use crate::api::client::escape;
use crate::api::host::Attached;
use crate::api::types::Page;
use crate::api::types::access::{
    AccessKey, AccessPass, AddKey, AddPrincipal, CreateToken, NewToken, NewTotp, Principal, WhoAmI,
};
use crate::base::format_time;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List everybody who has a role or a token
    List,
    /// Show one principal, with its emergency passes that are good; without a name, who you are here and what you may do
    Show {
        /// uid:1000, gid:100, a login name, or a principal with tokens
        name: Option<String>,
    },
    /// Add somebody who will ask over loopback TCP, with tokens
    Add {
        /// Small letters, digits, '-', '_' and '.'
        name: String,
        /// What it is
        #[arg(long, value_name = "TEXT", default_value = "")]
        about: String,
    },
    /// Tokens for loopback TCP
    Token {
        #[command(subcommand)]
        verb: TokenVerb,
    },
    /// SSH keys that votes may be signed with; nobody logs in with them
    Key {
        #[command(subcommand)]
        verb: KeyVerb,
    },
    /// Second factor of somebody with tokens: codes of an authenticator app, in the header Spud-Otp
    Totp {
        #[command(subcommand)]
        verb: TotpVerb,
    },
    /// Take everything from a principal: roles, tokens, keys, its name
    Revoke {
        name: String,
        /// Why
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum TokenVerb {
    /// Make a token; it is printed this once and kept as a hash
    Create {
        /// The principal it speaks for
        name: String,
        /// A permission it is good for, such as search (again for more); '*' for all its owner has
        #[arg(long, value_name = "PERMISSION", required = true)]
        scope: Vec<String>,
        /// How long, such as 30d; at most a year
        #[arg(long = "for", value_name = "TIME", default_value = "30d", value_parser = duration)]
        time: Duration,
    },
    /// Revoke a token by its id
    Revoke { id: String },
}

#[derive(Debug, Subcommand)]
pub(super) enum TotpVerb {
    /// Make a secret for an authenticator app; it is printed this once
    Enrol { name: String },
    /// Take it away: its tokens are good without codes again
    Remove {
        name: String,
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum KeyVerb {
    /// Enrol an OpenSSH public key (ssh-ed25519, sk-ssh-ed25519) for somebody; one key is one person's
    Add {
        /// uid:1000, a login name, or a principal
        name: String,
        /// The .pub file
        file: PathBuf,
        /// Why: entered into the audit log
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// List enrolled keys, of all or of one
    List { name: Option<String> },
    /// Take a key away; what it signed stays signed
    Remove {
        name: String,
        /// SHA256:... as `list` shows it
        fingerprint: String,
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; such as 12h or 30d"))
}

pub(super) fn run(verb: Verb, context: &mut Context) -> Result<u8, CliError> {
    let mut link = context.connect()?;
    match verb {
        Verb::List => {
            let page: Page<Principal> = link.get("/v1/principals")?;
            list(&page, context)?;
        }
        Verb::Show { name: None } => {
            let me: WhoAmI = link.get("/v1/whoami")?;
            who(&me, context)?;
        }
        Verb::Show { name: Some(name) } => {
            let one: Principal = link.get(&format!("/v1/principals/{}", escape(&name)))?;
            show(&one, context)?;
        }
        Verb::Add { name, about } => {
            let one: Principal = link.send("POST", "/v1/principals", &AddPrincipal { name, about })?;
            show(&one, context)?;
            let advice = "it has no role yet: spud role grant";
            context.remark(&format!("{advice} {} analyst --reason WHY", one.id));
        }
        Verb::Token { verb: TokenVerb::Create { name, scope, time } } => {
            let request = CreateToken { scopes: scope, ttl_s: time.as_secs() };
            let path = format!("/v1/principals/{}/tokens", escape(&name));
            let made: NewToken = link.send("POST", &path, &request)?;
            token(&made, context)?;
        }
        Verb::Token { verb: TokenVerb::Revoke { id } } => {
            link.call("DELETE", &format!("/v1/tokens/{}", escape(&id)), None)?;
            context.remark(&format!("The token {id} is revoked."));
        }
        Verb::Key { verb } => keys(verb, &mut link, context)?,
        Verb::Totp { verb: TotpVerb::Enrol { name } } => {
            let path = format!("/v1/principals/{}/totp", escape(&name));
            let made: NewTotp = link.send("POST", &path, &())?;
            if context.json {
                context.print_json(&made)?;
            } else {
                context.out.line(&clean(&made.uri))?;
                context.remark("Type the secret into an authenticator app; it is not shown again.");
            }
        }
        Verb::Totp { verb: TotpVerb::Remove { name, reason } } => {
            let path = format!("/v1/principals/{}/totp?reason={}", escape(&name), escape(&reason));
            link.call("DELETE", &path, None)?;
            context.remark(&format!("{name} needs no codes any more."));
        }
        Verb::Revoke { name, reason } => {
            let path = format!("/v1/principals/{}?reason={}", escape(&name), escape(&reason));
            link.call("DELETE", &path, None)?;
            context.remark(&format!("{name} has nothing any more."));
        }
    }
    Ok(0)
}

pub(super) fn named(id: &str, login: Option<&String>) -> String {
    login.map_or_else(|| id.to_owned(), |login| format!("{id} ({login})"))
}

fn list(page: &Page<Principal>, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(page);
    }
    let row = |one: &Principal| {
        vec![
            named(&one.id, one.login.as_ref()),
            one.kind.clone(),
            one.roles.join(", "),
            one.tokens.len().to_string(),
            one.about.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
    context.out.table(&["PRINCIPAL", "KIND", "ROLES", "TOKENS", "ABOUT"], &rows)
}

fn show(one: &Principal, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(one);
    }
    context.out.line(&clean(&named(&one.id, one.login.as_ref())))?;
    let roles = if one.roles.is_empty() { "none".to_owned() } else { one.roles.join(", ") };
    for (label, text) in [("about", one.about.clone()), ("kind", one.kind.clone()), ("roles", roles)] {
        if !text.is_empty() {
            context.out.line(&clean(&format!("  {label:<8} {text}")))?;
        }
    }
    if one.totp {
        context.out.line("  factor   codes of an authenticator app")?;
    }
    passes(&one.passes, context)?;
    for key in &one.keys {
        let line = format!("  key      {} {}", key.fingerprint, key.comment);
        context.out.line(&clean(line.trim_end()))?;
    }
    for token in &one.tokens {
        let used = token.used_ms.map_or("never".to_owned(), format_time);
        let text = format!(
            "  token    {} for {} until {} UTC, last used {used}",
            token.id,
            token.scopes.join(", "),
            format_time(token.until_ms)
        );
        context.out.line(&clean(&text))?;
    }
    Ok(())
}

fn who(me: &WhoAmI, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(me);
    }
    let roles = if me.roles.is_empty() { "none".to_owned() } else { me.roles.join(", ") };
    context.out.line(&clean(&format!("{} over the {}", named(&me.principal, me.login.as_ref()), me.via)))?;
    context.out.line(&clean(&format!("  roles    {roles}")))?;
    context.out.line(&clean(&format!("  may      {}", me.permissions.join(" "))))?;
    passes(&me.passes, context)?;
    context.out.line(&clean(&format!("  policies {}", me.digest)))
}

fn passes(all: &[AccessPass], context: &mut Context) -> Result<(), CliError> {
    all.iter()
        .try_for_each(|pass| context.out.line(&clean(&format!("  pass     {}", pass.said(format_time)))))
}

fn keys(verb: KeyVerb, link: &mut Attached, context: &mut Context) -> Result<(), CliError> {
    let path = |name: &str| format!("/v1/principals/{}/keys", escape(name));
    match verb {
        KeyVerb::Add { name, file, reason } => {
            let key = fs::read_to_string(&file).map_err(|error| CliError::input(&file, &error))?;
            let one: Principal = link.send("POST", &path(&name), &AddKey { key, reason })?;
            show(&one, context)
        }
        KeyVerb::Remove { name, fingerprint, reason } => {
            let target =
                format!("{}?fingerprint={}&reason={}", path(&name), escape(&fingerprint), escape(&reason));
            link.call("DELETE", &target, None)?;
            context.remark(&format!("The key {fingerprint} signs nothing here any more."));
            Ok(())
        }
        KeyVerb::List { name } => {
            let all = match name {
                Some(name) => vec![link.get(&format!("/v1/principals/{}", escape(&name)))?],
                None => link.get::<Page<Principal>>("/v1/principals")?.items,
            };
            list_keys(&all, context)
        }
    }
}

fn list_keys(all: &[Principal], context: &mut Context) -> Result<(), CliError> {
    if context.json {
        let keys = all.iter().flat_map(|one| one.keys.iter().cloned()).collect();
        return context.print_json(&Page::<AccessKey> { items: keys, next: None });
    }
    let row = |one: &Principal, key: &AccessKey| {
        let kind = key.key.split(' ').next().unwrap_or_default().to_owned();
        let owner = named(&one.id, one.login.as_ref());
        vec![owner, key.fingerprint.clone(), kind, format_time(key.at_ms), key.comment.clone()]
    };
    let rows: Vec<Vec<String>> =
        all.iter().flat_map(|one| one.keys.iter().map(move |key| row(one, key))).collect();
    context.out.table(&["PRINCIPAL", "KEY", "KIND", "SINCE (UTC)", "COMMENT"], &rows)
}

fn token(made: &NewToken, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(made);
    }
    context.out.line(&made.secret)?;
    let until = format_time(made.token.until_ms);
    context.remark(&format!(
        "Token {} of {}, until {until} UTC. It is not shown again; send it as Authorization: Bearer TOKEN.",
        made.token.id, made.token.principal
    ));
    Ok(())
}
