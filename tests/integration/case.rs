//! A repository and the docker that its runs meet.

use crate::fake::FakeDocker;
use crate::support::{Repository, Run};

pub(crate) struct Case {
    pub(crate) repository: Repository,
    pub(crate) docker: FakeDocker,
}

impl Case {
    /// A repository with two Dockerfiles and one commit, and a docker in good health.
    pub(crate) fn new() -> Self {
        let case = Self::of(Repository::new());
        case.repository.commit("base");
        case
    }

    /// Two Dockerfiles in this repository, nothing committed.
    pub(crate) fn of(mut repository: Repository) -> Self {
        let docker = FakeDocker::new();
        let fake = docker.path("").display().to_string();
        repository.env.extend([("PATH".to_owned(), docker.search_path()), ("FAKE_DOCKER".to_owned(), fake)]);
        for image in ["orders", "web"] {
            repository.write(&format!("{image}/Dockerfile"), "FROM scratch\nCOPY app /app\n");
            repository.write(&format!("{image}/app"), image);
        }
        Self { repository, docker }
    }

    /// With this `weighbridge.yml`, which nobody has committed.
    pub(crate) fn configured(yaml: &str) -> Self {
        let case = Self::new();
        case.repository.write("weighbridge.yml", yaml);
        case
    }

    pub(crate) fn set(&mut self, variable: &str, value: &str) {
        self.repository.env.insert(variable.to_owned(), value.to_owned());
    }

    /// Leaves no git on `PATH`.
    pub(crate) fn without_git(mut self) -> Self {
        let path = self.docker.search_path_without_git();
        self.set("PATH", &path);
        self
    }

    /// Leaves neither docker nor git on `PATH`.
    pub(crate) fn without_docker(mut self) -> Self {
        self.set("PATH", "/nonexistent");
        self
    }

    /// `weighbridge run`, the base commit not being built.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.repository.weighbridge(&[&["run", "--no-rebuild-base"], arguments].concat())
    }

    pub(crate) fn weighbridge(&self, arguments: &[&str]) -> Run {
        self.repository.weighbridge(arguments)
    }

    /// The comment of the last run.
    pub(crate) fn comment(&self) -> String {
        self.repository.read(".weighbridge/report.md")
    }

    /// A field of a cell in the report of the last run.
    pub(crate) fn cell(&self, index: usize, field: &str) -> serde_json::Value {
        self.repository.report()["cells"][index][field].clone()
    }

    /// Image and outcome of each cell in the report of the last run.
    pub(crate) fn outcomes(&self) -> Vec<(String, String)> {
        let cells = self.repository.report()["cells"].as_array().unwrap().clone();
        let text = |cell: &serde_json::Value, field: &str| cell[field].as_str().unwrap().to_owned();
        cells.iter().map(|cell| (text(cell, "image"), text(cell, "outcome"))).collect()
    }
}
