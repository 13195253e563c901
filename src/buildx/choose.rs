//! Which builder a run uses, decided from facts alone.

use super::builder::BuilderFacts;

/// The builder that weighbridge makes when the current one cannot do the work.
pub const OWN_BUILDER: &str = "weighbridge";

/// What to do about the builder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// Use the one that was asked.
    Use,
    /// Use [`OWN_BUILDER`], making it if need be; the reason is for people.
    Replace(String),
    /// Nothing can be done without the user; the reason is for people.
    Refuse(String),
}

/// Decides. A builder that the user named is never replaced. With the docker driver buildx refuses to push by digest,
/// whatever the engine could do (`build/opt.go`).
#[must_use]
pub fn choose(facts: &BuilderFacts, named_by_user: bool, pushes_by_digest: bool) -> Choice {
    if let Some((node, error)) = facts.broken_node() {
        return Choice::Refuse(format!("node {node} of builder {} cannot be used: {error}", facts.name));
    }
    let (lack, fix) = match (facts.can_export_oci(), facts.driver.as_str()) {
        (true, "docker") if pushes_by_digest => {
            ("has the docker driver, which cannot push several platforms to be joined under one tag", "")
        }
        (true, _) => return Choice::Use,
        (false, _) => (
            "has the docker driver without the containerd image store, which cannot export an image to be measured",
            ", or turn the containerd image store on",
        ),
    };
    let lack = format!("builder {} {lack}", facts.name);
    match named_by_user {
        true => Choice::Refuse(format!("{lack}; leave out --builder, name one with the docker-container driver{fix}")),
        false => Choice::Replace(lack),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buildx::builder::NodeFacts;

    fn facts(driver: &str, has_snapshotter: bool, error: Option<&str>) -> BuilderFacts {
        let error = error.map(str::to_owned);
        let node = NodeFacts { name: "n".into(), has_snapshotter, error, ..NodeFacts::default() };
        BuilderFacts { name: "b".into(), driver: driver.into(), nodes: vec![node], error: None }
    }

    #[test]
    fn a_builder_that_can_export_is_used_and_one_that_cannot_is_replaced_unless_named() {
        assert_eq!(choose(&facts("docker", true, None), false, false), Choice::Use);
        assert_eq!(choose(&facts("docker-container", false, None), true, true), Choice::Use);
        assert!(matches!(choose(&facts("docker", false, None), false, false), Choice::Replace(_)));
        assert!(matches!(choose(&facts("docker", false, None), true, false), Choice::Refuse(_)));
    }

    #[test]
    fn a_builder_that_cannot_push_by_digest_is_good_for_everything_else() {
        let docker = facts("docker", true, None);
        assert_eq!(choose(&docker, true, false), Choice::Use);
        for (named, expected) in [(true, "name one with"), (false, "cannot push several platforms")] {
            let choice = choose(&docker, named, true);
            let (Choice::Replace(reason) | Choice::Refuse(reason)) = choice else { panic!("used") };
            assert!(reason.contains(expected), "{reason}");
        }
    }

    #[test]
    fn a_broken_builder_is_refused_with_its_error() {
        let choice = choose(&facts("remote", true, Some("connection refused")), false, false);
        assert!(matches!(choice, Choice::Refuse(reason) if reason.contains("connection refused")));
    }
}
