//! A played network: an HTTP server on loopback that answers what a test tells it to, and remembers what was asked.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Most bytes of a request that are read.
const MAX_REQUEST: u64 = 1 << 20;
/// Most requests that are remembered.
const MAX_REMEMBERED: usize = 10_000;
/// How long a client may keep the server waiting.
const PATIENCE: Duration = Duration::from_secs(5);

/// An answer of the played network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MockResponse {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl MockResponse {
    /// An answer with a status and nothing else.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// Adds a header. Line ends in it are left out: they would make another.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let plain = |text: &str| text.replace(['\r', '\n'], "");
        self.headers.push((plain(name), plain(value)));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    fn write(&self, to: &mut TcpStream) -> io::Result<()> {
        let mut head = format!("HTTP/1.1 {} \r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\nconnection: close\r\n\r\n", self.body.len()));
        to.write_all(head.as_bytes())?;
        to.write_all(&self.body)?;
        to.flush()
    }
}

/// A request that came.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MockRequest {
    /// The method, as it was sent.
    pub method: String,
    /// The path with its query, as it was sent.
    pub path: String,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, as long as `content-length` says.
    pub body: Vec<u8>,
}

#[derive(Default)]
struct Shared {
    routes: Mutex<Vec<(String, String, MockResponse)>>,
    requests: Mutex<Vec<MockRequest>>,
    connections: Mutex<u64>,
    stop: AtomicBool,
}

/// An HTTP server on a free port of 127.0.0.1. It ends with the value.
pub struct MockNetwork {
    shared: Arc<Shared>,
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for MockNetwork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MockNetwork").field("address", &self.address).finish_non_exhaustive()
    }
}

impl MockNetwork {
    /// Starts the server. What it is not told to answer, it answers with 404.
    ///
    /// # Errors
    ///
    /// If the system gives no port or no thread.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::<Shared>::default();
        let own = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("gauntlet-mock".into()).spawn(move || own.serve(&listener))?;
        Ok(Self { shared, address, thread: Some(thread) })
    }

    /// Answers a method and path with this from now on.
    #[must_use]
    pub fn answer(self, method: &str, path: &str, response: MockResponse) -> Self {
        let mut routes = self.shared.routes.lock().unwrap_or_else(PoisonError::into_inner);
        routes.retain(|(known, at, _)| (known.as_str(), at.as_str()) != (method, path));
        routes.push((method.to_owned(), path.to_owned(), response));
        drop(routes);
        self
    }

    /// Where it listens: what is granted to a guest.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The requests that came so far.
    #[must_use]
    pub fn requests(&self) -> Vec<MockRequest> {
        self.shared.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many connections were made, whether or not anything was asked over them.
    #[must_use]
    pub fn connections(&self) -> u64 {
        *self.shared.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for MockNetwork {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        // The server waits for a connection: give it one.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn serve(&self, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.stop.load(Ordering::Acquire) {
                return;
            }
            let Ok(stream) = stream else { continue };
            *self.connections.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            // A client that breaks off is the client's affair.
            let _ = self.one(stream);
        }
    }

    fn one(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let Some(request) = read(&stream)? else { return MockResponse::new(400).write(&mut stream) };
        let routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let answer = routes.iter().find(|(method, path, _)| *method == request.method && *path == request.path);
        let answer = answer.map_or_else(|| MockResponse::new(404), |(.., response)| response.clone());
        {
            let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
            if requests.len() < MAX_REMEMBERED {
                requests.push(request);
            }
        }
        answer.write(&mut stream)
    }
}

/// Reads one request; `None` if it is none.
fn read(stream: &TcpStream) -> io::Result<Option<MockRequest>> {
    let mut reader = BufReader::new(stream.take(MAX_REQUEST));
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (Some(method), Some(path)) = (words.next(), words.next()) else { return Ok(None) };
    let (method, path) = (method.to_owned(), path.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let Some((name, value)) = line.split_once(':') else { return Ok(None) };
        headers.push((name.trim().to_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length").map_or(Ok(0), |(_, value)| value.parse());
    let Ok(length) = length else { return Ok(None) };
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body)?;
    Ok(Some(MockRequest { method, path, headers, body }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(network: &MockNetwork, request: &str) -> String {
        let mut stream = TcpStream::connect(network.address()).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn it_answers_with_status_headers_and_body_and_remembers_what_was_asked() {
        let answer = MockResponse::new(201).header("x-test", "yes\r\nx-smuggled: 1").body("made");
        let network = MockNetwork::start().unwrap().answer("POST", "/things?a=1", answer);
        let said = ask(&network, "POST /things?a=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi");
        assert!(said.starts_with("HTTP/1.1 201 "), "{said}");
        assert!(said.contains("x-test: yesx-smuggled: 1\r\n"), "{said}");
        assert!(said.ends_with("\r\n\r\nmade"), "{said}");
        assert!(ask(&network, "GET /other HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404 "));
        assert!(ask(&network, "nonsense\r\n\r\n").starts_with("HTTP/1.1 400 "));
        let requests = network.requests();
        assert_eq!(requests.len(), 2);
        assert_eq!((requests[0].method.as_str(), requests[0].body.as_slice()), ("POST", b"hi".as_slice()));
        assert_eq!(network.connections(), 3);
    }
}
