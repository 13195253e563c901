//! The JSON of trivy (`SchemaVersion` 2: `trivy image --format json`) and of grype (`grype -o json`) as a [`Scan`].
//! Of both only what is compared is read; either may write `null` or nothing for what is empty.

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Deserializer};

use crate::report::scan::{Danger, Scan, Scanner, Vulnerability};

/// More vulnerabilities than any image that anybody would run has.
const VULNERABILITIES_LIMIT: usize = 50_000;
/// More of a text is not kept: names of packages and advisories are short.
const TEXT_LIMIT_CHARS: usize = 300;

/// Reads the answer of either scanner, which is told by its form.
///
/// # Errors
/// When it is of neither, or damaged.
pub(super) fn read(json: &[u8]) -> Result<Scan> {
    let either: Either = serde_json::from_slice(json).context("the answer of a scanner")?;
    let mut scan = match either {
        Either { schema_version: Some(2), results, trivy, .. } => of_trivy(trivy, results),
        Either { schema_version: Some(other), .. } => bail!("an answer of trivy in version {other}; expected 2"),
        Either { matches: Some(matches), descriptor, .. } => of_grype(descriptor, matches)?,
        _ => bail!("neither an answer of trivy (`SchemaVersion`) nor of grype (`matches`)"),
    };
    let found = scan.vulnerabilities.len();
    ensure!(found <= VULNERABILITIES_LIMIT, "{found} vulnerabilities; expected at most {VULNERABILITIES_LIMIT}");
    scan.vulnerabilities.sort();
    scan.vulnerabilities.dedup_by(|a, b| (&a.id, &a.package, &a.path) == (&b.id, &b.package, &b.path));
    Ok(scan)
}

/// The answer of one of them.
#[derive(Deserialize)]
struct Either {
    #[serde(rename = "SchemaVersion")]
    schema_version: Option<u64>,
    #[serde(rename = "Trivy", default, deserialize_with = "nothing_for_null")]
    trivy: TrivyItself,
    #[serde(rename = "Results", default, deserialize_with = "nothing_for_null")]
    results: Vec<TrivyResult>,
    matches: Option<Vec<GrypeMatch>>,
    #[serde(default, deserialize_with = "nothing_for_null")]
    descriptor: GrypeItself,
}

#[derive(Deserialize, Default)]
struct TrivyItself {
    #[serde(rename = "Version")]
    version: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct TrivyResult {
    target: String,
    class: String,
    #[serde(deserialize_with = "nothing_for_null")]
    vulnerabilities: Vec<TrivyVulnerability>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TrivyVulnerability {
    #[serde(rename = "VulnerabilityID")]
    id: String,
    pkg_name: String,
    #[serde(default)]
    pkg_path: String,
    #[serde(default)]
    installed_version: String,
    #[serde(default)]
    fixed_version: String,
    #[serde(default)]
    severity: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct GrypeItself {
    name: String,
    version: Option<String>,
    #[serde(deserialize_with = "nothing_for_null")]
    db: GrypeDatabase,
}

/// Before version 0.88 the date stood here itself.
#[derive(Deserialize, Default)]
struct GrypeDatabase {
    built: Option<String>,
    #[serde(default, deserialize_with = "nothing_for_null")]
    status: GrypeStatus,
}

#[derive(Deserialize, Default)]
struct GrypeStatus {
    built: Option<String>,
}

#[derive(Deserialize)]
struct GrypeMatch {
    vulnerability: GrypeVulnerability,
    artifact: GrypeArtifact,
}

#[derive(Deserialize)]
struct GrypeVulnerability {
    id: String,
    #[serde(default)]
    severity: String,
    #[serde(default, deserialize_with = "nothing_for_null")]
    fix: GrypeFix,
}

#[derive(Deserialize, Default)]
struct GrypeFix {
    #[serde(default, deserialize_with = "nothing_for_null")]
    versions: Vec<String>,
}

#[derive(Deserialize)]
struct GrypeArtifact {
    name: String,
    #[serde(default)]
    version: String,
    #[serde(default, deserialize_with = "nothing_for_null")]
    locations: Vec<GrypeLocation>,
}

#[derive(Deserialize)]
struct GrypeLocation {
    path: String,
}

fn nothing_for_null<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(json: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(json)?.unwrap_or_default())
}

fn of_trivy(trivy: TrivyItself, results: Vec<TrivyResult>) -> Scan {
    let vulnerabilities = results.into_iter().flat_map(|TrivyResult { target, class, vulnerabilities }| {
        // The target of a distribution's packages is the name of the image and no path.
        let file = if class == "os-pkgs" { String::new() } else { target };
        vulnerabilities.into_iter().map(move |found| Vulnerability {
            id: short(&found.id),
            package: short(&found.pkg_name),
            path: short(if found.pkg_path.is_empty() { &file } else { &found.pkg_path }),
            version: short(&found.installed_version),
            severity: danger(&found.severity),
            fixed_version: Some(short(&found.fixed_version)).filter(|version| !version.is_empty()),
        })
    });
    Scan {
        scanner: Scanner::Trivy,
        version: trivy.version.as_deref().map(short),
        database: None,
        vulnerabilities: vulnerabilities.collect(),
    }
}

fn of_grype(grype: GrypeItself, matches: Vec<GrypeMatch>) -> Result<Scan> {
    ensure!(grype.name == "grype", "matches of {:?}; expected those of grype", short(&grype.name));
    let vulnerabilities = matches.into_iter().map(|GrypeMatch { vulnerability, artifact }| Vulnerability {
        id: short(&vulnerability.id),
        package: short(&artifact.name),
        path: artifact.locations.first().map(|location| short(&location.path)).unwrap_or_default(),
        version: short(&artifact.version),
        severity: danger(&vulnerability.severity),
        fixed_version: Some(short(&vulnerability.fix.versions.join(", "))).filter(|versions| !versions.is_empty()),
    });
    Ok(Scan {
        scanner: Scanner::Grype,
        version: grype.version.as_deref().map(short),
        database: grype.db.status.built.or(grype.db.built).as_deref().map(short),
        vulnerabilities: vulnerabilities.collect(),
    })
}

fn danger(text: &str) -> Danger {
    match text.to_ascii_lowercase().as_str() {
        "negligible" => Danger::Negligible,
        "low" => Danger::Low,
        "medium" => Danger::Medium,
        "high" => Danger::High,
        "critical" => Danger::Critical,
        _ => Danger::Unknown,
    }
}

fn short(text: &str) -> String {
    text.chars().take(TEXT_LIMIT_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIVY: &[u8] = include_bytes!("../../../tests/fixtures/scan/trivy.json");
    const GRYPE: &[u8] = include_bytes!("../../../tests/fixtures/scan/grype.json");

    fn shown(scan: &Scan) -> String {
        let shown = scan.vulnerabilities.iter().map(|found| {
            let Vulnerability { id, package, path, version, severity, fixed_version } = found;
            format!("{id} {package} {version} {severity} at {path:?}, fixed {fixed_version:?}")
        });
        let head = format!("{} {:?} of {:?}", scan.scanner, scan.version, scan.database);
        [head].into_iter().chain(shown).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn both_scanners_are_understood() {
        insta::assert_snapshot!(shown(&read(TRIVY).unwrap()), @r#"
        trivy Some("0.68.2") of None
        CVE-2011-3374 apt 3.0.3 low at "", fixed None
        CVE-2026-1001 libssl3t64 3.5.1-1 critical at "", fixed Some("3.5.1-1+deb13u1")
        CVE-2026-2002 qs 6.5.1 high at "app/node_modules/qs/package.json", fixed Some("6.5.3, 6.14.1")
        CVE-2026-3003 stdlib v1.26.0 unknown at "app/server", fixed None
        "#);
        insta::assert_snapshot!(shown(&read(GRYPE).unwrap()), @r#"
        grype Some("0.104.1") of Some("2026-11-20T06:27:16Z")
        CVE-2026-1001 libssl3t64 3.5.1-1 critical at "/var/lib/dpkg/status", fixed Some("3.5.1-1+deb13u1")
        GHSA-gqgv-6jq5-jjj9 qs 6.5.1 high at "/app/node_modules/qs/package.json", fixed None
        "#);
    }

    #[test]
    fn what_is_empty_may_be_null_or_left_out() {
        for json in [
            r#"{"SchemaVersion":2}"#,
            r#"{"SchemaVersion":2,"Results":null,"Trivy":null}"#,
            r#"{"SchemaVersion":2,"Results":[{"Target":"x"},{"Vulnerabilities":null}]}"#,
            r#"{"matches":[],"descriptor":{"name":"grype","db":null}}"#,
        ] {
            assert_eq!(read(json.as_bytes()).unwrap().vulnerabilities, [], "{json}");
        }
    }

    #[test]
    fn what_is_no_answer_is_never_an_image_without_vulnerabilities() {
        for (json, expected) in [
            ("", "the answer of a scanner"),
            ("{}", "neither an answer of trivy"),
            ("[]", "the answer of a scanner"),
            (r#"{"SchemaVersion":3}"#, "in version 3"),
            (r#"{"SchemaVersion":2,"Results":{}}"#, "the answer of a scanner"),
            (r#"{"SchemaVersion":2,"Results":[{"Vulnerabilities":[7]}]}"#, "the answer of a scanner"),
            (r#"{"SchemaVersion":2,"Results":[{"Vulnerabilities":[{}]}]}"#, "missing field"),
            (r#"{"SchemaVersion":2,"Results":[{"Vulner"#, "EOF"),
            (r#"{"schemaVersion":2,"manifests":[]}"#, "neither an answer of trivy"),
            (r#"{"matches":null}"#, "neither an answer of trivy"),
            (r#"{"matches":[]}"#, "expected those of grype"),
            (r#"{"matches":[{}],"descriptor":{"name":"grype"}}"#, "missing field"),
            (&format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)), "the answer of a scanner"),
        ] {
            let message = format!("{:#}", read(json.as_bytes()).unwrap_err());
            assert!(message.contains(expected), "{json:.60}: {message}");
        }
    }

    #[test]
    fn too_many_are_refused_and_long_texts_are_cut() {
        let one = format!(r#"{{"VulnerabilityID":"{}","PkgName":"p"}}"#, "x".repeat(10_000));
        let of = |count: usize| {
            format!(r#"{{"SchemaVersion":2,"Results":[{{"Vulnerabilities":[{}]}}]}}"#, vec![&*one; count].join(","))
        };
        assert_eq!(read(of(2).as_bytes()).unwrap().vulnerabilities[0].id.len(), TEXT_LIMIT_CHARS);
        let many = of(VULNERABILITIES_LIMIT + 1).replace(&"x".repeat(10_000), "x");
        assert!(read(many.as_bytes()).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_change_of_an_answer_makes_it_panic(at in 0usize..4_000, byte in 0u8.., is_trivy in proptest::bool::ANY) {
            let mut json = if is_trivy { TRIVY } else { GRYPE }.to_vec();
            let end = json.len();
            json[at % end] = byte;
            let _ = read(&json);
        }
    }
}
