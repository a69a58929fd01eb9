//! Which pages may connect, and under which names the server may be called: checked before the upgrade,
//! without asking the application.

mod listed;

use std::net::{Ipv4Addr, Ipv6Addr};

use axum::http::header::{FORWARDED, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, Uri};

pub(crate) use self::listed::check as check_listed;

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// What proxies say of a request begins like this.
const FORWARDED_PREFIX: &str = "x-forwarded-";

/// Why a page is refused; the words are for the developer who reads the response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RefusedPage {
    /// It comes from elsewhere.
    Foreign { origin: String, own: String },
    /// It is of the server's own origin, but anybody may have given the server this name.
    UnknownName { origin: String, host: String },
    /// There are several of a header that there is one of.
    Ambiguous(HeaderName),
}

impl RefusedPage {
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::Foreign { origin, own } => format!(
                "The origin {origin} may not connect: it is neither this server's own, {own}, nor \
                 among the allowed origins. If it should be, start the server with --allow-origin \
                 {origin} (in the library: Config::allowed_origins). A proxy that ends TLS has to \
                 send X-Forwarded-Proto and to leave Host as it is.\n"
            ),
            Self::UnknownName { origin, host } => {
                format!("The origin {origin} may not connect: {}", unknown_name(host, Some(origin)))
            }
            Self::Ambiguous(name) => format!("The request has more than one {name}.\n"),
        }
    }
}

fn unknown_name(host: &str, origin: Option<&str>) -> String {
    let origin = origin.map_or_else(|| format!("http://{host}"), Into::into);
    format!(
        "this server does not know the name {host}. Any page can give its own name the address of this \
         server, and would pass for it. If the name is right, start the server with --allow-origin \
         {origin} (in the library: Config::allowed_origins). A proxy that sends X-Forwarded-Proto or \
         Forwarded vouches for the names of lines.\n"
    )
}

/// Returns the origin of the page that wants to connect, if a page it is and it may.
///
/// Any page on the web can open a WebSocket to any server, and the browser will say which page it
/// is; that is all the protection there is (RFC 6455, 10.2). PROTOCOL.md S-21, S-27.
pub(crate) fn check_origin(
    headers: &HeaderMap,
    uri: &Uri,
    allowed: &[String],
) -> Result<Option<String>, RefusedPage> {
    let Some(origin) = only(headers, &ORIGIN)? else { return Ok(None) };
    let host = host(headers, uri)?;
    let own = format!("{}://{host}", scheme(headers));
    let is_same = |other: &str| split(other).is_some_and(|other| split(&origin) == Some(other));
    let is_listed = |listed: &String| is_same(listed.trim()) || listed.trim() == origin;
    if allowed.iter().any(is_listed) {
        Ok(Some(origin))
    } else if !is_same(&own) {
        Err(RefusedPage::Foreign { origin, own })
    } else if is_forwarded(headers) || is_own_name(&host, allowed) {
        Ok(Some(origin))
    } else {
        Err(RefusedPage::UnknownName { origin, host })
    }
}

/// Whether a request calls the server by a name that cannot be somebody else's; else why not. Headers
/// of proxies do not count here: a page can send them with requests that are no WebSocket.
pub(crate) fn check_host(headers: &HeaderMap, uri: &Uri, allowed: &[String]) -> Result<(), String> {
    let host = host(headers, uri).map_err(|refused| refused.sentence())?;
    if host.is_empty() || is_own_name(&host, allowed) {
        return Ok(());
    }
    Err(format!("Nothing is served here: {}", unknown_name(&host, None)))
}

/// The value of a header that there may be one of.
fn only(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, RefusedPage> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    if values.next().is_some() {
        return Err(RefusedPage::Ambiguous(name.clone()));
    }
    Ok(value)
}

/// How the request calls the server, with the port if it says one; empty if it does not say.
fn host(headers: &HeaderMap, uri: &Uri) -> Result<String, RefusedPage> {
    let header = only(headers, &HOST)?;
    let authority = uri.authority().map(|authority| authority.as_str().to_owned());
    Ok(authority.or(header).unwrap_or_default())
}

/// Whether a proxy has passed the request on, and says so. A page cannot set these headers for a
/// WebSocket.
fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.iter().any(|(name, value)| {
        (*name == FORWARDED || name.as_str().starts_with(FORWARDED_PREFIX)) && !value.is_empty()
    })
}

/// How the page was asked for: as a proxy says that ends TLS, the first one if there are several.
fn scheme(headers: &HeaderMap) -> &'static str {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let forwarded = text(FORWARDED).and_then(|elements| {
        elements.split([',', ';']).find_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            name.trim().eq_ignore_ascii_case("proto").then(|| value.trim().trim_matches('"'))
        })
    });
    let listed = text(FORWARDED_PROTO).and_then(|list| list.split(',').next());
    let said = forwarded.or(listed).unwrap_or_default().trim().to_ascii_lowercase();
    match said.as_str() {
        "https" | "wss" => "https",
        _ => "http",
    }
}

/// Whether a name leads to this server, whoever asks for it: no page can be of that name and come from
/// elsewhere. PROTOCOL.md S-27.
fn is_own_name(host: &str, allowed: &[String]) -> bool {
    let Some((_, name, _)) = split(&format!("http://{host}")) else { return false };
    let is_local = name == "localhost" || name.ends_with(".localhost");
    let is_address = name.parse::<Ipv4Addr>().is_ok() || name.starts_with('[');
    let is_listed =
        |listed: &String| split(listed.trim()).is_some_and(|(_, listed, _)| listed == name);
    is_local || is_address || allowed.iter().any(is_listed)
}

/// Scheme, host and port of an origin, to be compared.
fn split(origin: &str) -> Option<(String, String, u16)> {
    let (scheme, rest) = origin.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.is_empty() || rest.contains(['/', '@', '?', '#', '\\']) {
        return None;
    }
    let port = match rest.rsplit_once(':') {
        // The colons of an IPv6 address are inside brackets.
        Some((host, port)) if !port.contains(']') => Some((host, port.parse().ok()?)),
        _ => None,
    };
    let (host, port) = port.unwrap_or((rest, if scheme == "https" { 443 } else { 80 }));
    let host = match host.strip_prefix('[') {
        // There are many ways to write one.
        Some(address) => format!("[{}]", address.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?),
        None => host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase(),
    };
    (!host.is_empty()).then_some((scheme, host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(headers: &[(HeaderName, &str)]) -> HeaderMap {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
        headers.collect()
    }

    fn checked(origin: &str, with: &[(HeaderName, &str)], allowed: &[&str]) -> Option<RefusedPage> {
        let mut map = headers(with);
        map.insert(ORIGIN, origin.parse().unwrap());
        let allowed: Vec<String> = allowed.iter().map(|&origin| origin.into()).collect();
        check_origin(&map, &Uri::from_static("/line"), &allowed).err()
    }

    #[track_caller]
    fn check(origin: &str, with: &[(HeaderName, &str)], allowed: &[&str], expected: bool) {
        let refused = checked(origin, with, allowed);
        assert_eq!(refused.is_none(), expected, "{origin} with {with:?}: {refused:?}");
    }

    #[test]
    fn same_origin_means_scheme_host_and_port() {
        let host = |host| [(HOST, host)];
        check("http://localhost", &host("localhost"), &[], true);
        check("http://LOCALHOST:80", &host("localhost"), &[], true);
        check("http://localhost", &host("localhost:80"), &[], true);
        check("http://localhost:8080", &host("localhost:8080"), &[], true);
        check("http://[::1]:8080", &host("[::1]:8080"), &[], true);
        check("http://[::1]", &host("[0:0::1]"), &[], true);
        check("http://localhost:8081", &host("localhost:8080"), &[], false);
        check("http://localhost.evil.test", &host("localhost"), &[], false);
        check("https://localhost", &host("localhost"), &[], false);
        check("null", &host("localhost"), &[], false);
        check("http://", &host(""), &[], false);
    }

    // PROTOCOL.md S-27.
    #[test]
    fn a_name_that_anybody_can_have_is_not_the_servers_own() {
        for host in [
            "evil.test",
            "evil.test:8080",
            "EVIL.test.",
            "localhost.evil.test",
            "127.0.0.1.evil.test",
            "notlocalhost",
            "2130706433",
            "127.1",
            "a@localhost",
        ] {
            let page = format!("http://{host}");
            let refused = checked(&page, &[(HOST, host)], &["https://app.test"]);
            assert!(refused.is_some(), "{host}");
            let is_page = !host.contains('@');
            let unknown = matches!(refused, Some(RefusedPage::UnknownName { .. }));
            assert_eq!(unknown, is_page, "{refused:?}");
        }
        for host in [
            "localhost:8080",
            "localhost.",
            "app.localhost",
            "127.0.0.1:8080",
            "192.168.1.7",
            "[::1]:8080",
            "[fd00::7]",
        ] {
            check(&format!("http://{host}"), &[(HOST, host)], &[], true);
        }
    }

    // PROTOCOL.md S-27.
    #[test]
    fn a_name_is_known_if_it_is_listed_or_a_proxy_says_so() {
        let host = (HOST, "app.test:8080");
        let page = "http://app.test:8080";
        check(page, std::slice::from_ref(&host), &[], false);
        check(page, std::slice::from_ref(&host), &["https://app.test"], true);
        for name in ["forwarded", "x-forwarded-for", "x-forwarded-host"] {
            let said = (HeaderName::from_static(name), "for=192.0.2.1");
            check(page, &[host.clone(), said.clone()], &[], true);
            check("http://evil.test", &[host.clone(), said], &[], false);
        }
        check(page, &[host, (FORWARDED_PROTO, "")], &[], false);
    }

    #[test]
    fn a_proxy_that_ends_tls_says_so() {
        for said in ["https", "HTTPS", "wss", "https,http", " https , http", "https, https"] {
            let with = [(HOST, "example.com"), (FORWARDED_PROTO, said)];
            check("https://example.com", &with, &[], true);
            check("http://example.com", &with, &[], false);
        }
        for said in ["http", "ws", "http,https", "", "gopher"] {
            let with = [(HOST, "localhost"), (FORWARDED_PROTO, said)];
            check("https://localhost", &with, &[], false);
            check("http://localhost", &with, &[], true);
        }
        for said in [
            "proto=https",
            "for=192.0.2.43;proto=https;by=203.0.113.43",
            "for=\"[2001:db8::17]:4711\"; Proto=\"HTTPS\"",
            "for=192.0.2.43, for=198.51.100.17;proto=https",
        ] {
            let with = [(HOST, "example.com"), (FORWARDED, said)];
            check("https://example.com", &with, &[], true);
            check("http://example.com", &with, &[], false);
        }
    }

    #[test]
    fn listed_origins_may_connect() {
        let host = [(HOST, "api.example.com")];
        check("https://example.com", &host, &["https://example.com"], true);
        check("https://example.com", &host, &["https://example.com/"], true);
        check("https://example.com", &host, &[" https://example.com "], true);
        check("https://example.com:443", &host, &["https://Example.com"], true);
        check("http://[::1]:5173", &host, &["http://[0:0:0:0:0:0:0:1]:5173"], true);
        check("http://example.com", &host, &["https://example.com"], false);
        check("null", &host, &["null"], true);
    }

    #[test]
    fn several_hosts_or_origins_are_none() {
        let mut map = headers(&[(HOST, "localhost"), (ORIGIN, "http://localhost")]);
        map.append(ORIGIN, "http://evil.test".parse().unwrap());
        let refused = check_origin(&map, &Uri::from_static("/line"), &[]).unwrap_err();
        assert_eq!(refused, RefusedPage::Ambiguous(ORIGIN));
        let mut map = headers(&[(HOST, "localhost"), (ORIGIN, "http://localhost")]);
        map.append(HOST, "evil.test".parse().unwrap());
        let refused = check_origin(&map, &Uri::from_static("/line"), &[]).unwrap_err();
        assert_eq!(refused, RefusedPage::Ambiguous(HOST));
    }

    #[test]
    fn what_is_no_line_has_to_be_asked_for_by_a_known_name() {
        let ask = |with: &[(HeaderName, &str)]| {
            check_host(&headers(with), &Uri::from_static("/"), &["https://app.test".into()])
        };
        ask(&[(HOST, "localhost:8080")]).unwrap();
        ask(&[(HOST, "app.test")]).unwrap();
        ask(&[]).unwrap();
        let told = ask(&[(HOST, "evil.test"), (FORWARDED_PROTO, "https")]).unwrap_err();
        assert!(told.contains("--allow-origin http://evil.test"), "{told}");
    }
}
