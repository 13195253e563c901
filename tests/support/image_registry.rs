//! A registry on the loopback that gives out the layouts of a test, and tells what it was asked for.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::Full;
use hyper::StatusCode;
use hyper::body::Bytes;

use super::loopback::{Answer, Loopback, Request, Response};

/// The registry, until it is dropped.
pub(crate) struct ImageRegistry {
    server: Loopback,
    asked: Arc<Mutex<Vec<String>>>,
}

impl ImageRegistry {
    /// Serves the layouts in the directories below this one, each as a repository of its name with a tag `1`. With a
    /// login, `user:password`, nobody else is served.
    pub(crate) fn serve(layouts: &Path, login: Option<&str>) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, layouts) = (Arc::clone(&asked), layouts.to_owned());
        let login = login.map(|login| format!("Basic {}", STANDARD.encode(login)));
        let server = Loopback::serve(move |_, request| {
            let response = respond(&layouts, login.as_deref(), &request, &log);
            async { Answer::Response(response) }
        });
        Self { server, asked }
    }

    /// What a registry is called in names of images and in Docker's configuration.
    pub(crate) fn host(&self) -> String {
        self.server.address().to_string()
    }

    /// What was asked for and given since the last time, such as `app manifests 1`, sorted.
    pub(crate) fn asked(&self) -> Vec<String> {
        let mut asked = std::mem::take(&mut *self.asked.lock().unwrap());
        asked.sort();
        asked
    }
}

fn respond(layouts: &Path, login: Option<&str>, request: &Request, log: &Mutex<Vec<String>>) -> Response {
    let given = request.headers().get("authorization").and_then(|header| header.to_str().ok());
    if login.is_some() && login != given {
        let refused = hyper::Response::builder().status(StatusCode::UNAUTHORIZED);
        return refused.header("www-authenticate", "Basic realm=\"test\"").body(Full::default()).unwrap();
    }
    let parts: Vec<&str> = request.uri().path().trim_matches('/').split('/').collect();
    let (status, body) = match parts.as_slice() {
        ["v2"] => (StatusCode::OK, Vec::new()),
        ["v2", repository, kind, name] => match std::fs::read(file(&layouts.join(repository), name)) {
            Ok(body) => {
                log.lock().unwrap().push(format!("{repository} {kind} {name}"));
                (StatusCode::OK, body)
            }
            Err(_) => (StatusCode::NOT_FOUND, br#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"m"}]}"#.to_vec()),
        },
        _ => (StatusCode::NOT_FOUND, Vec::new()),
    };
    hyper::Response::builder().status(status).body(Full::new(Bytes::from(body))).unwrap()
}

fn file(layout: &Path, name: &str) -> PathBuf {
    match name.split_once(':') {
        Some((algorithm, hex)) => layout.join("blobs").join(algorithm).join(hex),
        None if name == "1" => layout.join("index.json"),
        None => layout.join("no such tag"),
    }
}
