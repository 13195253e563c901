//! Two platforms under the tags of one image, pushed to a real registry and read back from it without docker.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::delivery::registry;
use super::repository;
use super::support::Repository;

/// The BuildKit of the engine behind the remote driver, as buildx refuses to push by digest with the driver `docker`.
/// What comes to a port goes through `docker buildx dial-stdio`, with a configuration of its own: `create` locks that of
/// the others while it waits for the builder.
pub(crate) struct RemoteBuilder {
    pub(crate) name: String,
    variables: Vec<(String, String)>,
}

impl RemoteBuilder {
    pub(crate) fn new() -> Self {
        Self::of(&[])
    }

    /// Of the engine that these variables lead to.
    pub(crate) fn of(variables: &[(String, String)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let config = tempfile::tempdir().unwrap();
        let engine = variables.to_vec();
        std::thread::spawn(move || {
            listener.incoming().for_each(|connection| dial(connection.unwrap(), config.path(), &engine));
        });
        let name = format!("weighbridge-e2e-{}-{}", std::process::id(), address.port());
        let create = ["buildx", "create", "--name", &name, "--driver", "remote", &format!("tcp://{address}")];
        let output = Command::new("docker").args(create).envs(variables.iter().cloned()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self { name, variables: variables.to_vec() }
    }
}

impl Drop for RemoteBuilder {
    fn drop(&mut self) {
        // A failed test must be able to end without failing a second time.
        let _ = Command::new("docker").args(["buildx", "rm", &self.name]).envs(self.variables.iter().cloned()).output();
    }
}

fn dial(mut connection: TcpStream, config: &Path, engine: &[(String, String)]) {
    let mut command = Command::new("docker");
    command.args(["buildx", "--builder", "default", "dial-stdio"]).envs(engine.iter().cloned());
    command.env("BUILDX_CONFIG", config);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let (mut to, mut from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut requests = connection.try_clone().unwrap();
    std::thread::spawn(move || pump(&mut requests, &mut to));
    std::thread::spawn(move || {
        pump(&mut from, &mut connection);
        let _ = connection.shutdown(Shutdown::Both);
        let _ = child.wait();
    });
}

/// Hands on what comes as it comes, until either end is closed. `std::io::copy` would splice, which waits for more.
pub(super) fn pump(from: &mut impl Read, to: &mut impl Write) {
    let mut chunk = [0; 16 << 10];
    while let Ok(count) = from.read(&mut chunk)
        && count > 0
        && to.write_all(&chunk[..count]).is_ok()
    {}
}

/// What a registry answers for a tag: the status, the digest and the index.
pub(crate) fn manifest(repository: &str, tag: &str) -> (String, String, Value) {
    let registry = registry();
    let mut connection = TcpStream::connect(&registry).unwrap();
    let accept = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, \
                  application/vnd.oci.image.manifest.v1+json";
    let request = format!(
        "GET /v2/{repository}/manifests/{tag} HTTP/1.0\r\nHost: {registry}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
    );
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let digest = head.lines().find_map(|line| line.strip_prefix("Docker-Content-Digest: ")).unwrap_or_default();
    let status = head.split_whitespace().nth(1).unwrap();
    (status.to_owned(), digest.to_owned(), serde_json::from_str(body).unwrap_or_default())
}

/// The images of an index, platform and digest, without attestations.
pub(crate) fn images(index: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let image = |entry: &Value| (text(&entry["platform"]["architecture"]), text(&entry["digest"]));
    let images = index["manifests"].as_array().unwrap().iter().map(image);
    let mut images: Vec<(String, String)> = images.filter(|(architecture, _)| architecture != "unknown").collect();
    images.sort();
    images
}

/// A repository whose image is for two platforms, under two tags of this name.
fn image(name: &str, dockerfile: &str, settings: &str) -> Repository {
    let repository = repository();
    repository.write("app/Dockerfile", dockerfile);
    repository.write("app/text", "words ".repeat(1_000));
    let tags = format!("[\"{0}/{name}:1\", \"{0}/{name}:latest\"]", registry());
    let platforms = "platforms: [linux/amd64, linux/arm64]";
    let yaml = format!("images:\n  app:\n    context: app\n    {platforms}\n    tags: {tags}\n{settings}");
    repository.write("weighbridge.yml", yaml);
    repository.commit("base");
    repository
}

#[test]
fn two_platforms_stand_under_both_tags_with_the_digests_of_the_report() {
    let builder = RemoteBuilder::new();
    for (attestations, settings) in [(true, ""), (false, "    provenance: false\n")] {
        let name = format!("e2e/joined-{}-{attestations}", std::process::id());
        let settings =
            format!("{settings}    annotations: [\"index,manifest:of=all\", \"manifest-descriptor:of=one\"]\n");
        let repository = image(&name, "FROM scratch\nCOPY text /text\n", &settings);
        repository.weighbridge(&["run", "--push", "--builder", &builder.name]).expect(0);
        let report = repository.report();
        for tag in ["1", "latest"] {
            let (status, digest, index) = manifest(&name, tag);
            assert_eq!((status.as_str(), digest.as_str()), ("200", report["indexes"]["app"].as_str().unwrap()));
            assert_eq!(index["annotations"]["of"], "all");
            // What was pushed with attestations is an index around the image that was weighed.
            let field = if attestations { "digest" } else { "pushed_digest" };
            let digest = |cell: usize| report["cells"][cell][field].as_str().unwrap().to_owned();
            assert_eq!(images(&index), [("amd64".to_owned(), digest(0)), ("arm64".to_owned(), digest(1))]);
            let annotated =
                index["manifests"].as_array().unwrap().iter().filter(|one| one["annotations"]["of"] == "one");
            assert_eq!(
                (annotated.count(), index["manifests"].as_array().unwrap().len()),
                (2, if attestations { 4 } else { 2 })
            );
        }
    }
}

#[test]
fn no_tag_is_there_when_a_platform_fails() {
    let builder = RemoteBuilder::new();
    let name = format!("e2e/part-{}", std::process::id());
    let dockerfile = "ARG TARGETARCH\nFROM scratch AS files\nCOPY text /text-amd64\nFROM scratch\nARG TARGETARCH\n\
                      COPY --from=files /text-${TARGETARCH} /text\n";
    let repository = image(&name, dockerfile, "");
    let run = repository.weighbridge(&["run", "--push", "--builder", &builder.name]);
    run.expect(3).says("the tags of app were not moved: linux/arm64 was not built");
    assert_eq!(manifest(&name, "1").0, "404");
    let pushed = repository.report()["cells"][0]["pushed_digest"].as_str().unwrap().to_owned();
    assert_eq!(manifest(&name, &pushed).0, "200");
}
