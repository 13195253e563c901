//! `compare` of two images: the comparison of a run without a build.

use std::io::Read;
use std::path::Path;

use serde_json::{Value, json};

use crate::case::Case;
use crate::image_registry::ImageRegistry;
use crate::layout::{TestImage, add_images, noise};
use crate::scanners;

/// `images/base` and `images/head`, which differ in the second of their layers.
fn case() -> Case {
    let case = Case::new();
    for (name, bytes) in [("base", 200_000), ("head", 900_000)] {
        let layers = [("COPY runtime /file # buildkit", noise(400_000)), ("COPY app /file # buildkit", noise(bytes))];
        let layers = layers.map(|(created_by, content)| (created_by.to_owned(), content)).into();
        let image = TestImage { layers, ..TestImage::of(1) };
        image.write(&case.repository.path().join("images").join(name));
    }
    case
}

fn registry(case: &Case) -> (ImageRegistry, [String; 2]) {
    let registry = ImageRegistry::serve(&case.repository.path().join("images"), None);
    let names = ["base", "head"].map(|name| format!("{}/{name}:1", registry.host()));
    (registry, names)
}

fn row(case: &Case, arguments: &[&str]) -> Value {
    let run = case.weighbridge(&[&["compare", "--format", "json"], arguments].concat()).expect(0);
    serde_json::from_str::<Value>(&run.stdout).unwrap()["rows"][0].clone()
}

#[test]
fn the_layer_that_grew_is_named_from_directories_and_from_a_registry() {
    let case = case();
    let (registry, [base, head]) = registry(&case);
    for [base, head] in [["images/base", "images/head"], [&base, &head], ["images/base", &head]] {
        let row = row(&case, &[base, head]);
        assert_eq!((row["image"].as_str(), row["change"].as_str()), (Some(head), Some("changed")));
        let delta = &row["delta"];
        assert_eq!(delta["uncompressed_bytes"], 699_904);
        assert!((600_000..800_000).contains(&delta["growth_bytes"].as_i64().unwrap()), "{delta:#}");
        assert_eq!(delta["layers"][0]["instruction"], "COPY app /file");
        let text = case.weighbridge(&["compare", base, head]).expect(0).stdout;
        assert!(text.contains("+738.3 kB") && text.contains("COPY app /file"), "{text}");
        assert!(!text.contains(" 0 B"), "{text}");
    }
    drop(registry);
}

#[test]
fn of_a_registry_only_the_layers_that_differ_are_fetched_and_none_for_the_sizes_alone() {
    let case = case();
    let (registry, [base, head]) = registry(&case);
    let blobs = || registry.asked().iter().filter(|one| one.contains(" blobs ")).count();
    row(&case, &[&base, &head]);
    assert_eq!(blobs(), 2 + 2, "two configs and two layers");
    let sizes = row(&case, &[&base, &head, "--sizes-only"]);
    assert_eq!(blobs(), 2, "two configs");
    assert!(sizes["delta"]["growth_bytes"].as_i64().unwrap() > 600_000, "{sizes:#}");
    assert_eq!((&sizes["delta"]["uncompressed_bytes"], sizes.get("delta").is_some()), (&Value::Null, true));
    for format in ["text", "markdown"] {
        let said = case.weighbridge(&["compare", &base, &head, "--sizes-only", "--format", format]).expect(0).stdout;
        assert!(said.contains("+738.3 kB") && said.contains("COPY app /file"), "{said}");
        for absent in [" 0 B", "±0 B", "B uncompressed", "will not start", "wasted"] {
            assert!(!said.contains(absent), "{absent:?} in\n{said}");
        }
    }
    registry.asked();
    row(&case, &[&head, &head]);
    assert_eq!(blobs(), 2, "what is the same is not read");
}

#[test]
fn an_image_is_compared_with_an_image_of_its_platform_and_not_with_a_report() {
    let case = case();
    let other = TestImage { architecture: "s390x", ..TestImage::of(9) };
    other.write(&case.repository.path().join("images/other"));
    for (arguments, code, expected) in [
        (&["images/other", "images/head"][..], 4, "no image for linux/amd64; there is one for linux/s390x"),
        (&["images/base", "head.json"], 2, "compare two reports or two images"),
        (&["base.json", "head.json", "--sizes-only"], 2, "--sizes-only is for images"),
        (&["missing.json", "head.json"], 2, "read the report \"missing.json\": open "),
        (&["images/base", "./missing"], 2, "there is no file or directory \"./missing\""),
    ] {
        case.weighbridge(&[&["compare"], arguments].concat()).expect(code).says(expected);
    }
}

/// The answer of trivy with these vulnerabilities.
fn answer(vulnerabilities: &str) -> String {
    format!(r#"{{"SchemaVersion": 2, "Results": [{{"Target": "node", "Vulnerabilities": [{vulnerabilities}]}}]}}"#)
}

#[test]
fn what_scanners_said_of_the_images_is_compared() {
    let case = case();
    case.repository.write("base.scan", answer(scanners::BASE));
    case.repository.write("head.scan", answer(&format!("{}, {}", scanners::BASE, scanners::HEAD)));
    let (registry, [base, head]) = registry(&case);
    for [base, head] in [["images/base", "images/head"], [&base, &head]] {
        for more in [&[][..], &["--sizes-only"]] {
            let given =
                [&["compare", base, head, "--scan", "base=base.scan", "--scan", "head=head.scan"], more].concat();
            let said = case.weighbridge(&given).expect(0).stdout;
            assert!(said.contains("brings 1 new vulnerability (1 high): CVE-3 in left-pad 1"), "{said}");
        }
    }
    drop(registry);
    for (arguments, expected) in [
        (&["images/base", "images/head", "--scan", "base=missing"][..], "missing"),
        (&["images/base", "images/head", "--scan", "web=base.scan"], "expected base=FILE, head=FILE or off"),
        (&["images/base", "images/head", "--scan", "base=images/base/index.json"], "neither an answer of trivy"),
        (&["images/base", "images/head", "--scan", "base=base.scan", "--scan", "base=base.scan"], "twice for base"),
        (&["a.json", "b.json", "--scan", "base=base.scan"], "--scan is for images"),
    ] {
        case.weighbridge(&[&["compare"], arguments].concat()).expect(2).says(expected);
    }
}

#[test]
fn a_scanner_that_is_installed_is_asked_about_directories_alone_and_may_be_left_out() {
    let case = case();
    scanners::scanner(&case, "trivy");
    scanners::trivy_says(&case, scanners::BASE, "monday");
    let (_registry, [_, remote]) = registry(&case);
    case.repository.write("head.scan", answer(&format!("{}, {}", scanners::BASE, scanners::HEAD)));
    let scan = |arguments: &[&str]| {
        let row = row(&case, arguments);
        let times = scanners::scans(&case).lines().filter(|line| line.starts_with("trivy image")).count();
        (times, row["scan"].is_object())
    };
    assert_eq!(scan(&["images/base", "images/head", "--scan", "off"]), (0, false));
    assert_eq!(scan(&["images/base", "images/head", "--sizes-only"]), (0, false));
    assert_eq!(scan(&["images/base", &remote]), (0, false), "one side alone tells no difference");
    assert_eq!(scan(&["images/base", &remote, "--scan", "head=head.scan"]), (1, true));
    assert_eq!(scan(&["images/base", "images/head"]), (3, true));
    case.docker.answers("trivy.fails", "");
    let said = case.weighbridge(&["compare", "images/base", "images/head", "--format", "markdown"]).expect(0).stdout;
    assert!(said.contains("trivy did not scan the image") && !said.contains("ulnerabilit"), "{said}");
}

/// The archive that `docker save` of an older engine writes of a layout's image: layers as plain tars.
fn docker_archive(layout: &Path, tar: &Path) {
    let blob =
        |digest: &Value| std::fs::read(layout.join("blobs").join(digest.as_str().unwrap().replace(':', "/"))).unwrap();
    let index: Value = serde_json::from_slice(&std::fs::read(layout.join("index.json")).unwrap()).unwrap();
    let manifest: Value = serde_json::from_slice(&blob(&index["manifests"][0]["digest"])).unwrap();
    let layers: Vec<Vec<u8>> = manifest["layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|layer| {
            let mut tar = Vec::new();
            flate2::read::GzDecoder::new(&blob(&layer["digest"])[..]).read_to_end(&mut tar).unwrap();
            tar
        })
        .collect();
    let names: Vec<String> = (0..layers.len()).map(|number| format!("{number}/layer.tar")).collect();
    let list = json!([{ "Config": "config.json", "RepoTags": ["app:1"], "Layers": names }]).to_string().into_bytes();
    let files = [("config.json".to_owned(), blob(&manifest["config"]["digest"])), ("manifest.json".to_owned(), list)];
    let mut builder = tar::Builder::new(std::fs::File::create(tar).unwrap());
    for (name, content) in files.into_iter().chain(names.into_iter().zip(layers)) {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, name, &content[..]).unwrap();
    }
    builder.finish().unwrap();
}

#[test]
fn images_of_every_form_are_compared_with_those_of_every_other() {
    let case = case();
    let path = case.repository.path();
    for name in ["base", "head"] {
        let layout = path.join("images").join(name);
        let mut builder = tar::Builder::new(std::fs::File::create(path.join(format!("{name}.oci.tar"))).unwrap());
        builder.append_dir_all(".", &layout).unwrap();
        builder.finish().unwrap();
        docker_archive(&layout, &path.join(format!("{name}.tar")));
    }
    case.docker.answers("save", std::fs::read(path.join("head.tar")).unwrap());
    let (_registry, [base, head]) = registry(&case);
    for base in ["images/base", "base.oci.tar", "base.tar", &base] {
        for head in ["images/head", "head.oci.tar", "head.tar", &head, "docker://head"] {
            let depths: &[&[&str]] = if base == "images/base" { &[&[], &["--sizes-only"]] } else { &[&[]] };
            for more in depths {
                let row = row(&case, &[&[base, head], *more].concat());
                assert_eq!((&row["image"], &row["change"]), (&json!(head), &json!("changed")), "{base} {more:?}");
                let delta = &row["delta"];
                // An engine of old keeps layers as plain tars.
                let is_rewritten = |layer: &&Value| layer["change"] == "rewritten";
                let layers = delta["layers"].as_array().unwrap().iter().filter(is_rewritten);
                let layers: Vec<&Value> = layers.map(|layer| &layer["instruction"]).collect();
                assert_eq!(layers, ["COPY app /file"], "{base} {head} {more:?}: {delta:#}");
                let unpacked = if more.is_empty() { json!(699_904) } else { Value::Null };
                assert_eq!(delta["uncompressed_bytes"], unpacked, "{base} {head} {more:?}");
                let causes = row["contents"]["causes"].as_array().map_or(0, Vec::len);
                assert_eq!(causes, usize::from(more.is_empty()), "{base} {head} {more:?}: {:#}", row["contents"]);
            }
        }
    }
}

#[test]
fn of_several_platforms_one_is_compared_that_both_images_have() {
    let case = case();
    let images = case.repository.path().join("images");
    for (name, bytes) in [("base", 100_000), ("head", 300_000)] {
        let other = images.join(format!("{name}-s390x"));
        TestImage { architecture: "s390x", ..TestImage::of(bytes) }.write(&other);
        add_images(&images.join(name), &other);
    }
    let (_registry, [base, head]) = registry(&case);
    for [base, head] in [["images/base", "images/head"], [&base, &head]] {
        let row = row(&case, &[base, head, "--platform", "linux/s390x"]);
        assert_eq!((&row["platform"], &row["delta"]["uncompressed_bytes"]), (&json!("linux/s390x"), &json!(199_680)));
    }
    // An image of one platform decides for the other one, as long as it is the one to judge.
    assert_eq!(row(&case, &["images/base", "images/head-s390x"])["platform"], "linux/s390x");
    for (arguments, expected) in [
        (
            &["images/base-s390x", "images/head", "--platform", "linux/amd64"][..],
            "read \"images/base-s390x\": no image for",
        ),
        (
            &["images/base", "images/head-s390x", "--platform", "linux/amd64"],
            "read \"images/head-s390x\": no image for",
        ),
        (&["images/base", "images/head", "--platform", "linux/386"], "there is one for linux/amd64, linux/s390x"),
    ] {
        case.weighbridge(&[&["compare"], arguments].concat()).expect(4).says(expected);
    }
    case.weighbridge(&["compare", "images/base", "images/head", "--platform", "linux/386,linux/arm"]).expect(2);
}
