//! The description of the predecessor's interface (OpenAPI 3.1), made from its table. It is a document of its own, since
//! some of its paths are paths of `/v1`, too.

use super::routes::{ROUTES, Route};
use serde_json::{Map, Value, json};

/// The description.
pub fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES {
        let item = paths.entry(route.path).or_insert_with(|| json!({}));
        item[route.method.to_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Anteroom: the interface of the predecessor",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Paths and shapes of the calendar bridge that Anteroom takes the place of, for programs that \
                were written for it. The tenant is the one of the path, of the header X-Tenant-Id, or the caller's own.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "This server" }],
        "security": [{ "api_key": [] }, { "bearer": [] }, { "basic": [] }],
        "tags": [{ "name": "predecessor" }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "api_key": { "type": "apiKey", "in": "header", "name": "X-API-Key" },
                "bearer": { "type": "http", "scheme": "bearer" },
                "basic": { "type": "http", "scheme": "basic" },
            },
            "schemas": {
                "Answer": { "type": "object", "required": ["success"],
                    "properties": { "success": { "type": "boolean" }, "message": { "type": "string" } } },
                "Problem": { "type": "object", "required": ["success", "error", "status"], "properties": {
                    "success": { "const": false }, "error": { "type": "string" }, "status": { "type": "integer" } } },
            },
        },
    })
}

fn operation(route: &Route) -> Value {
    let segments = route.path.split('/').filter_map(|one| one.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<Value> = segments
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    parameters.push(json!({ "name": "X-Tenant-Id", "in": "header", "required": false, "schema": { "type": "string" },
        "description": "Key of the tenant, where the path names none." }));
    let success = json!({ "description": "Done", "content": content("application/json", "Answer") });
    let refused = json!({ "description": "Refused", "content": content("application/problem+json", "Problem") });
    let mut operation = json!({
        "tags": ["predecessor"],
        "summary": route.summary,
        "description": format!("Needs the role {}. Here: `{}`.", role(route), route.instead),
        "operationId": id(route),
        "deprecated": !route.is_kept,
        "parameters": parameters,
        "responses": { "2XX": success, "4XX": refused.clone(), "5XX": refused },
    });
    if matches!(route.method, "POST" | "PUT") {
        let schema = json!({ "application/json": { "schema": { "type": "object" } } });
        operation["requestBody"] = json!({ "required": false, "content": schema });
    }
    operation
}

fn content(kind: &str, schema: &str) -> Value {
    json!({ kind: { "schema": { "$ref": format!("#/components/schemas/{schema}") } } })
}

fn role(route: &Route) -> String {
    serde_json::to_value(route.role).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

/// `get_bridges_health`: method and path as one word.
fn id(route: &Route) -> String {
    let words: Vec<String> =
        route.path.split(['/', '-']).filter(|word| !word.is_empty()).map(|word| word.replace(['{', '}'], "")).collect();
    format!("{}_{}", route.method.to_lowercase(), words.join("_"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_row_is_described_once_and_says_what_to_use_instead() {
        let ids: BTreeSet<String> = ROUTES.iter().map(id).collect();
        assert_eq!(ids.len(), ROUTES.len());
        let document = document();
        let described: usize =
            document["paths"].as_object().unwrap().values().map(|one| one.as_object().unwrap().len()).sum();
        assert_eq!(described, ROUTES.len());
        for route in ROUTES {
            assert!(route.instead.starts_with("/v1/"), "{}", route.path);
            assert_eq!(document["paths"][route.path][route.method.to_lowercase()]["tags"], json!(["predecessor"]));
        }
    }

    #[test]
    fn the_page_about_it_names_every_path() {
        let page = include_str!("../../../docs/predecessor.md");
        for route in ROUTES {
            let row = format!("| `{} {}` |", route.method, route.path);
            assert!(page.contains(&row), "docs/predecessor.md lacks {row}");
        }
    }
}
