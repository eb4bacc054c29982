//! The example file, written from the sections themselves: every key, its explanation, its default.

use super::Config;
use super::place::SECTIONS;
use super::place::Section;
use std::fmt::Write;
use toml::Table;

const HEAD: &str = "\
# Configuration of Anteroom. Every key has its default here; a file needs only what differs, and no file at all works.
# Each key can be set in the environment too: ANTEROOM_SECTION__KEY, as ANTEROOM_SYNC__POLL_SECONDS.
# Single-tenant names work as well: DATABASE_URL, API_BASE_URL, WEBHOOK_BASE_URL, LOG_LEVEL, API_KEY,
# ENCRYPTION_MASTER_KEY, OUTLOOK_CLIENT_ID, OUTLOOK_CLIENT_SECRET, OUTLOOK_TENANT_ID, BOOKING_API_URL, BOOKING_API_KEY.
";

/// Values shown, commented out, for keys that have no default.
const SHOWN: &[(&str, &str)] = &[
    ("server.public_url", "\"https://rooms.example.org\""),
    ("database.url", "\"postgres://anteroom:password@localhost/anteroom\""),
    ("database.url_file", "\"/run/secrets/database_url\""),
    ("keys.master_key", "\"base64:...\""),
    ("keys.master_key_file", "\"/run/secrets/master_key\""),
    ("keys.pkcs11_module", "\"/usr/lib/softhsm/libsofthsm2.so\""),
    ("keys.pkcs11_pin", "\"...\""),
    ("keys.pkcs11_pin_file", "\"/run/secrets/pkcs11_pin\""),
    ("auth.api_key", "\"...\""),
    ("auth.api_key_file", "\"/run/secrets/api_key\""),
    ("webhooks.base_url", "\"https://rooms.example.org\""),
    ("deliveries.proxy", "\"http://proxy.example.org:3128\""),
    ("push.contact", "\"mailto:ops@example.org\""),
    ("push.proxy", "\"http://proxy.example.org:3128\""),
    ("backup.to", "\"s3://backups/anteroom\""),
    ("backup.s3_endpoint", "\"https://s3.example.org\""),
    ("backup.s3_region", "\"eu-north-1\""),
    ("backup.s3_access_key", "\"anteroom\""),
    ("backup.s3_secret_key", "\"...\""),
    ("backup.s3_secret_key_file", "\"/run/secrets/s3_secret_key\""),
    ("tenant.key", "\"springfield\""),
    ("tenant.name", "\"Town of Springfield\""),
    ("tenant.zone", "\"Europe/Oslo\""),
    ("bridge.tenant", "\"springfield\""),
    ("bridge.name", "\"outlook\""),
    ("bridge.kind", "\"graph\""),
    ("profile.certificate_file", "\"/etc/anteroom/profile.pem\""),
    ("profile.key_file", "\"/run/secrets/profile.key\""),
    ("room.tenant", "\"springfield\""),
    ("room.slug", "\"council-hall\""),
    ("room.name", "\"Council hall\""),
    ("room.kind", "\"room\""),
    ("room.zone", "\"Europe/Oslo\""),
    ("room.email", "\"council-hall@example.org\""),
    ("room.description", "\"For the council and its committees\""),
    ("room.building", "\"Town hall\""),
    ("room.capacity", "60"),
    ("room.features", "[\"projector\", \"hearing loop\"]"),
    ("room.color", "\"#2a9d8f\""),
    ("room.allow_overlaps", "false"),
    ("observe.metrics_listen", "\"0.0.0.0:9090\""),
    ("mapping.tenant", "\"springfield\""),
    ("mapping.room", "\"council-hall\""),
    ("mapping.bridge", "\"outlook\""),
    ("mapping.remote_id", "\"council-hall@example.org\""),
    ("mapping.direction", "\"two_way\""),
    ("mapping.authority", "\"per_origin\""),
    ("mapping.detail", "\"full\""),
    ("mapping.projection", "\"highest_wins\""),
    ("mapping.fold_allocations", "false"),
    ("mapping.auto_approve", "true"),
    ("user.tenant", "\"springfield\""),
    ("user.name", "\"anna\""),
    ("user.display_name", "\"Anna Berg\""),
    ("user.email", "\"anna@example.org\""),
    ("user.kind", "\"person\""),
    ("user.role", "\"tenant_admin\""),
    ("user.password", "\"...\""),
    ("user.password_file", "\"/run/secrets/anna\""),
    ("user.admin", "[]"),
    ("user.write", "[\"council-hall\"]"),
    ("user.read", "[\"*\"]"),
    ("user.free_busy", "[]"),
];

/// The text of `deploy/config.example.toml`.
pub fn example() -> String {
    let defaults = Table::try_from(Config::default()).unwrap_or_default();
    let mut out = HEAD.to_owned();
    for section in SECTIONS {
        out.push('\n');
        comment(&mut out, section.about);
        if section.many {
            let _ = writeln!(out, "# [[{}]]", section.name);
            keys(&mut out, section, None);
        } else {
            let _ = writeln!(out, "[{}]", section.name);
            keys(&mut out, section, defaults.get(section.name).and_then(toml::Value::as_table));
        }
    }
    out
}

fn keys(out: &mut String, section: &Section, defaults: Option<&Table>) {
    for (key, about) in section.keys {
        comment(out, about);
        let path = format!("{}.{key}", section.name);
        let shown = SHOWN.iter().find(|(known, _)| *known == path).map_or("\"\"", |(_, value)| value);
        let _ = match defaults.and_then(|table| table.get(*key)) {
            Some(value) => writeln!(out, "{key} = {value}"),
            None => writeln!(out, "# {key} = {shown}"),
        };
    }
}

/// Writes a comment in lines of at most 118 characters.
fn comment(out: &mut String, text: &str) {
    let mut line = String::from("#");
    for word in text.split_whitespace() {
        if line.len() + word.len() > 117 {
            out.push_str(&line);
            out.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    out.push_str(&line);
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;
    use crate::config::load;

    /// To write the file anew: `UPDATE_EXAMPLE=1 cargo test example_file`.
    #[test]
    fn the_example_file_is_what_the_sections_say() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/config.example.toml");
        if std::env::var_os("UPDATE_EXAMPLE").is_some() {
            std::fs::write(path, example()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), example(), "run: UPDATE_EXAMPLE=1 cargo test example_file");
    }

    #[test]
    fn the_example_file_changes_nothing() {
        assert_eq!(load(&example(), &Environment::default(), &|_| Ok(())).unwrap(), Config::default());
    }

    #[test]
    fn the_example_with_every_line_in_force_is_valid_but_for_its_secrets_and_files() {
        let text = example();
        let in_force = |line| {
            let key = str::strip_prefix(line, "# ").filter(|l| l.starts_with("[[") || is_assignment(l));
            key.unwrap_or(line)
        };
        let all = text.lines().map(in_force).collect::<Vec<_>>().join("\n");
        let error = load(&all, &Environment::default(), &|_| Ok(())).unwrap_err();
        let known = [
            "_file",
            "backup.recipients",
            "backup.s3_secret_key",
            "auth.api_key",
            "user[0].password",
            "keys.master_key",
            "keys.pkcs11",
        ];
        for problem in error.problems {
            assert!(known.iter().any(|k| problem.key.contains(k)), "{problem}");
        }
    }

    fn is_assignment(line: &str) -> bool {
        line.split_once(" = ").is_some_and(|(key, _)| key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
    }

    #[test]
    fn every_shown_value_belongs_to_a_key() {
        for (path, _) in SHOWN {
            let (section, key) = path.split_once('.').unwrap();
            let section = SECTIONS.iter().find(|s| s.name == section).unwrap();
            assert!(section.keys.iter().any(|(k, _)| *k == key), "{path}");
        }
    }
}
