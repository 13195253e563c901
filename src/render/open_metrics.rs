//! What was measured as OpenMetrics text, which GitLab compares with the target branch by itself.
//! <https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md>

use std::fmt::Write;
use std::time::Duration;

use crate::compare::Comparison;
use crate::compare::inside::Inside;
use crate::report::CellReport;

/// A metric, read from one build; `None` where it was not measured.
struct Metric {
    name: &'static str,
    /// The last word of the name; `None` of a mere number.
    unit: Option<&'static str>,
    help: &'static str,
    value: fn(&Build<'_>) -> Option<String>,
}

/// What is known of a build.
struct Build<'a> {
    cell: &'a CellReport,
    inside: &'a Inside<'a>,
}

/// Sorted by name.
const METRICS: [Metric; 9] = [
    Metric {
        name: "build_cached_steps",
        unit: None,
        help: "Steps that were served from a cache.",
        value: |build| build.cell.timing.as_ref().map(|timing| timing.cached_steps.to_string()),
    },
    Metric {
        name: "build_context_bytes",
        unit: Some("bytes"),
        help: "Bytes of build context sent.",
        value: |build| build.cell.timing.as_ref()?.context_bytes.map(|bytes| bytes.to_string()),
    },
    Metric {
        name: "build_steps",
        unit: None,
        help: "Dockerfile steps that the build needed.",
        value: |build| build.cell.timing.as_ref().map(|timing| timing.total_steps.to_string()),
    },
    Metric {
        name: "build_wall_seconds",
        unit: Some("seconds"),
        help: "Wall time of the build.",
        value: |build| build.cell.timing.as_ref().map(|timing| seconds(timing.wall)),
    },
    Metric {
        name: "image_compressed_bytes",
        unit: Some("bytes"),
        help: "Sum of the layer blobs: what a node pulls.",
        value: |build| build.cell.image.as_ref().map(|image| image.compressed_bytes.to_string()),
    },
    Metric {
        name: "image_layers",
        unit: None,
        help: "Layers of the image.",
        value: |build| build.cell.image.as_ref().map(|image| image.layers.len().to_string()),
    },
    Metric {
        name: "image_pull_bytes",
        unit: Some("bytes"),
        help: "Bytes that a node pulls which has the image of the baseline.",
        value: |build| build.inside.pull.map(|bytes| bytes.0.to_string()),
    },
    Metric {
        name: "image_uncompressed_bytes",
        unit: Some("bytes"),
        help: "Sum of the unpacked layers: what lands on disk.",
        value: |build| build.cell.image.as_ref().map(|image| image.uncompressed_bytes.to_string()),
    },
    Metric {
        name: "image_wasted_bytes",
        unit: Some("bytes"),
        help: "Bytes of files that layers write and later ones delete or write again.",
        value: |build| build.inside.waste.map(|waste| waste.head.0.to_string()),
    },
];

/// The metrics of a run, sorted by name and cell.
#[must_use]
pub fn render(comparison: &Comparison<'_>) -> String {
    let builds = comparison.rows.iter().filter_map(|row| Some(Build { cell: row.head?, inside: &row.inside }));
    let builds: Vec<Build<'_>> = builds.collect();
    METRICS.iter().map(|metric| family(metric, &builds)).collect::<String>() + "# EOF\n"
}

fn family(metric: &Metric, builds: &[Build<'_>]) -> String {
    let samples: String = builds
        .iter()
        .filter_map(|build| {
            let id = &build.cell.id;
            let (image, platform) = (escaped(&id.image), escaped(&id.platform.to_string()));
            Some(format!("{}{{image=\"{image}\",platform=\"{platform}\"}} {}\n", metric.name, (metric.value)(build)?))
        })
        .collect();
    if samples.is_empty() {
        return samples;
    }
    let Metric { name, unit, help, .. } = metric;
    let mut text = format!("# TYPE {name} gauge\n");
    if let Some(unit) = unit {
        _ = writeln!(text, "# UNIT {name} {unit}");
    }
    text + &format!("# HELP {name} {help}\n{samples}")
}

/// The value of a label between its quotes.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Whole milliseconds, as the report has them.
fn seconds(duration: Duration) -> String {
    format!("{}.{:03}", duration.as_secs(), duration.subsec_millis())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::compare::compare;
    use crate::render::scene;
    use crate::report::{Report, sample};

    fn text(head: &Report) -> String {
        render(&compare(None, head))
    }

    #[test]
    fn the_metrics_of_some_situations() {
        for (name, base, head) in scene::all() {
            if matches!(name, "failed cell" | "hostile names" | "looked into") {
                scene::assert_snapshot(&format!("{name}.metrics"), &render(&compare(base.as_ref(), &head)));
            }
        }
    }

    #[test]
    fn what_was_not_measured_is_absent() {
        assert_eq!(text(&sample::run(vec![])), "# EOF\n");
        let mut report = sample::report();
        report.cells[0].image = None;
        let timing = report.cells[0].timing.as_mut().unwrap();
        timing.context_bytes = None;
        timing.wall = Duration::from_micros(1_234_567);
        let text = text(&report);
        assert!(!text.contains("image_") && !text.contains("context_bytes"), "{text}");
        assert!(text.contains("build_wall_seconds{image=\"orders\",platform=\"linux/amd64\"} 1.234\n"), "{text}");
    }

    /// The labels of a sample, as the specification reads them.
    fn read(sample: &str) -> (String, Vec<String>) {
        let (name, rest) = sample.split_once('{').unwrap();
        let (mut labels, mut label, mut chars, mut is_open) = (vec![], String::new(), rest.chars(), false);
        while let Some(c) = chars.next() {
            match (is_open, c) {
                (false, '"') => is_open = true,
                (false, '}') => break,
                (true, '\\') => label.push(match chars.next().unwrap() {
                    'n' => '\n',
                    other => other,
                }),
                (true, '"') => {
                    labels.push(std::mem::take(&mut label));
                    is_open = false;
                }
                (true, c) => label.push(c),
                (false, _) => {}
            }
        }
        (name.to_owned(), labels)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_sample_is_read_as_it_was_measured(head in sample::any_report(0..6)) {
            let text = text(&head);
            let lines: Vec<&str> = text.split('\n').collect();
            prop_assert_eq!(&lines[lines.len() - 2..], ["# EOF", ""]);
            let samples: Vec<_> = lines.iter().filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| read(line)).collect();
            let unique: BTreeSet<_> = samples.iter().collect();
            prop_assert_eq!(unique.len(), samples.len());
            let weighed = samples.iter().filter(|(name, _)| name == "image_compressed_bytes").map(|(_, labels)| labels.clone());
            let cells = head.cells.iter().filter(|cell| cell.image.is_some());
            let expected: Vec<Vec<String>> = cells.map(|cell| vec![cell.id.image.clone(), cell.id.platform.to_string()]).collect();
            prop_assert_eq!(weighed.collect::<Vec<_>>(), expected);
        }
    }
}
