//! The comment on a forge: the port [`Forge`], and how one comment is brought there whatever happens meanwhile.
//!
//! No forge changes a comment on a condition, and other runs may write at the same time. So nothing is ever asked
//! again blindly: after every failure, and after a comment was made, everything is looked at anew and decided anew.

#[cfg(test)]
mod fake;
pub mod github;
pub mod gitlab;
pub mod target;
#[cfg(test)]
mod tests;

use std::future::Future;

use super::calm::Calm;
use super::comment::{Action, Author, Comment, Decision, Existing, Ours, decide};
use crate::forge::Waits;

pub use crate::forge::{ForgeError, Token};
pub use crate::patience::Patience;

/// The comments of one change request.
pub trait Forge {
    /// All marked comments ([`Existing::is_marked`]), and which of them can be ours.
    ///
    /// # Errors
    /// [`ForgeError`], of which [`ForgeError::NotFound`] is none: the change request is there.
    fn list(&self) -> impl Future<Output = Result<Listing, ForgeError>>;

    /// Makes a comment and returns its number.
    ///
    /// # Errors
    /// As of [`Self::list`]. After [`ForgeError::Unavailable`] the comment may be there.
    fn create(&self, body: &str) -> impl Future<Output = Result<u64, ForgeError>>;

    /// Replaces the text of a comment.
    ///
    /// # Errors
    /// [`ForgeError`]; [`ForgeError::NotFound`] when the comment is gone.
    fn update(&self, id: u64, body: &str) -> impl Future<Output = Result<(), ForgeError>>;

    /// Deletes a comment.
    ///
    /// # Errors
    /// As of [`Self::update`].
    fn delete(&self, id: u64) -> impl Future<Output = Result<(), ForgeError>>;
}

/// What is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Whose comments are our own.
    pub ours: Ours,
    /// The marked comments.
    pub comments: Vec<Existing>,
}

/// What became of a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Published {
    /// It was made.
    Created(u64),
    /// An earlier one says this now.
    Updated(u64),
    /// It said so already.
    Unchanged(u64),
    /// A run that was started later, of this commit, has written already.
    Superseded(String),
    /// There is nothing to say, and no earlier comment to put right.
    NotNeeded,
}

/// Brings the comment to the forge, once: an earlier one is changed, and what two runs made twice is repaired.
///
/// # Errors
/// When the forge does not do it, or not in time.
pub async fn upsert(
    forge: &impl Forge,
    comment: &Comment,
    calm: Calm,
    patience: Patience,
) -> Result<Published, ForgeError> {
    let mut waits = Waits::from(patience);
    let mut made = None;
    loop {
        match attempt(forge, comment, calm, &mut made).await {
            Ok(Some(published)) => return Ok(published),
            Ok(None) => {}
            Err(error) => match waits.after(&error) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(error),
            },
        }
    }
}

/// Looks, decides and acts. `None` means that a comment was made, and that another run may have done the same.
async fn attempt(
    forge: &impl Forge,
    comment: &Comment,
    calm: Calm,
    made: &mut Option<u64>,
) -> Result<Option<Published>, ForgeError> {
    let mut listing = forge.list().await?;
    if let Some(id) = *made {
        // It is there and ours, even if a copy of the forge's data does not know it yet.
        listing.comments.retain(|existing| existing.id != id);
        listing.comments.push(as_made(id, comment, &listing.ours));
    }
    let Decision { action, duplicates } = decide(&listing.comments, comment, &listing.ours);
    let published = match action {
        Action::Create if !calm.publishes(false) => Published::NotNeeded,
        Action::Create => {
            *made = Some(forge.create(comment.body()).await?);
            return Ok(None);
        }
        Action::Update { id } => {
            forge.update(id, comment.body()).await?;
            Published::Updated(id)
        }
        Action::Keep { id } if *made == Some(id) => Published::Created(id),
        Action::Keep { id } => Published::Unchanged(id),
        Action::Superseded { by } => Published::Superseded(by.short_head()),
    };
    for id in duplicates {
        match forge.delete(id).await {
            Ok(()) | Err(ForgeError::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Some(published))
}

fn as_made(id: u64, comment: &Comment, ours: &Ours) -> Existing {
    let login = if let Ours::Login(login) = ours { login.clone() } else { String::new() };
    Existing { id, author: Author { login, is_bot: true }, body: comment.body().to_owned() }
}
