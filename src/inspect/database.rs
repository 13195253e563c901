//! Which files tell of packages, by where they lie, and how much of each is kept.

/// What is kept of a file that tells of packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Telling {
    /// All of it.
    Everything,
    /// The name and version that a `package.json` states.
    Npm,
    /// The name and version that a Python package states.
    Python,
}

/// Where the package manager of Alpine keeps what it installed, now and before its `/usr` was merged.
pub(super) const APK: [&str; 2] = ["lib/apk/db/installed", "usr/lib/apk/db/installed"];
/// Where that of Debian does.
pub(super) const DPKG: &str = "var/lib/dpkg/status";
/// Where images without a package manager tell of Debian's packages, a file for each.
pub(super) const DPKG_PARTS: &str = "var/lib/dpkg/status.d";
/// Where that of Debian keeps the files of each package.
pub(super) const DPKG_INFO: &str = "var/lib/dpkg/info";
/// Where that of Red Hat and of SUSE keeps what it installed.
pub(super) const RPM: [&str; 2] = ["var/lib/rpm", "usr/lib/sysimage/rpm"];
/// The one of its forms that is read.
pub(super) const RPM_SQLITE: &str = "rpmdb.sqlite";

/// What is kept of the file at a path, which has no leading slash; `None` of one that tells of no package.
pub(super) fn telling(path: &[u8]) -> Option<Telling> {
    let (directory, name) = split(path);
    let is = |text: &str| directory == text.as_bytes();
    let is_everything = match name {
        b"status" => is("var/lib/dpkg"),
        b"installed" => is("lib/apk/db") || is("usr/lib/apk/db"),
        b"rpmdb.sqlite" => RPM.into_iter().any(is),
        b"RECORD" => directory.ends_with(b".dist-info"),
        b"top_level.txt" | b"installed-files.txt" => directory.ends_with(b".egg-info"),
        _ => is(DPKG_PARTS) || is(DPKG_INFO) && name.ends_with(b".list"),
    };
    match name {
        _ if is_everything => Some(Telling::Everything),
        b"package.json" => is_module(directory).then_some(Telling::Npm),
        b"METADATA" => directory.ends_with(b".dist-info").then_some(Telling::Python),
        b"PKG-INFO" => directory.ends_with(b".egg-info").then_some(Telling::Python),
        _ => name.ends_with(b".egg-info").then_some(Telling::Python),
    }
}

/// Whether a directory is that of a package of npm: in a `node_modules`, alone or in a scope.
pub(super) fn is_module(directory: &[u8]) -> bool {
    let (above, name) = split(directory);
    let (higher, scope) = split(above);
    let is_name = !name.starts_with(b".") && !name.starts_with(b"@");
    is_name && (scope == b"node_modules" || scope.starts_with(b"@") && split(higher).1 == b"node_modules")
}

/// A path's directory and its last name.
pub(super) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(at) => (path.get(..at).unwrap_or_default(), path.get(at + 1..).unwrap_or_default()),
        None => (&[], path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_tell_of_packages_are_known_by_their_place() {
        for (path, expected) in [
            ("var/lib/dpkg/status", Some(Telling::Everything)),
            ("var/lib/dpkg/status-old", None),
            ("var/lib/dpkg/status.d/libc6.md5sums", Some(Telling::Everything)),
            ("var/lib/dpkg/info/libc6:amd64.list", Some(Telling::Everything)),
            ("var/lib/dpkg/info/libc6:amd64.postinst", None),
            ("lib/apk/db/installed", Some(Telling::Everything)),
            ("usr/lib/sysimage/rpm/rpmdb.sqlite", Some(Telling::Everything)),
            ("app/rpmdb.sqlite", None),
            ("opt/x-1.dist-info/RECORD", Some(Telling::Everything)),
            ("opt/x-1.dist-info/METADATA", Some(Telling::Python)),
            ("opt/x-1.egg-info", Some(Telling::Python)),
            ("opt/x.egg-info/PKG-INFO", Some(Telling::Python)),
            ("opt/METADATA", None),
            ("app/node_modules/x/package.json", Some(Telling::Npm)),
            ("node_modules/@s/x/package.json", Some(Telling::Npm)),
            ("app/node_modules/.pnpm/x@1/node_modules/x/package.json", Some(Telling::Npm)),
            ("app/node_modules/.pnpm/package.json", None),
            ("app/node_modules/@s/package.json", None),
            ("app/node_modules/x/dist/package.json", None),
            ("app/package.json", None),
            ("package.json", None),
        ] {
            assert_eq!(telling(path.as_bytes()), expected, "{path}");
        }
    }
}
