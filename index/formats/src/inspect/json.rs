//! The outline of a JSON document, counted while it is read and never held.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Keys that are told.
const MAX_KEYS: usize = 100;

/// What stands outermost in a document.
#[derive(Debug, Default)]
pub(super) struct Outline {
    /// The keys of an object, the first hundred.
    pub(super) keys: Option<Vec<String>>,
    /// How many items a list has.
    pub(super) n_items: Option<u64>,
    /// How many items the list under `metadata` has.
    pub(super) n_metadata: Option<u64>,
    /// How many items the list under `data` has.
    pub(super) n_data: Option<u64>,
    /// Whether there is a key `VOTABLE`.
    pub(super) is_votable: bool,
}

impl<'de> Deserialize<'de> for Outline {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Outer)
    }
}

struct Outer;

macro_rules! scalars {
    ($value:expr) => {
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($value)
        }
    };
}

fn count<'de, A: SeqAccess<'de>>(mut list: A) -> Result<u64, A::Error> {
    let mut n = 0;
    while list.next_element::<IgnoredAny>()?.is_some() {
        n += 1;
    }
    Ok(n)
}

impl<'de> Visitor<'de> for Outer {
    type Value = Outline;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    scalars!(Outline::default());

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Outline, A::Error> {
        let n_items = Some(count(list)?);
        Ok(Outline {
            n_items,
            ..Outline::default()
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Outline, A::Error> {
        let mut outline = Outline::default();
        let mut keys = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "metadata" => outline.n_metadata = map.next_value::<Length>()?.0,
                "data" => outline.n_data = map.next_value::<Length>()?.0,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
            outline.is_votable |= key == "VOTABLE";
            if keys.len() < MAX_KEYS {
                keys.push(key);
            }
        }
        // As objects are told elsewhere: by name.
        keys.sort_unstable();
        outline.keys = Some(keys);
        Ok(outline)
    }
}

/// The number of items of a list; of anything else none.
struct Length(Option<u64>);

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Inner)
    }
}

struct Inner;

impl<'de> Visitor<'de> for Inner {
    type Value = Length;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    scalars!(Length(None));

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Length, A::Error> {
        count(list).map(|n| Length(Some(n)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Length, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Length(None))
    }
}
