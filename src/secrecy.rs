//! What tells that something is secret: a name, or the shape of a value.

/// Whether the name of a variable or build argument says that its value is secret.
#[must_use]
pub fn names_a_secret(name: &str) -> bool {
    const TELLING: [&str; 9] =
        ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "APIKEY", "API_KEY", "PRIVATE_KEY"];
    /// Too short to be looked for inside of other words.
    const WORDS: [&str; 3] = ["PASS", "PAT", "AUTH"];
    let name = name.to_ascii_uppercase();
    TELLING.iter().any(|word| name.contains(word)) || name.split(['_', '-', '.']).any(|part| WORDS.contains(&part))
}

/// Beginnings of tokens that their issuers document, and how many letters, digits and `_` follow at least.
const SHAPES: [(&str, usize); 11] = [
    ("ghp_", 36),
    ("gho_", 36),
    ("ghs_", 36),
    ("github_pat_", 50),
    ("glpat-", 20),
    ("npm_", 36),
    ("xoxb-", 20),
    ("AKIA", 16),
    ("sk_live_", 20),
    ("dckr_pat_", 20),
    ("pypi-AgEIcHlwaS5vcmc", 20),
];

/// Whether a text holds a token of a known shape, or a private key.
#[must_use]
pub fn holds_a_secret(text: &str) -> bool {
    let follows = |rest: &str, least: usize| {
        rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')).count() >= least
    };
    let is_token = |(start, least): &(&str, usize)| {
        text.match_indices(start)
            .any(|(at, start)| text.get(at + start.len()..).is_some_and(|rest| follows(rest, *least)))
    };
    SHAPES.iter().any(is_token) || text.contains("PRIVATE KEY-----")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telling_names_are_recognised() {
        for name in ["DB_PASS", "GH_PAT", "NPM_TOKEN", "db_password", "ApiKey", "AWS_SECRET_ACCESS_KEY"] {
            assert!(names_a_secret(name), "{name}");
        }
        for name in ["VERSION", "TARGETARCH", "KEYBOARD", "PATCH", "AUTHOR"] {
            assert!(!names_a_secret(name), "{name}");
        }
    }

    #[test]
    fn tokens_are_known_by_their_shape() {
        let key = format!("-----BEGIN RSA {}-----", "PRIVATE KEY");
        for (text, expected) in [
            (format!("a ghp_{} b", "aB3".repeat(12)), true),
            (format!("AKIA{}", "A".repeat(16)), true),
            (key, true),
            ("ghp_short".to_owned(), false),
            ("a word, AKIA".to_owned(), false),
        ] {
            assert_eq!(holds_a_secret(&text), expected, "{text}");
        }
    }
}
