//! A proxy before the test registry that breaks what a test tells it to. The engine takes it for a registry without
//! TLS: to a handshake it answers in HTTP, and for a loopback address the engine then falls back.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use hyper::body::Bytes;
use hyper::{Method, StatusCode, header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::loopback::{Answer, Loopback, Request, Response, forward, send};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// The proxy, until it is dropped.
pub(crate) struct FaultyRegistry {
    server: Loopback,
    registry: String,
    state: Arc<Mutex<State>>,
}

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// It is answered with this status and the registry's form of an error.
    Refuse(u16),
    /// It is passed on after this time.
    Delay(Duration),
    /// The connection is closed without an answer.
    Drop,
}

/// One request, as it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RegistryRequest {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Absent if there was no answer.
    pub(crate) status: Option<u16>,
}

#[derive(Debug, Default)]
struct State {
    rules: Vec<Rule>,
    requests: Vec<RegistryRequest>,
}

#[derive(Debug)]
struct Rule {
    /// Absent for every method.
    method: Option<Method>,
    prefix: String,
    /// How many requests pass before the first that does not.
    passes: usize,
    /// How many do not pass then.
    fails: usize,
    fault: Fault,
}

impl FaultyRegistry {
    /// A proxy before the registry with this address.
    pub(crate) fn start(registry: String) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let server = Loopback::serve({
            let (state, registry) = (Arc::clone(&state), registry.clone());
            move |_, request| handle(Arc::clone(&state), request, registry.clone())
        });
        Self { server, registry, state }
    }

    /// What an image's reference begins with, without a slash.
    pub(crate) fn host(&self) -> String {
        self.server.address().to_string()
    }

    /// From the `from`-th request on, counted from 1, everything with this method and path fails. `*` is every method.
    /// The first rule that fits decides.
    pub(crate) fn fault(&self, method: &str, path_prefix: &str, from: usize, fault: Fault) {
        let method = (method != "*").then(|| method.parse().unwrap());
        let rule = Rule { method, prefix: path_prefix.to_owned(), passes: from - 1, fails: usize::MAX, fault };
        lock(&self.state).rules.push(rule);
    }

    /// The same for a number of requests, after which the registry is well again.
    pub(crate) fn stumble(&self, method: &str, path_prefix: &str, from: usize, fails: usize, fault: Fault) {
        self.fault(method, path_prefix, from, fault);
        if let Some(rule) = lock(&self.state).rules.last_mut() {
            rule.fails = fails;
        }
    }

    /// Nothing fails any more, and the requests so far are forgotten.
    pub(crate) fn heal(&self) {
        *lock(&self.state) = State::default();
    }

    /// Puts an image without layers into a repository, under its digest alone, which is returned.
    pub(crate) fn put_image(&self, repository: &str, architecture: &str) -> String {
        let digest = |text: &str| {
            let hex: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
            format!("sha256:{hex}")
        };
        let rootfs = json!({"type": "layers", "diff_ids": []});
        let labels = json!({"Labels": {"of": repository}});
        let config =
            json!({"os": "linux", "architecture": architecture, "rootfs": rootfs, "config": labels}).to_string();
        let started = self.send("POST", &format!("/v2/{repository}/blobs/uploads/"), "");
        let place = started.headers()[header::LOCATION].to_str().unwrap();
        self.send("PUT", &format!("{place}&digest={}", digest(&config)), &config);
        let kind = "application/vnd.oci.image.config.v1+json";
        let config = json!({"mediaType": kind, "digest": digest(&config), "size": config.len()});
        let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []}).to_string();
        let digest = digest(&manifest);
        self.send("PUT", &format!("/v2/{repository}/manifests/{digest}"), &manifest);
        digest
    }

    /// Puts something under a tag of a repository that only looks like a build cache.
    pub(crate) fn put_garbage(&self, repository: &str, tag: &str) {
        let (garbage, digest) = ("garbage", "sha256:795b6904e54f82411df4b0e27a373a55eea3f9d66dac5a9bce1dd92f7b401da5");
        let started = self.send("POST", &format!("/v2/{repository}/blobs/uploads/"), "");
        let place = started.headers()[header::LOCATION].to_str().unwrap();
        self.send("PUT", &format!("{place}&digest={digest}"), garbage);
        let kind = "application/vnd.buildkit.cacheconfig.v0";
        let config = json!({"mediaType": kind, "digest": digest, "size": garbage.len()});
        let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []});
        self.send("PUT", &format!("/v2/{repository}/manifests/{tag}"), &manifest.to_string());
    }

    /// Deletes what is under a digest of a repository.
    pub(crate) fn delete(&self, repository: &str, digest: &str) {
        self.send("DELETE", &format!("/v2/{repository}/manifests/{digest}"), "");
    }

    /// Deletes the layers of what is under a tag, and leaves its manifest.
    pub(crate) fn delete_layers(&self, repository: &str, tag: &str) {
        let manifest = self.send("GET", &format!("/v2/{repository}/manifests/{tag}"), "");
        let manifest: Value = serde_json::from_slice(manifest.body()).unwrap();
        let layers = manifest["layers"].as_array().unwrap().iter();
        for digest in layers.map(|layer| layer["digest"].as_str().unwrap()) {
            self.send("DELETE", &format!("/v2/{repository}/blobs/{digest}"), "");
        }
    }

    /// Sends a request to the registry itself.
    fn send(&self, method: &str, path: &str, body: &str) -> hyper::Response<Bytes> {
        let request = hyper::Request::builder().method(method).uri(path).header(header::HOST, &self.registry);
        let request = request.header(header::CONTENT_TYPE, MANIFEST).header(header::ACCEPT, MANIFEST);
        let response = send(request.body(body.to_owned().into()).unwrap(), &self.registry);
        assert!(response.status().is_success(), "{response:?}");
        response
    }

    /// All requests so far, in the order of their answers.
    pub(crate) fn requests(&self) -> Vec<RegistryRequest> {
        lock(&self.state).requests.clone()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap()
}

impl State {
    fn fault(&mut self, request: &Request) -> Option<Fault> {
        let fits = |rule: &&mut Rule| {
            rule.method.as_ref().is_none_or(|method| method == request.method())
                && request.uri().path().starts_with(&rule.prefix)
        };
        let rule = self.rules.iter_mut().find(fits)?;
        if rule.passes > 0 {
            rule.passes -= 1;
            return None;
        }
        let fails = rule.fails > 0;
        rule.fails = rule.fails.saturating_sub(1);
        fails.then_some(rule.fault)
    }
}

async fn handle(state: Arc<Mutex<State>>, request: Request, registry: String) -> Answer {
    let method = request.method().to_string();
    let path = request.uri().path().to_owned();
    let fault = lock(&state).fault(&request);
    let response = match fault {
        Some(Fault::Drop) => None,
        Some(Fault::Refuse(status)) => Some(refusal(status)),
        Some(Fault::Delay(time)) => {
            tokio::time::sleep(time).await;
            Some(forward(request, &registry).await)
        }
        None => Some(forward(request, &registry).await),
    };
    let status = response.as_ref().map(|response| response.status().as_u16());
    lock(&state).requests.push(RegistryRequest { method, path, status });
    response.map_or(Answer::HangUp, Answer::Response)
}

/// An error of the distribution specification, with what the client looks for beside it.
fn refusal(status: u16) -> Response {
    let (code, message) = match status {
        401 => ("UNAUTHORIZED", "authentication required"),
        403 => ("DENIED", "requested access to the resource is denied"),
        429 => ("TOOMANYREQUESTS", "too many requests"),
        _ => ("UNKNOWN", "unknown error"),
    };
    let body = json!({"errors": [{"code": code, "message": message, "detail": null}]}).to_string();
    let mut response = Response::new(Bytes::from(body).into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
    headers.insert(header::WWW_AUTHENTICATE, "Basic realm=\"registry\"".parse().unwrap());
    response
}
