//! Which part of a run a report is of, where the cells of the run are spread over several runners.

use crate::oci::Platform;

/// Says of which run a report is a part, and how that run was asked for. All parts of a run agree but for the attempt.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leg {
    /// What the CI system calls the run, untrusted text.
    pub run: String,
    /// Greater where a leg was run again.
    pub attempt: u64,
    /// Digest of what the configuration says of the cells: images, platforms and names.
    pub configuration: String,
    /// Whether images were pushed under their digests, to be joined under their tags.
    pub pushes: bool,
}

impl Leg {
    /// What the names of all files of its run start with.
    #[must_use]
    pub fn prefix(&self) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
        format!("part@{}@", self.run.chars().map(plain).take(64).collect::<String>())
    }

    /// The name of the file that holds a cell's part. `@` stands in no name of an image and in no platform, so no two
    /// cells share a name.
    #[must_use]
    pub fn file_name(&self, image: &str, platform: &Platform) -> String {
        format!("{}{}@{image}@{}.json", self.prefix(), self.attempt, platform.slug())
    }

    /// The name of the file that holds all cells that were carried over; that of no cell, as an `@` is missing.
    #[must_use]
    pub fn name_of_carried_over(&self) -> String {
        format!("{}{}@carried-over.json", self.prefix(), self.attempt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_named_by_run_attempt_image_and_platform() {
        let leg = Leg { run: "17/../3".into(), attempt: 2, configuration: String::new(), pushes: true };
        let name = |image: &str, platform: &str| leg.file_name(image, &platform.parse().unwrap());
        assert_eq!(name("web", "linux/arm/v6"), "part@17-..-3@2@web@linux-arm-v6.json");
        assert_ne!(name("web-linux", "amd64/v2"), name("web", "linux/amd64/v2"));
    }
}
