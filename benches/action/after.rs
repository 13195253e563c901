//! What a run does when nothing is built any more. The builds are those of a docker that only plays its part, whose last
//! word of each is the file with the metadata.

use std::path::Path;
use std::time::SystemTime;

use crate::fake::{Build, FakeDocker};
use crate::figure::Figure;
use crate::forge_server::model::TOKEN;
use crate::forge_server::{Kind, Server};
use crate::layout::TestImage;
use crate::support::Repository;

const IMAGES: usize = 200;
const SAMPLES: u32 = 15;
const BOUND_MILLISECONDS: f64 = 300.0;

/// From the end of the last of 200 builds to the end of the run, in which every image grew and the comment is changed.
pub(crate) fn two_hundred_builds() -> Figure {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (docker, server) = (FakeDocker::new(), runtime.block_on(Server::start(Kind::Github)));
    for _ in 0..100 {
        server.model().write("ann", "remark");
    }
    let mut repository = repository(&docker, &server);
    repository.weighbridge(&["run", "--no-rebuild-base", "--comment", "never"]).expect(0);
    repository.git(&["switch", "--quiet", "--create", "topic"]);
    let samples = (0..SAMPLES).map(|run| {
        repository.commit("change");
        docker.builds("default", &Build::ok(TestImage::of(60_000 + 1_000 * usize::try_from(run).unwrap())));
        repository.env.insert("GITHUB_RUN_ID".to_owned(), (run + 1).to_string());
        let run = repository.weighbridge(&["run", "--no-rebuild-base"]);
        let ended = SystemTime::now();
        run.expect(0).says("comment ");
        let wall = ended.duration_since(last_build(&repository.path().join(".weighbridge/cells"))).unwrap();
        wall.as_secs_f64() * 1000.0
    });
    let samples: Vec<f64> = samples.collect();
    let comment = server.model().comments.last().unwrap().body.clone();
    assert!(comment.contains("kB"), "{comment}");
    let note = format!("; report of {} kB, comment of {} kB", kilobytes(&repository), comment.len() / 1000);
    Figure::new("after the last of 200 builds", " ms", BOUND_MILLISECONDS, samples, note)
}

fn kilobytes(repository: &Repository) -> usize {
    repository.read(".weighbridge/report.json").len() / 1000
}

/// A pull request on 200 images.
fn repository(docker: &FakeDocker, server: &Server) -> Repository {
    let mut repository = Repository::new();
    let mut config = String::from("cache: { backend: none }\nimages:\n");
    for index in 0..IMAGES {
        repository.write(&format!("service{index}/Dockerfile"), "FROM scratch\nCOPY app /app\n");
        config += &format!("  service{index}: {{ context: service{index}, platforms: [linux/amd64] }}\n");
    }
    repository.write("weighbridge.yml", config);
    repository.commit("base");
    let event = r#"{"repository": {"full_name": "acme/shop"}, "pull_request": {"number": 7, "head": {"repo": {"full_name": "acme/shop"}}}}"#;
    let event = repository.write(".git/event.json", event);
    let (api_url, graphql_url) = (server.api_url(), server.graphql_url());
    let (fake, path) = (docker.path("").display().to_string(), docker.search_path());
    let variables = [
        ("FAKE_DOCKER", fake.as_str()),
        ("PATH", &path),
        ("CI", "true"),
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_API_URL", &api_url),
        ("GITHUB_BASE_REF", "main"),
        ("GITHUB_EVENT_NAME", "pull_request"),
        ("GITHUB_EVENT_PATH", event.to_str().unwrap()),
        ("GITHUB_GRAPHQL_URL", &graphql_url),
        ("GITHUB_REF", "refs/pull/7/head"),
        ("GITHUB_REPOSITORY", "acme/shop"),
        ("GITHUB_RUN_ID", "1"),
        ("GITHUB_TOKEN", TOKEN),
    ];
    repository.env.extend(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
    repository
}

/// When the last build ended.
fn last_build(cells: &Path) -> SystemTime {
    let entries = |path: &Path| std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let ends: Vec<SystemTime> = entries(cells)
        .iter()
        .flat_map(|image| entries(image))
        .map(|cell| std::fs::metadata(cell.join("metadata.json")).unwrap().modified().unwrap())
        .collect();
    assert_eq!(ends.len(), IMAGES);
    ends.into_iter().max().unwrap()
}
