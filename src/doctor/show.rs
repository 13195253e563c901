//! The checks for people and for programs.

use serde::Serialize;

use super::{Check, Health};
use crate::escape;

/// One line per check, the fix below a failing one.
#[must_use]
pub fn text(checks: &[Check]) -> String {
    let width = checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    let line = |check: &Check| {
        let mark = match check.health {
            Health::Good => "ok  ",
            Health::Poor => "warn",
            Health::Bad => "FAIL",
        };
        let found = escape::block(&check.found);
        let fix = check.fix.as_ref().map(|fix| format!("      {:width$}  fix: {}\n", "", escape::block(fix)));
        format!("{mark}  {:width$}  {found}\n{}", check.name, fix.unwrap_or_default())
    };
    checks.iter().map(line).collect()
}

#[derive(Serialize)]
struct CheckDto<'c> {
    name: &'c str,
    health: &'c str,
    found: &'c str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<&'c str>,
}

/// A JSON array of `{name, health, found, fix}`; health is `good`, `poor` or `bad`.
#[must_use]
pub fn json(checks: &[Check]) -> String {
    let dto = |check: &'_ Check| -> serde_json::Value {
        let health = match check.health {
            Health::Good => "good",
            Health::Poor => "poor",
            Health::Bad => "bad",
        };
        let dto = CheckDto { name: check.name, health, found: &check.found, fix: check.fix.as_deref() };
        serde_json::to_value(dto).unwrap_or_default()
    };
    let checks: Vec<_> = checks.iter().map(dto).collect();
    format!("{:#}\n", serde_json::Value::Array(checks))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checks() -> Vec<Check> {
        vec![
            Check::good("git", "2.47"),
            Check::bad("buildx", "not\u{1b}[31m found", "install the plugin"),
            Check::poor("disk", "1.0 GB free", "make room"),
        ]
    }

    #[test]
    fn every_failing_line_has_its_fix() {
        insta::assert_snapshot!(text(&checks()), @r"
        ok    git     2.47
        FAIL  buildx  not found
                      fix: install the plugin
        warn  disk    1.0 GB free
                      fix: make room
        ");
    }

    #[test]
    fn programs_get_the_same_facts() {
        let parsed: serde_json::Value = serde_json::from_str(&json(&checks())).unwrap();
        assert_eq!(parsed[1]["health"], "bad");
        assert_eq!(parsed[1]["fix"], "install the plugin");
        assert!(parsed[0].get("fix").is_none());
    }
}
