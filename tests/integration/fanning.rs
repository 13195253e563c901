//! Cells that several runners build and one process reports: the matrix, the parts, the tags.

use serde_json::{Value, json};

use crate::case::Case;
use crate::fake::{Build, recorded};
use crate::layout::TestImage;

/// What the recorded streams say that was pushed: an index with attestations, and a manifest.
const AMD64: &str = "sha256:e6425d8d2f1c97f692e45369b8ef8ad14909a8327cbb2b900f00efdc74855822";
const ARM64: &str = "sha256:17a8dc22544c13b0ec0a15569e2662932777943998e2ccb6784ee7557cea8938";
const YAML: &str = "images: { web: { context: web, platforms: [linux/arm64, linux/amd64], tags: ['r.example/web:1'] } }\n\
                    runners: { linux/arm64: 'self-hosted, arm' }\n";

/// A committed configuration and a docker that pushes both platforms and joins them.
pub(crate) fn case() -> Case {
    let mut case = Case::configured(YAML);
    case.repository.commit("head");
    case.set("WEIGHBRIDGE_RUN", "17");
    for (architecture, stream) in [("amd64", "push-by-digest"), ("arm64", "push-by-digest-without-attestations")] {
        let image = TestImage { architecture, ..TestImage::of(1_000) };
        case.docker
            .builds(&format!("web.linux-{architecture}"), &Build { stream: recorded(stream), ..Build::ok(image) });
    }
    config(&case, AMD64, &json!({ "linux/amd64": { "os": "linux", "architecture": "amd64" } }));
    let joined = index(&[("amd64", "sha256:image"), ("arm64", ARM64)]);
    case.docker.answers("trial", &joined);
    case.docker.answers("index", &joined);
    case
}

/// Sets what the registry has as the configuration of an image.
fn config(case: &Case, digest: &str, config: &Value) {
    case.docker.answers(&digest.replace("sha256:", "config."), config.to_string());
}

fn index(images: &[(&str, &str)]) -> String {
    let entry = |(architecture, digest): &(&str, &str)| json!({ "digest": digest, "size": 1, "platform": { "os": "linux", "architecture": architecture } });
    json!({ "schemaVersion": 2, "manifests": images.iter().map(entry).collect::<Vec<Value>>() }).to_string()
}

/// The calls that move tags.
pub(crate) fn moved(case: &Case) -> Vec<String> {
    let calls = case.docker.calls(&["buildx", "imagetools", "create"]);
    calls.iter().filter(|call| !call.contains(&"--dry-run".to_owned())).map(|call| call.join(" ")).collect()
}

fn both(case: &Case) {
    case.weighbridge(&["build", "--push", "--cell", "web@linux/amd64"]).expect(0);
    case.weighbridge(&["build", "--push", "--cell", "web@linux/arm64"]).expect(0);
}

#[test]
fn two_runners_build_and_a_third_process_joins_and_reports() {
    let case = case();
    case.weighbridge(&["build", "--push", "--cell", "web@linux/amd64"]).expect(0);
    assert!(moved(&case).is_empty() && case.docker.calls(&["buildx", "build"]).len() == 1);
    let second = case.weighbridge(&["build", "--push", "--cell", "web@linux/arm64"]).expect(0).stdout;
    assert!(second.ends_with("/.weighbridge/parts/part@17@1@web@linux-arm64.json\n"), "{second}");
    for build in case.docker.calls(&["buildx", "build"]) {
        let output =
            "type=image,name=r.example/web,push-by-digest=true,name-canonical=true,push=true,store=false".to_owned();
        assert!(build.contains(&output) && !build.contains(&"--tag".to_owned()), "{build:?}");
    }
    case.weighbridge(&["report"]).expect(0).says("web: 2 platforms pushed as sha256:");
    let create = format!("buildx imagetools create --tag r.example/web:1 r.example/web@{AMD64} r.example/web@{ARM64}");
    assert_eq!(moved(&case), [create.as_str()]);
    let (report, comment) = (case.repository.report(), case.comment());
    assert_eq!(case.cell(1, "pushed_digest"), ARM64);
    for (cell, name) in [(0, "amd64"), (1, "arm64")] {
        let part = case.repository.read(&format!(".weighbridge/parts/part@17@1@web@linux-{name}.json"));
        let part: Value = serde_json::from_str(&part).unwrap();
        assert_eq!(case.cell(cell, "contents"), part["cells"][0]["contents"], "{name}");
        assert!(case.cell(cell, "contents").is_object(), "{name}");
    }
    // Once more changes nothing.
    case.weighbridge(&["report", ".weighbridge/parts"]).expect(0);
    assert_eq!((case.repository.report(), case.comment()), (report, comment));
    assert_eq!(moved(&case), [create.as_str(), create.as_str()]);
}

#[test]
fn a_part_that_is_missing_is_named_and_no_tag_moves() {
    let case = case();
    case.weighbridge(&["build", "--push", "--cell", "web@linux/amd64"]).expect(0);
    let report = case.weighbridge(&["report"]).expect(3);
    report.says("no part of web linux/arm64 came").says("the tags of web were not moved: linux/arm64 was not built");
    assert!(case.docker.calls(&["buildx", "imagetools"]).is_empty());
    assert!(case.comment().contains("no part of it came"), "{}", case.comment());
    // The leg is run again.
    case.weighbridge(&["build", "--push", "--cell", "web@linux/arm64"]).expect(0);
    case.weighbridge(&["report"]).expect(0);
    assert_eq!(moved(&case).len(), 1);
}

#[test]
fn a_leg_that_failed_and_was_run_again_counts_as_it_ended() {
    let mut case = case();
    let good = TestImage { architecture: "arm64", ..TestImage::of(1_000) };
    case.docker.builds("web.linux-arm64", &Build::failing());
    case.weighbridge(&["build", "--push", "--cell", "web@linux/amd64"]).expect(0);
    case.weighbridge(&["build", "--push", "--cell", "web@linux/arm64"]).expect(3);
    case.weighbridge(&["report"]).expect(3).says("linux/arm64 was not built");
    let stream = recorded("push-by-digest-without-attestations");
    case.docker.builds("web.linux-arm64", &Build { stream, ..Build::ok(good) });
    case.set("WEIGHBRIDGE_ATTEMPT", "2");
    case.weighbridge(&["build", "--push", "--cell", "web@linux/arm64"]).expect(0);
    case.weighbridge(&["report"]).expect(0);
    assert_eq!(moved(&case).len(), 1);
}

#[test]
fn a_digest_of_another_platform_than_planned_is_never_joined() {
    let case = case();
    both(&case);
    // What was pushed with attestations is an index, which says what it likes of the image in it.
    for (of_amd64, reason) in [
        (json!({ "os": "linux", "architecture": "arm64" }), "was pushed for linux/amd64 and is of linux/arm64"),
        (json!({ "os": "linux", "architecture": "amd64", "variant": "v3" }), "and is of linux/amd64/v3"),
        (json!({}), "and is of"),
    ] {
        let of_amd64 = if of_amd64 == json!({}) { of_amd64 } else { json!({ "linux/amd64": of_amd64 }) };
        config(&case, AMD64, &of_amd64);
        case.weighbridge(&["report"]).expect(3).says(reason);
        assert!(moved(&case).is_empty(), "{reason}");
    }
    config(&case, AMD64, &json!([]));
    case.weighbridge(&["report"]).expect(3).says("read the configuration of the image");
    case.docker.refuses(&AMD64.replace("sha256:", "config."), 1, "ERROR: unexpected status: 403 Forbidden\n");
    case.weighbridge(&["report"]).expect(3).says("403 Forbidden");
    // Of an image without them, buildx reads the configuration itself.
    case.docker.answers("trial", index(&[("arm64", "sha256:image"), ("amd64", ARM64)]));
    case.weighbridge(&["report"]).expect(3).says("was pushed for linux/arm64 and is of linux/amd64");
    assert!(moved(&case).is_empty());
}

#[test]
fn parts_that_do_not_belong_together_are_refused_before_anything_is_done() {
    let mut case = case();
    both(&case);
    let part = ".weighbridge/parts/part@17@1@web@linux-arm64.json";
    let good = case.repository.read(part);
    let other = "sha256:0000000000000000000000000000000000000000000000000000000000000000 --tag x";
    for (content, reason) in [
        (good.replace("\"run\": \"17\"", "\"run\": \"18\""), "a part of run \"18\"; this is run \"17\""),
        (good.replace("linux/arm64", "linux/s390x"), "\"web linux/s390x\" is no cell of this configuration"),
        (good.replace(ARM64, other), "is no digest"),
        (good.replace("\"schema_version\": 1", "\"schema_version\": 9"), "written by a newer weighbridge"),
        (good.chars().take(good.len() / 2).collect(), "not a weighbridge report: EOF"),
        (
            case.repository.read(part).replace("\"pushes\": true", "\"pushes\": false"),
            "some parts were pushed and others were not",
        ),
    ] {
        case.repository.write(part, content);
        case.weighbridge(&["report"]).expect(4).says(reason).says("part@17@1@web@linux-arm64.json");
        assert!(case.docker.calls(&["buildx", "imagetools"]).is_empty(), "{reason}");
    }
    case.repository.write(part, &good);
    case.repository.write("copy.json", good.replace("\"wall_seconds\": ", "\"wall_seconds\": 1"));
    case.weighbridge(&["report", ".weighbridge/parts", "copy.json"]).expect(4).says("with other facts");
    case.repository.write("copy.json", &good);
    case.weighbridge(&["report", ".weighbridge/parts", "copy.json"]).expect(0);
    case.set("WEIGHBRIDGE_RUN", "19");
    case.weighbridge(&["report"]).expect(4).says("this is run \"19\"");
    case.weighbridge(&["report", "copy"]).expect(4);
}

#[test]
fn the_matrix_names_runners_and_cells() {
    let case = Case::configured(YAML).without_docker();
    let matrix = case.weighbridge(&["plan", "--format", "github"]).expect(0).stdout;
    let matrix: Value = serde_json::from_str(&matrix).unwrap();
    assert_eq!(
        matrix["include"],
        json!([
            { "name": "web linux/arm64", "cells": "web@linux/arm64", "runs_on": ["self-hosted", "arm"], "emulates": false },
            { "name": "web linux/amd64", "cells": "web@linux/amd64", "runs_on": ["ubuntu-latest"], "emulates": false },
        ])
    );
    let gitlab = case.weighbridge(&["plan", "--format", "gitlab", "--shards", "1"]).expect(0);
    let gitlab = gitlab.says("there are 2 kinds of runners, so there are as many shards, not 1");
    assert!(gitlab.stdout.contains("\"WEIGHBRIDGE_CELLS\":\"web@linux/arm64\""), "{}", gitlab.stdout);
    case.weighbridge(&["report", "--format", "github"]).expect(2);
}

#[test]
fn ten_thousand_cells_are_all_in_the_jobs_that_a_matrix_may_have() {
    let platforms = "linux/386, linux/amd64, linux/arm/v7, linux/arm64";
    let image = |number: usize| format!("  service-{number:04}: {{ context: web }}\n");
    let images: String = (0..2_500).map(image).collect();
    let case =
        Case::configured(&format!("defaults: {{ platforms: [{platforms}] }}\nimages:\n{images}")).without_docker();
    for (options, jobs) in [(&[][..], 256), (&["--shards", "20"], 20)] {
        let run = case.weighbridge(&[&["plan", "--format", "github"], options].concat()).expect(0);
        let run = if jobs == 256 { run.says("10000 cells are more than the 256 jobs") } else { run };
        // What a step may give on, and what Linux takes as one variable.
        assert!(run.stdout.len() < 1 << 20, "{} bytes", run.stdout.len());
        let matrix: Value = serde_json::from_str(&run.stdout).unwrap();
        let entries: Vec<&str> =
            matrix["include"].as_array().unwrap().iter().map(|entry| entry["cells"].as_str().unwrap()).collect();
        assert_eq!(entries.len(), jobs);
        assert!(entries.iter().all(|cells| cells.len() < 128 << 10));
        let mut cells: Vec<&str> = entries.iter().flat_map(|cells| cells.split(' ')).collect();
        cells.sort_unstable();
        cells.dedup();
        assert_eq!(cells.len(), 10_000);
    }
}

#[test]
fn no_cell_is_an_empty_matrix_and_a_report_of_what_was_carried_over() {
    let mut case = case();
    case.weighbridge(&["run"]).expect(0);
    case.set("WEIGHBRIDGE_RUN", "17");
    case.repository.write("README.md", "words\n");
    case.repository.commit("words");
    let plan = |format| {
        let run = case.weighbridge(&["plan", "--format", format, "--changed", "--base", "HEAD~1"]).expect(0);
        run.says("carried over from the baseline: 2 of 2 cells").stdout
    };
    assert_eq!(plan("github"), "{\"include\":[]}\n");
    assert_eq!(plan("gitlab"), "");
    case.weighbridge(&["report", "--base", "HEAD~1"]).expect(0);
    assert_eq!(case.repository.report()["cells"].as_array().unwrap().len(), 2);
    assert!(moved(&case).is_empty());
}

#[test]
fn cells_that_are_not_there_are_usage_errors() {
    let case = case();
    for (arguments, reason) in [
        (&["--cell", "api@linux/amd64"][..], "no cell api linux/amd64: no image of that name"),
        (&["--cell", "web@linux/s390x"], "the image is not built for that platform"),
        (&["--cell", "web"], "expected IMAGE@PLATFORM"),
        (&["--shard", "3/3"], "shard 3 of 3 is empty: there are 2 cells"),
        (&["--shard", "4/3"], "expected K/N"),
        (&[], "--cell"),
    ] {
        case.weighbridge(&[&["build"], arguments].concat()).expect(2).says(reason);
    }
    assert!(case.docker.calls(&["buildx", "build"]).is_empty());
    case.weighbridge(&["build", "--push", "--shard", "2/2"]).expect(0);
    case.weighbridge(&["build", "--push", "--shard", "1/2"]).expect(0);
    case.weighbridge(&["report"]).expect(0);
}

#[test]
fn an_image_of_one_platform_gets_its_tag_from_the_report_as_well() {
    let case = case();
    case.repository.write("weighbridge.yml", YAML.replace("linux/arm64, ", ""));
    case.docker.answers("trial", index(&[("amd64", "sha256:image")]));
    case.docker.answers("index", index(&[("amd64", "sha256:image")]));
    case.weighbridge(&["build", "--push", "--cell", "web@linux/amd64"]).expect(0);
    assert!(moved(&case).is_empty());
    case.weighbridge(&["report"]).expect(0);
    assert_eq!(moved(&case).len(), 1);
}

#[test]
fn a_report_of_sixty_cells_asks_docker_less_than_three_times_for_each() {
    let case = case();
    let names: Vec<String> = (0..30).map(|number| format!("web-{number}")).collect();
    let image = |name: &String| {
        format!("  {name}: {{ context: web, platforms: [linux/amd64, linux/arm64], tags: ['r.example/{name}:1'] }}\n")
    };
    case.repository.write("weighbridge.yml", format!("images:\n{}", names.iter().map(image).collect::<String>()));
    case.repository.commit("many");
    let stream = recorded("push-by-digest");
    for architecture in ["amd64", "arm64"] {
        let image = TestImage { architecture, ..TestImage::of(1_000) };
        case.docker
            .builds(&format!("web-0.linux-{architecture}"), &Build { stream: stream.clone(), ..Build::ok(image) });
        case.weighbridge(&["build", "--push", "--cell", &format!("web-0@linux/{architecture}")]).expect(0);
        let made = format!(".weighbridge/parts/part@17@1@web-0@linux-{architecture}.json");
        let made = case.repository.read(&made);
        for (number, name) in names.iter().enumerate() {
            // Of each cell a digest of its own, with attestations, so that its configuration is looked at as well.
            let digest = format!("sha256:{:064x}", 2 * number + usize::from(architecture == "arm64"));
            config(
                &case,
                &digest,
                &json!({ format!("linux/{architecture}"): { "os": "linux", "architecture": architecture } }),
            );
            let part = made.replace("web-0", name).replace(AMD64, &digest);
            case.repository.write(&format!(".weighbridge/parts/part@17@1@{name}@linux-{architecture}.json"), part);
        }
    }
    let joined = index(&[("amd64", "sha256:one"), ("arm64", "sha256:other")]);
    case.docker.answers("trial", &joined);
    case.docker.answers("index", &joined);
    case.weighbridge(&["report"]).expect(0).says("web-29: 2 platforms pushed as sha256:");
    assert_eq!(moved(&case).len(), 30);
    let calls = case.docker.calls(&["buildx", "imagetools"]).len();
    assert!(calls < 3 * 60, "{calls} calls");
}
