//! The token of a forge, which nobody may see.

use std::fmt;

use anyhow::{Result, ensure};
use reqwest::header::HeaderValue;

use crate::env::Env;

/// A token. It shows itself as nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A token without the white space that a variable may have brought along.
    ///
    /// # Errors
    /// When it cannot be one, because no header may hold it.
    pub fn new(text: &str) -> Result<Self> {
        let token = text.trim();
        let is_visible = token.bytes().all(|byte| byte.is_ascii_graphic());
        ensure!(is_visible && !token.is_empty(), "the token is empty, or holds characters that no token has");
        Ok(Self(token.to_owned()))
    }

    /// The token in the first of these variables that is set.
    ///
    /// # Errors
    /// When none is, which the advice is added to, or it cannot be a token.
    pub fn find(env: &Env, variables: &[&str], advice: &str) -> Result<Self, String> {
        let named = variables.iter().find_map(|name| Some((name, env.get(name)?)));
        let absent = || format!("{} is not set; {advice}", variables.last().unwrap_or(&""));
        let (name, token) = named.ok_or_else(absent)?;
        Self::new(token).map_err(|error| format!("{name}: {error}"))
    }

    /// For the client that sends it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// For a header that does not show itself either.
    pub(crate) fn header(&self) -> Result<HeaderValue> {
        let mut value = HeaderValue::from_str(&self.0)?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// A text without this token.
    pub(crate) fn scrub(&self, text: &str) -> String {
        text.replace(&self.0, "***")
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_shows_itself_nowhere_and_is_fit_for_a_header() {
        let token = Token::new(" hunter22\n").unwrap();
        assert_eq!(token.expose(), "hunter22");
        assert_eq!(format!("{token:?} {:?}", token.header().unwrap()), "Token(***) Sensitive");
        for text in ["", " \n", "a b", "a\nb", "ü", "a\u{7f}"] {
            let error = Token::new(text).unwrap_err().to_string();
            assert!(text.trim().is_empty() || !error.contains(text.trim()), "{error}");
        }
    }
}
