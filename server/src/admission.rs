//! Who may open a connection at all: checked before the upgrade, without asking the application.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, Uri};

use crate::config::Config;

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Why a page is refused; the words are for the developer who reads the response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ForeignOrigin {
    pub(crate) origin: String,
    own: String,
}

impl ForeignOrigin {
    pub(crate) fn sentence(&self) -> String {
        let Self { origin, own } = self;
        format!(
            "The origin {origin} may not connect: it is neither this server's own, {own}, nor among \
             the allowed origins. If it should be, start the server with --allow-origin {origin} \
             (in the library: Config::allowed_origins).\n"
        )
    }
}

/// Returns the origin of the page that wants to connect, if a page it is and it may.
///
/// Any page on the web can open a WebSocket to any server, and the browser will say which page it
/// is; that is all the protection there is (RFC 6455, 10.2). PROTOCOL.md S-21.
pub(crate) fn check_origin(
    headers: &HeaderMap,
    uri: &Uri,
    allowed: &[String],
) -> Result<Option<String>, ForeignOrigin> {
    let Some(origin) = headers.get(ORIGIN) else { return Ok(None) };
    let origin = String::from_utf8_lossy(origin.as_bytes()).into_owned();
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let host = uri.authority().map(|authority| authority.as_str()).or_else(|| text(HOST));
    // A page cannot set this header; a proxy that ends TLS does.
    let scheme = text(FORWARDED_PROTO).unwrap_or("http");
    let own = format!("{scheme}://{}", host.unwrap_or_default());
    let is_same = |other: &str| split(other).is_some_and(|other| split(&origin) == Some(other));
    if is_same(&own) || allowed.iter().any(|listed| is_same(listed) || *listed == origin) {
        Ok(Some(origin))
    } else {
        Err(ForeignOrigin { origin, own })
    }
}

/// Scheme, host and port of an origin, to be compared.
fn split(origin: &str) -> Option<(String, String, u16)> {
    let (scheme, rest) = origin.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.is_empty() || rest.contains('/') {
        return None;
    }
    let port = match rest.rsplit_once(':') {
        // The colons of an IPv6 address are inside brackets.
        Some((host, port)) if !port.contains(']') => Some((host, port.parse().ok()?)),
        _ => None,
    };
    let (host, port) = port.unwrap_or((rest, if scheme == "https" { 443 } else { 80 }));
    Some((scheme, host.to_ascii_lowercase(), port))
}

/// Counts connections, in all and of each address.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    of: HashMap<IpAddr, usize>,
}

/// Counts as one connection until dropped.
#[derive(Debug)]
pub(crate) struct Admitted {
    admission: Arc<Admission>,
    address: Option<IpAddr>,
}

/// Which bound is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crowded {
    Full,
    Address(IpAddr),
}

impl Admission {
    pub(crate) fn admit(
        self: &Arc<Self>,
        address: Option<IpAddr>,
        config: &Config,
    ) -> Result<Admitted, Crowded> {
        let address = address.map(network);
        let mut counts = self.lock();
        if counts.all >= config.connections {
            return Err(Crowded::Full);
        }
        if let Some(address) = address {
            let count = counts.of.entry(address).or_default();
            if *count >= config.connections_per_address {
                return Err(Crowded::Address(address));
            }
            *count += 1;
        }
        counts.all += 1;
        Ok(Admitted { admission: self.clone(), address })
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut counts = self.admission.lock();
        counts.all -= 1;
        if let Some(address) = self.address
            && let Some(count) = counts.of.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                counts.of.remove(&address);
            }
        }
    }
}

/// What counts as one address: one home or office has 2^64 addresses of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(origin: &str, headers: &[(HeaderName, &str)], allowed: &[&str], expected: bool) {
        let mut map = HeaderMap::new();
        map.insert(ORIGIN, origin.parse().unwrap());
        for (name, value) in headers {
            map.insert(name, value.parse().unwrap());
        }
        let allowed: Vec<String> = allowed.iter().map(|&origin| origin.into()).collect();
        let checked = check_origin(&map, &Uri::from_static("/line"), &allowed);
        assert_eq!(checked.is_ok(), expected, "{origin} with {headers:?}: {checked:?}");
    }

    #[test]
    fn same_origin_means_scheme_host_and_port() {
        let host = |host| [(HOST, host)];
        check("http://example.com", &host("example.com"), &[], true);
        check("http://EXAMPLE.com:80", &host("example.com"), &[], true);
        check("http://example.com", &host("example.com:80"), &[], true);
        check("http://example.com:8080", &host("example.com:8080"), &[], true);
        check("http://[::1]:8080", &host("[::1]:8080"), &[], true);
        check("http://[::1]", &host("[::1]"), &[], true);
        check("http://example.com:8081", &host("example.com:8080"), &[], false);
        check("http://example.com.evil.test", &host("example.com"), &[], false);
        check("https://example.com", &host("example.com"), &[], false);
        check("null", &host("example.com"), &[], false);
        check("http://", &host(""), &[], false);
    }

    #[test]
    fn a_proxy_that_ends_tls_says_so() {
        let headers = [(HOST, "example.com"), (FORWARDED_PROTO, "https")];
        check("https://example.com", &headers, &[], true);
        check("http://example.com", &headers, &[], false);
    }

    #[test]
    fn listed_origins_may_connect() {
        let host = [(HOST, "api.example.com")];
        check("https://example.com", &host, &["https://example.com"], true);
        check("https://example.com", &host, &["https://example.com/"], true);
        check("https://example.com:443", &host, &["https://Example.com"], true);
        check("http://example.com", &host, &["https://example.com"], false);
        check("null", &host, &["null"], true);
    }

    #[test]
    fn connections_are_counted_until_they_end() {
        let admission = Arc::new(Admission::default());
        let config = Config { connections: 3, connections_per_address: 2, ..Config::default() };
        let admit = |address: &str| admission.admit(Some(address.parse().unwrap()), &config);
        let first = admit("2001:db8::1").unwrap();
        let _second = admit("2001:db8::2").unwrap();
        let crowded = Crowded::Address("2001:db8::".parse().unwrap());
        assert_eq!(admit("2001:db8::3").unwrap_err(), crowded);
        let _third = admit("192.0.2.1").unwrap();
        assert_eq!(admit("192.0.2.1").unwrap_err(), Crowded::Full);
        drop(first);
        assert!(admit("::ffff:192.0.2.1").is_ok(), "an IPv4 address is one, however written");
    }
}
