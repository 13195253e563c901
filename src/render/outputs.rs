//! What other steps and jobs take from a run: named values, as outputs of a step of GitHub Actions and as variables of
//! GitLab (<https://docs.gitlab.com/ci/yaml/artifacts_reports/#artifactsreportsdotenv>).

use std::collections::BTreeMap;

use serde::Serialize;

use crate::compare::Comparison;
use crate::report::{CellReport, Report, Verdict};

/// GitLab refuses files of more than 5 kB.
const DOTENV_LIMIT_BYTES: usize = 5_000;

/// What buildx says of the build, where the run is of one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    /// The digest of what was exported: a manifest or an index.
    pub digest: Option<String>,
    /// All of it, as JSON without secrets.
    pub json: String,
}

/// The values of a run, in the words of `action.yml`.
#[must_use]
pub fn outputs(
    comparison: &Comparison<'_>,
    report_path: &str,
    metadata: Option<Metadata>,
) -> Vec<(&'static str, String)> {
    let report = comparison.head;
    let mut values = vec![("verdict", verdict_name(report.verdict).to_owned()), ("report", report_path.to_owned())];
    if let [cell] = report.cells.as_slice() {
        let metadata = metadata.unwrap_or_default();
        let digest = cell.pushed_digest.clone().or(metadata.digest).or_else(|| digest(cell));
        let id = cell.image.as_ref().and_then(|image| image.config_digest.clone());
        let json = Some(metadata.json).filter(|json| !json.is_empty());
        let of_one = [("imageid", id), ("digest", digest), ("metadata", json)];
        values.extend(of_one.into_iter().filter_map(|(name, value)| Some((name, value?))));
    }
    if let Some(index) = index_of_one(report) {
        values.push(("digest", index.to_owned()));
    }
    values.push(("digests", by_cell(&report.cells, digest)));
    values.push(("sizes", by_cell(&report.cells, |cell| cell.image.as_ref().map(|image| image.compressed_bytes))));
    values
}

/// The index of the run's image, where it is of one that was pushed for several platforms.
fn index_of_one(report: &Report) -> Option<&str> {
    let image = &report.cells.first()?.id.image;
    let is_one = report.cells.len() > 1 && report.cells.iter().all(|cell| cell.id.image == *image);
    report.indexes.get(image).filter(|_| is_one).map(String::as_str)
}

/// What was pushed, else the manifest that was weighed.
fn digest(cell: &CellReport) -> Option<String> {
    let weighed = || cell.image.as_ref().map(|image| image.digest.clone());
    cell.pushed_digest.clone().or_else(weighed)
}

/// A JSON object of images, each an object of platforms; cells without a value are left out.
fn by_cell<T: Serialize>(cells: &[CellReport], value: impl Fn(&CellReport) -> Option<T>) -> String {
    let mut images: BTreeMap<&str, BTreeMap<String, T>> = BTreeMap::new();
    for cell in cells {
        if let Some(value) = value(cell) {
            images.entry(&cell.id.image).or_default().insert(cell.id.platform.to_string(), value);
        }
    }
    serde_json::to_string(&images).unwrap_or_default()
}

fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Warn => "warn",
        Verdict::Fail => "fail",
        Verdict::Unknown => "unknown",
    }
}

/// The values as a dotenv file. What buildx says is left out, and so is what the file has no room or no way for.
#[must_use]
pub fn dotenv(outputs: &[(&str, String)]) -> String {
    let mut file = String::new();
    for (name, value) in outputs.iter().filter(|(name, value)| *name != "metadata" && !value.contains(['\n', '\r'])) {
        let line = format!("WEIGHBRIDGE_{}={value}\n", name.to_ascii_uppercase());
        if file.len() + line.len() <= DOTENV_LIMIT_BYTES {
            file += &line;
        }
    }
    file
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::compare::compare;
    use crate::report::sample::{self, cell, layer, run};

    #[test]
    fn one_image_is_told_whole_and_several_by_name() {
        let built = |image: &str, platform: &str| cell(image, platform, vec![layer("a", 1_000, "RUN make", 3)]);
        let one = run(vec![built("orders", "linux/amd64")]);
        let metadata = Metadata { digest: Some("sha256:index".into()), json: "{}".into() };
        let told = outputs(&compare(None, &one), "/w/report.json", Some(metadata.clone()));
        insta::assert_snapshot!(dotenv(&told), @r#"
        WEIGHBRIDGE_VERDICT=pass
        WEIGHBRIDGE_REPORT=/w/report.json
        WEIGHBRIDGE_IMAGEID=sha256:config
        WEIGHBRIDGE_DIGEST=sha256:index
        WEIGHBRIDGE_DIGESTS={"orders":{"linux/amd64":"sha256:manifest"}}
        WEIGHBRIDGE_SIZES={"orders":{"linux/amd64":1000}}
        "#);
        assert!(told.contains(&("metadata", "{}".to_owned())));
        let mut pushed = one;
        pushed.cells[0].pushed_digest = Some("sha256:pushed".into());
        assert!(
            outputs(&compare(None, &pushed), "r", Some(metadata)).contains(&("digest", "sha256:pushed".to_owned()))
        );

        let mut joined = run(vec![built("web", "linux/arm64"), built("web", "linux/amd64")]);
        joined.indexes = [("web".to_owned(), "sha256:joined".to_owned())].into();
        assert!(outputs(&compare(None, &joined), "r", None).contains(&("digest", "sha256:joined".to_owned())));

        let mut several =
            run(vec![built("web", "linux/arm64"), built("web", "linux/amd64"), built("orders", "linux/amd64")]);
        several.cells[0].image = None;
        insta::assert_snapshot!(dotenv(&outputs(&compare(None, &several), "r", None)), @r#"
        WEIGHBRIDGE_VERDICT=pass
        WEIGHBRIDGE_REPORT=r
        WEIGHBRIDGE_DIGESTS={"web":{"linux/amd64":"sha256:manifest","linux/arm64":"sha256:manifest"}}
        WEIGHBRIDGE_SIZES={"web":{"linux/amd64":1000,"linux/arm64":1000}}
        "#);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_dotenv_file_is_short_lines_of_names_and_values(report in sample::any_report(0..60), path in sample::any_text()) {
            let file = dotenv(&outputs(&compare(None, &report), &path, None));
            prop_assert!(file.len() <= 5_000);
            for line in file.split_terminator('\n') {
                let (name, value) = line.split_once('=').unwrap();
                prop_assert!(name.chars().all(|c| c.is_ascii_uppercase() || c == '_') && !value.contains('\r'), "{}", line);
            }
        }
    }
}
