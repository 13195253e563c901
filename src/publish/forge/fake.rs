//! A forge in memory, on which things happen at the worst moment.

use std::cell::RefCell;
use std::collections::VecDeque;

use super::*;

/// What is asked of a forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    List,
    Create,
    Update,
    Delete,
}

/// What happens when the next request of a kind arrives.
pub(super) enum Event {
    /// It fails before anything is done.
    Fails(ForgeError),
    /// It is done, and yet it fails.
    FailsAfterwards(ForgeError),
    /// Somebody else does something just before.
    Meanwhile(fn(&mut Vec<Existing>)),
}

#[derive(Default)]
pub(super) struct FakeForge {
    pub(super) comments: RefCell<Vec<Existing>>,
    pub(super) events: RefCell<VecDeque<(Verb, Event)>>,
    /// Lists leave out comments from this number on, as a copy of the data does that lags behind.
    pub(super) lag: Option<u64>,
}

pub(super) fn us() -> Author {
    Author { login: "us".to_owned(), is_bot: false }
}

impl FakeForge {
    pub(super) fn with(comments: Vec<Existing>, events: Vec<(Verb, Event)>) -> Self {
        Self { comments: RefCell::new(comments), events: RefCell::new(events.into()), lag: None }
    }

    fn request<T>(
        &self,
        verb: Verb,
        act: impl FnOnce(&mut Vec<Existing>) -> Result<T, ForgeError>,
    ) -> Result<T, ForgeError> {
        let mut comments = self.comments.borrow_mut();
        let mut events = self.events.borrow_mut();
        let next = events.iter().position(|(other, _)| *other == verb).and_then(|index| events.remove(index));
        match next {
            Some((_, Event::Fails(error))) => Err(error),
            Some((_, Event::FailsAfterwards(error))) => act(&mut comments).and(Err(error)),
            Some((_, Event::Meanwhile(happen))) => {
                happen(&mut comments);
                act(&mut comments)
            }
            None => act(&mut comments),
        }
    }
}

fn place(comments: &[Existing], id: u64) -> Result<usize, ForgeError> {
    comments.iter().position(|comment| comment.id == id).ok_or_else(|| ForgeError::NotFound("404".to_owned()))
}

pub(super) fn add(comments: &mut Vec<Existing>, body: &str) -> u64 {
    let id = comments.iter().map(|comment| comment.id).max().unwrap_or_default() + 1;
    comments.push(Existing { id, author: us(), body: body.to_owned() });
    id
}

impl Forge for FakeForge {
    async fn list(&self) -> Result<Listing, ForgeError> {
        let seen = |comment: &&Existing| self.lag.is_none_or(|lag| comment.id < lag);
        let list = |comments: &mut Vec<Existing>| Ok(comments.iter().filter(seen).cloned().collect());
        Ok(Listing { ours: Ours::Login(us().login), comments: self.request(Verb::List, list)? })
    }

    async fn create(&self, body: &str) -> Result<u64, ForgeError> {
        self.request(Verb::Create, |comments| Ok(add(comments, body)))
    }

    async fn update(&self, id: u64, body: &str) -> Result<(), ForgeError> {
        self.request(Verb::Update, |comments| {
            let index = place(comments, id)?;
            comments[index].body = body.to_owned();
            Ok(())
        })
    }

    async fn delete(&self, id: u64) -> Result<(), ForgeError> {
        self.request(Verb::Delete, |comments| place(comments, id).map(|index| drop(comments.remove(index))))
    }
}
