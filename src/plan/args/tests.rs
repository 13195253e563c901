use std::path::PathBuf;

use super::*;
use crate::config::Image;
use crate::plan::cache;
use crate::plan::index::destinations;
use crate::plan::tests::image;
use crate::plan::{CellFiles, Support};
use crate::report::CellId;
use crate::units::Bytes;

/// The words that are added to those of a plain image.
fn added(change: impl FnOnce(&mut Image)) -> Vec<String> {
    let mut changed = image("a", &[]);
    change(&mut changed);
    let mut plain = words(&image("a", &[]), &Delivery::default()).into_iter().peekable();
    let all = words(&changed, &Delivery::default()).into_iter();
    all.filter(|word| plain.next_if_eq(word).is_none()).collect()
}

fn words(image: &Image, delivery: &Delivery) -> Vec<String> {
    arguments(&cell(image, delivery), Some("b"), delivery)
}

fn cell<'i>(image: &'i Image, delivery: &Delivery) -> Cell<'i> {
    let id = CellId { image: "a".into(), platform: "linux/amd64".parse().unwrap() };
    let files = CellFiles { directory: PathBuf::from("/out/cells/a/linux-amd64") };
    let (config, laptop) = (crate::config::Cache::default(), cache::cases::laptop());
    let cache = cache::decide(&id, image, &config, delivery, &laptop);
    Cell { id, image, support: Support::Native, node: None, files, ignore_pattern: None, is_joined: false, cache }
}

#[test]
fn a_plain_image_is_built_for_one_platform_into_a_layout() {
    insta::assert_snapshot!(words(&image("a", &[]), &Delivery::default()).join("\n"), @r"
    buildx
    build
    --builder
    b
    --platform
    linux/amd64
    --progress
    rawjson
    --metadata-file
    /out/cells/a/linux-amd64/metadata.json
    --file
    /src/a/Dockerfile
    --tag
    registry.example/a:1
    --provenance
    false
    --sbom
    false
    --output
    type=oci,dest=/out/cells/a/linux-amd64/layout,tar=false
    /src/a
    ");
}

#[test]
fn every_setting_becomes_its_flag() {
    type Change = fn(&mut Image);
    let rows: [(Change, &[&str]); 22] = [
        (|i| i.target = Some("runtime".into()), &["--target", "runtime"]),
        (|i| i.build_args = [("A".into(), Some("1".into()))].into(), &["--build-arg", "A=1"]),
        (|i| i.build_args = [("A".into(), None)].into(), &["--build-arg", "A"]),
        (|i| i.build_args = [("MY_TOKEN".into(), Some("hunter2".into()))].into(), &["--build-arg", "MY_TOKEN"]),
        (|i| i.build_contexts = [("x".into(), "/y".into())].into(), &["--build-context", "x=/y"]),
        (|i| i.labels = [("a.b".into(), "c d".into())].into(), &["--label", "a.b=c d"]),
        (|i| i.annotations = vec!["index:a=b".into()], &["--annotation", "index:a=b"]),
        (|i| i.tags.push("r/a:2".into()), &["--tag", "r/a:2"]),
        (|i| i.secrets = vec![secret(SecretSource::Variable("T".into()))], &["--secret", "id=s,env=T"]),
        (|i| i.secrets = vec![secret(SecretSource::File("/a,b".into()))], &["--secret", "id=s,\"src=/a,b\""]),
        (|i| i.ssh = vec!["default".into()], &["--ssh", "default"]),
        (|i| i.cache_from = vec!["r/c:1".into()], &["--cache-from", "r/c:1"]),
        (|i| i.cache_to = vec!["type=inline".into()], &["--cache-to", "type=inline"]),
        (|i| i.no_cache = true, &["--no-cache"]),
        (|i| i.no_cache_filter = vec!["build".into()], &["--no-cache-filter", "build"]),
        (|i| i.pull = true, &["--pull"]),
        (|i| i.network = Some("host".into()), &["--network", "host"]),
        (|i| i.cgroup_parent = Some("build.slice".into()), &["--cgroup-parent", "build.slice"]),
        (|i| i.add_hosts = vec!["h:1.2.3.4".into()], &["--add-host", "h:1.2.3.4"]),
        (|i| i.ulimits = vec!["nofile=1024".into()], &["--ulimit", "nofile=1024"]),
        (|i| i.shm_size = Some(Bytes(1024)), &["--shm-size", "1024"]),
        (|i| i.allow = vec!["network.host".into()], &["--allow", "network.host"]),
    ];
    for (change, expected) in rows {
        assert_eq!(added(change), expected);
    }
}

#[test]
fn attestations_are_those_that_were_asked_for() {
    let image = Image { provenance: Some("mode=max".into()), sbom: Some("true".into()), ..image("a", &[]) };
    let line = words(&image, &Delivery::default()).join(" ");
    assert!(line.contains("--provenance mode=max --sbom true"), "{line}");
}

#[test]
fn a_pushed_image_keeps_the_attestations_that_buildx_adds_by_itself() {
    let output = |spec: &str| Delivery { outputs: vec![spec.to_owned()], ..Delivery::default() };
    for (delivery, is_kept) in [
        (Delivery { push: true, ..Delivery::default() }, true),
        (output("type=registry"), true),
        (output("type=image,name=r/a,push=true"), true),
        (output("type=image,name=r/a"), false),
    ] {
        let words = words(&image("a", &[]), &delivery);
        assert_eq!(!words.contains(&"--provenance".to_owned()) && !words.contains(&"--sbom".to_owned()), is_kept);
    }
}

#[test]
fn the_layout_is_the_last_output_and_compressed_like_what_is_pushed() {
    let outputs = vec!["type=registry,compression=zstd,compression-level=9".to_owned()];
    let image = Image { outputs, ..image("a", &[]) };
    let words = words(&image, &Delivery { load: true, ..Delivery::default() });
    let outputs: Vec<&String> = words.iter().skip_while(|word| *word != "--output").skip(1).step_by(2).collect();
    assert_eq!(
        outputs[..3],
        [
            "type=registry,compression=zstd,compression-level=9",
            "type=docker",
            "type=oci,dest=/out/cells/a/linux-amd64/layout,tar=false,compression=zstd,compression-level=9"
        ]
    );
}

#[test]
fn what_is_pushed_or_loaded_already_is_so_once() {
    let both = Delivery { push: true, load: true, ..Delivery::default() };
    for (given, delivered) in [
        (&[][..], "type=registry type=docker"),
        (&["type=registry", "type=docker"], "type=registry type=docker"),
        (&["type=image,compression=zstd"], "type=image,compression=zstd,push=true type=docker"),
        (&["type=image,push=true", "type=tar,dest=a"], "type=image,push=true type=tar,dest=a type=docker"),
        (&["type=docker,dest=a.tar"], "type=docker,dest=a.tar type=registry type=docker"),
    ] {
        let mut wanted = given.iter().map(|spec| (*spec).to_owned()).collect();
        deliver(&mut wanted, &both);
        assert_eq!(wanted.join(" "), delivered);
    }
}

#[test]
fn a_question_writes_nothing() {
    let image = Image { outputs: vec!["type=registry".into()], no_cache: true, ..image("a", &[]) };
    let id = CellId { image: "a".into(), platform: "linux/amd64".parse().unwrap() };
    let files = CellFiles { directory: PathBuf::from("/out") };
    let cache = CachePlan::default();
    let cell = Cell {
        id,
        image: &image,
        support: Support::Native,
        node: None,
        files,
        ignore_pattern: None,
        is_joined: false,
        cache,
    };
    let words = question(&cell, None, "check").join(" ");
    insta::assert_snapshot!(words, @"buildx build --call check --platform linux/amd64 --progress plain --file /src/a/Dockerfile --tag registry.example/a:1 --no-cache /src/a");
}

#[test]
fn a_value_that_looks_like_a_flag_stays_a_value() {
    let words = words(&Image { target: Some("--push".into()), ..image("a", &[]) }, &Delivery::default());
    let position = words.iter().position(|word| word == "--push").unwrap();
    assert_eq!(words[position - 1], "--target");
}

#[test]
fn a_secret_build_argument_travels_by_environment() {
    let build_args = [("MY_TOKEN".into(), Some("hunter2".into())), ("A".into(), Some("1".into()))].into();
    let image = Image { build_args, ..image("a", &[]) };
    assert_eq!(secret_variables(&image), [("MY_TOKEN".to_owned(), "hunter2".to_owned())]);
    assert!(!words(&image, &Delivery::default()).join(" ").contains("hunter2"));
}

fn secret(source: SecretSource) -> Secret {
    Secret { id: "s".into(), source }
}

#[test]
fn what_is_tested_is_not_pushed_by_the_builder_and_its_layout_is_what_that_would_have_pushed() {
    let mut tested = image("a", &[]);
    tested.tests.commands = vec![vec!["a".into()]];
    let outputs = ["type=registry,name=x,compression=zstd,oci-mediatypes=true", "type=docker"];
    let delivery = Delivery { push: true, outputs: outputs.map(str::to_owned).to_vec(), ..Delivery::default() };
    let words = words(&tested, &delivery);
    let written: Vec<&str> = words.iter().filter(|word| word.starts_with("type=")).map(String::as_str).collect();
    let layout = "type=oci,dest=/out/cells/a/linux-amd64/layout,tar=false,compression=zstd,oci-mediatypes=true";
    assert_eq!(written, ["type=docker", layout]);
    assert!(words.windows(2).any(|pair| pair == ["--provenance", "mode=min"]), "{words:?}");
    let cell = cell(&tested, &delivery);
    let tags = vec!["registry.example/a:1".to_owned()];
    assert_eq!(destinations(&cell, &delivery), [("registry.example/a".to_owned(), tags)].into());
    let joined = Cell { is_joined: true, ..cell };
    assert_eq!(destinations(&joined, &delivery), [("registry.example/a".to_owned(), Vec::new())].into());
    let by_digest =
        Delivery { outputs: vec!["type=image,push=true,push-by-digest=true".into()], ..Delivery::default() };
    assert_eq!(destinations(&joined, &by_digest), [("registry.example/a".to_owned(), Vec::new())].into());
    assert!(destinations(&joined, &Delivery::default()).is_empty());
}
