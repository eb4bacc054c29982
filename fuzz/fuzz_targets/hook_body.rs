//! Bodies of notifications: read or refused in a sentence, each item with a key that is the same when it comes again.
#![no_main]

use anteroom::hooks::notification;
use anteroom::model::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let now = Timestamp(1_772_438_400_000);
    match notification::parse(body, now) {
        Ok(read) => assert_eq!(notification::parse(body, now), Ok(read)),
        Err(sentence) => assert!(sentence.ends_with('.'), "{sentence}"),
    }
});
