//! `/v1/docs`: the OpenAPI document as a page that people read; pure HTML, nothing loaded from elsewhere.

use super::error::KINDS;
use super::openapi;
use actix_web::HttpResponse;
use actix_web::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write;

const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1c2430;--soft:#5c6876;--line:#d9dee5;--page:#fff;--code:#f2f4f7;--get:#1f6f43;--post:#1d5fa8;--other:#9a4b12}
@media(prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#9aa6b5;--line:#303a46;--page:#12171d;--code:#1b222b;--get:#6fcf97;--post:#7ab8ff;--other:#f0a868}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);max-width:58rem;margin:2rem auto;padding:0 1rem}
h2{margin-top:2.5rem;border-bottom:1px solid var(--line);text-transform:capitalize}
article{margin:1.2rem 0}h3{font:600 1rem/1.4 ui-monospace,monospace;margin:0;overflow-wrap:anywhere}
.get{color:var(--get)}.post{color:var(--post)}.put,.patch,.delete{color:var(--other)}
p{margin:.25rem 0}small,dt{color:var(--soft)}code{background:var(--code);padding:.1em .3em;border-radius:.2em}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:.3rem 0}dd{margin:0}a{color:var(--post)}
";

/// The documentation.
#[get("/docs")]
pub(super) async fn documentation() -> HttpResponse {
    let document = serde_json::to_value(openapi::document()).unwrap_or_default();
    let style = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    let policy = format!("default-src 'none'; style-src 'sha256-{style}'; frame-ancestors 'none'; base-uri 'none'");
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header(("content-security-policy", policy))
        .insert_header(("x-content-type-options", "nosniff"))
        .body(render(&document))
}

/// The page for an OpenAPI document.
fn render(document: &Value) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width,initial-scale=1\"><title>{title}: REST interface</title><style>{STYLE}</style>\
         <h1>{title}: REST interface</h1>",
        title = text(&document["info"]["title"])
    );
    for paragraph in document["info"]["description"].as_str().unwrap_or_default().split("\n\n") {
        let _infallible = write!(page, "<p>{}</p>", escape(paragraph));
    }
    page.push_str("<p><a href=\"/v1/openapi.json\">openapi.json</a> describes all of it for programs.</p>");
    for (tag, operations) in by_tag(document) {
        let _infallible = write!(page, "<h2>{}</h2>{}", escape(&tag), operations.concat());
    }
    page.push_str("<h2>Problems</h2><dl>");
    for (kind, status, title) in KINDS {
        let _infallible = write!(page, "<dt id=\"{kind}\">{status}</dt><dd><code>{kind}</code> {title}</dd>");
    }
    page.push_str("</dl></html>");
    page
}

fn by_tag(document: &Value) -> BTreeMap<String, Vec<String>> {
    let mut tags: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let tag = operation["tags"][0].as_str().unwrap_or("other").to_owned();
            tags.entry(tag).or_default().push(article(method, path, operation));
        }
    }
    tags
}

fn article(method: &str, path: &str, operation: &Value) -> String {
    let body = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str();
    let body = body.and_then(|reference| reference.rsplit('/').next());
    let body = body.map(|name| format!("<p>Body: <code>{}</code></p>", escape(name))).unwrap_or_default();
    format!(
        "<article><h3><span class=\"{method}\">{}</span> /v1{}</h3><p>{}</p>{}{body}</article>",
        method.to_uppercase(),
        escape(path),
        text(&operation["summary"]),
        parameters(operation),
    )
}

fn parameters(operation: &Value) -> String {
    let query = operation["parameters"].as_array().into_iter().flatten().filter(|p| p["in"] == "query");
    let mut rows = String::new();
    for parameter in query {
        let (name, description) = (text(&parameter["name"]), text(&parameter["description"]));
        let _infallible = write!(rows, "<dt><code>?{name}</code></dt><dd>{description}</dd>");
    }
    if rows.is_empty() { rows } else { format!("<dl>{rows}</dl>") }
}

fn text(value: &Value) -> String {
    escape(value.as_str().unwrap_or_default())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_shows_every_operation_and_every_problem_and_loads_nothing() {
        let document = serde_json::to_value(openapi::document()).unwrap();
        let page = render(&document);
        for path in document["paths"].as_object().unwrap().keys() {
            assert!(page.contains(&format!("/v1{path}</h3>")), "{path}");
        }
        for (kind, _, _) in KINDS {
            assert!(page.contains(&format!("id=\"{kind}\"")), "{kind}");
        }
        assert!(!page.contains("src=") && !page.contains("http:") && !page.contains("<script"));
    }
}
