use proptest::prelude::*;

use super::*;
use crate::report::{Leg, sample};

const RUN: &str = "17";

fn digest(number: u64) -> String {
    format!("sha256:{number:064x}")
}

fn leg(attempt: u64) -> Leg {
    Leg { run: RUN.into(), attempt, configuration: "c".into(), pushes: true }
}

/// A part of one cell.
fn part(image: &str, platform: &str, attempt: u64, number: u64) -> Report {
    let mut cell = sample::cell(image, platform, vec![]);
    cell.pushed_digest = Some(digest(number));
    Report { leg: Some(leg(attempt)), ..sample::run(vec![cell]) }
}

fn merge(cells: &[(&str, &str)]) -> Merge {
    Merge::of(Expected {
        run: RUN.into(),
        head: sample::report().context.head,
        configuration: "c".into(),
        cells: cells.iter().map(|(image, platform)| sample::id(image, platform)).collect(),
    })
}

fn merged(parts: Vec<Report>) -> Result<Merged, Vec<String>> {
    let mut merge = merge(&[("web", "linux/amd64"), ("web", "linux/arm64")]);
    parts.into_iter().enumerate().for_each(|(index, part)| merge.add(&index.to_string(), part));
    merge.finish()
}

#[test]
fn what_is_not_of_this_run_is_refused_by_name() {
    let edited = |edit: &dyn Fn(&mut Report)| {
        let mut part = part("web", "linux/amd64", 1, 1);
        edit(&mut part);
        merged(vec![part]).err().unwrap_or_default().join("\n")
    };
    type Edit<'e> = &'e dyn Fn(&mut Report);
    let table: [(Edit<'_>, &str); 9] = [
        (&|_| {}, ""),
        (&|part| part.leg = None, "0: a report of a whole run, not a part of one"),
        (&|part| part.leg.as_mut().unwrap().run = "18".into(), "0: a part of run \"18\"; this is run \"17\""),
        (
            &|part| part.context.head.sha = Some("b".repeat(40)),
            "0: a part of \"bbbbbbbbbbbb\"; this is \"f00dbeef00db\"",
        ),
        (&|part| part.context.head.sha = None, "0: a part of \"no commit\"; this is \"f00dbeef00db\""),
        (
            &|part| part.leg.as_mut().unwrap().configuration = "d".into(),
            "0: built with another configuration or another version of weighbridge",
        ),
        (
            &|part| part.cells[0].id.image = "\u{1b}[31m".into(),
            "0: \"\\u{1b}[31m linux/amd64\" is no cell of this configuration",
        ),
        (
            &|part| part.cells[0].pushed_digest = Some("sha256:1 --tag x".into()),
            "0: web linux/amd64: \"sha256:1 --tag x\" is no digest",
        ),
        (&|part| part.cells[0].pushed_digest = Some(digest(1).to_uppercase()), "is no digest"),
    ];
    for (edit, expected) in table {
        let fault = edited(edit);
        assert!(fault.contains(expected) && fault.is_empty() == expected.is_empty(), "{fault}");
    }
}

#[test]
fn the_newest_attempt_of_a_cell_stays_whatever_comes_first() {
    let (old, new) = (part("web", "linux/amd64", 1, 1), part("web", "linux/amd64", 2, 2));
    for parts in [vec![old.clone(), new.clone()], vec![new.clone(), old], vec![new.clone(), new]] {
        let merged = merged(parts).unwrap();
        assert_eq!(merged.cells[0].pushed_digest, Some(digest(2)));
        assert_eq!(merged.missing, [sample::id("web", "linux/arm64")]);
    }
    let error = merged(vec![part("web", "linux/amd64", 1, 1), part("web", "linux/amd64", 1, 2)]).unwrap_err();
    assert_eq!(error, ["1: web linux/amd64 stands in another part of attempt 1 with other facts"]);
}

#[test]
fn what_was_built_beats_what_was_carried_over() {
    let mut carried = part("web", "linux/amd64", 9, 9);
    carried.leg.as_mut().unwrap().pushes = false;
    carried.cells[0].carried_over = Some("a".repeat(40));
    for parts in [
        vec![carried.clone(), part("web", "linux/amd64", 1, 1)],
        vec![part("web", "linux/amd64", 1, 1), carried.clone()],
    ] {
        let merged = merged(parts).unwrap();
        assert_eq!((merged.cells[0].carried_over.as_ref(), merged.pushes), (None, true));
    }
    let kept = merged(vec![carried, part("web", "linux/arm64", 1, 1)]).unwrap();
    let platforms = ["linux/amd64", "linux/arm64"].map(|platform| platform.parse().unwrap());
    let reason = pushed_digests("web", &platforms, &kept.cells).unwrap_err();
    assert_eq!(reason, "linux/amd64 was carried over, not built");
}

#[test]
fn runners_that_differ_are_told_cell_by_cell() {
    let on = |platform: &str, class: &str, number| {
        let mut part = part("web", platform, 1, number);
        part.environment.runner_class = Some(class.into());
        part.environment.driver = Some(class.into());
        part
    };
    let alike = merged(vec![on("linux/amd64", "a", 1), on("linux/arm64", "a", 2)]).unwrap();
    assert_eq!((alike.environment.runner_class.as_deref(), &alike.cells[0].runner_class), (Some("a"), &None));
    let unlike = merged(vec![on("linux/amd64", "a", 1), on("linux/arm64", "b", 2)]).unwrap();
    assert_eq!((&unlike.environment.runner_class, &unlike.environment.driver), (&None, &None));
    assert_eq!(unlike.cells[1].runner_class.as_deref(), Some("b"));
    assert_eq!(unlike.environment.buildx_version, sample::report().environment.buildx_version);
}

#[test]
fn one_digest_never_stands_for_two() {
    let platforms = ["linux/amd64", "linux/arm64"].map(|platform| platform.parse().unwrap());
    let same = merged(vec![part("web", "linux/amd64", 1, 1), part("web", "linux/arm64", 1, 1)]).unwrap();
    let reason = pushed_digests("web", &platforms, &same.cells).unwrap_err();
    assert!(reason.contains("was pushed for linux/amd64 and for linux/arm64 as well"), "{reason}");

    let mut merge = merge(&[("api", "linux/amd64"), ("db", "linux/amd64"), ("web", "linux/amd64")]);
    for (image, number) in [("api", 1), ("web", 1), ("db", 2)] {
        merge.add(image, part(image, "linux/amd64", 1, number));
    }
    let shared = shared_digests(&merge.finish().unwrap().cells);
    assert_eq!(shared.keys().collect::<Vec<_>>(), ["api", "web"]);
    assert!(shared["web"].contains("was pushed for web linux/amd64 and for api linux/amd64 as well"), "{shared:?}");
}

#[test]
fn very_many_faults_are_not_all_told() {
    let mut merge = merge(&[]);
    (0..10_000).for_each(|number| merge.add("x", part("web", "linux/amd64", 1, number)));
    assert_eq!(merge.finish().unwrap_err().len(), MAX_FAULTS + 1);
}

const PLATFORMS: [&str; 3] = ["linux/amd64", "linux/arm64", "linux/arm/v7"];

/// A delivery of a part: image, platform, attempt, and how often it comes.
type Delivery = (usize, usize, u64, usize);

/// How many images and platforms there are, and what comes of them.
fn deliveries() -> impl Strategy<Value = (usize, usize, Vec<Delivery>)> {
    (1_usize..5, 1_usize..4).prop_flat_map(|(images, platforms)| {
        let one = (0..images, 0..platforms, 1_u64..4, 0_usize..3);
        (Just(images), Just(platforms), proptest::collection::vec(one, 0..30).prop_shuffle())
    })
}

proptest! {
    #[test]
    fn an_index_holds_the_newest_digest_of_each_platform_or_there_is_none(
        (images, platforms, deliveries) in deliveries()
    ) {
        let names: Vec<String> = (0..images).map(|image| format!("i{image}")).collect();
        let cells: Vec<(&str, &str)> =
            names.iter().flat_map(|name| PLATFORMS[..platforms].iter().map(|platform| (name.as_str(), *platform))).collect();
        let mut merge = merge(&cells);
        // What was built is a function of the cell and the attempt, unlike for all.
        let number = |image: usize, platform: usize, attempt: u64| u64::try_from(image * 100 + platform * 10).unwrap() + attempt;
        let mut newest: BTreeMap<(usize, usize), u64> = BTreeMap::new();
        for &(image, platform, attempt, times) in &deliveries {
            for _ in 0..times {
                merge.add("part", part(&names[image], PLATFORMS[platform], attempt, number(image, platform, attempt)));
                let known = newest.entry((image, platform)).or_default();
                *known = attempt.max(*known);
            }
        }
        let merged = merge.finish().unwrap();
        prop_assert_eq!(merged.cells.len() + merged.missing.len(), cells.len());
        let all: Vec<Platform> = PLATFORMS[..platforms].iter().map(|platform| platform.parse().unwrap()).collect();
        for (image, name) in names.iter().enumerate() {
            let expected: Option<Vec<String>> = (0..platforms)
                .map(|platform| Some(digest(number(image, platform, *newest.get(&(image, platform))?))))
                .collect();
            prop_assert_eq!(pushed_digests(name, &all, &merged.cells).ok(), expected);
        }
    }
}
