//! The inert-cache alarm: what a reader should know when a cache did not do what was planned.

use super::causes::{explain, is_lost_layer};
use super::verb;
use crate::buildx::names::VertexKind;
use crate::buildx::trace::Trace;
use crate::config::Backend;
use crate::plan::cache::{CachePlan, Direction, Entry};
use crate::report::{CacheEnd, CacheReport, CacheUse, Finding, Severity};

/// The findings of a build's caches. Those of a build that failed say nothing of its caches beyond the plan.
pub(super) fn findings(plan: &CachePlan, report: &CacheReport, trace: &Trace, built: bool) -> Vec<Finding> {
    let mut findings = dropped(plan);
    if built {
        let imports = report.imports.iter().map(|used| (Direction::From, used));
        let exports = report.exports.iter().map(|used| (Direction::To, used));
        findings.extend(imports.chain(exports).filter_map(|(direction, used)| failure(direction, used)));
        findings.extend(lost_layers(trace));
        findings.extend(without_hit(plan, report, trace));
    }
    for finding in findings.iter_mut().filter(|finding| plan.is_required && finding.severity == Severity::Warning) {
        finding.severity = Severity::Error;
    }
    findings
}

/// Caches that were not even planned although they were to be expected.
fn dropped(plan: &CachePlan) -> Vec<Finding> {
    let wrong = plan.remarks.iter().filter_map(|remark| Some((remark.severity?, remark)));
    wrong.map(|(severity, remark)| finding("cache-dropped", severity, remark.line())).collect()
}

fn failure(direction: Direction, used: &CacheUse) -> Option<Finding> {
    let (done, entry) = (verb(direction), &used.entry);
    match used.end {
        CacheEnd::Failed => {
            let rule = if direction == Direction::To { "cache-export-failed" } else { "cache-import-failed" };
            let error = used.error.as_deref().unwrap_or_default();
            let message = match explain(error) {
                Some(cause) => {
                    let (meaning, fix) = (cause.meaning, cause.fix);
                    format!("{entry} was not {done}: {meaning}; {fix} ({error})")
                }
                None => format!("{entry} was not {done}: {error}"),
            };
            Some(finding(rule, Severity::Warning, message))
        }
        CacheEnd::Ignored => {
            let message = format!(
                "{entry} was not {done}: the builder ignored it without a word; it lacks something that this store \
                 needs, such as its address or token in the environment"
            );
            Some(finding("cache-ignored", Severity::Warning, message))
        }
        CacheEnd::Done | CacheEnd::NotFound | CacheEnd::NotReached => None,
    }
}

/// Steps that the index of a cache promised and that ran all the same, because their layers were gone.
fn lost_layers(trace: &Trace) -> Option<Finding> {
    let lost = trace.vertices.iter().filter(|vertex| {
        let is_step = matches!(VertexKind::of(&vertex.name), VertexKind::Step(_));
        is_step && vertex.cached && vertex.real_error().is_some_and(is_lost_layer)
    });
    let message = match lost.count() {
        0 => return None,
        1 => "a step was in the cache that was read, but its layers are gone, so it ran".to_owned(),
        count => format!("{count} steps were in the cache that was read, but their layers are gone, so they ran"),
    };
    let fix = "the cache was evicted in part; the next write mends it";
    Some(finding("cache-import-failed", Severity::Warning, format!("{message}; {fix}")))
}

/// Caches were read, and nothing came of it: most often nobody has written yet.
fn without_hit(plan: &CachePlan, report: &CacheReport, trace: &Trace) -> Option<Finding> {
    let is_read = |used: &&CacheUse| matches!(used.end, CacheEnd::Done | CacheEnd::NotFound);
    let read: Vec<&CacheUse> = report.imports.iter().filter(is_read).collect();
    let is_step = |name: &str| matches!(VertexKind::of(name), VertexKind::Step(_));
    let mut steps = trace.vertices.iter().filter(|vertex| is_step(&vertex.name));
    let (mut any_step, mut any_hit) = (false, false);
    steps.by_ref().for_each(|step| (any_step, any_hit) = (true, any_hit || (step.cached && step.error.is_none())));
    if read.is_empty() || !any_step || any_hit {
        return None;
    }
    let never_written = read.iter().all(|used| used.end == CacheEnd::NotFound);
    let where_to = plan.from.last().and_then(seed_branch).unwrap_or("the default branch");
    let writes_now = report.exports.iter().any(|used| used.end == CacheEnd::Done);
    let (rule, what) = match never_written {
        true => ("cache-never-written", format!("nothing had been written on {where_to} yet")),
        false => (
            "cache-without-hit",
            format!(
                "a cache was read, and no step was served from it: nothing had been written on {where_to} yet, it was \
                 evicted, or the first steps changed"
            ),
        ),
    };
    let then = if writes_now {
        "this run has written it".to_owned()
    } else {
        format!("the first push to {where_to} seeds it")
    };
    Some(finding(rule, Severity::Notice, format!("{what}: {then}")))
}

/// The branch that would have to be built for there to be something to read.
fn seed_branch(entry: &Entry) -> Option<&str> {
    if entry.backend == Some(Backend::Gha) { None } else { entry.branch.as_deref() }
}

fn finding(rule: &str, severity: Severity, message: String) -> Finding {
    Finding { rule: rule.to_owned(), severity, message, dockerfile_line: None, url: None }
}
