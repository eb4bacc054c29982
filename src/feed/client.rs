//! Which family of programs fetches, from the User-Agent: for statistics and the list of feeds, never for the answer.

/// Families by a part of their User-Agent in lower case; the first that fits counts.
const FAMILIES: &[(&str, &str)] = &[
    ("google-calendar-importer", "google"),
    ("thunderbird", "thunderbird"),
    ("lightning", "thunderbird"),
    ("icsx5", "icsx5"),
    ("icsdroid", "icsx5"),
    ("davx5", "icsx5"),
    ("homeassistant", "home-assistant"),
    ("home assistant", "home-assistant"),
    ("microsoft", "outlook"),
    ("outlook", "outlook"),
    ("msoffice", "outlook"),
    ("dataaccessd", "apple"),
    ("accountsd", "apple"),
    ("calendaragent", "apple"),
    ("remindd", "apple"),
    ("ical/", "apple"),
    ("macos/", "apple"),
    ("mac+os+x/", "apple"),
    ("mac_os_x/", "apple"),
    ("ios/", "apple"),
    ("nextcloud", "nextcloud"),
    ("evolution", "evolution"),
    ("akonadi", "kde"),
    ("korganizer", "kde"),
    ("yahoo", "yahoo"),
    ("curl/", "script"),
    ("wget/", "script"),
    ("python", "script"),
    ("mozilla/", "browser"),
];

/// The family; `unknown` for none of them.
pub(super) fn family(user_agent: Option<&str>) -> &'static str {
    let agent = user_agent.unwrap_or_default().to_ascii_lowercase();
    FAMILIES.iter().find(|(part, _)| agent.contains(part)).map_or("unknown", |(_, family)| family)
}

#[cfg(test)]
mod tests {
    use super::family;

    #[test]
    fn families_are_told_by_the_agents_programs_send() {
        for (agent, expected) in [
            ("Google-Calendar-Importer", "google"),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.1", "thunderbird"),
            ("Mozilla/5.0 (compatible; MSIE 7.0; Microsoft Outlook 16.0.1)", "outlook"),
            ("Microsoft.Exchange/15.20 (OutlookCloudSettings)", "outlook"),
            ("macOS/15.1 (24B83) dataaccessd/1.0", "apple"),
            ("iOS/18.1 (22B83) dataaccessd/1.0", "apple"),
            ("Mac+OS+X/10.15.7 (19H2) CalendarAgent/930.5.1", "apple"),
            ("ICSx5/2.2 (Android)", "icsx5"),
            ("HomeAssistant/2026.8.0", "home-assistant"),
            ("Mozilla/5.0 (Windows NT 10.0) Firefox/140.0", "browser"),
            ("curl/8.1", "script"),
            ("Something", "unknown"),
        ] {
            assert_eq!(family(Some(agent)), expected, "{agent}");
        }
        assert_eq!(family(None), "unknown");
    }
}
