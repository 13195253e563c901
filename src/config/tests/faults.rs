//! Every fault as the user reads it.

use super::*;
use crate::error::{USAGE, exit_code};

/// What is wrong with a `weighbridge.yml`.
fn faults(yaml: &str) -> String {
    let directory = repository(&[("weighbridge.yml", yaml), ("Dockerfile", "FROM scratch"), ("file", "")]);
    let error = resolve(&Request::default(), &env(directory.path(), &[]), &NEVER).unwrap_err();
    assert_eq!(exit_code(&error), USAGE);
    error.root_cause().to_string().replace(&directory.path().display().to_string(), "ROOT")
}

#[test]
fn all_faults_of_a_file_are_reported_at_once_in_order() {
    insta::assert_snapshot!(faults("
images:
  orders:
    context: services/orders
    platfroms: [linux/amd64]
    platforms: [linux/amd64, amd64]
    build_args: [VERSION=1]
    no_cache: yes
    tags: [acme/orders]
    budget: {compressed: heavy, layers: 0, wall: soon, compressed_growth: 5, uncompresed: 1MB, efficiency: 101%, starts: yes}
  pay ment:
    context: nowhere
    secrets: ['env=TOKEN', 'id=ok,env=TOKEN']
  stock:
    context: services/orders
    dockerfile: ../../Dockerfile
    tags: [docker.io/acme/orders:latest]
    target:
  stock: {}
default: {}
"), @r#"
    weighbridge.yml:5:5: images.orders.platfroms: unknown key; did you mean `platforms`?
    weighbridge.yml:6:30: images.orders.platforms[1]: "amd64" is not a platform such as linux/arm64
    weighbridge.yml:7:17: images.orders.build_args: expected a mapping of names to text, found a list
    weighbridge.yml:8:15: images.orders.no_cache: "yes" is not true or false
    weighbridge.yml:10:26: images.orders.budget.compressed: "heavy" is not a number of bytes such as 60MB, 60MiB or 62914560
    weighbridge.yml:10:41: images.orders.budget.layers: "0" is not a whole number above zero
    weighbridge.yml:10:50: images.orders.budget.wall: "soon" is not a duration such as 90s, 10m or 1h 30m
    weighbridge.yml:10:78: images.orders.budget.uncompresed: unknown key; did you mean `uncompressed`?
    weighbridge.yml:10:108: images.orders.budget.efficiency: "101%" is not a percentage up to 100% such as 95%
    weighbridge.yml:10:122: images.orders.budget.starts: "yes" is not required or optional
    weighbridge.yml:11:3: images["pay ment"]: "pay ment" is not a name of letters, digits, `.`, `_` and `-`, starting with a letter or digit, at most 128 long
    weighbridge.yml:12:14: images["pay ment"].context: "nowhere" is not a directory; expected the build context
    weighbridge.yml:13:15: images["pay ment"].secrets[0]: no `id=`; expected a secret such as id=token,env=TOKEN or id=token,src=token.txt
    weighbridge.yml:16:17: images.stock.dockerfile: "../../Dockerfile" is outside of the build context; expected one below it: choose a `context` that holds both, or move the file
    weighbridge.yml:17:12: images.stock.tags[0]: "docker.io/acme/orders:latest" is already a tag of image `orders`
    weighbridge.yml:18:11: images.stock.target: expected text on one line, found nothing
    weighbridge.yml:19:3: images.stock: duplicate key; first on line 14
    weighbridge.yml:20:1: default: unknown key; did you mean `defaults`?
    "#);
}

#[test]
fn a_platform_listed_twice_is_a_fault_once() {
    let yaml = "
defaults: {context: services/orders, platforms: [linux/arm64, linux/aarch64]}
images: {a: {}, b: {}}
";
    insta::assert_snapshot!(faults(yaml), @"weighbridge.yml:2:63: images.a.platforms[1]: linux/arm64 is already listed");
}

#[test]
fn every_fault_of_the_file_as_such_is_explained() {
    insta::assert_snapshot!(faults(""), @"weighbridge.yml:1:1: empty; expected `images`, `bake` or `compose`");
    insta::assert_snapshot!(faults("# nothing\n"), @"weighbridge.yml:1:1: empty; expected `images`, `bake` or `compose`");
    insta::assert_snapshot!(faults("[]"), @"weighbridge.yml:1:1: expected a mapping with keys such as `images` and `defaults`, found a list");
    insta::assert_snapshot!(faults("{}"), @"weighbridge.yml:1:1: no images; expected `images`, `bake` or `compose`");
    insta::assert_snapshot!(faults("images: {}"), @"weighbridge.yml:1:9: images: no images; expected at least one");
    insta::assert_snapshot!(faults("images:"), @"weighbridge.yml:1:7: images: expected a mapping of image names to their settings, found nothing");
    insta::assert_snapshot!(faults("targets: [a]"), @"
    weighbridge.yml:1:1: no images; expected `images`, `bake` or `compose`
    weighbridge.yml:1:10: targets: selects from nothing; expected `bake` or `compose` beside it
    ");
    insta::assert_snapshot!(faults("bake: missing.hcl"), @"weighbridge.yml:1:7: bake: no such file; expected one relative to this file");
    insta::assert_snapshot!(faults("images:\n\t- a"), @"weighbridge.yml:2:2: not YAML: tabs disallowed within this context (block indentation)");
    insta::assert_snapshot!(faults("\u{0}\u{1}"), @r"weighbridge.yml:1:1: not YAML: unexpected character: `\u{0}'");
}

#[test]
fn every_fault_of_paths_is_explained() {
    let image = |text: &str| faults(&format!("images: {{a: {{{text}}}}}"));
    insta::assert_snapshot!(image("dockerfile: Dockerfile"), @"weighbridge.yml:1:13: images.a: no `context`; expected the directory to build");
    insta::assert_snapshot!(image("context: nowhere"), @r#"weighbridge.yml:1:23: images.a.context: "nowhere" is not a directory; expected the build context"#);
    insta::assert_snapshot!(image("context: file"), @r#"weighbridge.yml:1:23: images.a.context: "file" is not a directory; expected the build context"#);
    insta::assert_snapshot!(image("context: services"), @r#"weighbridge.yml:1:23: images.a.dockerfile: "Dockerfile" is not a file; expected a Dockerfile, relative to the build context"#);
    insta::assert_snapshot!(image("context: ., dockerfile: Dockerfile.x"), @r#"weighbridge.yml:1:38: images.a.dockerfile: "Dockerfile.x" is not a file; expected a Dockerfile, relative to the build context"#);
    insta::assert_snapshot!(image("context: services/orders, dockerfile: ../../Dockerfile"), @r#"weighbridge.yml:1:52: images.a.dockerfile: "../../Dockerfile" is outside of the build context; expected one below it: choose a `context` that holds both, or move the file"#);
    insta::assert_snapshot!(image("context: services/orders, dockerfile: ."), @r#"weighbridge.yml:1:52: images.a.dockerfile: "." is outside of the build context; expected one below it: choose a `context` that holds both, or move the file"#);
    insta::assert_snapshot!(image("context: ., build_contexts: {a: nowhere, b: 'target:c', d: 'docker-image://x'}"), @r#"
    weighbridge.yml:1:46: images.a.build_contexts.a: "nowhere" is not a directory; expected a build context
    weighbridge.yml:1:58: images.a.build_contexts.b: "target:c" builds `a` on another target, which weighbridge cannot do yet; leave `a` out: name the others in weighbridge.yml, as in `targets: [one, two]`
    "#);
}

#[test]
fn a_dockerfile_that_links_to_outside_of_its_context_is_refused() {
    let directory = repository(&[("weighbridge.yml", "images: {a: {context: a}}"), ("a/x", "")]);
    std::os::unix::fs::symlink("../services/orders/Dockerfile", directory.path().join("a/Dockerfile")).unwrap();
    let error = resolve(&Request::default(), &env(directory.path(), &[]), &NEVER).unwrap_err();
    insta::assert_snapshot!(error.root_cause(), @r#"weighbridge.yml:1:23: images.a.dockerfile: "Dockerfile" links to outside of the build context; expected a file below it"#);
}

#[test]
fn a_file_that_is_no_text_or_too_large_is_refused() {
    for (content, message) in [(&b"a: \xff"[..], "not UTF-8 at byte 3"), (&[b' '; (1 << 20) + 1], "limit of 1048576")] {
        let directory = repository(&[]);
        fs::write_atomic(&directory.path().join("weighbridge.yml"), content).unwrap();
        let error = resolve(&Request::default(), &env(directory.path(), &[]), &NEVER).unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains("weighbridge.yml") && text.contains(message), "{text}");
        assert_eq!(exit_code(&error), USAGE);
    }
}

#[test]
fn the_largest_hostile_files_are_answered() {
    let keys = |prefix: &str, value: &str, count: usize| {
        (0..count).map(|n| format!("{prefix}{n}: {value},")).collect::<String>()
    };
    let images = keys("a", "{context: .}", 5_000);
    for (yaml, answer) in [
        (
            format!("images: {{{images}}}\ndefaults: {{labels: {{{}}}}}", keys("b", "x", 40_000)),
            "defaults: too much for so many images",
        ),
        (format!("{{{}{}}}", keys("a", "", 60_000), "a59999: ,".repeat(20_000)), "more"),
        (format!("images: {{a: {{{}}}}}", keys("a", "", 90_000)), "unknown key"),
        (format!("images: {{a: {{tags: [{}]}}}}", "x,".repeat(400_000)), "no `context`"),
        ("[".repeat(1 << 20), "recursion limit"),
        ("? ".repeat(1 << 19), ""),
    ] {
        let answered = faults(&yaml);
        assert!(answered.contains(answer), "{:.500}", answered);
    }
}

#[test]
fn values_that_look_like_secrets_are_not_echoed() {
    let text = faults("images: {orders: {context: ., tags: ['ghp_0123 456'], ghp_key: 1, pull: ghp_value}}");
    assert!(!text.contains("ghp_"), "{text}");
}

#[test]
fn faults_of_bake_targets_name_the_file_and_the_target() {
    let printed = br#"{"target": {
        "a": {"context": "nowhere", "platforms": ["x"], "contexts": {"base": "target:b"}},
        "b": {"context": "services/orders", "dockerfile": "../Dockerfile", "tags": ["t"], "no-cache": "maybe"}}}"#;
    let yaml = "bake: [docker-bake.hcl]\ntargets: [a, b]\nimages: {c: {budget: {}}, aa: {budget: {}}}";
    let directory = repository(&[("weighbridge.yml", yaml), ("docker-bake.hcl", "")]);
    let error = resolve(&Request::default(), &env(directory.path(), &[]), &Fake(Some(printed))).unwrap_err();
    insta::assert_snapshot!(error.root_cause(), @r#"
    docker-bake.hcl: target.a.build_contexts.base: "target:b" builds `a` on another target, which weighbridge cannot do yet; leave `a` out: name the others in weighbridge.yml, as in `targets: [one, two]`
    docker-bake.hcl: target.a.context: "nowhere" is not a directory; expected the build context
    docker-bake.hcl: target.a.platforms[0]: "x" is not a platform such as linux/arm64
    docker-bake.hcl: target.b.dockerfile: "../Dockerfile" is outside of the build context; expected one below it: choose a `context` that holds both, or move the file
    docker-bake.hcl: target.b.no_cache: "maybe" is not true or false
    weighbridge.yml:3:10: images.c: no target or service of this name; expected one, or a `context`
    weighbridge.yml:3:27: images.aa: no target or service of this name; expected one, or a `context`
    "#);
}

#[test]
fn different_builds_with_one_tag_are_a_fault() {
    let printed = br#"{"target": {
        "web": {"context": "services/orders", "tags": ["acme/app:1"]},
        "worker": {"context": "services/orders", "tags": ["acme/app:1"], "args": {"A": "1"}}}}"#;
    let directory = repository(&[("compose.yaml", "")]);
    let error = resolve(&Request::default(), &env(directory.path(), &[]), &Fake(Some(printed))).unwrap_err();
    insta::assert_snapshot!(error.root_cause(), @r#"compose.yaml: target.worker.tags[0]: "acme/app:1" is already a tag of image `web`"#);
}

#[test]
fn a_bake_file_without_a_default_says_that_targets_are_to_be_named() {
    struct Refusing;
    impl BakePrinter for Refusing {
        fn print(&self, _: &[PathBuf], _: &[String], _: &Path) -> Result<Vec<u8>> {
            anyhow::bail!("run `docker buildx bake`: exit status: 1: ERROR: failed to find target default")
        }
    }
    let directory = repository(&[("docker-bake.hcl", "")]);
    let error = resolve(&Request::default(), &env(directory.path(), &[]), &Refusing).unwrap_err();
    insta::assert_snapshot!(format!("{error:#}"), @"docker-bake.hcl has no group or target `default`; name what to build in weighbridge.yml beside `bake`, as in `targets: [orders]`: run `docker buildx bake`: exit status: 1: ERROR: failed to find target default");
    assert_eq!(exit_code(&error), USAGE);
}

#[test]
fn a_named_compose_file_that_builds_nothing_is_a_fault() {
    let directory = repository(&[("weighbridge.yml", "compose: compose.yaml"), ("compose.yaml", "")]);
    let error = resolve(&Request::default(), &env(directory.path(), &[]), &Fake(Some(b"{}"))).unwrap_err();
    insta::assert_snapshot!(error.root_cause(), @"weighbridge.yml:1:1: compose.yaml builds nothing");
}

#[test]
fn a_directory_without_anything_to_build_is_an_error_that_says_what_to_write() {
    let directory = tempfile::tempdir().unwrap();
    let error = resolve(&Request::default(), &env(directory.path(), &[]), &NEVER).unwrap_err();
    assert!(error.root_cause().to_string().ends_with("write weighbridge.yml"), "{error:#}");
    assert_eq!(exit_code(&error), USAGE);
}

#[test]
fn secrets_that_do_not_resolve_are_listed_before_the_build_and_never_read() {
    let yaml =
        "images: {a: {context: services/orders, secrets: ['id=t,env=T', 'id=u,env=U', 'id=f,src=f', 'id=g,src=g']}}";
    let directory = repository(&[("weighbridge.yml", yaml), ("g", "")]);
    let env = env(directory.path(), &[("U", "value"), ("T", "")]);
    let config = resolve(&Request::default(), &env, &NEVER).unwrap();
    let error = check_secrets(&config, &env).unwrap_err();
    assert_eq!(exit_code(&error), USAGE);
    let text = error.root_cause().to_string().replace(&directory.path().display().to_string(), "ROOT");
    insta::assert_snapshot!(text, @"
    image `a`, secret `t`: environment variable T is unset or empty
    image `a`, secret `f`: no file ROOT/f
    ");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn no_file_makes_the_reader_panic(
        bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200),
        text in "((images|defaults|bake|orders|context|budget|tags|<<|[a-z]{1,3}|1|'x'|[*&!#\"]x?)(: |\\n|\\n  |, |: \\{|\\}|\\[|\\]|- )){0,20}",
    ) {
        let directory = repository(&[]);
        for content in [bytes.as_slice(), text.as_bytes()] {
            fs::write_atomic(&directory.path().join("weighbridge.yml"), content).unwrap();
            if let Err(error) = resolve(&Request::default(), &env(directory.path(), &[]), &NEVER) {
                proptest::prop_assert_eq!(exit_code(&error), USAGE);
            }
        }
    }
}

#[test]
fn a_cache_that_cannot_be_meant_is_a_fault() {
    insta::assert_snapshot!(faults("
images: {orders: {context: services/orders, cache_to: ['mode=max']}}
cache:
  backend: [auto, local, s3]
  ref: ghcr.io/acme/cache:main
  mode: maximum
  pull_request: read
  azblob: {container: c}
  compression_level: 3
  timeout: soon
  to: ['type=s3,secret_access_key=hunter2']
  replace: no
"), @r#"
    weighbridge.yml:2:56: images.orders.cache_to[0]: no `type=`; expected a cache such as type=registry,ref=ghcr.io/acme/shop/cache:main
    weighbridge.yml:4:3: cache: the backend `local` needs `directory` beside it
    weighbridge.yml:4:3: cache: the backend `s3` needs `s3` beside it
    weighbridge.yml:4:12: cache.backend: `auto` and `none` stand alone; expected one of them, or a list of others
    weighbridge.yml:5:8: cache.ref: "ghcr.io/acme/cache:main" is not a repository without tag such as ghcr.io/acme/shop/cache
    weighbridge.yml:6:9: cache.mode: "maximum" is not max or min
    weighbridge.yml:7:3: cache.pull_request: unknown key; did you mean `pull_requests`?
    weighbridge.yml:8:11: cache.azblob: no `account_url`; expected one
    weighbridge.yml:9:22: cache.compression_level: the level of no `compression`; expected one beside it
    weighbridge.yml:10:12: cache.timeout: "soon" is not a duration such as 90s, 10m or 1h 30m
    weighbridge.yml:11:8: cache.to[0]: `secret_access_key` would stand on the command line; set AWS_SECRET_ACCESS_KEY, or BUILDKIT_AZURE_STORAGE_SECRET_ACCESS_KEY at the builder; expected a cache such as type=registry,ref=ghcr.io/acme/shop/cache:main
    weighbridge.yml:12:12: cache.replace: "no" is not true or false
    "#);
    insta::assert_snapshot!(faults("
images: {orders: {context: services/orders}}
cache: {replace: true, backend: [gha, registry]}
"), @"weighbridge.yml:3:18: cache.replace: there is neither `from` nor `to` to put in the place of the cache; expected one, or `backend: none`");
}
