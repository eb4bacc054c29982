//! What clients prefer an answer to be: RFC 8144 and RFC 7240.

use super::house::House;
use super::house::event;

const A: &str = "/dav/t/rooms/hall/a.ics";
const REPRESENTATION: (&str, &str) = ("prefer", "return=representation");

#[actix_web::test]
async fn a_put_that_prefers_the_representation_is_answered_with_the_object_and_its_validator() {
    let house = House::with_anna().await;
    for (hour, status) in [(10, 201), (11, 200), (11, 200)] {
        let answer = house.send("anna", "PUT", A, &[REPRESENTATION], &event("a", hour)).await;
        assert_eq!((answer.status, answer.body.as_str()), (status, event("a", hour).as_str()));
        let stands = house.send("anna", "GET", A, &[], "").await;
        assert_eq!(answer.header("etag"), stands.header("etag"));
        assert_eq!(answer.header("content-type"), stands.header("content-type"));
        assert_eq!(answer.header("content-location"), Some(A));
        assert_eq!(answer.header("preference-applied"), Some("return=representation"));
    }
    let minimal = house.send("anna", "PUT", A, &[("prefer", "return=minimal")], &event("a", 12)).await;
    assert_eq!((minimal.status, minimal.body.as_str()), (204, ""));
    assert_eq!(minimal.header("preference-applied"), Some("return=minimal"));
    let plain = house.send("anna", "PUT", A, &[], &event("a", 13)).await;
    assert_eq!((plain.status, plain.header("preference-applied")), (204, None));
}

#[actix_web::test]
async fn a_condition_that_does_not_hold_is_answered_with_what_stands_there() {
    let house = House::with_anna().await;
    house.book("anna", A, "a", 10).await;
    let stands = house.send("anna", "GET", A, &[], "").await;
    for (method, condition) in
        [("PUT", ("if-match", "\"old\"")), ("PUT", ("if-none-match", "*")), ("DELETE", ("if-match", "\"old\""))]
    {
        let answer = house.send("anna", method, A, &[REPRESENTATION, condition], &event("a", 12)).await;
        assert_eq!((answer.status, answer.body.as_str()), (412, event("a", 10).as_str()), "{method}");
        assert_eq!(answer.header("etag"), stands.header("etag"));
        assert_eq!(answer.header("content-location"), Some(A));
        assert_eq!(answer.header("preference-applied"), Some("return=representation"));
        let plain = house.send("anna", method, A, &[condition], &event("a", 12)).await;
        assert_eq!(plain.status, 412);
        assert!(plain.inner().starts_with("<D:responsedescription>The booking has changed"), "{}", plain.body);
    }
    let nothing = house.send("anna", "PUT", "/dav/t/rooms/hall/b.ics", &[REPRESENTATION, ("if-match", "*")], "x").await;
    assert_eq!(nothing.status, 403, "a body that would be refused anyway is refused first");
    let absent = [REPRESENTATION, ("if-match", "*")];
    let nothing = house.send("anna", "PUT", "/dav/t/rooms/hall/b.ics", &absent, &event("b", 14)).await;
    assert_eq!(nothing.status, 412);
    assert!(nothing.inner().starts_with("<D:responsedescription>"), "{}", nothing.body);
}
