//! Words for variants, as serde names them.

use serde::de::value::{Error, StrDeserializer};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The word for a variant.
#[must_use]
pub fn word(variant: impl Serialize) -> String {
    fmt::from_fn(|f| variant.serialize(f)).to_string()
}

/// The variant that a word stands for.
///
/// # Errors
/// When it stands for none.
pub fn variant<'a, T: Deserialize<'a>>(word: &'a str) -> Result<T, Error> {
    T::deserialize(StrDeserializer::new(word))
}
