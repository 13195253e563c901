//! The situations in which a comment is read, for the snapshots of every format.

use crate::report::sample::{self, base_layer, cell, layer, run};
use crate::report::*;

/// A name, the baseline and the run.
pub(crate) type Scene = (&'static str, Option<Report>, Report);

fn service(name: &str, platform: &str, pip: (&str, u64), copy: (&str, u64)) -> CellReport {
    let pip_text = "RUN /bin/sh -c pip install --no-cache-dir -r requirements.txt # buildkit";
    let layers = vec![
        base_layer("os", 29_000_000),
        layer(pip.0, pip.1 * 1_000, pip_text, 7),
        layer(copy.0, copy.1 * 1_000, "COPY . /app # buildkit", 9),
    ];
    cell(name, platform, layers)
}

fn shop() -> Vec<CellReport> {
    ["orders", "recommend", "web"]
        .into_iter()
        .map(|name| service(name, "linux/amd64", ("pip", 22_000), ("app", 900)))
        .collect()
}

fn base() -> Report {
    run(shop())
}

fn with(mut cells: Vec<CellReport>, index: usize, edit: impl FnOnce(&mut CellReport)) -> Vec<CellReport> {
    edit(&mut cells[index]);
    cells
}

fn grown() -> CellReport {
    service("recommend", "linux/amd64", ("pip2", 26_100), ("app2", 1_000))
}

fn over_budget() -> Report {
    let mut report = run(with(shop(), 1, |cell| *cell = grown()));
    let result = |key: &str, limit: &str, actual: &str, verdict, reason: &str| BudgetResult {
        key: key.into(),
        limit: limit.into(),
        actual: Some(actual.into()),
        verdict,
        reason: reason.into(),
        allowed_by: None,
    };
    report.cells[1].budgets = vec![
        result("compressed", "55.0 MB", "56.1 MB", Verdict::Fail, "1.1 MB over"),
        result("compressed_growth", "5 %", "+8.1 %", Verdict::Fail, "grew by 4.2 MB"),
    ];
    report.cells[2].budgets = vec![result("compressed", "55.0 MB", "51.9 MB", Verdict::Warn, "94 % of the limit")];
    report.verdict = Verdict::Fail;
    report
}

fn failed() -> Report {
    let mut report = run(shop());
    for cell in report.cells.iter_mut().take(1) {
        cell.outcome = Outcome::Failed;
        cell.image = None;
        cell.failure = Some(Failure {
            message: "process \"/bin/sh -c make\" did not complete successfully: exit code: 2".into(),
            step: Some("[build 4/7] RUN make".into()),
            dockerfile_line: Some(12),
            source_line: Some("RUN make".into()),
            log_tail: vec![
                "cc -o orders main.c".into(),
                "main.c:3: error: expected ';' before '}' token".into(),
                "make: *** [orders] Error 1".into(),
            ],
            explanation: None,
            log_path: Some("logs/orders-linux-amd64.log".into()),
        });
    }
    report.verdict = Verdict::Fail;
    report
}

fn platforms(pip: &str, kilobytes: u64, base_kilobytes: u64) -> Report {
    let cells = ["orders", "recommend"].into_iter().flat_map(|name| {
        ["linux/amd64", "linux/arm64", "linux/arm/v7"].map(|platform| {
            let mut cell = service(name, platform, (pip, kilobytes), ("app", 900));
            if name == "recommend" {
                cell = service(name, platform, (pip, kilobytes + 100), ("app", 900));
                let image = cell.image.as_mut().unwrap();
                image.layers[0] = base_layer(&format!("os{base_kilobytes}"), base_kilobytes * 1_000);
                image.base_images[0].digest = format!("sha256:{base_kilobytes:064}");
                image.compressed_bytes = image.layers.iter().map(|layer| layer.compressed_bytes).sum();
            }
            cell.emulated = platform != "linux/amd64";
            cell
        })
    });
    run(cells.collect())
}

fn hostile() -> Report {
    let evil =
        "</details>\n\n# @everyone | `x` ``` <script>alert(1)</script> --> #1 \u{202e}gnp.exe \u{1b}[2J https://e.vil";
    let mut report = run(vec![service(evil, "linux/amd64", ("pip", 22_000), ("app", 900)), grown()]);
    for cell in &mut report.cells {
        cell.image.as_mut().unwrap().layers[1].created_by = format!("RUN {evil}");
        cell.findings.push(Finding {
            rule: evil.into(),
            severity: Severity::Warning,
            message: evil.into(),
            dockerfile_line: Some(3),
            url: None,
        });
    }
    report.context.base.as_mut().unwrap().chosen_by = evil.into();
    report
}

/// A run in which hardly anything can be compared.
fn mixed() -> (Report, Report) {
    let mut base = base();
    let mut head = base.clone();
    let orders = head.cells[0].image.as_mut().unwrap();
    orders.layers[1].compressed_bytes -= 4_000_000;
    orders.compressed_bytes -= 4_000_000;
    base.cells[1].image = None;
    base.cells[1].outcome = Outcome::TimedOut;
    head.cells[2].image = None;
    head.cells[2].findings.push(Finding {
        rule: "layout-unreadable".into(),
        severity: Severity::Error,
        message: "blob sha256:0a1b2c is truncated".into(),
        dockerfile_line: None,
        url: None,
    });
    head.cells[0].timing.as_mut().unwrap().cached_steps = 2;
    head.cells[2].timing.as_mut().unwrap().wall = std::time::Duration::from_secs(200);
    head.cells.push(service("worker", "linux/arm64", ("pip", 22_000), ("app", 900)));
    head.context.base.as_mut().unwrap().commits_older = 3;
    (base, head)
}

/// One of three services on two platforms installs one package more, in a stage that its image copies from.
fn dependency(has_package: bool) -> Report {
    let (change, packages) = if has_package { ("2", [3_451_000, 1_585_000]) } else { ("1", [154_500, 154_500]) };
    let built = |image: &str, index: usize, layers: Vec<Layer>, cached_steps| {
        let mut cell = cell(image, ["linux/amd64", "linux/arm64"][index], layers);
        cell.emulated = index == 1;
        cell.timing = Some(Timing { steps: vec![], cached_steps, total_steps: 8, ..sample::timing() });
        cell
    };
    let copied = |diff_id: &str, compressed_bytes, line| Layer {
        instruction: Some("COPY --from=packages /out /opt/packages".into()),
        ..layer(diff_id, compressed_bytes, "COPY /out /opt/packages # buildkit", line)
    };
    let step = |line, millis, instruction: &str| {
        sample::step("packages", Some(line), millis, CacheState::Executed, instruction)
    };
    let mut cells = Vec::new();
    for (index, packages) in packages.into_iter().enumerate() {
        let bytes = 2_323_000 + u64::from(has_package) * 6;
        cells.push(built(
            "orders",
            index,
            vec![copied(&format!("orders{change}"), bytes, 24)],
            1 + u32::from(has_package),
        ));
        let pricing = vec![base_layer("os", 29_703_000), copied("pricing", 824_700, 12)];
        cells.push(built("pricing", index, pricing, u32::from(has_package) * 8));
        let layers = vec![
            base_layer("os", 45_457_000),
            copied(&format!("packages{change}"), packages, 19),
            layer(&format!("app{change}"), 92, "WORKDIR /app", 21),
            layer(&format!("py{change}"), 1_400 + u64::from(has_package) * 190, "COPY recommend.py ./ # buildkit", 22),
        ];
        let mut recommend = built("recommend", index, layers, u32::from(has_package) * 2);
        recommend.timing.as_mut().unwrap().steps = vec![
            step(8, 24, "COPY requirements.txt ./"),
            step(
                9,
                2_730 - 840 * index as u64,
                "RUN case \"$TARGETARCH\" in amd64) machine=x86_64 ;; arm64) machine=aarch64 ;; *) exit 1 ;; esac && pip install --no-cache-dir --target /out -r requirements.txt",
            ),
        ];
        recommend.budgets = vec![BudgetResult {
            key: "compressed_growth".into(),
            limit: "5 %".into(),
            actual: Some(["+7.2 %", "+3.1 %"][index].into()),
            verdict: if has_package && index == 0 { Verdict::Fail } else { Verdict::Pass },
            reason: "grew by 3.3 MB".into(),
            allowed_by: None,
        }];
        cells.push(recommend);
    }
    run(cells)
}

/// A pull request that reads the cache of main: most steps come from it, two ran, and a word in the README cost minutes.
fn cached() -> (Report, Report) {
    let used = |branch: &str, reason: &str, end, millis| CacheUse {
        entry: format!("type=registry,ref=ghcr.io/acme/cache:cache-{branch}"),
        branch: Some(branch.into()),
        reason: reason.into(),
        end,
        duration: std::time::Duration::from_millis(millis),
        error: None,
    };
    let step = |line, millis, cache, instruction: &str| sample::step("build", Some(line), millis, cache, instruction);
    let served = |line, seconds, instruction: &str| Step {
        last_ran: Some(std::time::Duration::from_secs(seconds)),
        ..step(line, 0, CacheState::Remote, instruction)
    };
    let timed = |cell: &mut CellReport| {
        let copy = Step {
            causes: vec![Cause::Files {
                count: 4,
                examples: vec!["README.md".into(), "docs/a|b.md".into(), "docs/c.md".into()],
                ignorable: vec!["README.md".into(), "docs".into()],
            }],
            ..step(9, 300, CacheState::Executed, "COPY . .")
        };
        let make = Step {
            needs: vec![2],
            causes: vec![Cause::Earlier { step: 2 }],
            ..step(10, 160_000, CacheState::Executed, "RUN make")
        };
        let packages = served(3, 45, "RUN apt-get install -y gcc");
        let phases = Phases { cache_import: std::time::Duration::from_millis(4_100), ..Phases::default() };
        let steps = vec![packages, served(7, 90, "RUN pip install -r requirements.txt"), copy, make];
        cell.timing = Some(Timing { steps, phases, cached_steps: 2, total_steps: 4, ..sample::timing() });
        cell.cache = Some(CacheReport {
            imports: vec![
                used("topic", "own branch, in cache.ref", CacheEnd::NotFound, 20),
                used("main", "base branch, in cache.ref", CacheEnd::Done, 300),
            ],
            exports: vec![],
            left_out: vec!["does not write: read only: pull request".into()],
            imported_bytes: Some(31_200_000),
        });
    };
    let mut head = run(shop());
    timed(&mut head.cells[0]);
    head.cells[1].findings.push(Finding {
        rule: "cache-export-failed".into(),
        severity: Severity::Warning,
        message: "type=registry,ref=ghcr.io/acme/cache:x was not written: nobody is logged in to the registry".into(),
        dockerfile_line: None,
        url: None,
    });
    (base(), head)
}

/// The same change with what is inside of the images; beside it, a service lost the interpreter that its program wants
/// and copies its files in two steps.
fn looked_into() -> (Report, Report) {
    let look = |mut report: Report, has_package: bool| {
        for cell in &mut report.cells {
            let Some(image) = &mut cell.image else { continue };
            image.contents = Some(match (cell.id.image.as_str(), has_package) {
                ("recommend", false) => recommend(&[(3, "app/recommend.py", 4_000)]),
                ("recommend", true) => recommend_with_package(),
                ("orders", true) => Contents { start: lost_interpreter(), ..sample::contents::of(1, &[ORDERS]) },
                _ => sample::contents::of(1, &[ORDERS]),
            });
        }
        report
    };
    (look(dependency(false), false), look(dependency(true), true))
}

const ORDERS: (u32, &str, u64) = (0, "orders", 5_000_000);

fn lost_interpreter() -> contents::StartCheck {
    let mut start = sample::contents::broken("the interpreter /lib64/ld-linux-x86-64.so.2 of /orders is missing");
    start.findings[0].dockerfile_line = Some(26);
    start
}

fn recommend(more: &[(u32, &str, u64)]) -> Contents {
    let files = [(0, "usr/lib/libpython3.so", 44_000_000), (1, "opt/packages/base.py", 460_000)];
    sample::contents::of(4, &[&files[..], more].concat())
}

fn recommend_with_package() -> Contents {
    let inside = recommend(&[
        (1, "opt/packages/rapidfuzz/fuzz.so", 7_900_000),
        (1, "opt/packages/rapidfuzz/distance.so", 1_200_000),
        (3, "app/recommend.py", 5_000),
    ]);
    let example = |path: &str, bytes| vec![contents::FileBytes { path: path.into(), bytes }];
    let waste = contents::Waste {
        writer: 1,
        killer: 3,
        kind: contents::WasteKind::MetadataOnly,
        bytes: 2_400_000,
        files: 61,
        examples: example("opt/packages/rapidfuzz/fuzz.so", 900_000),
        fix: Some("set the owner while copying: `COPY --chown`".into()),
    };
    let root = Finding {
        rule: "runs-as-root".into(),
        severity: Severity::Notice,
        message: "containers run as root: set `USER` to a number that is not 0".into(),
        dockerfile_line: None,
        url: None,
    };
    let leftover = contents::Leftover {
        kind: "package-cache".into(),
        bytes: 1_200_000,
        files: 9,
        examples: example("root/.cache/pip/http", 1_100_000),
        fix: "`RUN --mount=type=cache` for the package manager's downloads".into(),
    };
    let package = sample::contents::package(1, "python", "rapidfuzz", "3.9.6", 9_100_000, "opt/packages/rapidfuzz");
    let inside = sample::contents::with_packages(inside, vec![package]);
    Contents {
        live_bytes: inside.live_bytes - waste.bytes,
        waste: vec![waste],
        exposed_ports: vec!["8080/tcp".into()],
        findings: vec![root],
        leftovers: vec![leftover],
        ..inside
    }
}

/// Every situation.
pub(crate) fn all() -> Vec<Scene> {
    let smaller = service("web", "linux/amd64", ("pip3", 15_000), ("app", 900));
    let finding = Finding {
        rule: "build-check/StageNameCasing".into(),
        severity: Severity::Warning,
        message: "Stage name 'Build' should be lowercase".into(),
        dockerfile_line: Some(4),
        url: Some("https://docs.docker.com/go/dockerfile/rule/stage-name-casing/".into()),
    };
    let mut no_base_commit = base();
    no_base_commit.context.base = None;
    vec![
        ("first run", None, no_base_commit),
        ("no change", Some(base()), base()),
        (
            "regression",
            Some(base()),
            run(with(with(shop(), 1, |cell| *cell = grown()), 0, |cell| cell.findings.push(finding))),
        ),
        ("improvement", Some(base()), run(with(shop(), 2, |cell| *cell = smaller))),
        ("missing baseline", None, base()),
        ("failed cell", Some(base()), failed()),
        ("over budget", Some(base()), over_budget()),
        ("dependency", Some(dependency(false)), dependency(true)),
        ("looked into", Some(looked_into().0), looked_into().1),
        ("caches", Some(cached().0), cached().1),
        ("many platforms", Some(platforms("pip", 22_000, 29_000)), platforms("pip2", 23_000, 30_100)),
        ("hardly comparable", Some(mixed().0), mixed().1),
        ("hostile names", Some(base()), hostile()),
    ]
}

/// Compares with the file of this name below `src/render/snapshots`.
pub(crate) fn assert_snapshot(name: &str, content: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/src/render/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name.replace(' ', "-"), content));
}
