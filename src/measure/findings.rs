//! What a build said beside its result: build checks of the Dockerfile, and failures that it was told to ignore.

use std::collections::BTreeSet;

use super::cache::is_lost_layer;
use crate::buildx::names::VertexKind;
use crate::buildx::text::one_line;
use crate::buildx::trace::{Trace, Vertex, Warning};
use crate::report::{Finding, Outcome, Severity};

/// Characters of a message.
const MAX_MESSAGE: usize = 300;
/// In front of a build check's name and a slash in its URL.
const RULE_URL: &str = "https://docs.docker.com/go/dockerfile/rule/";

/// The findings of a build, in the order of the stream, each once. Errors of vertices are findings only of a build
/// that succeeded all the same; in another one they are its failure.
#[must_use]
pub fn build_findings(trace: &Trace, outcome: Outcome) -> Vec<Finding> {
    let checks = trace.warnings.iter().map(check);
    let built = outcome == Outcome::Built;
    let ignored = trace.vertices.iter().filter(|_| built).filter_map(ignored_error);
    let mut seen = BTreeSet::new();
    checks
        .chain(ignored)
        .chain(incomplete(trace))
        .filter(|finding| seen.insert((finding.rule.clone(), finding.dockerfile_line, finding.message.clone())))
        .collect()
}

/// A warning of the frontend: a build check when its page is one.
fn check(warning: &Warning) -> Finding {
    let name = warning.url.as_deref().and_then(rule_name);
    let text = one_line(&warning.short, MAX_MESSAGE);
    let repeated = name.as_deref().and_then(|name| text.strip_prefix(name)?.strip_prefix(": "));
    Finding {
        severity: Severity::Warning,
        message: without_line(repeated.unwrap_or(&text), warning.line).to_owned(),
        dockerfile_line: warning.line,
        url: warning.url.clone().filter(|_| name.is_some()),
        rule: name.map_or_else(|| "build-warning".to_owned(), |name| format!("build-check/{name}")),
    }
}

/// The name of a build check from its page: `stage-name-casing` is `StageNameCasing`. `None` for any other page.
fn rule_name(url: &str) -> Option<String> {
    let slug = url.strip_prefix(RULE_URL)?.trim_end_matches('/');
    if slug.is_empty() || slug.len() > 80 || !slug.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') {
        return None;
    }
    let word = |word: &str| match word {
        "json" => "JSON".to_owned(),
        _ => word.chars().take(1).map(|first| first.to_ascii_uppercase()).chain(word.chars().skip(1)).collect(),
    };
    Some(slug.split('-').map(word).collect())
}

/// The text without the ` (line 5)` that repeats the finding's line.
fn without_line(text: &str, line: Option<u32>) -> &str {
    line.and_then(|line| text.strip_suffix(&format!(" (line {line})"))).unwrap_or(text)
}

/// The finding of a vertex that failed without failing the build.
fn ignored_error(vertex: &Vertex) -> Option<Finding> {
    let error = vertex.real_error()?;
    let is_of_cache = match VertexKind::of(&vertex.name) {
        VertexKind::CacheImport | VertexKind::CacheExport => true,
        VertexKind::Step(_) => vertex.cached && is_lost_layer(error),
        _ => false,
    };
    if is_of_cache {
        // What became of caches is told beside what was planned with them.
        return None;
    }
    let (rule, severity) = ("ignored-build-error".to_owned(), Severity::Warning);
    let message = one_line(&format!("{}: {error}", vertex.name), MAX_MESSAGE);
    Some(Finding { rule, severity, message, dockerfile_line: None, url: None })
}

fn incomplete(trace: &Trace) -> Option<Finding> {
    trace.incomplete.then(|| Finding {
        rule: "progress-incomplete".to_owned(),
        severity: Severity::Warning,
        message: "the progress stream was too large to be kept whole; steps, durations and findings may be missing"
            .to_owned(),
        dockerfile_line: None,
        url: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buildx::trace::recorded;

    fn shown(trace: &Trace, outcome: Outcome) -> Vec<String> {
        let line = |finding: &Finding| finding.dockerfile_line.map_or("-".to_owned(), |line| line.to_string());
        let findings = build_findings(trace, outcome);
        findings.iter().map(|one| format!("{:?} {} {} {}", one.severity, one.rule, line(one), one.message)).collect()
    }

    #[test]
    fn recorded_build_checks_have_rule_line_and_page() {
        let trace = recorded("multiplatform-lint-warnings");
        insta::assert_snapshot!(shown(&trace, Outcome::Built).join("\n"), @r#"
        Warning build-check/StageNameCasing 1 Stage name 'Base' should be lowercase
        Warning build-check/FromAsCasing 3 'as' and 'FROM' keywords' casing do not match
        Warning build-check/ConsistentInstructionCasing 1 Command 'from' should match the case of the command majority (uppercase)
        Warning build-check/LegacyKeyValueFormat 5 "ENV key=value" should be used instead of legacy "ENV key value" format
        "#);
        let pages = build_findings(&trace, Outcome::Failed);
        assert_eq!(pages[1].url.as_deref(), Some("https://docs.docker.com/go/dockerfile/rule/from-as-casing/"));
        assert_eq!(shown(&recorded("multiplatform-oci-dir-lock-noise"), Outcome::Built), shown(&trace, Outcome::Built));
    }

    #[test]
    fn ignored_failures_are_findings_of_builds_that_succeeded() {
        let failed = Vertex { name: "[auth] x".into(), error: Some("no token".into()), ..Vertex::default() };
        let trace = Trace { vertices: vec![failed], ..Trace::default() };
        assert_eq!(shown(&trace, Outcome::Built), ["Warning ignored-build-error - [auth] x: no token"]);
        assert!(build_findings(&trace, Outcome::Failed).is_empty());
        for quiet in [
            "cold-build-oci-zstd",
            "gha-export-max",
            "gha-import-lazy-download",
            "two-outputs-oci-dir-and-push",
            "warm-push-registry-cache",
            "gha-export-denied-ignored",
        ] {
            assert!(build_findings(&recorded(quiet), Outcome::Built).is_empty(), "{quiet}");
        }
        assert!(build_findings(&recorded("run-failure-exit3"), Outcome::Failed).is_empty());
    }

    #[test]
    fn a_page_becomes_the_name_of_its_rule() {
        for (slug, name) in [
            ("stage-name-casing/", Some("StageNameCasing")),
            ("json-args-recommended/", Some("JSONArgsRecommended")),
            ("copy-ignored-file", Some("CopyIgnoredFile")),
            ("../x/", None),
            ("", None),
        ] {
            assert_eq!(rule_name(&format!("{RULE_URL}{slug}")).as_deref(), name, "{slug}");
        }
        assert_eq!(rule_name("https://example.com/rule/x/"), None);
    }

    #[test]
    fn other_warnings_long_texts_and_repeats_are_tamed() {
        let warning = Warning { short: "a\n".repeat(500), url: Some("javascript:x".into()), ..Warning::default() };
        let trace = Trace { warnings: vec![warning.clone(), warning], incomplete: true, ..Trace::default() };
        let findings = build_findings(&trace, Outcome::Built);
        assert_eq!((findings[0].rule.as_str(), findings[0].url.as_deref()), ("build-warning", None));
        assert_eq!((findings[0].message.chars().count(), findings.len()), (MAX_MESSAGE, 2));
        assert_eq!(findings[1].rule, "progress-incomplete");
    }
}
