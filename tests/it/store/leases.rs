//! Leases: one owner until it expires, and a token that rises with every new holder.

use super::at;
use crate::house::{House, on_both};
use anteroom::model::{Clock, SystemClock};
use anteroom::store::leases::{self, Lease};

async fn acquire(house: &House, owner: &str, now: i64, until: i64) -> Option<Lease> {
    house.write_one(async |tx| leases::acquire(tx, "pull:1", owner, at(now), at(until)).await).await
}

async fn holds(house: &House, lease: &Lease) -> bool {
    leases::holds(&mut house.read().await, lease).await.unwrap()
}

on_both!(another_owner_is_refused_until_the_lease_expires, |house| async {
    let first = acquire(house, "one", 0, 5).await.unwrap();
    assert_eq!(acquire(house, "two", 4, 9).await, None);
    assert!(holds(house, &first).await);
    let second = acquire(house, "two", 5, 9).await.unwrap();
    assert!(second.token > first.token);
    assert!(!holds(house, &first).await, "the token fences the one that slept");
    assert!(holds(house, &second).await);
});

on_both!(the_owner_extends_its_lease_under_the_same_token, |house| async {
    let first = acquire(house, "one", 0, 5).await.unwrap();
    let extended = acquire(house, "one", 3, 8).await.unwrap();
    assert_eq!(first.token, extended.token);
    assert_eq!(acquire(house, "two", 6, 9).await, None);
    let late = acquire(house, "one", 8, 12).await.unwrap();
    assert!(late.token > first.token, "after its end it is a new lease, also for the same owner");
});

on_both!(a_released_lease_is_free_at_once_and_only_its_holder_releases_it, |house| async {
    let first = acquire(house, "one", 0, 5).await.unwrap();
    let stale = Lease { token: first.token - 1, ..first.clone() };
    house.write_one(async |tx| leases::release(tx, &stale).await).await;
    assert_eq!(acquire(house, "two", 1, 9).await, None);
    house.write_one(async |tx| leases::release(tx, &first).await).await;
    assert!(acquire(house, "two", 1, 9).await.unwrap().token > first.token);
});

on_both!(of_twenty_that_ask_at_once_one_gets_the_lease, |house| async {
    let askers: Vec<_> = (0..20)
        .map(|number| {
            let store = house.store.clone();
            tokio::spawn(async move {
                let mut tx = store.begin_write().await.unwrap();
                let got = leases::acquire(&mut tx, "pull:1", &format!("o{number}"), at(0), at(5)).await.unwrap();
                tx.commit().await.unwrap();
                got.is_some()
            })
        })
        .collect();
    let mut winners = 0;
    for asker in askers {
        winners += usize::from(asker.await.unwrap());
    }
    assert_eq!(winners, 1);
});

on_both!(a_lease_is_extended_until_somebody_else_has_it_or_it_was_given_back, |house| async {
    let first = acquire(house, "one", 0, 5).await.unwrap();
    let renew =
        async |lease: &Lease, until| house.write_one(async |tx| leases::renew(tx, lease, at(until)).await).await;
    assert!(renew(&first, 9).await);
    assert_eq!(acquire(house, "two", 8, 12).await, None);
    assert!(renew(&first, 15).await);
    let second = acquire(house, "two", 15, 20).await.unwrap();
    assert!(!renew(&first, 30).await);
    house.write_one(async |tx| leases::release(tx, &second).await).await;
    assert!(!renew(&second, 40).await);
});

on_both!(the_database_tells_the_time_of_the_world, |house| async {
    let told = leases::time(&mut house.read().await).await.unwrap();
    let here = SystemClock.now();
    assert!((told.ms() - here.ms()).abs() < 60_000, "{told} against {here}");
});
