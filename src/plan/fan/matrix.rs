//! The jobs as the CI systems take them: a value for `strategy.matrix` of GitHub Actions
//! (<https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstrategymatrixinclude>),
//! and jobs of a child pipeline of GitLab (<https://docs.gitlab.com/ci/pipelines/downstream_pipelines/>).

use serde::Serialize;

use super::cell_name;
use super::jobs::Job;

#[derive(Serialize)]
struct Matrix<'j> {
    include: Vec<Entry<'j>>,
}

#[derive(Serialize)]
struct Entry<'j> {
    name: &'j str,
    /// The arguments of `--cell`.
    cells: String,
    runs_on: &'j [String],
    /// Whether the runner needs QEMU.
    emulates: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_seconds: Option<u64>,
}

/// The matrix, on one line.
#[must_use]
pub fn github(jobs: &[Job]) -> String {
    let matrix = Matrix { include: jobs.iter().map(entry).collect() };
    serde_json::to_string(&matrix).unwrap_or_default() + "\n"
}

fn entry(job: &Job) -> Entry<'_> {
    let Job { name, place, expected, .. } = job;
    let expected_seconds = expected.map(|expected| expected.as_secs());
    Entry { name, cells: cells(job), runs_on: &place.labels, emulates: place.emulates, expected_seconds }
}

#[derive(Serialize)]
struct GitlabJob<'j> {
    /// What all jobs have in common is written by whoever starts the pipeline.
    extends: &'static str,
    tags: &'j [String],
    variables: Variables,
}

#[derive(Serialize)]
struct Variables {
    #[serde(rename = "WEIGHBRIDGE_CELLS")]
    cells: String,
}

/// The jobs, one a line, in YAML whose values are JSON.
#[must_use]
pub fn gitlab(jobs: &[Job]) -> String {
    let line = |job: &Job| {
        let name = serde_json::to_string(&job.name).unwrap_or_default();
        let variables = Variables { cells: cells(job) };
        let value = GitlabJob { extends: ".weighbridge-build", tags: &job.place.labels, variables };
        format!("{name}: {}\n", serde_json::to_string(&value).unwrap_or_default())
    };
    jobs.iter().map(line).collect()
}

fn cells(job: &Job) -> String {
    job.cells.iter().map(cell_name).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::plan::fan::{Fleet, Runners, fan};
    use crate::report::sample::id;

    #[test]
    fn a_matrix_names_cells_and_runners() {
        let cells = [
            (id("api", "linux/arm64"), Some(Duration::from_secs(61))),
            (id("web", "linux/arm64"), None),
            (id("web", "linux/amd64"), None),
        ];
        let jobs = fan(&cells, Fleet::Github, &Runners::new(), Some(2)).jobs;
        insta::assert_snapshot!(github(&jobs), @r#"{"include":[{"name":"shard 1 of 2","cells":"api@linux/arm64 web@linux/arm64","runs_on":["ubuntu-24.04-arm"],"emulates":false,"expected_seconds":122},{"name":"web linux/amd64","cells":"web@linux/amd64","runs_on":["ubuntu-latest"],"emulates":false,"expected_seconds":61}]}"#);
        let jobs = fan(&cells, Fleet::Gitlab, &Runners::new(), Some(2)).jobs;
        insta::assert_snapshot!(gitlab(&jobs), @r#"
        "web linux/amd64": {"extends":".weighbridge-build","tags":["saas-linux-small-amd64"],"variables":{"WEIGHBRIDGE_CELLS":"web@linux/amd64"}}
        "shard 2 of 2": {"extends":".weighbridge-build","tags":["saas-linux-small-arm64"],"variables":{"WEIGHBRIDGE_CELLS":"api@linux/arm64 web@linux/arm64"}}
        "#);
        assert_eq!(github(&[]), "{\"include\":[]}\n");
    }
}
