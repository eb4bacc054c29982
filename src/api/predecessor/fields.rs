//! Members of the predecessor's bodies: several names for one thing, numbers where text is meant.

use super::super::error::ApiError;
use super::call::Call;
use serde_json::Value;

impl Call {
    /// The text of the first of these members that has one; numbers count as text.
    pub(super) fn text(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| match self.body.get(*name)? {
            Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
    }

    /// The same, where it must be there; the first name is the one a refusal names.
    pub(super) fn needed(&self, names: &[&str]) -> Result<String, ApiError> {
        self.text(names).ok_or_else(|| {
            let name = names.first().copied().unwrap_or_default();
            ApiError::Malformed { part: "body", why: format!("Missing required field: {name}") }
        })
    }

    /// The truth value of the first of these members that has one; 0 and 1 count as such.
    pub(super) fn truth(&self, names: &[&str]) -> Option<bool> {
        names.iter().find_map(|name| match self.body.get(*name)? {
            Value::Bool(truth) => Some(*truth),
            Value::Number(number) => number.as_i64().map(|number| number != 0),
            Value::String(text) => text.parse().ok(),
            _ => None,
        })
    }
}
