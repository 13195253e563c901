//! Causes from reports and evidence alone, without a build.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Changes, Evidence, explain};
use crate::dockerfile::Dockerfile;
use crate::report::sample::{cell, run};
use crate::report::{CacheEnd, CacheReport, CacheState, CacheUse, Cause, CellReport, Report, Step, Timing, sample};

const DOCKERFILE: &str =
    "FROM debian:12 AS build\nARG VERSION\nENV A=1\nCOPY packages.txt ./\nRUN install\nCOPY . .\nRUN make\n";

/// A build in which the steps on these lines ran; each step needs the one before it.
fn built(dockerfile: &str, ran: &[u32]) -> CellReport {
    let parsed = Dockerfile::parse(dockerfile).unwrap();
    let steps = parsed.stages[0].instructions.iter().filter(|one| matches!(one.keyword.as_str(), "RUN" | "COPY"));
    let step = |(position, one): (usize, &crate::dockerfile::Instruction)| {
        let cache = if ran.contains(&one.line) { CacheState::Executed } else { CacheState::Local };
        let step = sample::step("build", Some(one.line), 1_000, cache, &one.to_string());
        Step { needs: position.checked_sub(1).into_iter().collect(), ..step }
    };
    let steps = steps.enumerate().map(step).collect();
    CellReport { timing: Some(Timing { steps, ..sample::timing() }), ..cell("orders", "linux/amd64", vec![]) }
}

fn changed(files: &[&str]) -> Changes {
    Changes::Files { files: files.iter().map(|file| (*file).to_owned()).collect(), has_untold: false }
}

fn evidence(head: &str, base: &str, changes: Changes) -> Evidence {
    let parse = |text| Dockerfile::parse(text).ok();
    let contexts = [(String::new(), changes)].into();
    Evidence { dockerfile: parse(head), base_dockerfile: parse(base), contexts, ..Evidence::default() }
}

fn explained(head: CellReport, base: Option<CellReport>, evidence: Evidence) -> Vec<(u32, Vec<Cause>)> {
    let mut report = run(vec![head]);
    let base = base.map(|cell| run(vec![cell]));
    explain(&mut report, base.as_ref(), &BTreeMap::from([("orders".to_owned(), evidence)]));
    let steps = report.cells.remove(0).timing.unwrap().steps;
    let ran = steps.into_iter().filter(|step| step.cache == CacheState::Executed);
    ran.map(|step| (step.dockerfile_line.unwrap(), step.causes)).collect()
}

/// The causes of the first step that ran, of a Dockerfile that was edited.
fn first(head: &str, ran: &[u32], changes: Changes) -> Vec<Cause> {
    let told = explained(built(head, ran), Some(built(DOCKERFILE, &[])), evidence(head, DOCKERFILE, changes));
    told.into_iter().next().unwrap().1
}

fn edited(was: &str) -> Cause {
    Cause::Edited { was: Some(was.to_owned()) }
}

fn setting(instruction: &str, dockerfile_line: u32) -> Cause {
    Cause::Setting { instruction: instruction.to_owned(), dockerfile_line }
}

#[test]
fn what_changed_in_the_dockerfile_is_told() {
    let none = || changed(&[]);
    for (head, ran, cause) in [
        (DOCKERFILE.replace("RUN install", "RUN install --all"), &[5, 6, 7][..], edited("RUN install")),
        (DOCKERFILE.replace("RUN install\n", "RUN new\nRUN install\n"), &[5, 6], Cause::Edited { was: None }),
        (DOCKERFILE.replace("A=1", "A=2"), &[5, 6, 7], setting("ENV A=2", 3)),
        (DOCKERFILE.replace("ENV A=1", "USER app"), &[5], setting("USER app", 3)),
        (DOCKERFILE.replace("ENV A=1\n", "\n"), &[5], setting("the removed ENV A=1", 5)),
        (DOCKERFILE.replace("debian:12", "debian:13"), &[4], setting("FROM debian:13", 1)),
        (
            DOCKERFILE.replace(
                "COPY packages.txt ./\nRUN install\nCOPY . .\n",
                "COPY . .\nCOPY packages.txt ./\nRUN install\n",
            ),
            &[4, 5, 6],
            setting("its place, which was after RUN install", 4),
        ),
    ] {
        assert_eq!(first(&head, ran, none())[0], cause, "{head}");
    }
}

#[test]
fn only_files_that_a_step_takes_count_and_the_rarely_needed_come_with_lines() {
    let files = |count, examples: &[&str], ignorable: &[&str]| {
        let owned = |list: &[&str]| list.iter().map(|one| (*one).to_owned()).collect();
        Cause::Files { count, examples: owned(examples), ignorable: owned(ignorable) }
    };
    for (changes, ran, cause) in [
        (&["packages.txt"][..], &[4][..], files(1, &["packages.txt"], &[])),
        (&["README.md"], &[6], files(1, &["README.md"], &["README.md"])),
        (&["README.md", "main.c"], &[6], files(2, &["main.c", "README.md"], &[])),
        (&["docs/a", "docs/b", "docs/c", "docs/d"], &[6], files(4, &["docs/a", "docs/b", "docs/c"], &["docs"])),
        (&[".git"], &[6], files(1, &[".git"], &[".git"])),
    ] {
        assert_eq!(first(DOCKERFILE, ran, changed(changes)), [cause], "{changes:?}");
    }
    assert!(matches!(&first(DOCKERFILE, &[4], changed(&["README.md"]))[..], [Cause::NotCached { .. }]));
}

#[test]
fn build_arguments_and_base_images_are_told_by_name() {
    let with = |value: Option<&str>, digest: &str| {
        let mut cell = built(DOCKERFILE, &[5, 6]);
        cell.build_args = value.map(|value| ("VERSION".to_owned(), Some(value.to_owned()))).into_iter().collect();
        cell.image.as_mut().unwrap().base_images[0].digest = digest.to_owned();
        cell
    };
    let told = |head: CellReport, base: CellReport| {
        explained(head, Some(base), evidence(DOCKERFILE, DOCKERFILE, changed(&[]))).remove(0).1
    };
    let argument = || Cause::BuildArgument { name: "VERSION".into() };
    assert_eq!(told(with(Some("1"), "x"), with(Some("2"), "x")), [argument()]);
    assert_eq!(told(with(Some("1"), "x"), with(None, "x")), [argument()]);
    let moved = Cause::BaseImage { name: "docker.io/library/debian:12".into(), base: "x".into(), head: "y".into() };
    assert_eq!(told(with(None, "y"), with(None, "x")), [moved]);
}

#[test]
fn a_step_says_which_one_it_builds_upon_and_repeats_nothing() {
    let told = explained(
        built(DOCKERFILE, &[4, 5, 6, 7]),
        Some(built(DOCKERFILE, &[])),
        evidence(DOCKERFILE, DOCKERFILE, changed(&["packages.txt"])),
    );
    let earlier = |step| vec![Cause::Earlier { step }];
    assert!(matches!(told[0].1[..], [Cause::Files { count: 1, .. }]));
    assert_eq!(told[1..], [(5, earlier(0)), (6, earlier(1)), (7, earlier(2))]);
}

#[test]
fn no_cache_explains_its_stages_alone() {
    let of = |edit: fn(&mut Evidence)| {
        let mut evidence = evidence(DOCKERFILE, DOCKERFILE, changed(&[]));
        edit(&mut evidence);
        explained(built(DOCKERFILE, &[5]), Some(built(DOCKERFILE, &[])), evidence).remove(0).1
    };
    assert_eq!(of(|it| it.no_cache = true), [Cause::NoCache]);
    assert_eq!(of(|it| it.no_cache_stages = vec!["Build".into()]), [Cause::NoCache]);
    assert_ne!(of(|it| it.no_cache_stages = vec!["other".into()]), [Cause::NoCache]);
}

#[test]
fn where_nothing_changed_the_caches_have_to_explain_it() {
    let told = |head: CellReport, base: Option<CellReport>, changes: Changes| match explained(
        head,
        base,
        evidence(DOCKERFILE, DOCKERFILE, changes),
    )
    .remove(0)
    .1
    .remove(0)
    {
        Cause::NotCached { reason } => reason,
        Cause::Unknown { reason } => format!("unknown: {reason}"),
        other => panic!("{other:?}"),
    };
    let head = || built(DOCKERFILE, &[6]);
    let base = || Some(built(DOCKERFILE, &[]));
    let import = |end| CacheUse {
        entry: "type=gha".into(),
        branch: None,
        reason: "x".into(),
        end,
        duration: std::time::Duration::ZERO,
        error: None,
    };
    let read = |end| CellReport {
        cache: Some(CacheReport { imports: vec![import(end)], ..CacheReport::default() }),
        ..head()
    };
    let mut other = built(DOCKERFILE, &[]);
    other.id.platform = "linux/arm64".parse().unwrap();
    let untold = Changes::Files { files: vec![], has_untold: true };
    let args = |cell: CellReport| CellReport { build_args: [("VERSION".to_owned(), None)].into(), ..cell };
    let secret = CellReport { ..args(built(DOCKERFILE, &[5])) };
    for (head, base, changes, expected) in [
        (head(), None, changed(&[]), "nothing is known of an earlier build"),
        (head(), Some(other), changed(&[]), "the baseline has no build of this image for this platform"),
        (head(), base(), changed(&[]), "no cache is read, and the builder's own does not have it"),
        (read(CacheEnd::NotFound), base(), changed(&[]), "nothing had been written to the cache yet"),
        (read(CacheEnd::Failed), base(), changed(&[]), "the cache could not be read"),
        (read(CacheEnd::Done), base(), changed(&[]), "the cache does not hold it"),
        (head(), base(), untold, "unknown: no file that git knows changed"),
        (head(), base(), Changes::Unknown("no git".into()), "unknown: no git"),
        (secret, Some(args(built(DOCKERFILE, &[]))), changed(&[]), "unknown: the value of build argument VERSION"),
    ] {
        let reason = told(head, base, changes);
        assert!(reason.starts_with(expected), "{reason}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_step_that_ran_has_a_cause_and_no_other_has(
        mut head in sample::any_report(0..4),
        base in proptest::option::of(sample::any_report(0..4)),
    ) {
        let evidence: BTreeMap<String, Evidence> = BTreeMap::new();
        head.cells.iter_mut().for_each(|cell| cell.carried_over = None);
        explain(&mut head, base.as_ref(), &evidence);
        let steps = head.cells.iter().flat_map(|cell| &cell.timing).flat_map(|timing| &timing.steps);
        for step in steps {
            prop_assert_eq!(step.causes.is_empty(), step.cache != CacheState::Executed, "{:?}", step);
        }
        let again = |report: &Report| { let mut report = report.clone(); explain(&mut report, base.as_ref(), &evidence); report };
        prop_assert_eq!(again(&head), head);
    }
}
