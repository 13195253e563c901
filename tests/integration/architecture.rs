//! Who uses whom: the modules of `src/` against one table.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Each module and all modules that it uses. An entry that is no longer used is a fault as well, so the table is true.
const USES: [(&str, &[&str]); 30] = [
    // Vocabulary.
    ("units", &[]),
    ("version", &[]),
    ("error", &[]),
    ("escape", &[]),
    ("secrecy", &[]),
    ("patience", &[]),
    ("dockerfile", &[]),
    ("report", &["oci"]),
    ("oci", &["fs", "report"]),
    // The reader of images.
    ("inspect", &["escape", "fs", "oci", "report", "secrecy"]),
    // Doors, and what stands on them.
    ("env", &["oci"]),
    ("fs", &[]),
    ("process", &["env"]),
    ("http", &["env", "fs"]),
    ("git", &["fs", "process"]),
    ("registry", &["env", "fs", "http", "oci", "patience", "process"]),
    ("ci", &["env", "fs", "git", "report"]),
    ("forge", &["env", "http", "patience", "report"]),
    // The stages, in the order of the line. `compare`, `render` and `plan` touch no door; `plan::redact` takes the
    // environment as a value.
    ("config", &["env", "error", "fs", "oci", "report", "secrecy", "units"]),
    ("plan", &["ci", "config", "env", "error", "oci", "report", "secrecy", "version"]),
    (
        "buildx",
        &[
            "config",
            "dockerfile",
            "env",
            "error",
            "escape",
            "fs",
            "oci",
            "patience",
            "plan",
            "process",
            "report",
            "units",
            "version",
        ],
    ),
    (
        "measure",
        &["buildx", "config", "dockerfile", "fs", "inspect", "oci", "plan", "process", "report", "secrecy", "units"],
    ),
    ("baseline", &["ci", "config", "env", "error", "forge", "fs", "git", "http", "registry", "report"]),
    ("compare", &["config", "dockerfile", "error", "report", "units"]),
    ("render", &["compare", "escape", "report", "units"]),
    (
        "publish",
        &["ci", "compare", "config", "env", "error", "escape", "forge", "fs", "http", "patience", "render", "report"],
    ),
    // What drives them.
    ("cli", &["config", "oci", "plan", "report", "units"]),
    ("doctor", &["buildx", "config", "escape", "fs", "oci", "plan", "process", "report", "units", "version"]),
    (
        "app",
        &[
            "baseline",
            "buildx",
            "ci",
            "cli",
            "compare",
            "config",
            "dockerfile",
            "doctor",
            "env",
            "error",
            "escape",
            "forge",
            "fs",
            "git",
            "http",
            "inspect",
            "measure",
            "oci",
            "patience",
            "plan",
            "process",
            "publish",
            "registry",
            "render",
            "report",
            "secrecy",
            "units",
            "version",
        ],
    ),
    ("lib", &[]),
];

const STAGES: [&str; 8] = ["config", "plan", "buildx", "measure", "baseline", "compare", "render", "publish"];
const DOORS: [&str; 4] = ["env", "fs", "http", "process"];
/// Uses of a later stage: the log of a build is made harmless before it is written.
const BACKWARDS: [(&str, &str); 1] = [("buildx", "render")];
/// Module, door, and the one file that may use it.
const DOOR_EXCEPTIONS: [(&str, &str, &str); 1] = [("plan", "env", "redact.rs")];
/// Modules and files that only tests have.
const TEST_STEMS: [&str; 6] = ["tests", "testing", "fake", "sample", "scene", "cases"];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// All source files below a path but those of tests.
fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let real = entries.filter(|path| TEST_STEMS.iter().all(|stem| path.file_stem().unwrap() != *stem));
    real.flat_map(|path| files(&path)).collect()
}

/// The code of a file without comments and without its tests.
fn code(file: &Path) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    let end =
        ["#[cfg(test)]\nmod tests {", "#[cfg(test)]\npub(crate) mod tests {"].iter().filter_map(|mark| text.find(mark));
    let code = &text[..end.min().unwrap_or(text.len())];
    code.lines().filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect()
}

fn modules_of(code: &str) -> BTreeSet<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let after = code.split("crate::").skip(1);
    after
        .flat_map(|text| match text.strip_prefix('{') {
            Some(list) => list.split('}').next().unwrap().split(',').map(|item| word(item.trim())).collect(),
            None => vec![word(text)],
        })
        .collect()
}

/// The modules that a module uses, itself left out.
fn used(module: &str) -> BTreeSet<String> {
    let places = [source().join(module), source().join(format!("{module}.rs"))];
    let files = places.iter().filter(|place| place.exists()).flat_map(|place| files(place));
    let mut used: BTreeSet<String> = files.flat_map(|file| modules_of(&code(&file))).collect();
    used.remove(module);
    used
}

#[test]
fn every_module_uses_exactly_what_the_table_says() {
    let listed: BTreeSet<String> = USES.iter().map(|(module, _)| (*module).to_owned()).collect();
    let entries = std::fs::read_dir(source()).unwrap().map(|entry| entry.unwrap().path());
    let mut there: BTreeSet<String> =
        entries.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    there.remove("main");
    assert_eq!(there, listed);
    for (module, uses) in USES {
        assert_eq!(used(module), uses.iter().map(|name| (*name).to_owned()).collect(), "{module}");
    }
}

#[test]
fn the_table_keeps_the_order_of_the_line_and_the_doors_shut() {
    let position = |name: &str| STAGES.iter().position(|stage| *stage == name);
    for (module, uses) in USES {
        for name in uses {
            assert!(*name != "cli" || module == "app", "{module} uses cli");
            assert_ne!(*name, "app", "{module} uses app");
            if let (Some(own), Some(other)) = (position(module), position(name)) {
                assert!(other < own || BACKWARDS.contains(&(module, name)), "{module} uses the later {name}");
            }
        }
    }
    for module in ["units", "dockerfile", "plan", "compare", "render"] {
        for place in
            [source().join(module), source().join(format!("{module}.rs"))].iter().filter(|place| place.exists())
        {
            for file in files(place) {
                let name = file.file_name().unwrap().to_string_lossy().into_owned();
                let excepted = |door: &str| DOOR_EXCEPTIONS.contains(&(module, door, &*name));
                let doors: Vec<String> = modules_of(&code(&file))
                    .into_iter()
                    .filter(|used| DOORS.contains(&used.as_str()) && !excepted(used))
                    .collect();
                assert_eq!(doors, [""; 0], "{}", file.display());
            }
        }
    }
}

#[test]
fn only_the_doors_are_excepted_from_the_ban_on_the_outside() {
    let all = files(&source());
    let excepted = all.iter().filter(|file| code(file).contains("clippy::disallowed_methods"));
    let names: BTreeSet<String> =
        excepted.map(|file| file.strip_prefix(source()).unwrap().display().to_string()).collect();
    assert_eq!(names, DOORS.iter().map(|door| format!("{door}.rs")).collect());
}
