//! Every statement on what belongs to a tenant names the tenant, or stands here with the reason why not.

#[cfg(test)]
mod tenancy {
    use std::collections::{BTreeMap, BTreeSet};
    use std::fs;
    use std::path::Path;

    /// File, constant, and why no row of another tenant can be met.
    const ARGUED: &[(&str, &str, &str)] = &[
        ("alerts.rs", "FORGET_ALL", "housekeeping by age, alike for all tenants"),
        ("audit_chain.rs", "WAITING", "the keeper looks for entries of all tenants; each is chained to its own"),
        ("conflicts.rs", "OVERDUE", "the reconciler looks for work of all tenants; each row carries its own"),
        ("conflicts.rs", "FORGET", "housekeeping by age, alike for all tenants"),
        ("deliveries.rs", "FORGET", "housekeeping by age, alike for all tenants"),
        ("deliveries.rs", "GIVE_UP", "housekeeping by age, alike for all tenants"),
        ("dump.rs", "PRINCIPALS", "ids of those who are not of the tenant, so that rows which name them can be told"),
        ("feeds.rs", "WITHDRAWN", "says only that a token was withdrawn"),
        ("inbox.rs", "FORGET", "housekeeping by age, alike for all tenants"),
        ("mappings.rs", "AWAITING", "the reconciler looks for work of all tenants; each row carries its own"),
        ("mappings.rs", "DUE", "the reconciler looks for work of all tenants; each row carries its own"),
        ("mappings.rs", "WAKE_ALL", "a start wakes every mapping of every tenant"),
        ("objects.rs", "BEHIND_HORIZON", "the reconciler looks for work of all tenants; each row carries its own"),
        ("operations.rs", "BACKLOG", "a sum for the operator, of no tenant in particular"),
        ("operations.rs", "CLAIM_HEAD", "the mapping was read with its tenant, under its lease"),
        ("operations.rs", "RELEASE_ALL", "a start takes back what an earlier process held, for all tenants"),
        ("operations.rs", "WAITING", "the reconciler looks for work of all tenants; each row carries its own"),
        ("overview.rs", "ALERTS", "numbers of all tenants for the operator; each row carries its own tenant"),
        ("overview.rs", "CONFLICTS", "numbers of all tenants for the operator; each row carries its own tenant"),
        ("overview.rs", "MAPPINGS", "numbers of all tenants for the operator; each row carries its own tenant"),
        ("overview.rs", "OUTBOX", "numbers of all tenants for the operator; each row carries its own tenant"),
        ("overview.rs", "SUBSCRIPTIONS", "numbers of all tenants for the operator; each row carries its own tenant"),
        ("overview.rs", "SUSPECTS", "says only which tenants are to be looked at"),
        ("principals.rs", "ANYWHERE", "who signs in does not say to which tenant; the password decides"),
        ("principals.rs", "GET_ANYWHERE", "the credential decides which tenant it is; the row carries it"),
        ("providers.rs", "BY_ISSUER", "a token says who issued it and no more; each row carries its own tenant"),
        ("providers.rs", "OFFERED", "who signs in does not say to which tenant; each row carries its own"),
        ("registrations.rs", "EXPIRE", "housekeeping by age, alike for all tenants"),
        ("registrations.rs", "WAITING", "the reconciler looks for work of all tenants; each row carries its own"),
        ("restore.rs", "MAPPINGS", "a restored database begins anew for all tenants"),
        ("restore.rs", "OPERATIONS", "a restored database begins anew for all tenants"),
        ("restore.rs", "ROOMS", "a restored database begins anew for all tenants"),
        ("restore.rs", "SESSIONS", "a restored database begins anew for all tenants"),
        ("restore.rs", "SUBSCRIPTIONS", "a restored database begins anew for all tenants"),
        ("rooms.rs", "AFTER", "the reconciler looks for work of all tenants; each row carries its own"),
        ("runs.rs", "FORGET", "housekeeping by age, alike for all tenants"),
        ("secrets.rs", "BY_LOOKUP", "the credential decides which tenant it is; the row carries it"),
        ("sessions.rs", "BY_HASH", "the cookie decides which session it is; the row carries its tenant"),
        ("sessions.rs", "FORGET", "housekeeping by age, alike for all tenants"),
        ("sessions.rs", "RETURN", "the cookie decides which errand it was; the row carries its tenant"),
        (
            "subscriptions.rs",
            "BY_HOOK",
            "the key in the address decides which subscription it is; the row carries its tenant",
        ),
        (
            "subscriptions.rs",
            "BY_REMOTE",
            "clientState or signature decides which subscription is believed; the row carries its tenant",
        ),
        ("subscriptions.rs", "DUE", "the reconciler looks for work of all tenants; each row carries its own"),
        ("subscriptions.rs", "WITHOUT", "the reconciler looks for work of all tenants; each row carries its own"),
        ("webhooks.rs", "WAITING", "the courier looks for work of all tenants; each row carries its own"),
    ];

    /// What a directory consists of.
    const DIRECTORY: [&str; 9] = [
        "tenants",
        "principals",
        "secrets",
        "grants",
        "room_groups",
        "room_group_members",
        "rooms",
        "room_rules",
        "properties",
    ];

    /// File, constant, and why nothing is changed that may be remembered under the directory's number.
    const NOT_REMEMBERED: &[(&str, &str, &str)] = &[
        ("restore.rs", "ROOMS", "sequence numbers are read together with the number"),
        ("restore.rs", "ROOMS_OF", "sequence numbers are read together with the number"),
        ("rooms.rs", "LOCK", "nothing is changed"),
        ("rooms.rs", "NEXT_SEQ", "sequence numbers are read together with the number"),
        ("rooms.rs", "RAISE_LONGEST", "the longest instance is read together with the number"),
        ("secrets.rs", "TOUCH", "when a password was last used decides nothing"),
        ("tenants.rs", "INSERT", "nothing is remembered of a tenant that is not there"),
    ];

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR"))
    }

    /// The tables whose rows belong to a tenant.
    fn tables() -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for entry in fs::read_dir(root().join("migrations")).unwrap() {
            let sql = fs::read_to_string(entry.unwrap().path()).unwrap();
            for table in sql.split("CREATE TABLE ").skip(1) {
                let (name, rest) = table.split_once('(').unwrap();
                if rest.split(");").next().unwrap().contains("tenant_id") {
                    found.insert(name.trim().to_owned());
                }
            }
        }
        found
    }

    /// The texts that a Rust expression puts together, macros of the same file written out.
    fn texts(expression: &str, macros: &BTreeMap<String, String>) -> Vec<String> {
        let mut found = Vec::new();
        let mut rest = expression;
        loop {
            let quote = rest.find('"');
            let call = macros.keys().filter_map(|name| Some((rest.find(&format!("{name}!("))?, name))).min();
            match (quote, call) {
                (Some(quote), call) if call.is_none_or(|(at, _)| quote < at) => {
                    let text = &rest[quote + 1..];
                    let end = text.find('"').unwrap();
                    found.push(text[..end].to_owned());
                    rest = &text[end + 1..];
                }
                (_, Some((at, name))) => {
                    found.push(macros[name].clone());
                    // What it is called with are texts like those around it.
                    rest = &rest[at + name.len() + 1..];
                }
                _ => return found,
            }
        }
    }

    fn without_comments(source: &str) -> String {
        source.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
    }

    /// The macros of the folder that are text, by name; those of another file are called by their path's last name.
    fn macros(source: &str) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for part in source.split("macro_rules! ").skip(1) {
            let name = part.split([' ', '{']).next().unwrap().to_owned();
            let body = part.split("\n}").next().unwrap();
            let known = found.clone();
            found.insert(name, texts(body, &known).join(" "));
        }
        found
    }

    /// The statements of a file, by the name of their constant.
    fn statements(source: &str) -> Vec<(String, String)> {
        let source = without_comments(source);
        let (macros, mut found) = (macros(&source), Vec::new());
        for part in source.split("\nconst ").skip(1) {
            let Some((name, rest)) = part.split_once(':') else { continue };
            let Some((kind, rest)) = rest.split_once('=') else { continue };
            let expression = rest.split(";\n").next().unwrap_or_default();
            let texts = texts(expression, &macros);
            if kind.contains('[') {
                found.extend(texts.into_iter().map(|text| (name.to_owned(), text)));
            } else {
                found.push((name.to_owned(), texts.join(" ")));
            }
        }
        found.retain(|(_, text)| {
            ["SELECT ", "INSERT ", "UPDATE ", "DELETE "].iter().any(|verb| text.trim().starts_with(verb))
        });
        found
    }

    /// The tables of a tenant that a statement touches.
    fn touched<'t>(text: &str, tables: &'t BTreeSet<String>) -> Vec<&'t str> {
        let words: Vec<&str> =
            text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|w| !w.is_empty()).collect();
        let after = |pair: &[&str]| matches!(pair[0], "FROM" | "JOIN" | "INTO" | "UPDATE");
        let named: BTreeSet<&str> = words.windows(2).filter(|pair| after(pair)).map(|pair| pair[1]).collect();
        tables.iter().map(String::as_str).filter(|table| named.contains(table)).collect()
    }

    /// Whether it names the tenant: as the owner of what it inserts, or as a condition.
    fn names_it(text: &str) -> bool {
        let head = text.split("VALUES").next().unwrap_or_default();
        (text.trim().starts_with("INSERT ") && head.contains("tenant_id")) || text.contains("tenant_id = ")
    }

    #[test]
    fn every_statement_on_what_belongs_to_a_tenant_names_the_tenant() {
        let (tables, mut seen, mut wrong) = (tables(), 0, Vec::new());
        let mut argued: BTreeSet<(String, String)> = BTreeSet::new();
        for entry in fs::read_dir(root().join("src/store")).unwrap() {
            let path = entry.unwrap().path();
            let file = path.file_name().unwrap().to_string_lossy().into_owned();
            for (name, text) in statements(&fs::read_to_string(&path).unwrap()) {
                let touched = touched(&text, &tables);
                if touched.is_empty() {
                    continue;
                }
                seen += 1;
                if names_it(&text) {
                    continue;
                }
                if ARGUED.iter().any(|(of, one, _)| *of == file && *one == name) {
                    argued.insert((file.clone(), name));
                } else {
                    wrong.push(format!(
                        "{file} {name} on {touched:?}: {}",
                        text.split_whitespace().collect::<Vec<_>>().join(" ")
                    ));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(seen > 150, "only {seen} statements were found");
        for (file, name, why) in ARGUED {
            assert!(
                !why.is_empty() && argued.contains(&((*file).to_owned(), (*name).to_owned())),
                "{file} {name} needs no exception"
            );
        }
    }

    #[test]
    fn a_statement_without_its_tenant_is_found() {
        let source = "macro_rules! columns {\n    () => {\n        \"id, tenant_id\"\n    };\n}\n\nconst A: &str = \
            concat!(\"SELECT \", columns!(), \" FROM rooms WHERE id = $1\");\nconst B: &str = \"DELETE FROM rooms WHERE \
            tenant_id = $1\";\nconst C: [&str; 1] = [\"UPDATE rooms SET seq = 1\"];\nfn f() {}\n";
        let found = statements(source);
        let rooms = BTreeSet::from(["rooms".to_owned()]);
        let bare: Vec<&str> = found
            .iter()
            .filter(|(_, text)| !touched(text, &rooms).is_empty() && !names_it(text))
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!((found.len(), bare), (3, vec!["A", "C"]));
    }

    /// The table that a statement writes to.
    fn written(text: &str) -> Option<&str> {
        let rest =
            ["INSERT INTO ", "UPDATE ", "DELETE FROM "].iter().find_map(|verb| text.trim().strip_prefix(verb))?;
        rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next()
    }

    #[test]
    fn whatever_changes_a_directory_raises_its_number() {
        let (mut seen, mut wrong, mut argued) = (0, Vec::new(), BTreeSet::new());
        for entry in fs::read_dir(root().join("src/store")).unwrap() {
            let path = entry.unwrap().path();
            let file = path.file_name().unwrap().to_str().unwrap().to_owned();
            let source = fs::read_to_string(&path).unwrap();
            let functions: Vec<&str> = source.split("async fn ").skip(1).collect();
            for (name, text) in statements(&source) {
                if !written(&text).is_some_and(|table| DIRECTORY.contains(&table)) || file == "directory.rs" {
                    continue;
                }
                seen += 1;
                if NOT_REMEMBERED.iter().any(|(of, known, _)| *of == file && *known == name) {
                    argued.insert((file.clone(), name));
                    continue;
                }
                let is_word = |body: &str| body.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|w| w == name);
                let users: Vec<&&str> = functions.iter().filter(|body| is_word(body)).collect();
                let raised = text.contains("directory = directory + 1")
                    || (!users.is_empty() && users.iter().all(|body| body.contains("directory::changed")));
                if !raised {
                    wrong.push(format!("{file}: {name}"));
                }
            }
        }
        wrong.dedup();
        assert!(wrong.is_empty(), "these change a directory without raising its number: {wrong:?}");
        assert!(seen > 20, "{seen} statements were found");
        assert_eq!(argued.len(), NOT_REMEMBERED.len(), "an exception that nothing needs");
    }
}
