//! Why a `PostgreSQL` database cannot be reached, as a sentence that says what to do.

use super::error::StoreError;
use sqlx::postgres::PgConnectOptions;
use std::io::ErrorKind;

/// The sentence for a failure to connect.
pub(super) fn explain(error: sqlx::Error, options: &PgConnectOptions) -> StoreError {
    let (host, port) = (options.get_host(), options.get_port());
    let why = match &error {
        sqlx::Error::Io(io) => match io.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(tls) => of_tls(tls, host),
            None if io.kind() == ErrorKind::NotFound => {
                "a file that its address names is not there: look at sslrootcert, sslcert, sslkey and host".to_owned()
            }
            None => format!("nothing at {host}:{port} answers as a database does: {io}"),
        },
        sqlx::Error::Tls(inner) if inner.to_string().contains("does not support TLS") => {
            "the server offers no TLS: switch it on there (ssl = on), or say sslmode=disable where the network can be trusted"
                .to_owned()
        }
        sqlx::Error::Tls(inner) => format!("TLS does not begin: {inner}"),
        sqlx::Error::Configuration(inner) => format!("its address cannot be used: {inner}"),
        sqlx::Error::Database(inner) => format!("{host}:{port} says: {}", inner.message()),
        sqlx::Error::PoolTimedOut => format!("{host}:{port} did not answer in time"),
        _ => return StoreError::Driver(error),
    };
    StoreError::Unreachable { why, source: error }
}

fn of_tls(error: &rustls::Error, host: &str) -> String {
    use rustls::CertificateError as Certificate;
    match error {
        rustls::Error::InvalidCertificate(
            Certificate::UnknownIssuer | Certificate::BadSignature | Certificate::BadEncoding,
        ) => "nobody who is trusted vouches for the certificate of the server: name the file with the certificate of its \
              authority as sslrootcert"
            .to_owned(),
        rustls::Error::InvalidCertificate(
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. },
        ) => format!(
            "the certificate of the server is not for {host:?}: call the server by a name that stands in it, or have one \
             made that has this name"
        ),
        rustls::Error::InvalidCertificate(Certificate::Expired | Certificate::ExpiredContext { .. }) => {
            "the certificate of the server has expired: renew it there".to_owned()
        }
        rustls::Error::AlertReceived(alert) => {
            format!("the server ends TLS with {alert:?}: it may want a client certificate (sslcert and sslkey)")
        }
        other => format!("TLS with the server fails: {other}"),
    }
}
