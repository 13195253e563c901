//! A change request with its comments, as a forge keeps it, and what goes wrong with it.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::artifacts::Actions;

pub(crate) const TOKEN: &str = "token-that-nobody-may-see";

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    List,
    Create,
    Update,
    Delete,
    /// Who the token belongs to.
    Identify,
    /// At anything but comments.
    Look,
}

/// What happens at the next request of a kind.
pub(crate) enum Trouble {
    /// It is refused, and nothing is done.
    Before(Reply),
    /// It is done, and the answer is lost.
    After(Reply),
    /// Somebody else is a moment faster.
    Meanwhile(fn(&mut Model)),
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn of(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body }
    }

    pub(crate) fn error(status: u16, message: &str) -> Self {
        Self::of(status, json!({ "message": message }))
    }

    pub(crate) fn with(mut self, header: &'static str, value: impl ToString) -> Self {
        self.headers.push((header, value.to_string()));
        self
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Comment {
    pub(crate) id: u64,
    pub(crate) author: String,
    pub(crate) body: String,
}

pub(crate) struct Model {
    /// The account of the token.
    pub(crate) us: &'static str,
    pub(crate) number: u64,
    pub(crate) comments: Vec<Comment>,
    pub(crate) is_read_only: bool,
    pub(crate) is_locked: bool,
    pub(crate) troubles: VecDeque<(Verb, Trouble)>,
    /// What is not a comment.
    pub(crate) actions: Actions,
    last_id: u64,
}

impl Model {
    pub(crate) fn new(us: &'static str) -> Self {
        Self {
            us,
            number: 7,
            comments: Vec::new(),
            is_read_only: false,
            is_locked: false,
            troubles: VecDeque::new(),
            actions: Actions::default(),
            last_id: 1_000,
        }
    }

    pub(crate) fn write(&mut self, author: &str, body: &str) -> u64 {
        self.last_id += 1;
        self.comments.push(Comment { id: self.last_id, author: author.to_owned(), body: body.to_owned() });
        self.last_id
    }

    /// Those that start with a marker and are written by us: second line, the text.
    pub(crate) fn ours(&self) -> Vec<&str> {
        let own = self.comments.iter().filter(|comment| comment.author == self.us);
        let marked = own.filter(|comment| comment.body.starts_with("<!-- weighbridge:"));
        marked.map(|comment| comment.body.lines().nth(1).unwrap_or_default()).collect()
    }

    /// Answers a request, with whatever happens at it.
    pub(crate) fn serve(&mut self, verb: Verb, token: Option<&str>, act: impl FnOnce(&mut Self) -> Reply) -> Reply {
        let index = self.troubles.iter().position(|(other, _)| *other == verb);
        match index.and_then(|index| self.troubles.remove(index)) {
            Some((_, Trouble::Before(reply))) => reply,
            Some((_, Trouble::After(reply))) => {
                self.allowed(verb, token, act);
                reply
            }
            Some((_, Trouble::Meanwhile(happen))) => {
                happen(self);
                self.allowed(verb, token, act)
            }
            None => self.allowed(verb, token, act),
        }
    }

    fn allowed(&mut self, verb: Verb, token: Option<&str>, act: impl FnOnce(&mut Self) -> Reply) -> Reply {
        let writes = matches!(verb, Verb::Create | Verb::Update | Verb::Delete);
        match () {
            () if token != Some(TOKEN) => Reply::error(401, "Bad credentials"),
            () if writes && self.is_read_only => Reply::error(403, "Resource not accessible by integration"),
            () if writes && self.is_locked => Reply::error(403, "Unable to create comment because issue is locked."),
            () => act(self),
        }
    }

    /// One page of the comments, and whether another one follows.
    pub(crate) fn page(&self, page: usize, per_page: usize) -> (&[Comment], bool) {
        let pages: Vec<&[Comment]> = self.comments.chunks(per_page.min(100)).collect();
        (pages.get(page - 1).copied().unwrap_or_default(), page < pages.len())
    }

    pub(crate) fn update(&mut self, id: u64, body: &str) -> Option<()> {
        self.comments.iter_mut().find(|comment| comment.id == id)?.body = body.to_owned();
        Some(())
    }

    pub(crate) fn delete(&mut self, id: u64) -> Option<()> {
        let index = self.comments.iter().position(|comment| comment.id == id)?;
        self.comments.remove(index);
        Some(())
    }
}
