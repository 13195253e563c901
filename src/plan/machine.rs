//! What a builder can run.

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
        Self { native: vec![architecture], emulated: Vec::new(), asked: false }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_was_not_asked_may_emulate_anything() {
        assert_eq!(Machine::assumed().support(&"linux/s390x".parse().unwrap()), Some(Support::Emulated));
        assert_eq!(Machine { asked: true, ..Machine::default() }.support(&"linux/s390x".parse().unwrap()), None);
    }
}
