//! A load balancer as people run them: asks every replica whether it is ready, ten times a second, and gives each request to
//! the next one that is. It never sends a request twice.

use crate::walk::http::{Answer, Trouble, ask};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Between two questions to one replica.
const CHECK: Duration = Duration::from_millis(100);

#[derive(Default)]
struct Shared {
    /// Port, and whether it said that it is ready.
    replicas: Mutex<Vec<(u16, bool)>>,
    next: AtomicUsize,
    is_over: AtomicBool,
    /// What notifications of remote systems were answered, by status; 0 where nobody answered.
    hooks: Mutex<BTreeMap<u16, usize>>,
    /// Everything that was not answered as it should be.
    failures: Mutex<Vec<String>>,
}

pub struct Balancer {
    pub port: u16,
    shared: Arc<Shared>,
}

impl Balancer {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, shared) = (listener.local_addr().unwrap().port(), Arc::<Shared>::default());
        let (at_door, doctor) = (shared.clone(), shared.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if at_door.is_over.load(Ordering::SeqCst) {
                    return;
                }
                let (shared, stream) = (at_door.clone(), stream.unwrap());
                std::thread::spawn(move || shared.pass_on(stream));
            }
        });
        std::thread::spawn(move || {
            while !doctor.is_over.load(Ordering::SeqCst) {
                doctor.examine();
                std::thread::sleep(CHECK);
            }
        });
        Self { port, shared }
    }

    /// These are behind it.
    pub fn serve(&self, ports: &[u16]) {
        *self.shared.replicas.lock().unwrap() = ports.iter().map(|port| (*port, false)).collect();
    }

    pub fn ready(&self) -> usize {
        self.shared.replicas.lock().unwrap().iter().filter(|(_, is_ready)| *is_ready).count()
    }

    pub fn hooks(&self) -> BTreeMap<u16, usize> {
        self.shared.hooks.lock().unwrap().clone()
    }

    pub fn failures(&self) -> Vec<String> {
        self.shared.failures.lock().unwrap().clone()
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl Shared {
    fn examine(&self) {
        let ports: Vec<u16> = self.replicas.lock().unwrap().iter().map(|(port, _)| *port).collect();
        for (at, port) in ports.into_iter().enumerate() {
            let answer = ask("GET", &format!("http://127.0.0.1:{port}/ready"), &[], "");
            self.replicas.lock().unwrap()[at].1 = answer.is_ok_and(|answer| answer.status == 200);
        }
    }

    fn choose(&self) -> Option<u16> {
        let replicas = self.replicas.lock().unwrap();
        let ready: Vec<u16> = replicas.iter().filter(|(_, is_ready)| *is_ready).map(|(port, _)| *port).collect();
        let next = self.next.fetch_add(1, Ordering::SeqCst);
        (!ready.is_empty()).then(|| ready[next % ready.len()])
    }

    /// One request, one answer, and the connection ends.
    fn pass_on(&self, mut stream: TcpStream) {
        let Some((method, target, headers, body)) = read(&stream) else { return };
        let word = format!("{method} {target}");
        let replica = self.choose();
        let outcome = replica.map_or(Err(Trouble::NotSent), |port| {
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            ask(&method, &format!("http://127.0.0.1:{port}{target}"), &headers, &body)
        });
        let status = outcome.as_ref().map_or(0, |answer| answer.status);
        if target.starts_with("/hooks/") {
            *self.hooks.lock().unwrap().entry(status).or_default() += 1;
        }
        if status == 0 || status >= 500 {
            self.failures.lock().unwrap().push(format!("{word} to {replica:?}: {outcome:?}"));
        }
        if let Ok(answer) = outcome {
            let _ = stream.write_all(&written(&answer));
        }
    }
}

fn written(answer: &Answer) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {} Answer\r\nConnection: close\r\n", answer.status);
    let own = ["connection", "content-length", "transfer-encoding"];
    for (name, value) in answer.headers.iter().filter(|(name, _)| !own.contains(&name.as_str())) {
        head.extend([name, ": ", value, "\r\n"]);
    }
    format!("{head}Content-Length: {}\r\n\r\n{}", answer.text.len(), answer.text).into_bytes()
}

type Asked = (String, String, Vec<(String, String)>, String);

/// Method, target, header fields that are passed on, body.
fn read(stream: &TcpStream) -> Option<Asked> {
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (mut headers, mut length) = (Vec::new(), 0);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        let (name, value) = (name.to_ascii_lowercase(), value.trim().to_owned());
        match name.as_str() {
            "content-length" => length = value.parse().ok()?,
            "connection" | "host" | "transfer-encoding" => {}
            _ => headers.push((name, value)),
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((method, target, headers, String::from_utf8(body).ok()?))
}
