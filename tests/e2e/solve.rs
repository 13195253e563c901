//! A build without weighbridge, which a test reads in its progress stream.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// A finished `docker buildx build`.
#[derive(Debug)]
pub(crate) struct Solve {
    pub(crate) code: Option<i32>,
    pub(crate) stderr: String,
}

/// What the last line of a vertex says, and whether any said `cached`.
#[derive(Debug, Default)]
struct Vertex {
    cached: bool,
    error: Option<String>,
}

impl Solve {
    /// Builds a context to an OCI layout that nobody keeps.
    pub(crate) fn run(context: &Path, arguments: &[&str], variables: &[(String, String)]) -> Self {
        let layout = tempfile::tempdir().unwrap();
        let output = format!("type=oci,tar=false,dest={}", layout.path().join("layout").display());
        let mut command = Command::new("docker");
        command.args(["buildx", "build", "--progress=rawjson", "--provenance=false", "--output", &output]);
        command.args(arguments).arg(context).envs(variables.iter().cloned()).stdin(Stdio::null());
        let output = command.output().unwrap();
        Self { code: output.status.code(), stderr: String::from_utf8(output.stderr).unwrap() }
    }

    /// Insists on an exit code, and shows everything if it is another.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        self
    }

    /// What went wrong in the vertex whose name starts like this, if it is there and anything did.
    pub(crate) fn error(&self, name: &str) -> Option<String> {
        let (_, vertex) = self.vertices().into_iter().find(|(found, _)| found.starts_with(name))?;
        vertex.error
    }

    /// How many steps there were, and how many of them were not run.
    pub(crate) fn cached_of_steps(&self) -> (usize, usize) {
        let vertices = self.vertices();
        let is_step = |name: &str| name.starts_with('[') && !name.starts_with("[internal]");
        let steps: Vec<_> = vertices.iter().filter(|(name, _)| is_step(name)).collect();
        (steps.iter().filter(|(_, vertex)| vertex.cached).count(), steps.len())
    }

    fn vertices(&self) -> BTreeMap<String, Vertex> {
        let mut vertices = BTreeMap::<_, Vertex>::new();
        let lines = self.stderr.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        for said in lines.flat_map(|mut line| line["vertexes"].as_array_mut().map(std::mem::take).unwrap_or_default()) {
            let vertex = vertices.entry(said["name"].as_str().unwrap().to_owned()).or_default();
            vertex.cached |= said["cached"] == true;
            vertex.error = said["error"].as_str().map(str::to_owned);
        }
        vertices
    }
}
