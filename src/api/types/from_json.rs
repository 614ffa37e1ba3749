//! Reads the words of the wire from JSON: an object is written as one, never as the list of its values.
//!
//! serde's derived code can read each struct both ways, from `{"name": value}` and from `[value]`, and keeps what the
//! format's reader asks for. [`Words`] stands before serde_json's reader and never asks for the second: a quarter of
//! a megabyte of code that nobody needs, and a list in the place of an object is an error that says so.

use std::fmt;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};

/// A value from JSON, all of `bytes`.
///
/// # Errors
/// What cannot be understood, and where.
pub fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = T::deserialize(Words(&mut reader))?;
    reader.end()?;
    Ok(value)
}

/// Any part of reading, with what stands in it read the same way.
struct Words<T>(T);

/// What takes a struct's values by their names.
struct Named<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for Named<V> {
    type Value = V::Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(out)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(Words(map))
    }
}

/// Methods of [`Deserializer`] that hold nothing, hold other values, and those with a few words more.
macro_rules! kinds {
    (plain: $($plain:ident)*; parts: $($parts:ident)*; more: $($more:ident($($word:ident: $kind:ty),*))*) => {
        $(fn $plain<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.0.$plain(visitor)
        })*
        $(fn $parts<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.0.$parts(Words(visitor))
        })*
        $(fn $more<V: Visitor<'de>>(self, $($word: $kind,)* visitor: V) -> Result<V::Value, D::Error> {
            self.0.$more($($word,)* Words(visitor))
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Words<D> {
    type Error = D::Error;

    kinds! {
        plain: deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
            deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_f32 deserialize_f64
            deserialize_char deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf
            deserialize_unit deserialize_identifier deserialize_ignored_any;
        parts: deserialize_option deserialize_seq deserialize_map;
        more: deserialize_unit_struct(name: &'static str)
            deserialize_newtype_struct(name: &'static str)
            deserialize_tuple(length: usize)
            deserialize_tuple_struct(name: &'static str, length: usize)
            deserialize_enum(name: &'static str, variants: &'static [&'static str])
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(Named(visitor))
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Words<V> {
    type Value = V::Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(out)
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(Words(value))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(Words(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(Words(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(Words(map))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<V::Value, A::Error> {
        self.0.visit_enum(Words(variant))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Words<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Words(value))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Words<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(Words(seed))
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Words<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(Words(seed))
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Words<A> {
    type Error = A::Error;
    type Variant = Words<A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        self.0.variant_seed(seed).map(|(name, rest)| (name, Words(rest)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Words<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.0.newtype_variant_seed(Words(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(length, Words(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.0.struct_variant(fields, Named(visitor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Whole(u8);

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Shape {
        Point,
        Round(f64),
        Line(i32, i32),
        Box { wide: u8, inner: Option<Box<Thing>> },
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Thing {
        name: Option<String>,
        #[serde(default)]
        shapes: Vec<Shape>,
        #[serde(default)]
        more: BTreeMap<String, (Whole, bool)>,
        #[serde(flatten)]
        rest: BTreeMap<String, serde_json::Value>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Pair {
        left: u8,
        right: Vec<Pair>,
    }

    #[test]
    fn reads_what_serde_json_reads() {
        for text in [
            r#"{"name":"a","shapes":["point",{"round":1.5},{"line":[1,-2]}],"more":{"x":[7,true]},"else":{"b":[1]}}"#,
            r#"{"name":null,"shapes":[{"box":{"wide":3,"inner":{"name":"in"}}},{"box":{"wide":3,"inner":null}}]}"#,
            r#"{"name":"a","more":{"x":[300,true]}}"#,
            r#"{"shapes":[{"line":[1]}]}"#,
            r#"{"shapes":[{"square":1}]}"#,
            r#"{"name":7}"#,
            "{} ",
            "{} x",
            "",
        ] {
            let theirs = serde_json::from_slice::<Thing>(text.as_bytes()).map_err(|error| error.to_string());
            assert_eq!(from_json(text.as_bytes()).map_err(|error| error.to_string()), theirs, "{text}");
        }
    }

    #[test]
    fn a_list_is_no_object() {
        let pair = Pair { left: 1, right: vec![Pair { left: 2, right: Vec::new() }] };
        assert_eq!(from_json::<Pair>(br#"{"left":1,"right":[{"left":2,"right":[]}]}"#).unwrap(), pair);
        let said = |text: &str| from_json::<Pair>(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(said("[1,[]]"), "invalid type: sequence, expected struct Pair at line 1 column 0");
        let inner = said(r#"{"left":1,"right":[[2,[]]]}"#);
        assert!(
            inner.starts_with("invalid type: sequence, expected struct Pair at line 1 column"),
            "{inner}"
        );
        assert!(from_json::<Shape>(br#"{"box":[3,null]}"#).is_err());
    }
}
