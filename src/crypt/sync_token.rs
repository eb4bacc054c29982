//! Sync tokens as URIs (RFC 6578, 3.2): opaque, authenticated, and bound to room and point of view.

use super::Key;
use super::mac;
use crate::model::RoomId;
use crate::model::SyncToken;
use crate::model::View;

/// What every token begins with. `urn:x-` names need no registration and are valid URIs.
const SCHEME: &str = "urn:x-anteroom:sync:";

/// The token as clients get it: sequence number, point of view, and a code over these and the room. The room itself is
/// not in it; a token for another one does not verify.
pub fn print(key: &Key, token: &SyncToken, view: View) -> String {
    let point = point(token, view);
    format!("{SCHEME}{point}:{}", mac::sign_text(key, &message(&token.room, &point)))
}

/// Reads a token for this room and view. `None`: not one of ours, not for this room, or from another point of view, so
/// that whoever gains or loses sight of details starts afresh.
pub fn parse(key: &Key, text: &str, room: &RoomId, view: View) -> Option<SyncToken> {
    let (point_text, code) = text.strip_prefix(SCHEME)?.rsplit_once(':')?;
    if !mac::verify_text(key, &message(room, point_text), code) {
        return None;
    }
    let mut parts = point_text.split('.');
    let letter = parts.next()?;
    let seq = parts.next()?.parse().ok()?;
    let began = parts.next().map(str::parse).transpose().ok()?;
    let token = SyncToken { room: room.clone(), seq, began };
    (letter == view.letter() && point(&token, view) == point_text).then_some(token)
}

fn point(token: &SyncToken, view: View) -> String {
    match token.began {
        Some(began) => format!("{}.{}.{began}", view.letter(), token.seq),
        None => format!("{}.{}", view.letter(), token.seq),
    }
}

fn message(room: &RoomId, point: &str) -> String {
    format!("{room}\n{point}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(seq: i64, began: Option<i64>) -> SyncToken {
        SyncToken { room: RoomId::from("r1"), seq, began }
    }

    #[test]
    fn s2_a_token_reads_back_for_its_room_and_view_only() {
        let key = Key::new([7; 32]);
        for token in [token(0, None), token(42, None), token(7, Some(90))] {
            let text = print(&key, &token, View::Full);
            assert!(text.starts_with("urn:x-anteroom:sync:"), "{text}");
            assert!(text.bytes().all(|b| b.is_ascii_graphic()));
            assert_eq!(parse(&key, &text, &token.room, View::Full), Some(token.clone()));
            assert_eq!(parse(&key, &text, &RoomId::from("r2"), View::Full), None);
            assert_eq!(parse(&key, &text, &token.room, View::Projected), None);
            assert_eq!(parse(&Key::new([8; 32]), &text, &token.room, View::Full), None);
        }
    }

    #[test]
    fn s3_no_change_to_a_token_goes_unnoticed() {
        let key = Key::new([7; 32]);
        let text = print(&key, &token(42, None), View::Full);
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(parse(&key, &changed, &RoomId::from("r1"), View::Full), None, "{changed}");
        }
        for foreign in ["", "1", "http://example.com/sync/42", "urn:x-anteroom:sync:", "urn:x-anteroom:sync:f.42:"] {
            assert_eq!(parse(&key, foreign, &RoomId::from("r1"), View::Full), None, "{foreign}");
        }
    }
}
