//! Remarks as a code quality report of GitLab, which it shows at the lines that a merge request changes.
//! <https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format>

use std::collections::BTreeMap;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::remarks::Remark;
use crate::report::Severity;

/// Where a remark stands whose file is not known, as every entry needs one.
const NO_FILE: &str = "weighbridge.yml";

#[derive(Serialize)]
struct Entry<'r> {
    description: String,
    check_name: &'r str,
    fingerprint: String,
    severity: &'static str,
    location: Location<'r>,
}

#[derive(Serialize)]
struct Location<'r> {
    path: &'r str,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
}

/// The remarks as JSON.
#[must_use]
pub fn render(remarks: &[Remark]) -> String {
    let mut seen = BTreeMap::new();
    let entries: Vec<Entry<'_>> = remarks.iter().map(|remark| entry(remark, &mut seen)).collect();
    serde_json::to_string_pretty(&entries).unwrap_or_else(|_| "[]".to_owned()) + "\n"
}

fn entry<'r>(remark: &'r Remark, seen: &mut BTreeMap<String, usize>) -> Entry<'r> {
    let title = if remark.title.is_empty() { String::new() } else { format!("{}: ", remark.title) };
    Entry {
        description: format!("{title}{}", remark.message),
        check_name: &remark.rule,
        fingerprint: fingerprint(&remark.identity, seen),
        severity: match remark.severity {
            Severity::Error => "critical",
            Severity::Warning => "minor",
            Severity::Notice => "info",
        },
        location: Location {
            path: remark.file.as_deref().unwrap_or(NO_FILE),
            lines: Lines { begin: remark.line.filter(|_| remark.file.is_some()).unwrap_or(1) },
        },
    }
}

/// GitLab tells old remarks from new ones by this. Lines move and numbers change, so neither is part of it; equal remarks
/// are told apart by their order.
fn fingerprint(identity: &[String], seen: &mut BTreeMap<String, usize>) -> String {
    let joined = identity.iter().map(|part| format!("{}:{part}", part.len())).collect::<Vec<_>>().join(",");
    let count = seen.entry(joined.clone()).or_default();
    *count += 1;
    Sha256::digest(format!("{count} {joined}")).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::compare::compare;
    use crate::render::remarks::{self, remarks};
    use crate::render::scene;
    use crate::report::{Report, sample};

    fn report(base: Option<&Report>, head: &Report) -> String {
        render(&remarks(&compare(base, head), &remarks::tests::files(head)))
    }

    #[test]
    fn the_code_quality_of_some_situations() {
        for (name, base, head) in scene::all() {
            let text = report(base.as_ref(), &head);
            match name {
                "no change" | "first run" => assert_eq!(text, "[]\n", "{name}"),
                "over budget" | "failed cell" | "hostile names" => {
                    scene::assert_snapshot(&format!("{name}.codequality"), &text);
                }
                _ => {}
            }
        }
    }

    #[test]
    fn a_fingerprint_outlives_lines_and_numbers_but_not_the_thing_itself() {
        let remark = |line, message: &str, rule: &str| Remark {
            severity: Severity::Error,
            rule: rule.to_owned(),
            title: String::new(),
            message: message.to_owned(),
            file: None,
            line: Some(line),
            identity: vec![rule.to_owned(), "Dockerfile".to_owned()],
        };
        let fingerprints = |remarks: &[Remark]| {
            let entries: Vec<Value> = serde_json::from_str(&render(remarks)).unwrap();
            entries.iter().map(|entry| entry["fingerprint"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let one = fingerprints(&[remark(3, "+1 MB", "a"), remark(9, "+1 MB", "a"), remark(3, "+1 MB", "b")]);
        assert_eq!(one, fingerprints(&[remark(4, "+2 MB", "a"), remark(5, "+1 MB", "a"), remark(3, "+1 MB", "b")]));
        assert!(one[0] != one[1] && one[1] != one[2] && one[0].len() == 64);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_entry_has_what_gitlab_asks_for(head in sample::any_report(0..6)) {
            let entries: Vec<Value> = serde_json::from_str(&report(Some(&head), &head)).unwrap();
            let fingerprints: std::collections::BTreeSet<_> =
                entries.iter().map(|entry| entry["fingerprint"].as_str().unwrap()).collect();
            prop_assert_eq!(fingerprints.len(), entries.len());
            for entry in &entries {
                prop_assert!(!entry["location"]["path"].as_str().unwrap().is_empty());
                prop_assert!(entry["location"]["lines"]["begin"].is_u64());
            }
        }
    }
}
