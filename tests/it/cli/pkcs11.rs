//! The master key in a security module: the real program against `SoftHSM2`, whose tokens lie in the test's own folder.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PIN: &str = "73190042";

/// A folder with a token in it.
struct Safe {
    folder: tempfile::TempDir,
    module: PathBuf,
}

/// The library, where the machine has it. `REQUIRE_SOFTHSM=1` makes its absence a failure.
#[expect(clippy::disallowed_methods, reason = "what the machine has is a property of the machine")]
fn module() -> Option<PathBuf> {
    let places =
        ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so"];
    let found = places.iter().map(PathBuf::from).find(|path| path.exists());
    let required = std::env::var("REQUIRE_SOFTHSM").is_ok_and(|value| value == "1");
    assert!(found.is_some() || !required, "REQUIRE_SOFTHSM=1, but there is no libsofthsm2.so");
    if found.is_none() {
        println!("skipped: SoftHSM2 is not installed; run conformance/needs.sh softhsm");
    }
    found
}

impl Safe {
    fn new() -> Option<Self> {
        let module = module()?;
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("tokens")).unwrap();
        let conf =
            format!("directories.tokendir = {}\nobjectstore.backend = file\n", folder.path().join("tokens").display());
        std::fs::write(folder.path().join("softhsm2.conf"), conf).unwrap();
        let safe = Self { folder, module };
        safe.token("anteroom");
        safe.configure("anteroom", PIN);
        Some(safe)
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("SOFTHSM2_CONF", self.path().join("softhsm2.conf"));
        command
    }

    /// Makes a token.
    fn token(&self, label: &str) {
        let made = self
            .command("softhsm2-util")
            .args(["--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "90210000"])
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    fn configure(&self, token: &str, pin: &str) {
        std::fs::write(self.path().join("pin"), pin).unwrap();
        let text = format!(
            "[server]\ndata_dir = {:?}\n[keys]\npkcs11_module = {:?}\npkcs11_token = {token:?}\npkcs11_pin_file = {:?}\n",
            self.path().join("data").display().to_string(),
            self.module.display().to_string(),
            self.path().join("pin").display().to_string(),
        );
        std::fs::write(self.path().join("anteroom.toml"), text).unwrap();
    }

    fn anteroom(&self, arguments: &[&str]) -> Output {
        let config = self.path().join("anteroom.toml");
        self.command(env!("CARGO_BIN_EXE_anteroom")).args(arguments).arg("--config").arg(config).output().unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let said = self.anteroom(arguments);
        let (out, err) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
        assert!(said.status.success(), "{arguments:?}: {err}");
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"))
    }

    fn refusal(&self, arguments: &[&str]) -> String {
        let said = self.anteroom(arguments);
        assert!(!said.status.success());
        String::from_utf8_lossy(&said.stderr).into_owned()
    }

    fn add_bridge(&self) {
        let secret = self.path().join("api_key");
        std::fs::write(&secret, "the-key-of-the-booking-system").unwrap();
        let (url, secret) = ("base_url=https://booking.example", format!("api_key={}", secret.display()));
        let kind = ["bridge", "add", "booking", "--kind", "booking_generic"];
        let made = self.json(&[kind.as_slice(), &["--set", url, "--secret", &secret, "--json"]].concat());
        assert_eq!(made["name"], "booking");
    }
}

#[test]
fn a_security_module_wraps_the_keys_and_neither_disk_nor_configuration_has_them() {
    let Some(safe) = Safe::new() else { return };
    safe.add_bridge();
    let status = safe.json(&["keys", "status", "--json"]);
    assert_eq!((&status["master_key"], &status["values"]), (&"pkcs11".into(), &1.into()));
    assert_eq!(status["closed"], Value::Array(Vec::new()), "the next process opens what this one sealed");
    assert!(!safe.path().join("data/master.key").exists(), "no key file is made");
    let database = std::fs::read(safe.path().join("data/anteroom.db")).unwrap();
    assert!(!database.windows(29).any(|bytes| bytes == b"the-key-of-the-booking-system"));
    let rotated = safe.json(&["keys", "rotate", "--json"]);
    assert_eq!(rotated["keys"][1]["state"], "waiting");
}

#[test]
fn a_wrong_pin_another_token_or_none_at_all_is_refused_by_a_sentence_without_the_pin() {
    let Some(safe) = Safe::new() else { return };
    safe.add_bridge();
    safe.configure("anteroom", "11112222");
    let said = safe.refusal(&["keys", "status"]);
    assert!(said.contains("the PIN is not accepted") && !said.contains("11112222"), "{said}");
    safe.configure("elsewhere", PIN);
    assert!(safe.refusal(&["keys", "status"]).contains("there is no token with the label \"elsewhere\""));
    safe.token("elsewhere");
    let said = safe.refusal(&["keys", "status"]);
    assert!(said.contains("does not open with the master key of pkcs11"), "{said}");
    safe.configure("anteroom", PIN);
    assert_eq!(safe.json(&["keys", "status", "--json"])["values"], 1);
}
