//! The list of all operations: mounted from here, described from here (OpenAPI), and so never apart.

use super::error::ApiError;
use super::{
    alerts, approvals, audit, bookings, bridges, conflicts, docs, feeds, grants, keys, links, mappings, operations,
    people, plans, predecessor, principals, providers, retention, room_groups, rooms, rules, runs, secrets, sessions,
    tenants, webhooks,
};
use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::get;
use actix_web::web;
use utoipa::Modify;
use utoipa::OpenApi;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Object, ObjectBuilder, Ref, RefOr, Required, Schema, Type};

/// Mounts and describes each operation.
macro_rules! operations {
    ($($module:ident :: $operation:ident),* $(,)?) => {
        /// The description of the interface.
        #[derive(OpenApi)]
        #[openapi(
            info(
                title = "Anteroom",
                description = "Rooms, what they hang together with, and what became of every booking.\n\n\
                    Every path needs an API key (`X-API-Key: ar_…` or `Authorization: Bearer ar_…`), an access token of \
                    an OpenID Connect provider of the tenant (`Authorization: Bearer ey…`), a login with an app \
                    password (Basic), or the session of a browser that has signed in; changes by a session bring the \
                    header `X-CSRF-Token` with the `form_token` of `GET /session`. What was made with `read_only` may \
                    GET only. Refusals are `application/problem+json` (RFC 9457). Lists come in pages: \
                    `limit`, `after`, and `next` in the answer. Times are RFC 3339 in UTC.",
                license(name = "Apache-2.0", identifier = "Apache-2.0"),
            ),
            servers((url = "/v1", description = "This server")),
            security(("api_key" = []), ("bearer" = []), ("basic" = [])),
            components(schemas(super::error::Problem, conflicts::ConflictState, approvals::ApprovalState, crate::sync::Copies)),
            modifiers(&Schemes, &Parameters, &Refusals, &Flattened),
            paths($($module::$operation),*),
        )]
        struct Document;

        /// Mounts every operation, the description and the documentation.
        pub(super) fn mount(config: &mut web::ServiceConfig) {
            config.service(description).service(of_predecessor).service(docs::documentation);
            $(config.service($module::$operation);)*
        }
    };
}

operations!(
    tenants::list,
    tenants::read,
    tenants::create,
    tenants::update,
    tenants::suspend,
    tenants::drain,
    tenants::resume,
    tenants::remove,
    tenants::sync,
    rooms::list,
    rooms::create,
    rooms::read,
    rooms::update,
    rooms::remove,
    rooms::events,
    bookings::list,
    bookings::create,
    bookings::read,
    bookings::update,
    bookings::cancel,
    bookings::free_busy,
    room_groups::list,
    room_groups::create,
    room_groups::read,
    room_groups::update,
    room_groups::remove,
    room_groups::add,
    room_groups::take,
    rules::read,
    rules::set,
    rules::list_closures,
    rules::close,
    rules::open,
    approvals::list,
    approvals::confirm,
    approvals::decline,
    bridges::list,
    bridges::create,
    bridges::read,
    bridges::update,
    bridges::remove,
    bridges::calendars,
    mappings::list,
    mappings::create,
    mappings::read,
    mappings::update,
    mappings::remove,
    mappings::sync,
    mappings::hold,
    mappings::release,
    mappings::removals,
    feeds::list,
    feeds::create,
    feeds::read,
    feeds::rotate,
    feeds::revoke,
    principals::list,
    principals::create,
    principals::read,
    principals::update,
    secrets::list,
    secrets::issue_password,
    secrets::issue_api_key,
    secrets::rotate,
    secrets::revoke,
    providers::list,
    providers::create,
    providers::read,
    providers::update,
    providers::remove,
    providers::look,
    sessions::list,
    sessions::end,
    sessions::own,
    sessions::leave,
    grants::list,
    grants::set,
    grants::remove,
    plans::of_room,
    plans::of_mapping,
    plans::approve,
    plans::copies,
    plans::purge,
    plans::verify,
    links::list,
    operations::list,
    operations::retry,
    conflicts::list,
    conflicts::read,
    conflicts::resolve,
    runs::subscriptions,
    runs::list,
    audit::list,
    audit::verification,
    audit::explain,
    audit::explain_room,
    audit::status,
    webhooks::list,
    webhooks::create,
    webhooks::read,
    webhooks::update,
    webhooks::remove,
    webhooks::rotate,
    webhooks::test,
    webhooks::told,
    webhooks::resend,
    alerts::list,
    alerts::read,
    alerts::acknowledge,
    people::export,
    people::erase,
    retention::list,
    retention::set,
    retention::unset,
    keys::read,
    keys::rotate,
);

/// The three ways to sign in.
struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let key = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-Key")));
        let http = |scheme| SecurityScheme::Http(HttpBuilder::new().scheme(scheme).build());
        components.add_security_scheme("api_key", key);
        components.add_security_scheme("bearer", http(HttpAuthScheme::Bearer));
        components.add_security_scheme("basic", http(HttpAuthScheme::Basic));
    }
}

/// What every operation's parameters have in common.
struct Parameters;

impl Modify for Parameters {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for item in document.paths.paths.values_mut() {
            for operation in [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete] {
                let parameters = operation.iter_mut().filter_map(|operation| operation.parameters.as_mut()).flatten();
                for parameter in parameters {
                    match parameter {
                        RefOr::T(parameter) if parameter.schema.is_none() => describe(parameter),
                        RefOr::T(_) | RefOr::Ref(_) => {}
                    }
                }
            }
            if let Some(post) = &mut item.post {
                post.parameters.get_or_insert_default().push(RefOr::T(idempotency_key()));
            }
        }
    }
}

/// Segments of paths: names are slugs or logins, everything else is an id.
fn describe(parameter: &mut Parameter) {
    parameter.schema = Some(Object::with_type(Type::String).into());
    parameter.description = Some(match parameter.name.as_str() {
        "tenant" => "Key of the tenant.".to_owned(),
        "room" => "Slug of the room.".to_owned(),
        "bridge" => "Name of the bridge.".to_owned(),
        "provider" => "Name of the provider.".to_owned(),
        "group" => "Slug of the room group.".to_owned(),
        "login" => "Login of the principal.".to_owned(),
        "uid" => "UID of the event.".to_owned(),
        "email" => "E-mail address of the person.".to_owned(),
        "data_type" => "Type of data.".to_owned(),
        other => format!("Id of the {other}."),
    });
}

fn idempotency_key() -> Parameter {
    let about = "Any text of the caller's that stands for this request. Sent again with the same key within a day, the \
                 request has no second effect and is answered as the first time, with `Idempotency-Replayed: true`.";
    let schema = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(255)).build();
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(about))
        .schema(Some(schema))
        .build()
}

/// The refusals that every operation may answer.
struct Refusals;

impl Modify for Refusals {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for (path, item) in &mut document.paths.paths {
            let [get, post, put, patch, delete] =
                [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
            // A key that was sent with another request is refused.
            if let Some(post) = post.as_mut() {
                post.responses.responses.insert("422".to_owned(), problem("Value not accepted"));
            }
            for operation in [get, post, put, patch, delete].into_iter().flatten() {
                let mut statuses = refusals_of(path, operation.request_body.is_some(), operation.parameters.is_some());
                let purges = operation.operation_id.as_deref().is_some_and(|id| PURGES.contains(&id));
                if purges || names_an_instance(operation) || path.contains("{email}") {
                    statuses.push(("422", "Value not accepted"));
                }
                if purges || asks_a_remote_system(path) {
                    statuses.push(("502", "The remote system fails"));
                }
                let refused = statuses.into_iter().map(|(status, what)| (status.to_owned(), problem(what)));
                operation.responses.responses.extend(refused);
            }
        }
    }
}

/// Removals that may take our copies along.
const PURGES: [&str; 3] = ["remove_tenant", "remove_room", "remove_bridge"];

fn names_an_instance(operation: &Operation) -> bool {
    let is_recurrence_id =
        |parameter: &RefOr<Parameter>| matches!(parameter, RefOr::T(one) if one.name == "recurrence_id");
    operation.parameters.iter().flatten().any(is_recurrence_id)
}

/// What is flattened into an answer has the fields of that answer beside its own: there it cannot be said to have no
/// others.
struct Flattened;

impl Modify for Flattened {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let Some(components) = &mut document.components else { return };
        let known = components.schemas.clone();
        let open = |part: &mut RefOr<Schema>| {
            let RefOr::Ref(name) = &*part else { return };
            let name = name.ref_location.rsplit('/').next().unwrap_or_default();
            if let Some(RefOr::T(Schema::Object(closed))) = known.get(name)
                && closed.additional_properties.is_some()
            {
                let mut open = closed.clone();
                open.additional_properties = None;
                *part = RefOr::T(Schema::Object(open));
            }
        };
        for schema in components.schemas.values_mut() {
            if let RefOr::T(Schema::AllOf(parts)) = schema {
                parts.items.iter_mut().for_each(open);
            }
        }
    }
}

fn asks_a_remote_system(path: &str) -> bool {
    ["/calendars", "/plan", "/copies", "/purge", "/verify", "/look"].iter().any(|end| path.ends_with(end))
}

fn refusals_of(path: &str, has_body: bool, has_parameters: bool) -> Vec<(&'static str, &'static str)> {
    let mut statuses = vec![
        ("401", "Not signed in"),
        ("403", "Not allowed"),
        ("429", "Too many requests"),
        ("503", "Try again shortly"),
    ];
    if path.contains('{') {
        statuses.push(("404", "Not found"));
    }
    if has_body || has_parameters {
        statuses.push(("400", "Cannot be read"));
    }
    if has_body {
        statuses.extend([("413", "Too large"), ("415", "Not JSON"), ("422", "Value not accepted")]);
    }
    statuses.push(("409", "In use already, or not in this state"));
    statuses
}

fn problem(what: &str) -> RefOr<Response> {
    let schema = Ref::from_schema_name("Problem");
    let content = ContentBuilder::new().schema(Some(schema)).build();
    RefOr::T(ResponseBuilder::new().description(what).content("application/problem+json", content).build())
}

/// The description of the REST interface.
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    env!("CARGO_PKG_VERSION").clone_into(&mut document.info.version);
    document
}

#[get("/openapi.json")]
async fn description() -> HttpResponse {
    let text = document().to_json().unwrap_or_default();
    HttpResponse::Ok().content_type("application/json").body(text)
}

#[get("/openapi-predecessor.json")]
async fn of_predecessor() -> HttpResponse {
    HttpResponse::Ok().json(predecessor::document())
}

/// Answers what no operation takes: 405 where other methods are taken, 404 elsewhere.
pub(super) async fn refuse(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let path = request.path().strip_prefix("/v1").unwrap_or_default();
    let allow = match path {
        "/openapi.json" | "/openapi-predecessor.json" | "/docs" => "GET".to_owned(),
        _ => methods_at(path).join(", "),
    };
    if allow.is_empty() {
        return Err(ApiError::NoSuchPath { path: request.path().to_owned() });
    }
    Err(ApiError::Method { allow })
}

/// The methods that a path below `/v1` takes.
fn methods_at(path: &str) -> Vec<&'static str> {
    let document = Document::openapi();
    let item = document.paths.paths.iter().find(|(template, _)| fits(template, path));
    item.map(|(_, item)| methods_of(item)).unwrap_or_default()
}

fn methods_of(item: &PathItem) -> Vec<&'static str> {
    let methods = [
        ("GET", &item.get),
        ("POST", &item.post),
        ("PUT", &item.put),
        ("PATCH", &item.patch),
        ("DELETE", &item.delete),
    ];
    methods.into_iter().filter(|(_, operation)| operation.is_some()).map(|(method, _)| method).collect()
}

/// Whether a path has the form of a template such as `/tenants/{tenant}/rooms`.
fn fits(template: &str, path: &str) -> bool {
    let (wanted, given): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    wanted.len() == given.len()
        && wanted
            .iter()
            .zip(&given)
            .all(|(wanted, given)| wanted.starts_with('{') && !given.is_empty() || wanted == given)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_fit_templates_of_the_same_length() {
        assert!(fits("/tenants/{tenant}/rooms", "/tenants/city/rooms"));
        assert!(!fits("/tenants/{tenant}/rooms", "/tenants/city/feeds"));
        assert!(!fits("/tenants/{tenant}/rooms", "/tenants//rooms"));
        assert!(!fits("/tenants/{tenant}/rooms", "/tenants/city/rooms/hall"));
        assert_eq!(methods_at("/tenants/city/rooms"), ["GET", "POST"]);
        assert!(methods_at("/nowhere").is_empty());
    }

    #[test]
    fn every_operation_has_a_summary_an_id_of_its_own_and_says_what_it_answers() {
        let text = serde_json::to_value(document()).unwrap();
        let mut ids = std::collections::BTreeSet::new();
        for (path, item) in text["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                assert!(operation["summary"].as_str().is_some_and(|s| !s.is_empty()), "{method} {path}");
                assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{method} {path}");
                let responses = operation["responses"].as_object().unwrap();
                assert!(responses.keys().any(|status| status.starts_with('2')), "{method} {path}");
                assert!(responses.contains_key("401") && responses.contains_key("403"), "{method} {path}");
                let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
                let named: Vec<&str> = parameters.iter().filter_map(|p| p["name"].as_str()).collect();
                for segment in path.split('/').filter_map(|s| s.strip_prefix('{')) {
                    assert!(named.contains(&segment.trim_end_matches('}')), "{method} {path} lacks {segment}");
                }
            }
        }
        assert_eq!(ids.len(), 116);
    }
}
