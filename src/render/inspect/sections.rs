//! What there is to say of an image, in the order of how much it matters. What is empty is left out, and long lists are
//! cut with a count.

use std::collections::BTreeMap;

use super::layers;
use crate::render::line::Line;
use crate::render::names::compression_name;
use crate::report::contents::{Contents, FileBytes, Leftover, Package, Starts, Waste, WasteKind, Weight};
use crate::report::{Compression, Finding, Inspection, Severity, Verdict};
use crate::units::Bytes;

/// Items of a list.
const ITEMS: usize = 10;
/// Paths that stand for more.
const EXAMPLES: usize = 3;
/// A directory is passed over where a directory in it holds this part of it, in percent.
const MOST_PERCENT: u64 = 70;

/// All that is said.
pub(super) struct Told {
    /// Whether it starts.
    pub(super) verdict: Verdict,
    pub(super) headline: Line,
    /// Which image it is, and what it weighs.
    pub(super) facts: Vec<Line>,
    pub(super) sections: Vec<Section>,
}

/// A part with a heading of its own.
pub(super) struct Section {
    pub(super) title: Line,
    pub(super) grid: Option<Grid>,
    pub(super) items: Vec<Item>,
}

/// Something in a list.
pub(super) struct Item {
    pub(super) line: Line,
    pub(super) notes: Vec<Line>,
}

/// A table; every row has as many cells as the header.
pub(super) struct Grid {
    pub(super) header: Vec<Column>,
    pub(super) rows: Vec<Vec<Line>>,
}

/// The head of a column.
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) is_number: bool,
}

/// What there is to say; instructions in tables are cut to so many characters.
pub(super) fn told(inspection: &Inspection, instruction_chars: usize) -> Told {
    let nothing = Contents::default();
    let contents = inspection.image.contents.as_ref().unwrap_or(&nothing);
    let sections = [
        starts(contents),
        layers::section(&inspection.image, contents, instruction_chars),
        waste(inspection, contents),
        duplicates(contents),
        heaviest(contents, false),
        heaviest(contents, true),
        packages(contents),
        leftovers(contents),
        configuration(contents),
    ];
    Told {
        verdict: match contents.start.verdict {
            Starts::Yes => Verdict::Pass,
            Starts::CannotTell => Verdict::Warn,
            Starts::No => Verdict::Fail,
        },
        headline: headline(contents),
        facts: vec![subject(inspection), sizes(inspection, contents)],
        sections: sections.into_iter().flatten().collect(),
    }
}

fn headline(contents: &Contents) -> Line {
    let words = match contents.start.verdict {
        Starts::Yes => "starts",
        Starts::No => "will not start",
        Starts::CannotTell => "cannot tell whether it starts",
    };
    match reason(contents) {
        Some(finding) => Line::ours(format!("{words}: ")).text(&finding.message),
        None => Line::ours(words),
    }
}

/// What stands in the headline: the loudest of what speaks against a start.
fn reason(contents: &Contents) -> Option<&Finding> {
    let findings = &contents.start.findings;
    let loudest = |severity| findings.iter().find(|finding| finding.severity == severity);
    match contents.start.verdict {
        Starts::Yes => None,
        Starts::CannotTell | Starts::No => {
            loudest(Severity::Error).or_else(|| loudest(Severity::Warning)).or(findings.first())
        }
    }
}

fn subject(inspection: &Inspection) -> Line {
    let Inspection { name, platform, digest, image } = inspection;
    let line = Line::default().code(name).then(" on ").text(&platform.to_string());
    match (digest, &image.config_digest) {
        (Some(digest), _) => line.then(", ").text(digest),
        (None, Some(id)) => line.then(", image ID ").text(id),
        (None, None) => line,
    }
}

fn sizes(inspection: &Inspection, contents: &Contents) -> Line {
    let image = &inspection.image;
    let compressions: std::collections::BTreeSet<Compression> =
        image.layers.iter().map(|layer| layer.compression).collect();
    let compressions: Vec<&str> = compressions.into_iter().map(compression_name).collect();
    let line = Line::ours(format!(
        "{} compressed ({}), {} uncompressed in {}",
        Bytes(image.compressed_bytes),
        compressions.join(", "),
        Bytes(image.uncompressed_bytes),
        plural(image.layers.len() as u64, "layer"),
    ));
    let share = share(contents.wasted_bytes(), contents.file_bytes);
    line.then(match contents.wasted_bytes() {
        0 => format!("; {} of files, nothing wasted", Bytes(contents.file_bytes)),
        wasted => format!("; {} of files, {} of it wasted ({share})", Bytes(contents.file_bytes), Bytes(wasted)),
    })
}

/// What is worth knowing beside the headline.
fn starts(contents: &Contents) -> Option<Section> {
    let shown = reason(contents);
    let beside = contents.start.findings.iter().filter(|finding| !shown.is_some_and(|shown| shown == *finding));
    let items = beside.map(finding).map(Item::from).collect();
    section(Line::ours("Start"), items, ITEMS)
}

fn waste(inspection: &Inspection, contents: &Contents) -> Option<Section> {
    let title = format!("Wasted: {}", Bytes(contents.wasted_bytes()));
    // Empty files, such as locks, are lost as well, and cost nothing.
    let mut pairs: Vec<&Waste> = contents.waste.iter().filter(|pair| pair.bytes > 0).collect();
    pairs.sort_by_key(|pair| std::cmp::Reverse(pair.bytes));
    let layer = |number: u32| {
        let layer = inspection.image.layers.get(number as usize);
        let instruction = layer.map(crate::compare::layers::shown_instruction).unwrap_or_default();
        let line = Line::ours(format!("layer {number}"));
        if instruction.is_empty() { line } else { line.then(" ").code(&instruction) }
    };
    let item = |pair: &&Waste| {
        let what = format!("{} in {}, written by ", Bytes(pair.bytes), plural(pair.files, "file"));
        let how = match pair.kind {
            WasteKind::Deleted => ", deleted by ",
            WasteKind::Opaque => ", lost with its directory in ",
            WasteKind::Overwritten => ", overwritten by ",
            WasteKind::MetadataOnly => ", written once more with the same content by ",
        };
        let line = Line::ours(what).join(layer(pair.writer)).then(how).join(layer(pair.killer));
        let fix = pair.fix.iter().map(|fix| Line::ours("fix: ").text(fix));
        Item { line, notes: examples(&pair.examples).into_iter().chain(fix).collect() }
    };
    section(Line::ours(title), pairs.iter().map(item).collect(), ITEMS)
}

fn duplicates(contents: &Contents) -> Option<Section> {
    let title = format!("Same content several times: {} could be saved", Bytes(contents.duplicate_bytes));
    let items = contents.duplicates.iter().map(|group| {
        let paths = group.paths.iter().take(EXAMPLES).map(|path| Line::default().code(path));
        let more = group.files.saturating_sub(group.paths.len().min(EXAMPLES) as u64);
        let line = Line::ours(format!("{} × {}: ", group.files, Bytes(group.bytes))).list(paths, ", ");
        Item::from(if more > 0 { line.then(format!(" and {more} more")) } else { line })
    });
    section(Line::ours(title), items.collect(), ITEMS / 2)
}

/// The largest files or directories, whichever layers wrote them. Of directories in each other the one is told that says
/// most: where nearly all of it is in one directory, that one.
fn heaviest(contents: &Contents, of_files: bool) -> Option<Section> {
    let mut weights: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for Weight { path, bytes, files, .. } in contents.weights.iter().filter(|weight| weight.is_file == of_files) {
        let weight = weights.entry(path).or_default();
        *weight = (weight.0.saturating_add(*bytes), weight.1.saturating_add(*files));
    }
    let is_passed_over = |path: &str, bytes: u64| {
        let inside = |other: &str| other.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
        path.is_empty()
            || weights.range(path..).take_while(|(other, _)| other.starts_with(path)).any(|(other, (part, _))| {
                inside(other) && part.saturating_mul(100) >= bytes.saturating_mul(MOST_PERCENT)
            })
    };
    let mut told: Vec<(&str, u64, u64)> = weights
        .iter()
        .filter(|(path, (bytes, _))| of_files || !is_passed_over(path, *bytes))
        .map(|(path, (bytes, files))| (*path, *bytes, *files))
        .collect();
    told.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    told.truncate(ITEMS);
    let items = told.into_iter().map(|(path, bytes, files)| {
        let line = Line::ours(format!("{:>9}  ", Bytes(bytes).to_string())).code(path);
        Item::from(if of_files { line } else { line.then(format!(" ({})", plural(files, "file"))) })
    });
    section(Line::ours(if of_files { "Largest files" } else { "Largest directories" }), items.collect(), ITEMS)
}

fn packages(contents: &Contents) -> Option<Section> {
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    for package in &contents.packages {
        *kinds.entry(&package.kind).or_default() += 1;
    }
    let kinds = kinds.into_iter().map(|(kind, count)| Line::ours(format!("{count} ")).text(kind));
    let mut packages: Vec<&Package> = contents.packages.iter().collect();
    packages.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.cmp(b)));
    let items = packages.into_iter().map(|package| {
        let bytes = package.bytes.map_or_else(String::new, |bytes| Bytes(bytes).to_string());
        let line = Line::ours(format!("{bytes:>9}  ")).code(&package.name);
        let line = if package.version.is_empty() { line } else { line.then(" ").text(&package.version) };
        Item::from(line.then(" (").text(&package.kind).then(")"))
    });
    section(Line::ours("Packages: ").list(kinds, ", "), items.collect(), ITEMS)
}

fn leftovers(contents: &Contents) -> Option<Section> {
    let bytes = contents.leftovers.iter().fold(0u64, |sum, leftover| sum.saturating_add(leftover.bytes));
    let item = |leftover: &Leftover| {
        let what = format!(": {} in {}", Bytes(leftover.bytes), plural(leftover.files, "file"));
        let notes = examples(&leftover.examples).into_iter().chain([Line::ours("fix: ").text(&leftover.fix)]);
        Item { line: Line::default().text(&leftover.kind.replace('-', " ")).then(what), notes: notes.collect() }
    };
    let title = format!("Leftovers: {}", Bytes(bytes));
    section(Line::ours(title), contents.leftovers.iter().map(item).collect(), ITEMS)
}

fn configuration(contents: &Contents) -> Option<Section> {
    let ports = contents.exposed_ports.iter().take(ITEMS).map(|port| Line::default().text(port));
    let ports = (!contents.exposed_ports.is_empty()).then(|| Line::ours("exposes ").list(ports, ", "));
    let items = contents.findings.iter().map(finding).chain(ports).map(Item::from);
    section(Line::ours("Configuration"), items.collect(), ITEMS)
}

fn finding(finding: &Finding) -> Line {
    let verdict = match finding.severity {
        Severity::Error => Verdict::Fail,
        Severity::Warning => Verdict::Warn,
        Severity::Notice => Verdict::Pass,
    };
    let line = Line::default().mark(verdict).text(&finding.message);
    finding.dockerfile_line.map_or(line.clone(), |number| line.then(format!(" (Dockerfile:{number})")))
}

fn examples(files: &[FileBytes]) -> Option<Line> {
    let shown = files.iter().take(EXAMPLES);
    let shown = shown.map(|file| Line::default().code(&file.path).then(format!(" {}", Bytes(file.bytes))));
    (!files.is_empty()).then(|| Line::ours("largest: ").list(shown, ", "))
}

/// A section of so many items; `None` when there are none.
fn section(title: Line, mut items: Vec<Item>, limit: usize) -> Option<Section> {
    let more = items.len().saturating_sub(limit);
    items.truncate(limit);
    if more > 0 {
        items.push(Item::from(Line::ours(format!("and {more} more"))));
    }
    (!items.is_empty()).then_some(Section { title, grid: None, items })
}

pub(super) fn plural(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// `1.3 %`.
fn share(part: u64, whole: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
    let percent = if whole == 0 { 0.0 } else { part as f64 / whole as f64 * 100.0 };
    format!("{percent:.1} %")
}

impl From<Line> for Item {
    fn from(line: Line) -> Self {
        Self { line, notes: Vec::new() }
    }
}
