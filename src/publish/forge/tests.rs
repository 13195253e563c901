use std::time::Duration;

use tokio::time::Instant;

use super::fake::{Event, FakeForge, Verb, add, us};
use super::*;
use crate::patience::Spread;
use crate::publish::comment::Marker;

fn comment(run: u64, text: &str) -> Comment {
    Comment::new(Marker::new("shop", Some("abcdef0123"), run), text)
}

fn there(id: u64, run: u64, text: &str) -> Existing {
    Existing { id, author: us(), body: comment(run, text).body().to_owned() }
}

fn unavailable() -> ForgeError {
    ForgeError::unreachable("HTTP 502".to_owned())
}

fn throttled(seconds: Option<u64>) -> ForgeError {
    ForgeError::Throttled { after: seconds.map(Duration::from_secs), message: "HTTP 429".to_owned() }
}

fn denied() -> ForgeError {
    ForgeError::Denied { advice: "add the permission", message: "HTTP 403".to_owned() }
}

/// Publishes as run 5 and tells the outcome, the comments afterwards, and the seconds that it took.
async fn publish(forge: &FakeForge, calm: Calm) -> (String, Vec<(u64, String)>, u64) {
    let start = Instant::now();
    let patience = Patience { spread: Spread::None, ..Patience::default() };
    let outcome = upsert(forge, &comment(5, "new"), calm, patience).await;
    let outcome = outcome.map_or_else(|error| error.to_string(), |published| format!("{published:?}"));
    let text = |body: &str| body.lines().nth(1).unwrap_or_default().to_owned();
    let comments = forge.comments.borrow().iter().map(|comment| (comment.id, text(&comment.body))).collect();
    (outcome, comments, start.elapsed().as_secs())
}

fn race(comments: &mut Vec<Existing>) {
    add(comments, comment(4, "of the other run").body());
}

fn later_race(comments: &mut Vec<Existing>) {
    add(comments, comment(6, "of a later run").body());
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_there_is_one_comment_in_the_end() {
    use Event::{Fails, FailsAfterwards, Meanwhile};
    use Verb::{Create, Delete, List, Update};
    let old = || vec![there(3, 4, "old")];
    for (situation, comments, events, expected) in [
        ("nothing is there", vec![], vec![], ("Created(1)", vec![(1, "new")], 0)),
        ("an earlier one is there", old(), vec![], ("Updated(3)", vec![(3, "new")], 0)),
        ("this run was here", vec![there(3, 5, "new")], vec![], ("Unchanged(3)", vec![(3, "new")], 0)),
        (
            "a later run was here",
            vec![there(3, 6, "newer")],
            vec![],
            ("Superseded(\"abcdef0\")", vec![(3, "newer")], 0),
        ),
        ("create fails", vec![], vec![(Create, Fails(unavailable()))], ("Created(1)", vec![(1, "new")], 1)),
        (
            "create fails and was done",
            vec![],
            vec![(Create, FailsAfterwards(unavailable()))],
            ("Unchanged(1)", vec![(1, "new")], 1),
        ),
        (
            "create is throttled twice",
            vec![],
            vec![(Create, Fails(throttled(Some(20)))), (Create, Fails(throttled(None)))],
            ("Created(1)", vec![(1, "new")], 80),
        ),
        ("list fails", old(), vec![(List, Fails(unavailable()))], ("Updated(3)", vec![(3, "new")], 1)),
        ("update fails", old(), vec![(Update, Fails(unavailable()))], ("Updated(3)", vec![(3, "new")], 1)),
        (
            "update fails and was done",
            old(),
            vec![(Update, FailsAfterwards(unavailable()))],
            ("Unchanged(3)", vec![(3, "new")], 1),
        ),
        (
            "the comment is deleted meanwhile",
            old(),
            vec![(Update, Meanwhile(Vec::clear))],
            ("Created(1)", vec![(1, "new")], 0),
        ),
        ("another run creates meanwhile", vec![], vec![(Create, Meanwhile(race))], ("Updated(1)", vec![(1, "new")], 0)),
        (
            "a later run creates meanwhile",
            vec![],
            vec![(Create, Meanwhile(later_race))],
            ("Superseded(\"abcdef0\")", vec![(1, "of a later run")], 0),
        ),
        (
            "the other run repairs it as well",
            vec![],
            vec![(Create, Meanwhile(race)), (Delete, Meanwhile(|comments| comments.truncate(1)))],
            ("Updated(1)", vec![(1, "new")], 0),
        ),
    ] {
        let forge = FakeForge::with(comments, events);
        let (outcome, left, seconds) = publish(&forge, Calm::Speak("")).await;
        let (expected, comments, waited) = expected;
        let comments: Vec<_> = comments.into_iter().map(|(id, text)| (id, text.to_owned())).collect();
        assert_eq!((outcome.as_str(), left, seconds), (expected, comments, waited), "{situation}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_lags_behind_does_not_make_a_second_comment() {
    let forge = FakeForge { lag: Some(1), ..FakeForge::default() };
    assert_eq!(publish(&forge, Calm::Speak("")).await, ("Created(1)".to_owned(), vec![(1, "new".to_owned())], 0));
}

#[tokio::test(start_paused = true)]
async fn who_has_nothing_to_say_only_puts_right_what_was_said() {
    let silent = FakeForge::default();
    assert_eq!(publish(&silent, Calm::Correct).await, ("NotNeeded".to_owned(), vec![], 0));
    let spoken = FakeForge::with(vec![there(3, 4, "old")], vec![]);
    assert_eq!(publish(&spoken, Calm::Correct).await, ("Updated(3)".to_owned(), vec![(3, "new".to_owned())], 0));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_pass_is_given_up_in_time() {
    for (situation, errors, expected, waited) in [
        ("denied", vec![denied()], "not allowed to (HTTP 403); add the permission", 0),
        ("down", vec![unavailable(); 9], "not reached (HTTP 502)", 31),
        ("throttled for long", vec![throttled(Some(3_600))], "too many requests (HTTP 429)", 0),
        ("throttled for ever", vec![throttled(None); 9], "too many requests (HTTP 429)", 120),
    ] {
        let events = errors.into_iter().map(|error| (Verb::Create, Event::Fails(error))).collect();
        let forge = FakeForge::with(vec![], events);
        let outcome = publish(&forge, Calm::Speak("")).await;
        assert_eq!(outcome, (expected.to_owned(), vec![], waited), "{situation}");
    }
}
