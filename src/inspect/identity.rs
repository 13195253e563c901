//! What a package says it is called: two words of a file that says much more.

use serde::{Deserialize, Serialize};

/// Longer names and versions are not honest: the registries refuse them.
const LIMIT_BYTES: usize = 256;

/// Name and version of a package, both untrusted text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Never empty.
    pub name: String,
    /// Empty where none is stated.
    pub version: String,
}

impl Identity {
    /// A package of this name; `None` of one that is no name.
    pub(super) fn new(name: &str, version: &str) -> Option<Self> {
        let (name, version) = (name.trim(), version.trim());
        let fits = !name.is_empty() && name.len() <= LIMIT_BYTES && version.len() <= LIMIT_BYTES;
        fits.then(|| Self { name: name.to_owned(), version: version.to_owned() })
    }

    /// What a `package.json` says.
    pub(super) fn of_npm(json: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Manifest {
            name: String,
            #[serde(default)]
            version: String,
        }
        let Manifest { name, version } = serde_json::from_slice(json).ok()?;
        Self::new(&name, &version)
    }

    /// What the `METADATA` of a wheel or the `PKG-INFO` of an egg says (PyPA, "Core metadata specifications").
    pub(super) fn of_python(metadata: &[u8]) -> Option<Self> {
        let fields = Fields::of(metadata);
        Self::new(&fields.get("Name")?, &fields.get("Version").unwrap_or_default())
    }
}

/// The fields of one paragraph, as mail headers, Debian's control files and many others write them.
pub(super) struct Fields<'a>(Vec<(&'a [u8], &'a [u8])>);

impl<'a> Fields<'a> {
    /// The fields up to the first empty line. Of a field of several lines the first one.
    pub(super) fn of(text: &'a [u8]) -> Self {
        let lines = text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let fields = lines.take_while(|line| !line.is_empty()).filter_map(|line| {
            let at = line.iter().position(|byte| *byte == b':')?;
            let is_field = !line.starts_with(b" ") && !line.starts_with(b"\t");
            is_field.then(|| (line.get(..at).unwrap_or_default(), line.get(at + 1..).unwrap_or_default()))
        });
        Self(fields.collect())
    }

    /// A field's value.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let (_, value) = self.0.iter().find(|(field, _)| *field == name.as_bytes())?;
        Some(String::from_utf8_lossy(value.trim_ascii()).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(identity: Option<Identity>) -> Option<String> {
        identity.map(|identity| format!("{} {}", identity.name, identity.version))
    }

    #[test]
    fn a_manifest_of_npm_tells_name_and_version_whatever_else_it_says() {
        for (json, expected) in [
            (r#"{"name": "@swc/core", "version": "1.2.3", "exports": {".": null}}"#, Some("@swc/core 1.2.3")),
            (r#"{"name": "a"}"#, Some("a ")),
            (r#"{"type": "module"}"#, None),
            (r#"{"name": 7}"#, None),
            ("", None),
        ] {
            assert_eq!(told(Identity::of_npm(json.as_bytes())).as_deref(), expected, "{json}");
        }
        assert_eq!(Identity::new(&"a".repeat(300), ""), None);
    }

    #[test]
    fn metadata_of_python_ends_at_the_first_empty_line() {
        for (text, expected) in [
            ("Metadata-Version: 2.1\nName: bottle\nVersion: 0.13.4\n\nName: other\n", Some("bottle 0.13.4")),
            ("Name: a\r\nVersion: 1\r\n\r\n", Some("a 1")),
            ("Summary: x\n Name: inner\nName:b\n", Some("b ")),
            ("\nName: body\n", None),
        ] {
            assert_eq!(told(Identity::of_python(text.as_bytes())).as_deref(), expected, "{text}");
        }
    }
}
