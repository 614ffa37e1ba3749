//! The settings as a JSON Schema (draft 2020-12), for editors that complete and check `spud.toml`.

use serde_json::{Map, Value as Json, json};

use super::schema::{Kind, SETTINGS, Usual};

/// The whole schema.
#[must_use]
pub fn json_schema() -> Json {
    let mut sections: Map<String, Json> = Map::new();
    for setting in SETTINGS {
        let mut described = of_kind(setting.kind);
        if let Some(fields) = described.as_object_mut() {
            let unit = if setting.unit.is_empty() { String::new() } else { format!(" ({})", setting.unit) };
            fields.insert("description".into(), json!(format!("{}{unit}", setting.about)));
            fields.insert("x-reload".into(), json!(setting.reload));
            if setting.is_secret() {
                fields.insert("x-secret".into(), json!(true));
            }
            match setting.default {
                Usual::Is(text) if !matches!(setting.kind, Kind::Globs | Kind::Levels) => {
                    let default = match setting.kind {
                        Kind::Flag => json!(text == "true"),
                        Kind::Words(_) => json!(text.split(", ").collect::<Vec<_>>()),
                        Kind::Number { .. } => text.parse::<u64>().map_or(Json::Null, |number| json!(number)),
                        _ => json!(text),
                    };
                    fields.insert("default".into(), default);
                }
                Usual::Tier => {
                    fields.insert("x-default".into(), json!("by tier"));
                }
                _ => {}
            }
        }
        let section = sections
            .entry(setting.section())
            .or_insert_with(|| json!({"type": "object", "additionalProperties": false, "properties": {}}));
        section["properties"][setting.name()] = described;
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:spud:schema:config",
        "title": "spud.toml",
        "description": "Settings of spud",
        "type": "object",
        "additionalProperties": false,
        "properties": sections,
    })
}

fn of_kind(kind: Kind) -> Json {
    match kind {
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Number { least, most } => json!({"type": "integer", "minimum": least, "maximum": most}),
        Kind::OneOf(numbers) => json!({"type": "integer", "enum": numbers}),
        Kind::Size { least, most } => json!({"oneOf": [
            {"type": "integer", "minimum": least, "maximum": most},
            {"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)? *([kKmMgGtT]([iI]?[bB])?|[bB])?$"},
        ]}),
        Kind::Word(words) => json!({"type": "string", "enum": words}),
        Kind::Path => json!({"type": "string", "pattern": "^(/.*)?$"}),
        Kind::Url => json!({"type": "string", "pattern": "^((https?|nats|tls)://[^\\s@]+)?$"}),
        Kind::Text => json!({"type": "string", "maxLength": 512}),
        Kind::Words(words) => {
            json!({"type": "array", "items": {"type": "string", "enum": words}, "uniqueItems": true})
        }
        Kind::Address => json!({"type": "string"}),
        Kind::Globs => json!({"type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": 64}),
        Kind::Levels => json!({"type": "array", "maxItems": 64,
            "items": {"type": "string", "pattern": "^[A-Za-z0-9_:]+=(off|error|warn|info|debug|trace)$"}}),
        Kind::Secret => json!({"type": "string", "pattern": "^((file:/|env:|credential:).+)?$"}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_described() {
        let schema = json_schema();
        for setting in SETTINGS {
            let described = &schema["properties"][setting.section()]["properties"][setting.name()];
            assert!(described["description"].as_str().is_some_and(|text| text.starts_with(setting.about)));
        }
        assert_eq!(schema["properties"]["log"]["properties"]["level"]["enum"][1], "warn");
        assert_eq!(schema["properties"]["queue"]["properties"]["upstream_token"]["x-secret"], true);
    }
}
