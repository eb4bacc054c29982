//! The master key inside a PKCS#11 token: an AES-256 key that cannot be read out wraps the gateway's keys (AES-GCM,
//! PKCS#11 2.40, 2.12.3), so that whoever copies disk and memory of the server has not copied the master key.

use super::CryptError;
use super::Key;
use super::KeyProvider;
use super::Secret;
use super::key::random;
use super::provider::key_of;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use std::path::Path;
use zeroize::Zeroizing;

/// What a key wrapped by a token begins with.
const VERSION: &str = "p1";
/// Bits of the authentication tag.
const TAG_BITS: u64 = 128;

/// How the token is found.
#[derive(Clone, Debug)]
pub struct Place<'a> {
    /// The library of its maker.
    pub module: &'a Path,
    /// The label of the token.
    pub token: &'a str,
    /// The label of the key in it.
    pub key: &'a str,
    /// The PIN of its user.
    pub pin: &'a Secret,
}

/// A token and the key in it.
pub struct Token {
    context: Pkcs11,
    slot: Slot,
    label: String,
    pin: Secret,
}

impl Token {
    /// Opens the token and makes the key if it is not there. Refused where the key can be read out.
    pub fn open(place: &Place<'_>) -> Result<Self, CryptError> {
        let failed = |what: &str, error: &Error| module(format!("{} {what}: {error}", place.module.display()));
        let context = Pkcs11::new(place.module).map_err(|error| failed("cannot be loaded", &error))?;
        match context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(failed("does not start", &error)),
        }
        let slot = slot_of(&context, place.token)?;
        let token = Self { context, slot, label: place.key.to_owned(), pin: place.pin.clone() };
        token.ensure_key()?;
        Ok(token)
    }

    /// A session of its own for one act: sessions belong to one thread.
    fn session(&self) -> Result<Session, CryptError> {
        let session = self.context.open_rw_session(self.slot).map_err(|error| said("no session", &error))?;
        match session.login(UserType::User, Some(&AuthPin::new(self.pin.reveal().into()))) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
            Err(error) => Err(said("the PIN is not accepted", &error)),
        }
    }

    fn find(&self, session: &Session) -> Result<Option<ObjectHandle>, CryptError> {
        let wanted = [Attribute::Class(ObjectClass::SECRET_KEY), Attribute::Label(self.label.clone().into_bytes())];
        let found = session.find_objects(&wanted).map_err(|error| said("the key cannot be looked for", &error))?;
        match found.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(*one)),
            _ => Err(module(format!("there are {} keys with the label {:?}; keep one", found.len(), self.label))),
        }
    }

    fn key(&self, session: &Session) -> Result<ObjectHandle, CryptError> {
        self.find(session)?.ok_or_else(|| module(format!("the key {:?} is not in the token", self.label)))
    }

    fn ensure_key(&self) -> Result<(), CryptError> {
        let session = self.session()?;
        let Some(key) = self.find(&session)? else { return self.make_key(&session) };
        let asked = [AttributeType::Sensitive, AttributeType::Extractable];
        let told = session.get_attributes(key, &asked).map_err(|error| said("the key cannot be judged", &error))?;
        let keeps = told.contains(&Attribute::Sensitive(true)) && told.contains(&Attribute::Extractable(false));
        if keeps {
            return Ok(());
        }
        Err(module(format!(
            "the key {:?} can be read out of the token; use one that is sensitive and not extractable",
            self.label
        )))
    }

    fn make_key(&self, session: &Session) -> Result<(), CryptError> {
        let wanted = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::AES),
            Attribute::ValueLen(32.into()),
            Attribute::Label(self.label.clone().into_bytes()),
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Encrypt(true),
            Attribute::Decrypt(true),
        ];
        let made = session.generate_key(&Mechanism::AesKeyGen, &wanted);
        made.map(|_| ()).map_err(|error| said("the key cannot be made", &error))
    }

    fn prefix(&self) -> String {
        format!("{VERSION}.{}.", URL_SAFE_NO_PAD.encode(&self.label))
    }
}

impl KeyProvider for Token {
    fn kind(&self) -> &'static str {
        "pkcs11"
    }

    fn wrap(&self, id: &str, key: &Key) -> Result<String, CryptError> {
        let session = self.session()?;
        let master = self.key(&session)?;
        let mut nonce = random::<12>()?;
        let text = {
            let how = gcm(&mut nonce, id)?;
            session.encrypt(&Mechanism::AesGcm(how), master, key.bytes())
        };
        let text = text.map_err(|error| said("a key cannot be wrapped", &error))?;
        Ok(format!("{}{}.{}", self.prefix(), URL_SAFE_NO_PAD.encode(nonce), URL_SAFE_NO_PAD.encode(text)))
    }

    fn unwrap(&self, id: &str, wrapped: &str) -> Result<Key, CryptError> {
        let failed = |reason: &str| CryptError::Wrapped {
            id: id.to_owned(),
            provider: "pkcs11".to_owned(),
            reason: reason.to_owned(),
        };
        let rest = wrapped.strip_prefix(&self.prefix()).ok_or_else(|| failed("it was wrapped with another one"))?;
        let (nonce, text) = rest.split_once('.').ok_or_else(|| failed("it has not the form of a wrapped key"))?;
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| failed("it is not base64url"));
        let (mut nonce, text) = (decode(nonce)?, decode(text)?);
        let session = self.session()?;
        let master = self.key(&session)?;
        let opened = session.decrypt(&Mechanism::AesGcm(gcm(&mut nonce, id)?), master, &text);
        let bytes = Zeroizing::new(opened.map_err(|error| failed(&error.to_string()))?);
        key_of(&bytes).ok_or_else(|| failed("it is no key of 32 bytes"))
    }

    fn is_current(&self, wrapped: &str) -> bool {
        wrapped.starts_with(&self.prefix())
    }

    fn direct(&self) -> Vec<(String, Key)> {
        Vec::new()
    }
}

fn gcm<'a>(nonce: &'a mut [u8], id: &'a str) -> Result<GcmParams<'a>, CryptError> {
    GcmParams::new(nonce, id.as_bytes(), TAG_BITS.into()).map_err(|error| said("AES-GCM is not to be had", &error))
}

fn slot_of(context: &Pkcs11, label: &str) -> Result<Slot, CryptError> {
    let slots = context.get_slots_with_initialized_token().map_err(|error| said("there are no tokens", &error))?;
    let has = |slot: &Slot| context.get_token_info(*slot).is_ok_and(|info| info.label().trim_end() == label);
    slots.into_iter().find(has).ok_or_else(|| module(format!("there is no token with the label {label:?}")))
}

fn said(what: &str, error: &Error) -> CryptError {
    module(format!("{what}: {error}"))
}

fn module(what: String) -> CryptError {
    CryptError::Module(what)
}
