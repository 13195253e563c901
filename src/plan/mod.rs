//! Which cells to build, in which order, with which command. No engine is needed to plan: what the builder can
//! run is passed in as [`Machine`].

pub mod args;
pub mod cache;
pub mod fan;
pub mod index;
mod machine;
pub mod nodes;
mod places;
pub mod redact;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::config::{BuildContext, Config, DockerfileSource, Image};
use crate::error::Exit;
use crate::oci::Platform;
use crate::report::CellId;
use cache::{CachePlan, Situation};
use index::Index;
pub use machine::{Machine, Support};
use places::{nameless, shared_places};

/// The cells of a run, native platforms first, then by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan<'c> {
    /// The cells.
    pub cells: Vec<Cell<'c>>,
    /// What joins the platforms of an image under its tags, by image.
    pub indexes: Vec<Index<'c>>,
}

/// One image on one platform, ready to be built.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell<'c> {
    /// Its name.
    pub id: CellId,
    /// What to build.
    pub image: &'c Image,
    /// How the builder runs the platform.
    pub support: Support,
    /// The node that builds it, where the configuration has nodes.
    pub node: Option<String>,
    /// Where its files go.
    pub files: CellFiles,
    /// The output directory as a pattern of `.dockerignore`, when it lies inside of the build context.
    pub ignore_pattern: Option<String>,
    /// Whether it is pushed under its digest alone, as an index joins it with other platforms of the image.
    pub is_joined: bool,
    /// Which caches it reads and writes, and why.
    pub cache: CachePlan,
}

/// The files that one build leaves behind, below the output directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellFiles {
    /// `cells/<image>/<platform>`: names are checked by the configuration, so this stays below the output directory.
    pub directory: PathBuf,
}

impl Cell<'_> {
    /// Where a Dockerfile is written before the build: one whose text stands in a bake or Compose file, and the copy of
    /// one whose context holds the output directory. BuildKit reads `<Dockerfile>.dockerignore` beside the Dockerfile
    /// first, so with a copy our own files can be kept out of a context that is not ours to change.
    #[must_use]
    pub fn prepared_dockerfile(&self) -> Option<PathBuf> {
        let name = match (&self.image.dockerfile, &self.ignore_pattern) {
            (DockerfileSource::Inline(_), _) => "Dockerfile".as_ref(),
            (DockerfileSource::Path(path), Some(_)) => path.file_name()?,
            (DockerfileSource::Path(_), None) | (DockerfileSource::InRemoteContext(_), _) => return None,
        };
        Some(self.files.directory.join("dockerfile").join(name))
    }
}

/// The output directory as a pattern for a context that it lies in.
fn ignore_pattern(context: &BuildContext, output_directory: &Path) -> Option<String> {
    let BuildContext::Directory(context) = context else { return None };
    let inside = output_directory.strip_prefix(context).ok()?.to_string_lossy();
    let escaped =
        inside.chars().flat_map(|c| matches!(c, '*' | '?' | '[' | ']' | '\\').then_some('\\').into_iter().chain([c]));
    Some(std::iter::once('/').chain(escaped).collect())
}

impl CellFiles {
    fn new(output_directory: &Path, id: &CellId) -> Self {
        Self { directory: output_directory.join("cells").join(&id.image).join(id.platform.slug()) }
    }

    /// The OCI layout that is measured.
    #[must_use]
    pub fn layout(&self) -> PathBuf {
        self.directory.join("layout")
    }

    /// What `--metadata-file` writes.
    #[must_use]
    pub fn metadata(&self) -> PathBuf {
        self.directory.join("metadata.json")
    }

    /// The build's full log, as text.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.directory.join("build.log")
    }
}

/// What happens to the built images beside being measured.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delivery {
    /// Push to the tags.
    pub push: bool,
    /// Load into the local engine.
    pub load: bool,
    /// More buildx outputs, as buildx writes them.
    pub outputs: Vec<String>,
    /// Whether the tags are left to another process, which sees what several runners pushed.
    pub in_parts: bool,
}

/// Lists the cells of a configuration on a machine.
///
/// # Errors
/// All faults at once: a platform that the machine cannot run, two cells that would write one tag, one output for
/// several cells.
pub fn plan<'c>(
    config: &'c Config,
    machine: &Machine,
    delivery: &Delivery,
    situation: &Situation,
    output_directory: &Path,
) -> Result<Plan<'c>> {
    plan_some(config, machine, delivery, situation, output_directory, &|_| true)
}

/// Lists those cells of a configuration that this machine is to build. What joins them is of all.
///
/// # Errors
/// As [`plan`], of what is wanted.
pub fn plan_some<'c>(
    config: &'c Config,
    machine: &Machine,
    delivery: &Delivery,
    situation: &Situation,
    output_directory: &Path,
    is_wanted: &dyn Fn(&CellId) -> bool,
) -> Result<Plan<'c>> {
    let mut faults = Vec::new();
    let mut cells = Vec::new();
    let mut indexes = Vec::new();
    for image in &config.images {
        let platforms = platforms(image, machine);
        let index = Index::of(image, &platforms, delivery);
        for platform in platforms {
            let id = CellId { image: image.name.clone(), platform };
            if !is_wanted(&id) {
                continue;
            }
            match machine.support(&id.platform) {
                Some(support) => {
                    let ignore_pattern = ignore_pattern(&image.context, output_directory);
                    cells.push(Cell {
                        files: CellFiles::new(output_directory, &id),
                        cache: cache::decide(&id, image, &config.cache, delivery, situation),
                        id,
                        image,
                        support,
                        node: None,
                        ignore_pattern,
                        is_joined: index.is_some(),
                    });
                }
                None => faults.push(unsupported(&image.name, &id.platform, machine)),
            }
        }
        indexes.extend(index);
    }
    nodes::assign(&mut cells, &machine.nodes);
    cells.sort_by(|a, b| (a.support, &a.id).cmp(&(b.support, &b.id)));
    faults.extend(shared_places(&cells, delivery));
    faults.extend(nameless(&cells, delivery));
    if !faults.is_empty() {
        return Err(anyhow::anyhow!(faults.join("\n")).context(Exit::usage("plan the build")));
    }
    if cells.is_empty() {
        bail!(Exit::usage("nothing to build: no image is left after --image and --platform"));
    }
    Ok(Plan { cells, indexes })
}

/// Whether a run has to push images under their digests, which not every builder does.
#[must_use]
pub fn pushes_by_digest(config: &Config, delivery: &Delivery) -> bool {
    // Without platforms of its own an image has one, the builder's.
    let is_joined = |image: &Image| {
        // What is tested is pushed without the builder.
        image.tests.is_empty() && Index::of(image, &named_platforms(image), delivery).is_some()
    };
    config.images.iter().any(is_joined)
}

fn platforms(image: &Image, machine: &Machine) -> Vec<Platform> {
    match named_platforms(image) {
        named if named.is_empty() => machine.native.iter().take(1).cloned().collect(),
        named => named,
    }
}

fn named_platforms(image: &Image) -> Vec<Platform> {
    let mut platforms = image.platforms.clone();
    platforms.sort();
    platforms.dedup();
    platforms
}

fn unsupported(image: &str, platform: &Platform, machine: &Machine) -> String {
    let list = |machine: &Machine| {
        let known: Vec<String> = machine.native.iter().chain(&machine.emulated).map(ToString::to_string).collect();
        if known.is_empty() { "nothing".to_owned() } else { known.join(", ") }
    };
    if !machine.nodes.is_empty() {
        let nodes = machine.nodes.iter().map(|node| format!("{} builds {}", node.name, list(&node.machine)));
        return format!("{image}: no node can build {platform} ({})", nodes.collect::<Vec<_>>().join("; "));
    }
    format!(
        "{image}: this builder cannot run {platform} (it runs {}); register QEMU for {} \
         (docker run --privileged --rm tonistiigi/binfmt --install {}) or add a native node to the builder",
        list(machine),
        platform.architecture,
        platform.architecture,
    )
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::Budget;

    pub(crate) fn image(name: &str, platforms: &[&str]) -> Image {
        Image {
            name: name.to_owned(),
            context: BuildContext::Directory(format!("/src/{name}").into()),
            dockerfile: DockerfileSource::Path(format!("/src/{name}/Dockerfile").into()),
            target: None,
            platforms: platforms.iter().map(|platform| platform.parse().unwrap()).collect(),
            build_args: BTreeMap::new(),
            build_contexts: BTreeMap::new(),
            labels: BTreeMap::new(),
            annotations: Vec::new(),
            tags: vec![format!("registry.example/{name}:1")],
            secrets: Vec::new(),
            ssh: Vec::new(),
            cache_from: Vec::new(),
            cache_to: Vec::new(),
            outputs: Vec::new(),
            no_cache: false,
            no_cache_filter: Vec::new(),
            pull: false,
            network: None,
            cgroup_parent: None,
            add_hosts: Vec::new(),
            ulimits: Vec::new(),
            shm_size: None,
            allow: Vec::new(),
            provenance: None,
            sbom: None,
            tests: crate::config::Tests::default(),
            budget: Budget::default(),
        }
    }

    pub(crate) fn config(images: Vec<Image>) -> Config {
        Config {
            origin: "test".into(),
            root: "/src".into(),
            images,
            builder: crate::config::BuilderSettings::default(),
            cache: crate::config::Cache::default(),
            baselines: crate::config::Baselines::default(),
            comment: crate::config::CommentMode::default(),
            review: crate::config::Review::default(),
            selection: crate::config::Selection::default(),
            of_inputs: crate::config::Selection::default(),
            runners: std::collections::BTreeMap::new(),
        }
    }

    fn machine() -> Machine {
        let parse = |text: &str| text.parse().unwrap();
        Machine {
            native: vec![parse("linux/amd64")],
            emulated: vec![parse("linux/arm64")],
            asked: true,
            ..Machine::default()
        }
    }

    fn names(plan: &Plan<'_>) -> Vec<String> {
        plan.cells.iter().map(|cell| cell.id.to_string()).collect()
    }

    #[test]
    fn native_cells_come_first_and_then_by_name() {
        let both = ["linux/arm64", "linux/amd64"];
        let config = config(vec![image("b", &both), image("a", &both), image("c", &[])]);
        let plan = plan(&config, &machine(), &Delivery::default(), &cache::cases::laptop(), Path::new("out")).unwrap();
        assert_eq!(names(&plan), ["a linux/amd64", "b linux/amd64", "c linux/amd64", "a linux/arm64", "b linux/arm64"]);
        assert_eq!(plan.cells[4].support, Support::Emulated);
        assert_eq!(plan.cells[4].files.layout(), Path::new("out/cells/b/linux-arm64/layout"));
    }

    #[test]
    fn a_platform_that_the_builder_cannot_run_is_an_error_with_the_fix() {
        let config = config(vec![image("a", &["linux/s390x"])]);
        let error =
            plan(&config, &machine(), &Delivery::default(), &cache::cases::laptop(), Path::new("out")).unwrap_err();
        let message = format!("{error:#}");
        assert!(message.contains("cannot run linux/s390x") && message.contains("--install s390x"), "{message}");
        assert_eq!(crate::error::exit_code(&error), crate::error::USAGE);
    }

    #[test]
    fn two_cells_may_share_a_tag_unless_it_is_loaded() {
        let config = config(vec![image("a", &["linux/amd64", "linux/arm64"])]);
        assert!(plan(&config, &machine(), &Delivery::default(), &cache::cases::laptop(), Path::new("out")).is_ok());
        let push = Delivery { push: true, ..Delivery::default() };
        let pushed = plan(&config, &machine(), &push, &cache::cases::laptop(), Path::new("out")).unwrap();
        assert!(pushed.cells.iter().all(|cell| cell.is_joined) && pushed.indexes.len() == 1);
        let load = Delivery { load: true, ..Delivery::default() };
        let store = Delivery { outputs: vec!["type=image".into()], ..Delivery::default() };
        for delivery in [Delivery { push: true, ..load.clone() }, load, store] {
            let error = plan(&config, &machine(), &delivery, &cache::cases::laptop(), Path::new("out")).unwrap_err();
            let message = format!("{error:#}");
            assert!(message.contains("a linux/amd64 and a linux/arm64 would each write the tag"), "{message}");
        }
    }

    #[test]
    fn an_output_directory_inside_of_the_context_is_ignored_by_a_prepared_dockerfile() {
        let config = config(vec![image("a", &["linux/amd64"])]);
        let inside =
            plan(&config, &machine(), &Delivery::default(), &cache::cases::laptop(), Path::new("/src/a/out[1]"))
                .unwrap();
        assert_eq!(inside.cells[0].ignore_pattern.as_deref(), Some("/out\\[1\\]"));
        let prepared = inside.cells[0].prepared_dockerfile();
        assert_eq!(prepared.as_deref(), Some(Path::new("/src/a/out[1]/cells/a/linux-amd64/dockerfile/Dockerfile")));
        let outside =
            plan(&config, &machine(), &Delivery::default(), &cache::cases::laptop(), Path::new("/src/out")).unwrap();
        assert_eq!(outside.cells[0].prepared_dockerfile(), None);
    }

    #[test]
    fn one_output_serves_one_cell() {
        let config = config(vec![image("a", &["linux/amd64", "linux/arm64"])]);
        let delivery = Delivery { outputs: vec!["type=local,dest=out".into()], ..Delivery::default() };
        assert!(plan(&config, &machine(), &delivery, &cache::cases::laptop(), Path::new("out")).is_err());
    }
}
