//! Signing in by an `OpenID` Connect provider, over real HTTP to a provider that can lie: who comes in, as whom, for how long,
//! and everything that must not open the door.

use super::fixture::{Answer, House, START};
use super::issuer::{Asked, CLIENT, Issuer, Key, SECRET, unsigned};
use crate::house::on_both;
use actix_web::http::Method;
use actix_web::test::TestRequest;
use anteroom::crypt::Secret;
use serde_json::{Value, json};

const PROVIDERS: &str = "/v1/tenants/city/providers";

/// A house with the provider `idp`, and what follows from what it says.
async fn with_provider(house: &House, settings: &Value) -> Issuer {
    let issuer = Issuer::start(START.ms() / 1000).await;
    let made = house.post("ada", PROVIDERS, provider(&issuer, settings)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    issuer
}

fn provider(issuer: &Issuer, settings: &Value) -> Value {
    json!({ "name": "idp", "label": "City ID", "issuer": issuer.url, "client_id": CLIENT, "client_secret": SECRET,
        "settings": settings })
}

fn creating() -> Value {
    json!({ "create_principals": true, "domains": ["city.example"],
        "roles": { "admins": "tenant_admin", "viewers": "tenant_viewer" } })
}

/// What a browser keeps, of several `Set-Cookie`.
fn cookies(answer: &Answer) -> Vec<String> {
    let all = answer.headers.get_all("set-cookie").map(|value| value.to_str().unwrap());
    all.map(|one| one.split(';').next().unwrap().to_owned()).filter(|one| !one.ends_with('=')).collect()
}

/// A browser that was sent to the provider: its cookie, and what it was sent with.
struct Sent {
    cookie: String,
    asked: Asked,
}

async fn depart(house: &House) -> Sent {
    let sent = house.get("", "/sign-in/city/idp").await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    let [cookie] = cookies(&sent).try_into().unwrap();
    Sent { cookie, asked: Asked::of(sent.header("location")) }
}

impl Sent {
    async fn back(&self, house: &House, query: &str) -> Answer {
        let uri = format!("/sign-in/callback?{query}");
        house.send(TestRequest::get().uri(&uri).insert_header(("cookie", self.cookie.clone()))).await
    }

    async fn with_code(&self, house: &House, code: &str) -> Answer {
        self.back(house, &format!("state={}&code={code}", self.asked.get("state"))).await
    }
}

/// Somebody signs in from beginning to end.
async fn sign_in(house: &House, issuer: &Issuer, subject: &str, claims: Value) -> Answer {
    let sent = depart(house).await;
    let code = issuer.code(&sent.asked, subject, claims);
    sent.with_code(house, &code).await
}

/// The cookie of a session.
async fn session(house: &House, issuer: &Issuer, subject: &str, claims: Value) -> String {
    let arrived = sign_in(house, issuer, subject, claims).await;
    assert_eq!(arrived.status, 303, "{}", arrived.text);
    cookies(&arrived).pop().unwrap()
}

async fn by(house: &House, cookie: &str, request: TestRequest) -> Answer {
    house.send(request.insert_header(("cookie", cookie.to_owned()))).await
}

async fn look(house: &House, cookie: &str, path: &str) -> Answer {
    by(house, cookie, TestRequest::get().uri(path)).await
}

async fn bearer(house: &House, token: &str, path: &str) -> Answer {
    let authorization = ("authorization", format!("Bearer {token}"));
    house.send(TestRequest::get().uri(path).insert_header(authorization)).await
}

on_both!(a_browser_signs_in_works_and_signs_out, |ground| async {
    let house = House::on(&ground.store).await;
    let issuer = with_provider(&house, &creating()).await;
    let asked = house.get("", "/dashboard").await;
    assert_eq!((asked.status.as_u16(), asked.header("www-authenticate")), (401, "Bearer realm=\"Anteroom\""));
    assert!(asked.text.contains("href=\"/sign-in/city/idp\"") && asked.text.contains("City ID"), "{}", asked.text);
    let password = house.get("", "/dashboard?by=password").await;
    assert!(password.header("www-authenticate").starts_with("Basic"));
    assert!(house.get("", "/dashboard/village").await.header("www-authenticate").starts_with("Basic"));

    let sent = depart(&house).await;
    assert!(sent.cookie.starts_with("__Host-anteroom-sign-in="), "{}", sent.cookie);
    assert_eq!(sent.asked.get("redirect_uri"), "https://rooms.example/sign-in/callback");
    assert_eq!((sent.asked.get("client_id"), sent.asked.get("scope")), (CLIENT, "openid email profile"));
    let ann = json!({ "email": "Ann@City.example", "name": "Ann Berg", "roles": ["admins"] });
    let code = issuer.code(&sent.asked, "s-1", ann);
    let arrived = sent.with_code(&house, &code).await;
    assert_eq!((arrived.status.as_u16(), arrived.header("location")), (303, "/dashboard/city"), "{}", arrived.text);
    let cookie = cookies(&arrived).pop().unwrap();
    assert!(cookie.starts_with("__Host-anteroom-session=") && !cookie.contains(sent.cookie.split('=').nth(1).unwrap()));

    let page = look(&house, &cookie, "/dashboard/city").await;
    assert!(page.status == 200 && page.text.contains("action=\"/sign-out\""), "{}", page.text);
    let own = look(&house, &cookie, "/v1/session").await.json();
    assert_eq!(
        (&own["login"], &own["role"], &own["tenant"]),
        (&json!("ann@city.example"), &json!("tenant_admin"), &json!("city"))
    );
    let room = || TestRequest::post().uri("/v1/tenants/city/rooms").set_json(json!({ "name": "Hall" }));
    let token = own["form_token"].as_str().unwrap();
    assert_eq!(by(&house, &cookie, room()).await.status, 403, "a change needs more than the cookie");
    assert_eq!(by(&house, &cookie, room().insert_header(("x-csrf-token", "x"))).await.status, 403);
    let foreign = room().insert_header(("x-csrf-token", token)).insert_header(("sec-fetch-site", "cross-site"));
    assert_eq!(by(&house, &cookie, foreign).await.status, 403);
    assert_eq!(by(&house, &cookie, room().insert_header(("x-csrf-token", token))).await.status, 201);
    assert_eq!(look(&house, &cookie, "/v1/tenants/village/rooms").await.status, 403, "another tenant");

    let audit = house.get("ada", "/v1/tenants/city/audit?limit=50").await.json();
    let of =
        |action: &str| audit["items"].as_array().unwrap().iter().find(|one| one["action"] == action).unwrap().clone();
    assert_eq!(of("room.create")["request"]["session_id"], own["session_id"]);
    let begun = of("session.begin")["detail"].as_str().unwrap().to_owned();
    assert!(begun.contains("ann@city.example signed in by provider idp"), "{begun}");
    assert!(of("provider.create")["request"]["api_key_id"].is_string(), "{}", of("provider.create"));
    assert_eq!(of("identity.create")["actor"], "provider:idp");

    let out = |token: &str| TestRequest::post().uri("/sign-out").set_form([("form_token", token.to_owned())]);
    assert_eq!(by(&house, &cookie, out("")).await.status, 403);
    assert_eq!(look(&house, &cookie, "/v1/session").await.status, 200);
    assert_eq!(by(&house, &cookie, out(token)).await.status, 200);
    assert_eq!(look(&house, &cookie, "/v1/session").await.status, 401);
    assert_eq!(look(&house, &cookie, "/dashboard").await.status, 401);
});

on_both!(an_answer_is_good_once_and_for_the_browser_that_was_sent, |ground| async {
    let house = House::on(&ground.store).await;
    let issuer = with_provider(&house, &creating()).await;
    let ann = || json!({ "email": "ann@city.example" });
    let (sent, other) = (depart(&house).await, depart(&house).await);
    let code = issuer.code(&sent.asked, "s-1", ann());
    let alien = other.back(&house, &format!("state={}&code={code}", sent.asked.get("state"))).await;
    assert!(alien.status == 400 && alien.text.contains("another sign-in"), "{}", alien.text);
    let without = house.get("", &format!("/sign-in/callback?state={}&code={code}", sent.asked.get("state"))).await;
    assert!(without.status == 400 && without.text.contains("cookies"), "{}", without.text);
    assert_eq!(sent.with_code(&house, &code).await.status, 303);
    let again = sent.with_code(&house, &code).await;
    assert!(again.status == 400 && again.text.contains("used already"), "{}", again.text);

    let stolen = other.with_code(&house, &code).await;
    assert!(stolen.status == 403 && stolen.text.contains("was used"), "the code again: {}", stolen.text);
    let third = depart(&house).await;
    let injected = issuer.code(&depart(&house).await.asked, "s-1", ann());
    let foreign = third.with_code(&house, &injected).await;
    assert_eq!(foreign.status, 403, "a code that another browser was given: {}", foreign.text);

    let mixed = depart(&house).await;
    let code = issuer.code(&mixed.asked, "s-1", ann());
    let mixed =
        mixed.back(&house, &format!("state={}&code={code}&iss=https://evil.example", mixed.asked.get("state"))).await;
    assert!(mixed.status == 400 && mixed.text.contains("another provider"), "{}", mixed.text);
    let late = depart(&house).await;
    let code = issuer.code(&late.asked, "s-1", ann());
    house.set_clock(START.plus_ms(601_000));
    assert_eq!(late.with_code(&house, &code).await.status, 400, "after ten minutes");
    let denied = depart(&house).await;
    let denied = denied.back(&house, &format!("state={}&error=access_denied", denied.asked.get("state"))).await;
    assert!(denied.status == 403 && denied.text.contains("did not let you in"), "{}", denied.text);
});

#[actix_web::test]
async fn an_id_token_that_is_not_the_answer_opens_nothing() {
    let house = House::new().await;
    let issuer = with_provider(&house, &creating()).await;
    let now = START.ms() / 1000;
    for (wrong, says) in [
        (json!({ "nonce": "another" }), "(nonce)"),
        (json!({ "nonce": null }), "(nonce)"),
        (json!({ "aud": "somebody-else" }), "(aud)"),
        (json!({ "aud": [CLIENT, "somebody-else"] }), "(aud)"),
        (json!({ "iss": "https://evil.example" }), "(iss)"),
        (json!({ "exp": now - 61 }), "expired"),
        (json!({ "iat": now + 3600 }), "clocks"),
    ] {
        let mut claims = json!({ "email": "ann@city.example" });
        for (name, value) in wrong.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let refused = sign_in(&house, &issuer, "s-1", claims).await;
        assert!(refused.status == 403 && refused.text.contains(says), "{wrong}: {}", refused.text);
        assert!(cookies(&refused).is_empty());
    }
    assert!(!house.get("ada", "/v1/tenants/city/principals").await.text.contains("ann@city.example"));
}

#[actix_web::test]
async fn tokens_that_are_not_the_providers_or_not_for_us_are_refused_with_the_reason() {
    let house = House::new().await;
    let issuer = with_provider(&house, &creating()).await;
    let (key, now) = (Key::new("k1", 1), START.ms() / 1000);
    let of = |more: Value| {
        let mut claims = issuer.claims("s-1", json!({ "email": "ann@city.example", "roles": ["viewers"] }));
        for (name, value) in more.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    };
    let good = of(json!({}));
    let tampered = key.sign(&good).replacen(
        &unsigned(&json!({}), &good)[3..],
        &unsigned(&json!({}), &of(json!({ "sub": "s-2" })))[3..],
        1,
    );
    let none = format!("{}.", unsigned(&json!({ "alg": "none", "typ": "JWT" }), &good));
    let none_signed = format!("{}.AAAA", unsigned(&json!({ "alg": "none", "kid": "k1" }), &good));
    for (what, token, says) in [
        ("wrong aud", key.sign(&of(json!({ "aud": "somebody-else" }))), "(aud)"),
        ("wrong iss", key.sign(&of(json!({ "iss": "https://evil.example" }))), "(iss)"),
        ("expired", key.sign(&of(json!({ "exp": now - 61, "iat": now - 400 }))), "expired"),
        ("not yet", key.sign(&of(json!({ "nbf": now + 120 }))), "clocks"),
        ("from the future", key.sign(&of(json!({ "iat": now + 120, "exp": now + 400 }))), "clocks"),
        ("alg none", none, "method"),
        ("alg none with something behind", none_signed, "method"),
        ("HS256 with the public key", key.confuse(&good), "method"),
        ("another key under a known id", Key::new("k1", 9).sign(&good), "signature"),
        ("a key that is not known", Key::new("k9", 9).sign(&good), "does not have"),
        ("other claims", tampered, "signature"),
        ("a logout token", key.sign_as(&json!({ "alg": "ES256", "typ": "logout+jwt", "kid": "k1" }), &good), "type"),
        ("nobody", key.sign(&of(json!({ "sub": "" }))), "who it is about"),
        ("no expiry", key.sign(&of(json!({ "exp": null }))), "lacks"),
    ] {
        let refused = bearer(&house, &token, "/v1/session").await;
        let detail = refused.json()["detail"].as_str().unwrap().to_owned();
        assert!(refused.status == 401 && detail.contains(says), "{what}: {} {detail}", refused.status);
        let challenge = refused.header("www-authenticate");
        assert!(challenge.starts_with("Bearer") && challenge.contains("invalid_token"), "{what}: {challenge}");
    }
    assert!(!house.get("ada", "/v1/tenants/city/principals").await.text.contains("ann@city.example"));
    let within_skew = key.sign(&of(json!({ "exp": now - 59 })));
    assert_eq!(bearer(&house, &within_skew, "/v1/session").await.status, 200, "clocks may differ by a minute");
    let at_jwt =
        key.sign_as(&json!({ "alg": "ES256", "typ": "at+jwt", "kid": "k1" }), &of(json!({ "aud": [CLIENT, "x"] })));
    assert_eq!(bearer(&house, &at_jwt, "/v1/session").await.status, 200);
    for garbage in ["ey.a.b", "eyJ.eyJ.x", "ey..", "eyJhbGciOiJFUzI1NiJ9.e30."] {
        assert_eq!(bearer(&house, garbage, "/v1/session").await.status, 401, "{garbage}");
    }
}

on_both!(a_token_stands_for_a_principal_with_the_role_that_the_provider_says, |ground| async {
    let house = House::on(&ground.store).await;
    let issuer = with_provider(&house, &creating()).await;
    let key = Key::new("k1", 1);
    let ann = |roles: Value| key.sign(&issuer.claims("s-1", json!({ "email": "ann@city.example", "roles": roles })));
    let first = bearer(&house, &ann(json!(["viewers"])), "/v1/session").await.json();
    assert_eq!((&first["login"], &first["role"]), (&json!("ann@city.example"), &json!("tenant_viewer")));
    assert_eq!(bearer(&house, &ann(json!(["viewers"])), "/v1/tenants/city/rooms").await.status, 200);
    assert_eq!(bearer(&house, &ann(json!(["viewers"])), "/v1/tenants/village/rooms").await.status, 403);
    let promoted = bearer(&house, &ann(json!(["admins", "viewers"])), "/v1/session").await.json();
    assert_eq!(promoted["role"], "tenant_admin");
    let demoted = bearer(&house, &ann(json!([])), "/v1/session").await.json();
    assert_eq!(demoted["role"], "member");
    let renamed = key.sign(&issuer.claims("s-1", json!({ "email": "berg@city.example", "roles": ["viewers"] })));
    assert_eq!(bearer(&house, &renamed, "/v1/session").await.json()["login"], "ann@city.example", "by sub, for ever");

    let program = key.sign(&issuer.claims("app-7", json!({ "azp": "app-7", "roles": ["admins"] })));
    let room = TestRequest::post().uri("/v1/tenants/city/rooms").set_json(json!({ "name": "Hall" }));
    let made = house.send(room.insert_header(("authorization", format!("Bearer {program}")))).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let known = house.get("ada", "/v1/tenants/city/principals/app-7").await.json();
    assert_eq!(known["kind"], "service");
    let person = key.sign(&issuer.claims("s-5", json!({ "azp": "app-7" })));
    let refused = bearer(&house, &person, "/v1/session").await;
    assert!(refused.status == 403 && refused.text.contains("login_claim"), "a person is no program: {}", refused.text);
    let audit = house.get("ada", "/v1/tenants/city/audit?limit=50").await.json();
    let created = audit["items"].as_array().unwrap().iter().find(|one| one["action"] == "room.create").unwrap();
    assert_eq!((&created["actor"], &created["request"]["provider"]), (&json!("principal:app-7"), &json!("idp")));
});

#[actix_web::test]
async fn who_may_not_come_is_told_why() {
    let house = House::new().await;
    let issuer = with_provider(&house, &json!({ "domains": ["city.example"] })).await;
    let principal =
        |login: &str, role: &str| json!({ "login": login, "email": format!("{login}@city.example"), "role": role });
    for (who, tenant, login, role) in [
        ("ada", "city", "ann", "tenant_viewer"),
        ("ada", "city", "bob", "member"),
        ("root", "city", "chief", "super_admin"),
    ] {
        let made = house.post(who, &format!("/v1/tenants/{tenant}/principals"), principal(login, role)).await;
        assert_eq!(made.status, 201, "{}", made.text);
    }
    let twin = json!({ "login": "twin-1", "email": "twin@city.example" });
    house.post("ada", "/v1/tenants/city/principals", twin).await;
    house.post("ada", "/v1/tenants/city/principals", json!({ "login": "twin-2", "email": "twin@city.example" })).await;
    for (subject, claims, says) in [
        ("x-1", json!({ "email": "nobody@city.example" }), "nobody here has that login or address"),
        ("x-2", json!({ "email": "ann@evil.example" }), "not of a domain"),
        ("x-3", json!({ "email": "ann@city.example", "email_verified": false }), "not verified"),
        ("x-4", json!({}), "does not say the claim &quot;email&quot;"),
        ("x-5", json!({ "email": "chief@city.example" }), "runs the server"),
        ("x-6", json!({ "email": "twin@city.example" }), "several principals"),
    ] {
        let refused = sign_in(&house, &issuer, subject, claims).await;
        assert!(refused.status == 403 && refused.text.contains(says), "{says}: {}", refused.text);
    }
    let ann = session(&house, &issuer, "s-1", json!({ "email": "ann@city.example" })).await;
    assert_eq!(look(&house, &ann, "/dashboard").await.status, 200);
    let heir = sign_in(&house, &issuer, "s-9", json!({ "email": "ann@city.example" })).await;
    assert!(heir.status == 403 && heir.text.contains("somebody else"), "an address is given once: {}", heir.text);

    let bob = session(&house, &issuer, "s-2", json!({ "email": "bob@city.example" })).await;
    let page = look(&house, &bob, "/dashboard").await;
    assert_eq!(page.status, 403);
    for fact in ["signed in as bob with the role member", "tenant_viewer", "administrator", "Sign out"] {
        assert!(page.text.contains(fact), "{fact}: {}", page.text);
    }
    house.ask("ada", Method::PATCH, "/v1/tenants/city/principals/ann", json!({ "disabled": true })).await;
    assert_eq!(look(&house, &ann, "/v1/session").await.status, 401, "locked out");
    house.ask("ada", Method::PATCH, "/v1/tenants/city/principals/ann", json!({ "disabled": false })).await;
    assert_eq!(look(&house, &ann, "/v1/session").await.status, 401, "a session does not come to life again");
    let locked = house.ask("ada", Method::PATCH, "/v1/tenants/city/principals/bob", json!({ "disabled": true })).await;
    assert_eq!(locked.status, 200);
    let refused = sign_in(&house, &issuer, "s-2", json!({ "email": "bob@city.example" })).await;
    assert!(refused.text.contains("locked out"), "{}", refused.text);
}

#[actix_web::test]
async fn what_the_id_token_lacks_is_asked_for_and_has_to_be_about_the_same_person() {
    let house = House::new().await;
    let issuer = with_provider(&house, &creating()).await;
    issuer.says_later(json!({ "email": "ann@city.example", "roles": ["viewers"] }));
    let ann = session(&house, &issuer, "s-1", json!({})).await;
    assert_eq!(look(&house, &ann, "/v1/session").await.json()["role"], "tenant_viewer");
    assert_eq!(issuer.asked("/userinfo"), 1);
    issuer.says_later(json!({ "sub": "s-1", "email": "ann@city.example" }));
    let other = sign_in(&house, &issuer, "s-2", json!({})).await;
    assert!(other.status == 403 && other.text.contains("somebody else"), "{}", other.text);
}

#[actix_web::test]
async fn a_new_key_is_fetched_at_once_and_an_unknown_one_not_more_than_once_a_minute() {
    let house = House::new().await;
    let issuer = with_provider(&house, &creating()).await;
    let (old, new) = (Key::new("k1", 1), Key::new("k2", 2));
    let claims = issuer.claims("s-1", json!({ "email": "ann@city.example", "exp": START.ms() / 1000 + 90_000 }));
    assert_eq!(bearer(&house, &old.sign(&claims), "/v1/session").await.status, 200);
    issuer.has_keys(std::slice::from_ref(&new));
    assert_eq!(bearer(&house, &new.sign(&claims), "/v1/session").await.status, 401, "within the minute nobody asks");
    house.set_clock(START.plus_ms(60_000));
    assert_eq!(bearer(&house, &new.sign(&claims), "/v1/session").await.status, 200);
    assert_eq!(bearer(&house, &old.sign(&claims), "/v1/session").await.status, 401, "the former key is gone");
    let asked = issuer.asked("/jwks");
    for seed in 3..30 {
        assert_eq!(bearer(&house, &Key::new("k9", seed).sign(&claims), "/v1/session").await.status, 401);
    }
    assert_eq!(issuer.asked("/jwks"), asked, "tokens make nobody ask");
    issuer.is_down(true);
    house.set_clock(START.plus_ms(4_000_000));
    assert_eq!(bearer(&house, &new.sign(&claims), "/v1/session").await.status, 200, "an outage signs nobody out");
    house.set_clock(START.plus_ms(87_000_000));
    assert_eq!(bearer(&house, &new.sign(&claims), "/v1/session").await.status, 502, "but not for ever");
}

#[actix_web::test]
async fn a_provider_that_fails_or_does_not_know_us_gives_a_page_that_says_what_to_do() {
    let house = House::new().await;
    let issuer = with_provider(&house, &creating()).await;
    issuer.is_down(true);
    let down = house.get("", "/sign-in/city/idp").await;
    assert!(down.status == 502 && down.text.contains("does not answer as it should"), "{}", down.text);
    assert!(down.text.contains("administrator of your tenant"), "{}", down.text);
    let token = Key::new("k1", 1).sign(&issuer.claims("s-1", json!({ "email": "ann@city.example" })));
    let refused = bearer(&house, &token, "/v1/session").await;
    assert_eq!((refused.status.as_u16(), &refused.json()["title"]), (502, &json!("The remote system fails")));
    assert_eq!(house.post("ada", &format!("{PROVIDERS}/idp/look"), json!(null)).await.status, 502);
    issuer.is_down(false);
    let looked = house.post("ada", &format!("{PROVIDERS}/idp/look"), json!(null)).await;
    assert_eq!(looked.json(), json!({ "keys": 1, "redirect_uri": "https://rooms.example/sign-in/callback" }));

    house.ask("ada", Method::PATCH, &format!("{PROVIDERS}/idp"), json!({ "client_secret": "wrong" })).await;
    let wrong = sign_in(&house, &issuer, "s-1", json!({ "email": "ann@city.example" })).await;
    assert!(wrong.status == 502 && wrong.text.contains("give it anew"), "{}", wrong.text);
    let moved = json!({ "issuer": "https://evil.example" });
    let moved = house.ask("ada", Method::PATCH, &format!("{PROVIDERS}/idp"), moved).await;
    assert_eq!(
        (moved.status.as_u16(), &moved.json()["field"]),
        (422, &json!("client_secret")),
        "secrets are not sent along"
    );
    for strange in ["/sign-in/city/other", "/sign-in/nowhere/idp"] {
        assert_eq!(house.get("", strange).await.status, 404, "{strange}");
    }
}

on_both!(a_session_ends_by_time_by_hand_and_with_its_provider_and_is_known_to_every_replica, |ground| async {
    let house = House::on(&ground.store).await;
    let issuer = with_provider(&house, &creating()).await;
    let ann = || json!({ "email": "ann@city.example", "roles": ["viewers"], "iat": 0, "exp": START.ms() });
    let cookie = session(&house, &issuer, "s-1", ann()).await;
    let replica = house.replica();
    let token = Secret::from(cookie.split_once('=').unwrap().1);
    let entered = replica.federation().unwrap().entered(&token, START).await.unwrap().unwrap();
    assert_eq!(entered.principal.login, "ann@city.example");
    let forged = Secret::from(entered.session.token_hash.as_str());
    assert!(
        replica.federation().unwrap().entered(&forged, START).await.unwrap().is_none(),
        "the stored hash opens nothing"
    );

    let minutes = |minutes: i64| START.plus_ms(minutes * 60_000);
    for (at, status) in [(119, 200), (238, 200), (357, 200), (476, 200), (595, 200), (714, 200), (721, 401)] {
        house.set_clock(minutes(at));
        assert_eq!(
            look(&house, &cookie, "/v1/session").await.status,
            status,
            "after {at} minutes: twelve hours at most"
        );
    }
    let idle = session(&house, &issuer, "s-1", ann()).await;
    house.set_clock(minutes(721 + 121));
    assert_eq!(look(&house, &idle, "/v1/session").await.status, 401, "two hours without a request");

    let (one, two) = (session(&house, &issuer, "s-1", ann()).await, session(&house, &issuer, "s-1", ann()).await);
    let listed = house.get("ada", "/v1/tenants/city/sessions").await.json();
    let listed = listed["items"].as_array().unwrap();
    assert_eq!(
        (listed.len(), &listed[0]["login"], &listed[0]["provider"]),
        (3, &json!("ann@city.example"), &json!("idp"))
    );
    let id = look(&house, &one, "/v1/session").await.json()["session_id"].as_str().unwrap().to_owned();
    let path = format!("/v1/tenants/city/sessions/{id}");
    assert_eq!(house.ask("vera", Method::DELETE, &path, json!(null)).await.status, 403);
    assert_eq!(house.ask("ada", Method::DELETE, &path, json!(null)).await.status, 204);
    assert_eq!(house.ask("ada", Method::DELETE, &path, json!(null)).await.status, 404);
    assert_eq!(look(&house, &one, "/v1/session").await.status, 401);
    assert_eq!(look(&house, &two, "/v1/session").await.status, 200);
    assert_eq!(house.ask("ada", Method::DELETE, &format!("{PROVIDERS}/idp"), json!(null)).await.status, 204);
    assert_eq!(look(&house, &two, "/v1/session").await.status, 401);
    assert_eq!(house.ask("ada", Method::DELETE, "/v1/session", json!(null)).await.status, 409, "a key has no session");
});

on_both!(two_tenants_may_trust_one_provider_and_neither_lets_people_into_the_other, |ground| async {
    let house = House::on(&ground.store).await;
    let issuer = with_provider(&house, &creating()).await;
    let village = json!({ "create_principals": true, "audiences": ["village-api"] });
    let made = house.post("root", "/v1/tenants/village/providers", provider(&issuer, &village)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let key = Key::new("k1", 1);
    let to_city = key.sign(&issuer.claims("s-1", json!({ "email": "ann@city.example", "roles": ["admins"] })));
    let to_village = key
        .sign(&issuer.claims("s-1", json!({ "email": "ann@city.example", "roles": ["admins"], "aud": "village-api" })));
    assert_eq!(bearer(&house, &to_city, "/v1/session").await.json()["tenant"], "city");
    assert_eq!(bearer(&house, &to_city, "/v1/tenants/village/rooms").await.status, 403);
    let there = bearer(&house, &to_village, "/v1/session").await.json();
    assert_eq!(
        (&there["tenant"], &there["role"]),
        (&json!("village"), &json!("member")),
        "roles are each tenant's own"
    );
    assert_eq!(bearer(&house, &to_village, "/v1/tenants/city/rooms").await.status, 403);
    let both = key.sign(&issuer.claims("s-1", json!({ "email": "ann@city.example", "aud": [CLIENT, "village-api"] })));
    let unclear = bearer(&house, &both, "/v1/session").await;
    assert!(unclear.status == 401 && unclear.text.contains("several tenants"), "{}", unclear.text);
    let seen = house.get("", "/dashboard").await.text;
    assert!(seen.contains("City: City ID") && seen.contains("Village: City ID"), "{seen}");
    assert!(!house.get("", "/dashboard/village").await.text.contains("/sign-in/city"));
    house.post("root", "/v1/tenants/city/suspend", json!({ "reason": "unpaid" })).await;
    assert_eq!(house.get("", "/sign-in/city/idp").await.status, 403);
    assert!(!house.get("", "/dashboard").await.text.contains("/sign-in/city"));
});

#[actix_web::test]
async fn providers_are_for_administrators_and_their_secret_is_never_shown() {
    let house = House::new().await;
    let issuer = with_provider(&house, &creating()).await;
    for who in ["olav", "vera", "max", "mona"] {
        assert_eq!(house.post(who, PROVIDERS, provider(&issuer, &json!({}))).await.status, 403, "{who}");
        assert_eq!(house.ask(who, Method::DELETE, &format!("{PROVIDERS}/idp"), json!(null)).await.status, 403, "{who}");
    }
    assert_eq!(house.post("ada", PROVIDERS, provider(&issuer, &json!({}))).await.status, 409, "one name, one provider");
    for (field, wrong) in [
        ("settings", json!({ "settings": { "roles": { "root": "super_admin" } } })),
        ("issuer", json!({ "issuer": "http://login.example.org" })),
        ("name", json!({ "name": "No Slug" })),
        ("client_id", json!({ "client_id": "" })),
    ] {
        let mut body = provider(&issuer, &json!({}));
        body["name"] = json!("second");
        for (name, value) in wrong.as_object().unwrap() {
            body[name] = value.clone();
        }
        let refused = house.post("ada", PROVIDERS, body).await;
        assert_eq!((refused.status.as_u16(), refused.json()["field"].as_str()), (422, Some(field)), "{}", refused.text);
    }
    let listed = house.get("vera", PROVIDERS).await;
    assert_eq!((listed.json()["items"][0]["has_secret"].as_bool(), listed.status.as_u16()), (Some(true), 200));
    let audit = house.get("ada", "/v1/tenants/city/audit").await.text;
    assert!(!listed.text.contains(SECRET) && !audit.contains(SECRET));
}
