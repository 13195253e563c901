//! After the job: the builder that weighbridge made goes, and nothing of that fails the job.

use crate::fake::FakeDocker;
use crate::runner::Runner;

/// A runner with a docker, after a step that saved this builder.
fn after(builder: &str) -> (Runner, FakeDocker) {
    let mut runner = Runner::with_stand_in(r#"printf 'builder<<E\n%s\nE\n' "$BUILDER" >>"$GITHUB_STATE""#);
    let docker = FakeDocker::new();
    runner.set("PATH", &docker.search_path());
    runner.set("FAKE_DOCKER", docker.path("").to_str().unwrap());
    runner.set("BUILDER", builder);
    runner.main().expect(0);
    (runner, docker)
}

#[test]
fn the_builder_that_was_made_is_removed() {
    let (runner, docker) = after("weighbridge-1.a_b");
    runner.post().expect(0);
    assert_eq!(docker.calls(&[]), [["buildx", "rm", "weighbridge-1.a_b"]]);
}

#[test]
fn without_a_builder_docker_is_not_asked() {
    for builder in ["", "--all-inactive", "a b", "a\nb", "../a"] {
        let (runner, docker) = after(builder);
        let step = runner.post().expect(0);
        assert_eq!((docker.calls(&[]).len(), step.stdout.as_str()), (0, ""), "{builder}");
    }
    assert_eq!(Runner::new().post().expect(0).stdout, "");
}

#[test]
fn a_builder_that_stays_is_a_warning() {
    let (runner, docker) = after("weighbridge");
    docker.refuses("rm", 1, "");
    let text = runner.post().expect(0).says_only("warning");
    assert_eq!(text, "the builder weighbridge is still there: docker ended with 1");
}

#[test]
fn a_docker_that_is_gone_is_a_warning() {
    let (mut runner, _) = after("weighbridge");
    runner.set("PATH", "/nonexistent");
    let text = runner.post().expect(0).says_only("warning");
    assert!(text.contains("weighbridge is still there") && text.contains("ENOENT"), "{text}");
}
