//! What was lost, with what would keep it from being written.

use crate::inspect::{Account, Pair};
use crate::oci::Image;
use crate::report::contents::{self, WasteKind};

/// What wrote a layer, as far as it decides what to do about its waste.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writer {
    Run,
    Copy,
    Other,
}

/// Directories that package managers fill with what they have downloaded.
const CACHES: [&str; 10] = [
    "var/lib/apt/lists/",
    "var/cache/",
    "root/.cache/",
    "root/.npm/",
    "root/.cargo/registry/",
    "usr/local/cargo/registry/",
    "go/pkg/mod/",
    "root/go/pkg/mod/",
    "etc/apk/cache/",
    "usr/local/share/.cache/",
];

/// The pairs of an account, the dearest first.
pub(super) fn pairs(account: &Account, image: &Image) -> Vec<contents::Waste> {
    let wrote: Vec<&str> =
        image.history.iter().filter(|entry| !entry.empty_layer).map(|entry| &*entry.created_by).collect();
    // A history of another length says nothing about any layer.
    let wrote = if wrote.len() == image.layers.len() { wrote } else { Vec::new() };
    let by = |layer: u32| wrote.get(layer as usize).copied().unwrap_or_default();
    let mut pairs: Vec<&Pair> = account.pairs.iter().collect();
    pairs.sort_by_key(|pair| std::cmp::Reverse(pair.bytes));
    let told = pairs.into_iter().map(|pair| contents::Waste {
        writer: pair.writer,
        killer: pair.killer,
        kind: pair.kind,
        bytes: pair.bytes,
        files: pair.files,
        examples: super::examples(&pair.examples),
        fix: fix(pair, by(pair.writer), by(pair.killer)).map(str::to_owned),
    });
    told.collect()
}

/// What to do. The instructions are untrusted: they decide, and are not repeated.
fn fix(pair: &Pair, wrote: &str, killed: &str) -> Option<&'static str> {
    if pair.writer == pair.killer {
        return None;
    }
    let (writer, killer) = (writer(wrote), writer(killed));
    Some(match (pair.kind, writer, killer) {
        (WasteKind::MetadataOnly, Writer::Copy, Writer::Run) if killed.contains("chown") => {
            "set the owner while copying: `COPY --chown`"
        }
        (WasteKind::MetadataOnly, Writer::Copy, Writer::Run) if killed.contains("chmod") => {
            "set the mode while copying: `COPY --chmod`"
        }
        (WasteKind::MetadataOnly | WasteKind::Overwritten, Writer::Copy, Writer::Copy) => {
            "copy each file once: a later `COPY` writes it again"
        }
        (WasteKind::MetadataOnly, _, Writer::Run) => "set owner and mode in the `RUN` that writes the files",
        (WasteKind::MetadataOnly, ..) => "write the files once: they are written again unchanged",
        (WasteKind::Deleted | WasteKind::Opaque, ..) if is_cache(pair) => {
            "keep downloads out of layers: `RUN --mount=type=cache`, or delete them in the same `RUN`"
        }
        (WasteKind::Deleted | WasteKind::Opaque, Writer::Run, Writer::Run) => {
            "delete in the same `RUN` that writes, or build in a stage of its own and `COPY --from` it"
        }
        (WasteKind::Deleted | WasteKind::Opaque, Writer::Copy, _) => {
            "copy only what the image needs: `.dockerignore`, `RUN --mount=type=bind`, or a stage of its own"
        }
        (WasteKind::Deleted | WasteKind::Opaque, ..) => {
            "deleting what a lower layer has frees nothing: take a base image without it, or `COPY --from` what is needed"
        }
        (WasteKind::Overwritten, ..) => "write the final version only, or change the files in a stage of its own",
    })
}

fn writer(created_by: &str) -> Writer {
    let text = created_by.trim_start();
    let nop = text.strip_prefix("/bin/sh -c #(nop)").map(str::trim_start);
    match nop.unwrap_or(text).split_whitespace().next() {
        Some("COPY" | "ADD") => Writer::Copy,
        Some("RUN" | "/bin/sh") => Writer::Run,
        _ => Writer::Other,
    }
}

/// Whether the examples, which are the largest, are downloads.
fn is_cache(pair: &Pair) -> bool {
    let in_cache = |path: &[u8]| CACHES.iter().any(|directory| path.starts_with(directory.as_bytes()));
    !pair.examples.is_empty() && pair.examples.iter().all(|example| in_cache(&example.path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::Example;

    #[test]
    fn each_pair_gets_the_fix_that_fits() {
        let pair = |kind, path: &str| Pair {
            writer: 0,
            killer: 1,
            kind,
            bytes: 1,
            files: 1,
            examples: vec![Example { path: path.into(), bytes: 1 }],
        };
        let run = |text: &str| format!("RUN /bin/sh -c {text} # buildkit");
        let copy = "COPY . /app # buildkit".to_owned();
        for (kind, path, wrote, killed, expected) in [
            (WasteKind::MetadataOnly, "app/a", &copy, run("chown -R app /app"), "COPY --chown"),
            (WasteKind::MetadataOnly, "app/a", &copy, run("chmod +x /app/a"), "COPY --chmod"),
            (WasteKind::MetadataOnly, "app/a", &run("make"), run("chown app /app"), "in the `RUN` that writes"),
            (WasteKind::MetadataOnly, "app/a", &copy, copy.clone(), "copy each file once"),
            (WasteKind::Deleted, "var/lib/apt/lists/x", &run("apt-get update"), run("rm"), "--mount=type=cache"),
            (WasteKind::Deleted, "usr/lib/gcc", &run("apt-get install gcc"), run("apt-get purge"), "the same `RUN`"),
            (WasteKind::Opaque, "app/src", &copy, run("rm -rf /app"), ".dockerignore"),
            (WasteKind::Deleted, "usr/x", &"# debian.sh".to_owned(), run("rm /usr/x"), "base image"),
            (WasteKind::Overwritten, "app/a", &run("make"), run("strip a"), "final version"),
        ] {
            let fix = fix(&pair(kind, path), wrote, &killed).unwrap();
            assert!(fix.contains(expected), "{kind:?} {path}: {fix}");
        }
        assert_eq!(fix(&Pair { killer: 0, ..pair(WasteKind::Overwritten, "a") }, "", ""), None);
    }
}
