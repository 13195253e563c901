//! The libraries that a program needs, found as its loader finds them: ld.so(8) of glibc, `ldso/dynlink.c` of musl.

use std::collections::{BTreeMap, VecDeque};

use super::files::Files;
use super::finding::{Stop, never, shown, shown_path, unknown};
use super::loader::is_musl;
use super::machine;
use crate::inspect::{Detail, Elf, Found};

/// More libraries than any program loads.
const LIBRARY_LIMIT: usize = 4_096;
/// What musl's own library stands for, whatever the version at its end.
const OF_MUSL: [&[u8]; 7] = [b"libc.", b"libpthread.", b"librt.", b"libm.", b"libdl.", b"libutil.", b"libxnet."];

/// Something that was loaded, with where its own `RPATH` leads and that of what loaded it.
struct Loaded<'a> {
    path: Vec<u8>,
    elf: &'a Elf,
    /// Of glibc: the `RPATH` of everything that led here. Of musl: all paths.
    inherited: Vec<Vec<u8>>,
}

/// Checks that all libraries of a program are there, and that they have the symbol versions that are wanted of them.
/// Returns their paths.
///
/// # Errors
/// When one is missing or too old, or when a library that is needed could not be looked into.
pub(super) fn check(
    files: &Files<'_>,
    program: &Found<'_>,
    elf: &Elf,
    interpreter: &[u8],
) -> Result<Vec<Vec<u8>>, Stop> {
    let is_musl = is_musl(files, interpreter);
    let search = Search { files, elf, is_musl, usual: usual(files, elf, interpreter, is_musl) };
    let mut known: BTreeMap<Vec<u8>, Option<&Elf>> = BTreeMap::new();
    let mut open = VecDeque::from([Loaded { path: program.path.clone(), elf, inherited: Vec::new() }]);
    let mut unseen = None;
    let mut paths = Vec::new();
    while let Some(loaded) = open.pop_front() {
        if !loaded.elf.is_whole {
            unseen.get_or_insert_with(|| shown_path(&loaded.path));
        }
        let inherited = search.inherited(&loaded);
        for name in &loaded.elf.needed {
            if known.contains_key(name) || search.is_own(name, interpreter) || known.len() > LIBRARY_LIMIT {
                continue;
            }
            let found = search.find(name, &loaded, &inherited)?;
            let Some(library) = found else {
                known.insert(name.clone(), None);
                continue;
            };
            let Some(Detail::Elf(elf)) = library.detail else { continue };
            known.insert(name.clone(), Some(elf));
            paths.push(library.path.clone());
            open.push_back(Loaded { path: library.path, elf, inherited: inherited.clone() });
        }
        // musl does not look at versions.
        if !is_musl {
            versions(&loaded, &known)?;
        }
    }
    match unseen {
        Some(path) => Err(unknown("start-library-unseen", format!("what {path} needs could not be seen"))),
        None => Ok(paths),
    }
}

/// Checks what something wants of the libraries that it needs. A library without versions is not asked, as by glibc.
fn versions(loaded: &Loaded<'_>, known: &BTreeMap<Vec<u8>, Option<&Elf>>) -> Result<(), Stop> {
    for (library, wanted) in &loaded.elf.wanted {
        let Some(Some(elf)) = known.get(library) else { continue };
        if elf.provided.is_empty() {
            continue;
        }
        if let Some(missing) = wanted.iter().find(|version| !elf.provided.contains(version)) {
            let newest =
                newest(&elf.provided, missing).map_or_else(String::new, |newest| format!(", its newest is {newest}"));
            let what = format!(
                "{} needs {} of {}, which the image's does not have{newest}: build against an older one, or take a newer base image",
                shown_path(&loaded.path),
                shown(missing),
                shown(library),
            );
            return Err(never("start-symbol-version-missing", what));
        }
    }
    Ok(())
}

/// The highest version with the same prefix, such as `GLIBC_`.
fn newest(provided: &[Vec<u8>], wanted: &[u8]) -> Option<String> {
    let prefix = wanted.split(|byte| *byte == b'_').next()?;
    let numbers = |version: &str| -> Option<Vec<u32>> {
        version.rsplit('_').next()?.split('.').map(|number| number.parse().ok()).collect()
    };
    let texts =
        provided.iter().filter(|version| version.starts_with(prefix)).filter_map(|text| str::from_utf8(text).ok());
    texts.filter_map(|text| Some((numbers(text)?, text))).max().map(|(_, text)| text.to_owned())
}

struct Search<'s, 'a> {
    files: &'s Files<'a>,
    elf: &'s Elf,
    is_musl: bool,
    /// Where the loader looks last.
    usual: Vec<Vec<u8>>,
}

impl<'a> Search<'_, 'a> {
    /// Whether a name means the loader itself.
    fn is_own(&self, name: &[u8], interpreter: &[u8]) -> bool {
        let loader = interpreter.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        name == loader || self.is_musl && OF_MUSL.iter().any(|own| name.starts_with(own))
    }

    /// The paths that what this loads inherits.
    fn inherited(&self, loaded: &Loaded<'_>) -> Vec<Vec<u8>> {
        let own = match (self.is_musl, &loaded.elf.runpath, &loaded.elf.rpath) {
            (true, Some(path), _) | (true | false, None, Some(path)) => self.expand(path, &loaded.path),
            _ => Vec::new(),
        };
        [own, loaded.inherited.clone()].concat()
    }

    /// The library of a name; `None` where it is elsewhere in the image, so that nothing is claimed.
    fn find(&self, name: &[u8], loaded: &Loaded<'_>, inherited: &[Vec<u8>]) -> Result<Option<Found<'a>>, Stop> {
        if name.contains(&b'/') {
            let path = self.files.absolute(name);
            return self.library(&path).map(Some).ok_or_else(|| missing(name, loaded));
        }
        let runpath = loaded.elf.runpath.as_ref().map(|path| self.expand(path, &loaded.path)).unwrap_or_default();
        let variable = self.files.variable("LD_LIBRARY_PATH").unwrap_or_default();
        let variable = variable.split([':', ';']).filter(|path| !path.is_empty()).map(|path| path.as_bytes().to_vec());
        // glibc passes over RPATH where there is RUNPATH.
        let inherited = if loaded.elf.runpath.is_some() && !self.is_musl { &[][..] } else { inherited };
        let directories = inherited.iter().cloned().chain(variable).chain(runpath).chain(self.usual.iter().cloned());
        for directory in directories {
            if let Some(found) = self.in_directory(&directory, name) {
                return Ok(Some(found));
            }
        }
        if self.is_elsewhere(name) {
            let what = format!(
                "{} needs {}, which is in the image, in no directory that the loader is known to search",
                shown_path(&loaded.path),
                shown(name)
            );
            return Err(unknown("start-library-elsewhere", what));
        }
        Err(missing(name, loaded))
    }

    /// glibc keeps variants for newer machines in directories below.
    fn in_directory(&self, directory: &[u8], name: &[u8]) -> Option<Found<'a>> {
        let plain = [directory, b"/", name].concat();
        self.library(&plain).or_else(|| {
            let variants = [directory, b"/glibc-hwcaps"].concat();
            let names = self.files.tree.list(&variants).into_iter();
            names
                .map(|variant| [&variants[..], b"/", &variant, b"/", name].concat())
                .find_map(|path| self.library(&path))
        })
    }

    /// A library of the program's kind; loaders pass over others.
    fn library(&self, path: &[u8]) -> Option<Found<'a>> {
        let found = self.files.file(path).ok()?;
        let fits = |elf: &Elf| elf.machine == self.elf.machine && elf.is_64 == self.elf.is_64;
        matches!(found.detail, Some(Detail::Elf(elf)) if fits(elf)).then_some(found)
    }

    fn is_elsewhere(&self, name: &[u8]) -> bool {
        self.files.tree.live_files().any(|(path, _)| path.rsplit(|byte| *byte == b'/').next() == Some(name))
    }

    /// A list of directories with what stands for others in it.
    fn expand(&self, path: &[u8], origin: &[u8]) -> Vec<Vec<u8>> {
        let at = origin.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        let origin = format!("/{}", String::from_utf8_lossy(origin.get(..at).unwrap_or_default()));
        let library = if self.elf.is_64 { "lib64" } else { "lib" };
        let text = String::from_utf8_lossy(path);
        let one = |part: &str| {
            let with = |library: &str| {
                let part = part.replace("${ORIGIN}", &origin).replace("$ORIGIN", &origin);
                part.replace("${LIB}", library).replace("$LIB", library).into_bytes()
            };
            let triplets = machine::triplets(self.elf.machine).iter().map(|triplet| format!("lib/{triplet}"));
            [library.to_owned(), "lib".to_owned()]
                .into_iter()
                .chain(triplets)
                .map(move |library| with(&library))
                .collect::<Vec<_>>()
        };
        let mut directories: Vec<Vec<u8>> = text.split(':').filter(|part| !part.is_empty()).flat_map(one).collect();
        directories.dedup();
        directories
    }
}

fn missing(name: &[u8], loaded: &Loaded<'_>) -> Stop {
    let what = format!("library {} is missing, which {} needs", shown(name), shown_path(&loaded.path));
    never("start-library-missing", what)
}

/// Where a loader looks without being told.
fn usual(files: &Files<'_>, elf: &Elf, interpreter: &[u8], is_musl: bool) -> Vec<Vec<u8>> {
    let bytes = |paths: &[&str]| paths.iter().map(|path| path.as_bytes().to_vec()).collect::<Vec<_>>();
    // A loader that is not where it usually is brings its libraries along.
    let at = interpreter.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
    let beside = vec![interpreter.get(..at).unwrap_or_default().to_vec()];
    if is_musl {
        let name = interpreter.get(at + 1..).unwrap_or_default();
        let name = name.strip_suffix(b".so.1").unwrap_or(name);
        let told = text(files, &[b"/etc/", name, b".path"].concat());
        let told: Vec<Vec<u8>> = told
            .split([':', '\n'])
            .map(str::trim)
            .filter(|path| !path.is_empty())
            .map(|path| path.as_bytes().to_vec())
            .collect();
        return if told.is_empty() { bytes(&["/lib", "/usr/local/lib", "/usr/lib"]) } else { told };
    }
    let triplets = machine::triplets(elf.machine).iter();
    let multiarch = triplets.flat_map(|triplet| [format!("/lib/{triplet}"), format!("/usr/lib/{triplet}")]);
    let multiarch = multiarch.map(String::into_bytes).collect();
    let defaults = bytes(&["/lib64", "/usr/lib64", "/lib", "/usr/lib"]);
    let mut told = Vec::new();
    conf(files, b"/etc/ld.so.conf", 0, &mut told);
    [told, multiarch, defaults, beside].concat()
}

/// The directories that `ldconfig` is told of, with what is included.
fn conf(files: &Files<'_>, path: &[u8], depth: usize, directories: &mut Vec<Vec<u8>>) {
    if depth > 4 || directories.len() > 1_000 {
        return;
    }
    for line in text(files, path).lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        match line.split_once(char::is_whitespace) {
            Some(("include", pattern)) => {
                let (directory, name) = pattern.trim().rsplit_once('/').unwrap_or(("", pattern));
                let directory =
                    if directory.starts_with('/') { directory.to_owned() } else { format!("/etc/{directory}") };
                let suffix = name.trim_start_matches('*');
                for entry in files.tree.list(directory.as_bytes()) {
                    if entry.ends_with(suffix.as_bytes()) {
                        conf(files, &[directory.as_bytes(), b"/", &entry].concat(), depth + 1, directories);
                    }
                }
            }
            _ if line.starts_with('/') => directories.push(line.trim_end_matches('/').as_bytes().to_vec()),
            _ => {}
        }
    }
}

fn text(files: &Files<'_>, path: &[u8]) -> String {
    match files.file(path).ok().and_then(|found| found.detail) {
        Some(Detail::Text(text)) => String::from_utf8_lossy(text).into_owned(),
        _ => String::new(),
    }
}
