//! The image of the inputs, alone and over one of a configuration.

use std::path::PathBuf;

use super::*;
use crate::config::{BakePrinter, BuildContext, Config, DockerfileSource, Image, Request, Selection, resolve};
use crate::error::{USAGE, exit_code};

struct Never;

impl BakePrinter for Never {
    fn print(&self, _: &[PathBuf], _: &[String], _: &Path) -> anyhow::Result<Vec<u8>> {
        anyhow::bail!("bake is not to be asked")
    }
}

fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::Builder::new().prefix("shop").tempdir().unwrap();
    let always = [(".git/HEAD", "ref"), ("Dockerfile", "FROM scratch"), ("app/Dockerfile", "FROM scratch")];
    for (name, content) in files.iter().chain(&always) {
        crate::fs::write_atomic(&directory.path().join(name), content.as_bytes()).unwrap();
    }
    directory
}

fn config(directory: &Path, inputs: &[(&str, &str)], images: &[&str]) -> anyhow::Result<Config> {
    let given = inputs.iter().map(|(name, value)| (format!("INPUT_{}", name.to_uppercase()), (*value).to_owned()));
    let runner = [("GITHUB_ACTIONS", "true"), ("GITHUB_REPOSITORY", "acme/shop"), ("GITHUB_SHA", "0123")];
    let runner = runner.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let env = Env { directory: directory.to_owned(), variables: given.chain(runner).collect(), ..Env::default() };
    let images = images.iter().map(|name| (*name).to_owned()).collect();
    let selection = Selection { images, ..Selection::default() };
    resolve(&Request { selection, inputs: Inputs::read(&env), ..Request::default() }, &env, &Never)
}

fn image(directory: &Path, inputs: &[(&str, &str)]) -> Image {
    let images = config(directory, inputs, &[]).unwrap().images;
    assert_eq!(images.len(), 1);
    images.into_iter().next().unwrap()
}

fn faults(inputs: &[(&str, &str)]) -> String {
    let error = config(tree(&[]).path(), inputs, &[]).unwrap_err();
    assert_eq!(exit_code(&error), USAGE);
    error.root_cause().to_string()
}

#[test]
fn the_image_is_named_after_its_first_tag_else_after_the_repository() {
    for (tags, name) in [
        ("ghcr.io/acme/web:1.4,acme/other", "web"),
        ("127.0.0.1:5000/a/b-c@sha256:0", "b-c"),
        ("web", "web"),
        ("", "shop"),
    ] {
        let config = config(tree(&[]).path(), &[("tags", tags), ("context", ".")], &[]).unwrap();
        assert_eq!(config.images[0].name, name);
        assert_eq!((config.told_by().images, config.selection.images), (vec![name.to_owned()], vec![]));
    }
}

#[test]
fn the_dockerfile_is_relative_to_the_working_directory_and_may_lie_outside_of_the_context() {
    let directory = tree(&[("docker/Dockerfile.app", "FROM scratch")]);
    let path = |file: &str| DockerfileSource::Path(directory.path().join(file));
    for (inputs, dockerfile) in [
        (&[("context", "app")][..], path("app/Dockerfile")),
        (&[("context", "app"), ("file", "app/Dockerfile")], path("app/Dockerfile")),
        (&[("context", "app"), ("file", "./docker/Dockerfile.app")], path("docker/Dockerfile.app")),
        (&[("file", "docker/Dockerfile.app")], path("docker/Dockerfile.app")),
        (&[("context", "{{defaultContext}}:app")], path("app/Dockerfile")),
    ] {
        assert_eq!(image(directory.path(), inputs).dockerfile, dockerfile, "{inputs:?}");
    }
    let outside = tree(&[]);
    let file = outside.path().join("Dockerfile");
    let named = image(directory.path(), &[("context", "."), ("file", file.to_str().unwrap())]);
    assert_eq!(named.dockerfile, DockerfileSource::Path(file));
}

#[test]
fn a_committed_link_is_not_followed_out_of_the_working_directory() {
    let (directory, outside) = (tree(&[]), tree(&[]));
    std::os::unix::fs::symlink(outside.path().join("Dockerfile"), directory.path().join("Dockerfile.link")).unwrap();
    let error = config(directory.path(), &[("file", "Dockerfile.link")], &[]).unwrap_err();
    insta::assert_snapshot!(error.root_cause(), @r#"input `file`: "Dockerfile.link" links to outside of the working directory; expected a file below it"#);
}

#[test]
fn without_a_checkout_the_commit_is_built_from_its_server_with_the_token() {
    let directory = tempfile::tempdir().unwrap();
    let inputs = [("github-token", "ghs_1"), ("file", "docker/Dockerfile"), ("push", "false"), ("target", "x")];
    let image = image(directory.path(), &inputs);
    assert_eq!(image.context, BuildContext::Remote("https://github.com/acme/shop.git#0123".to_owned()));
    assert_eq!(image.dockerfile, DockerfileSource::InRemoteContext("docker/Dockerfile".to_owned()));
    assert_eq!(image.secrets[0].id, "GIT_AUTH_TOKEN.github.com");
    assert_eq!(image.secrets[0].variable_of_an_input(), Some("WEIGHBRIDGE_SECRET_GIT"));
}

#[test]
fn no_other_context_is_given_the_token() {
    for context in [".", "https://github.com/acme/shop.git#main", "https://github.com/other/shop.git#0123"] {
        let inputs = [("github-token", "ghs_1"), ("context", context)];
        assert_eq!(image(tree(&[]).path(), &inputs).secrets, [], "{context}");
    }
}

#[test]
fn the_inputs_override_the_image_that_is_meant() {
    let yaml = "
images:
  app: {context: app, tags: [acme/app], labels: {a: '1', b: '1'}, dockerfile_inline: FROM scratch}
  web: {context: .}
";
    let directory = tree(&[("weighbridge.yml", yaml)]);
    let inputs = [("labels", "b=2\nc=3"), ("tags", "acme/app:2"), ("file", "Dockerfile")];
    let chosen = config(directory.path(), &inputs, &["app"]).unwrap();
    assert_eq!(chosen.origin, "weighbridge.yml and the inputs of the action");
    let app = &chosen.images[0];
    assert_eq!(app.context, BuildContext::Directory(directory.path().join("app")));
    assert_eq!(app.dockerfile, DockerfileSource::Path(directory.path().join("Dockerfile")));
    let labels: Vec<String> = app.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!((app.tags.as_slice(), labels.join(" ").as_str()), (&["acme/app:2".to_owned()][..], "a=1 b=2 c=3"));

    let error = config(directory.path(), &inputs, &[]).unwrap_err();
    insta::assert_snapshot!(format!("{error:#}"), @"read the inputs of the action: inputs such as `file`, `labels`, `tags` describe one image; choose one of app, web with the input `image`");
    assert_eq!(exit_code(&error), USAGE);
    let error = config(directory.path(), &inputs, &["apq"]).unwrap_err();
    insta::assert_snapshot!(format!("{error:#}"), @r#"choose the images: no image "apq"; did you mean `app`?"#);
}

#[test]
fn a_configuration_without_images_says_the_rest_of_the_image_of_the_inputs() {
    let yaml = "defaults: {labels: {a: '1', b: '1'}, budget: {layers: 3}}\ncache: {backend: none}\ncomment: never\n";
    let directory = tree(&[(".github/weighbridge.yml", yaml)]);
    let config = config(directory.path(), &[("labels", "b=2"), ("tags", "acme/web")], &[]).unwrap();
    let image = &config.images[0];
    assert_eq!((image.name.as_str(), image.budget.layers), ("web", Some(3)));
    assert_eq!(image.context, BuildContext::Directory(directory.path().to_owned()));
    let labels: Vec<String> = image.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!((labels.join(" ").as_str(), config.comment), ("a=1 b=2", crate::config::CommentMode::Never));
    assert_eq!(config.told_by().images, ["web"]);
    let none = tree(&[("weighbridge.yml", "comment: never")]);
    assert!(super::tests::config(none.path(), &[], &[]).is_err());
}

#[test]
fn legs_of_a_matrix_over_the_platforms_are_told_apart() {
    let directory = tree(&[("weighbridge.yml", "images: {app: {context: ., platforms: [linux/amd64, linux/arm64]}}")]);
    for (inputs, platforms) in [
        (&[("tags", "acme/app")][..], &[][..]),
        (&[("platforms", "linux/arm64")], &["linux/arm64"]),
        (&[("platforms", "linux/arm64,linux/amd64")], &["linux/amd64", "linux/arm64"]),
    ] {
        let told_by = config(directory.path(), inputs, &[]).unwrap().told_by();
        assert_eq!(told_by.images, ["app"]);
        assert_eq!(told_by.platforms.iter().map(ToString::to_string).collect::<Vec<_>>(), platforms);
    }
}

#[test]
fn paths_of_inputs_are_relative_to_the_working_directory_wherever_the_configuration_is() {
    let directory = tree(&[("ci/weighbridge.yml", "images: {app: {context: .}}"), ("ci/Dockerfile", "FROM scratch")]);
    let given = [("context", "app"), ("build-contexts", "docs=app\nbase=docker-image://alpine"), ("target", "x")];
    let variables = given.map(|(name, value)| (format!("INPUT_{}", name.to_uppercase()), value.to_owned()));
    let actions = ("GITHUB_ACTIONS".to_owned(), "true".to_owned());
    let variables = variables.into_iter().chain([actions]).collect();
    let env = Env { directory: directory.path().to_owned(), variables, ..Env::default() };
    let file = Some("ci/weighbridge.yml".into());
    let config = resolve(&Request { file, inputs: Inputs::read(&env), ..Request::default() }, &env, &Never).unwrap();
    let app = directory.path().join("app");
    assert_eq!(config.images[0].context, BuildContext::Directory(app.clone()));
    let contexts =
        [("base".to_owned(), "docker-image://alpine".to_owned()), ("docs".to_owned(), app.display().to_string())];
    assert_eq!(config.images[0].build_contexts, contexts.into());
}

#[test]
fn the_inputs_move_with_a_copy_of_the_repository() {
    let env = |context: &str| {
        let variables = [("GITHUB_ACTIONS", "true"), ("INPUT_CONTEXT", context), ("INPUT_FILE", "Dockerfile")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Env { variables: variables.into(), ..Env::default() }
    };
    for (context, moved) in [("/w/app", "/b/app"), ("/w", "/b/"), ("/w2/app", "/w2/app"), ("app", "app")] {
        let inputs = Inputs::read(&env(context)).moved(Path::new("/w"), Path::new("/b"));
        assert_eq!(inputs.values["context"], moved);
        assert_eq!(inputs.values["file"], "Dockerfile");
    }
    let mut env = env(".");
    let contexts = "docs=/w/docs\n\"all=/w\"\nbase=docker-image://alpine\nother=/w2\nnear=docs";
    env.variables.insert("INPUT_BUILD-CONTEXTS".to_owned(), contexts.to_owned());
    let inputs = Inputs::read(&env).moved(Path::new("/w"), Path::new("/b"));
    let moved = "docs=/b/docs\n\"all=/b/\"\nbase=docker-image://alpine\nother=/w2\nnear=docs";
    assert_eq!(inputs.values["build-contexts"], moved);
}

#[test]
fn attestations_are_those_of_the_inputs_of_their_name_first() {
    let attests = ("attests", "type=provenance,mode=min\ntype=sbom,generator=image");
    for (inputs, provenance, sbom) in [
        (&[attests][..], "mode=min", "generator=image"),
        (&[attests, ("provenance", "mode=max"), ("sbom", "false")], "mode=max", "false"),
        (&[("provenance", "false"), ("sbom", "True")], "false", "True"),
    ] {
        let image = image(tree(&[]).path(), inputs);
        assert_eq!((image.provenance.as_deref(), image.sbom.as_deref()), (Some(provenance), Some(sbom)));
    }
}

#[test]
fn every_fault_names_the_input() {
    insta::assert_snapshot!(faults(&[
        ("tags", "acme/shop:1,-x\nacme/Shop x"),
        ("platforms", "linux/amd64,arm64"),
        ("build-args", "\"A=1"),
        ("secrets", "\"A=hunter2"),
        ("attests", "mode=max"),
        ("context", "nowhere"),
        ("file", "nowhere/Dockerfile"),
        ("pull", "yes"),
        ("labels", "a b=1"),
        ("cache-to", "type=gha,ghtoken=hunter2"),
        ("shm-size", "large"),
        ("ulimit", "nofile"),
    ]), @r#"
    input `attests`: "mode=max" is not an attestation such as type=provenance,mode=max or type=sbom
    input `build-args`: a quote is not closed; expected one at the end, and quotes inside of quotes to be doubled
    input `cache-to`: [0]: `ghtoken` would stand on the command line; leave it out, as it only saves some questions and cannot be passed safely; expected a cache such as type=registry,ref=ghcr.io/acme/shop/cache:main
    input `context`: "nowhere" is not a directory; expected the build context
    input `file`: "nowhere/Dockerfile" is not a file; expected the Dockerfile, relative to the working directory
    input `labels`: ["a b"]: "a b" is not a name without `=` and blanks
    input `platforms`: [1]: "arm64" is not a platform such as linux/arm64
    input `pull`: "yes" is not true or false
    input `secrets`: a quote is not closed; expected one at the end, and quotes inside of quotes to be doubled
    input `shm-size`: "large" is not a number of bytes such as 64m, 1g or 67108864
    input `tags`: [1]: "-x" is not an image reference such as ghcr.io/acme/orders:latest
    input `tags`: [2]: "acme/Shop x" is not an image reference such as ghcr.io/acme/orders:latest
    input `ulimit`: [0]: "nofile" is not an assignment such as key=value
    "#);
}

#[test]
fn a_value_is_never_shown_by_debug() {
    let env = Env {
        variables: [("GITHUB_ACTIONS", "true"), ("INPUT_SECRETS", "A=hunter2")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        ..Env::default()
    };
    assert_eq!(format!("{:?}", Inputs::read(&env)), r#"{"secrets"}"#);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_of_an_input_makes_anything_panic(
        index in 0_usize..29,
        text in "(type=|gha|mode=|max|,|\"|=|\n|#|\\{\\{|\\}\\}|defaultContext|:|/|[a-z\\PC]{1,4}){0,12}",
    ) {
        let name = Inputs::names().nth(index).unwrap();
        if let Err(error) = config(tree(&[]).path(), &[(name, &text), ("target", "x")], &[]) {
            proptest::prop_assert_eq!(exit_code(&error), USAGE);
        }
    }
}
