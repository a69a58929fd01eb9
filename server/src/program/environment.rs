//! Settings from the environment: a name that is none would be a setting that silently does not hold.

use std::env;

use clap::CommandFactory;
use strsim::levenshtein;

use super::options::Options;

const PREFIX: &str = "TAUTLINE_";
/// Of a longer name only so many characters are compared.
const NAME_MAX: usize = 64;

/// Whether every variable that is meant for this program is a setting of it. Errors are sentences.
pub(crate) fn check() -> Result<(), String> {
    let command = Options::command();
    let known: Vec<_> = command
        .get_arguments()
        .filter_map(|argument| argument.get_env()?.to_str().map(ToOwned::to_owned))
        .collect();
    for (name, value) in env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        let is_setting = |name: &str| known.iter().any(|known| known == name);
        // Names are the same there however they are written.
        let is_known = is_setting(&name) || cfg!(windows) && is_setting(&name.to_ascii_uppercase());
        let is_meant =
            name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX));
        if is_meant && !is_known && !is_of_a_cluster(&name, &value.to_string_lossy()) {
            return Err(complaint(&name, &known));
        }
    }
    Ok(())
}

fn complaint(name: &str, known: &[String]) -> String {
    let upper: String = name.to_ascii_uppercase().chars().take(NAME_MAX).collect();
    let nearest = known.iter().min_by_key(|known| levenshtein(&upper, known));
    let nearest = nearest.map(|nearest| format!(": did you mean {nearest}?")).unwrap_or_default();
    format!(
        "the environment has {}, which is no setting of this server{nearest} See tautline-server --help",
        name.escape_debug()
    )
}

/// What Kubernetes, and links of Docker, set in every container beside a service that is called
/// `tautline` or `tautline-...`: where it is.
fn is_of_a_cluster(name: &str, value: &str) -> bool {
    let Some((_, port)) = name.rsplit_once("_PORT") else {
        return name.ends_with("_SERVICE_HOST");
    };
    // TAUTLINE_SERVICE_PORT, _SERVICE_PORT_HTTP, _PORT_8080_TCP_ADDR; _PORT=tcp://...
    let is_numbered =
        port.strip_prefix('_').is_some_and(|port| port.starts_with(|c: char| c.is_ascii_digit()));
    name.contains("_SERVICE_PORT") || is_numbered || port.is_empty() && value.contains("://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_told() {
        let known = ["TAUTLINE_LOG", "TAUTLINE_TOKEN", "TAUTLINE_TOKEN_FILE"].map(String::from);
        for (wrong, right) in [
            ("TAUTLINE_TOKN", "TAUTLINE_TOKEN?"),
            ("tautline_token", "TAUTLINE_TOKEN?"),
            ("TAUTLINE_TOKENFILE", "TAUTLINE_TOKEN_FILE?"),
            ("TAUTLINE_LOGS", "TAUTLINE_LOG?"),
        ] {
            let told = complaint(wrong, &known);
            assert!(told.contains(&format!("{wrong}, which")) && told.contains(right), "{told}");
        }
        assert_eq!(levenshtein("kitten", "sitting"), 3);
        assert_eq!(levenshtein("", "abc"), 3);
    }

    #[test]
    fn what_a_cluster_sets_is_no_setting() {
        for (name, value, expected) in [
            ("TAUTLINE_SERVICE_HOST", "10.0.0.1", true),
            ("TAUTLINE_SERVICE_PORT", "8080", true),
            ("TAUTLINE_SERVICE_PORT_HTTP", "8080", true),
            ("TAUTLINE_PORT", "tcp://10.0.0.1:8080", true),
            ("TAUTLINE_PORT_8080_TCP", "tcp://10.0.0.1:8080", true),
            ("TAUTLINE_PORT_8080_TCP_ADDR", "10.0.0.1", true),
            ("TAUTLINE_SERVER_SERVICE_HOST", "10.0.0.1", true),
            ("TAUTLINE_SERVER_PORT_8080_TCP_PROTO", "tcp", true),
            ("TAUTLINE_PORT", "8080", false),
            ("TAUTLINE_PORTS", "8080", false),
            ("TAUTLINE_HOST", "10.0.0.1", false),
            ("TAUTLINE_TOKN", "s3cret", false),
        ] {
            assert_eq!(is_of_a_cluster(name, value), expected, "{name}={value}");
        }
    }
}
