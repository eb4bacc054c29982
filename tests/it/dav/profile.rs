//! Configuration profiles for Apple devices.

use super::house::House;
use anteroom::config::Profile;

const PATH: &str = "/dav/profile.mobileconfig";

#[actix_web::test]
async fn a_profile_is_the_caller_s_own_account_without_a_password() {
    let house = House::with_anna().await;
    let answer = house.anonymous("GET", PATH, &[], b"").await;
    assert_eq!((answer.status, answer.header("www-authenticate").is_some()), (401, true));
    let answer = house.send("anna", "GET", PATH, &[], "").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/x-apple-aspen-config")));
    assert_eq!(answer.header("content-disposition"), Some("attachment; filename=\"rooms.mobileconfig\""));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    for line in [
        "<key>CalDAVHostName</key>\n<string>rooms.example.org</string>",
        "<key>CalDAVUsername</key>\n<string>anna</string>",
        "<key>CalDAVPrincipalURL</key>\n<string>/dav/t/principals/anna/</string>",
        "<key>PayloadType</key>\n<string>com.apple.caldav.account</string>",
        "<key>PayloadDisplayName</key>\n<string>Rooms of Town</string>",
    ] {
        assert!(answer.body.contains(line), "{line} in {}", answer.body);
    }
    assert!(!answer.body.contains("Password") && !answer.body.contains(super::house::PASSWORD));
}

#[actix_web::test]
async fn a_profile_is_signed_where_a_certificate_is_configured() {
    let mut house = House::with_anna().await;
    let plain = house.send("anna", "GET", PATH, &[], "").await.bytes;
    let fixture = |name: &str| Some(format!("{}/fixtures/profile/{name}", env!("CARGO_MANIFEST_DIR")).into());
    let profile = Profile {
        certificate_file: fixture("rsa-certificate.pem"),
        key_file: fixture("rsa-key-for-tests-only.pem"),
        ..Profile::default()
    };
    house.profile = profile;
    let house = house.restarted().await;
    let answer = house.send("anna", "GET", PATH, &[], "").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/x-apple-aspen-config")));
    // ContentInfo with the OID of signed data (RFC 5652, 4 and 5.1), the plain file inside.
    assert_eq!(answer.bytes[0], 0x30);
    assert_eq!(&answer.bytes[4..15], b"\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07\x02");
    assert!(answer.bytes.windows(plain.len()).any(|window| window == plain));
}
