//! The address of a PostgreSQL database: its parameters are known and do not contradict each other. A mistyped `sslmode` must
//! not become a connection that anybody can read.

use url::Url;

/// What may stand behind the question mark.
const PARAMETERS: [&str; 15] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "application_name",
    "options",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "statement-cache-capacity",
    "ssl-mode",
    "ssl-root-cert",
];

const MODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/// What is wrong with the address, as sentences without the address itself, which holds a password. Nothing is asked of
/// those of other databases.
pub fn problems(url: &str) -> Vec<String> {
    if !(url.starts_with("postgres:") || url.starts_with("postgresql:")) {
        return Vec::new();
    }
    let Ok(url) = Url::parse(url) else {
        let why =
            "is no address: write postgres://user:password@host/database, with odd characters of the password as %XX";
        return vec![why.to_owned()];
    };
    let pairs: Vec<(String, String)> = url.query_pairs().map(|(key, value)| (key.into(), value.into())).collect();
    let said = |keys: [&str; 2]| {
        let value = pairs.iter().rfind(|(key, _)| keys.contains(&key.as_str()));
        value.map(|(_, value)| value.as_str())
    };
    let mut found: Vec<String> = pairs
        .iter()
        .filter(|(key, _)| !PARAMETERS.contains(&key.as_str()) && !key.starts_with("options["))
        .map(|(key, _)| {
            format!("has the parameter {key:?}, which is not known; known are {}", PARAMETERS[..13].join(", "))
        })
        .collect();
    let mode = said(["sslmode", "ssl-mode"]);
    if let Some(mode) = mode.filter(|mode| !MODES.contains(mode)) {
        found.push(format!("has sslmode={mode:?}; say one of {}", MODES.join(", ")));
    }
    let verifies = mode.is_some_and(|mode| mode.starts_with("verify-"));
    if said(["sslrootcert", "ssl-root-cert"]).is_some() && !verifies {
        found.push("names an sslrootcert that is not looked at: say sslmode=verify-full".to_owned());
    }
    if said(["sslcert", "sslcert"]).is_some() != said(["sslkey", "sslkey"]).is_some() {
        found.push("names only one of sslcert and sslkey; a client certificate needs both".to_owned());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::problems;

    #[test]
    fn an_address_that_says_what_it_means_is_taken() {
        for fine in [
            "sqlite://anteroom.db?mode=rwc",
            "postgres://a:b@db/anteroom",
            "postgresql://a@db:5433/anteroom?sslmode=verify-full&sslrootcert=/etc/db-ca.pem&options=-csearch_path%3Dx",
            "postgres://a@db/anteroom?sslmode=verify-ca&sslcert=/c.pem&sslkey=/k.pem&options[statement_timeout]=5s",
            "postgres:///anteroom?host=/var/run/postgresql&sslmode=disable",
        ] {
            assert_eq!(problems(fine), Vec::<String>::new(), "{fine}");
        }
    }

    #[test]
    fn what_would_leave_a_connection_open_is_told_without_the_password() {
        for (bad, word) in [
            ("postgres://a:secret@db/anteroom?ssl_mode=verify-full", "not known"),
            ("postgres://a:secret@db/anteroom?sslmode=verify_full", "verify_full"),
            ("postgres://a:secret@db/anteroom?sslrootcert=/etc/ca.pem", "not looked at"),
            ("postgres://a:secret@db/anteroom?sslmode=require&sslrootcert=/etc/ca.pem", "not looked at"),
            ("postgres://a:secret@db/anteroom?sslmode=verify-full&sslcert=/c.pem", "both"),
            ("postgres://a:secret#x@db:y/anteroom", "no address"),
        ] {
            let found = problems(bad);
            assert!(found.len() == 1 && found[0].contains(word) && !found[0].contains("secret"), "{bad}: {found:?}");
        }
    }
}
