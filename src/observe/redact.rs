//! What never reaches a log line: feed tokens, hook keys, credentials in addresses and queries.

/// Query parameters whose values are harmless to log.
const OPEN_PARAMETERS: &[&str] = &["limit", "page", "from", "to", "start", "end", "state", "detail", "sort"];

/// A request's path and query for the log: secrets in the path become `***`, query values too unless they are known to
/// be harmless.
pub fn target(target: &str) -> String {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let path = path_only(path);
    match query {
        // What a provider sends a browser back with opens a session.
        Some(_) if path.starts_with("/sign-in/") => format!("{path}?***"),
        None => path,
        Some(query) => format!("{path}?{}", query.split('&').map(parameter).collect::<Vec<_>>().join("&")),
    }
}

/// An address for the log: without credentials and query.
pub fn address(address: &str) -> String {
    let Ok(mut url) = url::Url::parse(address) else { return "***".to_owned() };
    let had_credentials = !url.username().is_empty() || url.password().is_some();
    // Both fail only for addresses that cannot have credentials.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    let shown = url.to_string();
    if had_credentials { shown.replacen("://", "://***@", 1) } else { shown }
}

/// A header's value for the log.
pub fn header<'a>(name: &str, value: &'a str) -> &'a str {
    const SECRET: &[&str] = &["authorization", "cookie", "set-cookie", "proxy-authorization", "x-booking-signature"];
    let name = name.to_ascii_lowercase();
    if SECRET.contains(&name.as_str()) || name.contains("key") || name.contains("token") { "***" } else { value }
}

fn path_only(path: &str) -> String {
    let mut out: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        let secret = matches!(out.as_slice(), [.., "feeds"] | [.., "hooks", "graph" | "booking"]);
        out.push(if secret && !segment.is_empty() { "***" } else { segment });
    }
    out.join("/")
}

fn parameter(parameter: &str) -> String {
    match parameter.split_once('=') {
        Some((name, _)) if !OPEN_PARAMETERS.contains(&name) => format!("{name}=***"),
        _ => parameter.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_targets_are_starred() {
        for (given, logged) in [
            ("/feeds/abc.def/hall.ics", "/feeds/***/hall.ics"),
            ("/v1/feeds/123", "/v1/feeds/***"),
            ("/hooks/graph/k3y/lifecycle", "/hooks/graph/***/lifecycle"),
            ("/hooks/graph/k3y?validationToken=a%20b", "/hooks/graph/***?validationToken=***"),
            ("/hooks/booking/k3y", "/hooks/booking/***"),
            ("/v1/bookings?from=2026-01-01&api_key=x", "/v1/bookings?from=2026-01-01&api_key=***"),
            ("/dav/t/rooms/hall/a.ics", "/dav/t/rooms/hall/a.ics"),
            ("/sign-in/callback?code=a&state=b", "/sign-in/callback?***"),
            ("/", "/"),
        ] {
            assert_eq!(target(given), logged);
        }
    }

    #[test]
    fn addresses_lose_credentials_and_query() {
        assert_eq!(address("postgres://u:p@host/db?x=1"), "postgres://***@host/db");
        assert_eq!(address("https://a.example.org/x?token=1#y"), "https://a.example.org/x");
        assert_eq!(address("not an address"), "***");
    }

    #[test]
    fn secret_headers_are_starred() {
        assert_eq!(header("Authorization", "Basic x"), "***");
        assert_eq!(header("X-API-Key", "x"), "***");
        assert_eq!(header("Depth", "1"), "1");
    }
}
