//! Origins as an operator lists them: what can never be a page's is refused, with what to write instead.

use std::net::Ipv6Addr;

const EXAMPLE: &str = "an origin such as https://app.example.com";

/// Whether a page can be of this origin; else why not.
pub(crate) fn check(listed: &str) -> Result<(), String> {
    let listed = listed.trim();
    // Of pages without an origin, such as those in a sandbox; and of files.
    if matches!(listed, "null" | "file://") {
        return Ok(());
    }
    let wrong = |why: String| Err(format!("{listed:?} {why}"));
    match listed {
        "" => return Err(format!("it is empty: expected {EXAMPLE}")),
        "*" => {
            return wrong(format!(
                "would let every page on the web act for whoever visits it: expected {EXAMPLE}"
            ));
        }
        _ if listed.contains('*') => {
            return wrong("has a wildcard: list each origin by itself".into());
        }
        _ if listed.contains(',') => return wrong("is several: list each by itself".into()),
        _ if listed.contains(char::is_whitespace) => return wrong("has a blank inside".into()),
        _ => {}
    }
    let Some((scheme, rest)) = listed.split_once("://") else {
        return wrong(format!(
            "has no scheme: write https://{listed}, or http://{listed}, as the page has it"
        ));
    };
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.chars().all(is_scheme) {
        return wrong(format!("has no scheme that there could be: expected {EXAMPLE}"));
    }
    let host = rest.strip_suffix('/').unwrap_or(rest);
    match scheme.to_ascii_lowercase().as_str() {
        "ws" => return wrong(format!("is not where the page comes from: write http://{host}")),
        "wss" => return wrong(format!("is not where the page comes from: write https://{host}")),
        _ => {}
    }
    if let Some(at) = host.find(['/', '?', '#', '\\']) {
        return wrong(format!("has a path, an origin has none: write {scheme}://{}", &host[..at]));
    }
    if let Some((_, host)) = host.rsplit_once('@') {
        return wrong(format!("names a user, an origin does not: write {scheme}://{host}"));
    }
    match check_host(host) {
        Ok(()) => Ok(()),
        Err(why) => wrong(why),
    }
}

fn check_host(host: &str) -> Result<(), String> {
    if !host.is_ascii() {
        return Err(
            "has letters that browsers write otherwise: write the name as in xn--...".into()
        );
    }
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let (address, behind) = rest.split_once(']').ok_or("lacks a ]")?;
            if address.parse::<Ipv6Addr>().is_err() {
                return Err("has no IPv6 address in its brackets".into());
            }
            (address, behind.strip_prefix(':').or((!behind.is_empty()).then_some("")))
        }
        None => match host.split_once(':') {
            Some((_, port)) if port.contains(':') => {
                return Err("needs brackets around its IPv6 address".into());
            }
            Some((name, port)) => (name, Some(port)),
            None => (host, None),
        },
    };
    if let Some(port) = port
        && (!port.bytes().all(|byte| byte.is_ascii_digit()) || port.parse::<u16>().is_err())
    {
        return Err("has a port that is none: expected 0 to 65535".into());
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
    if name.is_empty() || !name.chars().all(fits) {
        return Err(format!("has no host that there could be: expected {EXAMPLE}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn what_a_page_can_be_of_is_taken() {
        for origin in [
            "https://app.example.com",
            "http://localhost:5173",
            "HTTPS://App.example.com/",
            " https://a.test ",
            "http://[::1]:8080",
            "http://192.168.1.7",
            "http://my_host",
            "capacitor://localhost",
            "chrome-extension://abcdefghijklmnop",
            "null",
            "file://",
        ] {
            check(origin).unwrap();
        }
    }

    #[test]
    fn what_never_matches_is_refused_with_what_to_write() {
        for (origin, why) in [
            ("", "it is empty"),
            ("*", "every page on the web"),
            ("https://*.example.com", "list each origin by itself"),
            ("https://a, https://b", "is several"),
            ("https://a.test https://b.test", "a blank inside"),
            ("app.example.com", "write https://app.example.com"),
            ("localhost:5173", "or http://localhost:5173"),
            ("//app.example.com", "has no scheme"),
            ("://app.example.com", "no scheme that there could be"),
            ("ht tp://a", "a blank inside"),
            ("wss://app.example.com", "write https://app.example.com"),
            ("ws://localhost:1/", "write http://localhost:1"),
            ("https://app.example.com/chat", "write https://app.example.com"),
            ("https://app.example.com?x", "has a path"),
            ("https://app.example.com//", "has a path"),
            ("https://ann@app.example.com", "write https://app.example.com"),
            ("https://b\u{fc}cher.example", "xn--"),
            ("https://", "no host"),
            ("https://:80", "no host"),
            ("https://a.test:", "a port"),
            ("https://a.test:99999", "a port"),
            ("https://a.test:+80", "a port"),
            ("https://a.test:http", "a port"),
            ("http://::1", "brackets"),
            ("http://[::1", "lacks a ]"),
            ("http://[::g]", "no IPv6 address"),
            ("http://[::1]80", "a port"),
            ("https://a\"b", "no host"),
        ] {
            let told = check(origin).expect_err(origin);
            assert!(told.contains(why), "{origin}: {told}");
        }
    }
}
