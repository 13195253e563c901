//! The command line: types for `clap`, no behaviour.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::{CommentMode, GivenScan, SideScan, parse_given_scan, parse_report_name, parse_side_scan};
use crate::oci::Platform;
use crate::plan::Delivery;
use crate::plan::fan::{Shard, parse_cell};
use crate::report::CellId;
use crate::units::parse_duration;

/// Weigh every container image before it merges.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "weighbridge",
    version,
    about = "Weigh every container image before it merges",
    long_about = "Builds every image of a repository with docker buildx, measures bytes and seconds per image and \
                  platform, compares them with the base commit and says which Dockerfile line is responsible.",
    after_help = EXAMPLES,
    // `--image a run` runs; `run` is no image there.
    subcommand_precedence_over_arg = true,
    propagate_version = true,
    max_term_width = 100
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Options that every command understands.
    #[command(flatten)]
    pub common: Common,
}

const EXAMPLES: &str = "\
Examples:
  weighbridge run                       build, measure and compare everything
  weighbridge run --dry-run             show what would be done; needs no engine
  weighbridge run --image orders --platform linux/amd64
  weighbridge run --base v1.4.0         compare with another commit
  weighbridge compare old.json new.json --format markdown
  weighbridge inspect ghcr.io/acme/web:1.4
  weighbridge doctor                    is this machine fit?

Exit codes:
  0 fine · 1 over budget · 2 usage or configuration · 3 a build failed
  4 could not measure or compare · 5 publishing failed · 130 interrupted";

const COMPARING: &str = "\
Of several platforms, that of this machine is compared unless --platform names one.
No configuration is read, and no budget held: what changed is told, whatever it is.

Examples:
  weighbridge compare old.json new.json --format markdown
  weighbridge compare ghcr.io/acme/web:1.3 ghcr.io/acme/web:1.4
  weighbridge compare docker://web out/web.tar --platform linux/arm64
  weighbridge compare web:1.3 web:1.4 --sizes-only    no layer is fetched

Exit codes:
  0 compared · 2 usage · 4 an image could not be read; of two reports, that of the second one";

const INSPECTING: &str = "\
Of several platforms, that of this machine is read unless --platform names one.

Examples:
  weighbridge inspect ghcr.io/acme/web:1.4            a registry, with docker's credentials
  weighbridge inspect docker://web                    the local engine
  weighbridge inspect web.tar --format json           `docker save`, or an OCI layout
  weighbridge inspect web/ --dockerfile Dockerfile    layers get their line

Exit codes:
  0 read, whatever was found · 2 usage · 4 the image could not be read";

/// The commands.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Build, measure, compare with the base commit, and show the comment.
    Run(RunArgs),
    /// Show the cells (image × platform) and the exact command of each, or the jobs that build them on several runners.
    Plan(PlanArgs),
    /// Build some cells on one of several runners, and leave a part of the report for each.
    Build(BuildArgs),
    /// Put the parts of several runners together: tags, comparison, report and comment.
    Report(ReportArgs),
    /// Comment on the pull request that another workflow's run was about, from the report that it left.
    Comment(CommentArgs),
    /// Write a configuration and the job of a repository; what is there already stays as it is.
    Init(InitArgs),
    /// Compare two report files, or two images.
    #[command(after_help = COMPARING)]
    Compare(CompareArgs),
    /// Say what is inside of an image: where the bytes are, which are wasted, and whether it will start.
    #[command(after_help = INSPECTING)]
    Inspect(InspectArgs),
    /// Check that this machine can build what is planned, and say how to mend it.
    Doctor,
    /// Print a JSON Schema.
    Schema(SchemaArgs),
    /// Print a completion script for a shell.
    Completions(CompletionsArgs),
}

/// Options that every command understands.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Configuration file; found by itself when not given.
    #[arg(long, global = true, value_name = "FILE", help_heading = "What to build")]
    pub config: Option<PathBuf>,
    /// Only these images; several are separated by commas or spaces.
    #[arg(long, global = true, value_name = "NAME", num_args = 1.., value_delimiter = ',', help_heading = "What to build")]
    pub image: Vec<String>,
    /// Only these of the configured platforms, such as linux/arm64; all of them for an image that names none.
    #[arg(long, global = true, value_name = "PLATFORM", num_args = 1.., value_delimiter = ',', help_heading = "What to build")]
    pub platform: Vec<Platform>,
    /// buildx builder to use; never replaced by another.
    #[arg(long, global = true, value_name = "NAME", help_heading = "What to build")]
    pub builder: Option<String>,
    /// Cells to build at the same time, on each node of the builder.
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256), help_heading = "What to build")]
    pub jobs: Option<u16>,
    /// Commit to compare with, instead of the merge base.
    #[arg(long, global = true, value_name = "REV", conflicts_with = "baseline", help_heading = "What to compare with")]
    pub base: Option<String>,
    /// Report file to compare with.
    #[arg(long, global = true, value_name = "FILE", help_heading = "What to compare with")]
    pub baseline: Option<PathBuf>,
    /// Directory for reports, logs and history.
    #[arg(long, global = true, value_name = "DIR", default_value = ".weighbridge", help_heading = "Output")]
    pub output_dir: PathBuf,
    /// What to print on standard output.
    #[arg(long, global = true, value_enum, default_value_t = Format::Text, help_heading = "Output")]
    pub format: Format,
    /// Colours on the terminal.
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto, help_heading = "Output")]
    pub color: ColorChoice,
    /// Say more; show each step's log.
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet", help_heading = "Output")]
    pub verbose: u8,
    /// Say only what went wrong.
    #[arg(short, long, global = true, help_heading = "Output")]
    pub quiet: bool,
}

/// Options of `run`.
#[derive(Debug, Clone, Default, Args)]
pub struct RunArgs {
    /// Show the commands, the baseline and the destinations without building.
    #[arg(long)]
    pub dry_run: bool,
    /// Also push the images to their tags.
    #[arg(long)]
    pub push: bool,
    /// Also load the images into the local engine.
    #[arg(long)]
    pub load: bool,
    /// Also write this buildx output, such as type=local,dest=out (needs a single cell).
    #[arg(long, value_name = "SPEC")]
    pub output: Vec<String>,
    /// How cells are built.
    #[command(flatten)]
    pub building: BuildingArgs,
    /// Build the base commit when it has no report (the default outside CI).
    #[arg(long, overrides_with = "no_rebuild_base")]
    pub rebuild_base: bool,
    /// Never build the base commit.
    #[arg(long)]
    pub no_rebuild_base: bool,
    /// What is said of the run, and where.
    #[command(flatten)]
    pub publishing: PublishingArgs,
}

/// How cells are built.
#[derive(Debug, Clone, Default, Args)]
pub struct BuildingArgs {
    /// Stop the other cells when one fails.
    #[arg(long)]
    pub fail_fast: bool,
    /// Stop a cell that builds longer than this, such as 30m.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Option<Duration>,
    /// How often a cell is built again whose failure may pass by itself, such as that of a registry.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(..=10))]
    pub retries: u32,
    /// Keep the OCI layouts that were measured.
    #[arg(long)]
    pub keep_layouts: bool,
    /// What a scanner said of an image, the JSON of trivy or grype, instead of asking one.
    #[arg(long, value_name = "IMAGE[/PLATFORM]=FILE", value_parser = parse_given_scan)]
    pub scan: Vec<GivenScan>,
}

/// What is said of a run, and where.
#[derive(Debug, Clone, Default, Args)]
pub struct PublishingArgs {
    /// When the pull or merge request gets a comment [default: auto, or what the configuration says].
    #[arg(long, value_name = "WHEN", value_parser = comment_mode())]
    pub comment: Option<CommentMode>,
    /// Name of this report, where several jobs report on the same pull or merge request.
    #[arg(long, value_name = "NAME", value_parser = parse_report_name)]
    pub report_name: Option<String>,
    /// Do not leave the report as an artifact of the workflow's run.
    #[arg(long)]
    pub no_artifact: bool,
}

fn comment_mode() -> impl TypedValueParser<Value = CommentMode> {
    PossibleValuesParser::new(CommentMode::WORDS).try_map(|word| word.parse())
}

impl RunArgs {
    /// What happens to the built images beside being measured.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        Delivery { push: self.push, load: self.load, outputs: self.output.clone(), in_parts: false }
    }
}

/// Options of `plan`.
#[derive(Debug, Clone, Args)]
pub struct PlanArgs {
    /// With --format github or gitlab: spread the cells over this many jobs, balanced by how long they last took.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub shards: Option<u32>,
    /// With --format github or gitlab: leave out the cells whose inputs did not change since the baseline. Their numbers
    /// are carried over from it, in parts below the output directory that `report` takes as well.
    #[arg(long)]
    pub changed: bool,
    /// Name of the report, where several jobs report on the same pull or merge request.
    #[arg(long, value_name = "NAME", value_parser = parse_report_name)]
    pub report_name: Option<String>,
}

impl PlanArgs {
    /// The same run as `run` would be.
    #[must_use]
    pub fn as_run(&self) -> RunArgs {
        let publishing = PublishingArgs { report_name: self.report_name.clone(), ..PublishingArgs::default() };
        RunArgs { publishing, ..RunArgs::default() }
    }
}

/// Options of `build`.
#[derive(Debug, Clone, Args)]
pub struct BuildArgs {
    /// Build these cells, such as web@linux/arm64; several are separated by commas or spaces.
    #[arg(long, value_name = "IMAGE@PLATFORM", num_args = 1.., value_delimiter = ',', value_parser = parse_cell, required_unless_present = "shard")]
    pub cell: Vec<CellId>,
    /// Build the K-th of N equal parts of all cells.
    #[arg(long, value_name = "K/N", conflicts_with = "cell")]
    pub shard: Option<Shard>,
    /// Also push the images, under their digests; `report` puts the tags on them.
    #[arg(long)]
    pub push: bool,
    /// How cells are built.
    #[command(flatten)]
    pub building: BuildingArgs,
}

impl BuildArgs {
    /// What happens to the built images beside being measured.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        Delivery { push: self.push, in_parts: true, ..Delivery::default() }
    }

    /// The same run as `run` would be.
    #[must_use]
    pub fn as_run(&self) -> RunArgs {
        RunArgs { push: self.push, building: self.building.clone(), no_rebuild_base: true, ..RunArgs::default() }
    }
}

/// Options of `report`.
#[derive(Debug, Clone, Args)]
pub struct ReportArgs {
    /// Files that `build` left, or directories of them [default: parts in the output directory].
    pub parts: Vec<PathBuf>,
    /// What is said of the run, and where.
    #[command(flatten)]
    pub publishing: PublishingArgs,
}

impl ReportArgs {
    /// The same run as `run` would be.
    #[must_use]
    pub fn as_run(&self) -> RunArgs {
        RunArgs { publishing: self.publishing.clone(), no_rebuild_base: true, ..RunArgs::default() }
    }
}

/// Options of `comment`.
#[derive(Debug, Clone, Args)]
pub struct CommentArgs {
    /// Number of the run, as `github.event.workflow_run.id` says it.
    #[arg(long, value_name = "ID")]
    pub run: u64,
    /// Name of the artifact that holds the report [default: as the run names it].
    #[arg(long, value_name = "NAME")]
    pub artifact: Option<String>,
    /// Name of the report, where the run was given one.
    #[arg(long, value_name = "NAME", value_parser = parse_report_name)]
    pub report_name: Option<String>,
    /// When the pull request gets a comment [default: auto].
    #[arg(long, value_name = "WHEN", value_parser = comment_mode())]
    pub comment: Option<CommentMode>,
    /// Show the comment and where it would go.
    #[arg(long)]
    pub dry_run: bool,
}

/// Options of `init`.
#[derive(Debug, Clone, Args)]
pub struct InitArgs {
    /// Where the repository is hosted; told by its remote and its files when not given.
    #[arg(long, value_enum)]
    pub forge: Option<ForgeName>,
    /// Show what would be written.
    #[arg(long)]
    pub dry_run: bool,
}

/// Who hosts a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ForgeName {
    /// GitHub, also on a server of one's own.
    Github,
    /// GitLab, also on a server of one's own.
    Gitlab,
}

/// Options of `compare`.
#[derive(Debug, Clone, Args)]
pub struct CompareArgs {
    /// Report or image to compare with; images are named as for inspect, reports are files that end with .json.
    #[arg(value_name = "BASE")]
    pub base_side: String,
    /// Report or image to judge.
    #[arg(value_name = "HEAD")]
    pub head_side: String,
    /// Compare images by their manifests alone, so that no layer is read.
    #[arg(long)]
    pub sizes_only: bool,
    /// What a scanner said of one of two images, the JSON of trivy or grype, instead of asking one; off asks none.
    #[arg(long, value_name = "base=FILE|head=FILE|off", value_parser = parse_side_scan)]
    pub scan: Vec<SideScan>,
}

/// Options of `inspect`.
#[derive(Debug, Clone, Args)]
pub struct InspectArgs {
    /// An OCI layout or its tar, an archive of `docker save`, a name in a registry, or docker://NAME for the engine's.
    #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub image: String,
    /// Keep in this directory what was read of each layer, so that none is read twice.
    #[arg(long, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,
    /// Dockerfile that the image was built from, which gives layers their line.
    #[arg(long, value_name = "FILE")]
    pub dockerfile: Option<PathBuf>,
    /// Its stage that was built.
    #[arg(long, value_name = "STAGE", requires = "dockerfile")]
    pub target: Option<String>,
}

/// Options of `schema`.
#[derive(Debug, Clone, Args)]
pub struct SchemaArgs {
    /// Which schema.
    #[arg(value_enum)]
    pub kind: SchemaKind,
}

/// The schemas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaKind {
    /// Of `weighbridge.yml`.
    Config,
    /// Of `report.json`.
    Report,
    /// Of `inspect --format json`.
    Inspect,
}

/// Options of `completions`.
#[derive(Debug, Clone, Args)]
pub struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// What to print on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a terminal.
    Text,
    /// The comment.
    Markdown,
    /// For programs.
    Json,
    /// Of `plan`: the matrix of a workflow.
    Github,
    /// Of `plan`: the jobs of a child pipeline.
    Gitlab,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn common_options_may_stand_before_and_after_the_command() {
        for line in ["weighbridge --jobs 3 run --image a b", "weighbridge run --image a,b --jobs 3"] {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            assert_eq!(
                (cli.common.jobs, cli.common.image.as_slice()),
                (Some(3), ["a".to_owned(), "b".to_owned()].as_slice())
            );
        }
    }

    #[test]
    fn several_images_may_be_named_in_every_way() {
        for line in [
            "weighbridge run --image a b",
            "weighbridge run --image a,b",
            "weighbridge run --image a --image b",
            "weighbridge --image a b run",
            "weighbridge --image a,b run",
            "weighbridge --image=a --image=b --platform linux/arm64 run",
        ] {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert_eq!(cli.common.image, ["a", "b"], "{line}");
            assert!(matches!(cli.command, Command::Run(_)), "{line}");
        }
    }

    #[test]
    fn contradictions_are_usage_errors() {
        for line in [
            "weighbridge run --base main --baseline f.json",
            "weighbridge run -v -q",
            "weighbridge run --jobs 0",
            "weighbridge run --platform linux",
            "weighbridge run --timeout 10",
            "weighbridge run --comment sometimes",
            "weighbridge run --report-name a/b",
            "weighbridge run --scan web",
            "weighbridge compare a b --scan web=scan.json",
        ] {
            assert!(Cli::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }
}
