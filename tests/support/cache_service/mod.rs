//! A stand-in for the GitHub Actions cache service, version 2, and for the blob store behind it: as much of both as
//! `BuildKit` asks for (cache/remotecache/gha/gha.go and tonistiigi/go-actions-cache). The engine must run on this
//! machine, as it calls the loopback address.
//!
//! A running engine shares its waiting after 429 among all builds, so a test that throttles slows down the next one.

mod entries;
mod token;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use hyper::body::Bytes;
use hyper::{Method, StatusCode, header};
use serde_json::{Value, json};

use self::entries::{Entries, Refusal, Wanted};
pub(crate) use self::token::mint_token;
use self::token::{Scope, scopes};
use super::loopback::{Answer, Loopback, Request, Response};

/// The service, until it is dropped.
pub(crate) struct CacheService {
    server: Loopback,
    state: Arc<Mutex<State>>,
}

/// One request, as it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CacheRequest {
    /// The method of the service (`CreateCacheEntry`), or `GET` and `PUT` for the blob store.
    pub(crate) method: String,
    /// The entry's key, for a blob too.
    pub(crate) key: String,
    /// Absent if there was no answer.
    pub(crate) status: Option<u16>,
}

#[derive(Debug, Default)]
struct State {
    entries: Entries,
    requests: Vec<CacheRequest>,
    deny_writes: bool,
    retry_after_seconds: Option<u64>,
    hang: bool,
    /// How many blobs of layers are still found, and how many still delivered.
    entries_left: Option<usize>,
    blobs_left: Option<usize>,
}

impl CacheService {
    pub(crate) fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let server = Loopback::serve({
            let state = Arc::clone(&state);
            move |address, request| {
                let answer = lock(&state).answer(address, &request);
                async {
                    match answer {
                        Some(response) => Answer::Response(response),
                        None => std::future::pending().await,
                    }
                }
            }
        });
        Self { server, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.server.address())
    }

    /// The variables that a job has in which this is the service.
    pub(crate) fn variables(&self, token: &str) -> [(String, String); 3] {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        [
            pair("ACTIONS_CACHE_SERVICE_V2", "true"),
            pair("ACTIONS_RESULTS_URL", &self.url()),
            pair("ACTIONS_RUNTIME_TOKEN", token),
        ]
    }

    /// All requests so far, in the order of their arrival.
    pub(crate) fn requests(&self) -> Vec<CacheRequest> {
        lock(&self.state).requests.clone()
    }

    /// Answers as if no token had a scope that may be written to.
    pub(crate) fn deny_writes(&self) {
        lock(&self.state).deny_writes = true;
    }

    /// Answers every new entry with 429.
    pub(crate) fn throttle_writes(&self, retry_after_seconds: u64) {
        lock(&self.state).retry_after_seconds = Some(retry_after_seconds);
    }

    /// Takes every request and answers none.
    pub(crate) fn hang(&self) {
        lock(&self.state).hang = true;
    }

    /// Finds no more entries of layers after this many.
    pub(crate) fn lose_entries(&self, after: usize) {
        lock(&self.state).entries_left = Some(after);
    }

    /// Still finds entries, but delivers no more blobs of layers after this many.
    pub(crate) fn lose_blobs(&self, after: usize) {
        lock(&self.state).blobs_left = Some(after);
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap()
}

impl State {
    fn answer(&mut self, address: SocketAddr, request: &Request) -> Option<Response> {
        if request.uri().path() == "/" {
            // Nothing is there, but somebody who asks learns that the service is.
            return (!self.hang).then(|| built(404, &[], Bytes::new()));
        }
        let (_, name) = request.uri().path().rsplit_once('/').unwrap();
        let number = name.parse::<usize>().ok();
        let wanted = || serde_json::from_slice::<Wanted>(request.body()).unwrap();
        let (method, key) = match number {
            Some(number) => (request.method().as_str(), self.entries.key(number).to_owned()),
            None => (name, wanted().key),
        };
        let method = method.to_owned();
        let response = match (self.hang, number) {
            (true, _) => None,
            (false, Some(number)) if request.method() == Method::PUT => Some(self.put(number, request)),
            (false, Some(number)) => Some(self.get(number, request)),
            (false, None) => Some(match scopes(request) {
                Some(scopes) => self.call(name, &scopes, &wanted(), address),
                None => answer(401, &json!({"code": "unauthenticated", "msg": "the token is invalid or expired"})),
            }),
        };
        let status = response.as_ref().map(|response| response.status().as_u16());
        self.requests.push(CacheRequest { method, key, status });
        response
    }

    fn call(&mut self, method: &str, scopes: &[Scope], wanted: &Wanted, address: SocketAddr) -> Response {
        let url = |number: usize| format!("http://{address}/blobs/{number}?sig=abc");
        match method {
            "GetCacheEntryDownloadURL" => match self.entries.find(scopes, wanted) {
                Some((number, key)) if is_index(key) || take(&mut self.entries_left) => {
                    answer(200, &json!({"ok": true, "signed_download_url": url(number), "matched_key": key}))
                }
                _ => answer(200, &json!({"ok": false, "signed_download_url": "", "matched_key": ""})),
            },
            "CreateCacheEntry" => self.create(scopes, wanted, url),
            "FinalizeCacheEntryUpload" => match self.entries.finalize(scopes, wanted) {
                Some(number) => answer(200, &json!({"ok": true, "entry_id": number.to_string()})),
                None => answer(404, &json!({"code": "not_found", "msg": "no such entry"})),
            },
            _ => answer(404, &json!({"code": "bad_route", "msg": method})),
        }
    }

    fn create(&mut self, scopes: &[Scope], wanted: &Wanted, url: impl Fn(usize) -> String) -> Response {
        if let Some(seconds) = self.retry_after_seconds {
            let mut response = answer(429, &json!({"code": "resource_exhausted", "msg": "too many cache entries"}));
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            return response;
        }
        let created = match self.deny_writes {
            true => Err(Refusal::NoWritableScope),
            false => self.entries.create(scopes, wanted),
        };
        match created {
            Ok(number) => answer(200, &json!({"ok": true, "signed_upload_url": url(number)})),
            Err(Refusal::AlreadyExists) => answer(409, &json!({"code": "already_exists", "msg": "the entry exists"})),
            Err(Refusal::NoWritableScope) => {
                answer(200, &json!({"ok": false, "signed_upload_url": "", "message": "cache write denied"}))
            }
        }
    }

    fn put(&mut self, number: usize, request: &Request) -> Response {
        let query = request.uri().query().unwrap_or_default();
        let value = |name| form_urlencoded::parse(query.as_bytes()).find(|pair| pair.0 == name).map(|pair| pair.1);
        let body = request.body().clone();
        match value("comp").as_deref() {
            Some("block") => self.entries.put_block(number, value("blockid").unwrap().into_owned(), body),
            Some("blocklist") => self.entries.join_blocks(number, std::str::from_utf8(&body).unwrap()),
            _ => self.entries.put_blob(number, body),
        }
        // The client dereferences this header without looking, and takes the engine down with it.
        built(201, &[("x-ms-request-id", "1")], Bytes::new())
    }

    fn get(&mut self, number: usize, request: &Request) -> Response {
        let left = is_index(self.entries.key(number)) || take(&mut self.blobs_left);
        let Some(blob) = self.entries.blob(number).filter(|_| left) else {
            return built(404, &[], Bytes::new());
        };
        let range = request.headers().get("x-ms-range").and_then(|range| range.to_str().ok()?.strip_prefix("bytes="));
        let Some((first, last)) = range.and_then(|range| range.split_once('-')) else {
            return built(200, &[("x-ms-blob-type", "BlockBlob")], blob.clone());
        };
        let first: usize = first.parse().unwrap();
        let end = last.parse().map_or(blob.len(), |last: usize| blob.len().min(last + 1));
        let content_range = format!("bytes {first}-{}/{}", end - 1, blob.len());
        built(206, &[("x-ms-blob-type", "BlockBlob"), ("content-range", &content_range)], blob.slice(first..end))
    }
}

fn is_index(key: &str) -> bool {
    key.starts_with("index-")
}

/// Takes one from what is left. Nothing is counted unless a test asks for it.
fn take(left: &mut Option<usize>) -> bool {
    match left {
        None => true,
        Some(0) => false,
        Some(left) => {
            *left -= 1;
            true
        }
    }
}

fn answer(status: u16, value: &Value) -> Response {
    built(status, &[("content-type", "application/json")], value.to_string().into())
}

fn built(status: u16, headers: &[(&'static str, &str)], body: Bytes) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    for (name, value) in headers {
        response.headers_mut().insert(*name, value.parse().unwrap());
    }
    response
}
