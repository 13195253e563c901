//! The files that a repository needs to be weighed, as text. Pure.

use crate::ci::Forge;
use crate::config::{FoundImage, Survey};

const CONFIGURATION: &str = include_str!("weighbridge.yml");
const GITHUB: &str = include_str!("github.yml");
const GITLAB: &str = include_str!("gitlab.yml");
/// Where the job of GitLab is, which the file of its pipeline includes.
pub(super) const GITLAB_JOB: &str = ".gitlab/weighbridge.yml";
/// The file of GitLab's pipeline.
pub(super) const GITLAB_PIPELINE: &str = ".gitlab-ci.yml";

/// A file to be written, its path relative to the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NewFile {
    pub(super) path: String,
    pub(super) content: String,
}

/// What is to be written for a repository on this forge, whose default branch has this name.
pub(super) fn files(survey: &Survey, forge: Forge, branch: &str) -> Vec<NewFile> {
    let file = |path: &str, content: String| NewFile { path: path.to_owned(), content };
    let configuration = survey.configuration.as_deref().unwrap_or("weighbridge.yml");
    let configuration = file(configuration, CONFIGURATION.replace("{images}\n", &(images(survey) + "\n")));
    let of_forge = match forge {
        Forge::Github => {
            let workflow = GITHUB.replace("{branch}", &scalar(branch)).replace("{version}", env!("CARGO_PKG_VERSION"));
            vec![file(".github/workflows/weighbridge.yml", workflow)]
        }
        Forge::Gitlab => vec![
            file(GITLAB_JOB, GITLAB.replace("{version}", env!("CARGO_PKG_VERSION"))),
            file(GITLAB_PIPELINE, format!("include:\n  - local: {GITLAB_JOB}\n")),
        ],
        Forge::Local => vec![],
    };
    std::iter::once(configuration).chain(of_forge).collect()
}

/// What there is to build: what bake or Compose describe is referred to and not said again.
fn images(survey: &Survey) -> String {
    let refers = |key: &str, files: &[String]| match files {
        [] => String::new(),
        [file] => format!("{key}: {}\n", scalar(file)),
        files => format!("{key}: [{}]\n", files.iter().map(|file| scalar(file)).collect::<Vec<_>>().join(", ")),
    };
    let referred = refers("compose", &survey.compose) + &refers("bake", &survey.bake);
    let images: String = survey.images.iter().map(image).collect();
    if images.is_empty() { referred } else { format!("{referred}images:\n{images}") }
}

fn image(image: &FoundImage) -> String {
    let FoundImage { name, context, dockerfile } = image;
    let dockerfile = match dockerfile.as_str() {
        "Dockerfile" => String::new(),
        other => format!("    dockerfile: {}\n", scalar(other)),
    };
    format!("  {}:\n    context: {}\n{dockerfile}", scalar(name), scalar(context))
}

/// A text in YAML, in quotes unless it needs none anywhere. Every string of JSON is one of YAML.
fn scalar(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._/-".contains(c);
    let starts_plainly = text.starts_with(|c: char| c.is_ascii_alphabetic()) || text == "." || text.starts_with("./");
    let is_word = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&text.to_lowercase().as_str());
    if starts_plainly && !is_word && text.chars().all(is_plain) {
        return text.to_owned();
    }
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_is_written_down_and_what_others_describe_is_referred_to() {
        let found = |name: &str, context: &str, dockerfile: &str| FoundImage {
            name: name.into(),
            context: context.into(),
            dockerfile: dockerfile.into(),
        };
        let dockerfiles = Survey {
            images: vec![
                found("orders", "services/orders", "Dockerfile"),
                found("1.10", "a b: #c", "x.Dockerfile"),
                found("yes", ".", "Dockerfile"),
            ],
            ..Survey::default()
        };
        let bake = Survey {
            bake: vec!["docker-bake.hcl".into(), "docker-bake.override.hcl".into()],
            compose: vec!["compose.yaml".into()],
            ..Survey::default()
        };
        insta::assert_snapshot!(images(&dockerfiles) + "---\n" + &images(&bake), @r#"
        images:
          orders:
            context: services/orders
          "1.10":
            context: "a b: #c"
            dockerfile: x.Dockerfile
          "yes":
            context: .
        ---
        compose: compose.yaml
        bake: [docker-bake.hcl, docker-bake.override.hcl]
        "#);
    }

    #[test]
    fn no_placeholder_is_left_and_every_file_is_yaml() {
        let survey = Survey { compose: vec!["compose.yaml".into()], ..Survey::default() };
        for forge in [Forge::Github, Forge::Gitlab, Forge::Local] {
            for NewFile { path, content } in files(&survey, forge, "release/1, #2") {
                assert!(
                    !content.contains("{images}") && !content.contains("{branch}") && !content.contains("{version}")
                );
                let tree: serde_json::Value =
                    serde_yaml::from_str(&content).unwrap_or_else(|error| panic!("{path}: {error}"));
                assert!(tree.is_object(), "{path}");
            }
        }
    }

    #[test]
    fn the_workflow_is_the_one_of_the_documentation() {
        let documented = include_str!("../../../docs/github.md");
        for line in GITHUB.lines().filter(|line| line.contains("uses:") && !line.contains("OWNER")) {
            assert!(documented.contains(line.trim()), "{line}");
        }
    }
}
