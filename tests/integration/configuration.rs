//! Everything that can be wrong with configuration and command line: exit code 2, what and where, and no build.

use crate::case::Case;
use crate::support::Run;

/// Insists that a run was refused with this message before anything was built.
#[track_caller]
fn refused(case: &Case, run: Run, message: &str) {
    let run = run.expect(2).says(message);
    assert_eq!(case.docker.builds_run(), 0, "{}", run.stderr);
    assert_eq!(run.stdout, "");
}

#[test]
fn every_fault_of_the_file_is_told_with_its_place() {
    for (yaml, message) in [
        (
            "images: { orders: { context: orders, platfroms: [linux/amd64] } }",
            "weighbridge.yml:1:38: images.orders.platfroms: unknown key; did you mean `platforms`?",
        ),
        ("imagse: {}", "weighbridge.yml:1:1: imagse: unknown key; did you mean `images`?"),
        (
            "images: [orders]",
            "weighbridge.yml:1:9: images: expected a mapping of image names to their settings, found a list",
        ),
        (
            "images: { orders: { context: orders, platforms: linux/amd64 } }",
            "images.orders.platforms: expected a list, found text",
        ),
        ("images: { orders: { context: orders, no_cache: 1 } }", "images.orders.no_cache: \"1\" is not true or false"),
        (
            "images:\n  orders: { context: orders }\n  orders: { context: web }",
            "weighbridge.yml:3:3: images.orders: duplicate key; first on line 2",
        ),
        (
            "images: { orders: { context: orders }, Orders: { context: web } }",
            "images.Orders: differs only in case from another image",
        ),
        (
            "images: { orders: { context: orders, tags: ['a/x:1'] }, web: { context: web, tags: ['docker.io/a/x:1'] } }",
            "images.web.tags[0]: \"docker.io/a/x:1\" is already a tag of image `orders`",
        ),
        (
            "images: { orders: { context: nowhere } }",
            "images.orders.context: \"nowhere\" is not a directory; expected the build context",
        ),
        (
            "images: { orders: { context: orders, dockerfile: ../web/Dockerfile } }",
            "images.orders.dockerfile: \"../web/Dockerfile\" is outside of the build context",
        ),
        (
            "images: { orders: { context: orders, platforms: [arm64] } }",
            "images.orders.platforms[0]: \"arm64\" is not a platform such as linux/arm64",
        ),
        ("images: {}", "weighbridge.yml:1:9: images: no images; expected at least one"),
        ("images: [", "weighbridge.yml:1:9: not YAML: unclosed bracket '['"),
        ("", "weighbridge.yml:1:1: empty; expected `images`, `bake` or `compose`"),
        (
            "images: { orders: { context: orders, budget: { compressed: heavy } } }",
            "images.orders.budget.compressed: \"heavy\" is not a number of bytes",
        ),
    ] {
        let case = Case::configured(yaml);
        refused(&case, case.run(&[]), message);
    }
}

#[test]
fn a_file_that_is_too_large_is_refused_before_it_is_read_whole() {
    let case = Case::configured(&format!("# {}\nimages: {{}}", "x".repeat(10 << 20)));
    refused(&case, case.run(&[]), "weighbridge.yml: larger than the limit of 1048576 bytes");
}

#[test]
fn a_yaml_bomb_is_refused_at_once() {
    let level = |n: usize| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(","));
    let bomb = format!("a0: &a0 [lol]\n{}", (1..12).map(level).collect::<String>());
    let case = Case::configured(&bomb);
    refused(&case, case.run(&[]), "too much content after expanding aliases");
    let deep = Case::configured(&format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)));
    refused(&deep, deep.run(&[]), "not YAML: recursion limit exceeded");
}

#[test]
fn a_file_that_is_not_utf8_names_the_byte() {
    let case = Case::new();
    case.repository.write("weighbridge.yml", b"images: \xff\xfe");
    refused(&case, case.run(&[]), "weighbridge.yml: not UTF-8 at byte 8; save the file as UTF-8");
}

#[test]
fn every_wrong_word_of_the_command_line_is_told() {
    let case = Case::new();
    for (arguments, message) in [
        (&["--image", "ordres"][..], "no image \"ordres\"; did you mean `orders`?"),
        (&["--image", "billing"], "no image \"billing\"; expected one of orders, web"),
        (
            &["--platform", "arm64"],
            "\"arm64\" is not a platform; expected os/architecture[/variant] such as linux/arm64",
        ),
        (&["--config", "missing.yml"], "missing.yml"),
        (&["--jobs", "0"], "0 is not in 1..=256"),
        (&["--timeout", "soon"], "--timeout"),
        (&["--base", "main", "--baseline", "x.json"], "cannot be used with"),
        (&["--frobnicate"], "unexpected argument '--frobnicate'"),
        (&["--output", "type=local,dest=out"], "would each write the output type=local,dest=out"),
    ] {
        refused(&case, case.run(arguments), message);
    }
    refused(&case, case.weighbridge(&["weigh"]), "unrecognized subcommand 'weigh'");
    refused(&case, case.weighbridge(&[]), "Usage:");
}

#[test]
fn chosen_platforms_select_from_the_configured_ones() {
    let case = Case::configured(
        "images: { orders: { context: orders, platforms: [linux/amd64, linux/arm64] }, web: { context: web, platforms: [linux/amd64] } }",
    );
    let run = case.run(&["--dry-run", "--platform", "linux/arm64"]).expect(0);
    assert!(run.stdout.contains("orders") && !run.stdout.contains("web"), "{}", run.stdout);
    let message = "no image is built for linux/s390x; configured: linux/amd64, linux/arm64";
    refused(&case, case.run(&["--platform", "linux/s390x"]), message);
    let before = case.weighbridge(&["--image", "web", "run", "--dry-run"]).expect(0);
    assert!(before.stdout.contains("web") && !before.stdout.contains("orders"), "{}", before.stdout);
}

#[test]
fn a_malformed_variable_is_named() {
    for (variable, value, message) in [
        ("WEIGHBRIDGE_PLATFORM", "linux", "read WEIGHBRIDGE_PLATFORM: \"linux\" is not a platform"),
        ("WEIGHBRIDGE_DOCKER_TIMEOUT", "soon", "read WEIGHBRIDGE_DOCKER_TIMEOUT"),
        ("WEIGHBRIDGE_IMAGE", "ordres", "did you mean `orders`?"),
    ] {
        let mut case = Case::new();
        case.set(variable, value);
        refused(&case, case.run(&[]), message);
    }
}

#[test]
fn two_platforms_that_would_be_loaded_under_one_tag_are_refused() {
    let yaml =
        "images: { orders: { context: orders, tags: ['acme/orders:1'], platforms: [linux/amd64, linux/arm64] } }";
    let case = Case::configured(yaml);
    let message = "orders linux/amd64 and orders linux/arm64 would each write the tag acme/orders:1";
    refused(&case, case.run(&["--load"]), message);
    case.run(&["--load", "--dry-run"]).expect(2).says(message);
}

#[test]
fn a_platform_that_the_builder_cannot_run_is_refused_before_any_build() {
    let case = Case::configured(
        "images: { orders: { context: orders, platforms: [linux/amd64, linux/s390x] }, web: { context: web } }",
    );
    let message = "orders: this builder cannot run linux/s390x (it runs linux/amd64, linux/386, linux/arm64); register QEMU for s390x";
    refused(&case, case.run(&[]), message);
}

#[test]
fn a_directory_without_anything_to_build_says_what_was_looked_for() {
    let case = Case::new();
    case.repository.git(&["rm", "-r", "--quiet", "orders", "web"]);
    refused(&case, case.run(&[]), "Dockerfile");
}

#[test]
fn faults_of_a_bake_file_are_told_in_the_words_of_bake() {
    let case = Case::configured("bake: docker-bake.hcl");
    case.repository.write("docker-bake.hcl", "target \"x\" {");
    case.docker.refuses("bake", 1, "ERROR: docker-bake.hcl:1,12-12: Unclosed configuration block");
    refused(&case, case.run(&[]), "Unclosed configuration block");
    // Else what bake tells of its progress would stand before the words that count.
    assert!(case.docker.calls(&["buildx", "bake"]).iter().all(|call| call.contains(&"--progress=quiet".to_owned())));
    case.docker.refuses("bake", 1, "ERROR: failed to find target default");
    refused(&case, case.run(&[]), "docker-bake.hcl has no group or target `default`; name what to build");
    case.docker.refuses("bake", 0, "");
    case.docker.answers("bake", "garbage");
    refused(&case, case.run(&[]), "bake");
}
