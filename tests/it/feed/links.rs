//! Who gets a feed: tokens, withdrawal, methods.

use super::fixture::*;
use actix_web::http::Method;
use actix_web::test::TestRequest;
use anteroom::manage::feeds;
use anteroom::manage::tenants;
use anteroom::model::DetailLevel;

#[actix_web::test]
async fn a_link_is_given_in_two_forms_and_only_its_hash_is_stored() {
    let house = House::new().await;
    let minted = house.feed(DetailLevel::Full).await;
    let url = minted.url.reveal();
    assert!(url.starts_with("https://rooms.example.org/feeds/") && url.ends_with("/hall.ics"), "{url}");
    assert_eq!(minted.webcal_url.reveal(), url.replace("https://", "webcal://"));
    assert!(!url.contains(&house.stored(&minted.feed).await.token_hash));
    assert_eq!(house.get(&minted).await.status, 200);
}

#[actix_web::test]
async fn strangers_get_404_and_withdrawn_links_410() {
    let house = House::new().await;
    let first = house.feed(DetailLevel::Full).await;
    for path in ["/feeds/x/hall.ics".to_owned(), path(&first).replace("/feeds/", "/feeds/x")] {
        assert_eq!(house.ask(TestRequest::get().uri(&path)).await.status, 404, "{path}");
    }
    let mut tx = house.store.begin_write().await.unwrap();
    let second = feeds::rotate(&mut tx, &house.acting(), house.links(), &first.feed.id).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((house.get(&first).await.status, house.get(&second).await.status), (410, 200));
    let mut tx = house.store.begin_write().await.unwrap();
    feeds::revoke(&mut tx, &house.acting(), &second.feed.id).await.unwrap();
    tx.commit().await.unwrap();
    let answer = house.get(&second).await;
    assert_eq!((answer.status, answer.header("cache-control")), (410, "no-store"));
    house.store.close().await;
    assert_eq!(house.get(&second).await.status, 503, "a withdrawn feed is not served from memory");
}

#[actix_web::test]
async fn a_signature_of_another_feed_does_not_fit() {
    let house = House::new().await;
    let (one, two) = (house.feed(DetailLevel::Busy).await, house.feed(DetailLevel::Full).await);
    let (one, two) = (path(&one), path(&two));
    let half = |path: &str, at: usize| path.trim_end_matches("/hall.ics").split('.').nth(at).unwrap().to_owned();
    let mixed = format!("{}.{}/hall.ics", half(&one, 0), half(&two, 1));
    assert_eq!(house.ask(TestRequest::get().uri(&mixed)).await.status, 404);
}

#[actix_web::test]
async fn a_feed_is_only_read() {
    let house = House::new().await;
    let path = path(&house.feed(DetailLevel::Full).await);
    for method in ["PUT", "DELETE", "POST", "PROPFIND", "PROPPATCH", "REPORT"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let answer = house.ask(TestRequest::default().method(method.clone()).uri(&path)).await;
        assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD, OPTIONS"), "{method}");
    }
    let answer = house.ask(TestRequest::default().method(Method::OPTIONS).uri(&path)).await;
    assert_eq!((answer.status, answer.header("allow")), (204, "GET, HEAD, OPTIONS"));
}

#[actix_web::test]
async fn the_last_use_is_written_once_a_minute_with_the_family() {
    let house = House::new().await;
    let minted = house.feed(DetailLevel::Full).await;
    let agents = ["Google-Calendar-Importer", "curl/8.1"];
    let mut seen = Vec::new();
    for (agent, minutes) in [(agents[0], 0), (agents[1], 0), (agents[1], 2)] {
        house.clock.advance_ms(minutes * 60_000);
        house.ask(TestRequest::get().uri(&path(&minted)).insert_header(("User-Agent", agent))).await;
        // The use is written beside the answer.
        for _ in 0..50 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            if house.stored(&minted.feed).await.last_used_ms == Some(house_now(&house)) {
                break;
            }
        }
        let feed = house.stored(&minted.feed).await;
        seen.push((feed.last_client, feed.last_used_ms));
    }
    let later = Some(NOW.plus_ms(120_000));
    let google = ("google".to_owned(), Some(NOW));
    assert_eq!(seen, [google.clone(), google, ("script".to_owned(), later)]);
}

fn house_now(house: &House) -> anteroom::model::Timestamp {
    anteroom::model::Clock::now(&*house.clock)
}

#[actix_web::test]
async fn feeds_of_a_closed_tenant_answer_503_so_that_programs_keep_what_they_show() {
    let house = House::new().await;
    let minted = house.feed(DetailLevel::Full).await;
    assert_eq!(house.get(&minted).await.status, 200);
    let mut tx = house.store.begin_write().await.unwrap();
    tenants::suspend(&mut tx, &house.acting(), "unpaid").await.unwrap();
    tx.commit().await.unwrap();
    let refused = house.get(&minted).await;
    assert_eq!((refused.status, refused.header("cache-control")), (503, "no-store"));
    assert!(refused.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds >= 60), "{:?}", refused.headers);
    let mut tx = house.store.begin_write().await.unwrap();
    tenants::resume(&mut tx, &house.acting()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(house.get(&minted).await.status, 200);
}
