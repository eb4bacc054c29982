//! JSON objects as bodies. A struct would also be read from an array of its members in order, which nobody means.

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

/// A body that is a JSON object with the members of `T`.
#[derive(Debug)]
pub(super) struct Object<T>(T);

impl<T> Deref for Object<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members(PhantomData)).map(Self)
    }
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

#[cfg(test)]
mod tests {
    use super::Object;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Named {
        name: String,
    }

    fn read(text: &str) -> Result<String, String> {
        serde_json::from_str::<Object<Named>>(text).map(|read| read.name.clone()).map_err(|error| error.to_string())
    }

    #[test]
    fn objects_are_read_and_arrays_are_not() {
        assert_eq!(read(r#"{"name": "Hall"}"#).unwrap(), "Hall");
        assert!(read(r#"["Hall"]"#).unwrap_err().contains("expected an object"));
        assert!(read(r#"{"name": "Hall", "x": 1}"#).unwrap_err().contains("unknown field `x`"));
    }
}
