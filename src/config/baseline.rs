//! The section `baseline`: where reports are kept for later runs.

use super::image::Fields;
use super::node::Node;

/// Where reports are kept beside the output directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baselines {
    /// Name of the artifacts of workflows; `None` when they are not looked at.
    pub artifact: Option<String>,
    /// Repository of a registry, without a tag; `None` means that the surroundings decide.
    pub repository: Option<String>,
    /// Whether a tag of the branch moves along with its newest report.
    pub moving_tag: bool,
    /// A branch that holds reports and nothing else.
    pub branch: Option<String>,
}

impl Default for Baselines {
    fn default() -> Self {
        Self { artifact: Some("weighbridge".to_owned()), repository: None, moving_tag: false, branch: None }
    }
}

/// Understands the section. Malformed values were reported by the check of the tree and count as absent here.
pub(super) fn resolve(node: &Node) -> Baselines {
    let fields = Fields(node);
    Baselines {
        artifact: match fields.text("artifact").as_deref() {
            Some("false") => None,
            Some(name) => Some(name.to_owned()),
            None => Baselines::default().artifact,
        },
        repository: fields.text("ref"),
        moving_tag: fields.flag("moving_tag"),
        branch: fields.text("branch"),
    }
}

/// Whether a text may be the name of an artifact (actions/toolkit, `path-and-artifact-name-validation.ts`).
pub(super) fn artifact_is_plausible(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains(|c: char| c.is_control() || "\"':<>|*?\\/".contains(c)) && text != "true"
}

/// Whether a text may be the name of a branch (`git check-ref-format`), of those that need no quotes.
pub(super) fn branch_is_plausible(text: &str) -> bool {
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    text.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c))
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !text.contains("..")
        && !text.ends_with('.')
        && text.split('/').all(part)
}
