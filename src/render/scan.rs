//! What scanners of vulnerabilities say that they did not say of the baseline. Without a scanner there is no line.

use std::collections::BTreeMap;

use super::inside::Group;
use super::line::Line;
use super::names::image_name;
use crate::compare::scan::{ScanChange, Since};
use crate::compare::{Comparison, Row};
use crate::report::CellId;
use crate::report::scan::{Danger, Scan, Vulnerability};

/// Vulnerabilities that are named in sight.
const NAMED: usize = 3;
/// Vulnerabilities of each kind that are listed in the details.
const LISTED: usize = 20;

/// Builds to which the change brings vulnerabilities, the worst of these named.
#[must_use]
pub fn news(comparison: &Comparison<'_>) -> Vec<Line> {
    let say = |scan: &ScanChange<'_>| {
        let new = &scan.since.as_ref().filter(|since| !since.new.is_empty())?.new;
        let what = Line::ours(format!("brings {} ({}):", amount(new.len(), "new "), dangers(new)));
        let named = Line::default().list(new.iter().take(NAMED).map(|found| vulnerability(found)), ", ");
        let more = new.len().saturating_sub(NAMED);
        let named = if more > 0 { named.then(format!(" and {more} more")) } else { named };
        Some(vec![Line::default().strong(what).then(" ").join(named)])
    };
    by_image(comparison, say).into_iter().map(|group| group.title).collect()
}

/// What a scanner says of each build, and how that differs from the baseline.
#[must_use]
pub fn details(comparison: &Comparison<'_>) -> Vec<Group> {
    by_image(comparison, |scan| {
        let differences = scan.since.as_ref().map(differences).unwrap_or_default();
        Some(std::iter::once(whole(scan)).chain(differences).collect())
    })
}

/// What there is to say of each build that was scanned, its first line as the title; platforms of one image of which the
/// same is said stand together.
fn by_image(comparison: &Comparison<'_>, say: impl Fn(&ScanChange<'_>) -> Option<Vec<Line>>) -> Vec<Group> {
    let mut numbers: BTreeMap<(&str, Vec<String>), usize> = BTreeMap::new();
    let mut told: Vec<(Vec<Line>, Vec<&CellId>)> = Vec::new();
    for Row { id, scan, .. } in &comparison.rows {
        let Some(lines) = scan.as_ref().and_then(&say) else { continue };
        let key = (&*id.image, lines.iter().map(Line::markdown).collect());
        let number = *numbers.entry(key).or_insert(told.len());
        match told.get_mut(number) {
            Some((_, ids)) => ids.push(id),
            None => told.push((lines, vec![id])),
        }
    }
    let group = |(lines, ids): (Vec<Line>, Vec<&CellId>)| {
        let mut lines = lines.into_iter();
        let name = ids.first().map_or("", |id| &id.image);
        let title = image_name(name, ids.iter().copied()).then(" ").join(lines.next().unwrap_or_default());
        Group { title, lines: lines.collect() }
    };
    told.into_iter().map(group).collect()
}

fn whole(scan: &ScanChange<'_>) -> Line {
    let found: Vec<&Vulnerability> = scan.head.vulnerabilities.iter().collect();
    let line = Line::ours(format!("has {}", amount(found.len(), "")));
    let line = if found.is_empty() { line } else { line.then(format!(" ({})", dangers(&found))) };
    let line = match &scan.since {
        None => line.then(", the baseline was not scanned alike"),
        Some(since) if *since == Since::default() => line.then(", as before"),
        Some(_) => line,
    };
    line.then("; ").join(scanner(scan.head))
}

/// What the change brought and took away, and what it has no part in.
fn differences(since: &Since<'_>) -> Vec<Line> {
    let kinds = [("new", &since.new), ("gone", &since.gone), ("known since the database is newer", &since.by_database)];
    let kinds = kinds.into_iter().flat_map(|(what, found)| {
        let one = |found: &&Vulnerability| Line::ours(format!("{what}: ")).join(placed(found));
        let more = found.len().saturating_sub(LISTED);
        let more = (more > 0).then(|| Line::ours(format!("{what}: {more} more")));
        found.iter().take(LISTED).map(one).chain(more).collect::<Vec<_>>()
    });
    kinds.collect()
}

/// The scanner with its version and the date of its database.
fn scanner(scan: &Scan) -> Line {
    let line = Line::ours(scan.scanner.to_string());
    let line = scan.version.iter().fold(line, |line, version| line.then(" ").text(version));
    scan.database.iter().fold(line, |line, date| line.then(", database of ").text(date))
}

/// A vulnerability with the place of its package.
fn placed(found: &Vulnerability) -> Line {
    let line = vulnerability(found);
    if found.path.is_empty() { line } else { line.then(" at ").code(&found.path) }
}

fn vulnerability(found: &Vulnerability) -> Line {
    let line = Line::default().code(&found.id).then(" in ").code(&found.package).then(" ").text(&found.version);
    let line = line.then(format!(" ({}", found.severity));
    let line = match &found.fixed_version {
        Some(version) => line.then(", fixed in ").text(version),
        None => line,
    };
    line.then(")")
}

fn amount(count: usize, kind: &str) -> String {
    match count {
        0 => format!("no {kind}vulnerabilities"),
        1 => format!("1 {kind}vulnerability"),
        _ => format!("{count} {kind}vulnerabilities"),
    }
}

/// How many there are of each kind, the worst first: 1 critical, 2 high.
fn dangers(found: &[&Vulnerability]) -> String {
    let mut counts: BTreeMap<Danger, usize> = BTreeMap::new();
    for found in found {
        *counts.entry(found.severity).or_default() += 1;
    }
    let counts: Vec<String> = counts.into_iter().rev().map(|(danger, count)| format!("{count} {danger}")).collect();
    counts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::compare;
    use crate::report::sample::scan::{found, of};
    use crate::report::{Report, sample};

    fn run(vulnerabilities: Option<Vec<Vulnerability>>, database: &str) -> Report {
        let mut report = sample::report();
        let image = report.cells[0].image.as_mut().unwrap();
        image.scan = vulnerabilities.map(|vulnerabilities| of(vulnerabilities, database));
        report
    }

    fn said(base: &Report, head: &Report) -> String {
        let comparison = compare(Some(base), head);
        let details = details(&comparison).into_iter().flat_map(|Group { title, lines }| {
            let lines = lines.into_iter().map(|line| Line::ours("  ").join(line));
            std::iter::once(title).chain(lines).collect::<Vec<_>>()
        });
        let lines = news(&comparison).into_iter().chain([Line::ours("--")]).chain(details);
        lines.map(|line| line.terminal()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn without_a_scanner_nothing_is_said() {
        assert_eq!(said(&run(Some(vec![]), "d"), &run(None, "d")), "--");
    }

    #[test]
    fn what_the_change_brings_is_told_apart_from_what_the_database_brings() {
        let mended = Vulnerability {
            fixed_version: Some("9".to_owned()),
            ..found("CVE-3", "left-pad", "1.0", "app/package.json", Danger::High)
        };
        let old = found("CVE-1", "qs", "v6.5.1", "", Danger::Low);
        let base = run(Some(vec![old.clone(), found("CVE-9", "gone", "1", "", Danger::High)]), "monday");
        let all = vec![
            old,
            found("CVE-2", "qs", "6.5.1", "", Danger::Medium),
            mended,
            found("CVE-4", "left-pad", "1.0", "", Danger::Critical),
        ];
        insta::assert_snapshot!(said(&base, &run(Some(all.clone()), "tuesday")), @r"
        orders linux/amd64 brings 2 new vulnerabilities (1 critical, 1 high): CVE-4 in left-pad 1.0 (critical), CVE-3 in left-pad 1.0 (high, fixed in 9)
        --
        orders linux/amd64 has 4 vulnerabilities (1 critical, 1 high, 1 medium, 1 low); trivy 0.68.2, database of tuesday
          new: CVE-4 in left-pad 1.0 (critical)
          new: CVE-3 in left-pad 1.0 (high, fixed in 9) at app/package.json
          gone: CVE-9 in gone 1 (high)
          known since the database is newer: CVE-2 in qs 6.5.1 (medium)
        ");
        insta::assert_snapshot!(said(&base, &base), @r"
        --
        orders linux/amd64 has 2 vulnerabilities (1 high, 1 low), as before; trivy 0.68.2, database of monday
        ");
        // A database that is the same knows nothing new, so another package must have come.
        let same = said(&base, &run(Some(all), "monday"));
        assert!(same.starts_with("orders linux/amd64 brings 3 new"), "{same}");
    }

    #[test]
    fn a_baseline_that_was_not_scanned_makes_nothing_new() {
        let head = run(Some(vec![found("CVE-1", "qs", "1", "", Danger::Low)]), "d");
        insta::assert_snapshot!(said(&run(None, "d"), &head), @r"
        --
        orders linux/amd64 has 1 vulnerability (1 low), the baseline was not scanned alike; trivy 0.68.2, database of d
        ");
        insta::assert_snapshot!(said(&run(None, "d"), &run(Some(vec![]), "d")), @r"
        --
        orders linux/amd64 has no vulnerabilities, the baseline was not scanned alike; trivy 0.68.2, database of d
        ");
    }

    #[test]
    fn however_many_there_are_some_are_named() {
        let all = (0..10_000).map(|number| found(&format!("CVE-{number:05}"), "p", "1", "", Danger::Low)).collect();
        let said = said(&run(Some(vec![]), "d"), &run(Some(all), "d"));
        assert!(said.contains("CVE-00002 in p 1 (low) and 9997 more\n"), "{said}");
        assert_eq!(said.lines().filter(|line| line.starts_with("  new: CVE-")).count(), LISTED);
        assert!(said.ends_with("  new: 9980 more"), "{said}");
    }

    #[test]
    fn platforms_of_which_the_same_is_said_stand_together() {
        let mut base = run(Some(vec![]), "d");
        let mut head = run(Some(vec![found("CVE-1", "qs", "1", "", Danger::Low)]), "d");
        for report in [&mut base, &mut head] {
            let mut other = report.cells[0].clone();
            other.id = sample::id("orders", "linux/arm64");
            report.cells.push(other);
        }
        assert!(said(&base, &head).starts_with("orders linux/amd64, linux/arm64 brings 1 new vulnerability (1 low): "));
    }
}
