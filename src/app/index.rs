//! The index of an image that was pushed for several platforms: made once all of them are there, so that no tag ever
//! stands for a part of them, and read back.

use std::collections::BTreeMap;

use anyhow::{Context, Error, Result, anyhow, bail, ensure};
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::retry::{Asking, Retries, just_pushed, read_back};
use super::run::Run;
use crate::buildx::Builder;
use crate::oci::Platform;
use crate::plan::Plan;
use crate::plan::index::{Index, configs, inspect};
use crate::plan::redact::Redactor;
use crate::process::Invocation;
use crate::report::merge;
use crate::report::{CellReport, Finding, Outcome, Report, Severity};

/// How many images are joined at the same time.
const INDEXES_AT_ONCE: usize = 4;
/// How many platforms of an image are looked up at the same time.
const CHECKS_AT_ONCE: usize = 4;

/// The images of an index, by platform.
type Images = BTreeMap<Platform, String>;

impl Run<'_> {
    /// Joins the platforms of every image that was pushed for several. What could not be joined is a finding, which
    /// decides the exit code.
    pub(super) async fn push_indexes(&self, plan: &Plan<'_>, report: &mut Report, redactor: &Redactor) {
        // Two images of one run may well be the same; parts of others could have been exchanged.
        let shared = if self.is_of_parts { merge::shared_digests(&report.cells) } else { BTreeMap::new() };
        let cells = &report.cells;
        let push = async |index| {
            let mut retries = Retries::default();
            let pushed = self.push_index_of(index, cells, &shared, &mut retries).await;
            (index, retries, pushed)
        };
        let pushed: Vec<_> = stream::iter(&plan.indexes).map(push).buffered(INDEXES_AT_ONCE).collect().await;
        for (index, retries, pushed) in pushed {
            let name = &index.image.name;
            if let Some(mut finding) = retries.finding("asked the registry of the index") {
                finding.message = redactor.apply(&finding.message).into_owned();
                tell(index, &finding, &mut report.cells);
            }
            match pushed {
                Ok(Some(digest)) => {
                    self.view.say(&format!("{name}: {} platforms pushed as {digest}", index.platforms.len()));
                    report.indexes.insert(name.clone(), digest);
                }
                Ok(None) => self.view.say(&format!("{name}: carried over, so its tags stay where they are")),
                Err(error) => {
                    let error = redactor.apply(&format!("{error:#}")).into_owned();
                    self.not_pushed(index, &error, &mut report.cells);
                }
            }
        }
    }

    /// The digest of an image's index once its tags are on it; `None` where all of the image was carried over.
    async fn push_index_of(
        &self,
        index: &Index<'_>,
        cells: &[CellReport],
        shared: &BTreeMap<String, String>,
        retries: &mut Retries,
    ) -> Result<Option<String>> {
        let name = &index.image.name;
        if cells.iter().filter(|cell| cell.id.image == *name).all(|cell| cell.carried_over.is_some()) {
            return Ok(None);
        }
        let digests = match shared.get(name) {
            Some(reason) => Err(reason.clone()),
            None => merge::pushed_digests(name, &index.platforms, cells),
        };
        let digests = digests.map_err(|reason| anyhow!(reason))?;
        self.push_index(&self.session.docker, index, &digests, retries).await.map(Some)
    }

    fn not_pushed(&self, index: &Index<'_>, error: &str, cells: &mut [CellReport]) {
        let name = &index.image.name;
        let message = format!("the tags of {name} were not moved: {error}");
        self.view.say(&format!("error: {message}"));
        let finding = Finding {
            rule: Finding::INDEX_NOT_PUSHED.to_owned(),
            severity: Severity::Error,
            message,
            dockerfile_line: None,
            url: None,
        };
        tell(index, &finding, cells);
    }

    /// Puts all tags on an index of these digests, which are of the platforms in order, and returns its own.
    async fn push_index(
        &self,
        docker: &impl Builder,
        index: &Index<'_>,
        digests: &[String],
        retries: &mut Retries,
    ) -> Result<String> {
        let builder = self.builder_name();
        let asking = Asking { view: &self.view, cancel: &self.session.cancel };
        let mut pushed = None;
        for (repository, tags) in &index.repositories {
            let create =
                |is_trial| Invocation::new("docker").args(index.create(builder, repository, digests, is_trial));
            let trial = asking.ask(retries, just_pushed, async || docker.imagetools(&create(true)).await).await?;
            let planned = images(&trial).and_then(|images| check(images, index, digests))?;
            if self.is_of_parts {
                self.check_configs(docker, index, repository, digests, &planned, retries).await?;
            }
            let created = asking.ask(retries, just_pushed, async || docker.imagetools(&create(false)).await).await;
            let look = async |tag: &str| {
                let read = Invocation::new("docker").args(inspect(builder, tag));
                let raw = docker.imagetools(&read).await?;
                ensure!(images(&raw)? == planned, "another image stands there");
                Ok(digest(&raw))
            };
            if let Err(error) = created {
                ensure!(is_immutable(&error), error);
                let hint =
                    || format!("{error:#}; a tag that must not move has to be new, or stand for this image already");
                // An earlier report of the same run may have put it where it belongs.
                for tag in tags {
                    look(tag).await.with_context(hint)?;
                }
            }
            for tag in tags {
                let read = asking.ask(retries, read_back, async || look(tag).await).await;
                pushed = Some(read.with_context(|| format!("read back {tag}"))?);
            }
        }
        pushed.context("no tag")
    }

    /// What other runners say that they pushed is read back: each digest must be of the platform that was planned, as the
    /// configuration of the image itself has it. That of an image without attestations is what `imagetools create` itself
    /// takes the platform from, so the trial has told.
    async fn check_configs(
        &self,
        docker: &impl Builder,
        index: &Index<'_>,
        repository: &str,
        digests: &[String],
        tried: &Images,
        retries: &mut Retries,
    ) -> Result<()> {
        let asking = &Asking { view: &self.view, cancel: &self.session.cancel };
        let untold =
            index.platforms.iter().zip(digests).filter(|(platform, digest)| tried.get(platform) != Some(digest));
        let checks = untold.map(|(platform, digest)| async move {
            let reference = format!("{repository}@{digest}");
            let read = Invocation::new("docker").args(configs(self.builder_name(), &reference));
            let mut retries = Retries::default();
            let answer = asking.ask(&mut retries, just_pushed, async || docker.imagetools(&read).await).await;
            let checked = answer.and_then(|answer| platforms_of(&answer)).with_context(|| format!("read {reference}"));
            let checked = checked.and_then(|found| {
                ensure!(found == [platform.clone()], "{digest} was pushed for {platform} and is of {}", list(&found));
                Ok(())
            });
            (retries, checked)
        });
        let checks: Vec<(Retries, Result<()>)> = stream::iter(checks).buffered(CHECKS_AT_ONCE).collect().await;
        checks.into_iter().try_for_each(|(again, checked)| {
            retries.join(again);
            checked
        })
    }
}

/// Whether a registry refuses to move a tag because no tag of the repository may ever move. No specification has a code
/// for that; Amazon ECR, Docker Hub and Harbor have the word in what they answer.
fn is_immutable(error: &Error) -> bool {
    format!("{error:#}").to_lowercase().contains("immutable")
}

/// Tells every cell of an index that was built.
fn tell(index: &Index<'_>, finding: &Finding, cells: &mut [CellReport]) {
    let is_of_index = |cell: &&mut CellReport| cell.id.image == index.image.name && cell.outcome == Outcome::Built;
    cells.iter_mut().filter(is_of_index).for_each(|cell| cell.findings.push(finding.clone()));
}

/// The digest of content as registries write it.
pub(super) fn digest(content: &[u8]) -> String {
    let hex: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

#[derive(Deserialize)]
struct RawIndex {
    manifests: Vec<RawDescriptor>,
}

#[derive(Deserialize)]
struct RawDescriptor {
    digest: String,
    platform: Option<RawPlatform>,
}

#[derive(Deserialize)]
struct RawPlatform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

/// The images of an index as a registry has it. What is of no platform is an attestation.
fn images(raw: &[u8]) -> Result<Images> {
    let index: RawIndex = serde_json::from_slice(raw).context("read the index")?;
    let mut images = Images::new();
    for RawDescriptor { digest, platform } in index.manifests {
        let platform = platform.with_context(|| format!("the index does not say of which platform {digest} is"))?;
        let platform = Platform::new(&platform.os, &platform.architecture, platform.variant.as_deref());
        if platform.os != "unknown"
            && let Some(other) = images.insert(platform.clone(), digest.clone())
        {
            bail!("both {other} and {digest} are of {platform}");
        }
    }
    Ok(images)
}

/// The platforms that configurations of images name: one configuration, or several by platform.
fn platforms_of(json: &[u8]) -> Result<Vec<Platform>> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Configs {
        One(RawPlatform),
        Several(BTreeMap<String, RawPlatform>),
    }
    let configs = match serde_json::from_slice(json).context("read the configuration of the image")? {
        Configs::One(config) => vec![config],
        Configs::Several(configs) => configs.into_values().collect(),
    };
    Ok(configs.iter().map(|one| Platform::new(&one.os, &one.architecture, one.variant.as_deref())).collect())
}

fn list<'p>(platforms: impl IntoIterator<Item = &'p Platform>) -> String {
    platforms.into_iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Exactly the planned platforms, and where a digest is that of an image itself, of the platform it was built for.
fn check(images: Images, index: &Index<'_>, digests: &[String]) -> Result<Images> {
    if !images.keys().eq(&index.platforms) {
        let (found, planned) = (list(images.keys()), list(&index.platforms));
        return Err(anyhow!("what was pushed is of {found}, planned was {planned}"));
    }
    for (platform, digest) in index.platforms.iter().zip(digests) {
        if let Some((other, _)) = images.iter().find(|(other, found)| *found == digest && *other != platform) {
            bail!("{digest} was pushed for {platform} and is of {other}");
        }
    }
    Ok(images)
}
