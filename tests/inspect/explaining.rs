//! What is said of the difference of two images, held against what was put into them: images of a Debian with packages,
//! of npm and of pip, with files of their own, of which each side is drawn anew in part.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use weighbridge::compare::inside::{Cause, Origin, Part, What};
use weighbridge::compare::layers::LayerChange;
use weighbridge::compare::{Change, compare};
use weighbridge::inspect::describe;
use weighbridge::report::{
    CellId, CellReport, Compression, Environment, ImageMeasurement, Layer, Outcome, Report, RunContext, Verdict,
};

use crate::describing::{image, platform};
use crate::tape::{self, Item, directory, file, mark};

/// So much is told to nobody.
const NOISE_BYTES: u64 = 10_000;

/// Files of packages by what they are of: kind and name.
type Name = (String, String);

/// A file that a layer wrote.
#[derive(Debug, Clone)]
struct Written {
    path: String,
    bytes: u64,
    owner: Option<Name>,
    is_live: bool,
}

/// A layer as a Dockerfile writes it.
#[derive(Debug, Clone, Default)]
struct Step {
    instruction: &'static str,
    is_base: bool,
    items: Vec<Item>,
    written: Vec<Written>,
}

impl Step {
    fn new(instruction: &'static str, is_base: bool) -> Self {
        Self { instruction, is_base, ..Self::default() }
    }

    fn add(&mut self, path: &str, content: Vec<u8>, owner: Option<Name>) {
        let bytes = content.len() as u64;
        self.written.push(Written { path: path.to_owned(), bytes, owner, is_live: true });
        self.items.push(file(path, content));
    }

    fn fill(&mut self, path: &str, bytes: usize, owner: Option<Name>) {
        let seed = path.bytes().fold(bytes as u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        self.add(path, noise(seed, bytes), owner);
    }
}

fn owner(kind: &str, name: &str) -> Option<Name> {
    Some((kind.to_owned(), name.to_owned()))
}

fn noise(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(step).take(count).collect()
}

/// Packages by name: the version and the bytes of their files.
type Packages = BTreeMap<String, (u8, Vec<usize>)>;
/// Files by path.
type Files = BTreeMap<String, usize>;

/// What an image is made of.
#[derive(Debug, Clone)]
struct Spec {
    debian: Packages,
    npm: Packages,
    /// How many small packages of npm there are beside, and from which number on.
    small: (usize, usize),
    pip: Packages,
    app: Files,
    data: Files,
    /// Whether the directory of the files has its other name.
    is_renamed: bool,
    /// Whether the data is copied in a layer of its own.
    is_split: bool,
    /// Whether the files are copied before the packages are installed.
    is_reordered: bool,
    /// Whether a last layer gives all of npm's files another mode.
    is_owned: bool,
    /// Whether a last layer strips the first file of each package of Debian.
    is_stripped: bool,
}

fn packages(names: &'static str, most: usize) -> impl Strategy<Value = Packages> {
    prop::collection::btree_map(names, (0u8..3, prop::collection::vec(1usize..60_000, 1..4)), 0..most)
}

fn files(most: usize) -> impl Strategy<Value = Files> {
    prop::collection::btree_map("[ab](/[abc]){0,3}/[f-n]", 0usize..90_000, 0..most)
}

fn spec() -> impl Strategy<Value = Spec> {
    let installed = (packages("[a-f]", 6), packages("[g-p]", 8), packages("[q-v]", 5));
    let small = prop_oneof![4 => Just((0, 0)), 1 => (30usize..150, 0usize..3)];
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), prop::bool::weighted(0.2), prop::bool::weighted(0.2));
    (installed, small, files(14), files(6), flags).prop_map(
        |((debian, npm, pip), small, app, data, (is_renamed, is_split, is_reordered, is_owned, is_stripped))| Spec {
            debian,
            npm,
            small,
            pip,
            app,
            data,
            is_renamed,
            is_split,
            is_reordered,
            is_owned,
            is_stripped,
        },
    )
}

/// Two images, of which the second has some of its parts from the first.
fn pair() -> impl Strategy<Value = (Spec, Spec)> {
    (spec(), spec(), prop::collection::vec(prop::bool::weighted(0.35), 11)).prop_map(|(base, new, is_new)| {
        let mut head = base.clone();
        let mut take = |at: usize, set: &dyn Fn(&mut Spec)| {
            if is_new[at] {
                set(&mut head);
            }
        };
        take(0, &|head| head.debian = new.debian.clone());
        take(1, &|head| head.npm = new.npm.clone());
        take(2, &|head| head.small = new.small);
        take(3, &|head| head.pip = new.pip.clone());
        take(4, &|head| head.app = new.app.clone());
        take(5, &|head| head.data = new.data.clone());
        take(6, &|head| head.is_renamed = new.is_renamed);
        take(7, &|head| head.is_split = new.is_split);
        take(8, &|head| head.is_reordered = new.is_reordered);
        take(9, &|head| head.is_owned = new.is_owned);
        take(10, &|head| head.is_stripped = new.is_stripped);
        (base, head)
    })
}

impl Spec {
    fn steps(&self) -> Vec<Step> {
        let root = if self.is_renamed { "srv" } else { "opt/app" };
        let (mut debian, mut npm, mut pip) = (self.debian(), self.npm(), self.pip());
        let mut app = Step::new("COPY . /app # buildkit", false);
        let mut data = Step::new("COPY data /data # buildkit", false);
        for (path, bytes) in &self.app {
            app.fill(&format!("{root}/{path}"), *bytes, None);
        }
        let of_data = if self.is_split { &mut data } else { &mut app };
        for (path, bytes) in &self.data {
            of_data.fill(&format!("data/{path}"), *bytes, None);
        }
        let mut last = Vec::new();
        if self.is_owned {
            last.push(again(
                "RUN /bin/sh -c chmod -R a+r /web # buildkit",
                &mut npm,
                |written| written.owner.is_some(),
                1,
            ));
        }
        if self.is_stripped {
            let is_first = |written: &Written| written.path.ends_with("/0");
            last.push(again("RUN /bin/sh -c strip /usr/lib # buildkit", &mut debian, is_first, 2));
        }
        debian.items.push(directory("tmp"));
        pip.items.push(directory("var/tmp"));
        let installed = [npm, pip];
        let copied: Vec<Step> = [app, data].into_iter().filter(|step| !step.items.is_empty()).collect();
        let own: Vec<Step> = if self.is_reordered {
            copied.into_iter().chain(installed).collect()
        } else {
            installed.into_iter().chain(copied).collect()
        };
        [vec![debian], own, last].concat()
    }

    fn debian(&self) -> Step {
        let mut step = Step::new("# debian.sh # buildkit", true);
        let mut status = String::new();
        for (name, (version, bytes)) in &self.debian {
            status += &format!("Package: {name}\nStatus: install ok installed\nVersion: {version}\n\n");
            let mut list = String::new();
            for (number, bytes) in bytes.iter().enumerate() {
                let path = format!("usr/lib/{name}-{version}/{number}");
                list += &format!("/{path}\n");
                step.fill(&path, *bytes, owner("deb", name));
            }
            step.add(&format!("var/lib/dpkg/info/{name}.list"), list.into_bytes(), None);
        }
        step.add("var/lib/dpkg/status", status.into_bytes(), None);
        step.fill("usr/share/zoneinfo", 70_000, None);
        step
    }

    fn npm(&self) -> Step {
        let mut step = Step::new("RUN /bin/sh -c npm ci # buildkit", false);
        let (count, from) = self.small;
        let small = (from..from + count).map(|number| (format!("s{number}"), (0, vec![2_000 + number])));
        for (name, (version, bytes)) in self.npm.clone().into_iter().chain(small) {
            let owner = || owner("npm", &name);
            let folder = format!("web/node_modules/{name}");
            let manifest = format!("{{\"name\": \"{name}\", \"version\": \"{version}.0.0\"}}");
            step.add(&format!("{folder}/package.json"), manifest.into_bytes(), owner());
            for (number, bytes) in bytes.iter().enumerate() {
                step.fill(&format!("{folder}/lib/{number}.js"), *bytes, owner());
            }
        }
        step
    }

    fn pip(&self) -> Step {
        let mut step = Step::new("RUN /bin/sh -c pip install # buildkit", false);
        let site = "usr/lib/python3";
        for (name, (version, bytes)) in &self.pip {
            let owner = || owner("python", name);
            let information = format!("{name}-{version}.dist-info");
            let mut record = format!("{information}/METADATA,,\n{information}/RECORD,,\n");
            for (number, bytes) in bytes.iter().enumerate() {
                let path = format!("{name}/{number}.py");
                record += &format!("{path},,\n");
                step.fill(&format!("{site}/{path}"), *bytes, owner());
            }
            let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n");
            step.add(&format!("{site}/{information}/METADATA"), metadata.into_bytes(), owner());
            step.add(&format!("{site}/{information}/RECORD"), record.into_bytes(), owner());
        }
        step
    }
}

/// Some files of a layer written again by a later one, as one part of what they were.
fn again(instruction: &'static str, step: &mut Step, is_meant: impl Fn(&Written) -> bool, part: usize) -> Step {
    let mut later = Step::new(instruction, false);
    for (written, item) in step.written.iter_mut().zip(&step.items) {
        let tape::What::File(content) = &item.what else { continue };
        if is_meant(written) {
            written.is_live = false;
            later.add(&written.path, content[..content.len() / part].to_vec(), written.owner.clone());
        }
    }
    later.items.push(mark("nothing/.wh.there"));
    later
}

fn report(steps: &[Step], knows_origins: bool) -> Report {
    let blobs: Vec<Vec<u8>> = steps.iter().map(|step| tape::tar(&step.items)).collect();
    let contents = describe(&crate::read(&blobs).unwrap(), &image(&[]), &platform());
    let layers: Vec<Layer> = (1..)
        .zip(steps.iter().zip(&blobs))
        .map(|(line, (step, blob))| layer(line, step, blob, knows_origins))
        .collect();
    let measured = ImageMeasurement {
        digest: tape::sha256(&blobs.concat()),
        compressed_bytes: layers.iter().map(|layer| layer.compressed_bytes).sum(),
        uncompressed_bytes: layers.iter().map(|layer| layer.uncompressed_bytes).sum(),
        config_digest: None,
        config_bytes: 0,
        attestation_bytes: 0,
        layers,
        base_images: vec![],
        contents: Some(contents),
        scan: None,
    };
    let cell = CellReport {
        id: CellId { image: "web".to_owned(), platform: platform() },
        outcome: Outcome::Built,
        emulated: false,
        node: None,
        dockerfile: None,
        failure: None,
        build_ref: None,
        pushed_digest: None,
        image: Some(measured),
        timing: None,
        cache: None,
        build_args: BTreeMap::new(),
        findings: vec![],
        budgets: vec![],
        definition: None,
        runner_class: None,
        carried_over: None,
    };
    Report {
        context: RunContext::default(),
        environment: Environment::default(),
        cells: vec![cell],
        indexes: BTreeMap::new(),
        verdict: Verdict::Pass,
        leg: None,
    }
}

fn layer(line: u32, step: &Step, blob: &[u8], knows_origins: bool) -> Layer {
    Layer {
        digest: tape::sha256(blob),
        diff_id: tape::sha256(blob),
        compressed_bytes: blob.len() as u64,
        uncompressed_bytes: blob.len() as u64,
        compression: Compression::None,
        created_by: step.instruction.to_owned(),
        instruction: None,
        dockerfile_line: Some(line),
        base: knows_origins.then_some(step.is_base),
    }
}

/// The layers that a cause is about, by their numbers on both sides.
fn concerned(cause: &Cause<'_>, base: &Report, head: &Report) -> [BTreeSet<usize>; 2] {
    let layers = |report: &Report| report.cells[0].image.clone().unwrap().layers;
    let number = |layers: &[Layer], layer: Option<&Layer>| layers.iter().position(|other| Some(other) == layer);
    let (base, head) = (layers(base), layers(head));
    match &cause.origin {
        Origin::Layer(change) => [number(&base, change.base_layer()), number(&head, change.head_layer())]
            .map(|one| one.into_iter().collect()),
        Origin::BaseImage => {
            [&base, &head].map(|layers| (0..layers.len()).filter(|at| layers[*at].base == Some(true)).collect())
        }
    }
}

/// The layer that wrote most of each package.
fn homes(steps: &[Step]) -> BTreeMap<Name, usize> {
    let mut bytes: BTreeMap<Name, BTreeMap<usize, u64>> = BTreeMap::new();
    for (number, step) in steps.iter().enumerate() {
        for written in step.written.iter().filter(|written| written.is_live) {
            if let Some(owner) = &written.owner {
                *bytes.entry(owner.clone()).or_default().entry(number).or_default() += written.bytes;
            }
        }
    }
    let most = |layers: BTreeMap<usize, u64>| layers.into_iter().rev().max_by_key(|(_, bytes)| *bytes).unwrap().0;
    bytes.into_iter().map(|(owner, layers)| (owner, most(layers))).collect()
}

/// What is in some layers: bytes by package, and files without one.
fn holdings(steps: &[Step], layers: &BTreeSet<usize>) -> (BTreeMap<Name, u64>, BTreeMap<String, u64>) {
    let homes = homes(steps);
    let (mut packages, mut files) = (BTreeMap::new(), BTreeMap::new());
    for (number, step) in steps.iter().enumerate().filter(|(number, _)| layers.contains(number)) {
        for Written { path, bytes, owner, is_live } in &step.written {
            match owner.as_ref().filter(|owner| *is_live && homes[*owner] == number) {
                Some(owner) => *packages.entry(owner.clone()).or_default() += bytes,
                None => *files.entry(path.clone()).or_default() += bytes,
            }
        }
    }
    (packages, files)
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap()
}

/// What is not yet told of both sides.
struct Untold {
    packages: BTreeMap<Name, i64>,
    files: BTreeMap<String, i64>,
}

impl Untold {
    fn new(
        base: (BTreeMap<Name, u64>, BTreeMap<String, u64>),
        head: (BTreeMap<Name, u64>, BTreeMap<String, u64>),
    ) -> Self {
        fn joined<K: Ord + Clone>(base: BTreeMap<K, u64>, head: BTreeMap<K, u64>) -> BTreeMap<K, i64> {
            let mut joined: BTreeMap<K, i64> = head.into_iter().map(|(key, bytes)| (key, signed(bytes))).collect();
            for (key, bytes) in base {
                *joined.entry(key).or_default() -= signed(bytes);
            }
            joined
        }
        Self { packages: joined(base.0, head.0), files: joined(base.1, head.1) }
    }

    /// Takes out what a part is about, and returns the true difference of it.
    fn take(&mut self, part: &Part<'_>) -> i64 {
        match &part.what {
            What::Package(change) => {
                let key =
                    self.packages.keys().find(|(kind, name)| (&**kind, &**name) == (change.kind, change.name)).cloned();
                // One that is told twice is no longer there.
                self.packages.remove(&key.unwrap()).unwrap()
            }
            What::SmallPackages { kind, count } => {
                let is_it = |name: &Name, bytes: i64| name.0 == *kind && bytes.signum() == part.bytes.0.signum();
                let all = std::mem::take(&mut self.packages);
                let (small, rest): (BTreeMap<_, _>, BTreeMap<_, _>) =
                    all.into_iter().partition(|(name, bytes)| is_it(name, *bytes));
                self.packages = rest;
                assert_eq!(small.len(), *count);
                small.values().sum()
            }
            What::Path { path, .. } => {
                let below = format!("{path}/");
                let all = std::mem::take(&mut self.files);
                let (inside, rest): (BTreeMap<_, _>, BTreeMap<_, _>) =
                    all.into_iter().partition(|(file, _)| file == path || file.starts_with(&below));
                self.files = rest;
                assert!(!inside.is_empty(), "{path} is told twice or not there");
                inside.values().sum()
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn causes_explain_most_of_every_difference_and_nothing_twice((base_spec, head_spec) in pair(), knows_origins in prop::bool::weighted(0.8)) {
        let (base_steps, head_steps) = (base_spec.steps(), head_spec.steps());
        let (base, head) = (report(&base_steps, knows_origins), report(&head_steps, knows_origins));
        let comparison = compare(Some(&base), &head);
        let row = &comparison.rows[0];
        let Change::Changed(delta) = &row.change else {
            prop_assert!(row.inside.causes.is_empty());
            return Ok(());
        };
        let file_bytes = |steps: &[Step]| signed(steps.iter().flat_map(|step| &step.written).map(|one| one.bytes).sum());
        let causes = &row.inside.causes;
        // All of them together are the difference of the images, compressed and unpacked.
        let unpacked: i64 = causes.iter().map(|cause| cause.unpacked.0).sum();
        prop_assert_eq!(unpacked, file_bytes(&head_steps) - file_bytes(&base_steps));
        let compressed: i64 = causes.iter().map(|cause| cause.compressed.0).sum();
        prop_assert_eq!(compressed, delta.growth.0);
        prop_assert!(causes.iter().filter(|cause| cause.origin == Origin::BaseImage).count() <= 1);
        for cause in causes {
            if let Origin::Layer(change) = &cause.origin {
                let is_same = matches!(change, LayerChange::Same(_) | LayerChange::Recompressed { .. });
                prop_assert!(!is_same);
                prop_assert_eq!(change.layer().base, knows_origins.then_some(false));
            }
            let [of_base, of_head] = concerned(cause, &base, &head);
            let (before, after) = (holdings(&base_steps, &of_base), holdings(&head_steps, &of_head));
            let mut untold = Untold::new(before, after);
            let all = untold.packages.values().chain(untold.files.values()).sum::<i64>();
            prop_assert_eq!(cause.unpacked.0, all, "{:?}", cause.origin);
            let mut told = 0;
            // The small ones are those that are left, and the innermost paths are named first.
            let (small, rest): (Vec<&Part<'_>>, Vec<&Part<'_>>) =
                cause.parts.iter().partition(|part| matches!(part.what, What::SmallPackages { .. }));
            for part in rest.into_iter().chain(small) {
                if let What::Package(change) = &part.what {
                    // What is new in a layer may have been in another before, and is no new package.
                    let is_there = |steps: &[Step]| homes(steps).contains_key(&(change.kind.to_owned(), change.name.to_owned()));
                    let there = (is_there(&base_steps), is_there(&head_steps));
                    prop_assert_eq!((!change.base.is_empty(), !change.head.is_empty()), there);
                }
                let truth = untold.take(part);
                prop_assert_eq!(part.bytes.0.signum(), truth.signum(), "{:?}", part);
                let is_near = (part.bytes.0 - truth).unsigned_abs() * 4 <= truth.unsigned_abs();
                prop_assert!(is_near, "{:?} is {}", part, truth);
                told += truth;
            }
            if all.unsigned_abs() > NOISE_BYTES {
                prop_assert!(cause.explained_percent() >= Some(80), "{:#?}", cause);
                let left = (all - told).unsigned_abs();
                prop_assert!(left * 100 <= all.unsigned_abs() * 25, "{} of {} are left: {:#?}", left, all, cause);
            }
        }
    }
}
