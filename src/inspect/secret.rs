//! Files that are known to hold a secret by what is in them. What that is is not kept.

use super::database::split;

/// Longer files are not settings.
pub(super) const LIMIT_BYTES: u64 = 256 * 1024;

/// What a file's content is asked for that is not secret by its name alone; `None` of one that is not asked.
pub(super) fn asked(path: &[u8]) -> Option<fn(&[u8]) -> bool> {
    let (directory, name) = split(path);
    match name {
        b".npmrc" | b".pypirc" | b".yarnrc.yml" => Some(holds_a_token),
        b"config.json" if split(directory).1 == b".docker" => Some(holds_a_login),
        _ if name.ends_with(b".json") => {
            let says = |word: &[u8]| memchr::memmem::find(name, word).is_some();
            (says(b"service") && says(b"account") || says(b"credential")).then_some(holds_a_key)
        }
        _ => None,
    }
}

/// Whether a file begins as private keys do, be they in PEM or of OpenSSH.
pub(super) fn is_key(head: &[u8]) -> bool {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    line.starts_with(b"-----BEGIN ") && line.ends_with(b"PRIVATE KEY-----")
}

fn holds_a_token(text: &[u8]) -> bool {
    has(text, &[b"_auth", b"_password", b"password", b"AuthToken"])
}

/// `auth` is what `docker login` writes where no helper keeps it.
fn holds_a_login(text: &[u8]) -> bool {
    has(text, &[b"\"auth\"", b"identitytoken"])
}

fn holds_a_key(text: &[u8]) -> bool {
    has(text, &[b"PRIVATE KEY-----", b"client_secret", b"refresh_token"])
}

fn has(text: &[u8], words: &[&[u8]]) -> bool {
    words.iter().any(|word| memchr::memmem::find(text, word).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_secret_by_what_is_in_them() {
        for (path, text, expected) in [
            ("root/.npmrc", "//r.example/:_authToken=x", Some(true)),
            ("root/.npmrc", "registry=https://r.example", Some(false)),
            ("app/.pypirc", "password = x", Some(true)),
            ("root/.docker/config.json", r#"{"auths":{"r":{"auth":"x"}}}"#, Some(true)),
            ("root/.docker/config.json", r#"{"credsStore":"pass"}"#, Some(false)),
            ("app/service-account.json", r#"{"private_key":"-----BEGIN PRIVATE KEY-----"}"#, Some(true)),
            ("app/service-account.json", r#"{"name":"x"}"#, Some(false)),
            ("app/config.json", r#"{"auth":1}"#, None),
            ("app/package.json", "", None),
        ] {
            assert_eq!(asked(path.as_bytes()).map(|holds| holds(text.as_bytes())), expected, "{path} {text}");
        }
    }

    #[test]
    fn a_private_key_is_known_by_its_first_line() {
        for (head, expected) in [
            ("-----BEGIN PRIVATE KEY-----\nx", true),
            ("-----BEGIN OPENSSH PRIVATE KEY-----\r\nx", true),
            ("-----BEGIN CERTIFICATE-----\nx", false),
            ("-----BEGIN PUBLIC KEY-----\nx", false),
            ("the line -----BEGIN PRIVATE KEY-----\n", false),
            ("", false),
        ] {
            assert_eq!(is_key(head.as_bytes()), expected, "{head}");
        }
    }
}
