//! Scanners of vulnerabilities: fakes on `PATH` that answer with what real ones document.

use std::os::unix::fs::PermissionsExt;

use crate::case::Case;
use crate::fake::Build;
use crate::layout::TestImage;

/// A scanner that looks for what it is asked about, and answers.
const FAKE: &str = r#"#!/bin/sh
name=${0##*/}
echo "$name $*" >>"$FAKE_DOCKER/scans"
if [ "$1" = version ]; then
    cat "$FAKE_DOCKER/answers/trivy.version"
    exit
fi
for folder; do :; done
[ "$name" = trivy ] || folder=${1#oci-dir:}
grep -o '"digest"' "$folder/index.json" | wc -l >>"$FAKE_DOCKER/scans"
ls "$folder/blobs/sha256" >/dev/null || exit 7
[ ! -e "$FAKE_DOCKER/answers/$name.fails" ] || { echo 'FATAL no database' >&2; exit 1; }
cat "$FAKE_DOCKER/answers/$name.json"
"#;

pub(crate) const BASE: &str =
    r#"{"VulnerabilityID": "CVE-1", "PkgName": "qs", "InstalledVersion": "6.5.1", "Severity": "LOW"}"#;
/// Of a package that was there, and of one that was not.
pub(crate) const HEAD: &str = r#"
    {"VulnerabilityID": "CVE-2", "PkgName": "qs", "InstalledVersion": "6.5.1", "Severity": "MEDIUM"},
    {"VulnerabilityID": "CVE-3", "PkgName": "left-pad", "InstalledVersion": "1", "Severity": "HIGH", "FixedVersion": "2"}"#;

pub(crate) fn scanner(case: &Case, name: &str) {
    let path = case.docker.path("bin").join(name);
    std::fs::write(&path, FAKE).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
}

pub(crate) fn trivy_says(case: &Case, vulnerabilities: &str, database: &str) {
    let class = r#""Target": "node", "Class": "lang-pkgs""#;
    let answer = format!(r#"{{"SchemaVersion": 2, "Results": [{{{class}, "Vulnerabilities": [{vulnerabilities}]}}]}}"#);
    case.docker.answers("trivy.json", answer);
    case.docker.answers("trivy.version", format!(r#"{{"VulnerabilityDB": {{"UpdatedAt": "{database}"}}}}"#));
}

pub(crate) fn scans(case: &Case) -> String {
    std::fs::read_to_string(case.docker.path("scans")).unwrap_or_default()
}

fn configured(more: &str) -> Case {
    let case = Case::configured(&format!("images: {{ orders: {{ context: orders }} }}\n{more}"));
    case.repository.commit("configure");
    case
}

#[test]
fn what_the_change_brings_is_told_apart_from_what_the_database_brings() {
    let case = configured("");
    scanner(&case, "trivy");
    trivy_says(&case, BASE, "monday");
    case.run(&[]).expect(0);
    assert_eq!(case.cell(0, "scan")["vulnerabilities"].as_array().unwrap().len(), 1);
    case.repository.commit("grow");
    case.docker.builds("orders", &Build::ok(TestImage::of(100_000)));
    trivy_says(&case, &format!("{BASE}, {HEAD}"), "tuesday");
    let run = case.run(&[]).expect(0);
    let brings = "brings 1 new vulnerability (1 high):";
    assert!(run.stdout.contains(brings) && case.comment().contains(brings), "{}", case.comment());
    let apart = "known since the database is newer: `CVE-2` in `qs` 6.5.1";
    assert!(case.comment().contains(apart), "{}", case.comment());
    assert_eq!(case.cell(0, "scan")["database"], "tuesday");
    // Each time one image alone, and one question for the date.
    let scans = scans(&case);
    let counts: Vec<&str> =
        scans.lines().filter_map(|line| line.trim().parse::<u8>().ok().map(|_| line.trim())).collect();
    assert_eq!(counts, ["1", "1"], "{scans}");
    assert!(!case.repository.path().join(".weighbridge/cells/orders/linux-amd64/scan").exists());
}

#[test]
fn the_scanner_that_is_named_is_asked() {
    let case = configured("scan: grype\n");
    scanner(&case, "trivy");
    scanner(&case, "grype");
    let answer = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/scan/grype.json"));
    case.docker.answers("grype.json", answer.unwrap());
    case.run(&[]).expect(0);
    assert!(scans(&case).starts_with("grype oci-dir:") && !scans(&case).contains("trivy"), "{}", scans(&case));
    assert_eq!(case.cell(0, "scan")["scanner"], "grype");
    assert!(case.comment().contains("the baseline was not scanned alike"), "{}", case.comment());
}

#[test]
fn without_a_scanner_nothing_is_said_and_none_is_asked_that_is_not_wanted() {
    let case = configured("scan: off\n");
    scanner(&case, "trivy");
    trivy_says(&case, BASE, "monday");
    case.run(&[]).expect(0);
    assert_eq!((scans(&case).as_str(), case.cell(0, "scan")), ("", serde_json::Value::Null));
    assert!(!case.comment().contains("ulnerabilit"), "{}", case.comment());
}

#[test]
fn a_scanner_that_fails_is_a_finding_and_never_an_image_without_vulnerabilities() {
    let case = configured("scan: trivy\n");
    let finding = |case: &Case| {
        case.run(&[]).expect(0);
        assert_eq!(case.cell(0, "scan"), serde_json::Value::Null);
        let findings = case.cell(0, "findings");
        let one = findings.as_array().unwrap().iter().find(|finding| finding["rule"] == "not-scanned").unwrap();
        one["message"].as_str().unwrap().to_owned()
    };
    let message = finding(&case);
    assert!(message.starts_with("trivy did not scan the image: "), "{message}");
    scanner(&case, "trivy");
    for (answer, expected) in [("{}", "read the answer of trivy: neither"), ("{\"SchemaVersion\": 9}", "version 9")] {
        trivy_says(&case, BASE, "monday");
        case.docker.answers("trivy.json", answer);
        let message = finding(&case);
        assert!(message.contains(expected), "{message}");
    }
    case.docker.answers("trivy.fails", "");
    assert!(finding(&case).contains("FATAL no database"), "{}", finding(&case));
}

#[test]
fn one_that_merely_happens_to_be_installed_fails_quietly() {
    let case = configured("");
    scanner(&case, "grype");
    case.docker.answers("grype.fails", "");
    case.run(&[]).expect(0);
    let findings = case.cell(0, "findings");
    let one = findings.as_array().unwrap().iter().find(|finding| finding["rule"] == "not-scanned").unwrap();
    assert_eq!(one["severity"], "notice", "{one}");
}

#[test]
fn what_a_scanner_said_already_can_be_given() {
    let case = configured("");
    scanner(&case, "trivy");
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/scan");
    for (name, vulnerabilities) in [("trivy", 4), ("grype", 2)] {
        case.run(&["--scan", &format!("orders={fixtures}/{name}.json")]).expect(0);
        let scan = case.cell(0, "scan");
        assert_eq!(
            (&scan["scanner"], scan["vulnerabilities"].as_array().unwrap().len()),
            (&name.into(), vulnerabilities)
        );
    }
    assert_eq!(scans(&case), "", "nobody is asked for what is given");
}

#[test]
fn a_given_file_that_is_none_of_a_scanner_stops_the_run_before_it_builds() {
    let case = configured("defaults: { platforms: [linux/amd64, linux/arm64] }\n");
    for (name, content, expected) in [
        ("missing.json", None, "missing.json"),
        ("cut.json", Some(r#"{"SchemaVersion": 2, "Results": [{"Vulnera"#), "cut.json as the answer of a scanner"),
        ("other.json", Some(r#"{"spdxVersion": "SPDX-2.3"}"#), "neither an answer of trivy"),
        ("empty.json", Some(""), "empty.json as the answer of a scanner"),
    ] {
        if let Some(content) = content {
            case.repository.write(name, content);
        }
        let run = case.run(&["--scan", &format!("orders/linux/amd64={name}")]).expect(2);
        assert!(run.stderr.contains(expected), "{}", run.stderr);
    }
    case.repository.write("good.json", r#"{"SchemaVersion": 2}"#);
    for (builds, expected) in [
        (&["web=good.json"][..], "no such build; expected one of orders/linux/amd64, orders/linux/arm64"),
        (&["orders=good.json"], "which platform of \"orders\"?"),
        (&["orders/linux/arm64=good.json", "orders/linux/arm64=good.json"], "given twice for orders linux/arm64"),
    ] {
        let options: Vec<&str> = builds.iter().flat_map(|build| ["--scan", build]).collect();
        let run = case.run(&options).expect(2);
        assert!(run.stderr.contains(expected), "{}", run.stderr);
    }
}
