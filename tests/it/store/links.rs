//! Links: one living link for each remote item and for each part of an event; forgotten ones stay and do not block.

use super::{is_taken, uid};
use crate::house::{House, on_both};
use anteroom::model::{LinkId, LinkState, MappingId, TenantId};
use anteroom::store::links::{self, Link};

fn link(house: &House, mapping: &MappingId, of: &str, remote: Option<&str>) -> Link {
    Link {
        id: LinkId::fresh(),
        tenant_id: house.tenant().clone(),
        mapping_id: mapping.clone(),
        uid: uid(of),
        part: String::new(),
        remote_id: remote.map(str::to_owned),
        remote_version: Some("v1".to_owned()),
        create_key: format!("key-{of}"),
        epoch: 1,
        base: "{}".to_owned(),
        sent: "{\"title\":\"new\"}".to_owned(),
        echo: String::new(),
        state: LinkState::Linked,
        born: links::HUB.to_owned(),
        locked: String::new(),
        written_ms: house.now(),
        created_ms: house.now(),
    }
}

async fn put(house: &House, link: &Link) {
    house.write_one(async |tx| links::put(tx, link).await).await;
}

on_both!(a_link_comes_back_as_it_was_stored, |house| async {
    let (_, mapping) = house.mapped_room().await;
    let stored = link(house, &mapping.id, "a", Some("r1"));
    put(house, &stored).await;
    let mut tx = house.read().await;
    let found = links::by_remote(&mut tx, house.tenant(), &mapping.id, "r1").await.unwrap().unwrap();
    assert_eq!(format!("{found:?}"), format!("{stored:?}"));
    assert!(links::by_remote(&mut tx, &TenantId::fresh(), &mapping.id, "r1").await.unwrap().is_none());
    assert!(links::by_remote(&mut tx, house.tenant(), &mapping.id, "R1").await.unwrap().is_none());
    assert_eq!(links::of_tenant(&mut tx, house.tenant(), 10).await.unwrap().len(), 1);
});

on_both!(a_remote_item_has_one_living_link, |house| async {
    let (_, mapping) = house.mapped_room().await;
    put(house, &link(house, &mapping.id, "a", Some("r1"))).await;
    let same_remote = link(house, &mapping.id, "b", Some("r1"));
    let same_event = link(house, &mapping.id, "a", Some("r2"));
    for twin in [&same_remote, &same_event] {
        let again = house.try_write(async |tx| links::put(tx, twin).await).await;
        assert!(is_taken(&again), "{again:?}");
    }
    let instance = Link { part: "20260302T180000".to_owned(), ..same_event };
    put(house, &instance).await;
    let mut tx = house.read().await;
    let parts = links::of_uid(&mut tx, house.tenant(), &mapping.id, &uid("a")).await.unwrap();
    assert_eq!(parts.iter().map(|link| link.part.as_str()).collect::<Vec<_>>(), ["", "20260302T180000"]);
});

on_both!(links_without_a_remote_item_yet_do_not_block_each_other, |house| async {
    let (_, mapping) = house.mapped_room().await;
    put(house, &link(house, &mapping.id, "a", None)).await;
    put(house, &link(house, &mapping.id, "b", None)).await;
    assert_eq!(links::of_mapping(&mut house.read().await, house.tenant(), &mapping.id).await.unwrap().len(), 2);
});

on_both!(a_forgotten_link_is_kept_and_blocks_nothing, |house| async {
    let (_, mapping) = house.mapped_room().await;
    let first = link(house, &mapping.id, "a", Some("r1"));
    put(house, &first).await;
    put(house, &Link { state: LinkState::Forgotten, ..first.clone() }).await;
    let second = Link { epoch: 2, ..link(house, &mapping.id, "a", Some("r1")) };
    put(house, &second).await;
    let mut tx = house.read().await;
    let living = links::of_mapping(&mut tx, house.tenant(), &mapping.id).await.unwrap();
    assert_eq!(living.iter().map(|link| &link.id).collect::<Vec<_>>(), [&second.id]);
    let found = links::by_remote(&mut tx, house.tenant(), &mapping.id, "r1").await.unwrap().unwrap();
    assert_eq!(found.id, second.id);
    let epochs = links::of_uid(&mut tx, house.tenant(), &mapping.id, &uid("a")).await.unwrap();
    assert_eq!(epochs.iter().map(|link| link.epoch).collect::<Vec<_>>(), [1, 2]);
    let by_key = links::by_key(&mut tx, house.tenant(), &mapping.id, "key-a").await.unwrap().unwrap();
    assert_eq!(by_key.id, second.id, "the latest epoch answers");
});

on_both!(replacing_a_link_changes_what_was_learned, |house| async {
    let (_, mapping) = house.mapped_room().await;
    let creating = Link { state: LinkState::Creating, remote_version: None, ..link(house, &mapping.id, "a", None) };
    put(house, &creating).await;
    let confirmed = Link {
        state: LinkState::Linked,
        remote_id: Some("r1".to_owned()),
        remote_version: Some("v7".to_owned()),
        locked: "series of another organiser".to_owned(),
        ..creating
    };
    put(house, &confirmed).await;
    let mut tx = house.read().await;
    let found = links::by_remote(&mut tx, house.tenant(), &mapping.id, "r1").await.unwrap().unwrap();
    assert_eq!(format!("{found:?}"), format!("{confirmed:?}"));
});

on_both!(a_link_goes_only_where_its_state_lets_it, |house| async {
    let (_, mapping) = house.mapped_room().await;
    for from in LinkState::ALL {
        for to in LinkState::ALL {
            let link = Link { state: from, ..link(house, &mapping.id, &format!("{from:?}-{to:?}"), None) };
            put(house, &link).await;
            let next = Link { state: to, ..link };
            let stored = house.try_write(async |tx| links::put(tx, &next).await).await;
            assert_eq!(stored.is_ok(), from.may_become(to), "{from:?} to {to:?}: {stored:?}");
        }
    }
});
