//! Files that other libraries ship for their own tests, read where they are installed: `icalendar` and its relatives in
//! the environment of the foreign clients. Nothing of them is kept here.

use crate::config::Limits;
use crate::ical::CalendarObject;
use crate::ical::ParseContext;
use crate::ical::component::Component;
use crate::ical::line::text_of;
use crate::model::ZoneId;
use std::path::Path;
use std::path::PathBuf;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "ics") {
            found.push(path);
        }
    }
}

#[test]
fn installed_files_of_other_libraries_come_back_octet_for_octet_or_are_refused() {
    let mut found = Vec::new();
    files(Path::new("target/venv/lib"), &mut found);
    let limits = Limits::default();
    let floating = ZoneId::utc();
    let (mut kept, mut objects) = (0, 0);
    for path in &found {
        let octets = std::fs::read(path).unwrap();
        let _ = CalendarObject::parse(&octets, &ParseContext { limits: &limits, floating: &floating }).map(|object| {
            assert_eq!(object.root().emit(), object.text(), "{}", path.display());
            let same = object.patch(object.event(), &super::stamp()).unwrap();
            assert_eq!(same.text(), object.text(), "{}", path.display());
            objects += 1;
        });
        let Ok(text) = text_of(&octets) else { continue };
        if let Ok(root) = Component::parse(&text, &limits) {
            assert_eq!(root.emit(), text, "{}", path.display());
            kept += 1;
        }
    }
    println!("{} files, {kept} kept octet for octet, {objects} of them calendar objects", found.len());
    assert!(found.is_empty() || kept * 2 > found.len(), "{kept} of {} files are read", found.len());
}
