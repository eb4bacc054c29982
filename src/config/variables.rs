//! Environment variables: `ANTEROOM_SECTION__KEY` for every key, and the plain names that single-tenant installations
//! of booking bridges already use.

use super::Problem;
use super::bootstrap::DEFAULT_TENANT;
use super::load::Environment;
use super::place::SECTIONS;
use toml::Table;
use toml::Value;

const PREFIX: &str = "ANTEROOM_";
/// Variables with the prefix that are no keys: they are read elsewhere.
const NO_KEYS: &[&str] = &["ANTEROOM_CONFIG"];

/// Plain names for keys of sections.
const PLAIN: &[(&str, &str, &str)] = &[
    ("DATABASE_URL", "database", "url"),
    ("API_BASE_URL", "server", "public_url"),
    ("WEBHOOK_BASE_URL", "webhooks", "base_url"),
    ("LOG_LEVEL", "observe", "filter"),
    ("API_KEY", "auth", "api_key"),
    ("ENCRYPTION_MASTER_KEY", "keys", "master_key"),
    ("HSM_KEY_ID", "keys", "pkcs11_key"),
    ("DATABASE_URL_FILE", "database", "url_file"),
    ("API_KEY_FILE", "auth", "api_key_file"),
    ("ENCRYPTION_MASTER_KEY_FILE", "keys", "master_key_file"),
];

/// Plain names for settings of a bridge of the tenant `default`: variable, bridge, kind, setting.
const BRIDGES: &[(&str, &str, &str, &str)] = &[
    ("OUTLOOK_CLIENT_ID", "outlook", "graph", "client_id"),
    ("OUTLOOK_CLIENT_SECRET", "outlook", "graph", "client_secret"),
    ("OUTLOOK_TENANT_ID", "outlook", "graph", "tenant_id"),
    ("OUTLOOK_BASE_URL", "outlook", "graph", "base_url"),
    ("OUTLOOK_LOGIN_URL", "outlook", "graph", "login_url"),
    ("OUTLOOK_PROXY", "outlook", "graph", "proxy"),
    ("OUTLOOK_TIMEOUT_MS", "outlook", "graph", "timeout_ms"),
    ("BOOKING_API_URL", "booking", "booking_generic", "base_url"),
    ("BOOKING_API_KEY", "booking", "booking_generic", "api_key"),
    ("BOOKING_LOGIN", "booking", "booking_generic", "login"),
    ("BOOKING_PASSWORD", "booking", "booking_generic", "password"),
    ("BOOKING_DOMAIN", "booking", "booking_generic", "logindomain"),
    ("BOOKING_PROXY", "booking", "booking_generic", "proxy"),
    ("BOOKING_TIMEOUT_MS", "booking", "booking_generic", "timeout_ms"),
];

/// One value for one place of the configuration, and the variable it came from.
pub(super) struct Override {
    /// Name of the variable.
    pub variable: String,
    place: Where,
    value: String,
}

enum Where {
    Key { section: &'static str, key: &'static str },
    Bridge { name: &'static str, kind: &'static str, setting: String },
}

/// What the environment sets, weakest first: plain names, then names with the prefix.
pub(super) fn overrides(env: &Environment, problems: &mut Vec<Problem>) -> Vec<Override> {
    let booking = booking_kind(env, problems);
    let mut found: Vec<Override> = plain(env).chain(bridges(env, booking)).collect();
    for (variable, value) in env.iter().filter(|(name, _)| name.starts_with(PREFIX)) {
        if NO_KEYS.contains(&variable) {
            continue;
        }
        match place_of(variable) {
            Some(place) => found.push(Override { variable: variable.to_owned(), place, value: value.to_owned() }),
            None => problems.push(Problem::new(
                variable,
                "names no key; the form is ANTEROOM_SECTION__KEY, as ANTEROOM_SYNC__POLL_SECONDS for sync.poll_seconds",
            )),
        }
    }
    found
}

fn plain(env: &Environment) -> impl Iterator<Item = Override> + '_ {
    PLAIN.iter().filter_map(|(variable, section, key)| {
        let value = env.get(variable)?;
        // Other programs write this level in full.
        let value = if *key == "filter" && value.eq_ignore_ascii_case("warning") { "warn" } else { value };
        let place = Where::Key { section, key };
        Some(Override { variable: (*variable).to_owned(), place, value: value.to_owned() })
    })
}

/// The kind of the bridge `booking`: `BOOKING_PROFILE` is `generic` or `portico`.
fn booking_kind(env: &Environment, problems: &mut Vec<Problem>) -> &'static str {
    match env.get("BOOKING_PROFILE").unwrap_or("generic") {
        "portico" => "booking_portico",
        "generic" => "booking_generic",
        other => {
            problems.push(Problem::new("BOOKING_PROFILE", format!("{other:?} is neither generic nor portico")));
            "booking_generic"
        }
    }
}

/// One setting of a bridge, by its plain name.
pub(super) struct BridgeSetting {
    /// Name of the variable.
    pub variable: String,
    /// The bridge.
    pub bridge: &'static str,
    /// Its kind.
    pub kind: &'static str,
    /// The setting; with `_file` at its end where the value is the path of a file.
    pub key: String,
    /// The value.
    pub value: String,
}

/// The settings of bridges that stand in an environment by their plain names.
pub(super) fn bridge_settings(env: &Environment, problems: &mut Vec<Problem>) -> Vec<BridgeSetting> {
    plain_settings(env, booking_kind(env, problems)).collect()
}

fn bridges<'a>(env: &'a Environment, booking: &'static str) -> impl Iterator<Item = Override> + 'a {
    plain_settings(env, booking).map(|one| {
        let place = Where::Bridge { name: one.bridge, kind: one.kind, setting: one.key };
        Override { variable: one.variable, place, value: one.value }
    })
}

/// Each may also be given as a file: `OUTLOOK_CLIENT_SECRET_FILE`.
fn plain_settings<'a>(env: &'a Environment, booking: &'static str) -> impl Iterator<Item = BridgeSetting> + 'a {
    BRIDGES.iter().flat_map(move |(variable, name, kind, setting)| {
        [("", ""), ("_FILE", "_file")].into_iter().filter_map(move |(variable_end, setting_end)| {
            let variable = format!("{variable}{variable_end}");
            let value = env.get(&variable)?;
            // Our paths begin with /api; where this is written in full, it is in the address already.
            let value = match *setting {
                "base_url" => value.trim_end_matches('/').trim_end_matches("/api").to_owned(),
                _ => value.to_owned(),
            };
            let kind = if *name == "booking" { booking } else { kind };
            Some(BridgeSetting { variable, bridge: name, kind, key: format!("{setting}{setting_end}"), value })
        })
    })
}

fn place_of(variable: &str) -> Option<Where> {
    let (section, key) = variable.strip_prefix(PREFIX)?.split_once("__")?;
    let section = SECTIONS.iter().find(|s| !s.many && s.name.eq_ignore_ascii_case(section))?;
    let (key, _) = section.keys.iter().find(|(known, _)| known.eq_ignore_ascii_case(key))?;
    Some(Where::Key { section: section.name, key })
}

impl Override {
    /// Puts the value into the parsed file. `as_text` keeps `123` a text where a text is wanted.
    pub(super) fn apply(&self, file: &mut Table, as_text: bool) {
        match &self.place {
            Where::Key { section, key } => {
                if let Some(table) = section_of(file, section) {
                    table.insert((*key).to_owned(), if as_text { text(&self.value) } else { typed(&self.value) });
                }
            }
            Where::Bridge { name, kind, setting } => {
                if let Some(table) = bridge_of(file, name, kind) {
                    let value = if setting == "timeout_ms" { typed(&self.value) } else { text(&self.value) };
                    table.insert(setting.clone(), value);
                }
            }
        }
    }
}

fn section_of<'a>(file: &'a mut Table, name: &str) -> Option<&'a mut Table> {
    file.entry(name).or_insert_with(|| Value::Table(Table::new())).as_table_mut()
}

/// The bridge of that name in the tenant `default`, made if the file has none.
fn bridge_of<'a>(file: &'a mut Table, name: &str, kind: &str) -> Option<&'a mut Table> {
    let bridges = file.entry("bridge").or_insert_with(|| Value::Array(Vec::new())).as_array_mut()?;
    let is_it = |bridge: &Value| {
        let has = |key: &str, default: &str| bridge.get(key).and_then(Value::as_str).unwrap_or(default).to_owned();
        has("name", "") == name && has("tenant", DEFAULT_TENANT) == DEFAULT_TENANT
    };
    let at = bridges.iter().position(is_it).unwrap_or_else(|| {
        let mut bridge = Table::new();
        bridge.insert("name".to_owned(), text(name));
        bridge.insert("kind".to_owned(), text(kind));
        bridges.push(Value::Table(bridge));
        bridges.len() - 1
    });
    bridges.get_mut(at)?.as_table_mut()
}

fn text(value: &str) -> Value {
    Value::String(value.to_owned())
}

fn typed(value: &str) -> Value {
    if let Ok(number) = value.parse::<i64>() {
        return Value::Integer(number);
    }
    value.parse::<bool>().map_or_else(|_| text(value), Value::Boolean)
}
