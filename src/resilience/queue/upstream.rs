//! Where operations go: an address of one of four kinds, with what is needed to get in.

use super::delivery::Delivery;
use super::http::HttpDelivery;
use super::nats::NatsDelivery;
use super::tls::Papers;

/// Stands for the box's number in a subject.
pub(super) const BOX: &str = "{box}";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Http,
    Nats,
}

/// The address of an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    url: String,
    protocol: Protocol,
    pub(super) tls: bool,
    pub(super) host: String,
    pub(super) port: u16,
    /// Path and query of an HTTP upstream.
    pub(super) target: String,
}

impl Upstream {
    /// Reads `http://host[:port][/path]`, `https://...`, `nats://host[:port]` or `tls://host[:port]`.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(url: &str) -> Result<Self, String> {
        let uri: hyper::Uri = url.parse().map_err(|error| format!("'{url}' is no URL: {error}"))?;
        let (protocol, tls, usual) = match uri.scheme_str() {
            Some("http") => (Protocol::Http, false, 80),
            Some("https") => (Protocol::Http, true, 443),
            Some("nats") => (Protocol::Nats, false, 4222),
            Some("tls") => (Protocol::Nats, true, 4222),
            _ => {
                return Err(format!(
                    "'{url}' is not of the form http://host:port/path, https://..., nats://host:port or tls://..."
                ));
            }
        };
        let authority = uri.authority().ok_or_else(|| format!("'{url}' names no host"))?;
        if authority.as_str().contains('@') {
            return Err("the URL must not carry a name or password: use queue.upstream_token".into());
        }
        let target = uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
        if protocol == Protocol::Nats && target != "/" {
            return Err(format!("'{url}' must end after host and port; the subject is queue.subject"));
        }
        Ok(Self {
            url: url.to_owned(),
            protocol,
            tls,
            host: authority.host().to_owned(),
            port: authority.port_u16().unwrap_or(usual),
            target,
        })
    }

    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// `http` or `nats`, over TLS or not.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.protocol {
            Protocol::Http => "http",
            Protocol::Nats => "nats",
        }
    }

    /// `host:port`, as a connection is opened to it.
    pub(super) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The host without the brackets of an IPv6 address.
    pub(super) fn bare_host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }
}

/// An upstream with what is needed to get in.
#[derive(Clone, PartialEq, Eq)]
pub struct Wire {
    pub upstream: Upstream,
    /// A bearer token of HTTP; of NATS a token, or `user:password`.
    pub secret: Option<String>,
    pub papers: Papers,
    /// Of NATS; [`BOX`] in it becomes the box's number, the lane is added.
    pub subject: String,
}

impl Wire {
    /// Somebody who takes operations there.
    ///
    /// # Errors
    /// Why nothing can be delivered, in words.
    pub fn open(self) -> Result<Box<dyn Delivery>, String> {
        match self.upstream.protocol {
            Protocol::Http => HttpDelivery::new(self).map(|delivery| Box::new(delivery) as Box<dyn Delivery>),
            Protocol::Nats => Ok(Box::new(NatsDelivery::new(self))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_is_one_of_four_kinds() {
        let parts = |url: &str| {
            let upstream = Upstream::parse(url).unwrap();
            (upstream.kind(), upstream.tls, upstream.authority(), upstream.target)
        };
        let (hub, path) = ("10.0.0.7:8080".to_owned(), "/in?box=7".to_owned());
        assert_eq!(parts("http://10.0.0.7:8080/in?box=7"), ("http", false, hub, path));
        assert_eq!(parts("http://hub"), ("http", false, "hub:80".into(), "/".into()));
        assert_eq!(parts("https://hub/x"), ("http", true, "hub:443".into(), "/x".into()));
        assert_eq!(parts("nats://hub"), ("nats", false, "hub:4222".into(), "/".into()));
        assert_eq!(parts("tls://[::1]:9"), ("nats", true, "[::1]:9".into(), "/".into()));
        assert_eq!(Upstream::parse("tls://[::1]:9").unwrap().bare_host(), "::1");
        for bad in ["hub", "ftp://hub/", "http://a:b@hub/", "http:///x", "", "nats://hub/subject", "ws://hub"]
        {
            assert!(Upstream::parse(bad).is_err(), "{bad}");
        }
    }
}
