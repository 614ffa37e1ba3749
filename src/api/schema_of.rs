//! The JSON Schema of what a value is written as: read off the value while it is serialized, since JSON itself no longer
//! says that a field may be `null`. For the tests that keep `assets/openapi/schemas.json`.

use serde::Serialize;
use serde::ser::{
    Error as _, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use serde_json::{Error, Map, Value, json};

/// Gives the schema in place of bytes.
pub(super) struct SchemaOf;

type Told = Result<Value, Error>;

fn of<T: Serialize + ?Sized>(value: &T) -> Told {
    value.serialize(SchemaOf)
}

fn kind(name: &str) -> Told {
    Ok(json!({"type": name}))
}

/// The same, or `null`.
fn nullable(mut schema: Value) -> Value {
    if schema.get("$ref").is_some() {
        return json!({"anyOf": [schema, {"type": "null"}]});
    }
    if let Some(kind) = schema.get_mut("type").filter(|kind| kind.is_string()) {
        *kind = json!([kind.clone(), "null"]);
    }
    schema
}

/// An array under way: the schema of its items, as long as all have the same.
#[derive(Default)]
pub(super) struct Items {
    first: Option<Value>,
    differ: bool,
    variant: Option<&'static str>,
}

impl Items {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let next = of(value)?;
        self.differ |= self.first.as_ref().is_some_and(|first| *first != next);
        self.first.get_or_insert(next);
        Ok(())
    }

    fn done(self) -> Told {
        let array = match self.first.filter(|_| !self.differ) {
            Some(items) => json!({"type": "array", "items": items}),
            None => json!({"type": "array"}),
        };
        Ok(within(self.variant, array))
    }
}

/// An object under way.
#[derive(Default)]
pub(super) struct Fields {
    properties: Map<String, Value>,
    key: String,
    variant: Option<&'static str>,
}

impl Fields {
    fn insert<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Error> {
        self.properties.insert(name.to_owned(), of(value)?);
        Ok(())
    }

    fn done(self) -> Told {
        Ok(within(self.variant, json!({"type": "object", "properties": self.properties})))
    }
}

fn within(variant: Option<&'static str>, schema: Value) -> Value {
    match variant {
        Some(name) => json!({"type": "object", "properties": {name: schema}}),
        None => schema,
    }
}

macro_rules! plain {
    ($($method:ident $type:ty => $kind:literal),* $(,)?) => {
        $(fn $method(self, _: $type) -> Told {
            kind($kind)
        })*
    };
}

impl Serializer for SchemaOf {
    type Ok = Value;
    type Error = Error;
    type SerializeSeq = Items;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Items;
    type SerializeTupleVariant = Items;
    type SerializeMap = Fields;
    type SerializeStruct = Fields;
    type SerializeStructVariant = Fields;

    plain! {
        serialize_bool bool => "boolean",
        serialize_i8 i8 => "integer", serialize_i16 i16 => "integer",
        serialize_i32 i32 => "integer", serialize_i64 i64 => "integer",
        serialize_u8 u8 => "integer", serialize_u16 u16 => "integer",
        serialize_u32 u32 => "integer", serialize_u64 u64 => "integer",
        serialize_f32 f32 => "number", serialize_f64 f64 => "number",
        serialize_char char => "string", serialize_str &str => "string",
        serialize_bytes &[u8] => "array",
    }

    fn serialize_none(self) -> Told {
        Ok(json!({}))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Told {
        of(value).map(nullable)
    }

    fn serialize_unit(self) -> Told {
        Ok(json!({}))
    }

    fn serialize_unit_struct(self, _: &'static str) -> Told {
        Ok(json!({}))
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Told {
        kind("string")
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Told {
        of(value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        value: &T,
    ) -> Told {
        Ok(within(Some(name), of(value)?))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items, Error> {
        Ok(Items::default())
    }

    fn serialize_tuple(self, _: usize) -> Result<Items, Error> {
        Ok(Items::default())
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Items, Error> {
        Ok(Items::default())
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Items, Error> {
        Ok(Items { variant: Some(name), ..Items::default() })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Fields, Error> {
        Ok(Fields::default())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields, Error> {
        Ok(Fields::default())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Fields, Error> {
        Ok(Fields { variant: Some(name), ..Fields::default() })
    }
}

macro_rules! items {
    ($($part:ident $method:ident),* $(,)?) => {
        $(impl $part for Items {
            type Ok = Value;
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.push(value)
            }

            fn end(self) -> Told {
                self.done()
            }
        })*
    };
}

items! {
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field,
}

macro_rules! fields {
    ($($part:ident),*) => {
        $(impl $part for Fields {
            type Ok = Value;
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Error> {
                self.insert(name, value)
            }

            fn end(self) -> Told {
                self.done()
            }
        })*
    };
}

fields!(SerializeStruct, SerializeStructVariant);

impl SerializeMap for Fields {
    type Ok = Value;
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        let key = serde_json::to_value(key)?;
        let text = key.as_str().map(str::to_owned).ok_or_else(|| Error::custom("a key that is no text"))?;
        self.key = text;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let name = std::mem::take(&mut self.key);
        self.insert(&name, value)
    }

    fn end(self) -> Told {
        self.done()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    #[serde(tag = "kind", rename_all = "lowercase")]
    enum Tagged {
        One { n: Option<u8> },
    }

    #[test]
    fn what_may_be_null_says_so() {
        #[derive(Serialize)]
        struct Whole {
            n: Option<u64>,
            never: Option<u64>,
            list: Vec<Option<&'static str>>,
            pair: (f64, &'static str),
            tagged: Tagged,
        }
        let tagged = Tagged::One { n: Some(1) };
        let whole = Whole { n: Some(1), never: None, list: vec![Some("x")], pair: (0.5, "x"), tagged };
        assert_eq!(
            of(&whole).unwrap(),
            json!({"type": "object", "properties": {
                "n": {"type": ["integer", "null"]},
                "never": {},
                "list": {"type": "array", "items": {"type": ["string", "null"]}},
                "pair": {"type": "array"},
                "tagged": {"type": "object", "properties": {
                    "kind": {"type": "string"},
                    "n": {"type": ["integer", "null"]},
                }},
            }})
        );
    }
}
