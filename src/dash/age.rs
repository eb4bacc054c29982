//! How long ago something was, in the words of a person who glances at a screen.

use crate::model::Timestamp;

/// `just now`, `4 min ago`, `3 h ago`, `5 days ago`; `never` for `None`.
pub(super) fn ago(at: Option<Timestamp>, now: Timestamp) -> String {
    at.map_or_else(
        || "never".to_owned(),
        |at| match long(at, now).as_str() {
            "" => "just now".to_owned(),
            age => format!("{age} ago"),
        },
    )
}

/// `4 min`, `3 h`, `5 days`; empty for less than a minute.
pub(super) fn long(since: Timestamp, now: Timestamp) -> String {
    let minutes = (now.ms() - since.ms()) / 60_000;
    match minutes {
        ..=0 => String::new(),
        1..=119 => format!("{minutes} min"),
        120..=2879 => format!("{} h", minutes / 60),
        _ => format!("{} days", minutes / 1440),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_in_the_coarsest_unit_that_still_says_something() {
        let now = Timestamp(1_000_000_000_000);
        for (minutes, words) in [
            (0, "just now"),
            (-5, "just now"),
            (1, "1 min ago"),
            (119, "119 min ago"),
            (120, "2 h ago"),
            (2879, "47 h ago"),
            (2880, "2 days ago"),
        ] {
            assert_eq!(ago(Some(now.plus_ms(-60_000 * minutes)), now), words);
        }
        assert_eq!(ago(None, now), "never");
    }
}
