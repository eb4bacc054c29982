//! Configuration profiles for Apple's calendar programs: the account, ready to install, without its password. Signed
//! where the configuration names a certificate, so that the device shows who made it.

use crate::config::Profile as Settings;
use crate::crypt::CryptError;
use crate::crypt::cms::Signer;
use crate::davxml::escape_text;
use crate::model::Timestamp;
use std::fmt::Write;
use std::path::Path;
use url::Url;
use uuid::Uuid;

/// The media type that makes a device offer to install the file.
pub const CONTENT_TYPE: &str = "application/x-apple-aspen-config";

/// What profiles of this installation have in common.
pub struct Profiles {
    public_url: String,
    organization: String,
    signer: Option<Signer>,
}

/// Whose account a profile sets up.
#[derive(Clone, Copy, Debug)]
pub struct Account<'a> {
    /// The name it signs in with.
    pub login: &'a str,
    /// What the account is called on the device.
    pub name: &'a str,
    /// The path of its principal on the server.
    pub principal: &'a str,
}

impl Profiles {
    /// Reads certificate and key, where they are named.
    pub fn new(public_url: &str, settings: &Settings) -> Result<Self, CryptError> {
        let signer = match (&settings.certificate_file, &settings.key_file) {
            (Some(certificate), Some(key)) => Some(Signer::from_pem(&read(certificate)?, &read(key)?)?),
            _ => None,
        };
        Ok(Self { public_url: public_url.to_owned(), organization: settings.organization.clone(), signer })
    }

    /// The file for one account. Installing it again replaces the account that it made before.
    pub fn file(&self, account: &Account<'_>, now: Timestamp) -> Result<Vec<u8>, CryptError> {
        let plist = self.plist(account)?.into_bytes();
        match &self.signer {
            Some(signer) => signer.sign(&plist, now),
            None => Ok(plist),
        }
    }

    fn plist(&self, account: &Account<'_>) -> Result<String, CryptError> {
        let url =
            Url::parse(&self.public_url).map_err(|error| CryptError::Signer(format!("server.public_url: {error}")))?;
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or(443);
        let principal = format!("{}{}", url.path().trim_end_matches('/'), account.principal);
        let identifier = |part: &str| format!("dev.anteroom.{host}.{part}");
        let id = |part: &str| {
            let name = format!("{}|{}|{part}", self.public_url, account.principal);
            Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()).to_string().to_uppercase()
        };
        let mut out = String::from(HEAD);
        out.push_str("<key>PayloadContent</key>\n<array>\n<dict>\n");
        text(&mut out, "CalDAVAccountDescription", account.name);
        text(&mut out, "CalDAVHostName", host);
        number(&mut out, "CalDAVPort", port);
        text(&mut out, "CalDAVPrincipalURL", &principal);
        truth(&mut out, "CalDAVUseSSL", url.scheme() == "https");
        text(&mut out, "CalDAVUsername", account.login);
        text(&mut out, "PayloadDisplayName", account.name);
        text(&mut out, "PayloadIdentifier", &identifier("caldav"));
        text(&mut out, "PayloadType", "com.apple.caldav.account");
        text(&mut out, "PayloadUUID", &id("caldav"));
        number(&mut out, "PayloadVersion", 1);
        out.push_str("</dict>\n</array>\n");
        text(&mut out, "PayloadDescription", "Adds the rooms that you may see and book to the calendar.");
        text(&mut out, "PayloadDisplayName", account.name);
        text(&mut out, "PayloadIdentifier", &identifier("profile"));
        text(&mut out, "PayloadOrganization", if self.organization.is_empty() { host } else { &self.organization });
        truth(&mut out, "PayloadRemovalDisallowed", false);
        text(&mut out, "PayloadType", "Configuration");
        text(&mut out, "PayloadUUID", &id("profile"));
        number(&mut out, "PayloadVersion", 1);
        out.push_str("</dict>\n</plist>\n");
        Ok(out)
    }
}

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \
                    \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\">\n<dict>\n";

fn text(out: &mut String, key: &str, value: &str) {
    let _ = write!(out, "<key>{key}</key>\n<string>");
    escape_text(value, out);
    out.push_str("</string>\n");
}

fn number(out: &mut String, key: &str, value: u16) {
    let _ = writeln!(out, "<key>{key}</key>\n<integer>{value}</integer>");
}

fn truth(out: &mut String, key: &str, value: bool) {
    let _ = writeln!(out, "<key>{key}</key>\n<{value}/>");
}

fn read(path: &Path) -> Result<Vec<u8>, CryptError> {
    std::fs::read(path).map_err(|error| CryptError::Signer(format!("{} cannot be read: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: Account<'static> =
        Account { login: "anna", name: "Rooms of <Fjordby> & Co.", principal: "/dav/t/principals/anna/" };

    fn plist(public_url: &str) -> String {
        let profiles = Profiles::new(public_url, &Settings::default()).unwrap();
        String::from_utf8(profiles.file(&ACCOUNT, Timestamp(0)).unwrap()).unwrap()
    }

    fn value<'p>(plist: &'p str, key: &str) -> &'p str {
        plist.split_once(&format!("<key>{key}</key>\n")).unwrap().1.lines().next().unwrap()
    }

    #[test]
    fn a_profile_holds_the_account_and_no_password() {
        let plist = plist("https://rooms.example.org/town");
        assert_eq!(value(&plist, "CalDAVHostName"), "<string>rooms.example.org</string>");
        assert_eq!(value(&plist, "CalDAVPort"), "<integer>443</integer>");
        assert_eq!(value(&plist, "CalDAVUseSSL"), "<true/>");
        assert_eq!(value(&plist, "CalDAVUsername"), "<string>anna</string>");
        assert_eq!(value(&plist, "CalDAVPrincipalURL"), "<string>/town/dav/t/principals/anna/</string>");
        assert_eq!(value(&plist, "PayloadOrganization"), "<string>rooms.example.org</string>");
        assert!(!plist.to_lowercase().contains("password"));
    }

    #[test]
    fn names_cannot_break_out_of_the_file() {
        let plist = plist("http://127.0.0.1:8080");
        assert_eq!(value(&plist, "CalDAVAccountDescription"), "<string>Rooms of &lt;Fjordby&gt; &amp; Co.</string>");
        assert_eq!(
            (value(&plist, "CalDAVUseSSL"), value(&plist, "CalDAVPort")),
            ("<false/>", "<integer>8080</integer>")
        );
        let body = plist.split_once("<plist").unwrap().1;
        assert!(crate::davxml::read(format!("<plist{body}").as_bytes(), &crate::config::Limits::default()).is_ok());
    }

    #[test]
    fn the_same_account_has_the_same_ids_and_another_has_others() {
        let (one, again, other) = (plist("https://a.example"), plist("https://a.example"), plist("https://b.example"));
        assert_eq!(one, again);
        assert_ne!(value(&one, "PayloadUUID"), value(&other, "PayloadUUID"));
    }
}
