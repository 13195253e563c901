//! Parts of an answer whose size is bounded while they are read: a scanner repeats what packages say of themselves.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::report::scan::Vulnerability;

/// More vulnerabilities than any image that anybody would run has.
pub(super) const VULNERABILITIES_LIMIT: usize = 50_000;
/// More of a text is not kept: names of packages and advisories are short.
pub(super) const TEXT_LIMIT_CHARS: usize = 300;

/// The beginning of a text; empty where there is `null`.
#[derive(Debug, Default)]
pub(super) struct Short(pub(super) String);

/// The beginning of a text.
pub(super) fn short(text: &str) -> String {
    text.chars().take(TEXT_LIMIT_CHARS).collect()
}

impl<'de> Deserialize<'de> for Short {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Beginning;
        impl Visitor<'_> for Beginning {
            type Value = Short;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Short, E> {
                Ok(Short(short(text)))
            }

            fn visit_unit<E: Error>(self) -> Result<Short, E> {
                Ok(Short::default())
            }
        }
        json.deserialize_any(Beginning)
    }
}

/// A list of at most `LIMIT` items.
#[derive(Debug)]
pub(super) struct Few<T, const LIMIT: usize>(pub(super) Vec<T>);

impl<T, const LIMIT: usize> Default for Few<T, LIMIT> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>, const LIMIT: usize> Deserialize<'de> for Few<T, LIMIT> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        let mut items = Vec::new();
        let keep = |item: T| {
            items.push(item);
            (items.len() <= LIMIT).then_some(()).ok_or_else(|| format!("more than {LIMIT} items in a list"))
        };
        json.deserialize_seq(OneByOne(keep, PhantomData))?;
        Ok(Self(items))
    }
}

/// All vulnerabilities of a list of items, each of which becomes what it tells before the next one is read.
#[derive(Debug)]
pub(super) struct All<T> {
    pub(super) found: Vec<Vulnerability>,
    items: PhantomData<T>,
}

impl<T> Default for All<T> {
    fn default() -> Self {
        Self { found: Vec::new(), items: PhantomData }
    }
}

impl<'de, T: Deserialize<'de> + Into<Vec<Vulnerability>>> Deserialize<'de> for All<T> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        let mut found = Vec::new();
        let keep = |item: T| {
            found.extend(item.into());
            let fits = found.len() <= VULNERABILITIES_LIMIT;
            fits.then_some(()).ok_or_else(|| format!("more than {VULNERABILITIES_LIMIT} vulnerabilities"))
        };
        json.deserialize_seq(OneByOne(keep, PhantomData))?;
        Ok(Self { found, items: PhantomData })
    }
}

/// Hands out the items of a list, until one is too many.
struct OneByOne<T, F>(F, PhantomData<T>);

impl<'de, T: Deserialize<'de>, F: FnMut(T) -> Result<(), String>> Visitor<'de> for OneByOne<T, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        while let Some(item) = list.next_element()? {
            (self.0)(item).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_end_at_their_limit_and_texts_are_cut() {
        let few =
            |json: &str| serde_json::from_str::<Few<u8, 2>>(json).map(|few| few.0).map_err(|error| error.to_string());
        assert_eq!(few("[1,2]"), Ok(vec![1, 2]));
        assert!(few("[1,2,3,4]").unwrap_err().starts_with("more than 2 items in a list"));
        assert!(few("{}").unwrap_err().contains("expected a list"));
        let long = format!("{:?}", "é".repeat(TEXT_LIMIT_CHARS + 1));
        assert_eq!(serde_json::from_str::<Short>(&long).unwrap().0.chars().count(), TEXT_LIMIT_CHARS);
        assert_eq!(serde_json::from_str::<Short>("null").unwrap().0, "");
        assert!(serde_json::from_str::<Short>("7").is_err());
    }
}
