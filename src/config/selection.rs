//! The part of the configuration that a run is about: what the command line or the environment asks for.

use std::collections::BTreeSet;

use anyhow::{Context, Result, anyhow};

use crate::env::Env;
use crate::error::Exit;
use crate::oci::Platform;
use crate::report::CellId;

use super::Image;
use super::fault::{did_you_mean, shown};

/// The images and platforms that were asked for; an empty list means all that are configured.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// Names of the only images to work on.
    pub images: Vec<String>,
    /// The only platforms to build.
    pub platforms: Vec<Platform>,
}

impl Selection {
    /// The variables that choose as well.
    pub const VARIABLES: [&str; 2] = ["WEIGHBRIDGE_IMAGE", "WEIGHBRIDGE_PLATFORM"];

    /// Reads `WEIGHBRIDGE_IMAGE` and `WEIGHBRIDGE_PLATFORM`, lists separated by commas or newlines.
    ///
    /// # Errors
    /// When a platform is malformed.
    pub fn from_env(env: &Env) -> Result<Self> {
        let list = |name: &str| {
            let parts = env.get(name).unwrap_or_default().split([',', '\n']).map(str::trim);
            parts.filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>()
        };
        let platforms = list("WEIGHBRIDGE_PLATFORM").iter().map(|text| text.parse()).collect::<Result<_, _>>();
        let platforms = platforms.context("read WEIGHBRIDGE_PLATFORM").context(Exit::usage("read the environment"))?;
        Ok(Self { images: list("WEIGHBRIDGE_IMAGE"), platforms })
    }

    /// Whether nothing was left out.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.images.is_empty() && self.platforms.is_empty()
    }

    /// Whether a cell was asked for, be it configured or not.
    #[must_use]
    pub fn covers(&self, cell: &CellId) -> bool {
        (self.images.is_empty() || self.images.contains(&cell.image))
            && (self.platforms.is_empty() || self.platforms.contains(&cell.platform))
    }

    /// These choices, completed from weaker ones.
    #[must_use]
    pub fn or(self, weaker: Self) -> Self {
        Self {
            images: if self.images.is_empty() { weaker.images } else { self.images },
            platforms: if self.platforms.is_empty() { weaker.platforms } else { self.platforms },
        }
    }

    /// Leaves of the configured images what was asked for. An image without platforms of its own is built for all that
    /// were asked for, another for those of them that it has.
    ///
    /// # Errors
    /// When a chosen image is not configured, or no image is built for a chosen platform; exit code 2.
    pub(super) fn apply(&self, images: Vec<Image>) -> Result<Vec<Image>> {
        let images = self.chosen(images)?;
        let configured: BTreeSet<Platform> = images.iter().flat_map(|image| image.platforms.clone()).collect();
        let left: Vec<Image> = images.into_iter().filter_map(|image| self.narrowed(image)).collect();
        if left.is_empty() {
            let message = format!("no image is built for {}; configured: {}", list(&self.platforms), list(&configured));
            return Err(anyhow!(message).context(Exit::usage("choose the platforms")));
        }
        Ok(left)
    }

    fn chosen(&self, images: Vec<Image>) -> Result<Vec<Image>> {
        for name in &self.images {
            let known = || images.iter().map(|image| image.name.as_str());
            if !known().any(|known| known == name) {
                let hint = did_you_mean(name, known()).unwrap_or_else(|| format!("expected one of {}", list(known())));
                return Err(anyhow!("no image {}; {hint}", shown(name)).context(Exit::usage("choose the images")));
            }
        }
        let is_chosen = |image: &Image| self.images.is_empty() || self.images.contains(&image.name);
        Ok(images.into_iter().filter(is_chosen).collect())
    }

    /// The image with the chosen ones of its platforms; `None` when there are none.
    fn narrowed(&self, mut image: Image) -> Option<Image> {
        if self.platforms.is_empty() {
            return Some(image);
        }
        if image.platforms.is_empty() {
            image.platforms = self.platforms.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
        } else {
            image.platforms.retain(|platform| self.platforms.contains(platform));
        }
        (!image.platforms.is_empty()).then_some(image)
    }
}

fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn env(image: &str, platform: &str) -> Env {
        let variables = [("WEIGHBRIDGE_IMAGE", image), ("WEIGHBRIDGE_PLATFORM", platform)];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Env { variables: BTreeMap::from(variables), ..Env::default() }
    }

    #[test]
    fn the_environment_gives_lists_with_commas_or_newlines() {
        let selection = Selection::from_env(&env(" a,b\nc \n", "linux/amd64")).unwrap();
        assert_eq!(selection.images, ["a", "b", "c"]);
        assert_eq!(selection.platforms, ["linux/amd64".parse().unwrap()]);
        assert_eq!(Selection::from_env(&env("", "")).unwrap(), Selection::default());
    }

    #[test]
    fn a_malformed_platform_of_the_environment_names_the_variable() {
        let error = Selection::from_env(&env("", "linux")).unwrap_err();
        insta::assert_snapshot!(format!("{error:#}"), @r#"read the environment: read WEIGHBRIDGE_PLATFORM: "linux" is not a platform; expected os/architecture[/variant] such as linux/arm64"#);
        assert_eq!(crate::error::exit_code(&error), crate::error::USAGE);
    }

    #[test]
    fn a_selection_covers_the_cells_that_it_does_not_leave_out() {
        let cell = |image: &str, platform: &str| CellId { image: image.into(), platform: platform.parse().unwrap() };
        let everything = Selection::default();
        assert!(everything.is_everything() && everything.covers(&cell("a", "linux/amd64")));
        for (images, platforms, covered) in [
            (&["a"][..], &[][..], [true, true, false]),
            (&[], &["linux/aarch64"], [false, true, true]),
            (&["a"], &["linux/arm64", "linux/s390x"], [false, true, false]),
        ] {
            let selection = Selection {
                images: images.iter().map(|name| (*name).to_owned()).collect(),
                platforms: platforms.iter().map(|platform| platform.parse().unwrap()).collect(),
            };
            assert!(!selection.is_everything());
            let cells = [cell("a", "linux/amd64"), cell("a", "linux/arm64"), cell("b", "linux/arm64")];
            assert_eq!(cells.map(|cell| selection.covers(&cell)), covered, "{selection:?}");
        }
    }

    #[test]
    fn the_command_line_wins_over_the_environment_per_choice() {
        let command_line = Selection { images: vec!["a".into()], platforms: vec![] };
        let environment = Selection { images: vec!["b".into()], platforms: vec!["linux/arm64".parse().unwrap()] };
        let both = command_line.or(environment);
        assert_eq!(both.images, ["a"]);
        assert_eq!(both.platforms.len(), 1);
    }
}
