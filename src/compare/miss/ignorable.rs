//! Files that images rarely need: what a `.dockerignore` of most repositories holds.

/// The line for `.dockerignore` that keeps a file out of the build, when it is of a kind that images rarely need. The
/// path is relative to the build context.
pub(super) fn pattern(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').collect();
    let (name, directories) = parts.split_last()?;
    const DIRECTORIES: [&str; 9] =
        [".git", ".github", ".gitlab", ".vscode", ".idea", ".weighbridge", "docs", "doc", ".circleci"];
    if let Some(depth) = directories.iter().position(|directory| DIRECTORIES.contains(directory)) {
        return Some(parts.get(..=depth)?.join("/"));
    }
    let lower = name.to_lowercase();
    let stem = lower.split('.').next().unwrap_or_default();
    let has_ending = |endings: &[&str]| endings.iter().any(|ending| lower.ends_with(ending));
    let is_file_of_its_own = matches!(
        *name,
        ".git"
            | ".gitignore"
            | ".gitattributes"
            | ".gitmodules"
            | ".dockerignore"
            | ".editorconfig"
            | ".gitlab-ci.yml"
            | "Jenkinsfile"
            | ".DS_Store"
            | "weighbridge.yml"
            | "weighbridge.yaml"
    );
    let is_notice = ["license", "licence", "copying", "changelog", "contributing", "authors", "codeowners"]
        .contains(&stem)
        && (lower == stem || has_ending(&[".txt"]));
    let is_docker = lower == "dockerfile"
        || lower.starts_with("dockerfile.")
        || lower.ends_with(".dockerfile")
        || ["compose.", "docker-compose.", "docker-bake."].iter().any(|start| lower.starts_with(start));
    match () {
        () if has_ending(&[".md", ".rst", ".adoc"]) || stem == "readme" => Some(path.to_owned()),
        () if has_ending(&[".log", ".swp", ".orig"]) => {
            Some(format!("**/*{}", name.rfind('.').and_then(|at| name.get(at..))?))
        }
        () if is_file_of_its_own || is_notice || is_docker => Some(path.to_owned()),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_images_rarely_need_has_a_line_and_sources_have_none() {
        for (path, line) in [
            ("README.md", Some("README.md")),
            ("a/Readme", Some("a/Readme")),
            ("docs/guide/x.html", Some("docs")),
            ("services/docs/x", Some("services/docs")),
            (".git", Some(".git")),
            (".git/HEAD", Some(".git")),
            (".github/workflows/ci.yml", Some(".github")),
            ("logs/app.log", Some("**/*.log")),
            ("Dockerfile", Some("Dockerfile")),
            ("web.Dockerfile", Some("web.Dockerfile")),
            ("docker-compose.override.yml", Some("docker-compose.override.yml")),
            ("LICENSE", Some("LICENSE")),
            ("CHANGELOG.txt", Some("CHANGELOG.txt")),
            ("main.go", None),
            ("doc.go", None),
            ("composer.json", None),
            ("src/license.rs", None),
            ("requirements.txt", None),
            ("docs.py", None),
        ] {
            assert_eq!(pattern(path).as_deref(), line, "{path}");
        }
    }
}
