//! The JSON of trivy (`SchemaVersion` 2: `trivy image --format json`) and of grype (`grype -o json`) as a [`Scan`].
//! Of both only what is compared is read; either may write `null` or nothing for what is empty.

use std::io::{BufReader, Read};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Deserializer};

use super::bounded::{All, Few, Short, VULNERABILITIES_LIMIT, short};

use crate::report::scan::{Danger, Scan, Scanner, Vulnerability};

/// More than anybody says of one vulnerability.
const ITEMS_LIMIT: usize = 10_000;

/// Reads the answer of either scanner, which is told by its form. It is read as a stream: what is not compared is
/// passed over, and memory is bounded by the vulnerabilities that are kept.
///
/// # Errors
/// When it is of neither, or damaged.
pub(super) fn read(json: impl Read) -> Result<Scan> {
    let either: Either = serde_json::from_reader(BufReader::new(json)).context("the answer of a scanner")?;
    let mut scan = match either {
        Either { schema_version: Some(2), results, trivy, .. } => of_trivy(trivy, results.found),
        Either { schema_version: Some(other), .. } => bail!("an answer of trivy in version {other}; expected 2"),
        Either { matches: Some(matches), descriptor, .. } => of_grype(descriptor, matches.found)?,
        _ => bail!("neither an answer of trivy (`SchemaVersion`) nor of grype (`matches`)"),
    };
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
    results: All<TrivyResult>,
    matches: Option<All<GrypeMatch>>,
    #[serde(default, deserialize_with = "nothing_for_null")]
    descriptor: GrypeItself,
}

#[derive(Deserialize, Default)]
struct TrivyItself {
    #[serde(rename = "Version", default)]
    version: Option<Short>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct TrivyResult {
    target: Short,
    class: Short,
    #[serde(deserialize_with = "nothing_for_null")]
    vulnerabilities: Few<TrivyVulnerability, VULNERABILITIES_LIMIT>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TrivyVulnerability {
    #[serde(rename = "VulnerabilityID")]
    id: Short,
    pkg_name: Short,
    #[serde(default)]
    pkg_path: Short,
    #[serde(default)]
    installed_version: Short,
    #[serde(default)]
    fixed_version: Short,
    #[serde(default)]
    severity: Short,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct GrypeItself {
    name: Short,
    version: Option<Short>,
    #[serde(deserialize_with = "nothing_for_null")]
    db: GrypeDatabase,
}

/// Before version 0.88 the date stood here itself.
#[derive(Deserialize, Default)]
struct GrypeDatabase {
    built: Option<Short>,
    #[serde(default, deserialize_with = "nothing_for_null")]
    status: GrypeStatus,
}

#[derive(Deserialize, Default)]
struct GrypeStatus {
    built: Option<Short>,
}

#[derive(Deserialize)]
struct GrypeMatch {
    vulnerability: GrypeVulnerability,
    artifact: GrypeArtifact,
}

#[derive(Deserialize)]
struct GrypeVulnerability {
    id: Short,
    #[serde(default)]
    severity: Short,
    #[serde(default, deserialize_with = "nothing_for_null")]
    fix: GrypeFix,
}

#[derive(Deserialize, Default)]
struct GrypeFix {
    #[serde(default, deserialize_with = "nothing_for_null")]
    versions: Few<Short, ITEMS_LIMIT>,
}

#[derive(Deserialize)]
struct GrypeArtifact {
    name: Short,
    #[serde(default)]
    version: Short,
    #[serde(default, deserialize_with = "nothing_for_null")]
    locations: Few<GrypeLocation, ITEMS_LIMIT>,
}

#[derive(Deserialize)]
struct GrypeLocation {
    path: Short,
}

fn nothing_for_null<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(json: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(json)?.unwrap_or_default())
}

impl TrivyResult {
    fn found(self) -> impl Iterator<Item = Vulnerability> {
        let Self { target, class, vulnerabilities } = self;
        // The target of a distribution's packages is the name of the image and no path.
        let file = if class.0 == "os-pkgs" { String::new() } else { target.0 };
        vulnerabilities.0.into_iter().map(move |found| Vulnerability {
            id: found.id.0,
            package: found.pkg_name.0,
            path: if found.pkg_path.0.is_empty() { file.clone() } else { found.pkg_path.0 },
            version: found.installed_version.0,
            severity: danger(&found.severity.0),
            fixed_version: Some(found.fixed_version.0).filter(|version| !version.is_empty()),
        })
    }
}

impl From<TrivyResult> for Vec<Vulnerability> {
    fn from(result: TrivyResult) -> Self {
        result.found().collect()
    }
}

impl From<GrypeMatch> for Vec<Vulnerability> {
    fn from(GrypeMatch { vulnerability, artifact }: GrypeMatch) -> Self {
        let versions: Vec<String> = vulnerability.fix.versions.0.into_iter().map(|version| version.0).collect();
        vec![Vulnerability {
            id: vulnerability.id.0,
            package: artifact.name.0,
            path: artifact.locations.0.into_iter().next().map(|location| location.path.0).unwrap_or_default(),
            version: artifact.version.0,
            severity: danger(&vulnerability.severity.0),
            fixed_version: Some(short(&versions.join(", "))).filter(|versions| !versions.is_empty()),
        }]
    }
}

fn of_trivy(trivy: TrivyItself, vulnerabilities: Vec<Vulnerability>) -> Scan {
    let version = trivy.version.map(|version| version.0);
    Scan { scanner: Scanner::Trivy, version, database: None, vulnerabilities }
}

fn of_grype(grype: GrypeItself, vulnerabilities: Vec<Vulnerability>) -> Result<Scan> {
    ensure!(grype.name.0 == "grype", "matches of {:?}; expected those of grype", grype.name.0);
    Ok(Scan {
        scanner: Scanner::Grype,
        version: grype.version.map(|version| version.0),
        database: grype.db.status.built.or(grype.db.built).map(|date| date.0),
        vulnerabilities,
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

#[cfg(test)]
mod tests {
    use super::super::bounded::TEXT_LIMIT_CHARS;
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
        // Nor may they be spread over many results.
        let one = r#"{"Vulnerabilities":[{"VulnerabilityID":"x","PkgName":"p"}]}"#;
        let spread = format!(r#"{{"SchemaVersion":2,"Results":[{}]}}"#, vec![one; VULNERABILITIES_LIMIT + 1].join(","));
        let message = format!("{:#}", read(spread.as_bytes()).unwrap_err());
        assert!(message.contains("more than 50000 vulnerabilities"), "{message}");
    }

    proptest::proptest! {
        #[test]
        fn no_change_of_an_answer_makes_it_panic(at in 0usize..4_000, byte in 0u8.., is_trivy in proptest::bool::ANY) {
            let mut json = if is_trivy { TRIVY } else { GRYPE }.to_vec();
            let end = json.len();
            json[at % end] = byte;
            let _ = read(&json[..]);
        }
    }
}
