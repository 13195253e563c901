//! What the Go linker writes down about a build (Go's `debug/buildinfo`, the form since Go 1.18).

use serde::{Deserialize, Serialize};

const MAGIC: &[u8] = b"\xff Go buildinf:";
const HEADER_BYTES: usize = 32;
/// Set where the texts follow the header.
const INLINE: u8 = 2;
/// Around the modules stand this many bytes by which they are found in memory.
const SENTINEL_BYTES: usize = 16;
/// Larger texts are not honest.
const LIMIT_BYTES: usize = 1024 * 1024;

/// A build by Go.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GoBuild {
    /// Version of Go, such as `go1.24.1`.
    pub version: String,
    /// The main module first, then its dependencies.
    pub modules: Vec<GoModule>,
}

/// A module that was linked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoModule {
    /// Its path.
    pub path: String,
    /// Its version; `(devel)` of one that was built in its own tree.
    pub version: String,
}

/// Finds what was written down in a piece of a binary.
pub(super) fn find(bytes: &[u8]) -> Option<GoBuild> {
    let at = memchr::memmem::find(bytes, MAGIC)?;
    let header = bytes.get(at..)?;
    if header.get(MAGIC.len() + 1)? & INLINE == 0 {
        return None;
    }
    let (version, rest) = text(header.get(HEADER_BYTES..)?)?;
    let modules = text(rest).map(|(modules, _)| modules).unwrap_or_default();
    let modules = modules.get(SENTINEL_BYTES..modules.len().saturating_sub(SENTINEL_BYTES)).unwrap_or_default();
    Some(GoBuild {
        version: String::from_utf8_lossy(version).into_owned(),
        modules: parse(&String::from_utf8_lossy(modules)),
    })
}

/// A text behind its length, which is a variable-length number of seven bits a byte.
fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut length = 0usize;
    for (index, byte) in bytes.iter().take(4).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let rest = bytes.get(index + 1..)?;
            return (length <= LIMIT_BYTES).then(|| rest.split_at_checked(length)).flatten();
        }
    }
    None
}

fn parse(lines: &str) -> Vec<GoModule> {
    let mut modules: Vec<GoModule> = Vec::new();
    for line in lines.lines() {
        let mut fields = line.split('\t');
        let (kind, path, version) = (fields.next(), fields.next(), fields.next());
        let (Some(kind), Some(path)) = (kind, path) else { continue };
        let module = GoModule { path: path.to_owned(), version: version.unwrap_or_default().to_owned() };
        match kind {
            "mod" | "dep" => modules.push(module),
            // The one before was replaced by this.
            "=>" => {
                modules.pop();
                modules.push(module);
            }
            _ => {}
        }
    }
    modules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_read_with_their_replacements() {
        let lines = "path\texample.com/a\nmod\texample.com/a\t(devel)\t\ndep\tb\tv1.0.0\th1:x\n=>\tc\tv2.0.0\th1:y\nbuild\tCGO_ENABLED=0\n";
        let sentinel = vec![b's'; SENTINEL_BYTES];
        let modules = [&sentinel[..], lines.as_bytes(), &sentinel].concat();
        let length =
            |text: &[u8]| vec![u8::try_from(text.len() & 0x7f).unwrap() | 0x80, u8::try_from(text.len() >> 7).unwrap()];
        let header = [MAGIC, &[8, INLINE], &[0; 16]].concat();
        let bytes = [b"xx", &header[..], &[8], b"go1.24.1", &length(&modules), &modules].concat();
        let build = find(&bytes).unwrap();
        let told: Vec<_> = build.modules.iter().map(|module| format!("{} {}", module.path, module.version)).collect();
        assert_eq!(
            (&*build.version, told),
            ("go1.24.1", vec!["example.com/a (devel)".to_owned(), "c v2.0.0".to_owned()])
        );
        for end in 0..bytes.len() {
            let _ = find(&bytes[..end]);
        }
    }
}
