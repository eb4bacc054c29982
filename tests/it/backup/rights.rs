//! Who may come in and how far, before and after a backup is put back: keys with a scope, rights by groups of rooms,
//! providers. Sessions end with it.

use super::{keys, other_engine, put_back, saved};
use crate::house::{House, START, on_both};
use anteroom::crypt::{Place, Secret, VerifiedCache};
use anteroom::manage::backup::Target;
use anteroom::manage::passwords::{self, Rotation};
use anteroom::manage::principals::NewPrincipal;
use anteroom::manage::sign_in::Credential;
use anteroom::manage::{Acting, NewSecret, SignIn, api_keys, grants, principals, providers, room_groups};
use anteroom::model::{PrincipalKind, Privilege, Role, RoomId, SessionId, TenantId};
use anteroom::store::rights::Rights;
use anteroom::store::sessions::Session;
use anteroom::store::{directory, providers as stored, sessions};
use serde_json::json;
use std::sync::Arc;

/// What there is before the backup.
struct Keys {
    /// Anna's, for the rooms of the group `halls`.
    halls: String,
    /// Anna's, for reading only; `next` has taken its place, and both work for a day.
    reads: String,
    next: String,
    hall: RoomId,
    attic: RoomId,
    tenant: TenantId,
}

fn new(login: &str) -> NewPrincipal {
    let (kind, role) = (Some(PrincipalKind::Service), Some(Role::Member));
    NewPrincipal { login: login.to_owned(), display_name: None, email: None, kind, role }
}

/// A service that may write in the rooms of a group, with three keys; a provider, and a browser that is signed in by it.
async fn furnished(house: &House) -> Keys {
    let (hall, attic) = (house.room("Hall").await, house.room("Attic").await);
    let acting = Acting { tenant: house.tenant(), actor: "principal:ada", now: house.now() };
    let ring = keys(house).await.ring;
    let fresh = async || api_keys::fresh().await.unwrap();
    let (first, second, third) = (fresh().await, fresh().await, fresh().await);
    let mut tx = house.write().await;
    let anna = principals::create(&mut tx, &acting, &new("anna")).await.unwrap();
    let group = json!({ "name": "Halls", "rooms": ["hall"] });
    room_groups::create(&mut tx, &acting, &serde_json::from_value(group).unwrap()).await.unwrap();
    grants::set(&mut tx, &acting, "anna", "group:halls", Privilege::Write).await.unwrap();
    let wish = NewSecret { rooms: Some(vec!["group:halls".to_owned()]), ..NewSecret::labelled("halls") };
    let halls = api_keys::issue(&mut tx, &acting, "anna", &wish, first).await.unwrap();
    let wish = NewSecret { read_only: true, expires_in_days: Some(90), ..NewSecret::labelled("reads") };
    let reads = api_keys::issue(&mut tx, &acting, "anna", &wish, second).await.unwrap();
    let of = ("anna", reads.row.id.as_str());
    let next = passwords::rotate(&mut tx, &acting, of, &Rotation::default(), third).await.unwrap();
    let idp =
        json!({ "name": "idp", "issuer": "https://idp.example", "client_id": "rooms", "client_secret": "hush-hush" });
    let idp = serde_json::from_value(idp).unwrap();
    let provider = providers::create(&mut tx, &acting, &ring, &idp).await.unwrap();
    let session = Session {
        id: SessionId::fresh(),
        tenant_id: house.tenant().clone(),
        principal_id: anna.id.clone(),
        provider_id: provider.id.clone(),
        token_hash: "h1".to_owned(),
        agent: "Firefox".to_owned(),
        created_ms: START,
        last_used_ms: START,
        expires_ms: START.plus_days(1),
    };
    sessions::insert(&mut tx, &session).await.unwrap();
    tx.commit().await.unwrap();
    let text = |issued: passwords::Issued| issued.clear.reveal().to_owned();
    Keys {
        halls: text(halls),
        reads: text(reads),
        next: text(next),
        hall: hall.id,
        attic: attic.id,
        tenant: anna.tenant_id,
    }
}

/// What a key opens in hall and attic, on a server that has just begun; `None` where it opens nothing.
async fn opens(house: &House, key: &str, rooms: &Keys) -> Option<[Option<Privilege>; 2]> {
    let cache = Arc::new(VerifiedCache::new(keys(house).await.cache, 60_000, 10));
    let credential = Credential::Key(Secret::from(key));
    let found = SignIn::new(house.store.clone(), cache).principal(&credential, None, house.now()).await.unwrap()?;
    let mut tx = house.read().await;
    let rights = Rights::read(&mut tx, &found.principal, &found.reach).await.unwrap();
    Some([&rooms.hall, &rooms.attic].map(|room| rights.in_room(room)))
}

/// Everybody comes in as before, and the browser has to sign in again.
async fn is_as_before(house: &House, had: &Keys) {
    assert_eq!(opens(house, &had.halls, had).await, Some([Some(Privilege::Write), None]));
    for reading in [&had.reads, &had.next] {
        assert_eq!(opens(house, reading, had).await, Some([Some(Privilege::Read), None]));
    }
    let mut tx = house.read().await;
    let provider = stored::list(&mut tx, &had.tenant).await.unwrap().remove(0);
    drop(tx);
    let place = Place { tenant: &had.tenant, table: "providers", column: "sealed_secret", row: provider.id.as_str() };
    let opened = keys(house).await.ring.open(place, &provider.sealed_secret).unwrap();
    assert_eq!((provider.client_id.as_str(), opened.reveal()), ("rooms", "hush-hush"));
    assert!(sessions::by_hash(&mut house.read().await, "h1").await.unwrap().is_none(), "a session came back");
    // What was rotated ends when it was said that it would.
    house.clock.advance_ms(25 * 3_600_000);
    assert_eq!(opens(house, &had.reads, had).await, None);
    assert!(opens(house, &had.next, had).await.is_some());
}

on_both!(keys_groups_and_providers_come_back_into_another_installation_and_sessions_do_not, |house| async {
    let Some(other) = other_engine(house).await else { return };
    let had = furnished(house).await;
    assert!(sessions::by_hash(&mut house.read().await, "h1").await.unwrap().is_some());
    let (_folder, path) = saved(house, None).await;
    put_back(&other, &path, Target::Everything).await.unwrap();
    is_as_before(&other, &had).await;
    other.leave().await;
});

on_both!(a_running_installation_that_is_set_back_lets_in_whom_it_let_in_then, |house| async {
    let had = furnished(house).await;
    let alone = saved(house, Some(house.tenant_row())).await;
    let number =
        async || directory::standing(&mut house.read().await, house.tenant(), "").await.unwrap().unwrap().directory;
    // The lost time: everything is taken away, and somebody else comes.
    let acting = Acting { tenant: house.tenant(), actor: "principal:ada", now: house.now() };
    let (fresh, mut tx) = (api_keys::fresh().await.unwrap(), house.write().await);
    for secret in passwords::list(&mut tx, &acting, "anna").await.unwrap() {
        passwords::revoke(&mut tx, &acting, "anna", &secret.id).await.unwrap();
    }
    room_groups::remove(&mut tx, &acting, "halls").await.unwrap();
    providers::remove(&mut tx, &acting, "idp").await.unwrap();
    principals::create(&mut tx, &acting, &new("late")).await.unwrap();
    let late = api_keys::issue(&mut tx, &acting, "late", &NewSecret::labelled("late"), fresh).await.unwrap();
    tx.commit().await.unwrap();
    let late = late.clear.reveal().to_owned();
    assert_eq!((opens(house, &had.halls, &had).await, opens(house, &late, &had).await), (None, Some([None, None])));
    let before = number().await;
    put_back(house, &alone.1, Target::Tenant("example".to_owned())).await.unwrap();
    assert!(number().await > before, "what doors remember of the lost time holds no longer");
    assert_eq!(opens(house, &late, &had).await, None);
    is_as_before(house, &had).await;
});
