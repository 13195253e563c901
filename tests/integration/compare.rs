//! `compare`: two report files in, the same bytes out every time.

use crate::case::Case;
use crate::fake::Build;
use crate::layout::{Damage, TestImage};

/// `base.json` and `head.json` of two runs: one image grew, one came, one went, one failed.
fn reports() -> Case {
    let case = Case::new();
    case.repository.write("gone/Dockerfile", "FROM scratch\nCOPY Dockerfile /\n");
    case.run(&[]).expect(0);
    copy(&case, "base.json");
    std::fs::remove_dir_all(case.repository.path().join("gone")).unwrap();
    case.repository.write("new/Dockerfile", "FROM scratch\nCOPY Dockerfile /\n");
    case.docker.builds("orders", &Build::ok(TestImage::of(70_000)));
    case.docker.builds("web", &Build::failing());
    case.run(&[]).expect(3);
    copy(&case, "head.json");
    case
}

fn copy(case: &Case, name: &str) {
    std::fs::copy(case.repository.path().join(".weighbridge/report.json"), case.repository.path().join(name)).unwrap();
}

#[test]
fn the_same_reports_give_the_same_bytes() {
    let case = reports();
    for format in ["text", "markdown", "json"] {
        let of = |jobs: &str| {
            case.weighbridge(&["compare", "base.json", "head.json", "--format", format, "--jobs", jobs])
                .expect(3)
                .stdout
        };
        let first = of("1");
        for name in ["orders", "web", "gone", "new"] {
            assert!(first.contains(name), "{name} in:\n{first}");
        }
        for run in 0..20 {
            assert_eq!(of(if run % 2 == 0 { "4" } else { "1" }), first);
        }
    }
}

#[test]
fn every_format_says_what_changed() {
    let case = reports();
    let of =
        |format: &str| case.weighbridge(&["compare", "base.json", "head.json", "--format", format]).expect(3).stdout;
    assert!(of("markdown").contains("| "), "{}", of("markdown"));
    assert!(of("text").contains("+72.8 kB"), "{}", of("text"));
    let json: serde_json::Value = serde_json::from_str(&of("json")).unwrap();
    assert!(json.is_object(), "{json}");
    assert!(!of("text").contains('\u{1b}'));
    let colored = case.weighbridge(&["compare", "base.json", "head.json", "--color", "always"]).expect(3).stdout;
    assert!(colored.contains('\u{1b}'));
}

#[test]
fn the_exit_code_is_that_of_the_head() {
    let case = reports();
    case.weighbridge(&["compare", "head.json", "base.json"]).expect(0);
    case.docker.builds("web", &Build::ok(TestImage::damaged(Damage::NoIndex)));
    case.run(&[]).expect(4);
    case.weighbridge(&["compare", "base.json", ".weighbridge/report.json"]).expect(4);
}

#[test]
fn a_file_that_is_no_report_is_refused() {
    let case = reports();
    case.repository.write("corrupt.json", "{\"schema_version\": 1, \"cells\": [");
    case.repository.write("newer.json", "{\"schema_version\": 2}");
    for (file, code, message) in [
        ("missing.json", 2, "No such file"),
        ("orders", 2, "compare two reports or two images"),
        ("corrupt.json", 4, "not a weighbridge report: EOF while parsing"),
        ("newer.json", 4, "written by a newer weighbridge"),
    ] {
        case.weighbridge(&["compare", file, "head.json"]).expect(code).says(message).says(file);
        case.weighbridge(&["compare", "base.json", file]).expect(code).says(message).says(file);
    }
    case.weighbridge(&["compare", "base.json"]).expect(2).says("<HEAD>");
}
