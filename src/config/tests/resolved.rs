//! What files resolve to.

use std::collections::BTreeMap;

use super::*;
use crate::report::scan::Scanner;

#[test]
fn every_key_of_the_table_changes_the_image() {
    let directory = repository(&[("Dockerfile.release", "FROM scratch"), ("Dockerfile", "FROM scratch")]);
    let image = |more: &str| {
        let yaml = format!("defaults: {{context: .}}\nimages: {{a: {{{more}}}}}");
        fs::write_atomic(&directory.path().join("weighbridge.yml"), yaml.as_bytes()).unwrap();
        resolve(&Request::default(), &env(directory.path(), &[]), &NEVER).unwrap().images.remove(0)
    };
    let bare = image("");
    for key in keys::IMAGE {
        assert_ne!(image(&format!("{}: {}", key.name, key.example)), bare, "{}", key.name);
    }
    for key in keys::BUDGET {
        assert_ne!(image(&format!("budget: {{{}: {}}}", key.name, key.example)), bare, "{}", key.name);
    }
}

#[test]
fn every_key_of_the_cache_changes_it() {
    let directory = repository(&[]);
    let cache = |more: &str| {
        let yaml =
            format!("images: {{a: {{context: services/orders}}}}\ncache: {{compression: gzip, to: ['a/b'], {more}}}");
        let yaml = if more.starts_with("compression:") || more.starts_with("to:") {
            format!("images: {{a: {{context: services/orders}}}}\ncache: {{{more}}}")
        } else {
            yaml
        };
        fs::write_atomic(&directory.path().join("weighbridge.yml"), yaml.as_bytes()).unwrap();
        resolve(&Request::default(), &env(directory.path(), &[]), &NEVER).unwrap().cache
    };
    for key in keys::CACHE {
        assert_ne!(cache(&format!("{}: {}", key.name, key.example)), cache(""), "{}", key.name);
    }
}

#[test]
fn an_image_overrides_the_defaults_maps_merge_and_lists_replace() {
    let config = resolved(
        &[(
            "weighbridge.yml",
            "
defaults:
  platforms: [linux/amd64]
  build_args: {VERSION: 1.10, PROXY: }
  budget: {layers: 15, wall: 10m}
images:
  orders:
    context: services/orders
    build_args: {VERSION: 'no'}
    budget: {layers: 20, compressed_growth: 2MB}
  worker: {context: services/orders, platforms: [linux/arm64, linux/arm]}
",
        )],
        &NEVER,
    );
    assert_eq!(config.origin, "weighbridge.yml");
    let [orders, worker] = config.images.as_slice() else { panic!("{config:?}") };
    let args =
        |version: &str| BTreeMap::from([("VERSION".to_owned(), Some(version.to_owned())), ("PROXY".to_owned(), None)]);
    assert_eq!((&orders.build_args, &worker.build_args), (&args("no"), &args("1.10")));
    assert_eq!(orders.platforms, ["linux/amd64".parse().unwrap()]);
    assert_eq!(worker.platforms, ["linux/arm64", "linux/arm/v7"].map(|text| text.parse().unwrap()));
    assert_eq!((orders.budget.layers, worker.budget.layers), (Some(20), Some(15)));
    assert_eq!(orders.budget.compressed_growth, Some(Growth::Absolute(Bytes(2_000_000))));
    assert_eq!(orders.budget.wall, Some(Duration::from_secs(600)));
    let context = config.root.join("services/orders");
    assert_eq!(orders.dockerfile, DockerfileSource::Path(context.join("Dockerfile")));
    assert_eq!(orders.context, BuildContext::Directory(context));
}

#[test]
fn paths_of_a_file_in_the_github_folder_start_at_the_repository() {
    let yaml = "images: {orders: {context: services/orders}}";
    let config = resolved(&[(".github/weighbridge.yml", yaml)], &NEVER);
    assert_eq!(config.origin, ".github/weighbridge.yml");
    assert_eq!(config.images.len(), 1);
}

/// The cells that are left of two images when these platforms are asked for.
fn left(platforms: &[&str]) -> Result<Vec<String>> {
    let yaml = "
images:
  a: {context: services/orders, platforms: [linux/arm64, linux/amd64]}
  b: {context: services/orders, platforms: [linux/s390x]}
";
    let directory = repository(&[("weighbridge.yml", yaml)]);
    let platforms = platforms.iter().map(|platform| platform.parse().unwrap()).collect();
    let request = Request { selection: Selection { platforms, ..Selection::default() }, ..Request::default() };
    let images = resolve(&request, &env(directory.path(), &[]), &NEVER)?.images;
    let cells = |image: &Image| {
        let name = image.name.clone();
        image.platforms.iter().map(move |platform| format!("{name} {platform}")).collect::<Vec<_>>()
    };
    Ok(images.iter().flat_map(cells).collect())
}

#[test]
fn chosen_platforms_select_from_those_that_are_configured() {
    for (platforms, cells) in [
        (&["linux/aarch64"][..], &["a linux/arm64"][..]),
        (&["linux/s390x", "linux/amd64", "linux/riscv64"], &["a linux/amd64", "b linux/s390x"]),
        (&[], &["a linux/arm64", "a linux/amd64", "b linux/s390x"]),
    ] {
        assert_eq!(left(platforms).unwrap(), cells);
    }
    let error = left(&["linux/riscv64", "linux/386"]).unwrap_err();
    assert_eq!(crate::error::exit_code(&error), crate::error::USAGE);
    insta::assert_snapshot!(format!("{error:#}"), @"choose the platforms: no image is built for linux/riscv64, linux/386; configured: linux/amd64, linux/arm64, linux/s390x");
}

#[test]
fn an_image_without_platforms_takes_all_that_are_chosen() {
    let yaml = "images: {a: {context: services/orders}, b: {context: services/orders, platforms: [linux/386]}}";
    let directory = repository(&[("weighbridge.yml", yaml)]);
    let variables = env(directory.path(), &[("WEIGHBRIDGE_PLATFORM", "linux/arm64,linux/amd64,linux/aarch64")]);
    let config = resolve(&Request::default(), &variables, &NEVER).unwrap();
    assert_eq!(config.images.len(), 1);
    assert_eq!(config.images[0].platforms, ["linux/amd64", "linux/arm64"].map(|text| text.parse().unwrap()));
}

#[test]
fn an_attestation_that_is_switched_off_is_told_from_one_that_is_not_mentioned() {
    for (more, value) in [("", None), (", provenance: false", Some("false")), (", provenance: 'false'", Some("false"))]
    {
        let yaml = format!("images: {{a: {{context: services/orders{more}{}}}}}", more.replace("provenance", "sbom"));
        let image = resolved(&[("weighbridge.yml", &yaml)], &NEVER).images.remove(0);
        assert_eq!((image.provenance.as_deref(), image.sbom.as_deref()), (value, value), "{yaml}");
    }
}

#[test]
fn a_remote_context_is_left_to_buildkit() {
    let yaml = "images: {a: {context: 'https://github.com/acme/x.git#main', dockerfile: sub/Dockerfile}}";
    let image = resolved(&[("weighbridge.yml", yaml)], &NEVER).images.remove(0);
    assert_eq!(image.context, BuildContext::Remote("https://github.com/acme/x.git#main".into()));
    assert_eq!(image.dockerfile, DockerfileSource::InRemoteContext("sub/Dockerfile".into()));
}

const PRINTED: &[u8] = br#"{"group": {"default": {"targets": ["orders", "web"]}}, "target": {
    "orders": {"context": "services/orders", "dockerfile": "Dockerfile", "tags": ["acme/orders:1"], "pull": true},
    "web": {"context": ".", "dockerfile": "Dockerfile", "dockerfile-inline": "FROM scratch\nENV A=$${B}"}}}"#;

#[test]
fn images_beside_bake_add_to_its_targets() {
    let yaml = "
bake: docker-bake.hcl
defaults: {budget: {layers: 15}, tags: [never]}
images:
  orders: {budget: {compressed: 60MB}}
  extra: {context: services/orders, tags: [extra]}
";
    let config = resolved(&[("weighbridge.yml", yaml), ("docker-bake.hcl", "")], &Fake(Some(PRINTED)));
    let [extra, orders, web] = config.images.as_slice() else { panic!("{config:?}") };
    assert_eq!(orders.budget, Budget { compressed: Some(Bytes(60_000_000)), layers: Some(15), ..Budget::default() });
    assert_eq!((orders.tags.as_slice(), orders.pull), (&["acme/orders:1".to_owned()][..], true));
    assert_eq!(web.budget.layers, Some(15));
    assert_eq!(web.dockerfile, DockerfileSource::Inline("FROM scratch\nENV A=${B}".into()));
    assert_eq!(extra.tags, ["extra"]);
}

const SERVICES: &[u8] = br#"{"group": {"default": {"targets": ["job", "web", "worker"]}}, "target": {
    "job": {"context": "services/orders", "dockerfile": "Dockerfile", "tags": ["acme/job:1"]},
    "web": {"context": "services/orders", "dockerfile": "Dockerfile", "tags": ["acme/app:1"]},
    "worker": {"context": "services/orders", "dockerfile": "Dockerfile", "tags": ["acme/app:1"]}}}"#;

#[test]
fn services_that_run_one_image_are_one_image() {
    let names = |files: &[(&str, &str)]| {
        let images = resolved(files, &Fake(Some(SERVICES))).images;
        images.into_iter().map(|image| image.name).collect::<Vec<_>>()
    };
    assert_eq!(names(&[("compose.yaml", "")]), ["job", "web"]);
    let compose = |more: &str| format!("compose: compose.yaml\n{more}");
    for (more, left) in [
        ("", ["job", "web"]),
        ("defaults: {budget: {layers: 3}}", ["job", "web"]),
        ("images: {web: {budget: {layers: 3}}}", ["job", "web"]),
        ("images: {worker: {budget: {layers: 3}}}", ["job", "worker"]),
    ] {
        assert_eq!(names(&[("weighbridge.yml", &compose(more)), ("compose.yaml", "")]), left, "{more}");
    }
}

#[test]
fn services_without_a_tag_stay_apart() {
    let printed = br#"{"target": {"a": {"context": "services/orders"}, "b": {"context": "services/orders"}}}"#;
    assert_eq!(resolved(&[("compose.yaml", "")], &Fake(Some(printed))).images.len(), 2);
}

#[test]
fn without_a_configuration_bake_comes_before_dockerfiles() {
    let config = resolved(&[("docker-bake.hcl", ""), ("Dockerfile", "")], &Fake(Some(PRINTED)));
    assert_eq!(config.origin, "docker-bake.hcl");
    assert_eq!(config.images.iter().map(|image| image.name.as_str()).collect::<Vec<_>>(), ["orders", "web"]);
}

#[test]
fn a_compose_file_that_builds_nothing_leaves_it_to_the_dockerfiles() {
    let printed = Fake(Some(br#"{"group": {"default": {"targets": null}}, "target": {}}"#));
    let config = resolved(&[("compose.yaml", "")], &printed);
    assert_eq!(config.origin, "1 Dockerfile found");
    assert_eq!(config.images[0].name, "orders");
}

#[test]
fn the_command_line_wins_over_the_environment_and_both_over_the_file() {
    let yaml =
        "images: {a: {context: services/orders, platforms: [linux/arm64, linux/s390x]}, b: {context: services/orders}}";
    let directory = repository(&[("config/other.yml", yaml), ("config/services/orders/Dockerfile", "FROM scratch")]);
    let variables = [
        ("WEIGHBRIDGE_CONFIG", "config/other.yml"),
        ("WEIGHBRIDGE_IMAGE", "a"),
        ("WEIGHBRIDGE_PLATFORM", "linux/arm64"),
    ];
    let mut request = Request::default();
    let resolve = |request: &Request| resolve(request, &env(directory.path(), &variables), &NEVER);
    let config = resolve(&request).unwrap();
    assert_eq!((config.images.len(), config.images[0].name.as_str()), (1, "a"));
    assert_eq!(config.images[0].platforms, ["linux/arm64".parse().unwrap()]);
    request.selection.images = vec!["b".into()];
    assert_eq!(resolve(&request).unwrap().images[0].name, "b");
    request.selection.images = vec!["orders".into()];
    insta::assert_snapshot!(format!("{:#}", resolve(&request).unwrap_err()), @r#"choose the images: no image "orders"; expected one of a, b"#);
    request.file = Some("missing.yml".into());
    assert!(format!("{:#}", resolve(&request).unwrap_err()).contains("missing.yml"));
}

#[test]
fn a_comment_is_calm_unless_the_file_says_otherwise() {
    let images = "images: {orders: {context: services/orders}}\n";
    for (more, expected) in
        [("", CommentMode::Auto), ("comment: always", CommentMode::Always), ("comment: never", CommentMode::Never)]
    {
        let text = format!("{images}{more}");
        let files = [("weighbridge.yml", text.as_str()), ("services/orders/Dockerfile", "FROM scratch")];
        assert_eq!(resolved(&files, &NEVER).comment, expected, "{more}");
    }
}

#[test]
fn the_settings_in_the_document_of_the_cache_are_all_there_are() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cache.md");
    let document = fs::read_text(&path, 1 << 20).unwrap();
    let yaml = document.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let yaml = yaml.replace("replace: false", "replace: true");
    let config =
        resolved(&[("weighbridge.yml", &format!("images: {{a: {{context: services/orders}}}}\n{yaml}"))], &NEVER);
    assert!(config.cache.replace && config.cache.s3.is_some() && config.cache.azblob.is_some());
    for key in keys::CACHE {
        assert!(yaml.contains(&format!("\n  {}:", key.name)), "{} is not in the document", key.name);
    }
}

#[test]
fn what_a_review_gets_to_see_can_be_chosen() {
    let of = |more: &str| {
        let file = format!("images: {{orders: {{context: services/orders}}}}\n{more}");
        resolved(&[("weighbridge.yml", &file)], &NEVER).review
    };
    assert_eq!(of(""), Review::default());
    let chosen = of("noise: {percent: 2%}\nscan: grype\nbots: comment\noverride_label: Bigger\nreport_name: backend\n");
    let noise = Noise { percent: Percent(2.0), ..Noise::default() };
    let name = Some("backend".to_owned());
    let (scan, bots) = (ScanWith::One(Scanner::Grype), Bots::Comment);
    assert_eq!(chosen, Review { noise, scan, bots, override_label: "Bigger".to_owned(), report_name: name });
    for (value, expected) in [("auto", ScanWith::Installed), ("off", ScanWith::Nothing)] {
        assert_eq!(of(&format!("scan: {value}\n")).scan, expected);
    }
}

#[test]
fn the_settings_in_the_document_of_baselines_are_all_there_are() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/baselines.md");
    let document = fs::read_text(&path, 1 << 20).unwrap();
    let yaml = document.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let config =
        resolved(&[("weighbridge.yml", &format!("images: {{a: {{context: services/orders}}}}\n{yaml}"))], &NEVER);
    let expected = Baselines {
        artifact: Some("weighbridge".into()),
        repository: Some("ghcr.io/acme/shop/weighbridge".into()),
        moving_tag: true,
        branch: Some("weighbridge".into()),
    };
    assert_eq!(config.baselines, expected);
    for key in keys::BASELINE {
        assert!(yaml.contains(&format!("\n  {}:", key.name)), "{} is not in the document", key.name);
    }
}

#[test]
fn artifacts_are_looked_at_unless_the_file_says_otherwise() {
    for (more, expected) in [("", Some("weighbridge")), ("{artifact: w}", Some("w")), ("{artifact: false}", None)] {
        let text = format!(
            "images: {{a: {{context: services/orders}}}}\nbaseline: {}",
            if more.is_empty() { "{}" } else { more }
        );
        assert_eq!(resolved(&[("weighbridge.yml", &text)], &NEVER).baselines.artifact.as_deref(), expected, "{more}");
    }
}
