//! The key `comment`: when a change request gets a comment.

use super::format::Words;

/// The values of the key and of the option.
pub(super) const MODES: Words = Words { list: &CommentMode::WORDS, expected: "auto, always or never" };

/// When a change request gets a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CommentMode {
    /// When there is something to say, or an earlier comment to be put right.
    #[default]
    Auto,
    /// In every run, and a comment that cannot be published fails it.
    Always,
    /// In none.
    Never,
}

impl CommentMode {
    /// How they are written.
    pub const WORDS: [&str; 3] = ["auto", "always", "never"];
}

impl std::str::FromStr for CommentMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "always" => Ok(Self::Always),
            "never" => Ok(Self::Never),
            _ => Err(format!("expected {}", MODES.expected)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_a_mode_and_no_other() {
        for word in MODES.list {
            assert!(word.parse::<CommentMode>().is_ok(), "{word}");
        }
        assert_eq!("Auto".parse::<CommentMode>(), Err("expected auto, always or never".to_owned()));
    }
}
