//! Replicas are replaced one after the other, and a single one is stopped behind its load balancer.

use super::balancer::Balancer;
use super::{CALM, on_postgres};
use crate::walk::demo::{TURN, until};
use crate::walk::gateways::{Gateways, Plan};
use crate::walk::http::{Answer, Trouble};
use crate::walk::quiet::{converged, stays_quiet};
use crate::walk::town::{Room, Seen, Side, Town, ics, plain, slot};
use serde_json::json;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What one client saw.
#[derive(Default)]
struct Seat {
    requests: usize,
    lost: Vec<String>,
    made: Vec<(Room, Seen)>,
}

impl Seat {
    fn note(&mut self, what: &str, outcome: &Result<Answer, Trouble>, wanted: u16) {
        self.requests += 1;
        if !outcome.as_ref().is_ok_and(|answer| answer.status == wanted) {
            self.lost.push(format!("{what}: {outcome:?}"));
        }
    }

    /// A calendar program that books, reads what it wrote, and lists the room.
    fn work(&mut self, town: &Town, number: usize, turn: i64) {
        let room = town.rooms[number].clone();
        let what = slot(30 + turn / 14, 6 + turn % 14).titled(&format!("Client {number} {turn}"));
        let href = Town::href(&room, &format!("client-{number}-{turn}"));
        let put = town.put(&href, &ics(&what.title, &plain(&what)), ("If-None-Match", "*"));
        self.note("PUT", &put, 201);
        for _ in 0..4 {
            let got = town.dav("GET", &href, &[], "");
            self.note("GET", &got, 200);
        }
        let listed = town.api("GET", "/rooms");
        self.note("rooms", &listed, 200);
        self.made.push((room, what));
    }
}

/// Requests and notifications come all the time.
fn busy(town: &Town, is_over: &AtomicBool) -> Vec<Seat> {
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..3)
            .map(|number| {
                scope.spawn(move || {
                    let (mut seat, mut turn) = (Seat::default(), 0);
                    while !is_over.load(Ordering::SeqCst) {
                        seat.work(town, number, turn);
                        turn += 1;
                        std::thread::sleep(Duration::from_millis(150));
                    }
                    seat
                })
            })
            .collect();
        let outlook = scope.spawn(move || {
            let (mut seat, mut turn) = (Seat::default(), 0);
            while !is_over.load(Ordering::SeqCst) {
                let what = slot(60 + turn / 14, 6 + turn % 14).titled(&format!("Outlook {turn}"));
                let room = town.rooms[3 + usize::try_from(turn % 2).unwrap()].clone();
                town.book(Side::Graph, &room, &what).unwrap().unwrap();
                seat.made.push((room, what));
                turn += 1;
                std::thread::sleep(Duration::from_millis(250));
            }
            seat
        });
        clients.into_iter().chain([outlook]).map(|one| one.join().unwrap()).collect()
    })
}

/// Sends everybody home, also when something fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn roll(gateways: &Gateways, balancer: &Balancer) {
    let behind = || (balancer.ready() == 3).then_some(());
    for number in 0..3 {
        until("all replicas to be ready", CALM, behind);
        std::thread::sleep(Duration::from_secs(1));
        gateways.signal(number, "TERM");
        assert!(gateways.wait(number).success(), "{}", gateways.complaints());
        gateways.start_again(number);
        gateways.until_ready(number);
    }
    until("all replicas to be ready", CALM, behind);
}

#[test]
fn a_rolling_restart_loses_no_request_and_no_notification() {
    let balancer = Balancer::start();
    let plan = Plan { behind: Some(&balancer), drain_seconds: 2, poll_notified_seconds: 3_600, ..Plan::of(3, 5) };
    on_postgres(plan, |gateways, _| {
        let mut town = gateways.towns[0].clone();
        town.base = format!("http://127.0.0.1:{}", balancer.port);
        let once = json!({"graph": {"notification_copies": [1, 1]}});
        assert_eq!(town.control("PUT", "/faults", &once).unwrap().status, 200);
        until("all replicas to be ready", CALM, || (balancer.ready() == 3).then_some(()));
        converged(&town, CALM);
        let is_subscribed = || (balancer.hooks().get(&200).is_some_and(|count| *count >= 5)).then_some(());
        until("every mailbox to be subscribed", CALM, is_subscribed);
        let (hooks, is_over) = (balancer.hooks(), AtomicBool::new(false));
        let before = balancer.failures().len();
        let seats = std::thread::scope(|scope| {
            let people = scope.spawn(|| busy(&town, &is_over));
            let over = Over(&is_over);
            roll(gateways, &balancer);
            drop(over);
            people.join().unwrap()
        });
        let after = converged(&town, CALM);
        let requests: usize = seats.iter().map(|seat| seat.requests).sum();
        let lost: Vec<&String> = seats.iter().flat_map(|seat| &seat.lost).collect();
        let told = balancer.hooks();
        println!(
            "rolling restart of 3 replicas: {requests} requests, {} lost; notifications {hooks:?} -> {told:?}",
            lost.len()
        );
        assert!(lost.is_empty(), "{lost:?}");
        assert!(requests > 300, "too few to tell anything");
        assert_eq!(balancer.failures()[before..], [] as [String; 0]);
        assert!(told[&202] > hooks.get(&202).unwrap_or(&0) + 20, "notifications came: {told:?}");
        for (room, what) in seats.iter().flat_map(|seat| &seat.made) {
            assert_eq!(after[&room.slug].iter().filter(|seen| *seen == what).count(), 1, "{what:?}");
        }
        stays_quiet(&town, &after, Duration::from_secs(3));
        gateways.verify();
    });
}

/// One request on a connection that is kept; answers head and body.
fn kept(stream: &mut TcpStream, path: &str) -> (String, String) {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: walk\r\n\r\n").as_bytes()).unwrap();
    let (mut reader, mut head) = (BufReader::new(stream), String::new());
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).unwrap() > 0, "the connection ended: {head}");
    }
    let head = head.to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap().parse().unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (head, String::from_utf8(body).unwrap())
}

#[test]
fn a_replica_that_is_told_to_end_says_so_and_serves_until_the_balancer_has_seen_it() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite://{}/anteroom.db", folder.path().display());
    let gateways = Gateways::start(&runtime, &database, Plan { drain_seconds: 3, ..Plan::of(1, 1) });
    let town = &gateways.towns[0];
    let address = town.base.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    let (head, _) = kept(&mut stream, "/ready");
    assert!(head.starts_with("http/1.1 200 ") && !head.contains("connection: close"), "{head}");

    gateways.signal(0, "TERM");
    until("it to be ready no more", Duration::from_secs(2), || (!gateways.is_ready(0)).then_some(()));
    let what = slot(30, 9).titled("Last minute");
    town.book(Side::CalDav, &town.rooms[0], &what).unwrap().unwrap();
    let (head, body) = kept(&mut stream, "/ready");
    assert!(head.starts_with("http/1.1 503 ") && head.contains("connection: close"), "{head}");
    assert!(body.contains("about to end"), "{body}");
    assert!(gateways.wait(0).success(), "{}", gateways.complaints());
    gateways.start_again(0);
    gateways.until_ready(0);
    assert!(town.find(Side::CalDav, &town.rooms[0], &what).is_some());
    gateways.stop(&runtime);
}
