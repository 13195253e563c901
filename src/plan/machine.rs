//! What a builder can run.

use super::nodes::Node;
use crate::oci::Platform;

/// The platforms of a builder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Machine {
    /// Platforms that run without emulation.
    pub native: Vec<Platform>,
    /// Platforms that run under emulation.
    pub emulated: Vec<Platform>,
    /// Whether the builder was asked; when it was not, any other platform counts as emulated.
    pub asked: bool,
    /// Its nodes, where a cell can be given to one of them.
    pub nodes: Vec<Node>,
}

/// How a builder runs a platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Support {
    /// On a processor of its own kind.
    Native,
    /// Under emulation.
    Emulated,
}

impl Machine {
    /// What can be said without asking a builder: only the platform of this processor is native.
    #[must_use]
    pub fn assumed() -> Self {
        let architecture = Platform::new("linux", std::env::consts::ARCH, None);
        Self { native: vec![architecture], ..Self::default() }
    }

    /// What a node can run that lists these platforms: its own processor comes first (BuildKit: util/archutil), so those of
    /// that architecture are native and the rest emulated.
    #[must_use]
    pub fn of_list(platforms: &[Platform]) -> Self {
        let own = platforms.first();
        let (native, emulated) =
            platforms.iter().cloned().partition(|platform| own.is_some_and(|own| is_native(own, platform)));
        Self { native, emulated, ..Self::default() }
    }

    /// Every platform once: what some node runs natively is not emulated.
    #[must_use]
    pub fn tidy(mut self) -> Self {
        let mut seen = Vec::new();
        for list in [&mut self.native, &mut self.emulated] {
            list.retain(|platform| {
                let is_new = !seen.contains(platform);
                if is_new {
                    seen.push(platform.clone());
                }
                is_new
            });
        }
        self
    }

    /// How this machine runs a platform; `None` when it cannot.
    #[must_use]
    pub fn support(&self, platform: &Platform) -> Option<Support> {
        let contains = |platforms: &[Platform]| platforms.iter().any(|known| known == platform);
        match () {
            () if contains(&self.native) => Some(Support::Native),
            () if contains(&self.emulated) || !self.asked => Some(Support::Emulated),
            () => None,
        }
    }
}

fn is_native(own: &Platform, platform: &Platform) -> bool {
    own.os == platform.os
        && (own.architecture == platform.architecture
            || (own.architecture == "amd64" && platform.architecture == "386"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_was_not_asked_may_emulate_anything() {
        assert_eq!(Machine::assumed().support(&"linux/s390x".parse().unwrap()), Some(Support::Emulated));
        assert_eq!(Machine { asked: true, ..Machine::default() }.support(&"linux/s390x".parse().unwrap()), None);
    }
}
