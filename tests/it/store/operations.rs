//! The outbox: one open operation for an event, one holder at a time, and a dead holder's work comes back as unknown.

use super::{at, uid};
use crate::house::{House, on_both};
use anteroom::model::{MappingId, MappingState, OperationState, TenantId, TimeRange, Timestamp};
use anteroom::store::mappings::{self, Mapping, Pulled};
use anteroom::store::operations::{self, Ended, Holder, Operation, Wish};
use anteroom::store::rooms::Room;
use std::collections::BTreeSet;

async fn enqueue(house: &House, place: &(Room, Mapping), of: &str, cause_seq: i64, due: Timestamp) {
    let (tenant, uid) = (house.tenant(), uid(of));
    let wish = Wish { tenant, mapping: &place.1.id, room: &place.0.id, uid: &uid, cause_seq, due };
    house.write_one(async |tx| operations::enqueue(tx, &wish).await).await;
}

async fn claim(house: &House, owner: &str, now: i64, lease_until: i64) -> Vec<Operation> {
    let mapping = only_mapping(house).await;
    house
        .write_one(async |tx| {
            operations::claim(tx, &mapping, Holder { owner, from: at(now), until: at(lease_until) }, at(now), 10).await
        })
        .await
}

/// Nothing is sent to a calendar that was never read.
async fn read_completely(house: &House, mapping: &Mapping) {
    let pull = Pulled { cursor: "c", window: TimeRange::ALL, due: at(100), ended: at(0), complete: true, began: at(0) };
    house.write_one(async |tx| mappings::pulled(tx, mapping, &pull).await).await;
}

/// The one mapping of the house.
async fn only_mapping(house: &House) -> MappingId {
    mappings::list(&mut house.read().await, house.tenant()).await.unwrap().remove(0).id
}

async fn sending(house: &House, operation: &Operation, owner: &str) -> bool {
    house.write_one(async |tx| operations::sending(tx, operation, owner).await).await
}

async fn finish(house: &House, operation: &Operation, state: OperationState, error: &str) -> bool {
    let ended = Ended { state, at: house.now(), error, remote_writes: 1 };
    house.write_one(async |tx| operations::finish(tx, operation, &ended).await).await
}

async fn of_event(house: &House, place: &(Room, Mapping), of: &str) -> Vec<Operation> {
    operations::of_event(&mut house.read().await, house.tenant(), &place.0.id, &uid(of)).await.unwrap()
}

on_both!(a_newer_wish_joins_the_open_operation, |house| async {
    let place = house.mapped_room().await;
    enqueue(house, &place, "a", 1, at(5)).await;
    enqueue(house, &place, "a", 2, at(1)).await;
    enqueue(house, &place, "b", 3, at(2)).await;
    let of_a = of_event(house, &place, "a").await;
    assert_eq!(of_a.len(), 1);
    assert_eq!((of_a[0].cause_seq, of_a[0].due_ms, of_a[0].state), (2, at(1), OperationState::Pending));
    let mut tx = house.read().await;
    assert_eq!(operations::open_of_mapping(&mut tx, house.tenant(), &place.1.id).await.unwrap().len(), 2);
    assert_eq!(operations::of_tenant(&mut tx, house.tenant(), 10).await.unwrap().len(), 2);
    assert_eq!(operations::of_tenant(&mut tx, &TenantId::fresh(), 10).await.unwrap().len(), 0);
    assert_eq!(operations::backlog(&mut tx).await.unwrap().open_count, 2);
    assert_eq!(operations::backlog_of_tenant(&mut tx, house.tenant()).await.unwrap().oldest_ms, Some(at(2).min(at(5))));
});

on_both!(two_owners_never_hold_the_same_operation, |house| async {
    let place = house.mapped_room().await;
    for number in 0..40 {
        enqueue(house, &place, &format!("e{number}"), number + 1, at(0)).await;
    }
    let workers: Vec<_> = (0..4)
        .map(|worker| {
            let (store, mapping) = (house.store.clone(), place.1.id.clone());
            tokio::spawn(async move {
                let mut mine = Vec::new();
                loop {
                    let mut tx = store.begin_write().await.unwrap();
                    let owner = format!("w{worker}");
                    let got = operations::claim(
                        &mut tx,
                        &mapping,
                        Holder { owner: &owner, from: at(0), until: at(1) },
                        at(0),
                        3,
                    )
                    .await
                    .unwrap();
                    tx.commit().await.unwrap();
                    if got.is_empty() {
                        break mine;
                    }
                    assert!(
                        got.len() <= 3 && got.iter().all(|operation| operation.lease_owner == format!("w{worker}"))
                    );
                    mine.extend(got.into_iter().map(|operation| operation.id));
                }
            })
        })
        .collect();
    let mut claimed = Vec::new();
    for worker in workers {
        claimed.extend(worker.await.unwrap());
    }
    // A worker may find everything else locked and stop early; what is left is free again and nobody's.
    claimed.extend(claim_all(house).await);
    assert_eq!((claimed.len(), claimed.iter().collect::<BTreeSet<_>>().len()), (40, 40));
});

async fn claim_all(house: &House) -> Vec<anteroom::model::OperationId> {
    let mut all = Vec::new();
    loop {
        let got = claim(house, "last", 0, 1).await;
        if got.is_empty() {
            return all;
        }
        all.extend(got.into_iter().map(|operation| operation.id));
    }
}

on_both!(operations_are_claimed_when_due_in_order_and_only_of_active_mappings, |house| async {
    let place = house.mapped_room().await;
    enqueue(house, &place, "late", 1, at(9)).await;
    enqueue(house, &place, "second", 2, at(2)).await;
    enqueue(house, &place, "first", 3, at(1)).await;
    house
        .write_one(async |tx| mappings::set_state(tx, &place.1, MappingState::Held, "brake", (at(0), at(0))).await)
        .await;
    read_completely(house, &place.1).await;
    let waiting = async |now| operations::waiting(&mut house.read().await, at(now), at(now), 10).await.unwrap();
    assert_eq!(waiting(3).await, [], "held");
    house.write_one(async |tx| mappings::set_state(tx, &place.1, MappingState::Active, "", (at(0), at(0))).await).await;
    assert_eq!(waiting(0).await, [], "nothing is due yet");
    assert_eq!(waiting(1).await, [(house.tenant().clone(), place.1.id.clone())]);
    let got = claim(house, "w", 3, 4).await;
    assert_eq!(got.iter().map(|operation| operation.uid.as_str()).collect::<Vec<_>>(), ["first", "second"]);
    assert_eq!(waiting(3).await, [], "somebody works on it");
    assert_eq!(waiting(4).await.len(), 1, "when the lease ends");
});

on_both!(work_of_a_holder_that_died_while_sending_comes_back_as_unknown, |house| async {
    let place = house.mapped_room().await;
    enqueue(house, &place, "a", 1, at(0)).await;
    let first = claim(house, "dead", 0, 1).await.remove(0);
    assert_eq!(first.state, OperationState::Pending);
    assert!(sending(house, &first, "dead").await);
    assert!(claim(house, "heir", 0, 1).await.is_empty(), "the lease holds");
    let second = claim(house, "heir", 1, 2).await.remove(0);
    assert_eq!((second.state, second.attempts), (OperationState::Unknown, 1));
    assert!(!sending(house, &first, "dead").await, "the lease was lost");
});

on_both!(work_that_was_claimed_but_never_sent_comes_back_as_it_was, |house| async {
    let place = house.mapped_room().await;
    enqueue(house, &place, "a", 1, at(0)).await;
    claim(house, "dead", 0, 1).await;
    assert_eq!(claim(house, "heir", 1, 2).await[0].state, OperationState::Pending);
});

on_both!(one_that_slept_through_its_lease_neither_ends_nor_frees_the_work_of_its_heir, |house| async {
    let place = house.mapped_room().await;
    enqueue(house, &place, "a", 1, at(0)).await;
    let first = claim(house, "sleeper", 0, 1).await.remove(0);
    sending(house, &first, "sleeper").await;
    let second = claim(house, "heir", 1, 3).await.remove(0);
    assert!(!finish(house, &first, OperationState::Failed, "too late").await);
    house
        .write_one(async |tx| operations::reschedule(tx, &first, OperationState::Pending, at(1), "too late", 0).await)
        .await;
    assert!(claim(house, "third", 2, 4).await.is_empty(), "the heir still holds it");
    assert!(finish(house, &second, OperationState::Done, "").await);
});

on_both!(an_operation_does_not_end_when_a_newer_change_has_joined, |house| async {
    let place = house.mapped_room().await;
    enqueue(house, &place, "a", 1, at(0)).await;
    let claimed = claim(house, "w", 0, 1).await.remove(0);
    sending(house, &claimed, "w").await;
    enqueue(house, &place, "a", 2, at(0)).await;
    assert!(!finish(house, &claimed, OperationState::Done, "").await);
    let open = of_event(house, &place, "a").await.remove(0);
    assert!(open.open && open.cause_seq == 2 && open.state == OperationState::Sending, "{open:?}");

    house.write_one(async |tx| operations::reschedule(tx, &open, OperationState::Pending, at(0), "", 1).await).await;
    let again = claim(house, "w", 0, 1).await.remove(0);
    assert!(finish(house, &again, OperationState::Done, "").await);
    let ended = of_event(house, &place, "a").await.remove(0);
    assert_eq!((ended.open, ended.state, ended.remote_writes), (false, OperationState::Done, 2));
    assert_eq!(ended.ended_ms, Some(house.now()));
    enqueue(house, &place, "a", 3, at(0)).await;
    assert_eq!(of_event(house, &place, "a").await.len(), 2, "an ended one is not joined");
});

on_both!(a_rescheduled_operation_waits_until_it_is_due, |house| async {
    let place = house.mapped_room().await;
    enqueue(house, &place, "a", 1, at(0)).await;
    let claimed = claim(house, "w", 0, 5).await.remove(0);
    sending(house, &claimed, "w").await;
    house
        .write_one(async |tx| operations::reschedule(tx, &claimed, OperationState::Unknown, at(2), "timeout", 1).await)
        .await;
    assert!(claim(house, "w", 1, 5).await.is_empty());
    let again = claim(house, "w", 2, 5).await.remove(0);
    assert_eq!((again.state, again.last_error.as_str(), again.attempts), (OperationState::Unknown, "timeout", 1));
});

on_both!(a_failed_operation_is_tried_again_unless_a_newer_one_is_open, |house| async {
    let place = house.mapped_room().await;
    enqueue(house, &place, "a", 1, at(0)).await;
    let claimed = claim(house, "w", 0, 1).await.remove(0);
    let retry =
        async || house.write_one(async |tx| operations::retry(tx, house.tenant(), &claimed.id, at(1)).await).await;
    assert!(!retry().await, "it is not failed");
    assert!(finish(house, &claimed, OperationState::Failed, "refused").await);
    assert!(retry().await);
    assert!(!retry().await, "it is open again");

    let claimed_again = claim(house, "w", 1, 2).await.remove(0);
    assert!(finish(house, &claimed_again, OperationState::Failed, "refused").await);
    enqueue(house, &place, "a", 2, at(1)).await;
    assert!(!retry().await, "a newer one is open");
});
