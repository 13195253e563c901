//! What is measured: repositories made for the purpose, built by weighbridge and by plain `docker buildx build` with
//! the very command lines that weighbridge plans.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::figure::Figure;
use crate::memory::peak_mib;

const WEIGHBRIDGE: &str = env!("CARGO_BIN_EXE_weighbridge");
const PEAK_MIB: f64 = 40.0;

/// A repository with images in it.
pub(crate) struct Workload {
    directory: tempfile::TempDir,
    commands: Vec<Vec<String>>,
}

impl Workload {
    /// Small images, each a static file, a few steps and a little text.
    pub(crate) fn services(count: usize, platforms: &[&str]) -> Self {
        let dockerfile =
            "FROM scratch AS parts\nCOPY data /data\nFROM scratch\nCOPY --from=parts /data /data\nCOPY text /text\n";
        Self::new((0..count).map(|index| format!("service{index}")), platforms, dockerfile, 300_000)
    }

    /// One image of 2 GB that does not compress.
    pub(crate) fn large() -> Self {
        Self::new(["large".to_owned()].into_iter(), &["linux/amd64"], "FROM scratch\nCOPY data /data\n", 2_000_000_000)
    }

    fn new(names: impl Iterator<Item = String>, platforms: &[&str], dockerfile: &str, data_bytes: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut config = String::from("images:\n");
        for name in names {
            let context = directory.path().join(&name);
            fs::create_dir(&context).unwrap();
            fs::write(context.join("Dockerfile"), dockerfile).unwrap();
            fs::write(context.join("text"), &name).unwrap();
            write_noise(&context.join("data"), data_bytes);
            config += &format!("  {name}: {{ context: {name}, platforms: [{}] }}\n", platforms.join(", "));
        }
        fs::write(directory.path().join("weighbridge.yml"), config).unwrap();
        git(directory.path());
        let commands = planned(directory.path());
        let workload = Self { directory, commands };
        workload.weighbridge();
        workload
    }

    /// Wall time of `weighbridge run`.
    pub(crate) fn weighbridge(&self) -> Duration {
        let start = Instant::now();
        let status = self.run().wait().unwrap();
        assert!(status.success(), "weighbridge run: {status}");
        start.elapsed()
    }

    /// Wall time of the same builds started by hand, all at once.
    pub(crate) fn raw(&self) -> Duration {
        for layout in self.commands.iter().flatten().filter_map(|argument| layout(argument)) {
            fs::remove_dir_all(&layout).ok();
            fs::create_dir_all(layout.parent().unwrap()).unwrap();
        }
        let start = Instant::now();
        let children: Vec<Child> = self.commands.iter().map(|command| self.start(&command[0], &command[1..])).collect();
        for mut child in children {
            assert!(child.wait().unwrap().success(), "docker buildx build failed");
        }
        start.elapsed()
    }

    /// Peak memory of `weighbridge run` itself.
    pub(crate) fn peak_memory(&self, name: &str) -> Figure {
        let samples = (0..3).map(|_| peak_mib(self.run())).collect();
        Figure::new(name, " MiB", PEAK_MIB, samples, String::new())
    }

    fn run(&self) -> Child {
        self.start(WEIGHBRIDGE, &["run".to_owned(), "--quiet".to_owned(), "--no-rebuild-base".to_owned()])
    }

    fn start(&self, program: &str, arguments: &[String]) -> Child {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.directory.path()).stdin(Stdio::null());
        command.env("BUILDX_METADATA_WARNINGS", "1").env("BUILDX_METADATA_PROVENANCE", "disabled");
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("start")
    }
}

/// Wall time of `--help`.
pub(crate) fn help() -> Figure {
    let samples = (0..50).map(|_| milliseconds(&["--help"], Path::new("."))).collect();
    Figure::new("weighbridge --help", " ms", 10.0, samples, String::new())
}

/// Wall time and memory of planning 500 images on 4 platforms.
pub(crate) fn plan() -> [Figure; 2] {
    let directory = tempfile::tempdir().unwrap();
    let mut config =
        String::from("defaults: { platforms: [linux/amd64, linux/arm64, linux/arm/v7, linux/s390x] }\nimages:\n");
    for index in 0..500 {
        let context = directory.path().join(format!("service{index}"));
        fs::create_dir(&context).unwrap();
        fs::write(context.join("Dockerfile"), "FROM scratch\n").unwrap();
        config +=
            &format!("  service{index}:\n    context: service{index}\n    build_args: {{ VERSION: \"1.{index}\" }}\n");
    }
    fs::write(directory.path().join("weighbridge.yml"), config).unwrap();
    let arguments = ["plan", "--format", "json"];
    let samples = (0..25).map(|_| milliseconds(&arguments, directory.path())).collect();
    let memory = (0..5)
        .map(|_| {
            let mut command = Command::new(WEIGHBRIDGE);
            command.args(arguments).current_dir(directory.path()).stdout(Stdio::null());
            peak_mib(command.spawn().unwrap())
        })
        .collect();
    [
        Figure::new("weighbridge plan of 500 images x 4 platforms", " ms", 50.0, samples, String::new()),
        Figure::new("peak memory, plan of 2,000 cells", " MiB", PEAK_MIB, memory, String::new()),
    ]
}

fn milliseconds(arguments: &[&str], directory: &Path) -> f64 {
    let start = Instant::now();
    let mut command = Command::new(WEIGHBRIDGE);
    let status = command.args(arguments).current_dir(directory).stdout(Stdio::null()).status().unwrap();
    assert!(status.success(), "weighbridge {arguments:?}: {status}");
    start.elapsed().as_secs_f64() * 1000.0
}

/// The command lines that weighbridge would run.
fn planned(directory: &Path) -> Vec<Vec<String>> {
    let mut command = Command::new(WEIGHBRIDGE);
    let output = command.args(["plan", "--format", "json"]).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let words = |cell: &serde_json::Value| -> Vec<String> { serde_json::from_value(cell["command"].clone()).unwrap() };
    plan["cells"].as_array().unwrap().iter().map(words).collect()
}

fn layout(argument: &str) -> Option<PathBuf> {
    let destination = argument.strip_prefix("type=oci,dest=")?;
    Some(PathBuf::from(destination.strip_suffix(",tar=false")?))
}

fn git(directory: &Path) {
    for arguments in
        ["init -q -b main", "add -A", "-c user.name=bench -c user.email=bench@example.invalid commit -q -m base"]
    {
        let status = Command::new("git").args(arguments.split(' ')).current_dir(directory).status().unwrap();
        assert!(status.success(), "git {arguments}");
    }
}

/// Bytes without a pattern, the same every time.
fn write_noise(path: &Path, bytes: u64) {
    let mut file = std::io::BufWriter::new(fs::File::create(path).unwrap());
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for _ in 0..bytes / 8 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        file.write_all(&state.to_le_bytes()).unwrap();
    }
    file.flush().unwrap();
}
