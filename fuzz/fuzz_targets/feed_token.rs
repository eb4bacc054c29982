//! Feed tokens: only the very token that was minted opens its feed.
#![no_main]

use anteroom::crypt::token::{self, FeedScope};
use anteroom::crypt::Key;
use anteroom::model::DetailLevel;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static SCOPE: LazyLock<FeedScope> = LazyLock::new(|| FeedScope {
    room: "r1".into(),
    detail: DetailLevel::Busy,
    past_days: 30,
    future_days: 400,
    version: 1,
});
static MINTED: LazyLock<String> =
    LazyLock::new(|| token::mint(&Key::new([3; 32]), &SCOPE).expect("chance").reveal().to_owned());

fuzz_target!(|input: (u8, u8, &str)| {
    let key = Key::new([3; 32]);
    let (from, to, piece) = (usize::from(input.0), usize::from(input.1), input.2);
    let mut forged = piece.to_owned();
    if from < to && to <= MINTED.len() {
        forged = format!("{}{piece}{}", &MINTED[..from], &MINTED[to..]);
    }
    let opens = token::verify(&key, &forged, &SCOPE);
    assert_eq!(opens, forged == *MINTED, "{forged}");
    if token::hash(&key, &forged).is_some() {
        assert_eq!(forged.len(), MINTED.len());
    }
});
