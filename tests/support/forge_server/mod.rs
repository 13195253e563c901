//! The interfaces of the forges over the model, as much of them as a comment needs.

pub(crate) mod artifacts;
pub(crate) mod model;

use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers};

use model::{Comment, Model, Reply, Verb};

/// Which interface is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Github,
    /// On a server of one's own, where the interfaces have other paths.
    GithubEnterprise,
    Gitlab,
}

pub(crate) const KINDS: [Kind; 3] = [Kind::Github, Kind::GithubEnterprise, Kind::Gitlab];

pub(crate) struct Server {
    pub(crate) kind: Kind,
    server: MockServer,
    /// Where the content of artifacts is.
    blobs: MockServer,
    model: Arc<Mutex<Model>>,
}

struct Routes {
    kind: Kind,
    root: String,
    blobs: String,
    model: Arc<Mutex<Model>>,
}

impl Server {
    pub(crate) async fn start(kind: Kind) -> Self {
        let us = if kind == Kind::Gitlab { "project_5_bot" } else { "github-actions[bot]" };
        let (server, model) = (MockServer::start().await, Arc::new(Mutex::new(Model::new(us))));
        let blobs = MockServer::start().await;
        let routes = Routes { kind, root: server.uri(), blobs: blobs.uri(), model: Arc::clone(&model) };
        Mock::given(matchers::any()).respond_with(routes).mount(&server).await;
        Mock::given(matchers::any()).respond_with(artifacts::Blobs(Arc::clone(&model))).mount(&blobs).await;
        Self { kind, server, blobs, model }
    }

    pub(crate) fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap()
    }

    pub(crate) fn api_url(&self) -> String {
        format!("{}{}", self.server.uri(), prefix(self.kind))
    }

    /// The service that keeps the artifacts of a run.
    pub(crate) fn results_url(&self) -> String {
        format!("{}/", self.server.uri())
    }

    /// What the store of blobs was asked.
    pub(crate) async fn blob_requests(&self) -> Vec<Request> {
        self.blobs.received_requests().await.unwrap()
    }

    pub(crate) fn graphql_url(&self) -> String {
        format!("{}{}", self.server.uri(), graphql(self.kind))
    }
}

const SERVICE: &str = "/twirp/github.actions.results.api.v1.ArtifactService/";

fn prefix(kind: Kind) -> &'static str {
    match kind {
        Kind::Github => "",
        Kind::GithubEnterprise => "/api/v3",
        Kind::Gitlab => "/api/v4",
    }
}

fn graphql(kind: Kind) -> &'static str {
    if kind == Kind::GithubEnterprise { "/api/graphql" } else { "/graphql" }
}

impl Respond for Routes {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let reply = if self.kind == Kind::Gitlab { self.gitlab(request) } else { self.github(request) };
        let reply = reply.unwrap_or_else(|| Reply::error(404, "Not Found"));
        let response = ResponseTemplate::new(reply.status);
        let response = if reply.status == 204 { response } else { response.set_body_json(&reply.body) };
        reply.headers.iter().fold(response, |response, (name, value)| response.insert_header(*name, value.as_str()))
    }
}

/// The number of a query.
fn number(request: &Request, name: &str, default: usize) -> usize {
    let value = request.url.query_pairs().find(|(other, _)| other == name).map(|(_, value)| value.into_owned());
    value.map_or(default, |value| value.parse().unwrap())
}

fn header<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    request.headers.get(name).map(|value| value.to_str().unwrap())
}

fn text(request: &Request) -> String {
    request.body_json::<Value>().unwrap()["body"].as_str().unwrap().to_owned()
}

fn found(changed: Option<()>, status: u16) -> Reply {
    changed.map_or_else(|| Reply::error(404, "Not Found"), |()| Reply::of(status, json!({ "id": 1 })))
}

impl Routes {
    fn github(&self, request: &Request) -> Option<Reply> {
        let mut model = self.model.lock().unwrap();
        let token = header(request, "authorization").and_then(|value| value.strip_prefix("Bearer "));
        if request.url.path() == graphql(self.kind) {
            let viewer = |model: &mut Model| Reply::of(200, json!({ "data": { "viewer": { "login": model.us } } }));
            return Some(model.serve(Verb::Identify, token, viewer));
        }
        if let Some(method) = request.url.path().strip_prefix(SERVICE) {
            return model.actions.service(method, request, &self.blobs);
        }
        assert_eq!(header(request, "x-github-api-version"), Some("2022-11-28"));
        let path = request.url.path().strip_prefix(prefix(self.kind))?.strip_prefix("/repos/acme/shop/")?;
        let Some(path) = path.strip_prefix("issues/") else {
            let act = |model: &mut Model| {
                let reply = model.actions.github(path, request, &self.blobs);
                reply.unwrap_or_else(|| Reply::error(404, "Not Found"))
            };
            return Some(model.serve(Verb::Look, token, act));
        };
        let show = |comment: &Comment| {
            let kind = if comment.author.ends_with("[bot]") { "Bot" } else { "User" };
            json!({ "id": comment.id, "user": { "login": comment.author, "type": kind }, "body": comment.body })
        };
        let of_pull_request = format!("{}/comments", model.number);
        let id = path.strip_prefix("comments/").and_then(|id| id.parse().ok());
        Some(match (request.method.as_str(), id) {
            ("GET", None) if path == of_pull_request => model.serve(Verb::List, token, |model| {
                let page = number(request, "page", 1);
                let (comments, has_next) = model.page(page, number(request, "per_page", 30));
                let reply = Reply::of(200, comments.iter().map(show).collect());
                // The real one gives addresses by other names as well, so these are not to be followed blindly.
                let next = format!("<{}/elsewhere?page={}>; rel=\"next\"", self.root, page + 1);
                if has_next { reply.with("link", next) } else { reply }
            }),
            ("POST", None) if path == of_pull_request => model.serve(Verb::Create, token, |model| {
                let id = model.write(model.us, &text(request));
                Reply::of(201, json!({ "id": id, "html_url": "x" }))
            }),
            ("PATCH", Some(id)) => {
                model.serve(Verb::Update, token, |model| found(model.update(id, &text(request)), 200))
            }
            ("DELETE", Some(id)) => model.serve(Verb::Delete, token, |model| found(model.delete(id), 204)),
            _ => return None,
        })
    }

    fn gitlab(&self, request: &Request) -> Option<Reply> {
        let mut model = self.model.lock().unwrap();
        let token = header(request, "private-token");
        let path = request.url.path().strip_prefix(prefix(self.kind))?;
        if path == "/user" {
            let user = |model: &mut Model| Reply::of(200, json!({ "id": 1, "username": model.us }));
            return Some(model.serve(Verb::Identify, token, user));
        }
        if let Some(path) = path.strip_prefix("/projects/42/repository/") {
            let act = |model: &mut Model| {
                model.actions.gitlab(path, request).unwrap_or_else(|| Reply::error(404, "404 Not Found"))
            };
            return Some(model.serve(Verb::Look, token, act));
        }
        let notes = format!("/projects/42/merge_requests/{}/notes", model.number);
        let rest = path.strip_prefix(&notes)?;
        let show = |comment: &Comment| {
            let author = json!({ "username": comment.author });
            json!({ "id": comment.id, "author": author, "body": comment.body, "system": false })
        };
        let id = rest.strip_prefix('/').and_then(|id| id.parse().ok());
        Some(match (request.method.as_str(), id) {
            ("GET", None) => model.serve(Verb::List, token, |model| {
                let page = number(request, "page", 1);
                let (comments, has_next) = model.page(page, number(request, "per_page", 20));
                let next = if has_next { (page + 1).to_string() } else { String::new() };
                Reply::of(200, comments.iter().map(show).collect()).with("x-next-page", next)
            }),
            ("POST", None) => model.serve(Verb::Create, token, |model| {
                let id = model.write(model.us, text(request).trim());
                Reply::of(201, json!({ "id": id }))
            }),
            ("PUT", Some(id)) => {
                model.serve(Verb::Update, token, |model| found(model.update(id, text(request).trim()), 200))
            }
            ("DELETE", Some(id)) => model.serve(Verb::Delete, token, |model| found(model.delete(id), 204)),
            _ => return None,
        })
    }
}
