//! Which runner builds a platform: one whose processor is of its kind, where there is such a one.

use std::collections::BTreeMap;

use crate::oci::Platform;

/// The labels of runners that the user names, by platform.
pub type Runners = BTreeMap<Platform, Vec<String>>;

/// Whose runners they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fleet {
    /// Labels of `runs-on`.
    Github,
    /// Tags of a job.
    Gitlab,
}

/// Where a platform is built.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The labels that a runner must have, all of them.
    pub labels: Vec<String>,
    /// Whether it has to emulate the platform, as far as is known.
    pub emulates: bool,
}

impl Fleet {
    /// Where a platform is built. What the user says of it, or of its architecture, goes first.
    #[must_use]
    pub fn place(self, runners: &Runners, platform: &Platform) -> Place {
        let plain = Platform { variant: None, ..platform.clone() };
        let named = runners.get(platform).or_else(|| runners.get(&plain));
        match named {
            Some(labels) => Place { labels: labels.clone(), emulates: false },
            None => Place {
                labels: vec![self.usual(platform).to_owned()],
                emulates: !["amd64", "386", "arm64"].contains(&platform.architecture.as_str()),
            },
        }
    }

    /// The runners that the forge itself offers:
    /// <https://docs.github.com/en/actions/reference/runners/github-hosted-runners> and
    /// <https://docs.gitlab.com/ci/runners/hosted_runners/linux/>.
    fn usual(self, platform: &Platform) -> &'static str {
        match (self, platform.architecture.as_str()) {
            (Self::Github, "arm64") => "ubuntu-24.04-arm",
            (Self::Github, _) => "ubuntu-latest",
            (Self::Gitlab, "arm64") => "saas-linux-small-arm64",
            (Self::Gitlab, _) => "saas-linux-small-amd64",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_user_names_goes_before_what_the_forge_offers() {
        let runners = BTreeMap::from([
            ("linux/arm64".parse().unwrap(), vec!["self-hosted".to_owned(), "arm".to_owned()]),
            ("linux/amd64/v3".parse().unwrap(), vec!["fast".to_owned()]),
        ]);
        for (fleet, platform, labels, emulates) in [
            (Fleet::Github, "linux/amd64", &["ubuntu-latest"][..], false),
            (Fleet::Github, "linux/amd64/v3", &["fast"], false),
            (Fleet::Github, "linux/arm64", &["self-hosted", "arm"], false),
            (Fleet::Github, "linux/riscv64", &["ubuntu-latest"], true),
            (Fleet::Gitlab, "linux/amd64", &["saas-linux-small-amd64"], false),
            (Fleet::Gitlab, "linux/arm/v7", &["saas-linux-small-amd64"], true),
        ] {
            let place = fleet.place(&runners, &platform.parse().unwrap());
            assert_eq!(
                (place.labels.as_slice(), place.emulates),
                (labels.iter().map(|label| (*label).to_owned()).collect::<Vec<_>>().as_slice(), emulates),
                "{platform}"
            );
        }
        let place = Fleet::Github.place(&Runners::new(), &"linux/arm64".parse().unwrap());
        assert_eq!(place.labels, ["ubuntu-24.04-arm"]);
    }
}
