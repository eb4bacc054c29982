//! The brake (pure): a run that would delete unusually much is held until a person releases it. A folder emptied by
//! mistake, a wrong mapping and a season taken offline all look like many deletions at once.

use super::Settings;

/// From so many bookings on, a calendar that is empty all at once is held as well: a resource that was switched off looks
/// like that, however small it is.
const EMPTIED: usize = 5;

/// The sentence to hold with, or `None` when the run may go on.
pub fn holds(deletions: usize, known: usize, settings: &Settings) -> Option<String> {
    let is_on = settings.brake_percent < 100;
    if is_on && deletions >= known && (EMPTIED..=settings.brake_least).contains(&known) {
        return Some(format!(
            "all {known} bookings have disappeared at the remote side at once; nothing was deleted. Is the calendar switched \
             off there? Look at it, then release the mapping"
        ));
    }
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
        assert!(holds(9, 10).is_none());
        assert!(holds(11, 12).is_some());
        assert!(holds(40, 200).is_none());
        assert!(holds(41, 200).is_some());
    }

    #[test]
    fn at_a_hundred_per_cent_nothing_is_held() {
        let settings = Settings { brake_percent: 100, brake_least: 10, ..Settings::default() };
        for known in [1, 5, 10, 11, 500] {
            assert!(super::holds(known, known, &settings).is_none(), "{known}");
        }
    }

    #[test]
    fn a_small_calendar_that_is_empty_all_at_once_is_held() {
        let settings = Settings::default();
        assert!(holds(5, 5, &settings).is_some_and(|why| why.contains("switched off")));
        assert!(holds(10, 10, &settings).is_some());
        assert!(holds(4, 4, &settings).is_none(), "a handful goes by hand");
        assert!(holds(6, 7, &settings).is_none());
    }
}
