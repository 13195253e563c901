//! Packages of npm: each directory in a `node_modules` that has a `package.json`, without what is in its own
//! `node_modules`. In pnpm's layout these directories lie in `.pnpm`, and all others are links to them.

use super::Inventory;
use crate::inspect::database::{is_module, split};
use crate::inspect::{Detail, Identity};

/// Adds what is installed.
pub(super) fn add(found: &mut Inventory<'_>) {
    let mut directories = Vec::new();
    let manifests: Vec<Vec<u8>> = found.claims.called(b"package.json").collect();
    for path in manifests {
        let directory = split(&path).0;
        if !is_module(directory) || found.claims.owner(&path).is_some() {
            continue;
        }
        let Ok(manifest) = found.tree.find(&path) else { continue };
        let identity = match manifest.detail {
            Some(Detail::Identity(identity)) => Some(identity.clone()),
            _ => named(directory),
        };
        let told_by = (directory, manifest.layer.unwrap_or_default());
        let package = identity.and_then(|identity| found.add("npm", identity, told_by, Some(0)));
        directories.extend(package.map(|package| (directory.to_vec(), package)));
    }
    found.claims.innermost(&directories);
}

/// Name and version by what directories are called: of a manifest that is a link to a file elsewhere, or is no JSON.
fn named(directory: &[u8]) -> Option<Identity> {
    let path = str::from_utf8(directory).ok()?;
    let (above, name) = path.rsplit_once("node_modules/").unwrap_or(("", path));
    let stored = above.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    // In pnpm's store a scope ends with a plus sign, and peers follow an underscore or parenthesis.
    let version = stored.strip_prefix(&*name.replace('/', "+")).and_then(|rest| rest.strip_prefix('@'));
    let version = version.and_then(|version| version.split(['_', '(']).next()).unwrap_or_default();
    Identity::new(name, version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_named_by_its_directory_where_it_does_not_name_itself() {
        for (path, name, version) in [
            ("app/node_modules/x", "x", ""),
            ("app/node_modules/.pnpm/x@1.2.3_y@2/node_modules/x", "x", "1.2.3"),
            ("app/node_modules/.pnpm/@s+x@1.2.3/node_modules/@s/x", "@s/x", "1.2.3"),
            ("app/node_modules/.pnpm/y@1.2.3/node_modules/x", "x", ""),
        ] {
            let identity = named(path.as_bytes()).unwrap();
            assert_eq!((&*identity.name, &*identity.version), (name, version), "{path}");
        }
    }
}
