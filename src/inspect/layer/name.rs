//! What the path of a member says: where it lies, and whether it stands for a removal.

use anyhow::{Result, bail, ensure};

/// Prefix of names that stand for a removal (OCI image-spec, layer.md, "Whiteouts").
const WHITEOUT: &[u8] = b".wh.";
/// Name that empties the directory it is in (layer.md, "Opaque Whiteout").
const OPAQUE: &[u8] = b".wh..wh..opq";
/// The longest path that Linux takes; it also bounds how deep directories nest.
const PATH_LIMIT_BYTES: usize = 4_096;
/// The longest name that Linux takes, behind the prefix of a whiteout, which no file system sees.
const NAME_LIMIT_BYTES: usize = 255 + WHITEOUT.len();

/// What a last name stands for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Name<'a> {
    /// Something that is there.
    Plain,
    /// The removal of the name beside it.
    Whiteout(&'a [u8]),
    /// The removal of everything in its directory.
    Opaque,
}

/// The names of a path below the root. Absolute paths and those that climb out with `..` stay within the root, as
/// containerd's `archive.Apply` cleans them.
///
/// # Errors
/// When the path or a name in it is longer than any that could be unpacked.
pub(super) fn components(path: &[u8]) -> Result<Vec<&[u8]>> {
    require_length(path)?;
    let mut components = Vec::new();
    for component in path.split(|byte| *byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => _ = components.pop(),
            name if name.len() > NAME_LIMIT_BYTES => bail!("a name of {} bytes; Linux takes 255", name.len()),
            name => components.push(name),
        }
    }
    Ok(components)
}

/// Refuses a path, or what a symbolic link leads to, that Linux would not take.
///
/// # Errors
/// When it is longer.
pub(super) fn require_length(path: &[u8]) -> Result<()> {
    ensure!(path.len() <= PATH_LIMIT_BYTES, "a path of {} bytes; Linux takes {PATH_LIMIT_BYTES}", path.len());
    Ok(())
}

/// Whether a last name is a whiteout; what kind of member carries it does not matter.
///
/// # Errors
/// When it is one of nothing, of the directory itself or of the one above; containerd refuses those too.
pub(super) fn kind(name: &[u8]) -> Result<Name<'_>> {
    match name.strip_prefix(WHITEOUT) {
        _ if name == OPAQUE => Ok(Name::Opaque),
        Some(b"" | b"." | b"..") => bail!("a whiteout that names no file"),
        Some(hidden) => Ok(Name::Whiteout(hidden)),
        None => Ok(Name::Plain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_within_the_root() {
        for (path, expected) in [
            ("a/b", "a/b"),
            ("./a//b/", "a/b"),
            ("/etc/passwd", "etc/passwd"),
            ("../../etc/passwd", "etc/passwd"),
            ("a/../../b", "b"),
            ("./", ""),
            ("a/...", "a/..."),
        ] {
            assert_eq!(components(path.as_bytes()).unwrap().join(&b'/'), expected.as_bytes(), "{path}");
        }
    }

    #[test]
    fn what_linux_does_not_take_is_refused() {
        assert!(components(&b"a/".repeat(2_048)).is_ok());
        assert!(components(&b"a/".repeat(2_049)).is_err());
        assert!(components(&[b"d/.wh.", &[b'a'; 255][..]].concat()).is_ok());
        assert!(components(&[b"d/", &[b'a'; 260][..], b"/f"].concat()).is_err());
    }

    #[test]
    fn whiteouts_are_told_by_their_prefix() {
        for (name, expected) in [
            (".wh.a", Name::Whiteout(b"a")),
            (".wh..wh..opq", Name::Opaque),
            (".wh..a", Name::Whiteout(b".a")),
            (".wh..wh.plnk", Name::Whiteout(b".wh.plnk")),
            (".wha", Name::Plain),
            ("a.wh.b", Name::Plain),
        ] {
            assert_eq!(kind(name.as_bytes()).unwrap(), expected, "{name}");
        }
        for name in [".wh.", ".wh..", ".wh..."] {
            assert!(kind(name.as_bytes()).is_err(), "{name}");
        }
    }
}
