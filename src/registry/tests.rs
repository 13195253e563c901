use wiremock::matchers::{header, method, path, path_regex, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

const KIND: ArtifactKind = ArtifactKind { artifact_type: "application/vnd.test", media_type: "application/json" };

fn manifest(artifact_type: &str, layers: &[(&str, usize)]) -> String {
    let layer = |(digest, size): &(&str, usize)| json!({"mediaType": "x", "digest": digest, "size": size});
    let layers: Vec<_> = layers.iter().map(layer).collect();
    json!({"schemaVersion": 2, "artifactType": artifact_type, "layers": layers}).to_string()
}

/// What pulling gives when the registry answers like this about the manifest and the file.
async fn pull(manifest: ResponseTemplate, blob: ResponseTemplate) -> Result<Option<Vec<u8>>, RegistryError> {
    let server = MockServer::start().await;
    for (place, answer) in [("manifests/tag".to_owned(), manifest), (format!("blobs/{}", digest(b"hello")), blob)] {
        Mock::given(method("GET")).and(path(format!("/v2/acme/{place}"))).respond_with(answer).mount(&server).await;
    }
    Mock::given(path("/v2/")).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    let name = format!("{}/acme", server.address());
    repository(&name).pull("tag", &KIND, 10).await
}

/// One that does not let the tests wait.
fn repository(name: &str) -> Repository {
    let patience = Patience { first: Duration::from_millis(1), ..PATIENCE };
    Repository { patience, ..Repository::new(&Env::default(), name).unwrap() }
}

#[tokio::test]
async fn a_registry_that_stumbles_is_asked_again() {
    let server = MockServer::start().await;
    let answer = |status| {
        Mock::given(method("GET")).and(path("/v2/acme/manifests/tag")).respond_with(ResponseTemplate::new(status))
    };
    answer(503).up_to_n_times(2).mount(&server).await;
    answer(404).mount(&server).await;
    Mock::given(path("/v2/")).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    let pulled = repository(&format!("{}/acme", server.address())).pull("tag", &KIND, 10).await;
    assert_eq!(pulled, Ok(None));
}

#[tokio::test]
async fn a_file_is_read_or_there_is_a_reason_why_not() {
    let hello = digest(b"hello");
    let ok = |body: &str| ResponseTemplate::new(200).set_body_string(body);
    let error = |status, code: &str| {
        ResponseTemplate::new(status).set_body_json(json!({"errors": [{"code": code, "message": "m", "detail": null}]}))
    };
    let good = || ok(&manifest("application/vnd.test", &[(&hello, 5)]));
    let page = |status| ResponseTemplate::new(status).set_body_string("<html>");
    for (situation, manifest, blob, expected) in [
        ("good", good(), ok("hello"), "Ok(hello)"),
        ("not there", error(404, "MANIFEST_UNKNOWN"), page(500), "none"),
        ("no repository", error(404, "NAME_UNKNOWN"), page(500), "none"),
        ("a page that says so", page(404), page(500), "none"),
        ("denied", error(403, "DENIED"), page(500), "not allowed to (m)"),
        ("unauthorized", error(401, "UNAUTHORIZED"), page(500), "not allowed to (authentication is required)"),
        ("a page that denies", page(403), page(500), "not allowed to (HTTP 403)"),
        ("too many requests", error(429, "TOOMANYREQUESTS"), page(500), "not reached (m, tried 3 times)"),
        ("down", page(503), page(500), "not reached (HTTP 503, tried 3 times)"),
        ("an image", ok(&manifest("", &[(&hello, 5)])), page(500), "it is no artifact of type application/vnd.test"),
        ("no layer", ok(&manifest("application/vnd.test", &[])), page(500), "it does not have exactly one file"),
        (
            "two layers",
            ok(&manifest("application/vnd.test", &[(&hello, 5), (&hello, 5)])),
            page(500),
            "it does not have exactly one file",
        ),
        (
            "too large",
            ok(&manifest("application/vnd.test", &[(&hello, 11)])),
            page(500),
            "it has 11 bytes; at most 10 are read",
        ),
        ("longer than told", good(), ok("hello, world"), "the file is longer than its manifest says"),
        (
            "the file is missing",
            good(),
            error(404, "BLOB_UNKNOWN"),
            "the registry lacks the file that its manifest names",
        ),
    ] {
        let shown = match pull(manifest, blob).await {
            Ok(Some(content)) => format!("Ok({})", String::from_utf8_lossy(&content)),
            Ok(None) => "none".to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected, "{situation}");
    }
    let wrong = pull(good(), ok("hellO")).await.unwrap_err().to_string();
    assert!(wrong.to_lowercase().contains("digest"), "{wrong}");
    let nonsense = pull(ok("nonsense"), page(500)).await.unwrap_err().to_string();
    assert!(nonsense.starts_with("no manifest: "), "{nonsense}");
}

#[tokio::test]
async fn a_registry_that_is_not_there_is_told() {
    let repository = Repository::new(&Env::default(), "127.0.0.1:1/acme").unwrap();
    let error = repository.pull("tag", &KIND, 10).await.unwrap_err();
    assert!(matches!(&error, RegistryError::Unreachable(_)), "{error}");
}

#[test]
fn only_this_machine_is_spoken_to_without_tls() {
    for (host, expected) in [
        ("localhost", true),
        ("localhost:5000", true),
        ("127.0.0.1:5000", true),
        ("127.1.2.3", true),
        ("[::1]:5000", true),
        ("127.0.0.1.evil.test", false),
        ("localhost.evil.test:5000", false),
        ("10.0.0.1:5000", false),
        ("registry.test:5000", false),
        ("ghcr.io", false),
    ] {
        assert_eq!(is_loopback(host), expected, "{host}");
    }
}

#[test]
fn a_name_that_is_no_repository_is_refused() {
    for name in ["", "a b", "ghcr.io/", "ghcr.io/acme:tag:tag", "ghcr.io/acme@sha256:00"] {
        assert!(Repository::new(&Env::default(), name).is_err(), "{name}");
    }
}

#[tokio::test]
async fn a_registry_that_wants_a_token_gets_one_for_the_credentials_of_docker() {
    let server = MockServer::start().await;
    let challenge = format!("Bearer realm=\"{}/token\",service=\"registry\"", server.uri());
    let wanted = ResponseTemplate::new(401).insert_header("www-authenticate", challenge.as_str());
    Mock::given(path("/v2/")).respond_with(wanted.clone()).mount(&server).await;
    for (scope, token) in [("pull", "read"), ("pull,push", "write")] {
        Mock::given(path("/token"))
            .and(query_param("scope", format!("repository:acme:{scope}")))
            .and(header("authorization", "Basic dXNlcjpwYXNz"))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "token": token })))
            .mount(&server)
            .await;
    }
    let found = manifest("application/vnd.test", &[(&digest(b"hello"), 5)]);
    for (place, body) in [("manifests/tag".to_owned(), found), (format!("blobs/{}", digest(b"hello")), "hello".into())]
    {
        Mock::given(method("GET"))
            .and(path(format!("/v2/acme/{place}")))
            .and(header("authorization", "Bearer read"))
            .respond_with(ResponseTemplate::new(200).set_body_string(body))
            .mount(&server)
            .await;
    }
    Mock::given(method("POST"))
        .and(path("/v2/acme/blobs/uploads/"))
        .and(header("authorization", "Bearer write"))
        .respond_with(ResponseTemplate::new(202).insert_header("location", "/v2/acme/upload"))
        .mount(&server)
        .await;
    Mock::given(method("PUT"))
        .and(header("authorization", "Bearer write"))
        .respond_with(ResponseTemplate::new(201).insert_header("location", "/v2/acme/there"))
        .mount(&server)
        .await;
    Mock::given(path_regex("^/v2/acme/")).respond_with(wanted).mount(&server).await;

    let host = server.address().to_string();
    let directory = tempfile::tempdir().unwrap();
    let config = json!({"auths": {&host: {"auth": "dXNlcjpwYXNz"}}}).to_string();
    crate::fs::write_atomic(&directory.path().join("config.json"), config.as_bytes()).unwrap();
    let variables = [("DOCKER_CONFIG".to_owned(), directory.path().to_str().unwrap().to_owned())];
    let logged_in = Env { variables: variables.into(), ..Env::default() };
    let repository = |env: &Env| Repository::new(env, &format!("{host}/acme")).unwrap();
    assert_eq!(repository(&logged_in).pull("tag", &KIND, 10).await.unwrap().as_deref(), Some(&b"hello"[..]));
    repository(&logged_in).push("tag", &KIND, b"hello", &[]).await.unwrap();
    let denied = repository(&Env::default()).pull("tag", &KIND, 10).await.unwrap_err();
    assert!(matches!(denied, RegistryError::Denied(_)), "{denied}");
}
