//! Words of the model as arguments: `two_way`, `tenant_admin`, `read-free-busy`.

use serde::de::DeserializeOwned;

/// The value a word stands for; the refusal lists the words there are. Dashes may stand for underscores.
pub(super) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let read = |text: &str| serde_json::from_value::<T>(serde_json::Value::String(text.to_owned()));
    read(text).or_else(|refusal| read(&text.replace('-', "_")).map_err(|_| refusal)).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::model::{Direction, Privilege, Role};

    #[test]
    fn words_are_read_with_dashes_or_underscores_and_refusals_list_them() {
        assert_eq!(parse::<Direction>("two-way"), Ok(Direction::TwoWay));
        assert_eq!(parse::<Role>("tenant_admin"), Ok(Role::TenantAdmin));
        assert_eq!(parse::<Privilege>("read-free-busy"), Ok(Privilege::ReadFreeBusy));
        assert!(parse::<Role>("boss").unwrap_err().contains("tenant_admin"));
    }
}
