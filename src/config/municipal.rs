//! Tenants in the environment, as installations for several organisations write them: `MUNICIPAL_A_OUTLOOK_CLIENT_ID`.
//! What stands before the plain name of a setting is the tenant. They are read once, by `anteroom tenant import-env`;
//! from then on the database says what there is.

use super::bootstrap::BridgeEntry;
use super::load::Environment;
use super::problem::Problem;
use super::variables;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Settings that show that what stands before them is a tenant.
const SIGNS: [&str; 4] = ["_OUTLOOK_CLIENT_ID", "_OUTLOOK_TENANT_ID", "_BOOKING_API_URL", "_SYNC_FREQUENCY"];

/// Settings that mean nothing here, and why.
const IDLE: [(&str, &str); 2] = [
    ("OFFSET", "readings are spread over the time by themselves"),
    ("OUTLOOK_GROUP_ID", "rooms are listed by the rights of the application, not by a group"),
];

/// One tenant as the environment describes it.
#[derive(Debug, PartialEq, Eq)]
pub struct Municipal {
    /// Its key: `municipal-a` for `MUNICIPAL_A_…`.
    pub key: String,
    /// The zone of its rooms, if the environment says.
    pub zone: Option<String>,
    /// Minutes between two readings of its calendars.
    pub sync_frequency_minutes: Option<i64>,
    /// Whose work is taken up first: `high`, `medium` and `low` are 50, 100 and 200.
    pub priority: Option<i64>,
    /// Its bridges.
    pub bridges: Vec<BridgeEntry>,
    /// Variables that mean nothing here, and why.
    pub idle: Vec<(String, &'static str)>,
}

/// The tenants of an environment, by key; or everything that is wrong with them.
pub fn municipals(env: &Environment) -> Result<Vec<Municipal>, Vec<Problem>> {
    let mut problems = Vec::new();
    let prefixes: BTreeSet<&str> = env
        .iter()
        .filter_map(|(name, _)| SIGNS.iter().find_map(|sign| name.strip_suffix(sign)))
        .filter(|prefix| !prefix.is_empty() && !prefix.starts_with("ANTEROOM"))
        .collect();
    let found = prefixes.into_iter().map(|prefix| one(env, prefix, &mut problems)).collect();
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

fn one(env: &Environment, prefix: &str, problems: &mut Vec<Problem>) -> Municipal {
    let get = |name: &str| env.get(&format!("{prefix}_{name}"));
    let minutes = get("SYNC_FREQUENCY").map(str::parse::<i64>);
    if matches!(minutes, Some(Err(_))) {
        problems.push(Problem::new(format!("{prefix}_SYNC_FREQUENCY"), "is no number of minutes"));
    }
    let idle = IDLE.iter().filter(|(name, _)| get(name).is_some());
    Municipal {
        key: prefix.to_ascii_lowercase().replace('_', "-"),
        zone: get("TIMEZONE").map(str::to_owned),
        sync_frequency_minutes: minutes.and_then(Result::ok),
        priority: get("PRIORITY").and_then(|word| priority(prefix, word, problems)),
        bridges: bridges(env, prefix, problems),
        idle: idle.map(|(name, why)| (format!("{prefix}_{name}"), *why)).collect(),
    }
}

fn priority(prefix: &str, word: &str, problems: &mut Vec<Problem>) -> Option<i64> {
    match word {
        "high" => Some(50),
        "medium" => Some(100),
        "low" => Some(200),
        number => number.parse().map_or_else(
            |_| {
                problems.push(Problem::new(format!("{prefix}_PRIORITY"), "is none of high, medium, low, or a number"));
                None
            },
            Some,
        ),
    }
}

/// The bridges `outlook` and `booking` with what the environment says of them; a value may stand in a file.
fn bridges(env: &Environment, prefix: &str, problems: &mut Vec<Problem>) -> Vec<BridgeEntry> {
    let own: Environment = env
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(prefix)?.strip_prefix('_')?.to_owned(), value.to_owned())))
        .collect();
    let mut found: BTreeMap<&str, (&str, Map<String, Value>)> = BTreeMap::new();
    for setting in variables::bridge_settings(&own, problems) {
        let value = match setting.key.strip_suffix("_file") {
            None => setting.value,
            Some(_) => match std::fs::read_to_string(&setting.value) {
                Ok(text) => text.trim_end_matches(['\r', '\n']).to_owned(),
                Err(error) => {
                    problems.push(Problem::new(format!("{prefix}_{}", setting.variable), error.to_string()));
                    continue;
                }
            },
        };
        let key = setting.key.trim_end_matches("_file").to_owned();
        let value = match key.as_str() {
            "timeout_ms" => value.parse::<u64>().map_or_else(|_| Value::from(value.clone()), Value::from),
            _ => Value::from(value),
        };
        found.entry(setting.bridge).or_insert_with(|| (setting.kind, Map::new())).1.insert(key, value);
    }
    let entry = |(name, (kind, settings)): (&str, (&str, Map<String, Value>))| {
        let kind = serde_json::from_value(Value::from(kind)).ok()?;
        Some(BridgeEntry { tenant: String::new(), name: name.to_owned(), kind, settings })
    };
    found.into_iter().filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::BridgeKind;

    #[test]
    fn what_stands_before_a_plain_name_is_a_tenant() {
        let env: Environment = [
            ("TENANT_MODE", "multi"),
            ("OUTLOOK_CLIENT_ID", "of nobody in particular"),
            ("MUNICIPAL_A_OUTLOOK_CLIENT_ID", "client-a"),
            ("MUNICIPAL_A_OUTLOOK_CLIENT_SECRET", "secret-a"),
            ("MUNICIPAL_A_OUTLOOK_TENANT_ID", "tenant-a"),
            ("MUNICIPAL_A_OUTLOOK_GROUP_ID", "group-a"),
            ("MUNICIPAL_A_BOOKING_API_URL", "http://municipal-a.example/api"),
            ("MUNICIPAL_A_BOOKING_API_KEY", "key-a"),
            ("MUNICIPAL_A_SYNC_FREQUENCY", "5"),
            ("MUNICIPAL_A_PRIORITY", "high"),
            ("MUNICIPAL_B_BOOKING_API_URL", "http://municipal-b.example"),
            ("MUNICIPAL_B_BOOKING_PROFILE", "portico"),
        ]
        .into_iter()
        .collect();
        let found = municipals(&env).unwrap();
        let keys: Vec<&str> = found.iter().map(|one| one.key.as_str()).collect();
        assert_eq!(keys, ["municipal-a", "municipal-b"]);
        let a = &found[0];
        assert_eq!((a.sync_frequency_minutes, a.priority), (Some(5), Some(50)));
        assert_eq!(a.idle[0].0, "MUNICIPAL_A_OUTLOOK_GROUP_ID");
        let outlook = a.bridges.iter().find(|bridge| bridge.name == "outlook").unwrap();
        assert_eq!(outlook.kind, BridgeKind::Graph);
        assert_eq!(outlook.settings["client_secret"], "secret-a");
        let booking = a.bridges.iter().find(|bridge| bridge.name == "booking").unwrap();
        assert_eq!(booking.settings["base_url"], "http://municipal-a.example");
        assert_eq!(found[1].bridges[0].kind, BridgeKind::BookingPortico);
    }

    #[test]
    fn what_cannot_be_read_is_refused_by_variable() {
        let env: Environment = [("TOWN_SYNC_FREQUENCY", "often"), ("TOWN_PRIORITY", "first")].into_iter().collect();
        let refused: Vec<String> = municipals(&env).unwrap_err().iter().map(|one| one.key.clone()).collect();
        assert_eq!(refused, ["TOWN_SYNC_FREQUENCY", "TOWN_PRIORITY"]);
    }
}
