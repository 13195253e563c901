//! The parts of a run in front of a registry that fails: what is transient is asked again and nothing else, no tag moves
//! on a set with a gap, and what failed is made good by doing it again.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use serde_json::{Value, json};

use super::delivery::registry;
use super::faulty_registry::{Fault, FaultyRegistry};
use super::joining::{RemoteBuilder, images, manifest};
use super::repository;
use super::support::{Repository, Run};

const ARCHITECTURES: [&str; 2] = ["amd64", "arm64"];

/// A run of several legs, whose images lie behind a registry that a test can break.
struct Fanned {
    registry: FaultyRegistry,
    builder: RemoteBuilder,
    repository: Repository,
    /// The repository of each image in the registry.
    names: Vec<String>,
}

impl Fanned {
    /// Of this many images for two platforms.
    fn new(name: &str, images: usize) -> Self {
        let (registry, builder) = (FaultyRegistry::start(registry()), RemoteBuilder::new());
        let mut repository = repository();
        let names: Vec<String> =
            (0..images).map(|number| format!("e2e/fanned-{}-{name}-{number}", std::process::id())).collect();
        let mut yaml = "defaults: { platforms: [linux/amd64, linux/arm64], provenance: false }\nimages:\n".to_owned();
        for (number, name) in names.iter().enumerate() {
            let tag = format!("{}/{name}:1", registry.host());
            yaml += &format!("  app-{number}: {{ context: app, tags: ['{tag}'], labels: {{ of: '{name}' }} }}\n");
        }
        repository.write("weighbridge.yml", yaml);
        repository.write("app/Dockerfile", "FROM scratch\nCOPY text /text\n");
        repository.write("app/text", "words ".repeat(1_000));
        repository.commit("base");
        repository.env.insert("WEIGHBRIDGE_RUN".into(), "17".into());
        Self { registry, builder, repository, names }
    }

    fn build(&self, cell: &str) -> Run {
        self.repository.weighbridge(&["build", "--push", "--builder", &self.builder.name, "--cell", cell])
    }

    fn build_again(&mut self, cell: &str) {
        self.repository.env.insert("WEIGHBRIDGE_ATTEMPT".into(), "2".into());
        self.build(cell).expect(0);
    }

    fn report(&self) -> Run {
        self.repository.weighbridge(&["report"])
    }

    /// Reports, and mends the registry once this is said. buildx asks some times itself before it gives up.
    fn report_healed_when(&self, said: &str) {
        let mut command = self.repository.command(&["report"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines: Vec<String> = BufReader::new(child.stderr.take().unwrap())
            .lines()
            .map(|line| line.unwrap())
            .inspect(|line| {
                if line.contains(said) {
                    self.registry.heal();
                }
            })
            .collect();
        assert!(child.wait().unwrap().success() && lines.iter().any(|line| line.contains(said)), "{lines:#?}");
    }

    /// Writes every call of docker down from now on, in a file beside the repository.
    fn count_calls(&mut self) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let path = std::env::var("PATH").unwrap();
        let calls = folder.path().join("calls");
        let script = format!("#!/bin/sh\necho \"$*\" >>'{}'\nPATH='{path}' exec docker \"$@\"\n", calls.display());
        let docker = folder.path().join("docker");
        std::fs::write(&docker, script).unwrap();
        std::fs::set_permissions(&docker, PermissionsExt::from_mode(0o755)).unwrap();
        self.repository.env.insert("PATH".into(), format!("{}:{path}", folder.path().display()));
        folder
    }

    fn path(&self, rest: &str) -> String {
        format!("/v2/{}/{rest}", self.names[0])
    }

    /// How often the tag of the first image was to be moved.
    fn moves(&self) -> usize {
        let path = self.path("manifests/1");
        self.registry.requests().iter().filter(|request| request.method == "PUT" && request.path == path).count()
    }

    fn is_tagged(&self) -> bool {
        let (status, digest, index) = manifest(&self.names[0], "1");
        if status == "404" {
            return false;
        }
        let report = self.repository.report();
        assert_eq!(report["indexes"]["app-0"], digest);
        let cell = |number: usize| report["cells"][number]["pushed_digest"].as_str().unwrap().to_owned();
        let expected = [("amd64".to_owned(), cell(0)), ("arm64".to_owned(), cell(1))];
        assert_eq!(images(&index), expected);
        true
    }
}

#[test]
fn a_registry_that_fails_while_tags_are_moved_is_asked_again_and_one_that_refuses_is_not() {
    let fanned = Fanned::new("moved", 1);
    fanned.build("app-0@linux/amd64").expect(0);
    fanned.build("app-0@linux/arm64").expect(0);
    for (status, asked) in [(401, 1), (403, 1)] {
        fanned.registry.heal();
        fanned.registry.fault("PUT", &fanned.path("manifests/"), 1, Fault::Refuse(status));
        fanned.report().expect(3).says("the tags of app-0 were not moved");
        assert_eq!((fanned.moves(), fanned.is_tagged()), (asked, false), "{status}");
    }
    // In the middle: what is asked first is answered, and the rest is not.
    fanned.registry.heal();
    fanned.registry.fault("*", &fanned.path("manifests/"), 4, Fault::Drop);
    fanned.report().expect(3).says("the tags of app-0 were not moved");
    assert!(!fanned.is_tagged());
    for status in [429, 503] {
        fanned.registry.heal();
        fanned.registry.fault("PUT", &fanned.path("manifests/"), 1, Fault::Refuse(status));
        fanned.report_healed_when("; asking again in ");
        assert!(fanned.is_tagged(), "{status}");
        fanned.registry.delete(&fanned.names[0], &manifest(&fanned.names[0], "1").1);
    }
    fanned.report().expect(0);
    // Once more changes nothing.
    let before = (fanned.repository.report(), manifest(&fanned.names[0], "1"));
    fanned.report().expect(0);
    assert_eq!((fanned.repository.report(), manifest(&fanned.names[0], "1")), before);
}

#[test]
fn a_leg_whose_push_breaks_and_a_digest_that_vanished_are_made_good_by_running_the_leg_again() {
    let mut fanned = Fanned::new("broken", 1);
    fanned.build("app-0@linux/amd64").expect(0);
    fanned.registry.fault("PUT", &fanned.path("manifests/"), 1, Fault::Refuse(403));
    fanned.build("app-0@linux/arm64").expect(3);
    fanned.registry.heal();
    fanned.report().expect(3).says("linux/arm64 was not built");
    assert!(!fanned.is_tagged());
    fanned.build_again("app-0@linux/arm64");

    let digest = fanned.repository.read(".weighbridge/parts/part@17@2@app-0@linux-arm64.json");
    let digest: Value = serde_json::from_str(&digest).unwrap();
    fanned.registry.delete(&fanned.names[0], digest["cells"][0]["pushed_digest"].as_str().unwrap());
    fanned.report().expect(3).says("not found");
    assert!(!fanned.is_tagged());
    fanned.build_again("app-0@linux/arm64");
    fanned.report().expect(0);
    assert!(fanned.is_tagged());
}

#[test]
fn a_report_of_sixty_cells_asks_docker_three_times_for_an_image_of_two_and_the_registry_little_more_than_that_takes() {
    let mut fanned = Fanned::new("many", 30);
    fanned.build("app-0@linux/amd64").expect(0);
    let parts = ".weighbridge/parts";
    let made: Value =
        serde_json::from_str(&fanned.repository.read(&format!("{parts}/part@17@1@app-0@linux-amd64.json"))).unwrap();
    for (number, name) in fanned.names.iter().enumerate() {
        for architecture in ARCHITECTURES {
            let mut part = made.clone();
            let cell = &mut part["cells"][0];
            cell["image"] = json!(format!("app-{number}"));
            cell["platform"] = json!(format!("linux/{architecture}"));
            cell["pushed_digest"] = json!(fanned.registry.put_image(name, architecture));
            let file = format!("{parts}/part@17@1@app-{number}@linux-{architecture}.json");
            fanned.repository.write(&file, part.to_string());
        }
    }
    fanned.registry.heal();
    let calls = fanned.count_calls();
    fanned.report().expect(0);
    assert_eq!(fanned.repository.report()["indexes"].as_object().unwrap().len(), 30);
    let calls = std::fs::read_to_string(calls.path().join("calls")).unwrap();
    let of_registry = calls.lines().filter(|call| call.starts_with("buildx imagetools ")).count();
    // A trial, the index with its tag, and the tag read back.
    assert_eq!(of_registry, 3 * 30, "{calls}");
    assert!(calls.lines().count() <= of_registry + 5, "{calls}");
    let requests = fanned.registry.requests();
    let mut of_first: Vec<String> = requests
        .iter()
        .filter(|request| request.path.starts_with(&fanned.path("")))
        .map(|request| format!("{} {}", request.method, request.path))
        .collect();
    let told = of_first.join("\n");
    assert!(requests.len() <= 11 * 60, "{} requests; for one image:\n{told}", requests.len());
    // buildx asks for the same again in each of its processes: once for the trial, twice where tags are put.
    of_first.sort();
    of_first.dedup();
    assert!(of_first.len() <= 6 * 2, "{} different questions about one image:\n{told}", of_first.len());
}
