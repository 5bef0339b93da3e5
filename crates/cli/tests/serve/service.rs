//! A service of a test's own, and the least of a client.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_gauntlet");

/// A running `gauntlet serve`, killed when it is dropped.
pub(crate) struct Service {
    pub(crate) address: String,
    pub(crate) child: Child,
    pub(crate) data: tempfile::TempDir,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The last part of a problem's type, once everything that holds of all problems was seen to hold.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let body = self.json();
        assert_eq!(body["status"], self.status, "{self:?}");
        for member in ["type", "title", "detail"] {
            assert!(body[member].is_string(), "{member}: {self:?}");
        }
        for secret in ["/tmp", "/root", "/home", "gauntlet-data", ".rs", "sqlite", "panicked", "os error"] {
            assert!(!self.body.contains(secret), "{secret}: {}", self.body);
        }
        body["type"].as_str().unwrap().strip_prefix("/problems/").unwrap().to_owned()
    }
}

impl Service {
    /// A service with more arguments.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::within(tempfile::tempdir().unwrap(), arguments)
    }

    /// A service on a data directory that is there.
    pub(crate) fn within(data: tempfile::TempDir, arguments: &[&str]) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data.path())
            // Tests of other things are not slowed down by the rate.
            .args(if arguments.contains(&"--address-rate") { &[][..] } else { &["--address-rate", "1000000"] })
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = Vec::new();
        let address = loop {
            let Some(Ok(line)) = lines.next() else { panic!("the service ended: {said:?} {:?}", child.wait()) };
            if let Some(rest) = line.strip_prefix("listening on http://") {
                break rest.split(' ').next().unwrap().to_owned();
            }
            said.push(line);
        };
        // Whatever else it says is not waited for, and does not fill the pipe.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Self { address, child, data }
    }

    /// Sends bytes as they are, and reads until the other end closes.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        // Whoever is refused early may not take everything.
        let _ = stream.write_all(bytes);
        let mut read = Vec::new();
        let _ = stream.read_to_end(&mut read);
        parse(&read)
    }

    /// A request with more lines of head. HTTP 1.0: the answer comes in one piece, and then the end.
    pub(crate) fn request(&self, method: &str, path: &str, head: &str, body: &[u8]) -> Answer {
        let host = if head.to_ascii_lowercase().contains("host:") {
            String::new()
        } else {
            format!("Host: {}\r\n", self.address)
        };
        let length = body.len();
        let mut bytes =
            format!("{method} {path} HTTP/1.0\r\n{host}{head}Content-Length: {length}\r\n\r\n").into_bytes();
        bytes.extend_from_slice(body);
        self.raw(&bytes)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.request("GET", path, "", b"")
    }

    pub(crate) fn execute(&self, body: &Value) -> Answer {
        self.execute_as("", body)
    }

    pub(crate) fn execute_as(&self, key: &str, body: &Value) -> Answer {
        let key = if key.is_empty() { String::new() } else { format!("Authorization: Bearer {key}\r\n") };
        let head = format!("Content-Type: application/json\r\n{key}");
        self.request("POST", "/api/v1/execute", &head, body.to_string().as_bytes())
    }

    /// `gauntlet serve ...` on the same data.
    pub(crate) fn admin(&self, arguments: &[&str]) -> String {
        admin(self.data.path(), arguments)
    }

    /// The audit log, line by line.
    pub(crate) fn audit(&self) -> Vec<Value> {
        audit(self.data.path())
    }
}

pub(crate) fn audit(data: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(data.join("audit.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub(crate) fn admin(data: &Path, arguments: &[&str]) -> String {
    let done = Command::new(PROGRAM).arg("serve").args(arguments).arg("--data").arg(data).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

fn parse(bytes: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
