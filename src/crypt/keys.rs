//! The master key file and the keys derived from it.
//!
//! The file holds one key a line, `<key id> base64:<32 bytes>`. The last line wraps the keys of the database, all lines
//! unwrap and open what earlier versions sealed with them directly; the first line of the file of the first start
//! becomes the root of the keys for signatures, and is kept in the database from then on.

use super::CryptError;
use super::Key;
use super::KeyRing;
use super::vapid::Vapid;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use zeroize::Zeroizing;

/// Name of the key file in the data folder.
pub const FILE_NAME: &str = "master.key";

/// Every key the server works with.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Seals secrets at rest.
    pub ring: KeyRing,
    /// Signs sync tokens.
    pub sync_token: Key,
    /// Signs feed links and hashes their tokens.
    pub feed: Key,
    /// Names verified credentials in memory.
    pub cache: Key,
    /// Hashes the `clientState` of change notification subscriptions.
    pub client_state: Key,
    /// Names rooms towards push services, and known push resources.
    pub push: Key,
    /// Signs what is sent to push services.
    pub vapid: Vapid,
    /// Hashes what the configuration declares.
    pub declaration: Key,
    /// Chains the entries of the audit.
    pub audit: Key,
    /// Seals archives.
    pub archive: Key,
    /// Hashes what browsers keep, and makes what is derived from it.
    pub session: Key,
}

impl Keys {
    /// All keys from a ring, the first of which is the root.
    pub fn from_ring(ring: KeyRing) -> Self {
        let root = ring.first();
        Self::from_root(&root, ring)
    }

    /// All keys of a root, and a ring for what is sealed.
    pub fn from_root(root: &Key, ring: KeyRing) -> Self {
        Self {
            sync_token: root.derive("sync-token"),
            feed: root.derive("feed"),
            cache: root.derive("cache"),
            client_state: root.derive("client-state"),
            push: root.derive("push"),
            vapid: Vapid::of(root),
            declaration: root.derive("declaration"),
            audit: root.derive("audit"),
            archive: root.derive("archive"),
            session: root.derive("session"),
            ring,
        }
    }

    /// The keys of the file `master.key` in the data folder; the file is made at the first start, readable by its
    /// owner only.
    pub fn load_or_create(data_dir: &Path) -> Result<Self, CryptError> {
        let path = data_dir.join(FILE_NAME);
        if !path.exists() {
            create(&path)?;
        }
        refuse_open_permissions(&path)?;
        Self::read(&path)
    }

    /// The keys of a file kept elsewhere, as a container's secret mount does.
    pub fn read(path: &Path) -> Result<Self, CryptError> {
        let text = Zeroizing::new(std::fs::read_to_string(path).map_err(|e| failed(path, &e.to_string()))?);
        Self::parse(&text).map_err(|reason| failed(path, &reason))
    }

    /// The keys of a file's text. A text of one key without an id is accepted too; the key is then called `k1`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut ring: Option<KeyRing> = None;
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (key_id, key) = parse_line(line).map_err(|what| format!("line {}: {what}", at + 1))?;
            ring = Some(match ring {
                None => KeyRing::new(key_id, key),
                Some(ring) => ring.followed_by(key_id, key),
            });
        }
        ring.map(Self::from_ring).ok_or_else(|| "holds no key; write a line `k1 base64:<32 bytes>`".to_owned())
    }
}

fn parse_line(line: &str) -> Result<(&str, Key), String> {
    let (key_id, value) = line.split_once(char::is_whitespace).unwrap_or(("k1", line));
    if !key_id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') || key_id.len() > 40 {
        return Err("a key id has letters, digits, - and _ only, at most 40".to_owned());
    }
    let value = value.trim();
    let bytes = Zeroizing::new(
        STANDARD
            .decode(value.strip_prefix("base64:").unwrap_or(value))
            .map_err(|_| "the key is not base64".to_owned())?,
    );
    let bytes: [u8; 32] =
        bytes.as_slice().try_into().map_err(|_| format!("the key has {} bytes, 32 are needed", bytes.len()))?;
    Ok((key_id, Key::new(bytes)))
}

/// Writes a new key under a temporary name and links it into place: of two servers that start at once, one wins and
/// both read the same file.
fn create(path: &Path) -> Result<(), CryptError> {
    let line = Zeroizing::new(format!("k1 base64:{}\n", STANDARD.encode(Key::generate()?.bytes())));
    let temporary = path.with_extension(format!("key.{}", std::process::id()));
    let write = || -> std::io::Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut file =
            std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(line.as_bytes())?;
        file.sync_all()?;
        match std::fs::hard_link(&temporary, path) {
            Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => Err(e),
            _ => Ok(()),
        }
    };
    let written = write();
    // Best effort: a left-over temporary file holds a key nobody uses.
    let _ = std::fs::remove_file(&temporary);
    written.map_err(|e| failed(path, &format!("cannot be made: {e}")))
}

fn refuse_open_permissions(path: &Path) -> Result<(), CryptError> {
    let mode = std::fs::metadata(path).map_err(|e| failed(path, &e.to_string()))?.permissions().mode();
    let for_others = mode & 0o077;
    if for_others == 0 {
        return Ok(());
    }
    Err(failed(path, &format!("others may read it (mode {:o}); run chmod 600 on it", mode & 0o777)))
}

fn failed(path: &Path, reason: &str) -> CryptError {
    CryptError::KeyFile { path: path.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypt::Place;
    use crate::model::TenantId;

    fn line(id: &str, byte: u8) -> String {
        format!("{id} base64:{}\n", STANDARD.encode([byte; 32]))
    }

    #[test]
    fn the_first_start_makes_a_private_file_and_the_second_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let first = Keys::load_or_create(&data).unwrap();
        let mode = std::fs::metadata(data.join(FILE_NAME)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let second = Keys::load_or_create(&data).unwrap();
        assert_eq!(first.feed.bytes(), second.feed.bytes());
        assert_eq!(std::fs::read_dir(&data).unwrap().count(), 1, "no temporary file stays");
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let _made = Keys::load_or_create(folder.path()).unwrap();
        let path = folder.path().join(FILE_NAME);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let error = Keys::load_or_create(folder.path()).unwrap_err().to_string();
        assert!(error.contains("mode 644") && error.contains("chmod 600"), "{error}");
        assert!(Keys::read(&path).is_ok());
    }

    #[test]
    fn an_appended_key_seals_while_signatures_stay() {
        let old = Keys::parse(&line("k1", 1)).unwrap();
        let new = Keys::parse(&format!("# keys\n{}\n{}", line("k1", 1), line("k2", 2))).unwrap();
        assert_eq!(new.ring.current_id(), "k2");
        assert_eq!(old.feed.bytes(), new.feed.bytes());
        let tenant = TenantId::from("t");
        let place = Place { tenant: &tenant, table: "a", column: "b", row: "c" };
        let envelope = old.ring.seal(place, "x").unwrap();
        assert_eq!(new.ring.open(place, &envelope).unwrap().reveal(), "x");
    }

    #[test]
    fn purposes_do_not_share_keys() {
        let keys = Keys::parse(&line("k1", 1)).unwrap();
        let all = [&keys.sync_token, &keys.feed, &keys.cache, &keys.client_state, &keys.push];
        for (i, one) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|other| other.bytes() != one.bytes()));
        }
    }

    #[test]
    fn unreadable_files_say_the_line_and_what_is_wrong() {
        for (text, says) in [
            ("", "no key"),
            ("# only a comment", "no key"),
            ("\nk1 base64:%%%", "line 2: the key is not base64"),
            ("k1 base64:AAAA", "has 3 bytes"),
            ("k.1 base64:AAAA", "key id"),
        ] {
            let error = Keys::parse(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn a_bare_key_is_called_k1() {
        let text = format!("base64:{}", STANDARD.encode([5; 32]));
        assert_eq!(Keys::parse(&text).unwrap().ring.current_id(), "k1");
    }
}
