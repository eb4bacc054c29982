//! What this machine can do at best: the same web server, which recognises who calls, looks one thing up and answers so
//! many octets; and how often the disk makes a promise.

use actix_web::http::header;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

struct Shelf {
    /// Digests of the headers of those who may come in.
    known: HashMap<[u8; 32], u32>,
    octets: web::Bytes,
}

/// Serves until the process is ended: `/{n}` answers n octets.
pub fn serve(port: u16) -> std::io::Result<()> {
    let octets = web::Bytes::from(vec![b'x'; 4 << 20]);
    let known = (0_u32..10_000).map(|number| (digest(&number.to_le_bytes()), number)).collect();
    let shelf = Arc::new(Shelf { known, octets });
    actix_web::rt::System::new().block_on(async move {
        let app = move || {
            let shelf = Arc::clone(&shelf);
            App::new().app_data(web::Data::from(shelf)).route("/{octets}", web::to(answer))
        };
        HttpServer::new(app).disable_signals().bind(("127.0.0.1", port))?.run().await
    })
}

async fn answer(
    shelf: web::Data<Shelf>,
    request: HttpRequest,
    octets: web::Path<usize>,
    body: web::Bytes,
) -> HttpResponse {
    let authorization = request.headers().get(header::AUTHORIZATION).map_or(&b""[..], |value| value.as_bytes());
    // Nobody is turned away, and the look-up is not left out either.
    let known = shelf.known.contains_key(&digest(authorization));
    let octets = shelf.octets.slice(..octets.into_inner().min(shelf.octets.len()));
    let known = if known || !body.is_empty() { "yes" } else { "no" };
    HttpResponse::Ok().insert_header(("etag", "\"x\"")).insert_header(("known", known)).body(octets)
}

fn digest(octets: &[u8]) -> [u8; 32] {
    Sha256::digest(octets).into()
}

/// Durable appends of 4 KiB a second in that folder, one after the other.
pub fn promises(folder: &Path) -> f64 {
    let mut file = std::fs::File::create(folder.join("promises")).unwrap();
    let (begun, mut count) = (Instant::now(), 0_u32);
    while begun.elapsed() < Duration::from_secs(1) {
        file.write_all(&[0; 4096]).unwrap();
        file.sync_data().unwrap();
        count += 1;
    }
    f64::from(count) / begun.elapsed().as_secs_f64()
}
