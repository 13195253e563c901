//! The comment on forges that have a model behind them: what counts is what is there in the end.

mod run;
mod situations;

use std::time::{Duration, Instant};

use weighbridge::env::Env;
use weighbridge::http;
use weighbridge::publish::calm::Calm;
use weighbridge::publish::comment::{Comment, Marker};
use weighbridge::publish::forge::github::{Github, PullRequest};
use weighbridge::publish::forge::gitlab::{Gitlab, MergeRequest};
use weighbridge::publish::forge::{ForgeError, Patience, Published, Token, upsert};

use crate::forge_server::model::{Model, Reply, TOKEN, Trouble, Verb};
use crate::forge_server::{KINDS, Kind, Server};

fn comment(run: u64, text: &str) -> Comment {
    Comment::new(Marker::new("shop", Some("abcdef0123"), run), text)
}

/// Publishes with a client of its own, as every run has one.
async fn publish(server: &Server, run: u64, text: &str) -> Result<Published, ForgeError> {
    publish_with(server, TOKEN, run, text).await
}

async fn publish_with(server: &Server, token: &str, run: u64, text: &str) -> Result<Published, ForgeError> {
    let (client, token) = (http::client(&Env::default()).unwrap(), Token::new(token).unwrap());
    let comment = comment(run, text);
    let patience = Patience { first: Duration::from_millis(10), ..Patience::default() };
    let api_url = server.api_url();
    if server.kind == Kind::Gitlab {
        let forge = Gitlab::new(&client, &MergeRequest { api_url, project: 42, number: 7 }, token);
        assert!(!format!("{forge:?}").contains(TOKEN));
        return upsert(&forge, &comment, Calm::Speak(""), patience).await;
    }
    let graphql_url = server.graphql_url();
    let place = PullRequest { api_url, graphql_url, repository: "acme/shop".to_owned(), number: 7 };
    let forge = Github::new(&client, &place, token).unwrap();
    assert!(!format!("{forge:?}").contains(TOKEN));
    upsert(&forge, &comment, Calm::Speak(""), patience).await
}

#[tokio::test]
async fn a_comment_is_made_once_and_changed_from_then_on() {
    for kind in KINDS {
        let server = Server::start(kind).await;
        server.model().write("ann", "What does this do?");
        assert!(matches!(publish(&server, 5, "one").await, Ok(Published::Created(_))), "{kind:?}");
        server.model().write("ann", "I see.");
        assert!(matches!(publish(&server, 6, "two").await, Ok(Published::Updated(_))), "{kind:?}");
        assert!(matches!(publish(&server, 6, "two").await, Ok(Published::Unchanged(_))), "{kind:?}");
        assert_eq!(publish(&server, 5, "one").await, Ok(Published::Superseded("abcdef0".to_owned())), "{kind:?}");
        let model = server.model();
        assert_eq!(model.ours(), ["two"], "{kind:?}");
        assert_eq!(model.comments.len(), 3, "{kind:?}");
    }
}

#[tokio::test]
async fn a_comment_is_found_among_hundreds() {
    for kind in KINDS {
        let server = Server::start(kind).await;
        for index in 0..250 {
            server.model().write("ann", &format!("remark {index}"));
        }
        publish(&server, 5, "one").await.unwrap();
        for _ in 0..60 {
            server.model().write("ann", "more");
        }
        publish(&server, 6, "two").await.unwrap();
        let model = server.model();
        assert_eq!((model.ours(), model.comments.len()), (vec!["two"], 311), "{kind:?}");
    }
}

#[tokio::test]
async fn what_others_write_under_our_marker_stays_theirs() {
    for kind in KINDS {
        let server = Server::start(kind).await;
        let authors = ["eve", "another-app[bot]", "github-actions", "project_5"];
        for author in authors {
            server.model().write(author, comment(u64::MAX, "forged").body());
        }
        publish(&server, 5, "one").await.unwrap();
        let model = server.model();
        assert_eq!(model.ours(), ["one"], "{kind:?}");
        assert_eq!(model.comments.iter().filter(|comment| comment.body.ends_with("forged")).count(), 4, "{kind:?}");
    }
}

fn earlier_run(model: &mut Model) {
    model.write(model.us, comment(3, "old").body());
}

fn other_run(model: &mut Model) {
    model.write(model.us, comment(4, "of the other run").body());
}

fn later_run(model: &mut Model) {
    model.write(model.us, comment(6, "of a later run").body());
}

fn all_gone(model: &mut Model) {
    model.comments.clear();
}

#[tokio::test]
async fn accidents_end_with_one_comment_that_says_the_latest() {
    use Trouble::{After, Before, Meanwhile};
    let broken = |status| Reply::error(status, "we are working on it");
    let busy = || Reply::error(403, "You have exceeded a secondary rate limit").with("retry-after", 1);
    for kind in KINDS {
        for (situation, is_there, verb, trouble, expected) in [
            ("another run is faster", false, Verb::Create, Meanwhile(other_run), "new"),
            ("a later run is faster", false, Verb::Create, Meanwhile(later_run), "of a later run"),
            ("gone between list and update", true, Verb::Update, Meanwhile(all_gone), "new"),
            ("list breaks", true, Verb::List, Before(broken(500)), "new"),
            ("create breaks", false, Verb::Create, Before(broken(502)), "new"),
            ("create breaks after it was done", false, Verb::Create, After(broken(504)), "new"),
            ("create answers with nonsense", false, Verb::Create, After(Reply::of(201, "<html>".into())), "new"),
            ("update breaks", true, Verb::Update, Before(broken(503)), "new"),
            ("update breaks after it was done", true, Verb::Update, After(broken(500)), "new"),
            ("who we are is not told at once", true, Verb::Identify, Before(broken(502)), "new"),
            ("too many requests", false, Verb::Create, Before(busy()), "new"),
        ] {
            let server = Server::start(kind).await;
            if is_there {
                earlier_run(&mut server.model());
            }
            server.model().troubles.push_back((verb, trouble));
            publish(&server, 5, "new").await.unwrap_or_else(|error| panic!("{kind:?}: {situation}: {error}"));
            let model = server.model();
            assert_eq!(model.ours(), [expected], "{kind:?}: {situation}");
            assert!(model.troubles.is_empty(), "{kind:?}: {situation}");
        }
    }
}

#[tokio::test]
async fn a_duplicate_of_old_is_repaired_even_if_deleting_it_breaks_once() {
    for kind in KINDS {
        let server = Server::start(kind).await;
        other_run(&mut server.model());
        other_run(&mut server.model());
        let reply = Reply::error(500, "oops");
        server.model().troubles.push_back((Verb::Delete, Trouble::After(reply)));
        publish(&server, 5, "new").await.unwrap();
        assert_eq!(server.model().ours(), ["new"], "{kind:?}");
    }
}

#[tokio::test]
async fn runs_at_the_same_time_leave_one_comment() {
    for kind in KINDS {
        let server = Server::start(kind).await;
        let texts = ["1", "2", "3", "4"];
        let runs = texts.iter().zip(1..).map(|(text, run)| publish(&server, run, text));
        for outcome in futures_util::future::join_all(runs).await {
            outcome.unwrap();
        }
        assert_eq!(server.model().ours().len(), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn a_forge_that_asks_for_a_pause_gets_it_and_one_that_asks_for_an_hour_does_not() {
    for kind in KINDS {
        let server = Server::start(kind).await;
        let pause = Reply::error(429, "Retry later").with("retry-after", 1);
        server.model().troubles.push_back((Verb::List, Trouble::Before(pause)));
        let start = Instant::now();
        publish(&server, 5, "new").await.unwrap();
        assert!(start.elapsed() >= Duration::from_secs(1), "{kind:?}");

        let hour = Reply::error(429, "Retry later").with("retry-after", 3_600);
        server.model().troubles.push_back((Verb::List, Trouble::Before(hour)));
        let error = publish(&server, 6, "newer").await.unwrap_err();
        assert_eq!(error.to_string(), "too many requests (HTTP 429: Retry later)", "{kind:?}");
        assert_eq!(server.model().ours(), ["new"], "{kind:?}");
    }
}

#[tokio::test]
async fn what_is_not_allowed_says_what_would_allow_it() {
    for kind in KINDS {
        let scope = if kind == Kind::Gitlab { "scope `api`" } else { "`permissions: pull-requests: write`" };
        for (situation, token, change, advice) in [
            ("read only", TOKEN, (|model| model.is_read_only = true) as fn(&mut Model), scope),
            ("locked", TOKEN, |model| model.is_locked = true, "locked"),
            ("a bad token", "expired-token", |_| (), "not valid any more"),
            ("no such change request", TOKEN, |model| model.number = 8, scope),
        ] {
            let server = Server::start(kind).await;
            change(&mut server.model());
            let error = publish_with(&server, token, 5, "new").await.unwrap_err();
            assert!(matches!(error, ForgeError::Denied { .. }), "{kind:?}: {situation}: {error:?}");
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(advice) && !shown.contains(token), "{kind:?}: {situation}: {shown}");
            assert_eq!(server.model().comments, [], "{kind:?}: {situation}");
        }
    }
}

#[tokio::test]
async fn a_comment_that_the_forge_does_not_accept_is_not_sent_again() {
    for kind in KINDS {
        let server = Server::start(kind).await;
        let reply = Reply::error(422, "Validation Failed: body is too long");
        server.model().troubles.push_back((Verb::Create, Trouble::Before(reply)));
        let error = publish(&server, 5, "new").await.unwrap_err();
        assert!(error.to_string().contains("body is too long"), "{kind:?}: {error}");
        assert_eq!(server.model().comments, [], "{kind:?}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_tell_who_we_are_still_has_one_comment() {
    let server = Server::start(Kind::GithubEnterprise).await;
    for run in 1..4 {
        let reply = Reply::error(403, "Resource not accessible by integration");
        server.model().troubles.push_back((Verb::Identify, Trouble::Before(reply)));
        publish(&server, run, &run.to_string()).await.unwrap();
    }
    assert_eq!(server.model().ours(), ["3"]);
}

#[tokio::test]
async fn a_forge_that_is_not_there_is_given_up() {
    let client = http::client(&Env::default()).unwrap();
    let api_url = "http://127.0.0.1:9/api/v4".to_owned();
    let forge = Gitlab::new(&client, &MergeRequest { api_url, project: 42, number: 7 }, Token::new(TOKEN).unwrap());
    let patience = Patience { first: Duration::from_millis(1), ..Patience::default() };
    let error = upsert(&forge, &comment(1, "new"), Calm::Speak(""), patience).await.unwrap_err();
    assert!(error.to_string().starts_with("not reached (Connection refused"), "{error}");
}
