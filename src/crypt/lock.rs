//! Files that only the owners of a key can read: the format of age (<https://age-encryption.org/v1>), for X25519 recipients
//! or a passphrase. `age` and `rage` read and write the same files.

use super::CryptError;
use super::Secret;
use age::secrecy::SecretString;
use age::stream::StreamWriter;
use age::x25519;
use age::{Decryptor, Encryptor, Identity, IdentityFile, Recipient};
use std::io::{self, BufRead, Read, Write};
use std::str::FromStr as _;

/// What a locked file begins with.
const MAGIC: &[u8] = b"age-encryption.org/";

/// For whom a file is locked.
pub enum Lock {
    /// For the owners of these keys.
    Recipients(Vec<x25519::Recipient>),
    /// For whoever knows it.
    Passphrase(Secret),
    /// For everybody.
    Open,
}

impl Lock {
    /// For these recipients, each written `age1…`.
    pub fn parse(recipients: &[String]) -> Result<Self, CryptError> {
        let one = |text: &String| {
            let parsed = x25519::Recipient::from_str(text.trim());
            parsed.map_err(|why| CryptError::Lock(format!("{text:?} is no recipient (age1…): {why}")))
        };
        if recipients.is_empty() {
            return Err(CryptError::Lock("no recipient is named".to_owned()));
        }
        Ok(Self::Recipients(recipients.iter().map(one).collect::<Result<_, _>>()?))
    }

    /// Whether it keeps anybody out.
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }

    /// Locks what is written from now on.
    pub fn writer<W: Write>(&self, out: W) -> Result<LockWriter<W>, CryptError> {
        let encryptor = match self {
            Self::Open => return Ok(LockWriter::Open(out)),
            Self::Passphrase(words) => Encryptor::with_user_passphrase(SecretString::from(words.reveal().to_owned())),
            Self::Recipients(all) => {
                let all = all.iter().map(|one| one as &dyn Recipient);
                Encryptor::with_recipients(all).map_err(|why| CryptError::Lock(why.to_string()))?
            }
        };
        let writer = encryptor.wrap_output(out).map_err(|why| CryptError::Lock(why.to_string()))?;
        Ok(LockWriter::Locked(Box::new(writer)))
    }
}

/// Writes a locked file. Without [`LockWriter::finish`] it has no end, and does not open.
pub enum LockWriter<W: Write> {
    /// For some.
    Locked(Box<StreamWriter<W>>),
    /// For everybody.
    Open(W),
}

impl<W: Write> LockWriter<W> {
    /// Writes the end.
    pub fn finish(self) -> io::Result<W> {
        match self {
            Self::Locked(writer) => writer.finish(),
            Self::Open(out) => Ok(out),
        }
    }
}

impl<W: Write> Write for LockWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Locked(writer) => writer.write(bytes),
            Self::Open(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Locked(writer) => writer.flush(),
            Self::Open(out) => out.flush(),
        }
    }
}

/// What opens files.
#[derive(Clone, Default)]
pub struct Opener {
    identities: Vec<x25519::Identity>,
    passphrase: Option<Secret>,
}

impl Opener {
    /// Opens with the secret keys of an identity file, as `age-keygen` writes it.
    pub fn identities(text: &str) -> Result<Self, CryptError> {
        IdentityFile::from_buffer(text.as_bytes())
            .map_err(|why| CryptError::Lock(format!("the identity file cannot be read: {why}")))?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let one = |line: &str| x25519::Identity::from_str(line).map_err(|why| CryptError::Lock(why.to_owned()));
        Ok(Self { identities: lines.map(one).collect::<Result<_, _>>()?, passphrase: None })
    }

    /// Opens with a passphrase.
    pub fn passphrase(words: Secret) -> Self {
        Self { identities: Vec::new(), passphrase: Some(words) }
    }

    /// Reads what was locked; what was not is read as it is.
    pub fn reader<'r, R: BufRead + Send + 'r>(&self, mut input: R) -> Result<Box<dyn Read + Send + 'r>, CryptError> {
        let begins = input.fill_buf().map_err(|why| CryptError::Lock(why.to_string()))?;
        if !begins.starts_with(MAGIC) {
            return Ok(Box::new(input));
        }
        let refused = |why: age::DecryptError| CryptError::Lock(format!("the file does not open: {why}"));
        let decryptor = Decryptor::new_buffered(input).map_err(refused)?;
        let words = self.passphrase.as_ref().map(|words| SecretString::from(words.reveal().to_owned()));
        let words = words.map(age::scrypt::Identity::new);
        let words = words.iter().map(|one| one as &dyn Identity);
        let all = self.identities.iter().map(|one| one as &dyn Identity).chain(words);
        Ok(Box::new(decryptor.decrypt(all).map_err(refused)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use age::secrecy::ExposeSecret as _;

    fn locked(lock: &Lock) -> Vec<u8> {
        let mut writer = lock.writer(Vec::new()).unwrap();
        writer.write_all(b"what is kept").unwrap();
        writer.finish().unwrap()
    }

    fn opened(opener: &Opener, bytes: &[u8]) -> Result<String, String> {
        let mut text = String::new();
        let mut reader = opener.reader(bytes).map_err(|why| why.to_string())?;
        reader.read_to_string(&mut text).map_err(|why| why.to_string())?;
        Ok(text)
    }

    #[test]
    fn a_file_opens_for_each_recipient_and_for_nobody_else() {
        let [anna, olav, eve] = [(); 3].map(|()| x25519::Identity::generate());
        let recipients = [anna.to_public().to_string(), olav.to_public().to_string()];
        let bytes = locked(&Lock::parse(&recipients).unwrap());
        assert!(bytes.starts_with(MAGIC) && !bytes.windows(4).any(|part| part == b"kept"));
        for (identity, opens) in [(&anna, true), (&olav, true), (&eve, false)] {
            let file = format!("# made for a test\n{}\n", identity.to_string().expose_secret());
            let said = opened(&Opener::identities(&file).unwrap(), &bytes);
            assert_eq!(said.is_ok(), opens, "{said:?}");
        }
        let cut = opened(&Opener::identities(anna.to_string().expose_secret()).unwrap(), &bytes[..bytes.len() - 1]);
        assert!(cut.is_err(), "a file without its end does not open");
    }

    #[test]
    fn a_passphrase_opens_what_it_locked() {
        let bytes = locked(&Lock::Passphrase(Secret::new("correct horse")));
        assert_eq!(opened(&Opener::passphrase(Secret::new("correct horse")), &bytes).unwrap(), "what is kept");
        assert!(opened(&Opener::passphrase(Secret::new("wrong horse")), &bytes).is_err());
        assert!(opened(&Opener::default(), &bytes).is_err());
    }

    #[test]
    fn what_was_not_locked_is_read_as_it_is_and_recipients_are_checked() {
        assert_eq!(opened(&Opener::default(), &locked(&Lock::Open)).unwrap(), "what is kept");
        for wrong in [vec![], vec!["age1nonsense".to_owned()], vec!["ssh-ed25519 AAAA".to_owned()]] {
            assert!(Lock::parse(&wrong).is_err(), "{wrong:?}");
        }
        assert!(Opener::identities("no key").is_err());
    }
}
