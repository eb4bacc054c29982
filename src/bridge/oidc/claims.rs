//! What a token says of somebody: claims by name, whatever a provider calls them.

use serde_json::Map;
use serde_json::Value;

/// The claims of a token that was verified.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims(Map<String, Value>);

impl Claims {
    /// Claims that somebody has vouched for.
    pub const fn new(claims: Map<String, Value>) -> Self {
        Self(claims)
    }

    /// Who it is about, for ever and at this provider (`sub`).
    pub fn subject(&self) -> &str {
        self.text("sub")
    }

    /// Whether there is such a claim with something in it.
    pub fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| !value.is_null() && value.as_str() != Some(""))
    }

    /// A claim that is a text; empty where it is none.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// A claim that is yes or no; `None` where it is neither. Some providers write it as text.
    pub fn truth(&self, name: &str) -> Option<bool> {
        match self.0.get(name)? {
            Value::Bool(truth) => Some(*truth),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// A claim that is a list of texts, or one text. A path such as `realm_access.roles` leads into objects.
    pub fn words(&self, path: &str) -> Vec<&str> {
        let found = self.0.get(path).or_else(|| {
            let mut steps = path.split('.');
            let first = self.0.get(steps.next()?)?;
            steps.try_fold(first, |value, step| value.get(step))
        });
        match found {
            Some(Value::String(one)) => vec![one.as_str()],
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// With further claims about the same subject, which take the place of none; `None` if they are about another one.
    pub(super) fn with(mut self, more: Map<String, Value>) -> Option<Self> {
        if more.get("sub").and_then(Value::as_str) != Some(self.subject()) {
            return None;
        }
        for (name, value) in more {
            self.0.entry(name).or_insert(value);
        }
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn claims(value: Value) -> Claims {
        let Value::Object(map) = value else { panic!("no object") };
        Claims::new(map)
    }

    #[test]
    fn roles_are_a_list_a_text_or_lie_inside() {
        let claims = claims(json!({ "roles": ["a", 1, "b"], "role": "c", "realm_access": { "roles": ["d"] },
            "https://x.org/roles": ["e"], "email_verified": "true" }));
        assert_eq!(claims.words("roles"), ["a", "b"]);
        assert_eq!(claims.words("role"), ["c"]);
        assert_eq!(claims.words("realm_access.roles"), ["d"]);
        assert_eq!(claims.words("https://x.org/roles"), ["e"]);
        assert!(claims.words("groups").is_empty() && claims.words("role.x").is_empty());
        assert_eq!((claims.truth("email_verified"), claims.truth("role")), (Some(true), None));
    }

    #[test]
    fn further_claims_are_about_the_same_subject_and_replace_nothing() {
        let one = claims(json!({ "sub": "1", "email": "a@x.org" }));
        let Value::Object(other) = json!({ "sub": "2", "name": "Eve" }) else { panic!("no object") };
        assert_eq!(one.clone().with(other), None);
        let Value::Object(same) = json!({ "sub": "1", "name": "Ann", "email": "b@x.org" }) else { panic!("no object") };
        let both = one.with(same).unwrap();
        assert_eq!((both.text("name"), both.text("email")), ("Ann", "a@x.org"));
        assert!(both.has("name") && !both.has("phone"));
    }
}
