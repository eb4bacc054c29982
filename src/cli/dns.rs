//! `anteroom dns`: the records by which calendar programs find the server from a mail address (RFC 6764, 3 and 4).

use super::Common;
use super::error::CliError;
use super::print;
use crate::config;
use clap::Args;
use serde::Serialize;
use std::io::Write;
use url::Host;
use url::Url;

/// Print the DNS records by which calendar programs find the server.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  anteroom dns --domain example.org\n  \
    anteroom dns --domain example.org --url https://rooms.example.org\n\nWho types anna@example.org into a calendar \
    program is led to the server by these records. The lines are ready for a zone file.")]
pub(crate) struct Dns {
    /// Domain of people's mail addresses; the host name without its first part if left out
    #[arg(long)]
    domain: Option<String>,
    /// Address of the server; the public one of the configuration if left out
    #[arg(long)]
    url: Option<String>,
    /// Seconds that others may keep the records
    #[arg(long, default_value_t = 3600, value_parser = clap::value_parser!(u32).range(1..=604_800))]
    ttl: u32,
}

/// What belongs into the zone, and onto the web server of the domain.
#[derive(Debug, Serialize)]
struct Zone {
    domain: String,
    records: Vec<Record>,
    /// Where `/.well-known/caldav` of the domain has to lead.
    well_known: String,
}

/// One record.
#[derive(Debug, Serialize)]
struct Record {
    name: String,
    ttl: u32,
    #[serde(rename = "type")]
    kind: &'static str,
    data: String,
}

impl Dns {
    pub(super) fn run(self, common: &Common, out: &mut impl Write) -> Result<(), CliError> {
        let url = match self.url {
            Some(url) => url,
            None => config::from_process(common.config.as_deref(), &|_| Ok(()))?.public_url(),
        };
        let zone = records(&url, self.domain.as_deref(), self.ttl)?;
        let lines = zone.lines();
        print::one(common, out, &zone, &lines)
    }
}

fn records(url: &str, domain: Option<&str>, ttl: u32) -> Result<Zone, CliError> {
    let base = Url::parse(url).map_err(|error| CliError::Usage(format!("{url:?} is no address: {error}")))?;
    let Some(Host::Domain(host)) = base.host().filter(|host| is_web(&base) && is_plain(host)) else {
        let what = "records lead to a host name; set server.public_url or give --url https://rooms.example.org";
        return Err(CliError::Usage(format!("{url:?} has no host name: {what}")));
    };
    let domain = match domain {
        Some(domain) => domain_name(domain)?,
        None => parent(host).to_owned(),
    };
    let host = host.trim_end_matches('.');
    let path = format!("{}/dav/", base.path().trim_end_matches('/'));
    let port = base.port_or_known_default().unwrap_or(443);
    let (service, other) = if base.scheme() == "https" { ("_caldavs", "_caldav") } else { ("_caldav", "_caldavs") };
    let record = |service, kind, data| Record { name: format!("{service}._tcp.{domain}."), ttl, kind, data };
    let records = vec![
        record(service, "SRV", format!("0 1 {port} {host}.")),
        record(service, "TXT", format!("\"path={path}\"")),
        // A target of "." says that this is not offered (RFC 2782), so that no program waits for it.
        record(other, "SRV", "0 0 0 .".to_owned()),
    ];
    let port = base.port().map(|port| format!(":{port}")).unwrap_or_default();
    let well_known = format!("{}://{host}{port}{path}", base.scheme());
    Ok(Zone { domain, records, well_known })
}

/// A domain as it stands in a zone: letters of other scripts in their ASCII form.
fn domain_name(text: &str) -> Result<String, CliError> {
    let text = text.trim().trim_end_matches('.');
    match Host::parse(text) {
        Ok(host) if text.contains('.') && is_plain(&host) => Ok(host.to_string()),
        _ => Err(CliError::Usage(format!("{text:?} is no domain; give one such as example.org"))),
    }
}

fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

/// Whether a host is a name, of letters that mean nothing else in a zone file.
fn is_plain<S: AsRef<str>>(host: &Host<S>) -> bool {
    let Host::Domain(name) = host else { return false };
    name.as_ref().bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

/// `example.org` of `rooms.example.org`, and `example.org` of itself.
fn parent(host: &str) -> &str {
    host.split_once('.').map(|(_, rest)| rest).filter(|rest| rest.contains('.')).unwrap_or(host)
}

impl Zone {
    fn lines(&self) -> Vec<String> {
        let Self { domain, well_known, .. } = self;
        let mut lines = vec![format!("; Records for the zone {domain}.")];
        lines.extend(self.records.iter().map(|r| format!("{} {} IN {} {}", r.name, r.ttl, r.kind, r.data)));
        lines.extend([
            "; Programs that know no such records ask the web server of the domain. Let it lead them on:".to_owned(),
            format!("; nginx: location = /.well-known/caldav {{ return 301 {well_known}; }}"),
            format!("; Caddy: redir /.well-known/caldav {well_known} 301"),
            format!("; Apache: Redirect 301 /.well-known/caldav {well_known}"),
        ]);
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(url: &str, domain: Option<&str>) -> Vec<String> {
        records(url, domain, 3600).unwrap().lines()
    }

    #[test]
    fn d2_the_records_name_host_port_and_path() {
        assert_eq!(
            lines("https://rooms.example.org", None)[1..4],
            [
                "_caldavs._tcp.example.org. 3600 IN SRV 0 1 443 rooms.example.org.",
                "_caldavs._tcp.example.org. 3600 IN TXT \"path=/dav/\"",
                "_caldav._tcp.example.org. 3600 IN SRV 0 0 0 .",
            ]
        );
        let other = lines("http://rooms.example.org:8080/town/", Some("Bærum.example."));
        assert_eq!(other[1], "_caldav._tcp.xn--brum-voa.example. 3600 IN SRV 0 1 8080 rooms.example.org.");
        assert_eq!(other[2], "_caldav._tcp.xn--brum-voa.example. 3600 IN TXT \"path=/town/dav/\"");
        assert_eq!(other[3], "_caldavs._tcp.xn--brum-voa.example. 3600 IN SRV 0 0 0 .");
        assert!(other[5].ends_with("return 301 http://rooms.example.org:8080/town/dav/; }"), "{}", other[5]);
    }

    #[test]
    fn d2_what_has_no_place_in_a_zone_is_refused() {
        for url in ["http://127.0.0.1:8080", "https://[::1]/", "rooms.example.org", "ftp://rooms.example.org"] {
            assert!(records(url, None, 1).is_err(), "{url}");
        }
        for domain in ["", "localhost", "a b", "example.org\"", "192.0.2.1", "x\ny.z"] {
            assert!(records("https://rooms.example.org", Some(domain), 1).is_err(), "{domain:?}");
        }
        assert_eq!(parent("example.org"), "example.org");
    }
}
