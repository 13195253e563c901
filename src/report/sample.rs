//! Reports for tests: a plausible one to edit, and any one for property tests.

pub(crate) mod contents;
pub(crate) mod scan;

use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;

/// A cell's name.
pub(crate) fn id(image: &str, platform: &str) -> CellId {
    CellId { image: image.to_owned(), platform: platform.parse().unwrap() }
}

/// An own layer of gzip, named by its instruction; its uncompressed bytes are three times the compressed ones.
pub(crate) fn layer(diff_id: &str, compressed_bytes: u64, created_by: &str, line: u32) -> Layer {
    Layer {
        digest: format!("sha256:blob-{diff_id}-{compressed_bytes}"),
        diff_id: format!("sha256:{diff_id}"),
        compressed_bytes,
        uncompressed_bytes: compressed_bytes * 3,
        compression: Compression::Gzip,
        created_by: created_by.to_owned(),
        instruction: None,
        dockerfile_line: Some(line),
        base: Some(false),
    }
}

/// A layer of the base image.
pub(crate) fn base_layer(diff_id: &str, compressed_bytes: u64) -> Layer {
    let created_by = "# debian.sh --arch 'amd64' out/ 'bookworm'";
    Layer { base: Some(true), dockerfile_line: Some(1), ..layer(diff_id, compressed_bytes, created_by, 1) }
}

/// A measured image of these layers.
pub(crate) fn image(layers: Vec<Layer>) -> ImageMeasurement {
    ImageMeasurement {
        digest: "sha256:manifest".to_owned(),
        compressed_bytes: layers.iter().map(|layer| layer.compressed_bytes).sum(),
        uncompressed_bytes: layers.iter().map(|layer| layer.uncompressed_bytes).sum(),
        config_digest: Some("sha256:config".to_owned()),
        config_bytes: 7_000,
        attestation_bytes: 0,
        layers,
        base_images: vec![BaseImage { name: "docker.io/library/debian:12".into(), digest: "sha256:base".into() }],
        contents: None,
        scan: None,
    }
}

/// A step that took this long, or whose result came from a cache.
pub(crate) fn step(stage: &str, line: Option<u32>, millis: u64, cache: CacheState, instruction: &str) -> Step {
    let duration = Duration::from_millis(millis);
    Step {
        stage: stage.to_owned(),
        instruction: instruction.to_owned(),
        dockerfile_line: line,
        duration,
        cache,
        last_ran: (cache == CacheState::Executed).then_some(duration),
        needs: vec![],
        causes: vec![],
    }
}

/// A build of 161 s in which one of two steps came from a remote cache.
pub(crate) fn timing() -> Timing {
    let step =
        |instruction: &str, line, seconds: u64, cache| step("stage-0", Some(line), seconds * 1_000, cache, instruction);
    Timing {
        wall: Duration::from_secs(161),
        solve: Duration::from_secs(160),
        context_bytes: Some(2_500_000),
        cached_steps: 1,
        total_steps: 2,
        executed: Duration::from_secs(140),
        steps: vec![
            step("RUN apt-get install -y curl", 3, 0, CacheState::Remote),
            step("RUN pip install -r requirements.txt", 7, 140, CacheState::Executed),
        ],
        ..Timing::default()
    }
}

/// A built and measured cell.
pub(crate) fn cell(image_name: &str, platform: &str, layers: Vec<Layer>) -> CellReport {
    CellReport {
        id: id(image_name, platform),
        outcome: Outcome::Built,
        emulated: false,
        node: None,
        dockerfile: Some(format!("services/{image_name}/Dockerfile")),
        failure: None,
        build_ref: None,
        pushed_digest: None,
        image: Some(image(layers)),
        timing: Some(timing()),
        cache: None,
        build_args: BTreeMap::new(),
        findings: vec![],
        budgets: vec![],
        definition: None,
        runner_class: None,
        carried_over: None,
    }
}

/// A run of these cells on head `f00dbee…` against base `a1b2c3d…`.
pub(crate) fn run(mut cells: Vec<CellReport>) -> Report {
    cells.sort_by(|a, b| a.id.cmp(&b.id));
    Report {
        context: RunContext {
            head: Head { sha: Some("f00dbee".repeat(6)), reference: Some("feature".into()), dirty: false },
            base: Some(Base {
                sha: Some("a1b2c3d".repeat(6)),
                chosen_by: "merge base with main".into(),
                commits_older: 0,
                store: None,
            }),
        },
        environment: Environment {
            weighbridge_version: "0.1.0".into(),
            buildx_version: Some("v0.36.1".into()),
            buildkit_version: Some("v0.32.2".into()),
            runner_class: Some("linux/amd64, 4 CPUs".into()),
            ..Environment::default()
        },
        cells,
        indexes: BTreeMap::new(),
        verdict: Verdict::Pass,
        leg: None,
    }
}

/// One cell of 61.2 MB.
pub(crate) fn report() -> Report {
    let layers = vec![
        base_layer("debian", 29_000_000),
        layer("pip", 32_200_000, "RUN pip install -r requirements.txt # buildkit", 7),
    ];
    run(vec![cell("orders", "linux/amd64", layers)])
}

/// Text of every unpleasant kind.
pub(crate) fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z .]{0,20}",
        "\\PC{0,20}",
        vec(
            prop::sample::select(vec![
                "|",
                "`",
                "```",
                "<script>",
                "</details>",
                "<!--",
                "-->",
                "@everyone",
                "::error::x",
                "##[error]x",
                "#123",
                "\n",
                "\r",
                "\u{1b}[31m",
                "\u{202e}",
                "\u{200b}",
                "![x](http://e.vil)",
                "**",
                "\\",
                "&lt;",
                "~~~",
                "long word ",
            ]),
            0..8,
        )
        .prop_map(|parts| parts.concat()),
    ]
}

fn any_duration() -> impl Strategy<Value = Duration> {
    (0_u64..10_000_000).prop_map(Duration::from_millis)
}

fn any_bytes() -> impl Strategy<Value = u64> {
    prop_oneof![0_u64..100_000, 0_u64..2_000_000_000, any::<u64>()]
}

fn any_layer() -> impl Strategy<Value = Layer> {
    let compression = prop::sample::select(vec![Compression::None, Compression::Gzip, Compression::Zstd]);
    let numbers = (any_bytes(), any_bytes(), option::of(1_u32..99));
    let texts = (any_text(), option::of(any_text()));
    ("[ab]{1,2}", texts, numbers, compression, option::of(any::<bool>())).prop_map(
        |(
            diff_id,
            (created_by, instruction),
            (compressed_bytes, uncompressed_bytes, dockerfile_line),
            compression,
            base,
        )| Layer {
            digest: format!("sha256:{diff_id}{compressed_bytes}"),
            diff_id,
            compressed_bytes,
            uncompressed_bytes,
            compression,
            created_by,
            instruction,
            dockerfile_line,
            base,
        },
    )
}

fn any_image() -> impl Strategy<Value = ImageMeasurement> {
    let base_images = vec((any_text(), "[ab]").prop_map(|(name, digest)| BaseImage { name, digest }), 0..3);
    let parts =
        (vec(any_layer(), 0..5), base_images, option::of(contents::any_contents()), option::of(scan::any_scan()));
    (any_bytes(), any_bytes(), parts, any_text()).prop_map(
        |(compressed_bytes, uncompressed_bytes, (layers, base_images, contents, scan), digest)| ImageMeasurement {
            config_digest: Some(digest.clone()).filter(|digest| digest.len() % 2 == 0),
            digest,
            compressed_bytes,
            uncompressed_bytes,
            config_bytes: 1,
            attestation_bytes: 2,
            layers,
            base_images,
            contents,
            scan,
        },
    )
}

fn any_cause() -> impl Strategy<Value = Cause> {
    prop_oneof![
        Just(Cause::NoCache),
        option::of(any_text()).prop_map(|was| Cause::Edited { was }),
        (any_text(), 1_u32..99)
            .prop_map(|(instruction, dockerfile_line)| Cause::Setting { instruction, dockerfile_line }),
        any_text().prop_map(|name| Cause::BuildArgument { name }),
        (any_text(), any_text(), any_text()).prop_map(|(name, base, head)| Cause::BaseImage { name, base, head }),
        (0_usize..9, vec(any_text(), 0..3), vec(any_text(), 0..3))
            .prop_map(|(count, examples, ignorable)| Cause::Files { count, examples, ignorable }),
        (0_usize..4).prop_map(|step| Cause::Earlier { step }),
        any_text().prop_map(|reason| Cause::NotCached { reason }),
        any_text().prop_map(|reason| Cause::Unknown { reason }),
    ]
}

fn any_cache() -> impl Strategy<Value = CacheReport> {
    use CacheEnd::{Done, Failed, Ignored, NotFound, NotReached};
    let end = prop::sample::select(vec![Done, NotFound, Failed, Ignored, NotReached]);
    let texts = (any_text(), option::of(any_text()), any_text(), option::of(any_text()));
    let used = (texts, end, any_duration()).prop_map(|((entry, branch, reason, error), end, duration)| CacheUse {
        entry,
        branch,
        reason,
        end,
        duration,
        error,
    });
    let used = used.boxed();
    (vec(used.clone(), 0..3), vec(used, 0..2), vec(any_text(), 0..2), option::of(any::<u64>())).prop_map(
        |(imports, exports, left_out, imported_bytes)| CacheReport { imports, exports, left_out, imported_bytes },
    )
}

fn any_timing() -> impl Strategy<Value = Timing> {
    let cache = prop::sample::select(vec![CacheState::Executed, CacheState::Local, CacheState::Remote]);
    let step_facts = (any_text(), any_text(), option::of(any::<u32>()), any_duration(), cache);
    let step_account = (option::of(any_duration()), vec(0_usize..4, 0..3), vec(any_cause(), 0..3));
    let step = (step_facts, step_account).prop_map(
        |((stage, instruction, dockerfile_line, duration, cache), (last_ran, needs, causes))| Step {
            stage,
            instruction,
            dockerfile_line,
            duration,
            cache,
            last_ran,
            needs,
            causes,
        },
    );
    (any_duration(), any_duration(), option::of(any::<u64>()), 0_u32..3, 0_u32..3, vec(step, 0..3)).prop_map(
        |(wall, solve, context_bytes, cached_steps, total_steps, steps)| Timing {
            wall,
            solve,
            phases: Phases { context: solve, execution: wall, ..Phases::default() },
            context_bytes,
            cached_steps,
            total_steps,
            executed: solve,
            steps,
        },
    )
}

fn any_failure() -> impl Strategy<Value = Failure> {
    (any_text(), option::of(any_text()), option::of(1_u32..99), vec(any_text(), 0..4), option::of(any_text())).prop_map(
        |(message, step, dockerfile_line, log_tail, explanation)| Failure {
            message,
            source_line: step.clone(),
            step,
            dockerfile_line,
            log_tail,
            log_path: explanation.clone(),
            explanation,
        },
    )
}

fn any_verdict() -> impl Strategy<Value = Verdict> {
    prop::sample::select(vec![Verdict::Pass, Verdict::Warn, Verdict::Fail, Verdict::Unknown])
}

fn any_finding() -> impl Strategy<Value = Finding> {
    let severity = prop::sample::select(vec![Severity::Notice, Severity::Warning, Severity::Error]);
    (any_text(), severity, any_text(), option::of(1_u32..99), option::of(any_text())).prop_map(
        |(rule, severity, message, dockerfile_line, url)| Finding { rule, severity, message, dockerfile_line, url },
    )
}

fn any_budget() -> impl Strategy<Value = BudgetResult> {
    (any_text(), any_text(), option::of(any_text()), any_verdict(), any_text()).prop_map(
        |(key, limit, actual, verdict, reason)| {
            let allowed_by = (verdict == Verdict::Warn).then(|| reason.clone());
            BudgetResult { key, limit, actual, verdict, reason, allowed_by }
        },
    )
}

fn any_cell() -> impl Strategy<Value = CellReport> {
    let outcome = prop::sample::select(vec![Outcome::Built, Outcome::Failed, Outcome::TimedOut, Outcome::Cancelled]);
    let platform = prop::sample::select(vec!["linux/amd64", "linux/arm64", "linux/arm/v7"]);
    let facts = (option::of(any_failure()), option::of(any_image()), option::of(any_timing()), option::of(any_text()));
    let notes = (vec(any_finding(), 0..3), vec(any_budget(), 0..3));
    let build_args = proptest::collection::btree_map(any_text(), option::of(any_text()), 0..3);
    (any_text(), platform, outcome, any::<bool>(), facts, (option::of(any_cache()), build_args), notes).prop_map(
        |(
            name,
            platform,
            outcome,
            emulated,
            (failure, image, timing, dockerfile),
            (cache, build_args),
            (findings, budgets),
        )| CellReport {
            id: id(&name, platform),
            outcome,
            emulated,
            node: dockerfile.clone(),
            definition: dockerfile.clone(),
            runner_class: dockerfile.clone(),
            carried_over: dockerfile.clone().filter(|text| text.len() > 4),
            dockerfile,
            failure,
            build_ref: Some("builder/node/id".to_owned()),
            pushed_digest: None,
            image,
            timing,
            cache,
            build_args,
            findings,
            budgets,
        },
    )
}

/// Any report that this version can write.
pub(crate) fn any_report(cells: std::ops::Range<usize>) -> impl Strategy<Value = Report> {
    let base = (option::of(any_text()), any_text(), 0_usize..9, option::of(any_text()))
        .prop_map(|(sha, chosen_by, commits_older, store)| Base { sha, chosen_by, commits_older, store });
    let head = (option::of(any_text()), option::of(any_text()), any::<bool>())
        .prop_map(|(sha, reference, dirty)| Head { sha, reference, dirty });
    let environment =
        (any_text(), option::of(any_text())).prop_map(|(weighbridge_version, runner_class)| Environment {
            weighbridge_version,
            buildx_version: runner_class.clone(),
            runner_class,
            ..Environment::default()
        });
    (head, option::of(base), environment, vec(any_cell(), cells), any_verdict()).prop_map(
        |(head, base, environment, mut cells, verdict)| {
            cells.sort_by(|a, b| a.id.cmp(&b.id));
            cells.dedup_by(|a, b| a.id == b.id);
            let indexes = cells.iter().map(|cell| (cell.id.image.clone(), "sha256:index".to_owned())).collect();
            let leg = head.sha.clone().map(|run| Leg {
                configuration: run.clone(),
                pushes: head.dirty,
                attempt: run.len().try_into().unwrap_or_default(),
                run,
            });
            Report { context: RunContext { head, base }, environment, cells, indexes, verdict, leg }
        },
    )
}
