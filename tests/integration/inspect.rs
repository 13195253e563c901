//! `inspect`: images from every place, in every format, sound and broken.

use std::path::Path;

use serde_json::{Value, json};

use crate::case::Case;
use crate::image_registry::ImageRegistry;
use crate::layout::{Damage, TestImage, add_images, noise};

/// Two layers, the second of which writes the file of the first once more.
fn image() -> TestImage {
    let layers =
        [("COPY app /app # buildkit", noise(70_000)), ("RUN /bin/sh -c chmod +x /app # buildkit", noise(50_000))];
    let layers = layers.map(|(created_by, content)| (created_by.to_owned(), content));
    TestImage { layers: layers.into(), ..TestImage::of(1) }
}

/// A case with this image as `images/app`.
fn case(image: &TestImage) -> Case {
    let case = Case::new();
    image.write(&case.repository.path().join("images/app"));
    case
}

fn json_of(case: &Case, arguments: &[&str]) -> Value {
    let run = case.weighbridge(&[&["inspect", "--format", "json"], arguments].concat()).expect(0);
    serde_json::from_str(&run.stdout).unwrap()
}

/// All that is said of an image but its name.
fn contents(case: &Case, name: &str) -> Value {
    let mut json = json_of(case, &[name]);
    assert_eq!(json["image"], name);
    json["image"] = Value::Null;
    json
}

/// Packs a directory into a tar.
fn pack(directory: &Path, tar: &Path) {
    let mut builder = tar::Builder::new(std::fs::File::create(tar).unwrap());
    builder.append_dir_all(".", directory).unwrap();
    builder.finish().unwrap();
}

#[test]
fn an_image_is_the_same_from_a_directory_a_tar_a_registry_and_the_engine() {
    let case = case(&image());
    let path = case.repository.path();
    let expected = contents(&case, "images/app");
    assert_eq!((&expected["file_bytes"], &expected["live_bytes"]), (&json!(120_000), &json!(50_000)));
    assert_eq!(expected["waste"]["total_bytes"], 70_000);
    let pair = &expected["waste"]["pairs"][0];
    assert_eq!((&pair["writer"], &pair["killer"], &pair["kind"]), (&json!(0), &json!(1), &json!("overwritten")));
    assert_eq!(expected["layers"][1]["instruction"], "RUN chmod +x /app");
    assert_eq!(
        (&expected["layers"][0]["added_files"], &expected["layers"][1]["changed_files"]),
        (&json!(1), &json!(1))
    );

    pack(&path.join("images/app"), &path.join("app.tar"));
    assert_eq!(contents(&case, "app.tar"), expected);
    case.docker.answers("save", std::fs::read(path.join("app.tar")).unwrap());
    assert_eq!(contents(&case, "docker://app:1"), expected);
    assert_eq!(case.docker.calls(&["image", "save"]), [["image", "save", "--", "app:1"]]);
    let registry = ImageRegistry::serve(&path.join("images"), None);
    assert_eq!(contents(&case, &format!("{}/app:1", registry.host())), expected);
    let digest = expected["digest"].as_str().unwrap();
    assert_eq!(contents(&case, &format!("{}/app@{digest}", registry.host())), expected);
    let asked = registry.asked();
    assert_eq!(asked.iter().filter(|one| one.contains("blobs")).count(), 2 * 3, "{asked:?}");
}

#[test]
fn the_document_obeys_its_schema() {
    let case = case(&image());
    let schema: Value = serde_json::from_str(&case.weighbridge(&["schema", "inspect"]).expect(0).stdout).unwrap();
    let json = json_of(&case, &["images/app"]);
    let faults: Vec<String> =
        jsonschema::validator_for(&schema).unwrap().iter_errors(&json).map(|fault| fault.to_string()).collect();
    assert_eq!(faults, [""; 0]);
}

#[test]
fn people_read_the_verdict_first() {
    let case = case(&image());
    let text = case.weighbridge(&["inspect", "images/app"]).expect(0).stdout;
    assert!(text.starts_with("will not start: "), "{text}");
    assert!(text.contains("70.0 kB in 1 file, written by layer 0 COPY app /app, overwritten by layer 1 RUN"), "{text}");
    assert!(!text.contains('\u{1b}'));
    let colored = case.weighbridge(&["inspect", "images/app", "--color", "always"]).expect(0).stdout;
    assert!(colored.starts_with("\u{1b}[1;31mwill not start: "), "{colored}");
    let markdown = case.weighbridge(&["inspect", "images/app", "--format", "markdown"]).expect(0).stdout;
    assert!(markdown.starts_with("### ❌ will not start: ") && markdown.contains("| 0 | "), "{markdown}");
}

#[test]
fn a_dockerfile_gives_layers_their_line() {
    let case = case(&image());
    case.repository.write("Dockerfile", "FROM scratch AS one\nCOPY app /app\n\nRUN chmod +x /app\nFROM one\n");
    for options in [&["--dockerfile", "Dockerfile"][..], &["--dockerfile", "Dockerfile", "--target", "one"]] {
        let layers = &json_of(&case, &[&["images/app"], options].concat())["layers"];
        let lines = [&layers[0]["dockerfile_line"], &layers[1]["dockerfile_line"]];
        assert_eq!((lines, &layers[1]["base"]), ([&json!(2), &json!(4)], &json!(false)), "{options:?}");
    }
    for (options, expected) in [
        (&["--dockerfile", "missing"][..], "open "),
        (&["--dockerfile", "Dockerfile", "--target", "two"], "Dockerfile has no stage \"two\""),
        (&["--target", "one"], "--dockerfile"),
    ] {
        case.weighbridge(&[&["inspect", "images/app"], options].concat()).expect(2).says(expected);
    }
}

#[test]
fn of_several_platforms_that_of_the_machine_is_read_unless_another_is_asked_for() {
    let case = case(&image());
    let other = TestImage { architecture: "s390x", ..TestImage::of(9) };
    other.write(&case.repository.path().join("images/other"));
    let directory = case.repository.path().join("images");
    add_images(&directory.join("app"), &directory.join("other"));
    assert_eq!(json_of(&case, &["images/app", "--platform", "linux/s390x"])["platform"], "linux/s390x");
    // An image of one platform is read whatever the machine is.
    assert_eq!(json_of(&case, &["images/other"])["platform"], "linux/s390x");
    let own = if cfg!(target_arch = "x86_64") { (0, "") } else { (4, "there is one for linux/amd64, linux/s390x") };
    case.weighbridge(&["inspect", "images/app"]).expect(own.0).says(own.1);
    let none = case.weighbridge(&["inspect", "images/app", "--platform", "linux/386"]).expect(4);
    none.says("no image for linux/386; there is one for linux/amd64, linux/s390x");
    case.weighbridge(&["inspect", "images/app", "--platform", "linux/386,linux/arm"]).expect(2).says("--platform once");
}

#[test]
fn what_was_read_is_kept_and_not_read_again() {
    let case = case(&image());
    let registry = ImageRegistry::serve(&case.repository.path().join("images"), None);
    let name = format!("{}/app:1", registry.host());
    let first = json_of(&case, &[&name, "--cache-dir", "kept"]);
    let layers = |asked: &[String]| asked.iter().filter(|one| one.contains("blobs")).count();
    assert_eq!(layers(&registry.asked()), 3);
    assert_eq!(json_of(&case, &[&name, "--cache-dir", "kept"]), first);
    assert_eq!(layers(&registry.asked()), 1, "the config alone");
    assert_eq!(json_of(&case, &["images/app", "--cache-dir", "kept"])["layers"], first["layers"]);
}

#[test]
fn a_registry_is_asked_with_the_credentials_of_docker() {
    let mut case = case(&image());
    let registry = ImageRegistry::serve(&case.repository.path().join("images"), Some("user:pass"));
    let name = format!("{}/app:1", registry.host());
    let home = case.repository.path().join("docker").display().to_string();
    case.set("DOCKER_CONFIG", &home);
    case.weighbridge(&["inspect", &name]).expect(4).says("not allowed to (authentication is required)");
    let config = json!({ "auths": { (registry.host()): { "auth": "dXNlcjpwYXNz" } } });
    case.repository.write("docker/config.json", config.to_string());
    case.weighbridge(&["inspect", &name]).expect(0);
}

#[test]
fn what_cannot_be_read_is_named_with_the_reason() {
    let case = case(&image());
    let registry = ImageRegistry::serve(&case.repository.path().join("images"), None);
    let host = registry.host();
    case.repository.write("text.txt", "not an image");
    case.repository.write("empty.tar", [0; 1024]);
    case.docker.refuses("save", 1, "Error response from daemon: No such image: nope:latest");
    for (image, code, expected) in [
        ("./missing", 2, "there is no file or directory \"./missing\""),
        ("", 2, "a value is required for '<IMAGE>'"),
        ("/dev/null", 2, "\"/dev/null\" is a pipe or a device, and is read in parts; write it to a file first"),
        ("missing.tar", 2, "there is no file or directory \"missing.tar\""),
        ("Missing", 2, "there is no file or directory \"Missing\", and no registry can have it: "),
        ("a\u{1b}[31mb", 2, "there is no file or directory \"a\\u{1b}[31mb\""),
        ("images", 4, "read \"images\": no directory of an OCI layout: "),
        ("text.txt", 4, "read \"text.txt\": no archive of an image, as it is no tar"),
        ("empty.tar", 4, "neither index.json with blobs/ (an OCI layout) nor manifest.json (docker save) is in it"),
        ("docker://", 2, "names no image; expected docker://NAME"),
        ("docker://nope", 4, "No such image: nope:latest"),
        (&format!("{host}/app:2"), 4, "so a registry was asked for it: pull "),
        (&format!("{host}/nothing:1"), 4, "there is no such image"),
        ("127.0.0.1:1/app", 4, "not reached ("),
    ] {
        let run = case.weighbridge(&["inspect", image]).expect(code).says(expected);
        assert!(run.stdout.is_empty() && !run.stderr.contains('\u{1b}'), "{run:?}");
    }
}

#[test]
fn a_broken_image_is_refused_by_blob_and_layer() {
    for (damage, expected) in [
        (Damage::TruncatedBlob, " bytes, its descriptor says "),
        (Damage::GarbageBlob, "before the first member: "),
        (Damage::WrongLength, " bytes, its descriptor says 7"),
        (Damage::MissingBlob, "No such file"),
        (Damage::NoIndex, "index.json: No such file"),
    ] {
        let broken = TestImage { damage, ..image() };
        let case = case(&broken);
        let path = case.repository.path();
        let run = case.weighbridge(&["inspect", "images/app"]).expect(4).says("read \"images/app\": ").says(expected);
        if damage != Damage::NoIndex {
            run.says("read layer sha256:");
            pack(&path.join("images/app"), &path.join("app.tar"));
            case.weighbridge(&["inspect", "app.tar"]).expect(4).says("read layer sha256:");
            let registry = ImageRegistry::serve(&path.join("images"), None);
            let name = format!("{}/app:1", registry.host());
            case.weighbridge(&["inspect", &name]).expect(4).says("read layer sha256:");
        }
    }
}

#[test]
fn a_layer_of_other_content_than_its_digest_says_is_refused_wherever_it_lies() {
    let case = case(&image());
    let path = case.repository.path();
    let layer = json_of(&case, &["images/app"])["layers"][0]["digest"].as_str().unwrap().to_owned();
    let blob = path.join("images/app/blobs").join(layer.replace(':', "/"));
    let mut bytes = std::fs::read(&blob).unwrap();
    // The time in the header of gzip: what it unpacks to is the same.
    bytes[4] ^= 1;
    std::fs::write(&blob, bytes).unwrap();
    pack(&path.join("images/app"), &path.join("app.tar"));
    let registry = ImageRegistry::serve(&path.join("images"), None);
    for name in ["images/app", "app.tar"] {
        let run = case.weighbridge(&["inspect", name]).expect(4).says(&format!("read layer {layer}: "));
        run.says(&format!("blob {layer} is not what its digest says"));
    }
    let name = format!("{}/app:1", registry.host());
    case.weighbridge(&["inspect", &name]).expect(4).says(&format!("read layer {layer}: "));
}
