//! From a file and the environment to a [`Config`]: default, file, environment, secret files, in this order.

use super::Config;
use super::ConfigError;
use super::Problem;
use super::Secret;
use super::bootstrap::BridgeEntry;
use super::check;
use super::fitting;
use super::place;
use super::variables;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use toml::Table;
use toml::Value;
use toml::de::DeTable;

/// Largest secret file in bytes.
const SECRET_BYTES: usize = 64 << 10;

/// The environment as a value, so that tests need not change the process's own.
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The environment of this process. Variables that are not UTF-8 are left out.
    pub fn from_process() -> Self {
        Self(std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect())
    }

    /// The value of a variable; an empty one counts as not set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(k, v)| (k.as_str(), v.as_str())).filter(|(_, v)| !v.is_empty())
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect())
    }
}

/// The configuration of this process: the named file (or the one `ANTEROOM_CONFIG` names), then the environment.
pub fn from_process(file: Option<&Path>, judge: Judge<'_>) -> Result<Config, ConfigError> {
    let env = Environment::from_process();
    let file = file.map(Path::to_owned).or_else(|| env.get("ANTEROOM_CONFIG").map(PathBuf::from));
    let Some(path) = file else { return load("", &env, judge) };
    let text = std::fs::read_to_string(&path).map_err(|e| {
        one(Problem::new(path.display().to_string(), format!("the configuration file cannot be read: {e}")))
    })?;
    load(&text, &env, judge)
}

/// Says what is wrong with the settings of a bridge, which only its kind understands.
pub type Judge<'a> = &'a dyn Fn(&BridgeEntry) -> Result<(), String>;

/// The configuration of a file's text and an environment, checked; or everything that is wrong with them.
pub fn load(text: &str, env: &Environment, judge: Judge<'_>) -> Result<Config, ConfigError> {
    let broken = |e: &toml::de::Error| {
        let line = e.span().map(|span| place::line(text, span.start));
        one(Problem { key: String::new(), line, what: e.message().to_owned() })
    };
    let spanned = DeTable::parse(text).map_err(|e| broken(&e))?;
    let mut file: Table = toml::from_str(text).map_err(|e| broken(&e))?;
    let mut problems = fitting::fit_file(text, spanned.get_ref(), &mut file);
    for each in variables::overrides(env, &mut problems) {
        if let Err(what) = fit(&mut file, &each) {
            problems.push(Problem::new(&each.variable, what));
        }
    }
    bridge_secret_files(&mut file, &mut problems);
    let mut config = Config::deserialize(file).map_err(|e| one(Problem::new("", e.message())))?;
    secret_files(&mut config, &mut problems);
    let mut contradictions = check::problems(&config);
    contradictions.extend(judged(&config, judge));
    for problem in contradictions {
        // What was wrong in itself already is not told twice.
        if !problems.iter().any(|told| told.key == problem.key) {
            problems.push(Problem { line: place::line_of(text, spanned.get_ref(), &problem.key), ..problem });
        }
    }
    if problems.is_empty() { Ok(config) } else { Err(ConfigError { problems }) }
}

fn judged(config: &Config, judge: Judge<'_>) -> Vec<Problem> {
    let bridges = config.bridge.iter().enumerate();
    bridges.filter_map(|(at, bridge)| Some(Problem::new(format!("bridge[{at}].kind"), judge(bridge).err()?))).collect()
}

/// Puts a variable's value in, as a number or yes-no where it looks like one, otherwise as text.
fn fit(file: &mut Table, each: &variables::Override) -> Result<(), String> {
    let mut error = String::new();
    for as_text in [false, true] {
        let mut tried = file.clone();
        each.apply(&mut tried, as_text);
        match Config::deserialize(tried.clone()) {
            Ok(_) => {
                *file = tried;
                return Ok(());
            }
            Err(e) if error.is_empty() => e.message().clone_into(&mut error),
            Err(_) => {}
        }
    }
    Err(error)
}

/// In a bridge, which has settings we do not know here, every key `x_file` stands for `x`.
fn bridge_secret_files(file: &mut Table, problems: &mut Vec<Problem>) {
    let bridges = file.get_mut("bridge").and_then(Value::as_array_mut);
    for (at, bridge) in bridges.into_iter().flatten().enumerate() {
        let Some(bridge) = bridge.as_table_mut() else { continue };
        let names: Vec<String> = bridge.keys().filter(|key| key.ends_with("_file")).cloned().collect();
        for name in names {
            let path = bridge.remove(&name).and_then(|value| value.as_str().map(PathBuf::from)).unwrap_or_default();
            match read_secret(&path) {
                Ok(secret) => {
                    let key = name.trim_end_matches("_file").to_owned();
                    bridge.insert(key, Value::String(secret.reveal().to_owned()));
                }
                Err(what) => problems.push(Problem::new(format!("bridge[{at}].{name}"), what)),
            }
        }
    }
}

/// The other keys that may be given as a file. The master key's file is read where keys are understood.
fn secret_files(config: &mut Config, problems: &mut Vec<Problem>) {
    let mut slots = vec![
        ("database.url".to_owned(), &mut config.database.url, &config.database.url_file),
        ("auth.api_key".to_owned(), &mut config.auth.api_key, &config.auth.api_key_file),
        ("backup.s3_secret_key".to_owned(), &mut config.backup.s3_secret_key, &config.backup.s3_secret_key_file),
        ("keys.pkcs11_pin".to_owned(), &mut config.keys.pkcs11_pin, &config.keys.pkcs11_pin_file),
    ];
    for (at, user) in config.user.iter_mut().enumerate() {
        slots.push((format!("user[{at}].password"), &mut user.password, &user.password_file));
    }
    for (key, slot, file) in slots {
        let Some(path) = file else { continue };
        match read_secret(path) {
            Ok(_) if slot.is_some() => {
                problems.push(Problem::new(&key, format!("is set and {key}_file too; keep one of them")));
            }
            Ok(secret) => *slot = Some(secret),
            Err(what) => problems.push(Problem::new(format!("{key}_file"), what)),
        }
    }
}

/// The text of a secret file without the line end that editors add.
fn read_secret(path: &Path) -> Result<Secret, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{} cannot be read: {e}", path.display()))?;
    if text.len() > SECRET_BYTES {
        return Err(format!("{} has {} bytes, at most {SECRET_BYTES} are read", path.display(), text.len()));
    }
    let text = text.trim_end_matches(['\n', '\r']);
    if text.is_empty() { Err(format!("{} is empty", path.display())) } else { Ok(Secret::new(text)) }
}

fn one(problem: Problem) -> ConfigError {
    ConfigError { problems: vec![problem] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::BridgeKind;
    use crate::model::Direction;

    fn nothing() -> Environment {
        Environment::default()
    }

    fn refusals(text: &str, env: &Environment) -> Vec<String> {
        load(text, env, &|_| Ok(())).unwrap_err().problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn without_file_and_environment_the_server_runs_on_loopback_with_sqlite() {
        let config = load("", &nothing(), &|_| Ok(())).unwrap();
        assert_eq!(config, Config::default());
        assert_eq!(config.database_url().reveal(), "sqlite://./data/anteroom.db");
        assert_eq!(config.public_url(), "http://127.0.0.1:8080");
        assert_eq!(config.tenants()[0].key, "default");
        assert_eq!(config.webhook_url(), None);
    }

    #[test]
    fn a_file_changes_what_it_names_and_declares_rooms_bridges_mappings_and_users() {
        let config = load(
            r#"
            [server]
            public_url = "https://rooms.example.org/"
            [[bridge]]
            name = "outlook"
            kind = "graph"
            client_id = "42"
            batch = 20
            [[room]]
            slug = "hall"
            name = "Hall"
            [[mapping]]
            room = "hall"
            bridge = "outlook"
            remote_id = "hall@example.org"
            direction = "import"
            [[user]]
            name = "anna"
            password = "long enough"
            write = ["hall"]
            "#,
            &nothing(),
            &|_| Ok(()),
        )
        .unwrap();
        assert_eq!(config.public_url(), "https://rooms.example.org");
        assert_eq!(config.bridge[0].kind, BridgeKind::Graph);
        assert_eq!(config.bridge[0].settings_value(), serde_json::json!({"client_id": "42", "batch": 20}));
        assert_eq!(config.mapping[0].direction, Direction::Import);
        assert_eq!(config.room[0].tenant, "default");
        assert_eq!(config.user[0].password, Some(Secret::new("long enough")));
        assert!(!format!("{config:?}").contains("long enough"));
    }

    #[test]
    fn unknown_keys_are_all_refused_with_line_path_and_the_nearest_key() {
        let found = refusals("[sync]\npoll_second = 5\n\n[serverr]\n[[room]]\nslug='a'\nzzz=1\n", &nothing());
        let expected = [
            "room[0].zzz (line 7): there is no such key",
            "serverr (line 4): there is no such section; did you mean `server`?",
            "sync.poll_second (line 2): there is no such key; did you mean `poll_seconds`?",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn values_of_a_wrong_type_and_broken_files_say_line_and_key() {
        let found = refusals("[sync]\npast_days = 3\nworkers = \"many\"\n", &nothing());
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("sync.workers (line 3): invalid type: string \"many\""), "{found:?}");
        let found = refusals("[[room]]\nslug='a'\n[[room]]\nkind = 'hall'\n", &nothing());
        assert!(found[0].starts_with("room[1].kind (line 4): unknown variant `hall`"), "{found:?}");
        let found = refusals("[sync\n", &nothing());
        assert!(found[0].starts_with("line 1: "), "{found:?}");
    }

    #[test]
    fn a_file_with_every_kind_of_mistake_is_told_all_of_them_with_their_lines() {
        let text = "[server]\nlisten = 'nope'\nprot = 3\n[sync]\npoll_seconds = 1\nworkers = 'many'\n[[tenant]]\n\
                    key = 'A b'\n[[bridge]]\nname = 'o'\nkind = 'grap'\n[[bridge]]\nname = 'p'\nkind = 'graph'\n\
                    [[mapping]]\nroom = 'x'\n[[user]]\nname = 'anna'\nrole = 'king'\n";
        let env: Environment = [("ANTEROOM_SYNC__POLL", "1")].into_iter().collect();
        let judge =
            |bridge: &BridgeEntry| if bridge.name == "p" { Err("client_id is missing".to_owned()) } else { Ok(()) };
        let error = load(text, &env, &judge).unwrap_err();
        let told: Vec<(&str, Option<usize>)> = error.problems.iter().map(|p| (p.key.as_str(), p.line)).collect();
        for place in [
            ("server.prot", Some(3)),
            ("sync.workers", Some(6)),
            ("bridge[0].kind", Some(11)),
            ("user[0].role", Some(19)),
            ("ANTEROOM_SYNC__POLL", None),
            ("server.listen", Some(2)),
            ("sync.poll_seconds", Some(5)),
            ("tenant[0].key", Some(8)),
            ("bridge[1].kind", Some(14)),
            ("mapping[0].room", Some(16)),
            ("mapping[0].remote_id", Some(15)),
            ("user[0].password", Some(17)),
        ] {
            assert!(told.contains(&place), "{place:?} is not among {told:?}");
        }
        assert_eq!(told.iter().filter(|(key, _)| *key == "bridge[0].kind").count(), 1, "{told:?}");
    }

    #[test]
    fn the_environment_wins_over_the_file_and_prefixed_names_over_plain_ones() {
        let env: Environment = [
            ("ANTEROOM_SYNC__POLL_SECONDS", "60"),
            ("ANTEROOM_OBSERVE__METRICS", "false"),
            ("ANTEROOM_OBSERVE__LOG", "json"),
            ("LOG_LEVEL", "warning"),
            ("API_BASE_URL", "https://a.example.org"),
            ("ANTEROOM_SERVER__PUBLIC_URL", "https://b.example.org"),
            ("ANTEROOM_AUTH__API_KEY", "1234567890123456"),
            ("HOME", "/root"),
        ]
        .into_iter()
        .collect();
        let config = load("[sync]\npoll_seconds = 90\n[observe]\nfilter = 'debug'\n", &env, &|_| Ok(())).unwrap();
        assert_eq!(config.sync.poll_seconds, 60);
        assert!(!config.observe.metrics);
        assert_eq!(config.observe.log, crate::config::LogFormat::Json);
        assert_eq!(config.observe.filter, "warn");
        assert_eq!(config.public_url(), "https://b.example.org");
        assert_eq!(config.auth.api_key, Some(Secret::new("1234567890123456")), "digits stay a text");
    }

    #[test]
    fn variables_that_name_no_key_or_do_not_fit_are_named() {
        let env: Environment =
            [("ANTEROOM_SYNC__POLL", "1"), ("ANTEROOM_SYNC__WORKERS", "many"), ("ANTEROOM_CONFIG", "/etc/x")]
                .into_iter()
                .collect();
        let found = refusals("", &env);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("ANTEROOM_SYNC__POLL: names no key"), "{found:?}");
        assert!(found[1].starts_with("ANTEROOM_SYNC__WORKERS: invalid type"), "{found:?}");
    }

    #[test]
    fn single_tenant_variables_make_two_bridges_of_the_default_tenant() {
        let env: Environment = [
            ("DATABASE_URL", "postgresql://user:pass@localhost:5432/calendar_bridge"),
            ("WEBHOOK_BASE_URL", "https://rooms.example.org"),
            ("OUTLOOK_CLIENT_ID", "id"),
            ("OUTLOOK_CLIENT_SECRET", "very secret"),
            ("OUTLOOK_TENANT_ID", "directory"),
            ("BOOKING_API_URL", "https://booking.example.org/api"),
            ("BOOKING_API_KEY", "12345"),
        ]
        .into_iter()
        .collect();
        let config = load("", &env, &|_| Ok(())).unwrap();
        assert!(config.database_url().reveal().starts_with("postgresql://user"));
        assert_eq!(config.webhook_url().as_deref(), Some("https://rooms.example.org"));
        let [outlook, booking] = config.bridge.as_slice() else { unreachable!("{:?}", config.bridge) };
        assert_eq!(
            (outlook.name.as_str(), outlook.kind, outlook.tenant.as_str()),
            ("outlook", BridgeKind::Graph, "default")
        );
        assert_eq!(outlook.settings["tenant_id"], "directory");
        assert_eq!((booking.name.as_str(), booking.kind), ("booking", BridgeKind::BookingGeneric));
        assert_eq!(booking.settings["api_key"], "12345");
        assert_eq!(booking.settings["base_url"], "https://booking.example.org", "what our paths begin with is cut off");
        assert!(!format!("{config:?}").contains("very secret"));
    }

    #[test]
    fn variables_complete_a_declared_bridge_of_that_name() {
        let env: Environment = [("BOOKING_API_KEY", "k")].into_iter().collect();
        let text = "[[bridge]]\nname='booking'\nkind='booking_portico'\nbase_url='https://b.example.org'\n";
        let config = load(text, &env, &|_| Ok(())).unwrap();
        assert_eq!(config.bridge.len(), 1);
        assert_eq!(config.bridge[0].kind, BridgeKind::BookingPortico);
        assert_eq!(config.bridge[0].settings["api_key"], "k");
    }

    #[test]
    fn addresses_times_and_the_profile_of_the_two_bridges_come_from_the_environment_too() {
        let env: Environment = [
            ("OUTLOOK_CLIENT_ID", "id"),
            ("OUTLOOK_BASE_URL", "http://127.0.0.1:4000"),
            ("OUTLOOK_LOGIN_URL", "http://127.0.0.1:4000"),
            ("OUTLOOK_TIMEOUT_MS", "5000"),
            ("OUTLOOK_PROXY", "http://proxy:3128"),
            ("BOOKING_PROFILE", "portico"),
            ("BOOKING_API_URL", "http://127.0.0.1:4002"),
            ("BOOKING_LOGIN", "anteroom"),
            ("BOOKING_PASSWORD", "hush"),
            ("BOOKING_DOMAIN", "default"),
        ]
        .into_iter()
        .collect();
        let config = load("", &env, &|_| Ok(())).unwrap();
        let [outlook, booking] = config.bridge.as_slice() else { unreachable!("{:?}", config.bridge) };
        assert_eq!(outlook.settings["timeout_ms"], 5000);
        assert_eq!(
            (&outlook.settings["base_url"], &outlook.settings["proxy"]),
            (&serde_json::json!("http://127.0.0.1:4000"), &serde_json::json!("http://proxy:3128"),)
        );
        assert_eq!(
            (booking.kind, &booking.settings["logindomain"]),
            (BridgeKind::BookingPortico, &serde_json::json!("default"))
        );
        let env: Environment = [("BOOKING_PROFILE", "sap")].into_iter().collect();
        assert!(refusals("", &env)[0].starts_with("BOOKING_PROFILE: "), "{:?}", refusals("", &env));
    }

    #[test]
    fn secrets_come_from_files_and_not_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "from the file\n").unwrap();
        let text = format!(
            "[[user]]\nname='anna'\npassword_file={path:?}\n[[bridge]]\nname='o'\nkind='graph'\nclient_secret_file={path:?}\n"
        );
        let config = load(&text, &nothing(), &|_| Ok(())).unwrap();
        assert_eq!(config.user[0].password, Some(Secret::new("from the file")));
        assert_eq!(config.bridge[0].settings["client_secret"], "from the file");
        assert!(!config.bridge[0].settings.contains_key("client_secret_file"));
        let found = refusals(&format!("[database]\nurl='sqlite:x'\nurl_file={path:?}\n"), &nothing());
        assert_eq!(found, ["database.url: is set and database.url_file too; keep one of them"]);
        let found = refusals("[auth]\napi_key_file='/nowhere/at/all'\n", &nothing());
        assert!(found[0].starts_with("auth.api_key_file: /nowhere/at/all cannot be read"), "{found:?}");
    }
}
