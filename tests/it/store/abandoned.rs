//! Callers who go away in the middle of beginning a transaction: whoever gets their connection next stands outside of it.

use crate::house::{House, on_both};
use anteroom::store::rooms;
use anteroom::store::rooms::Room;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// Begins to read, goes so far, and goes away.
async fn begin_and_leave(house: &House, steps: usize) {
    let mut begun = pin!(house.store.begin_read());
    for _ in 0..steps {
        let done = poll_fn(|cx| Poll::Ready(begun.as_mut().poll(cx).is_ready())).await;
        if done {
            return;
        }
        // Long enough for an answer of the database, which the runtime's other thread takes in.
        std::thread::sleep(Duration::from_micros(300));
    }
}

/// In a transaction that was begun for reading no write is taken, and what was read there once stays as it was.
async fn write_and_look(house: &House, room: &Room) {
    let mut tx = house.store.begin_write().await.unwrap();
    let seq = rooms::next_seq(&mut tx, &room.tenant_id, &room.id, house.now()).await.unwrap();
    tx.commit().await.unwrap();
    let mut glance = house.store.glance().await.unwrap();
    let seen = rooms::get(&mut glance, &room.tenant_id, &room.id).await.unwrap().unwrap();
    assert_eq!(seen.seq, seq);
}

on_both!(a_transaction_that_nobody_waits_for_is_taken_back, |house| async {
    let room = house.room("Hall").await;
    for steps in 0..8 {
        for _ in 0..5 {
            begin_and_leave(house, steps).await;
            write_and_look(house, &room).await;
        }
    }
});
