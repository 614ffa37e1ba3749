//! The OpenAPI 3.1 document, made from the table of routes and from the types' schemas, which a test keeps
//! in `assets/openapi/schemas.json`: made here, every type would be in the program once more.

use serde_json::{Map, Value, json};

use super::call::PAGE_MOST;
use super::route::{self, Route};
use crate::asset;

/// The whole document.
pub(super) fn document() -> Value {
    let mut paths = Map::new();
    for route in route::table() {
        let entry = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Some(entry) = entry.as_object_mut() {
            entry.insert(route.method.to_lowercase(), operation(route));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "spud",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Ask the documents on this box, offline",
            "description": "HTTP/1.1 over a Unix socket; identity comes from the kernel (SO_PEERCRED). \
                Times are milliseconds since 1970 (UTC), sizes are bytes. Errors are RFC 9457 problem documents. \
                Whatever is read has an ETag; changes take If-Match. Lists come in pages: `next` is the `cursor` of the next one. \
                POSTs that create or decide take Idempotency-Key (by principal; remembered in memory, the last 256, until a restart; for /v1/operations on disk, the last 20000).",
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": serde_json::from_slice::<Value>(asset!("openapi/schemas.json").as_bytes()).unwrap_or_default()},
    })
}

fn operation(route: &Route) -> Value {
    let in_path = route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<Value> = in_path
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
        .collect();
    let paged: &[&str] = if route.pages { &["cursor", "limit"] } else { &[] };
    parameters.extend(route.query.iter().chain(paged).map(|name| in_query(name)));
    parameters.extend(headers(route));
    let mut success = match (route.reply, route.path) {
        ("", _) => json!({"description": "Done"}),
        (schema, "/v1/events") => json!({"description": "A stream of events",
            "content": {"text/event-stream": {"schema": reference(schema)}}}),
        ("Markdown", _) => {
            json!({"description": "Markdown", "content": {"text/markdown": {"schema": {"type": "string"}}}})
        }
        ("JsonSchema", _) => {
            json!({"description": "JSON Schema", "content": {"application/json": {"schema": {"type": "object"}}}})
        }
        ("Exposition", _) => {
            json!({"description": "Every metric, a sample a line", "content": {"text/plain": {"schema": reference("Exposition")},
                "application/openmetrics-text": {"schema": reference("Exposition")}}})
        }
        ("Payload", "/v1/evidence/bundle") => {
            json!({"description": "A tar", "content": {"application/x-tar": {"schema": {}}}})
        }
        ("Payload", _) => json!({"description": "The bytes", "content": {"*/*": {"schema": {}}}}),
        ("OpenApi", _) => {
            json!({"description": "OpenAPI 3.1", "content": {"application/json": {"schema": {"type": "object"}}}})
        }
        (schema, _) => {
            json!({"description": "Success", "content": {"application/json": {"schema": reference(schema)}}})
        }
    };
    let mut content = json!({"application/problem+json": {"schema": reference("Problem")}});
    // Prometheus has a form of its own for what is wrong with a question.
    if let Some(content) = content.as_object_mut().filter(|_| route.path.starts_with("/api/v1/")) {
        content.insert("application/json".to_owned(), json!({"schema": reference("MetricProblem")}));
    }
    let problem = json!({"description": "A problem", "content": &content});
    parameters.push(json!({"name": "X-Criticality", "in": "header",
        "description": "What may be turned away first when the box is short of something",
        "schema": {"type": "string", "enum": ["critical", "default", "sheddable", "batch"], "default": "default"}}));
    let mut responses = json!({"default": problem});
    if route.tagged() {
        success["headers"] = json!({"ETag": {"schema": {"type": "string"}}});
        responses["304"] = json!({"description": "It is what If-None-Match names"});
    } else if route.resource().is_some() {
        responses["412"] = json!({"description": "It is no longer what If-Match names", "content": content});
    }
    responses[route.status.to_string()] = success;
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.about,
        "parameters": parameters,
        "responses": responses,
    });
    if let Some(operation) = operation.as_object_mut().filter(|_| !route.body.is_empty()) {
        // A payload is what it is: any bytes of any type.
        let content = match route.body {
            "Payload" => json!({"*/*": {"schema": {}}}),
            body => json!({"application/json": {"schema": reference(body)}}),
        };
        operation.insert("requestBody".to_owned(), json!({"required": true, "content": content}));
    }
    operation
}

fn in_query(name: &str) -> Value {
    let schema = match name {
        "limit" => json!({"type": "integer", "minimum": 0, "maximum": PAGE_MOST}),
        _ => json!({"type": "string"}),
    };
    json!({"name": name, "in": "query", "schema": schema})
}

/// What a request may say about the thing that it is for, and about itself.
fn headers(route: &Route) -> Vec<Value> {
    let header = |name: &str, about: &str| json!({"name": name, "in": "header", "description": about, "schema": {"type": "string"}});
    let mut all = Vec::new();
    if route.tagged() {
        all.push(header("If-None-Match", "304 where the ETag is still this one"));
    }
    if let Some(resource) = route.resource() {
        let about = format!("412 where the ETag of GET {} is no longer this one", resource.path);
        all.push(header("If-Match", &about));
    }
    if route.once || (route.method, route.path) == ("POST", "/v1/operations") {
        all.push(header("Idempotency-Key", "A second request of the same principal with this key does nothing and is answered as the first was"));
    }
    all
}

/// `get_v1_documents_id_passages`
fn operation_id(route: &Route) -> String {
    let words = route.path.split(['/', '.', '{', '}']).filter(|word| !word.is_empty());
    words.fold(route.method.to_lowercase(), |id, word| format!("{id}_{word}"))
}

fn reference(schema: &str) -> Value {
    match schema.strip_prefix("PageOf") {
        Some(item) => json!({
            "type": "object",
            "required": ["items"],
            "properties": {
                "items": {"type": "array", "items": reference(item)},
                "next": {"type": ["string", "null"], "description": "Ask again with this as cursor"},
            },
        }),
        None => json!({"$ref": format!("#/components/schemas/{schema}")}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_are_those_of_the_types() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/openapi/schemas.json");
        let made = format!("{:#}\n", super::super::schemas::schemas());
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            std::fs::write(path, &made).unwrap();
        }
        let kept = std::fs::read_to_string(path).unwrap();
        assert!(kept == made, "run this test with UPDATE_SCHEMAS=1: types of the API have changed");
    }

    #[test]
    fn every_route_is_described_and_every_reference_exists() {
        let document = document();
        let schemas = document["components"]["schemas"].as_object().unwrap();
        for route in route::table() {
            let operation = &document["paths"][route.path][route.method.to_lowercase()];
            assert_eq!(operation["summary"], route.about, "{} {}", route.method, route.path);
        }
        let text = document.to_string();
        for name in text.split("#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(schemas.contains_key(name), "schema {name} is referred to but not there");
        }
        let mut ids: Vec<String> = route::table().map(operation_id).collect();
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count, "operation ids repeat");
    }
}
