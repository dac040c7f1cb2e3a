//! The socket for whoever may use the data directory.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use aep2_server::control::{Control, Controlled, Refused, Resumed, SOCKET, Status, Switched};
use alloy::transports::http::reqwest::{Client, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::shop::{LONG, Shop};

struct Socket {
    folder: TempDir,
    control: Control,
    client: Client,
}

impl Socket {
    fn of(shop: &Shop) -> Self {
        let folder = TempDir::new().unwrap();
        // A process that was killed leaves it.
        fs::write(folder.path().join(SOCKET), "").unwrap();
        let (processor, version) = (shop.processor.clone(), "test");
        let controlled = Controlled { processor, evidence: None, compliance: None, version };
        let control = Control::start(folder.path(), controlled).unwrap();
        let client = Client::builder().unix_socket(folder.path().join(SOCKET)).build().unwrap();
        Self { folder, control, client }
    }

    async fn status(&self) -> Status {
        self.client.get("http://aep2/v1/status").send().await.unwrap().json().await.unwrap()
    }

    async fn post(&self, what: &str, body: Value) -> Response {
        self.client.post(format!("http://aep2/v1/{what}")).json(&body).send().await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_pauses_a_processor_stops_new_promises_and_nothing_else() {
    let shop = Shop::open().await;
    let socket = Socket::of(&shop);
    let before = shop.mandate(10, 0);
    assert!(shop.pay(&before).await.status.is_success());
    assert!(socket.status().await.accepts);

    let request = json!({ "by": "olga", "note": "the node is being moved" });
    let paused: Switched = socket.post("pause", request.clone()).await.json().await.unwrap();
    assert!(paused.changed);
    let again: Switched = socket.post("pause", request).await.json().await.unwrap();
    assert!(!again.changed);
    let refused = shop.pay(&shop.mandate(10, 1)).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (503, "paused"));
    assert!(refused.headers.contains_key("retry-after"));
    assert!(!refused.message().contains("node"), "the note is the operator's: {refused:?}");
    // What was promised is promised, and can be read.
    assert!(shop.pay(&before).await.status.is_success(), "the same receipt again");
    assert_eq!(shop.get(&format!("/v1/mandates/{}", shop.id_of(&before))).await.status, 200);
    assert_eq!(shop.get("/readyz").await.status, 200);
    let status = socket.status().await;
    let closed = status.paused.unwrap();
    assert_eq!((closed.by.as_str(), closed.note.as_str()), ("olga", "the node is being moved"));
    assert_eq!((status.accepts, status.standing.accepted, status.standing.queued), (false, 1, 1));

    let resumed: Resumed = socket.post("resume", json!({})).await.json().await.unwrap();
    assert_eq!(resumed, Resumed { was_paused: true, was_restored: false });
    assert!(shop.pay(&shop.mandate(10, 1)).await.status.is_success());
    socket.control.stop(LONG).await;
    assert!(!socket.folder.path().join(SOCKET).exists());
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_can_use_the_socket_and_what_makes_no_sense_is_said() {
    let shop = Shop::open().await;
    let socket = Socket::of(&shop);
    let mode = fs::metadata(socket.folder.path().join(SOCKET)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let relative = socket.post("backup", json!({ "folder": "backups" })).await;
    assert_eq!(relative.status(), 400);
    let refused: Refused = relative.json().await.unwrap();
    assert!(refused.message.contains("whole path"), "{refused:?}");
    // Where nothing can be written.
    let file = socket.folder.path().join("file");
    fs::write(&file, "").unwrap();
    let refused = socket.post("backup", json!({ "folder": file.join("backups") })).await;
    assert_eq!(refused.status(), 422);
    assert!(
        socket.post("pause", json!({ "why": "a typing error" })).await.status().is_client_error()
    );
    assert!(socket.status().await.accepts);
    socket.control.stop(LONG).await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_is_too_long_for_a_socket_is_an_error_that_says_so() {
    let shop = Shop::open().await;
    let folder = TempDir::new().unwrap();
    let deep = folder.path().join("d".repeat(120));
    fs::create_dir(&deep).unwrap();
    let (processor, version) = (shop.processor.clone(), "test");
    let controlled = Controlled { processor, evidence: None, compliance: None, version };
    let error = Control::start(Path::new(&deep), controlled).unwrap_err();
    assert!(error.to_string().contains("path"), "{error}");
    shop.close().await;
}
