//! Which stores there are, from the configuration and from what the CI system says.

use crate::ci::{Context, Restriction};
use crate::config::Baselines;

/// Where reports are kept beside the output directory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Places {
    /// Name of the artifacts of workflows.
    pub artifact: Option<String>,
    /// Repository of a registry.
    pub repository: Option<String>,
    /// The branch whose tag in that repository moves along.
    pub moving_tag: Option<String>,
    /// A branch that holds reports.
    pub branch: Option<String>,
}

/// The places of a run. A repository of GitLab, `$CI_REGISTRY_IMAGE`, is used without being asked for where somebody has
/// logged in to it, unless a fork runs in a project of its own, whose registry is the fork's.
#[must_use]
pub fn places(
    config: &Baselines,
    context: &Context,
    gitlab_repository: Option<&str>,
    is_logged_in: impl Fn(&str) -> bool,
) -> Places {
    let host = |repository: &str| repository.split('/').next().unwrap_or_default().to_owned();
    let is_fork = context.restriction == Some(Restriction::Fork);
    let own = gitlab_repository.filter(|repository| !is_fork && is_logged_in(&host(repository)));
    let repository = config.repository.clone().or_else(|| own.map(|repository| format!("{repository}/weighbridge")));
    Places {
        artifact: config.artifact.clone(),
        moving_tag: context.reference.clone().filter(|_| config.moving_tag && repository.is_some()),
        repository,
        branch: config.branch.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Env;

    #[test]
    fn the_places_depend_on_the_configuration_and_on_gitlab() {
        let configured = || Baselines { repository: Some("ghcr.io/acme/w".into()), ..Baselines::default() };
        let branch = || Baselines { branch: Some("weights".into()), artifact: None, ..Baselines::default() };
        let gitlab = Some("registry.test:5050/acme/shop");
        for (config, restriction, repository, logged_in, expected) in [
            (Baselines::default(), None, None, "", "weighbridge - - -"),
            (Baselines::default(), None, gitlab, "", "weighbridge - - -"),
            (
                Baselines::default(),
                None,
                gitlab,
                "registry.test:5050",
                "weighbridge registry.test:5050/acme/shop/weighbridge - -",
            ),
            (Baselines::default(), Some(Restriction::Fork), gitlab, "registry.test:5050", "weighbridge - - -"),
            (configured(), None, None, "", "weighbridge ghcr.io/acme/w - -"),
            (configured(), None, gitlab, "registry.test:5050", "weighbridge ghcr.io/acme/w - -"),
            (configured(), Some(Restriction::Fork), None, "", "weighbridge ghcr.io/acme/w - -"),
            (Baselines { moving_tag: true, ..configured() }, None, None, "", "weighbridge ghcr.io/acme/w main -"),
            (Baselines { moving_tag: true, ..Baselines::default() }, None, None, "", "weighbridge - - -"),
            (branch(), None, None, "", "- - - weights"),
        ] {
            let context = Context { restriction, reference: Some("main".into()), ..Context::detect(&Env::default()) };
            let Places { artifact, repository, moving_tag, branch } =
                places(&config, &context, repository, |host| host == logged_in);
            let shown = [artifact, repository, moving_tag, branch].map(|text| text.unwrap_or_else(|| "-".into()));
            assert_eq!(shown.join(" "), expected, "{config:?}");
        }
    }
}
