//! How each server is set up: the gateway and the limit always, others where they are installed.

use super::Options;
use super::calendar::Make;
use super::client::Client;
use super::process::{Server, free_port};
use super::work::{Place, Site};
use std::path::Path;
use std::process::Command;

pub const PASSWORD: &str = "correct horse battery";

/// The server that does nothing but answer.
pub fn limit(folder: &Path) -> Option<Server> {
    let port = free_port();
    let mut command = Command::new(std::env::current_exe().ok()?);
    Server::start(command.args(["limit", &port.to_string()]), port, &folder.join("limit.log"))
}

/// The gateway with one room where bookings may lie over each other, on SQLite, as it is installed.
pub async fn anteroom(folder: &Path, options: &Options, calendar: (Make, usize)) -> (Server, Site) {
    let port = free_port();
    let config = folder.join("anteroom.toml");
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:{port}\"\ndata_dir = \"{}/data\"\n[observe]\nfilter = \"warn\"\n\
         [[tenant]]\nkey = \"town\"\nname = \"Town\"\nzone = \"Europe/Oslo\"\n\
         [[user]]\ntenant = \"town\"\nname = \"anna\"\npassword = \"{PASSWORD}\"\nwrite = [\"*\"]\n\
         [[room]]\ntenant = \"town\"\nslug = \"hall\"\nname = \"Hall\"\nemail = \"hall@example.org\"\nallow_overlaps = true\n",
        folder.display()
    );
    let server = configured(folder, options, (port, &text)).await;
    let feed = Command::new(program(options))
        .env_clear()
        .args(["feed", "add", "hall", "--detail", "full", "--past-days", "3660", "--future-days", "3660"])
        .args(["--tenant", "town", "--json", "--config"])
        .arg(&config)
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&feed.stdout).into_owned();
    let path = printed.split_once("/feeds/").and_then(|(_, rest)| rest.split_once('"')).map(|(path, _)| path);
    assert!(path.is_some(), "no feed: {printed} {}", String::from_utf8_lossy(&feed.stderr));
    let place = Place {
        address: server.address.clone(),
        login: "anna".to_owned(),
        password: PASSWORD.to_owned(),
        root: "/.well-known/caldav".to_owned(),
        principal: String::new(),
        home: String::new(),
        calendar: "/dav/town/rooms/hall/".to_owned(),
        feed: path.map(|path| format!("/feeds/{path}")),
    };
    (server, Site::new(found(place).await.unwrap(), calendar))
}

/// The gateway on the database that is in the folder already, with nothing declared.
pub async fn bare(folder: &Path, options: &Options) -> Server {
    let port = free_port();
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:{port}\"\ndata_dir = \"{}/data\"\n[observe]\nfilter = \"warn\"\n",
        folder.display()
    );
    configured(folder, options, (port, &text)).await
}

/// The gateway with a configuration that listens on that port.
pub async fn configured(folder: &Path, options: &Options, (port, text): (u16, &str)) -> Server {
    let config = folder.join("anteroom.toml");
    std::fs::write(&config, text).unwrap();
    let mut command = Command::new(program(options));
    command.env_clear().args(["serve", "--config"]).arg(&config);
    let server = Server::start(&mut command, port, &folder.join("anteroom.log")).unwrap();
    ready(&server).await;
    server
}

/// The build of the gateway that is measured.
fn program(options: &Options) -> &str {
    options.program.as_deref().unwrap_or(env!("CARGO_BIN_EXE_anteroom"))
}

/// Waits until the gateway says that it is ready.
async fn ready(server: &Server) {
    let mut client = Client::new(&server.address, "", "");
    let mut is_ready = false;
    for _ in 0..3_000 {
        is_ready = client.send("GET", "/ready", &[], "").await.is_ok_and(|answer| answer.status == 200);
        if is_ready {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert!(is_ready, "the gateway does not become ready");
}

/// Radicale from `target/venv-radicale` (`conformance/needs.sh radicale`), as its documentation sets it up.
pub async fn radicale(folder: &Path, calendar: (Make, usize)) -> Result<(Server, Site), String> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/venv-radicale/bin/python");
    if !python.exists() {
        return Err("not installed; conformance/needs.sh radicale".to_owned());
    }
    let (port, users, store) = (free_port(), folder.join("users"), folder.join("radicale"));
    std::fs::write(&users, format!("anna:{PASSWORD}\n")).map_err(|error| error.to_string())?;
    let mut command = Command::new(python);
    command.args(["-m", "radicale", "--config", "", "--server-hosts"]).arg(format!("127.0.0.1:{port}"));
    command.args(["--server-max-connections", "100", "--auth-type", "htpasswd", "--auth-htpasswd-encryption", "plain"]);
    command.arg("--auth-htpasswd-filename").arg(&users).arg("--storage-filesystem-folder").arg(&store);
    let server = Server::start(&mut command, port, &folder.join("radicale.log"));
    let server = server.ok_or_else(|| std::fs::read_to_string(folder.join("radicale.log")).unwrap_or_default())?;
    let place = Place {
        address: server.address.clone(),
        login: "anna".to_owned(),
        password: PASSWORD.to_owned(),
        root: "/".to_owned(),
        principal: "/anna/".to_owned(),
        home: "/anna/".to_owned(),
        calendar: "/anna/hall/".to_owned(),
        feed: Some("/anna/hall/".to_owned()),
    };
    let made = place.client().send("MKCALENDAR", "/anna/hall/", &[], "").await.map_err(|error| error.to_string())?;
    if made.status != 201 {
        return Err(format!("MKCALENDAR: {}", made.status));
    }
    Ok((server, Site::new(place, calendar)))
}

/// The place with principal and home, as a client finds them.
async fn found(mut place: Place) -> Option<Place> {
    let mut client = place.client();
    let who = "<D:propfind xmlns:D=\"DAV:\"><D:prop><D:current-user-principal/></D:prop></D:propfind>";
    let home = "<D:propfind xmlns:D=\"DAV:\" xmlns:C=\"urn:ietf:params:xml:ns:caldav\"><D:prop><C:calendar-home-set/>\
        </D:prop></D:propfind>";
    let answer = client.send("PROPFIND", &place.root, &[("Depth", "0")], who).await.ok()?;
    if let Some(location) = answer.header("location") {
        let path = location.split_once("://").map_or(location, |(_, rest)| &rest[rest.find('/').unwrap_or(0)..]);
        place.root = path.to_owned();
    }
    place.principal = href(&mut client, &place.root, who, "current-user-principal").await?;
    place.home = href(&mut client, &place.principal, home, "calendar-home-set").await?;
    Some(place)
}

async fn href(client: &mut Client, path: &str, body: &str, name: &str) -> Option<String> {
    let text = client.send("PROPFIND", path, &[("Depth", "0")], body).await.ok()?.text();
    let (_, rest) = text.split_once(&format!("{name}>"))?;
    let (_, rest) = rest.split_once("href>")?;
    Some(rest.split_once('<')?.0.to_owned())
}
