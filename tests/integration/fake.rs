//! What the fake `docker` says, does and was asked. The program itself is `tests/fixtures/bin/docker`.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::layout::TestImage;

pub(crate) const CONTAINER_BUILDER: &str = "\
Name:   fleet
Driver: docker-container

Nodes:
Name:             fleet0
Endpoint:         unix:///var/run/docker.sock
Status:           running
BuildKit version: v0.26.2
Platforms:        linux/amd64, linux/386, linux/arm64
";

/// The docker driver without the containerd image store.
pub(crate) const CLASSIC_BUILDER: &str = "\
Name:   default
Driver: docker

Nodes:
Name:             default
Status:           running
BuildKit version: v0.26.2
Platforms:        linux/amd64
";

/// Programs that would be asked about images.
const SCANNERS: [&str; 2] = ["trivy", "grype"];

/// What the fake itself needs, where there is no git.
const TOOLS: [&str; 7] = ["sh", "cat", "cp", "env", "mv", "sed", "sleep"];

/// A `docker` of one test, with everything that it needs to play its part.
pub(crate) struct FakeDocker {
    directory: tempfile::TempDir,
}

/// One build of the fake.
#[derive(Debug, Clone)]
pub(crate) struct Build {
    pub(crate) stream: Vec<u8>,
    pub(crate) image: Option<TestImage>,
    /// The exit status, `hang` or `die`.
    pub(crate) end: &'static str,
}

impl Build {
    pub(crate) fn ok(image: TestImage) -> Self {
        Self { stream: recorded("cold-build-oci-zstd"), image: Some(image), end: "0" }
    }

    pub(crate) fn failing() -> Self {
        Self { stream: recorded("run-failure-exit3"), image: None, end: "1" }
    }

    pub(crate) fn ending(self, end: &'static str) -> Self {
        Self { end, ..self }
    }

    pub(crate) fn hanging() -> Self {
        Self { image: None, end: "hang", ..Self::ok(TestImage::of(1)) }
    }
}

/// A recorded progress stream.
pub(crate) fn recorded(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/buildx/rawjson");
    std::fs::read(folder.join(name).with_extension("jsonl")).unwrap()
}

impl FakeDocker {
    /// A docker in good health with a capable builder, on which every build brings a small image.
    pub(crate) fn new() -> Self {
        let docker = Self { directory: tempfile::tempdir().unwrap() };
        for folder in ["bin", "no-git", "calls", "env", "answers", "builds", "hanging", "stopped"] {
            std::fs::create_dir(docker.path(folder)).unwrap();
        }
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bin/docker");
        for folder in ["bin", "no-git"] {
            std::os::unix::fs::symlink(&program, docker.path(folder).join("docker")).unwrap();
        }
        for tool in TOOLS {
            std::os::unix::fs::symlink(which(tool), docker.path("no-git").join(tool)).unwrap();
        }
        docker.answers("version", "github.com/docker/buildx v0.29.1 a1b2c3\n");
        docker.answers("engine", "28.5.2\n");
        docker.answers("platform", "linux/amd64\n");
        docker.answers("inspect", CONTAINER_BUILDER);
        docker.answers("created", CONTAINER_BUILDER.replace("fleet", "weighbridge"));
        docker.builds("default", &Build::ok(TestImage::of(1000)));
        docker
    }

    pub(crate) fn path(&self, folder: &str) -> PathBuf {
        self.directory.path().join(folder)
    }

    /// `PATH` with this docker before everything else.
    pub(crate) fn search_path(&self) -> String {
        format!("{}:{}", self.path("bin").display(), path_without_scanners())
    }

    /// `PATH` with this docker and little else.
    pub(crate) fn search_path_without_git(&self) -> String {
        self.path("no-git").display().to_string()
    }

    pub(crate) fn answers(&self, question: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path("answers").join(question), text).unwrap();
    }

    /// Makes a question fail.
    pub(crate) fn refuses(&self, question: &str, status: i32, stderr: &str) {
        self.answers(&format!("{question}.stderr"), stderr);
        self.answers(&format!("{question}.status"), status.to_string());
        self.answers(question, "");
    }

    /// Makes a question fail, the first time only.
    pub(crate) fn stumbles(&self, question: &str, stderr: &str) {
        self.answers(&format!("{question}.once"), stderr);
    }

    /// Makes a question wait without end.
    pub(crate) fn hangs(&self, question: &str) {
        self.answers(&format!("{question}.hang"), "");
    }

    /// Sets what becomes of a cell: `[base.]IMAGE[.PLATFORM]` or `default`.
    pub(crate) fn builds(&self, cell: &str, build: &Build) {
        let directory = self.path("builds").join(cell);
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("stream"), &build.stream).unwrap();
        std::fs::write(directory.join("end"), build.end).unwrap();
        if let Some(image) = &build.image {
            image.write(&directory.join("layout"));
        }
    }

    /// Makes the first build of a cell fail with this standard error; what becomes of it then has been set before.
    pub(crate) fn builds_badly_once(&self, cell: &str, stderr: &str) {
        let directory = self.path("builds").join(cell);
        if !directory.exists() {
            self.builds(cell, &Build::ok(TestImage::of(1_000)));
        }
        std::fs::write(directory.join("once"), stderr).unwrap();
    }

    /// Sets what the metadata file of a cell says, which has been set before.
    pub(crate) fn tells(&self, cell: &str, metadata: &serde_json::Value) {
        std::fs::write(self.path("builds").join(cell).join("metadata"), metadata.to_string()).unwrap();
    }

    /// All calls that start with these words, sorted.
    pub(crate) fn calls(&self, words: &[&str]) -> Vec<Vec<String>> {
        let read = |file: &PathBuf| String::from_utf8(std::fs::read(file).unwrap()).unwrap();
        let split = |text: String| text.split_terminator('\0').map(str::to_owned).collect();
        let mut calls: Vec<Vec<String>> = self.files("calls").iter().map(|file| split(read(file))).collect();
        calls.retain(|call| words.iter().zip(call).all(|(word, argument)| word == argument));
        calls.sort();
        calls
    }

    /// How many builds were started.
    pub(crate) fn builds_run(&self) -> usize {
        self.calls(&["buildx", "build"]).len()
    }

    /// The files of a folder.
    pub(crate) fn files(&self, folder: &str) -> Vec<PathBuf> {
        std::fs::read_dir(self.path(folder)).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    /// The process ids of builds that hang, once there are as many.
    pub(crate) fn wait_for_hanging(&self, count: usize) -> Vec<String> {
        for _ in 0..600 {
            let files = self.files("hanging");
            if files.len() >= count {
                return files.iter().map(|file| file.file_name().unwrap().to_string_lossy().into_owned()).collect();
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("no build hangs");
    }
}

/// `PATH` without the scanners of this machine, which would be asked about every image of every test. A directory that
/// has one is replaced by another with links to everything else in it.
fn path_without_scanners() -> &'static str {
    static PATH: OnceLock<String> = OnceLock::new();
    PATH.get_or_init(|| {
        let path = std::env::var("PATH").unwrap();
        let directories = path.split(':').enumerate().map(|(number, directory)| {
            let without = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("without-scanners-{number}"));
            if SCANNERS.iter().any(|scanner| Path::new(directory).join(scanner).exists()) {
                leave_out_scanners(Path::new(directory), &without);
                without.display().to_string()
            } else {
                directory.to_owned()
            }
        });
        directories.collect::<Vec<_>>().join(":")
    })
}

fn leave_out_scanners(directory: &Path, without: &Path) {
    std::fs::create_dir_all(without).unwrap();
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        if !SCANNERS.iter().any(|scanner| entry.file_name() == *scanner) {
            // It may be there from an earlier run, or from another process at this moment.
            let _ = std::os::unix::fs::symlink(entry.path(), without.join(entry.file_name()));
        }
    }
}

#[test]
fn the_scanners_of_this_machine_are_left_out_and_nothing_else_is() {
    let (machine, without) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for name in ["trivy", "grype", "git"] {
        std::fs::write(machine.path().join(name), "").unwrap();
    }
    leave_out_scanners(machine.path(), without.path());
    let left: Vec<_> = std::fs::read_dir(without.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["git"]);
}

fn which(tool: &str) -> PathBuf {
    let path = std::env::var("PATH").unwrap();
    let found = path.split(':').map(|directory| Path::new(directory).join(tool)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("no {tool} on PATH"))
}
