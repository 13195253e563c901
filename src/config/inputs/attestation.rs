//! Attestations in the words of the inputs: `provenance`, `sbom`, and `attests`, which can be either. What the first two
//! say goes first (`getAttestArgs` in `context.ts` of docker/build-push-action).

use super::boolean;
use crate::config::csv;

/// `--provenance` of an input: a builder is named in it, which is the run, unless there is to be none.
pub(super) fn provenance(text: &str, run: Option<&str>) -> String {
    let Some(run) = run else { return text.to_owned() };
    match boolean(text) {
        Some(false) => "false".to_owned(),
        Some(true) => format!("builder-id={run}"),
        None if fields(text).iter().any(|(key, _)| key == "builder-id") => text.to_owned(),
        None => format!("{text},builder-id={run}"),
    }
}

/// The kind of an entry of `attests`, and what `--provenance` or `--sbom` says instead.
pub(super) fn split(entry: &str) -> Option<(String, String)> {
    let fields = fields(entry);
    let (_, kind) = fields.iter().find(|(key, _)| key == "type")?;
    let rest: Vec<&(String, String)> = fields.iter().filter(|(key, _)| key != "type").collect();
    let value = match rest.as_slice() {
        [] => "true".to_owned(),
        [(word, value)] if value.is_empty() => word.clone(),
        rest => csv::join(rest.iter().map(|(key, value)| (key.as_str(), value.as_str()))),
    };
    Some((kind.clone(), value))
}

fn fields(text: &str) -> Vec<(String, String)> {
    let field = |field: String| {
        let (key, value) = field.split_once('=').unwrap_or((&field, ""));
        (key.trim().to_owned(), value.trim().to_owned())
    };
    csv::split(text).unwrap_or_default().into_iter().map(field).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provenance_names_the_run_that_built() {
        for (text, expected) in [
            ("true", "builder-id=https://run/1"),
            ("FALSE", "false"),
            ("mode=max", "mode=max,builder-id=https://run/1"),
            ("mode=max,builder-id=own", "mode=max,builder-id=own"),
        ] {
            assert_eq!(provenance(text, Some("https://run/1")), expected);
        }
        assert_eq!(provenance("mode=max", None), "mode=max");
    }

    #[test]
    fn an_attestation_is_told_by_its_type() {
        for (entry, kind, value) in [
            ("type=sbom", "sbom", "true"),
            ("type=sbom,generator=image", "sbom", "generator=image"),
            ("type=provenance,mode=max,\"builder-id=a,b\"", "provenance", "mode=max,\"builder-id=a,b\""),
            ("type=sbom,false", "sbom", "false"),
            ("type=provenance,disabled=true", "provenance", "disabled=true"),
        ] {
            assert_eq!(split(entry), Some((kind.to_owned(), value.to_owned())), "{entry}");
        }
        assert_eq!(split("mode=max"), None);
    }
}
