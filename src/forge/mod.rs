//! What all clients of forges share: the token, why a forge did not do something, how long it is asked again; and the
//! part of GitHub's interfaces that is not about comments.

pub mod actions;
pub mod artifact;
mod error;
mod github;
mod patience;
pub mod pulls;
mod request;
pub mod results;
mod token;

pub use error::ForgeError;
pub(crate) use error::{Advice, message};
pub(crate) use github::API_VERSION;
pub use github::{Repository, Rest, TOKEN_ADVICE, TOKEN_VARIABLES, is_enterprise_server};
pub(crate) use patience::Waits;
pub use token::Token;
