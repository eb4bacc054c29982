//! SIGTERM: what has begun is finished, nothing new begins, and the process ends well.

use super::demo::{Demo, until};
use super::town::{Town, ics, plain, slot};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

#[test]
fn a_request_under_way_at_a_stop_is_answered_and_kept() {
    let (mut demo, town) = Demo::start();
    let href = Town::href(town.room("kantina"), "drain");
    let request = town.written_put(&href, &ics("drain", &plain(&slot(30, 9).titled("Påbegynt"))));
    let (first, rest) = request.split_at(request.len() - 40);
    let address = town.base.trim_start_matches("http://").to_owned();
    let mut under_way = TcpStream::connect(&address).unwrap();
    under_way.write_all(first).unwrap();
    // The worker must have begun to read the request, else it is a new one.
    std::thread::sleep(Duration::from_millis(500));

    demo.terminate();
    until("the address to be given up", Duration::from_secs(5), || TcpStream::connect(&address).err());
    under_way.write_all(rest).unwrap();
    let mut answer = String::new();
    under_way.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    assert!(demo.end().success(), "{}", demo.complaints());

    demo.restart();
    assert_eq!(demo.ready(), town);
    let kept = town.dav("GET", &href, &[], "").unwrap();
    assert!(kept.status == 200 && kept.text.contains("SUMMARY:Påbegynt"), "{kept:?}");
}
