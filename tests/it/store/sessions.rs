//! Providers of sign-ins, who is whom there, sessions of browsers, and browsers that are expected back once.

use super::is_taken;
use crate::house::{House, START, on_both};
use anteroom::model::{Privilege, ProviderId, SessionId, TenantId};
use anteroom::store::principals::Principal;
use anteroom::store::providers::{self, Identity, Provider};
use anteroom::store::sessions::{self, Errand, Session};
use anteroom::store::{StoreError, privacy, removal, restore, tenants};

fn provider(house: &House, name: &str) -> Provider {
    Provider {
        id: ProviderId::fresh(),
        tenant_id: house.tenant().clone(),
        name: name.to_owned(),
        label: name.to_owned(),
        issuer: format!("https://{name}.example"),
        client_id: "client".to_owned(),
        settings: "{}".to_owned(),
        sealed_secret: String::new(),
        created_ms: START,
    }
}

fn session(house: &House, provider: &Provider, who: &Principal, hash: &str) -> Session {
    Session {
        id: SessionId::fresh(),
        tenant_id: house.tenant().clone(),
        principal_id: who.id.clone(),
        provider_id: provider.id.clone(),
        token_hash: hash.to_owned(),
        agent: "Firefox".to_owned(),
        created_ms: START,
        last_used_ms: START,
        expires_ms: START.plus_ms(1000),
    }
}

fn identity(provider: &Provider, who: &Principal, subject: &str) -> Identity {
    Identity {
        provider_id: provider.id.clone(),
        subject: subject.to_owned(),
        tenant_id: provider.tenant_id.clone(),
        principal_id: who.id.clone(),
        created_ms: START,
    }
}

/// Anna, known to a provider, with a session `h1` and a browser on an errand `e1`.
async fn anna(house: &House) -> (Provider, Principal, Session) {
    let anna = house.user("anna", Privilege::Read).await;
    let idp = provider(house, "idp");
    let session = session(house, &idp, &anna, "h1");
    let errand = errand(&idp, "e1", 500);
    house
        .write_one(async |tx| {
            providers::insert(tx, &idp).await?;
            providers::identify(tx, &identity(&idp, &anna, "s-1")).await?;
            sessions::insert(tx, &session).await?;
            sessions::send(tx, &errand).await
        })
        .await;
    (idp, anna, session)
}

fn errand(provider: &Provider, hash: &str, ms: i64) -> Errand {
    Errand {
        token_hash: hash.to_owned(),
        tenant_id: provider.tenant_id.clone(),
        provider_id: provider.id.clone(),
        expires_ms: START.plus_ms(ms),
    }
}

async fn found(house: &House, hash: &str) -> Option<Session> {
    sessions::by_hash(&mut house.read().await, hash).await.unwrap()
}

on_both!(a_session_is_found_by_its_hash_touched_and_ended_in_its_tenant_only, |house| async {
    let (_, _, first) = anna(house).await;
    assert_eq!(found(house, "h1").await, Some(first.clone()));
    assert_eq!(found(house, "h2").await, None);
    house.write_one(async |tx| sessions::touch(tx, &first, START.plus_ms(7)).await).await;
    assert_eq!(found(house, "h1").await.unwrap().last_used_ms, START.plus_ms(7));
    let other = TenantId::fresh();
    assert!(!house.write_one(async |tx| sessions::end(tx, &other, &first.id).await).await);
    assert!(sessions::list(&mut house.read().await, &other, START).await.unwrap().is_empty());
    assert_eq!(sessions::list(&mut house.read().await, house.tenant(), START).await.unwrap().len(), 1);
    assert!(sessions::list(&mut house.read().await, house.tenant(), first.expires_ms).await.unwrap().is_empty());
    assert!(house.write_one(async |tx| sessions::end(tx, house.tenant(), &first.id).await).await);
    assert_eq!(found(house, "h1").await, None);
    assert!(!house.write_one(async |tx| sessions::end(tx, house.tenant(), &first.id).await).await);
});

on_both!(a_browser_comes_back_once_even_to_two_replicas_at_a_time, |house| async {
    let (idp, ..) = anna(house).await;
    assert_eq!(sessions::count_sent(&mut house.read().await, house.tenant()).await.unwrap(), 1);
    let take = async || -> Result<Option<Errand>, StoreError> {
        let mut tx = house.store.begin_write().await?;
        let taken = sessions::come_back(&mut tx, "e1").await?;
        tx.commit().await?;
        Ok(taken)
    };
    let (one, two) = tokio::join!(take(), take());
    let taken: Vec<Errand> = [one.unwrap(), two.unwrap()].into_iter().flatten().collect();
    assert_eq!(taken, [errand(&idp, "e1", 500)]);
});

on_both!(of_too_many_browsers_those_that_were_sent_first_are_given_up, |house| async {
    let (idp, ..) = anna(house).await;
    for (hash, ms) in [("e2", 600), ("e3", 700)] {
        house.write_one(async |tx| sessions::send(tx, &errand(&idp, hash, ms)).await).await;
    }
    house.write_one(async |tx| sessions::expect_at_most(tx, house.tenant(), 2).await).await;
    assert!(house.write_one(async |tx| sessions::come_back(tx, "e1").await).await.is_none());
    assert!(house.write_one(async |tx| sessions::come_back(tx, "e3").await).await.is_some());
    assert_eq!(sessions::count_sent(&mut house.read().await, house.tenant()).await.unwrap(), 1);
});

on_both!(what_has_expired_is_forgotten_and_nothing_else, |house| async {
    let (idp, who, _) = anna(house).await;
    let lasting = Session { expires_ms: START.plus_ms(5_000), ..session(house, &idp, &who, "h2") };
    house.write_one(async |tx| sessions::insert(tx, &lasting).await).await;
    house.write_one(async |tx| sessions::send(tx, &errand(&idp, "e2", 5_000)).await).await;
    house.write_one(async |tx| sessions::forget(tx, START.plus_ms(1_000)).await).await;
    assert!(found(house, "h1").await.is_none() && found(house, "h2").await.is_some());
    assert_eq!(sessions::count_sent(&mut house.read().await, house.tenant()).await.unwrap(), 1);
});

on_both!(a_subject_is_one_principal_and_a_name_one_provider, |house| async {
    let (idp, who, _) = anna(house).await;
    let bob = house.user("bob", Privilege::Read).await;
    let twice = house.try_write(async |tx| providers::identify(tx, &identity(&idp, &bob, "s-1")).await).await;
    assert!(is_taken(&twice), "{twice:?}");
    let same_name = provider(house, "idp");
    let twice = house.try_write(async |tx| providers::insert(tx, &same_name).await).await;
    assert!(is_taken(&twice), "{twice:?}");
    let mut tx = house.read().await;
    assert_eq!(providers::identity(&mut tx, &idp, "s-1").await.unwrap().unwrap().principal_id, who.id);
    assert_eq!(providers::identity_of(&mut tx, &idp, &who.id).await.unwrap().unwrap().subject, "s-1");
    assert!(providers::identity_of(&mut tx, &idp, &bob.id).await.unwrap().is_none());
    let elsewhere = Provider { tenant_id: TenantId::fresh(), ..idp.clone() };
    assert!(providers::identity(&mut tx, &elsewhere, "s-1").await.unwrap().is_none(), "another tenant's");
    assert_eq!(providers::by_issuer(&mut tx, "https://idp.example").await.unwrap(), [idp]);
});

on_both!(who_is_locked_out_erased_or_loses_the_provider_has_no_session_left, |house| async {
    let (idp, who, _) = anna(house).await;
    house.write_one(async |tx| sessions::end_of(tx, house.tenant(), &who.id).await).await;
    assert!(found(house, "h1").await.is_none());
    house.write_one(async |tx| sessions::insert(tx, &session(house, &idp, &who, "h2")).await).await;
    house.write_one(async |tx| privacy::anonymise(tx, house.tenant(), &who.id, "erased").await).await;
    assert!(found(house, "h2").await.is_none());
    let known = providers::identities(&mut house.read().await, house.tenant(), &who.id).await.unwrap();
    assert!(known.is_empty(), "{known:?}");
    house.write_one(async |tx| sessions::insert(tx, &session(house, &idp, &who, "h3")).await).await;
    house.write_one(async |tx| providers::delete(tx, house.tenant(), &idp.id).await).await;
    assert!(found(house, "h3").await.is_none());
    assert!(providers::list(&mut house.read().await, house.tenant()).await.unwrap().is_empty());
});

on_both!(a_restored_database_has_no_sessions_and_a_removed_tenant_no_providers, |house| async {
    let (idp, who, _) = anna(house).await;
    house.write_one(async |tx| restore::begin_anew_of(tx, house.tenant(), 0, START).await).await;
    assert!(found(house, "h1").await.is_none());
    house.write_one(async |tx| sessions::insert(tx, &session(house, &idp, &who, "h2")).await).await;
    house.write_one(async |tx| restore::begin_anew(tx, START).await).await;
    assert!(found(house, "h2").await.is_none());
    assert!(house.write_one(async |tx| sessions::come_back(tx, "e1").await).await.is_none());
    house.write_one(async |tx| sessions::insert(tx, &session(house, &idp, &who, "h3")).await).await;
    house.write_one(async |tx| removal::tenant(tx, house.tenant()).await).await;
    let mut tx = house.read().await;
    assert!(providers::offered(&mut tx, 10).await.unwrap().is_empty());
    assert!(tenants::get(&mut tx, house.tenant()).await.unwrap().is_some(), "its row stays, with its audit");
});
