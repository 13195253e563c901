//! What `cargo auditable` writes down about a build: a section with its packages, as compressed JSON
//! (cargo-auditable, "PARSING.md"). Cargo alone leaves nothing that would tell them.

use std::io::Read;

use serde::Deserialize;

use crate::inspect::Identity;

/// Less than a hundredth of it is honest.
const LIMIT_BYTES: u64 = 8 * 1024 * 1024;
const LIMIT: usize = 10_000;

#[derive(Deserialize)]
struct Build {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    root: bool,
}

/// The packages that were linked, the one that the program is of first; `None` of a section of another kind.
pub(super) fn read(section: &[u8]) -> Option<Vec<Identity>> {
    // The header of zlib, which is divisible by 31.
    let [method, flags, ..] = section else { return None };
    let is_zlib = method & 0x0f == 8 && (u16::from(*method) << 8 | u16::from(*flags)) % 31 == 0;
    if !is_zlib {
        return None;
    }
    let mut json = Vec::new();
    flate2::read::ZlibDecoder::new(section).take(LIMIT_BYTES).read_to_end(&mut json).ok()?;
    let mut packages = serde_json::from_slice::<Build>(&json).ok()?.packages;
    packages.retain(|package| package.kind != "build");
    packages.sort_by_key(|package| !package.root);
    Some(packages.iter().take(LIMIT).filter_map(|package| Identity::new(&package.name, &package.version)).collect())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn compressed(json: &str) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(json.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn packages_come_with_the_programs_own_first_and_without_those_that_only_built_it() {
        let json = r#"{"packages":[
            {"name":"cc","version":"1.0.0","source":"crates.io","kind":"build"},
            {"name":"serde","version":"1.0.2","source":"crates.io"},
            {"name":"web","version":"0.1.0","source":"local","dependencies":[1],"root":true}]}"#;
        let told: Vec<_> = read(&compressed(json)).unwrap().into_iter().map(|package| package.name).collect();
        assert_eq!(told, ["web", "serde"]);
    }

    #[test]
    fn other_sections_tell_nothing() {
        let cut = compressed(r#"{"packages":[]}"#);
        for section in [&b""[..], b"x", b"\x78\x9c", b"\x78\x9cnothing", &cut[..cut.len() - 8], &compressed("{}")] {
            assert_eq!(read(section), None);
        }
    }
}
