//! The table of failures in `docs/failures.md` is complete, and every test it names exists.

#[cfg(test)]
mod failures {
    use std::fs;
    use std::path::Path;

    /// How many failures there are; their ids are the letter F and a number from 1.
    const FAILURES: usize = 68;

    /// What may stand in the column `status`.
    const STATUS: [&str; 3] = ["covered", "partly", "out of scope"];

    struct Row {
        id: String,
        status: String,
        tests: Vec<String>,
    }

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR"))
    }

    /// A row: `| id | failure | remedy | status | shown by |`, tests in back quotes.
    fn row(line: &str) -> Option<Row> {
        let line = line.trim().strip_prefix('|')?.strip_suffix('|')?;
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [id, _, _, status, shown] = cells[..] else { return None };
        id.strip_prefix('F')?.parse::<u8>().ok()?;
        let tests = shown.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        Some(Row { id: id.to_owned(), status: status.to_owned(), tests })
    }

    fn table() -> Vec<Row> {
        let text = fs::read_to_string(root().join("docs/failures.md")).unwrap();
        text.lines().filter_map(row).collect()
    }

    fn read(folder: &Path, all: &mut String) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, all);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                all.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }

    fn sources() -> String {
        let mut all = String::new();
        read(&root().join("src"), &mut all);
        read(&root().join("tests"), &mut all);
        all
    }

    /// Whether a test of that name is there, on one engine or on both.
    fn exists(sources: &str, test: &str) -> bool {
        let name = test.rsplit("::").next().unwrap_or(test);
        sources.contains(&format!("fn {name}()")) || sources.contains(&format!("on_both!({name},"))
    }

    #[test]
    fn every_failure_stands_in_the_table_once_and_in_order() {
        let expected: Vec<String> = (1..=FAILURES).map(|number| format!("F{number}")).collect();
        let ids: Vec<String> = table().into_iter().map(|row| row.id).collect();
        assert_eq!(ids, expected);
    }

    #[test]
    fn what_is_covered_names_a_test_and_every_named_test_exists() {
        let sources = sources();
        for row in table() {
            assert!(STATUS.contains(&row.status.as_str()), "{}: no such status {:?}", row.id, row.status);
            let needs_tests = row.status != "out of scope";
            assert_eq!(needs_tests, !row.tests.is_empty(), "{}: {:?} and its tests do not fit", row.id, row.status);
            for test in &row.tests {
                assert!(exists(&sources, test), "{}: there is no test {test:?}", row.id);
            }
        }
    }

    #[test]
    fn a_scenario_that_is_named_after_a_failure_stands_in_its_row() {
        let sources = sources();
        let scenes = sources.split("on_both!(").skip(1).filter_map(|rest| rest.split(',').next());
        let scenarios: Vec<&str> =
            scenes.filter(|name| name.starts_with('f') && name[1..2].parse::<u8>().is_ok()).collect();
        let named: Vec<String> = table().into_iter().flat_map(|row| row.tests).collect();
        assert!(scenarios.len() > 15, "{scenarios:?}");
        for scenario in scenarios {
            assert!(named.iter().any(|test| test == scenario), "no row names {scenario}");
        }
    }

    #[test]
    fn invented_tests_are_noticed() {
        assert!(!exists(&sources(), concat!("this_test_was_never", "_written")));
    }
}
