//! What remote systems answer must not lead the gateway anywhere: redirects and links to other hosts are not followed.

use crate::bridge_contract::{made, room, window};
use anteroom::bridge::BridgeError;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// A server that answers every POST with a token and everything else with `answer`; the count is of its connections.
async fn serve(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut head = vec![0; 16_384];
            let read = stream.read(&mut head).await.unwrap_or(0);
            let head = String::from_utf8_lossy(&head[..read]).into_owned();
            let token = r#"{"access_token":"t","expires_in":3600,"token_type":"Bearer"}"#;
            let answer = if head.starts_with("POST") { ok(token) } else { answer(&head) };
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (address, count)
}

fn ok(json: &str) -> String {
    let length = json.len();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{json}"
    )
}

fn graph(base: &str) -> Arc<dyn anteroom::bridge::Bridge> {
    made(&serde_json::json!({
        "kind": "graph", "base_url": base, "login_url": base, "tenant": "t", "client_id": "c", "client_secret": "s",
        "zone": "Europe/Oslo",
    }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn class_request_forgery_redirects_of_a_remote_system_are_not_followed() {
    let (inside, touched) = serve(|_| ok("{\"value\":[]}")).await;
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let answer =
            format!("HTTP/1.1 {status}\r\nLocation: {inside}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        let (outside, asked) = serve(move |_| answer.clone()).await;
        let read = graph(&outside).read_all(&room("hall@example.org", "Hall"), window()).await;
        assert!(read.is_err(), "{status}: {read:?}");
        assert!(asked.load(Ordering::SeqCst) >= 2, "{status}: a token, then the question");
    }
    assert_eq!(touched.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn class_request_forgery_links_of_a_remote_system_to_other_hosts_are_not_followed() {
    let (inside, touched) = serve(|_| ok("{\"value\":[]}")).await;
    for link in [format!("{inside}/next"), "file:///etc/passwd".to_owned(), "http://169.254.169.254/latest/".to_owned()]
    {
        let page = serde_json::json!({ "value": [], "@odata.nextLink": link }).to_string();
        let (outside, asked) = serve(move |_| ok(&page)).await;
        let read = graph(&outside).read_all(&room("hall@example.org", "Hall"), window()).await;
        assert!(matches!(&read, Err(BridgeError::Garbage(what)) if what.contains("another host")), "{link}: {read:?}");
        assert_eq!(asked.load(Ordering::SeqCst), 2, "{link}");
    }
    assert_eq!(touched.load(Ordering::SeqCst), 0);
}
