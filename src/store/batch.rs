//! Statements about several things at once. A text has places for one, two, four … things, and what is left over is filled
//! with nothing, so that the few texts stay prepared.

/// Most things that one statement is about.
pub(super) const MOST: usize = 64;

/// How many places the text for so many things has, which are [`MOST`] at most.
pub(super) const fn places(count: usize) -> usize {
    count.next_power_of_two()
}

/// The things, and `nothing` in the places that are left over.
pub(super) fn filled<T: Copy>(things: &[T], nothing: T) -> impl Iterator<Item = T> {
    things.iter().copied().chain(std::iter::repeat(nothing)).take(places(things.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_texts_are_for_any_number_of_things() {
        let texts: std::collections::BTreeSet<usize> = (1..=MOST).map(places).collect();
        assert_eq!(texts.into_iter().collect::<Vec<_>>(), [1, 2, 4, 8, 16, 32, 64]);
        assert_eq!(filled(&[1, 2, 3], 0).collect::<Vec<_>>(), [1, 2, 3, 0]);
        assert_eq!(filled(&[1, 2], 0).collect::<Vec<_>>(), [1, 2]);
    }
}
