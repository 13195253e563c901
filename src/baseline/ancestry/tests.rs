use std::collections::BTreeMap;

use serde_json::{Value, json};
use wiremock::matchers::{header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::baseline::fake::sha;

/// A forge that answers what a test tells it to.
pub(in crate::baseline) struct FakeForge {
    server: MockServer,
    variables: BTreeMap<String, String>,
}

impl FakeForge {
    pub(in crate::baseline) async fn github() -> Self {
        let server = MockServer::start().await;
        let url = format!("{}/api/v3", server.uri());
        let variables = [
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_API_URL", &url),
            ("GITHUB_REPOSITORY", "acme/shop"),
            ("GITHUB_TOKEN", "hunter22"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Self { server, variables }
    }

    pub(in crate::baseline) async fn gitlab() -> Self {
        let server = MockServer::start().await;
        let url = format!("{}/api/v4", server.uri());
        let variables =
            [("GITLAB_CI", "true"), ("CI_API_V4_URL", &url), ("CI_PROJECT_ID", "42"), ("GITLAB_TOKEN", "hunter22")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Self { server, variables }
    }

    /// Answers this path and these parameters.
    pub(in crate::baseline) async fn answers(&self, place: &str, query: &[(&str, &str)], answer: ResponseTemplate) {
        let is_github = self.variables.contains_key("GITHUB_ACTIONS");
        let (root, name, token) = match is_github {
            true => ("/api/v3/repos/acme/shop/", "authorization", "Bearer hunter22"),
            false => ("/api/v4/projects/42/repository/", "private-token", "hunter22"),
        };
        let mock = Mock::given(method("GET")).and(path(format!("{root}{place}"))).and(header(name, token));
        let mock = query.iter().fold(mock, |mock, (name, value)| mock.and(query_param(*name, *value)));
        mock.respond_with(answer).mount(&self.server).await;
    }

    pub(in crate::baseline) fn ancestry(&self) -> Ancestry {
        let env = Env { variables: self.variables.clone(), ..Env::default() };
        Ancestry::of(&env, &Context::detect(&env)).unwrap()
    }
}

pub(in crate::baseline) fn ok(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

fn told(result: Result<Option<String>>) -> String {
    result.map_or_else(|error| format!("{error:#}"), |found| found.unwrap_or_else(|| "none".to_owned()))
}

#[tokio::test]
async fn github_tells_the_merge_base_and_the_line_of_first_parents() {
    let forge = FakeForge::github().await;
    let compared = json!({"merge_base_commit": {"sha": sha("b")}, "files": []});
    forge.answers(&format!("compare/release%2F1...{}", sha("a")), &[("per_page", "1")], ok(&compared)).await;
    let commit = |name: &str, parents: &[&str]| json!({"sha": sha(name), "parents": parents.iter().map(|name| json!({"sha": sha(name)})).collect::<Vec<_>>()});
    // `d` was merged into `a`.
    let list = json!([commit("a", &["b", "d"]), commit("d", &["c"]), commit("b", &["c"]), commit("c", &["e"])]);
    forge.answers("commits", &[("sha", &sha("a")), ("per_page", "100")], ok(&list)).await;
    let ancestry = forge.ancestry();
    assert_eq!(told(ancestry.merge_base("release/1", &sha("a")).await), sha("b"));
    assert_eq!(ancestry.first_parents(&sha("a"), 50).await.unwrap(), ["a", "b", "c"].map(sha));
    assert_eq!(ancestry.first_parents(&sha("a"), 2).await.unwrap(), ["a", "b"].map(sha));
    assert_eq!(told(ancestry.merge_base("gone", &sha("a")).await), "none");
    assert_eq!(ancestry.first_parents(&sha("f"), 50).await.unwrap(), [""; 0]);
    assert!(!format!("{ancestry:?}").contains("hunter22"));
}

#[tokio::test]
async fn gitlab_tells_them_in_its_own_words() {
    let forge = FakeForge::gitlab().await;
    forge.answers("merge_base", &[("refs[]", "main")], ok(&json!({"id": sha("b"), "title": "x"}))).await;
    let list = json!([{"id": sha("a"), "parent_ids": [sha("b"), sha("d")]}, {"id": sha("b"), "parent_ids": []}]);
    forge.answers("commits", &[("ref_name", &sha("a")), ("first_parent", "true")], ok(&list)).await;
    let ancestry = forge.ancestry();
    assert_eq!(told(ancestry.merge_base("main", &sha("a")).await), sha("b"));
    assert_eq!(ancestry.first_parents(&sha("a"), 50).await.unwrap(), ["a", "b"].map(sha));
}

#[tokio::test]
async fn what_a_forge_says_is_not_believed_blindly() {
    for (answer, expected) in [
        (ResponseTemplate::new(403), "HTTP 403"),
        (ResponseTemplate::new(502), "HTTP 502"),
        (ok(&json!({"merge_base_commit": {"sha": "--upload-pack=x"}})), "\"--upload-pack=x\" is no commit"),
        (ok(&json!([])), "the answer is not what the interface promises"),
        (ResponseTemplate::new(200).set_body_string("<html>"), "the answer is not what the interface promises"),
    ] {
        let forge = FakeForge::github().await;
        forge.answers(&format!("compare/main...{}", sha("a")), &[], answer).await;
        let told = told(forge.ancestry().merge_base("main", &sha("a")).await);
        assert!(told.starts_with(expected), "{told}");
    }
    // A circle must not be followed for ever.
    let forge = FakeForge::github().await;
    let circle = json!([{"sha": sha("a"), "parents": [{"sha": sha("a")}]}]);
    forge.answers("commits", &[], ok(&circle)).await;
    assert_eq!(forge.ancestry().first_parents(&sha("a"), 50).await.unwrap().len(), 50);
}

#[test]
fn nobody_is_asked_outside_of_jobs_or_without_a_token() {
    for (variables, expected) in [
        (&[][..], None),
        (&[("GITHUB_ACTIONS", "true"), ("GITHUB_REPOSITORY", "a/b")], None),
        (&[("GITHUB_ACTIONS", "true"), ("GITHUB_TOKEN", "x")], None),
        (&[("GITHUB_ACTIONS", "true"), ("GITHUB_REPOSITORY", "a/b"), ("GITHUB_TOKEN", "two\nlines")], None),
        (
            &[("GITHUB_ACTIONS", "true"), ("GITHUB_REPOSITORY", "a/b"), ("INPUT_GITHUB-TOKEN", "x")],
            Some("https://api.github.com/repos/a/b"),
        ),
        (&[("GITLAB_CI", "true"), ("CI_API_V4_URL", "https://g.test/api/v4"), ("CI_PROJECT_ID", "1")], None),
        (
            &[
                ("GITLAB_CI", "true"),
                ("CI_API_V4_URL", "https://g.test/api/v4"),
                ("CI_PROJECT_ID", "1"),
                ("CI_MERGE_REQUEST_PROJECT_ID", "2"),
                ("GITLAB_TOKEN", "x"),
            ],
            Some("https://g.test/api/v4/projects/2/repository"),
        ),
    ] {
        let variables = variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let env = Env { variables, ..Env::default() };
        let ancestry = Ancestry::of(&env, &Context::detect(&env));
        assert_eq!(ancestry.as_ref().map(|ancestry| ancestry.root.as_str()), expected);
    }
}
