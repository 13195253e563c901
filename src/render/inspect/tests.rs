use proptest::prelude::*;
use unicode_width::UnicodeWidthStr;

use super::*;
use crate::render::text::Color;
use crate::render::{gfm, scene};
use crate::report::contents::{Contents, Duplicate, FileBytes, LayerChanges, Leftover, Waste, WasteKind};
use crate::report::sample::{self, contents};
use crate::report::{Finding, Inspection, Severity};

fn inspection(contents: Contents) -> Inspection {
    let layers = vec![
        sample::base_layer("os", 29_100_000),
        sample::layer("a", 41_000_000, "RUN |1 MODE=fast /bin/sh -c npm ci && npm run build # buildkit", 4),
        sample::layer("b", 1_100_000, "RUN /bin/sh -c chown -R app /srv # buildkit", 5),
    ];
    Inspection {
        name: "ghcr.io/acme/web:1.4".to_owned(),
        platform: "linux/amd64".parse().unwrap(),
        digest: Some(format!("sha256:{}", "0a".repeat(32))),
        image: crate::report::ImageMeasurement { contents: Some(contents), ..sample::image(layers) },
    }
}

fn full() -> Contents {
    let files = [
        (0, "usr/lib/libc.so.6", 1_900_000),
        (0, "usr/bin/node", 80_000_000),
        (1, "srv/node_modules/a/index.js", 2_000_000),
        (1, "srv/node_modules/b/index.js", 1_100_000),
        (2, "srv/node_modules/b/index.js", 1_100_000),
    ];
    let file = |path: &str, bytes| FileBytes { path: path.to_owned(), bytes };
    let changes = |added_files, changed_files| LayerChanges { added_files, changed_files, ..LayerChanges::default() };
    let finding = |message: &str, severity, dockerfile_line| Finding {
        rule: "root-user".to_owned(),
        severity,
        message: message.to_owned(),
        dockerfile_line,
        url: None,
    };
    let mut packages: Vec<_> =
        (1..15).map(|n| contents::package(0, "deb", &format!("lib{n}"), "1.0-2", n * 1_000, "var/lib/dpkg")).collect();
    packages.push(contents::package(1, "npm", "react", "19.0.0", 500_000, "srv/node_modules/react"));
    Contents {
        live_bytes: 85_000_000,
        waste: vec![Waste {
            writer: 1,
            killer: 2,
            kind: WasteKind::MetadataOnly,
            bytes: 1_100_000,
            files: 1,
            examples: vec![file("srv/node_modules/b/index.js", 1_100_000)],
            fix: Some("set the owner where the files are written: COPY --chown=app".to_owned()),
        }],
        duplicate_bytes: 3_000,
        duplicates: vec![Duplicate { bytes: 1_000, files: 4, paths: ["a", "b", "c", "d"].map(str::to_owned).to_vec() }],
        layers: vec![changes(310, 0), changes(2_031, 2), changes(0, 1)],
        packages,
        leftovers: vec![Leftover {
            kind: "package-cache".to_owned(),
            bytes: 20_300_000,
            files: 33,
            examples: vec![file("var/cache/apt", 20_000_000)],
            fix: "use a cache mount".to_owned(),
        }],
        exposed_ports: vec!["8080/tcp".to_owned()],
        findings: vec![finding("containers run as root", Severity::Warning, Some(7))],
        ..contents::of(3, &files)
    }
}

#[test]
fn each_format_says_it_in_its_own_way() {
    let image = inspection(full());
    scene::assert_snapshot("inspect.txt", &text(&image, Color::Never));
    scene::assert_snapshot("inspect.md", &markdown(&image));
    scene::assert_snapshot("inspect.json", &json(&image));
}

#[test]
fn what_is_empty_is_left_out_and_a_missing_digest_is_not_made_up() {
    let start = contents::broken("interpreter /lib64/ld-linux-x86-64.so.2 is missing");
    let image = inspection(Contents { start, ..Contents::default() });
    let image = Inspection { digest: None, ..image };
    let said = text(&image, Color::Never);
    assert!(said.starts_with("will not start: interpreter /lib64/ld-linux-x86-64.so.2 is missing\n\n"), "{said}");
    for absent in ["Start", "Wasted", "Same content", "Largest", "Packages", "Leftovers", "Configuration"] {
        assert!(!said.contains(absent), "{absent} in:\n{said}");
    }
    let json: serde_json::Value = serde_json::from_str(&json(&image)).unwrap();
    assert_eq!((json.get("digest"), &json["start"]["verdict"]), (None, &serde_json::json!("will_not_start")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_of_an_image_escapes(contents in contents::any_contents(), name in sample::any_text()) {
        let image = Inspection { name, ..inspection(contents) };
        let said = text(&image, Color::Never);
        prop_assert!(!said.contains(|c: char| (c.is_control() && c != '\n') || c == '\u{202e}'), "{:?}", said);
        let validator = jsonschema::validator_for(&schema()).unwrap();
        prop_assert!(validator.is_valid(&serde_json::from_str(&json(&image)).unwrap()));
        gfm::check(&markdown(&image));
    }
}

#[test]
fn a_line_fits_the_terminal() {
    let said = text(&inspection(full()), Color::Never);
    assert!(said.lines().all(|line| line.width() <= 100), "{said}");
}
