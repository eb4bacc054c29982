//! The brake (pure): a run that would delete unusually much is held until a person releases it. A folder emptied by
//! mistake, a wrong mapping and a season taken offline all look like many deletions at once.

use super::Settings;

/// The sentence to hold with, or `None` when the run may go on.
pub fn holds(deletions: usize, known: usize, settings: &Settings) -> Option<String> {
    let allowed = settings.brake_least.max(known * settings.brake_percent / 100);
    (deletions > allowed).then(|| {
        format!(
            "{deletions} of {known} bookings have disappeared at the remote side at once, more than the {allowed} that \
             are removed without asking; nothing was deleted. Look at the remote calendar, then release the mapping"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_deletions_pass_and_many_are_held() {
        let settings = Settings::default();
        let holds = |deletions, known| holds(deletions, known, &settings);
        assert!(holds(10, 10).is_none());
        assert!(holds(11, 12).is_some());
        assert!(holds(40, 200).is_none());
        assert!(holds(41, 200).is_some());
    }
}
