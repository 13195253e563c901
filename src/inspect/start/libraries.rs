//! The libraries that a program needs, found as its loader finds them: ld.so(8) of glibc, `ldso/dynlink.c` of musl.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};

use super::cache::Cache;
use super::directories::{configured, usual};
use super::files::Files;
use super::finding::{Stop, never, shown, shown_path, unknown};
use super::loader::is_musl;
use super::machine;
use crate::inspect::{Detail, Elf, Found};

/// More libraries than any program loads.
const LIBRARY_LIMIT: usize = 4_096;
/// In how many places is looked for all of them. Lists of directories and variants multiply.
const LOOK_LIMIT: usize = 500_000;
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
    let (cache, told) = if is_musl { (Cache::Absent, Vec::new()) } else { (Cache::of(files), configured(files)) };
    let usual = usual(files, elf, interpreter, is_musl);
    // What loaders in other places were made to read cannot be known, as that of glibc beside musl.
    let loader = files.file(&files.absolute(interpreter)).map(|found| found.path).unwrap_or_default();
    let is_usual = loader.starts_with(b"lib") || loader.starts_with(b"usr/lib");
    let is_known = is_usual && files.variable("LD_PRELOAD").is_none();
    let search = Search { files, elf, is_musl, cache, told, usual, is_known, looks_left: Cell::new(LOOK_LIMIT) };
    let mut known: BTreeMap<Vec<u8>, Option<&Elf>> = BTreeMap::new();
    let mut open = VecDeque::from([Loaded { path: program.path.clone(), elf, inherited: Vec::new() }]);
    let mut unseen = None;
    let mut paths = Vec::new();
    while let Some(loaded) = open.pop_front() {
        if !loaded.elf.is_whole {
            unseen.get_or_insert_with(|| shown_path(&loaded.path));
        }
        let inherited = search.inherited(&loaded);
        search.look(inherited.len())?;
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
            // glibc also knows what was loaded by the name that it has for itself.
            if let Some(own) = elf.soname.as_ref().filter(|_| !is_musl) {
                known.entry(own.clone()).or_insert(Some(elf));
            }
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
    cache: Cache<'a>,
    /// The directories that `ldconfig` is told of.
    told: Vec<Vec<u8>>,
    /// Where the loader looks last.
    usual: Vec<Vec<u8>>,
    /// Whether the loader looks nowhere else.
    is_known: bool,
    /// In how many places more is looked.
    looks_left: Cell<usize>,
}

impl<'a> Search<'_, 'a> {
    /// Whether a name means the loader itself.
    fn is_own(&self, name: &[u8], interpreter: &[u8]) -> bool {
        let loader = interpreter.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        name == loader || self.is_musl && OF_MUSL.iter().any(|own| name.starts_with(own))
    }

    /// Counts places that are looked at.
    fn look(&self, places: usize) -> Result<(), Stop> {
        let too_many = || unknown("start-libraries-too-many", format!("libraries may be in {LOOK_LIMIT} places"));
        self.looks_left.set(self.looks_left.get().checked_sub(places).ok_or_else(too_many)?);
        Ok(())
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
        let mut refusal = None;
        for path in self.candidates(name, loaded, inherited) {
            self.look(1)?;
            let Some(library) = self.library(&path) else { continue };
            match self.files.refusal(&library, 0o444) {
                None => return Ok(Some(library)),
                Some(what) => _ = refusal.get_or_insert(what),
            }
        }
        if let Some(what) = refusal {
            let what = format!("{what}, which {} needs", shown_path(&loaded.path));
            return Err(never("start-library-not-readable", what));
        }
        if name.contains(&b'/') {
            return Err(missing(name, loaded));
        }
        self.elsewhere(name).map_or_else(|| Err(missing(name, loaded)), |path| Err(self.beyond(name, loaded, &path)))
    }

    /// Where the loader looks for a library, in its order.
    fn candidates<'c>(
        &'c self,
        name: &'c [u8],
        loaded: &Loaded<'_>,
        inherited: &'c [Vec<u8>],
    ) -> Box<dyn Iterator<Item = Vec<u8>> + 'c> {
        if name.contains(&b'/') {
            let named = self.expand(name, &loaded.path);
            return Box::new(named.into_iter().map(|path| self.files.absolute(&path)));
        }
        let runpath = loaded.elf.runpath.as_ref().map(|path| self.expand(path, &loaded.path)).unwrap_or_default();
        let variable = self.files.variable("LD_LIBRARY_PATH").map(|paths| paths.replace(';', ":"));
        let variable = variable.map(|paths| self.expand(paths.as_bytes(), &loaded.path)).unwrap_or_default();
        // glibc passes over RPATH where there is RUNPATH.
        let inherited = if loaded.elf.runpath.is_some() && !self.is_musl { &[][..] } else { inherited };
        let told = if self.cache == Cache::Unseen { &self.told[..] } else { &[] };
        let own = inherited.iter().cloned().chain(variable).chain(runpath);
        let own = own.flat_map(move |path| self.in_directory(&path, name));
        let listed = self.cache.paths(name).iter().map(|path| path.to_vec());
        let usual = told.iter().chain(&self.usual).flat_map(move |path| self.in_directory(path, name));
        Box::new(own.chain(listed).chain(usual))
    }

    /// A library's paths in a directory. glibc keeps variants for newer machines in directories below.
    fn in_directory(&self, directory: &[u8], name: &[u8]) -> Vec<Vec<u8>> {
        let directory = self.files.absolute(directory);
        let variants = [&directory[..], b"/glibc-hwcaps"].concat();
        let names = self.files.tree.list(&variants).into_iter();
        let below = names.map(|variant| [&variants[..], b"/", &variant, b"/", name].concat());
        [[&directory[..], b"/", name].concat()].into_iter().chain(below).collect()
    }

    /// Why a library that is in the image is not found.
    fn beyond(&self, name: &[u8], loaded: &Loaded<'_>, path: &[u8]) -> Stop {
        let (program, library) = (shown_path(&loaded.path), shown(name));
        let directory = path.iter().rposition(|byte| *byte == b'/').and_then(|at| path.get(..at)).unwrap_or_default();
        let shown_directory = shown_path(directory);
        if !self.is_known || !matches!(self.cache, Cache::Listed(_)) {
            let what = format!(
                "{program} needs {library}, which is in {shown_directory}, and the loader is not known to look there"
            );
            return unknown("start-library-elsewhere", what);
        }
        let absolute = [b"/", directory].concat();
        let fix = if self.told.contains(&absolute) {
            "`RUN ldconfig` after it was copied"
        } else {
            "name the directory in /etc/ld.so.conf.d and `RUN ldconfig`, or copy it to /usr/lib"
        };
        let what = format!(
            "{program} needs {library}, which is in {shown_directory}, where the loader does not look for it: {fix}"
        );
        never("start-library-missing", what)
    }

    /// A library of the program's kind; loaders pass over others.
    fn library(&self, path: &[u8]) -> Option<Found<'a>> {
        let found = self.files.file(path).ok()?;
        let fits = |elf: &Elf| elf.machine == self.elf.machine && elf.is_64 == self.elf.is_64;
        matches!(found.detail, Some(Detail::Elf(elf)) if fits(elf)).then_some(found)
    }

    /// Where else a file of this name is.
    fn elsewhere(&self, name: &[u8]) -> Option<Vec<u8>> {
        let paths = self.files.tree.live_files().map(|(path, _)| path);
        paths.filter(|path| path.rsplit(|byte| *byte == b'/').next() == Some(name)).min()
    }

    /// A list of directories with what stands for others in it.
    fn expand(&self, path: &[u8], origin: &[u8]) -> Vec<Vec<u8>> {
        let at = origin.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        let origin = format!("/{}", String::from_utf8_lossy(origin.get(..at).unwrap_or_default()));
        let library = if self.elf.is_64 { "lib64" } else { "lib" };
        let platform = machine::kernel_name(self.elf.machine);
        let text = String::from_utf8_lossy(path);
        let one = |part: &str| {
            let with = |library: &str| {
                let part = part.replace("${ORIGIN}", &origin).replace("$ORIGIN", &origin);
                let part = part.replace("${LIB}", library).replace("$LIB", library);
                part.replace("${PLATFORM}", platform).replace("$PLATFORM", platform).into_bytes()
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
