//! Why steps ran: real builds, each with one seeded cause or two that meet.

use serde_json::Value;

use super::repository;
use super::support::Repository;

const DOCKERFILE: &str = "\
FROM debian:bookworm-slim AS build
ARG VERSION=dev
ENV GREETING=hello
WORKDIR /src
COPY packages.txt ./
RUN cat packages.txt > /installed
COPY . .
RUN cat src/main.txt > /program && echo $VERSION $GREETING >> /program
FROM scratch
COPY --from=build /program /program
";

/// A service that has been built once on its main branch. `name` keeps its cache apart from that of other tests.
fn service(name: &str, dockerfile: &str, config: &str) -> Repository {
    let repository = repository();
    // Other content than that of other runs of this test, so that the engine's cache holds none of it.
    let unique = format!("{name} {:?} {}", std::time::SystemTime::now(), std::process::id());
    repository.write("app/Dockerfile", dockerfile);
    repository.write("app/packages.txt", &unique);
    repository.write("app/src/main.txt", "main");
    repository.write("app/README.md", "words");
    repository
        .write("weighbridge.yml", format!("images: {{ app: {{ context: app, platforms: [linux/amd64]{config} }} }}\n"));
    repository.commit("base");
    repository.weighbridge(&["run"]).expect(0);
    repository
}

/// Commits what was changed, builds, and returns the steps that ran with their causes: line, causes.
fn ran(repository: &Repository) -> Vec<(u64, Vec<Value>)> {
    repository.commit("change");
    repository.weighbridge(&["run"]).expect(0);
    causes(repository)
}

fn causes(repository: &Repository) -> Vec<(u64, Vec<Value>)> {
    let report = repository.report();
    let steps = report["cells"][0]["steps"].as_array().unwrap().clone();
    let executed = steps.iter().filter(|step| step["cached"] == false);
    let told = executed.map(|step| {
        let causes = step["causes"].as_array().cloned().unwrap_or_default();
        assert!(!causes.is_empty(), "a step ran without a cause: {step}");
        (step["dockerfile_line"].as_u64().unwrap_or(0), causes)
    });
    told.collect()
}

fn kinds(causes: &[Value]) -> Vec<&str> {
    causes.iter().map(|cause| cause["cause"].as_str().unwrap()).collect()
}

/// The causes of the step on a line.
fn on(ran: &[(u64, Vec<Value>)], line: u64) -> &[Value] {
    let found = ran.iter().find(|(at, _)| *at == line);
    &found.unwrap_or_else(|| panic!("no step of line {line} ran: {ran:?}")).1
}

fn files(causes: &[Value]) -> Vec<&str> {
    let found = causes.iter().find(|cause| cause["cause"] == "files");
    let cause = found.unwrap_or_else(|| panic!("no files: {causes:?}"));
    cause["examples"].as_array().unwrap().iter().map(|file| file.as_str().unwrap()).collect()
}

#[test]
fn a_first_build_has_nothing_to_be_compared_with() {
    let repository = service("first", DOCKERFILE, "");
    let ran = causes(&repository);
    assert_eq!(kinds(on(&ran, 5)), ["not_cached"]);
    assert!(on(&ran, 5)[0]["reason"].as_str().unwrap().contains("nothing is known"), "{ran:?}");
    assert_eq!(kinds(on(&ran, 6)), ["earlier"]);
}

#[test]
fn an_edited_instruction_is_told_with_what_it_was() {
    let repository = service("edited", DOCKERFILE, "");
    repository.write("app/Dockerfile", DOCKERFILE.replace("cat packages.txt >", "sort packages.txt >"));
    repository.write("app/.dockerignore", "Dockerfile\n.dockerignore\n");
    let ran = ran(&repository);
    assert_eq!(kinds(on(&ran, 6)), ["edited"]);
    assert_eq!(on(&ran, 6)[0]["was"], "RUN cat packages.txt > /installed");
}

#[test]
fn a_new_instruction_is_told_as_new() {
    let repository = service("new", DOCKERFILE, "");
    repository.write("app/Dockerfile", DOCKERFILE.replace("COPY . .\n", "RUN echo new\nCOPY . .\n"));
    repository.write("app/.dockerignore", "Dockerfile\n.dockerignore\n");
    let ran = ran(&repository);
    assert_eq!(kinds(on(&ran, 7)), ["edited"]);
    assert!(on(&ran, 7)[0].get("was").is_none(), "{ran:?}");
}

#[test]
fn a_variable_above_a_step_is_named_with_its_line() {
    let repository = service("setting", DOCKERFILE, "");
    repository.write("app/Dockerfile", DOCKERFILE.replace("GREETING=hello", "GREETING=bye"));
    repository.write("app/.dockerignore", "Dockerfile\n.dockerignore\n");
    let ran = ran(&repository);
    let setting = on(&ran, 6).iter().find(|cause| cause["cause"] == "setting").unwrap();
    assert_eq!((&setting["instruction"], &setting["dockerfile_line"]), (&"ENV GREETING=bye".into(), &3.into()));
}

#[test]
fn a_build_argument_is_named_and_its_value_is_not() {
    let repository = service("argument", DOCKERFILE, ", build_args: { VERSION: before-hunter2 }");
    let config = repository.read("weighbridge.yml").replace("before-hunter2", "after-hunter3");
    repository.write("weighbridge.yml", config);
    let ran = ran(&repository);
    assert!(ran.iter().any(|(_, causes)| kinds(causes).contains(&"build_argument")), "{ran:?}");
    assert_eq!(on(&ran, 6)[0]["name"], "VERSION");
    let told = serde_json::to_string(&ran).unwrap();
    assert!(!told.contains("hunter"), "{told}");
}

#[test]
fn a_file_that_a_step_takes_is_named() {
    let repository = service("file", DOCKERFILE, "");
    repository.write("app/packages.txt", format!("other {:?}", std::time::SystemTime::now()));
    let ran = ran(&repository);
    assert_eq!(files(on(&ran, 5)), ["packages.txt"]);
    assert_eq!(kinds(on(&ran, 6)), ["earlier"]);
    assert_eq!(kinds(on(&ran, 7)), ["earlier"], "what an earlier step said is said again");
}

#[test]
fn a_source_file_spares_the_dependencies() {
    let repository = service("source", DOCKERFILE, "");
    repository.write("app/src/main.txt", "changed");
    let ran = ran(&repository);
    assert!(ran.iter().all(|(line, _)| *line > 6), "{ran:?}");
    assert_eq!(files(on(&ran, 7)), ["src/main.txt"]);
    assert_eq!(on(&ran, 7)[0]["ignorable"], serde_json::json!([]));
}

#[test]
fn files_that_no_image_needs_come_with_the_lines_that_spare_the_step() {
    let repository = service("ignorable", DOCKERFILE, "");
    repository.write("app/README.md", "more words");
    repository.write("app/docs/guide.html", "new");
    let ran = ran(&repository);
    let cause = &on(&ran, 7)[0];
    assert_eq!((&cause["cause"], &cause["count"]), (&"files".into(), &2.into()));
    assert_eq!(cause["ignorable"], serde_json::json!(["README.md", "docs"]));
    repository.write("app/.dockerignore", "README.md\ndocs\nDockerfile\n.dockerignore\n");
    repository.commit("ignore");
    repository.weighbridge(&["run"]).expect(0);
    repository.write("app/README.md", "even more words");
    assert_eq!(self::ran(&repository), [], "the lines do not spare the step");
}

#[test]
fn a_dockerignore_that_lets_a_file_in_is_told_by_that_file() {
    let repository = service("let-in", DOCKERFILE, "");
    repository.write("app/.dockerignore", ".dockerignore\nREADME.md\n");
    let ran = ran(&repository);
    assert!(files(on(&ran, 7)).contains(&"README.md"), "{ran:?}");
}

#[test]
fn uncommitted_and_untracked_files_are_told_too() {
    let repository = service("dirty", DOCKERFILE, "");
    repository.write("app/src/new.txt", "untracked");
    repository.weighbridge(&["run"]).expect(0);
    assert_eq!(files(on(&causes(&repository), 7)), ["src/new.txt"]);
}

#[test]
fn a_file_that_git_ignores_is_not_guessed() {
    let repository = service("untold", DOCKERFILE, "");
    repository.write(".gitignore", "*.generated\n");
    repository.write("app/x.generated", "generated");
    let ran = ran(&repository);
    assert_eq!(kinds(on(&ran, 7)), ["unknown"]);
    assert!(on(&ran, 7)[0]["reason"].as_str().unwrap().contains("git ignores"), "{ran:?}");
}

#[test]
fn no_cache_is_the_reason_where_it_is_asked_for() {
    let repository = service("no-cache", DOCKERFILE, "");
    let config = repository.read("weighbridge.yml").replace("[linux/amd64]", "[linux/amd64], no_cache_filter: [build]");
    repository.write("weighbridge.yml", config);
    let ran = ran(&repository);
    assert!(ran.iter().filter(|(line, _)| *line < 9).all(|(_, causes)| kinds(causes) == ["no_cache"]), "{ran:?}");
}

#[test]
fn a_base_image_that_moved_is_told_with_both_digests() {
    let tag = base_image("moved", "one");
    let repository = service("moved", &DOCKERFILE.replace("debian:bookworm-slim", &tag), "");
    let before = repository.report()["cells"][0]["base_images"][0]["digest"].clone();
    assert_eq!(base_image("moved", "two"), tag);
    let ran = ran(&repository);
    let cause = ran[0].1.iter().find(|cause| cause["cause"] == "base_image").unwrap();
    assert_eq!((&cause["base"], &cause["name"]), (&before, &tag.into()));
    assert_ne!(cause["head"], before);
}

#[test]
fn another_base_image_in_the_dockerfile_is_told_by_its_line() {
    let tag = base_image("other", "one");
    let repository = service("other-base", DOCKERFILE, "");
    repository.write("app/Dockerfile", DOCKERFILE.replace("debian:bookworm-slim", &tag));
    repository.write("app/.dockerignore", "Dockerfile\n.dockerignore\n");
    let ran = ran(&repository);
    let cause = ran[0].1.iter().find(|cause| cause["cause"] == "setting").unwrap();
    assert_eq!((&cause["instruction"], &cause["dockerfile_line"]), (&format!("FROM {tag}").into(), &1.into()));
}

#[test]
fn a_platform_that_the_baseline_lacks_is_the_reason() {
    let repository =
        service("platform", "FROM debian:bookworm-slim\nCOPY packages.txt /\nRUN uname -m > /machine\n", "");
    let config = repository.read("weighbridge.yml").replace("linux/amd64", "linux/arm64");
    repository.write("weighbridge.yml", config);
    let ran = ran(&repository);
    assert!(
        on(&ran, 3)
            .iter()
            .chain(on(&ran, 2))
            .any(|cause| { cause["reason"].as_str().is_some_and(|reason| reason.contains("for this platform")) }),
        "{ran:?}"
    );
}

#[test]
fn a_moved_base_image_and_a_changed_file_are_both_told() {
    let tag = base_image("both", "one");
    let repository = service("both", &DOCKERFILE.replace("debian:bookworm-slim", &tag), "");
    base_image("both", "two");
    repository.write("app/packages.txt", format!("changed {:?}", std::time::SystemTime::now()));
    let ran = ran(&repository);
    // Where the engine has seen the same WORKDIR on that base, the COPY is the first step to miss.
    let told: Vec<&str> = ran.iter().filter(|(line, _)| *line <= 5).flat_map(|(_, causes)| kinds(causes)).collect();
    assert!(told.contains(&"files") && told.contains(&"base_image"), "{ran:?}");
}

#[test]
fn a_build_argument_and_a_changed_file_are_both_told() {
    let repository = service("argument-file", DOCKERFILE, ", build_args: { VERSION: one }");
    let config = repository.read("weighbridge.yml").replace("VERSION: one", "VERSION: two");
    repository.write("weighbridge.yml", config);
    repository.write("app/src/main.txt", "changed");
    let ran = ran(&repository);
    assert!(kinds(on(&ran, 6)).contains(&"build_argument"), "{ran:?}");
    assert_eq!(files(on(&ran, 7)), ["src/main.txt"]);
    assert_eq!(kinds(on(&ran, 8)), ["earlier"]);
}

#[test]
fn an_edited_instruction_and_a_changed_file_are_both_told() {
    let repository = service("edited-file", DOCKERFILE, "");
    repository.write("app/Dockerfile", DOCKERFILE.replace("COPY packages.txt ./", "COPY --chmod=600 packages.txt ./"));
    repository.write("app/packages.txt", format!("changed {:?}", std::time::SystemTime::now()));
    let ran = ran(&repository);
    assert_eq!(kinds(on(&ran, 5)), ["edited", "files"]);
    assert_eq!(files(on(&ran, 5)), ["packages.txt"]);
}

/// A base image of its own under a tag that does not change, with this content.
fn base_image(name: &str, content: &str) -> String {
    let registry = std::env::var("WEIGHBRIDGE_TEST_REGISTRY").unwrap();
    let tag = format!("{registry}/e2e/base-{name}:{}", std::process::id());
    let place = tempfile::tempdir().unwrap();
    let dockerfile = format!("FROM debian:bookworm-slim\nRUN echo {content} > /base\n");
    std::fs::write(place.path().join("Dockerfile"), dockerfile).unwrap();
    let mut push = std::process::Command::new("docker");
    push.args(["buildx", "build", "--quiet", "--push", "--provenance=false", "--tag", &tag]).arg(place.path());
    assert!(push.output().unwrap().status.success());
    tag
}
