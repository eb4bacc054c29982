//! The floors of the house: an arrow goes down or stays inside its folder, never up, and never sideways on the floors
//! whose folders are siblings. The map is the one in `src/lib.rs`.

#[cfg(test)]
mod floors {
    use std::fs;
    use std::path::{Path, PathBuf};

    /// Every folder or file right under `src`, and the floor it stands on.
    const FLOORS: [(&str, u8); 20] = [
        ("model", 0),
        ("config", 0),
        ("ical", 1),
        ("davxml", 1),
        ("crypt", 1),
        ("observe", 1),
        ("store", 2),
        ("bridge", 2),
        ("change", 3),
        ("sync", 4),
        ("manage", 4),
        ("dav", 5),
        ("feed", 5),
        ("api", 5),
        ("hooks", 5),
        ("dash", 5),
        ("sandbox", 5),
        ("cli", 6),
        ("server", 6),
        ("main", 6),
    ];

    /// Floors whose folders never name each other: the two kinds of I/O, reconciler and administration, the doors.
    const SIBLINGS: [u8; 3] = [2, 4, 5];

    /// Crates that only some folders may name.
    const CRATES: [(&str, &[&str]); 9] = [
        ("sqlx", &["store"]),
        ("reqwest", &["bridge"]),
        ("openidconnect", &["bridge"]),
        ("object_store", &["bridge"]),
        ("age", &["crypt"]),
        ("actix_web", &["dav", "feed", "api", "hooks", "dash", "sandbox", "server", "main", "cli"]),
        ("quick_xml", &["davxml"]),
        ("icalendar", &["ical"]),
        ("rrule", &["ical"]),
    ];

    fn floor(folder: &str) -> Option<u8> {
        FLOORS.iter().find(|(name, _)| *name == folder).map(|(_, floor)| *floor)
    }

    /// The code of a line: without line comments, doc comments and the contents of string literals.
    fn code(line: &str) -> String {
        let mut kept = String::with_capacity(line.len());
        let mut quoted = false;
        let mut chars = line.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\\' if quoted => drop(chars.next()),
                '"' => quoted = !quoted,
                '/' if !quoted && chars.peek() == Some(&'/') => break,
                c if !quoted => kept.push(c),
                _ => {}
            }
        }
        kept
    }

    fn is_word(c: char) -> bool {
        c.is_alphanumeric() || c == '_'
    }

    /// What follows each `path::` of a line, where `path` stands as a whole word.
    fn after<'a>(code: &'a str, path: &str) -> Vec<&'a str> {
        let needle = format!("{path}::");
        code.match_indices(&needle)
            .filter(|(at, _)| !code[..*at].ends_with(|c| is_word(c) || c == ':'))
            .map(|(at, _)| &code[at + needle.len()..])
            .collect()
    }

    fn first_word(text: &str) -> &str {
        text.split(|c| !is_word(c)).next().unwrap_or_default()
    }

    /// What is wrong with an arrow from one folder to what `crate::` is followed by.
    fn judge_arrow(from: &str, target: &str) -> Option<String> {
        if target.starts_with('{') {
            return Some("write one arrow a line instead of `use crate::{..}`".to_owned());
        }
        let to = first_word(target);
        if to == from {
            return None;
        }
        let (Some(here), Some(there)) = (floor(from), floor(to)) else {
            // A lower-case word that is no folder is a new folder, or a macro; macros stay where they are made.
            let is_module = target[to.len()..].starts_with("::");
            return is_module.then(|| format!("`crate::{to}` stands on no floor: add it to FLOORS and to src/lib.rs"));
        };
        if there > here {
            return Some(format!("`{from}` (floor {here}) must not name `{to}` (floor {there}): arrows go down"));
        }
        let siblings = there == here && SIBLINGS.contains(&here);
        siblings.then(|| format!("`{from}` and `{to}` are siblings on floor {here} and must not name each other"))
    }

    /// Everything that is wrong with one line of a file of that folder.
    fn judge_line(from: &str, line: &str) -> Vec<String> {
        let code = code(line);
        let arrows = after(&code, "crate").into_iter().filter_map(|target| judge_arrow(from, target));
        let crates = CRATES
            .iter()
            .filter(|(name, homes)| !homes.contains(&from) && !after(&code, name).is_empty())
            .map(|(name, homes)| format!("`{name}` belongs to {homes:?} only"));
        arrows.chain(crates).collect()
    }

    fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                rust_files(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }

    /// The folder right under `src` that a file belongs to; the stem for files directly in `src`.
    fn folder_of(src: &Path, file: &Path) -> String {
        let inside = file.strip_prefix(src).unwrap();
        let first = inside.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
        first.trim_end_matches(".rs").to_owned()
    }

    fn judge_house(src: &Path) -> Vec<String> {
        let mut files = Vec::new();
        rust_files(src, &mut files);
        assert!(files.len() > 50, "only {} files found under {}", files.len(), src.display());
        let mut wrong = Vec::new();
        for file in files {
            let from = folder_of(src, &file);
            if from == "lib" {
                continue;
            }
            if floor(&from).is_none() {
                wrong.push(format!("{} stands on no floor", file.display()));
            }
            let text = fs::read_to_string(&file).unwrap();
            for (number, line) in (1..).zip(text.lines()) {
                let complaints = judge_line(&from, line);
                wrong.extend(complaints.into_iter().map(|what| format!("{}:{number}: {what}", file.display())));
            }
        }
        wrong
    }

    #[test]
    fn every_arrow_of_the_house_goes_down() {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let wrong = judge_house(&src);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn the_map_names_every_module_of_the_library() {
        let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
        let modules = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
        let missing: Vec<&str> = modules.filter(|module| floor(module).is_none()).collect();
        assert!(missing.is_empty(), "no floor for {missing:?}");
    }

    #[test]
    fn the_checker_refuses_what_the_house_forbids() {
        for (from, line) in [
            ("model", "use crate::store::Store;"),
            ("store", "use crate::bridge::Bridge;"),
            ("dav", "    let feed = crate::feed::render(room);"),
            ("store", "use crate::change;"),
            ("manage", "use crate::sync::status;"),
            ("change", "use crate::{model, store};"),
            ("sync", "pub(crate) use crate::dav::path;"),
            ("dav", "use sqlx::Row;"),
            ("change", "    let client = reqwest::Client::builder();"),
            ("sync", "impl From<actix_web::Error> for Oops {}"),
            ("dav", "use quick_xml::Reader;"),
            ("bridge", "use icalendar::Component;"),
            ("model", "use rrule::RRule;"),
            ("dav", "use crate::attic::Box;"),
        ] {
            assert!(!judge_line(from, line).is_empty(), "{from} may not say: {line}");
        }
    }

    #[test]
    fn the_checker_lets_pass_what_the_house_allows() {
        for (from, line) in [
            ("dav", "use crate::store::Store;"),
            ("dav", "use crate::dav::path::Resource;"),
            ("ical", "use crate::davxml::name;"),
            ("store", "use sqlx::Row; // see crate::bridge::Bridge"),
            ("model", "//! Built by `crate::ical::zone`."),
            ("dav", "    let text = \"use crate::feed::render\";"),
            ("ical", "use icalendar::Component;"),
            ("main", "use anteroom::cli::run;"),
            ("sandbox", "use actix_web::web;"),
            ("store", "    pub(crate) fn crate_name() {}"),
        ] {
            assert_eq!(judge_line(from, line), Vec::<String>::new(), "{from} may say: {line}");
        }
    }
}
