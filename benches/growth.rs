//! What reading a room costs as the room grows, through the real door on SQLite: 100, 1,000 and 10,000 bookings, every
//! fifth a series. Reports have the same answer on all of them; listings are told per member. And what writing costs,
//! alone and when sixteen write at once.
#![expect(clippy::unwrap_used, clippy::missing_docs_in_private_items, reason = "a bench that cannot be set up ends")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};

#[path = "../tests/it/safety/scene.rs"]
#[expect(dead_code, reason = "the tests of growth use more of it")]
mod scene;

use scene::{LISTING, Scene, between, sync_report, week_query};

const SIZES: [usize; 3] = [100, 1_000, 10_000];

fn reading(criterion: &mut Criterion) {
    let system = actix_web::rt::System::new();
    let scene = system.block_on(async {
        let scene = Scene::new().await;
        for size in SIZES {
            scene.room(&size.to_string(), size).await;
        }
        scene
    });
    let mut group = criterion.benchmark_group("growth");
    group.sample_size(20);
    for size in SIZES {
        let path = format!("/dav/t/rooms/{size}/");
        let first = format!("<limit><nresults>{}</nresults></limit>", size - 10);
        let page = sync_report("").replace("</sync-level>", &format!("</sync-level>{first}"));
        let (_, page) = system.block_on(scene.send("REPORT", &path, "0", &page));
        let delta = sync_report(between(&page, "<D:sync-token>", "</D:sync-token>"));
        for (name, method, depth, body) in [
            ("week of ten", "REPORT", "1", week_query()),
            ("ten changes", "REPORT", "0", delta),
            ("room itself", "PROPFIND", "0", LISTING.to_owned()),
            ("each member", "PROPFIND", "1", LISTING.to_owned()),
        ] {
            group.throughput(Throughput::Elements(if name == "each member" {
                u64::try_from(size).unwrap()
            } else {
                1
            }));
            group.bench_with_input(BenchmarkId::new(name, size), &size, |bencher, _| {
                bencher.iter(|| {
                    let (status, answer) = system.block_on(scene.send(method, &path, depth, &body));
                    assert_eq!(status, 207);
                    black_box(answer)
                });
            });
        }
    }
    group.finish();
}

fn writing(criterion: &mut Criterion) {
    let system = actix_web::rt::System::new();
    let scene = system.block_on(async {
        let scene = Scene::new().await;
        for room in 0..16 {
            scene.room(&format!("room-{room}"), 0).await;
        }
        scene
    });
    let number = AtomicUsize::new(0);
    let scene = &scene;
    let put = |room: usize| {
        let number = number.fetch_add(1, Ordering::Relaxed);
        let (day, hour) = (number / 24, number % 24);
        let date = jiff::civil::date(2026, 3, 3) + jiff::Span::new().days(i64::try_from(day % 30_000).unwrap());
        let body = format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//bench//EN\r\nBEGIN:VEVENT\r\nUID:n{number}\r\n\
             DTSTAMP:20260301T000000Z\r\nDTSTART:{}T{hour:02}0000Z\r\nDURATION:PT1H\r\nSUMMARY:n\r\nEND:VEVENT\r\n\
             END:VCALENDAR\r\n",
            date.strftime("%Y%m%d")
        );
        async move {
            let path = format!("/dav/t/rooms/room-{room}/n{number}.ics");
            let (status, answer) = scene.send("PUT", &path, "0", &body).await;
            assert_eq!(status, 201, "{answer}");
        }
    };
    let mut group = criterion.benchmark_group("durable put");
    group.sample_size(20);
    for writers in [1, 16] {
        group.throughput(Throughput::Elements(u64::try_from(writers).unwrap()));
        group.bench_function(BenchmarkId::new("writers", writers), |bencher| {
            bencher.iter(|| system.block_on(futures_util::future::join_all((0..writers).map(&put))));
        });
    }
    group.finish();
}

criterion_group!(benches, reading, writing);
criterion_main!(benches);
