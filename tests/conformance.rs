//! The compliance table in `conformance/README.md` is complete, and every test it names as evidence exists.

#[cfg(test)]
mod conformance {
    use std::fs;
    use std::path::{Path, PathBuf};

    /// How many statements each part of the table has; their ids are the letter and a number from 1.
    const PARTS: [(char, usize); 6] = [('D', 10), ('P', 11), ('O', 15), ('R', 12), ('S', 12), ('X', 12)];

    /// What may stand in the column `status`.
    const STATUS: [&str; 4] = ["passes", "partly", "not yet", "not offered"];

    struct Row {
        id: String,
        status: String,
        evidence: Vec<String>,
    }

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR"))
    }

    /// A row of the table: `| id | statement | RFC | status | shown by |`, evidence in back quotes as `source: name`.
    fn row(line: &str) -> Option<Row> {
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        let [id, _, _, status, shown] = cells[..] else { return None };
        let is_id = id.len() >= 2 && id.starts_with(|c: char| c.is_ascii_uppercase()) && id[1..].parse::<u8>().is_ok();
        let evidence = shown.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        is_id.then(|| Row { id: id.to_owned(), status: status.to_owned(), evidence })
    }

    fn table() -> Vec<Row> {
        let text = fs::read_to_string(root().join("conformance/README.md")).unwrap();
        text.lines().filter_map(row).collect()
    }

    fn files(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }

    /// Whether a piece of evidence is there: a check of a script, or a test function of that name.
    fn exists(evidence: &str) -> bool {
        let Some((source, name)) = evidence.split_once(": ") else { return false };
        let script =
            |path: &str, needle: &str| fs::read_to_string(root().join(path)).is_ok_and(|text| text.contains(needle));
        let python = format!("def {name}(");
        match source {
            "curl" => script("conformance/clients/curl.sh", &format!("\"{name}\"")),
            "python-caldav" => script("conformance/python/test_python_caldav.py", &python),
            "vdirsyncer" => script("conformance/python/test_vdirsyncer.py", &python),
            "feeds" => script("conformance/python/test_feeds.py", &python),
            "khal" => script("conformance/python/test_khal.py", &python),
            "thunderbird" => script("conformance/python/test_thunderbird.py", &python),
            "evolution" => script("conformance/python/test_evolution.py", &python),
            "litmus" => script("conformance/python/test_litmus.py", &python),
            "peers" => script("conformance/python/test_peers.py", &python),
            "cargo" => ["src", "tests"].iter().any(|folder| {
                let mut found = Vec::new();
                files(&root().join(folder), &mut found);
                let plain = format!("fn {name}(");
                let both = format!("on_both!({name},");
                found.iter().any(|path| {
                    fs::read_to_string(path).is_ok_and(|text| text.contains(&plain) || text.contains(&both))
                })
            }),
            _ => false,
        }
    }

    #[test]
    fn every_statement_stands_in_the_table_once_and_in_order() {
        let expected: Vec<String> =
            PARTS.iter().flat_map(|(letter, count)| (1..=*count).map(move |n| format!("{letter}{n}"))).collect();
        let ids: Vec<String> = table().into_iter().map(|row| row.id).collect();
        assert_eq!(ids, expected);
    }

    #[test]
    fn what_passes_names_a_test_and_every_named_test_exists() {
        for row in table() {
            assert!(STATUS.contains(&row.status.as_str()), "{}: no such status {:?}", row.id, row.status);
            let needs_evidence = row.status == "passes" || row.status == "partly";
            assert!(!needs_evidence || !row.evidence.is_empty(), "{} is said to pass without a test", row.id);
            for evidence in &row.evidence {
                assert!(exists(evidence), "{}: there is no {evidence:?}", row.id);
            }
        }
    }

    #[test]
    fn invented_evidence_is_noticed() {
        assert!(!exists("cargo: this_test_was_never_written_by_anyone_x"));
        assert!(!exists("curl: nobody expects this"));
        assert!(!exists("a sentence without a source"));
        assert!(exists("cargo: invented_evidence_is_noticed"));
    }
}
