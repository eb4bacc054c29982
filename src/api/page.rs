//! Lists in pages: `?limit=` and `?after=`, the latter the `next` of the page before.

use super::error::ApiError;
use crate::store::pages::Page;
use serde::{Deserialize, Serialize};

/// Most items of one page.
const MOST: u32 = 500;
/// Items of a page when nobody says how many.
const USUAL: u32 = 100;

/// Which page is asked for.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Most items, 1 to 500; 100 if left out.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u32>,
    /// The `next` of the page before.
    pub after: Option<String>,
}

/// One page of a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Paged<T> {
    /// The items.
    pub items: Vec<T>,
    /// What to give as `after` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl PageQuery {
    /// The number of items asked for.
    fn limit(&self) -> Result<usize, ApiError> {
        let limit = self.limit.unwrap_or(USUAL);
        if (1..=MOST).contains(&limit) {
            return Ok(limit as usize);
        }
        Err(ApiError::Malformed { part: "query", why: format!("limit {limit} is not between 1 and {MOST}") })
    }

    /// What to ask the store for: one row more than the page has, which tells whether there is a next page.
    pub(super) fn ask(&self) -> Result<Page<'_>, ApiError> {
        let limit = i64::try_from(self.limit()?).unwrap_or(i64::from(MOST)) + 1;
        Ok(Page { after: self.after.as_deref().unwrap_or_default(), limit })
    }

    /// The page from the rows the store gave.
    pub(super) fn cut<R, V>(
        &self,
        mut rows: Vec<R>,
        id: impl Fn(&R) -> &str,
        view: impl Fn(R) -> V,
    ) -> Result<Paged<V>, ApiError> {
        let limit = self.limit()?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|row| id(row).to_owned());
        Ok(Paged { items: rows.into_iter().map(view).collect(), next })
    }

    /// The page of a list that is short enough to be read whole, in its own order.
    pub(super) fn of_all<R, V>(
        &self,
        rows: Vec<R>,
        id: impl Fn(&R) -> &str,
        view: impl Fn(R) -> V,
    ) -> Result<Paged<V>, ApiError> {
        let skip = match self.after.as_deref().filter(|after| !after.is_empty()) {
            None => 0,
            Some(after) => rows.iter().position(|row| id(row) == after).map(|at| at + 1).ok_or_else(|| {
                ApiError::Malformed { part: "query", why: format!("after {after:?} names no item of this list") }
            })?,
        };
        let wanted = self.limit()? + 1;
        self.cut(rows.into_iter().skip(skip).take(wanted).collect(), id, view)
    }
}

#[cfg(test)]
mod tests {
    use super::PageQuery;

    fn page(limit: u32, after: Option<&str>) -> (Vec<String>, Option<String>) {
        let query = PageQuery { limit: Some(limit), after: after.map(str::to_owned) };
        let rows = ["a", "b", "c"].map(str::to_owned).to_vec();
        let page = query.of_all(rows, |row| row, |row| row).unwrap();
        (page.items, page.next)
    }

    #[test]
    fn pages_follow_one_another_and_the_last_one_has_no_next() {
        assert_eq!(page(2, None), (vec!["a".to_owned(), "b".to_owned()], Some("b".to_owned())));
        assert_eq!(page(2, Some("b")), (vec!["c".to_owned()], None));
        assert_eq!(page(3, None).1, None);
        assert_eq!(page(2, Some("c")), (vec![], None));
    }

    #[test]
    fn a_limit_outside_the_bounds_and_a_strange_cursor_are_refused() {
        for query in [
            PageQuery { limit: Some(0), after: None },
            PageQuery { limit: Some(501), after: None },
            PageQuery { limit: None, after: Some("x".to_owned()) },
        ] {
            let rows = vec!["a".to_owned()];
            assert!(query.of_all(rows, |row| row, |row| row).is_err(), "{query:?}");
        }
    }
}
