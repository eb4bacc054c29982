//! The migrations: numbered without gaps, all carried in the program, in the vocabulary that runs on both engines, and
//! append-only once they were released.

#[cfg(test)]
mod migrations {
    use sha2::{Digest, Sha256};
    use std::fs;
    use std::path::Path;

    /// Every migration and, once a release carries it, the first 16 hexadecimal digits of its SHA-256.
    ///
    /// Before 0.1.0 nobody's database has run these files and they may still change, so the hashes are empty. The
    /// release commit fills them in; from then on a changed file fails here, and a change of the schema is a new file.
    const FILES: [(&str, &str); 30] = [
        ("0001_tenants.sql", ""),
        ("0002_rooms.sql", ""),
        ("0003_feeds.sql", ""),
        ("0004_bridges.sql", ""),
        ("0005_sync.sql", ""),
        ("0006_audit.sql", ""),
        ("0007_link_sent.sql", ""),
        ("0008_features.sql", ""),
        ("0009_growth.sql", ""),
        ("0010_idempotency.sql", ""),
        ("0011_overlaps.sql", ""),
        ("0012_operator.sql", ""),
        ("0013_rules.sql", ""),
        ("0014_push.sql", ""),
        ("0015_zones.sql", ""),
        ("0016_silence.sql", ""),
        ("0017_tenant_record.sql", ""),
        ("0018_folding.sql", ""),
        ("0019_data_keys.sql", ""),
        ("0020_audit_chain.sql", ""),
        ("0021_fbtype.sql", ""),
        ("0022_directory.sql", ""),
        ("0023_turns.sql", ""),
        ("0024_webhooks.sql", ""),
        ("0025_alerts.sql", ""),
        ("0026_resend.sql", ""),
        ("0027_sign_in.sql", ""),
        ("0028_room_groups.sql", ""),
        ("0029_housekeeping.sql", ""),
        ("0030_secret_scope.sql", ""),
    ];

    /// Column types that both engines read and write alike.
    const TYPES: [&str; 3] = ["TEXT", "BIGINT", "BOOLEAN"];

    /// Words at the start of a line inside CREATE TABLE that open a constraint instead of a column.
    const CONSTRAINTS: [&str; 5] = ["PRIMARY", "UNIQUE", "FOREIGN", "CHECK", "CONSTRAINT"];

    /// Words that only one engine understands, or that both understand differently.
    const FOREIGN_WORDS: [&str; 18] = [
        "BLOB",
        "BYTEA",
        "TIMESTAMP",
        "TIMESTAMPTZ",
        "DATETIME",
        "JSON",
        "JSONB",
        "UUID",
        "SERIAL",
        "BIGSERIAL",
        "AUTOINCREMENT",
        "INTEGER",
        "REAL",
        "VARCHAR",
        "CASCADE",
        "STRICT",
        "OVERLAPS",
        "COLLATE",
    ];

    fn folder() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations")
    }

    fn read(file: &str) -> String {
        fs::read_to_string(folder().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    fn words(line: &str) -> impl Iterator<Item = &str> {
        line.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
    }

    fn without_comments(sql: &str) -> impl Iterator<Item = &str> {
        sql.lines().map(|line| line.split("--").next().unwrap_or_default())
    }

    /// What is wrong with the vocabulary of one file.
    fn judge(sql: &str) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut in_table = false;
        for line in without_comments(sql) {
            let upper = line.to_uppercase();
            for word in words(&upper).filter(|word| FOREIGN_WORDS.contains(word)) {
                wrong.push(format!("{word} does not run alike on both engines: {}", line.trim()));
            }
            if upper.trim_start().starts_with("CREATE TABLE") {
                in_table = true;
            } else if line.trim() == ");" {
                in_table = false;
            } else if in_table {
                wrong.extend(judge_column(line));
            }
        }
        wrong
    }

    fn judge_column(line: &str) -> Option<String> {
        let mut words = words(line);
        let name = words.next()?;
        if CONSTRAINTS.contains(&name) {
            return None;
        }
        let kind = words.next().unwrap_or_default();
        if !TYPES.contains(&kind) {
            return Some(format!("column {name} has type {kind:?}, not one of {TYPES:?}"));
        }
        let is_time = name.ends_with("_ms") || name.ends_with("_at");
        (is_time && kind != "BIGINT").then(|| format!("column {name} is a time and must be BIGINT milliseconds"))
    }

    /// The last file from before replicas of two versions worked side by side.
    const ALONE: usize = 25;

    /// Statements without comments, upper case, one space between words.
    fn statements(sql: &str) -> Vec<String> {
        let plain = without_comments(sql).collect::<Vec<_>>().join(" ").to_uppercase();
        let words = |one: &str| one.split_whitespace().collect::<Vec<_>>().join(" ");
        plain.split(';').map(words).filter(|one| !one.is_empty()).collect()
    }

    /// What a replica of the version before would stumble over. Its INSERTs do not name new columns, and it goes on writing
    /// what was there.
    fn breaks(sql: &str) -> Vec<String> {
        let all = statements(sql);
        let is_new = |table: &str| all.iter().any(|one| one.starts_with(&format!("CREATE TABLE {table} ")));
        let mut wrong = Vec::new();
        for one in &all {
            let mut words = one.split([' ', '(']);
            let head: Vec<&str> = words.by_ref().take(2).collect();
            let table = one.split(" ON ").nth(1).or_else(|| one.strip_prefix("ALTER TABLE "));
            let table = table.and_then(|rest| rest.split([' ', '(']).next()).unwrap_or_default();
            let adds = one.contains(" ADD COLUMN ");
            let rules = adds && ["REFERENCES", "UNIQUE", "CHECK"].iter().any(|word| one.contains(word));
            let why = if head[0] == "DROP" || words.any(|word| word == "DROP") {
                "takes something away"
            } else if head == ["ALTER", "TABLE"] && !adds {
                "changes what is there instead of adding a column"
            } else if adds && one.contains(" NOT NULL") && !one.contains(" DEFAULT ") {
                "adds a column that the version before does not fill"
            } else if rules || (one.starts_with("CREATE UNIQUE INDEX") && !is_new(table)) {
                "adds a rule to a table that the version before fills"
            } else {
                continue;
            };
            wrong.push(format!("{why}: {one}"));
        }
        wrong
    }

    #[test]
    fn replicas_of_the_version_before_work_on_after_every_migration() {
        for (file, _) in FILES.iter().skip(ALONE) {
            let advice = "expand in one version, contract in a later one";
            assert_eq!(breaks(&read(file)), Vec::<String>::new(), "{file}: {advice}");
        }
    }

    #[test]
    fn the_checker_refuses_what_the_version_before_stumbles_over() {
        for bad in [
            "DROP TABLE rooms;",
            "DROP INDEX rooms_by_slug;",
            "ALTER TABLE rooms DROP COLUMN name;",
            "ALTER TABLE rooms RENAME COLUMN name TO title;",
            "ALTER TABLE rooms RENAME TO halls;",
            "alter table rooms\n    add column floor BIGINT NOT NULL;",
            "ALTER TABLE rooms ADD COLUMN floor TEXT REFERENCES floors (id);",
            "ALTER TABLE rooms ALTER COLUMN name SET NOT NULL;",
            "CREATE UNIQUE INDEX rooms_by_name ON rooms (name);",
        ] {
            assert_eq!(breaks(bad).len(), 1, "{bad}");
        }
        let good = "-- DROP nothing\nCREATE TABLE floors (\n    id TEXT PRIMARY KEY,\n    n BIGINT NOT NULL\n);\n\
            CREATE UNIQUE INDEX floors_by_n ON floors (n);\nALTER TABLE rooms ADD COLUMN floor TEXT NOT NULL DEFAULT '';\n\
            ALTER TABLE rooms ADD COLUMN height BIGINT;\nCREATE INDEX rooms_by_floor ON rooms (floor);";
        assert_eq!(breaks(good), Vec::<String>::new());
    }

    fn digest(text: &str) -> String {
        let digits: Vec<String> = Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        digits[..8].concat()
    }

    #[test]
    fn the_list_names_every_file_and_the_numbers_have_no_gap() {
        let mut found: Vec<String> = fs::read_dir(folder())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        found.sort();
        assert_eq!(found, FILES.map(|(file, _)| file.to_owned()));
        for (number, (file, _)) in (1..).zip(FILES) {
            assert!(file.starts_with(&format!("{number:04}_")), "{file} should have number {number:04}");
        }
    }

    #[test]
    fn the_program_carries_every_file_in_order() {
        let source = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/db.rs")).unwrap();
        let carried: Vec<&str> = source
            .lines()
            .filter_map(|line| line.split_once("include_str!(\"../../migrations/")?.1.split_once('"'))
            .map(|(file, _)| file)
            .collect();
        assert_eq!(carried, FILES.map(|(file, _)| file));
    }

    #[test]
    fn the_vocabulary_runs_on_both_engines() {
        for (file, _) in FILES {
            assert_eq!(judge(&read(file)), Vec::<String>::new(), "{file}");
        }
    }

    #[test]
    fn a_released_file_is_never_changed() {
        let released_version = !env!("CARGO_PKG_VERSION").starts_with("0.1.0");
        for (file, hash) in FILES {
            if hash.is_empty() {
                assert!(
                    !released_version,
                    "{file} went out with a release: write down its hash {}",
                    digest(&read(file))
                );
            } else {
                assert_eq!(digest(&read(file)), hash, "{file} was released and must not change: add a new migration");
            }
        }
    }

    #[test]
    fn the_checker_refuses_foreign_vocabulary() {
        for bad in [
            "CREATE TABLE a (\n    b BLOB\n);",
            "CREATE TABLE a (\n    b INTEGER NOT NULL\n);",
            "CREATE TABLE a (\n    b_ms TEXT\n);",
            "CREATE TABLE a (\n    b TEXT REFERENCES c (id) ON DELETE CASCADE\n);",
            "CREATE TABLE a (\n    b DOUBLE\n);",
        ] {
            assert!(!judge(bad).is_empty(), "{bad}");
        }
        assert!(judge("CREATE TABLE a (\n    -- a BLOB of old\n    b TEXT,\n    UNIQUE (b)\n);").is_empty());
    }
}
