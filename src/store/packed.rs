//! Many small rows as one text: what a driver costs for each row is then paid once. Such a text holds no octets of objects,
//! and is shorter than the answer that is made of it.

use super::error::StoreError;

/// What stands between two fields: no name of an object, no validator and no number has it. SQL texts have it spelled out.
const BETWEEN: char = '/';

/// The rows of a text in which each has `N` fields; `None` for none. `read` answers `None` for what is no such row.
pub(super) fn unpack<const N: usize, T>(
    text: Option<&str>,
    column: &'static str,
    read: impl Fn([&str; N]) -> Option<T>,
) -> Result<Vec<T>, StoreError> {
    let corrupt = |what: &str| StoreError::Corrupt { column, what: format!("{what:?} is not {N} fields of a row") };
    let Some(text) = text else { return Ok(Vec::new()) };
    let (mut rows, mut fields) = (Vec::new(), text.split(BETWEEN));
    while let Some(first) = fields.next() {
        let mut row = [first; N];
        for field in row.iter_mut().skip(1) {
            *field = fields.next().ok_or_else(|| corrupt(first))?;
        }
        rows.push(read(row).ok_or_else(|| corrupt(first))?);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: Option<&str>) -> Result<Vec<(String, i64)>, StoreError> {
        unpack(text, "column", |[name, number]| Some((name.to_owned(), number.parse().ok()?)))
    }

    #[test]
    fn rows_are_told_apart_by_the_number_of_their_fields() {
        assert_eq!(pairs(Some("a b/1//-2")).unwrap(), [("a b".to_owned(), 1), (String::new(), -2)]);
        assert_eq!(pairs(None).unwrap(), []);
    }

    #[test]
    fn what_is_cut_or_no_row_is_refused() {
        for text in ["a", "a/1/b", "a/x", "a/1/"] {
            let error = pairs(Some(text)).unwrap_err();
            assert!(matches!(error, StoreError::Corrupt { column: "column", .. }), "{text}: {error}");
        }
    }
}
