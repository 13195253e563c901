//! A repository of many services for two platforms, with what a report says of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use weighbridge::config::{self, BakePrinter, Config, Image, Request};
use weighbridge::env::Env;
use weighbridge::measure::build_args;
use weighbridge::oci::Platform;
use weighbridge::plan::fan::{definition, fingerprint};
use weighbridge::report::{
    CacheState, CellId, CellReport, Compression, Environment, Head, ImageMeasurement, Layer, Leg, Outcome, Report,
    RunContext, Step, Timing, Verdict, v1,
};

const PLATFORMS: [&str; 2] = ["linux/amd64", "linux/arm64"];
const RUN: &str = "17";
/// Variables of a CI system or a configuration around the benchmark.
const SCRUBBED: [&str; 6] = ["CI", "GITHUB_", "GITLAB_", "ACTIONS_", "WEIGHBRIDGE_", "BUILDX_BUILDER"];

/// The repository, its configuration, and its one commit.
pub(crate) struct Services {
    directory: tempfile::TempDir,
    config: Config,
    sha: String,
}

/// There is no bake file.
struct NoBake;

impl BakePrinter for NoBake {
    fn print(&self, _: &[PathBuf], _: &[String], _: &Path) -> anyhow::Result<Vec<u8>> {
        anyhow::bail!("no bake file")
    }
}

impl Services {
    /// So many images with so many files each.
    pub(crate) fn new(images: usize, files: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let repository = directory.path().join("repository");
        let mut yaml = format!("defaults: {{ platforms: [{}] }}\nimages:\n", PLATFORMS.join(", "));
        for image in 0..images {
            let service = repository.join(format!("services/s{image}"));
            fs::create_dir_all(service.join("src")).unwrap();
            fs::write(service.join("Dockerfile"), "FROM scratch\nCOPY src /src\n").unwrap();
            for file in 1..files.max(2) {
                fs::write(service.join(format!("src/file{file}.c")), format!("int f{image}_{file};\n")).unwrap();
            }
            yaml += &format!("  s{image}: {{ context: services/s{image} }}\n");
        }
        fs::write(repository.join("weighbridge.yml"), yaml).unwrap();
        git(&repository, &["init", "--quiet", "--initial-branch=main"]);
        git(&repository, &["add", "--all"]);
        git(&repository, &["commit", "--quiet", "--message", "services"]);
        let sha = git(&repository, &["rev-parse", "HEAD"]).trim().to_owned();
        let env = Env { directory: repository, ..Env::default() };
        let config = config::resolve(&Request::default(), &env, &NoBake).unwrap();
        let services = Self { directory, config, sha };
        fs::write(services.baseline(), v1::to_json(&services.whole())).unwrap();
        // A file that is kept for good would wait for all of these to reach the disk.
        Command::new("sync").status().unwrap();
        services
    }

    fn repository(&self) -> PathBuf {
        self.directory.path().join("repository")
    }

    fn baseline(&self) -> PathBuf {
        self.directory.path().join("baseline.json")
    }

    fn whole(&self) -> Report {
        let of = |image: &Image| PLATFORMS.map(|platform| self.cell(image, platform));
        let mut cells: Vec<CellReport> = self.config.images.iter().flat_map(of).collect();
        cells.sort_by(|a, b| a.id.cmp(&b.id));
        let head = Head { sha: Some(self.sha.clone()), ..Head::default() };
        let environment =
            Environment { weighbridge_version: env!("CARGO_PKG_VERSION").to_owned(), ..Environment::default() };
        Report {
            context: RunContext { head, base: None },
            environment,
            cells,
            indexes: BTreeMap::new(),
            verdict: Verdict::Pass,
            leg: None,
        }
    }

    /// As large as that of a common service: some layers, some steps.
    fn cell(&self, image: &Image, platform: &str) -> CellReport {
        let digest = |number: usize| format!("sha256:{:056x}{number:08x}", image.name.len());
        let layer = |number: usize| Layer {
            digest: digest(number),
            diff_id: digest(number + 100),
            compressed_bytes: 1_000_000,
            uncompressed_bytes: 3_000_000,
            compression: Compression::Gzip,
            created_by: format!("RUN /bin/sh -c apt-get install --yes package-{number} # buildkit"),
            instruction: Some(format!("RUN apt-get install --yes package-{number}")),
            dockerfile_line: u32::try_from(number).ok(),
            base: Some(false),
        };
        let step = |number: usize| Step {
            stage: "build".to_owned(),
            instruction: format!("RUN apt-get install --yes package-{number}"),
            dockerfile_line: u32::try_from(number).ok(),
            duration: Duration::from_millis(1_500),
            cache: CacheState::Local,
            last_ran: None,
            needs: Vec::new(),
            causes: Vec::new(),
        };
        let measured = ImageMeasurement {
            scan: None,
            digest: digest(0),
            compressed_bytes: 5_000_000,
            uncompressed_bytes: 15_000_000,
            config_digest: Some(digest(1)),
            config_bytes: 2_000,
            attestation_bytes: 0,
            layers: (0..5).map(layer).collect(),
            base_images: Vec::new(),
            contents: None,
        };
        let timing = Timing {
            wall: Duration::from_secs(20),
            solve: Duration::from_secs(19),
            total_steps: 8,
            cached_steps: 8,
            steps: (0..8).map(step).collect(),
            ..Timing::default()
        };
        CellReport {
            id: CellId { image: image.name.clone(), platform: platform.parse::<Platform>().unwrap() },
            outcome: Outcome::Built,
            emulated: false,
            dockerfile: Some(format!("services/{}/Dockerfile", image.name)),
            failure: None,
            build_ref: None,
            pushed_digest: None,
            image: Some(measured),
            timing: Some(timing),
            cache: None,
            build_args: build_args(image),
            findings: Vec::new(),
            budgets: Vec::new(),
            definition: Some(definition(image, &self.config.root)),
            runner_class: None,
            node: None,
            carried_over: None,
        }
    }

    /// Three files of two services differ from the commit.
    pub(crate) fn changes(&self) {
        for file in ["s7/src/file1.c", "s7/src/file2.c", "s1234/src/file3.c"] {
            fs::write(self.repository().join("services").join(file), "int changed;\n").unwrap();
        }
    }

    /// Each cell as a part.
    pub(crate) fn parts(&self) {
        let folder = self.directory.path().join("parts");
        fs::create_dir_all(&folder).unwrap();
        let configuration = fingerprint(&self.config, env!("CARGO_PKG_VERSION"));
        let leg = Leg { run: RUN.to_owned(), attempt: 1, configuration, pushes: false };
        let mut whole = self.whole();
        for cell in std::mem::take(&mut whole.cells) {
            let part = Report { cells: vec![cell.clone()], leg: Some(leg.clone()), ..whole.clone() };
            fs::write(folder.join(leg.file_name(&cell.id.image, &cell.id.platform)), v1::to_json(&part)).unwrap();
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_weighbridge"));
        for (name, _) in std::env::vars() {
            if SCRUBBED.iter().any(|prefix| name.starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        command.args(arguments).current_dir(self.repository()).env("WEIGHBRIDGE_RUN", RUN);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// How long the plan of what changed takes. It must leave out all but two services.
    pub(crate) fn plans(&self, cells: usize) -> Duration {
        let baseline = self.baseline();
        let mut command = self.command(&["plan", "--format", "github", "--changed", "--baseline"]);
        command.arg(&baseline).stderr(Stdio::piped());
        let start = Instant::now();
        let output = command.output().unwrap();
        let time = start.elapsed();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains(&format!("{} of {cells} cells", cells - 4)), "{said}");
        time
    }

    pub(crate) fn reporting(&self) -> Child {
        self.command(&["report", "../parts"]).spawn().unwrap()
    }

    /// How long the parts take to be one report.
    pub(crate) fn report(&self) -> Duration {
        let start = Instant::now();
        let status = self.reporting().wait().unwrap();
        assert!(status.success(), "weighbridge report: {status}");
        start.elapsed()
    }
}

fn git(directory: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=bench", "-c", "user.email=bench@example.invalid"]).args(arguments);
    let output = command.current_dir(directory).env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
