//! A `nats-server` of its own for a test, on loopback, with a store that ends with it; and a look at its streams.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A message as a stream holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub subject: String,
    pub id: String,
    pub kind: String,
    pub key: String,
    pub body: String,
}

pub struct NatsServer {
    folder: TempDir,
    child: Child,
    pub port: u16,
    config: String,
}

impl NatsServer {
    /// Starts one with these lines in its configuration; `None`, with the reason printed, where none is installed.
    pub fn start(config: &str) -> Option<Self> {
        if Command::new("nats-server").arg("--version").output().is_err() {
            println!("skipped: nats-server is not installed (apt-get install nats-server)");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let config = format!("jetstream {{ store_dir: {:?} }}\n{config}", folder.path().join("store"));
        Some(Self::run(folder, &config))
    }

    /// One without JetStream that hands on to another's `leafnodes` port.
    pub fn leaf_of(port: u16) -> Self {
        let config = format!("leafnodes {{ remotes: [ {{ url: \"nats://127.0.0.1:{port}\" }} ] }}");
        Self::run(tempfile::tempdir().unwrap(), &config)
    }

    fn run(folder: TempDir, config: &str) -> Self {
        let child = spawn(folder.path(), -1, config);
        let port = port_of(folder.path(), child.id());
        Self { folder, child, port, config: config.to_owned() }
    }

    pub fn stop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again where it was, with what it had.
    pub fn start_again(&mut self) {
        self.child = spawn(self.folder.path(), i32::from(self.port), &self.config);
        port_of(self.folder.path(), self.child.id());
    }

    /// Where leaf nodes connect to; only the log says it.
    pub fn leaf_port(&self) -> u16 {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap();
        let line = log.lines().find(|line| line.contains("leafnode connections")).unwrap();
        line.rsplit(':').next().unwrap().parse().unwrap()
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Asks the server something, as a client without a name does.
    fn ask(&self, subject: &str, body: &Value) -> async_nats::Message {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let answer = runtime.block_on(async {
                let options = async_nats::ConnectOptions::new()
                    .token("s3cret".into())
                    .add_root_certificates("tests/tls/authority.pem".into());
                let client = options.connect(self.url()).await.map_err(|error| error.to_string())?;
                let request = client.request(subject.to_owned(), body.to_string().into_bytes().into());
                request.await.map_err(|error| error.to_string())
            });
            match answer {
                Ok(answer) => return answer,
                Err(error) => assert!(Instant::now() < until, "{subject}: {error}"),
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Makes the stream `OPS` of everything below `spud`; forgets ids after `window_ms`.
    pub fn make_stream(&self, window_ms: u64) {
        let config = json!({
            "name": "OPS", "subjects": ["spud.>"], "storage": "file", "allow_direct": true,
            "duplicate_window": window_ms * 1_000_000, "max_age": 0,
        });
        let answer = self.ask("$JS.API.STREAM.CREATE.OPS", &config);
        let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
        assert!(answer["error"].is_null(), "{answer}");
    }

    /// Makes a key-value bucket whose keys end after this time.
    pub fn make_bucket(&self, name: &str, ttl: Duration) {
        let config = json!({
            "name": format!("KV_{name}"), "subjects": [format!("$KV.{name}.>")], "max_msgs_per_subject": 1,
            "max_age": u64::try_from(ttl.as_nanos()).unwrap(), "allow_rollup_hdrs": true, "deny_delete": true,
            "discard": "new",
        });
        let answer = self.ask(&format!("$JS.API.STREAM.CREATE.KV_{name}"), &config);
        let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
        assert!(answer["error"].is_null(), "{answer}");
    }

    pub fn remove_stream(&self) {
        self.ask("$JS.API.STREAM.DELETE.OPS", &json!({}));
    }

    pub fn count(&self) -> u64 {
        let answer = self.ask("$JS.API.STREAM.INFO.OPS", &json!({}));
        let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
        answer["state"]["messages"].as_u64().unwrap_or(0)
    }

    /// Everything that the stream holds and that the test caused, in its order.
    pub fn messages(&self) -> Vec<Message> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let count = self.count();
        runtime.block_on(async {
            let options = async_nats::ConnectOptions::new()
                .token("s3cret".into())
                .add_root_certificates("tests/tls/authority.pem".into());
            let client = options.connect(self.url()).await.unwrap();
            let mut found = Vec::new();
            for sequence in 1..=count {
                let ask = json!({"seq": sequence}).to_string().into_bytes();
                let got = client.request("$JS.API.DIRECT.GET.OPS", ask.into()).await.unwrap();
                let headers = got.headers.unwrap_or_default();
                let header =
                    |name: &str| headers.get(name).map(|value| value.to_string()).unwrap_or_default();
                found.push(Message {
                    subject: header("Nats-Subject"),
                    id: header("Nats-Msg-Id"),
                    kind: header("Spud-Kind"),
                    key: header("Spud-Key"),
                    body: String::from_utf8_lossy(&got.payload).into_owned(),
                });
            }
            // Modes of the tester's own machine are not what is tested.
            found.retain(|message| message.kind != "spud.mode");
            found
        })
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(folder: &Path, port: i32, config: &str) -> Child {
    let text = format!("listen: \"127.0.0.1:{port}\"\nports_file_dir: {folder:?}\n{config}\n");
    let file = folder.join("nats.conf");
    std::fs::write(&file, text).unwrap();
    let log = std::fs::File::create(folder.join("log")).unwrap();
    let mut command = Command::new("nats-server");
    command.arg("-c").arg(file).stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

fn port_of(folder: &Path, pid: u32) -> u16 {
    let file = folder.join(format!("nats-server_{pid}.ports"));
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let ports: Value = serde_json::from_str(&text).unwrap_or_default();
        let found = ports["nats"][0].as_str();
        if let Some(port) = found.and_then(|url| url.rsplit(':').next()?.parse().ok()) {
            return port;
        }
        let log = || std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        assert!(Instant::now() < until, "nats-server did not start: {}", log());
        std::thread::sleep(Duration::from_millis(20));
    }
}
