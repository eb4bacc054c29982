//! A sum over rows that does not depend on their order: two engines that hold the same rows have the same one.

use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// How many rows there are, and what they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub rows: u64,
    sum: [u8; 32],
}

impl Tally {
    /// Counts a row by the octets that stand for it: its digest is added, modulo 2^256.
    pub fn add(&mut self, octets: &[u8]) {
        self.rows += 1;
        let mut carry = 0_u16;
        for (sum, byte) in self.sum.iter_mut().zip(Sha256::digest(octets)) {
            let [high, low] = (u16::from(*sum) + u16::from(byte) + carry).to_be_bytes();
            (*sum, carry) = (low, u16::from(high));
        }
    }

    /// The sum in hexadecimal digits.
    pub fn sum(&self) -> String {
        self.sum.iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    fn of(rows: &[&str]) -> Tally {
        let mut tally = Tally::default();
        for row in rows {
            tally.add(row.as_bytes());
        }
        tally
    }

    #[test]
    fn the_order_of_rows_does_not_matter_and_everything_else_does() {
        assert_eq!(of(&["a", "b", "b"]), of(&["b", "a", "b"]));
        for other in [&["a", "b"][..], &["a", "a", "b"], &["a", "b", "c"], &["ab", "b", ""]] {
            assert_ne!(of(&["a", "b", "b"]).sum(), of(other).sum(), "{other:?}");
        }
        assert_eq!(of(&["a"]).sum().len(), 64);
    }
}
