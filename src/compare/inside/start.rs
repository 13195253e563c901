//! Whether a container starts, before and after.

use crate::report::contents::{StartCheck, Starts};

/// Whether a container starts, on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start<'a> {
    /// In the baseline; `None` where it is not known.
    pub base: Option<&'a StartCheck>,
    /// In this run.
    pub head: &'a StartCheck,
    /// Whether the image is not in the baseline.
    pub is_new: bool,
}

impl Start<'_> {
    /// Whether it will not start.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.head.verdict == Starts::No
    }

    /// Whether it will not start, and that is this run's doing.
    #[must_use]
    pub fn is_newly_broken(&self) -> bool {
        self.is_broken() && (self.is_new || self.base.is_some_and(|base| base.verdict != Starts::No))
    }

    /// Whether another verdict was given.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.base.is_some_and(|base| base.verdict != self.head.verdict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_will_not_start_is_news_only_where_it_may_have_started() {
        let check = |verdict| StartCheck { verdict, findings: vec![] };
        let (yes, unknown, no) = (check(Starts::Yes), check(Starts::CannotTell), check(Starts::No));
        for (base, head, is_new, expected) in [
            (Some(&yes), &no, false, true),
            (Some(&unknown), &no, false, true),
            (Some(&no), &no, false, false),
            (None, &no, false, false),
            (None, &no, true, true),
            (Some(&yes), &unknown, false, false),
            (None, &yes, true, false),
        ] {
            assert_eq!(Start { base, head, is_new }.is_newly_broken(), expected, "{base:?} {head:?} {is_new}");
        }
    }
}
