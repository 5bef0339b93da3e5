//! The least of an HTTP client, so that what is sent is what an attack says, to the byte, and nothing that comes back is trusted.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

/// Most bytes of an answer that are read.
const MAX_ANSWER: u64 = 64 << 20;

/// Where a service is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// Host and port.
    pub authority: String,
    /// What stands before every path; without a slash at its end.
    pub prefix: String,
}

impl Base {
    /// Reads `http://host:port/prefix`.
    ///
    /// # Errors
    ///
    /// For anything else, with what is wrong about it.
    pub fn parse(url: &str) -> Result<Self, String> {
        if url.starts_with("https://") {
            return Err(
                "TLS is not spoken here: put a local proxy that does before the service, and name that".to_owned()
            );
        }
        let rest = url.strip_prefix("http://").ok_or_else(|| format!("`{url}` does not begin with http://"))?;
        let (authority, prefix) = rest
            .split_once('/')
            .map_or((rest, String::new()), |(host, path)| (host, format!("/{}", path.trim_end_matches('/'))));
        let prefix = if prefix == "/" { String::new() } else { prefix };
        if authority.is_empty() || rest.chars().any(|c| c.is_control() || c.is_whitespace() || c == '@') {
            return Err(format!("`{url}` names no host, or holds what a URL does not"));
        }
        let port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let authority = if port { authority.to_owned() } else { format!("{authority}:80") };
        Ok(Self { authority, prefix })
    }

    /// Opens a connection.
    pub(crate) fn connect(&self, patience: Duration) -> io::Result<TcpStream> {
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for address in self.authority.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, patience) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(patience))?;
                    stream.set_write_timeout(Some(patience))?;
                    stream.set_nodelay(true)?;
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Sends bytes and reads one answer, to its end or for at most so long.
    ///
    /// # Errors
    ///
    /// If no connection is to be had.
    pub fn send(&self, bytes: &[u8], patience: Duration) -> io::Result<Answer> {
        let began = Instant::now();
        let mut stream = self.connect(patience)?;
        // A service that has read enough closes its end; what it answered is read all the same.
        let _ = stream.write_all(bytes);
        let mut read = Vec::new();
        let mut chunk = [0; 64 << 10];
        let mut cut = false;
        loop {
            let left = patience.saturating_sub(began.elapsed());
            if left.is_zero() || read.len() as u64 > MAX_ANSWER {
                cut = true;
                break;
            }
            stream.set_read_timeout(Some(left))?;
            match stream.read(&mut chunk) {
                Ok(0) => break,
                Ok(more) => read.extend_from_slice(&chunk[..more]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    cut = matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
                    break;
                }
            }
        }
        Ok(Answer::parse(&read, began.elapsed(), cut))
    }
}

/// An answer, or what came of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status; 0 if what came is no answer.
    pub status: u16,
    /// The head.
    pub head: String,
    /// The body.
    pub body: String,
    /// Bytes that came, head and body.
    pub bytes: u64,
    /// From the connection to the end.
    pub time: Duration,
    /// Whether it was not over when we stopped reading.
    pub cut: bool,
}

impl Answer {
    fn parse(bytes: &[u8], time: Duration, cut: bool) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
        Self { status, head: head.to_owned(), body: body.to_owned(), bytes: bytes.len() as u64, time, cut }
    }

    /// Whether it was accepted.
    #[must_use]
    pub fn accepted(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_host_a_port_and_a_prefix() {
        let parsed = |url: &str| Base::parse(url).map(|base| (base.authority, base.prefix));
        assert_eq!(parsed("http://127.0.0.1:8080"), Ok(("127.0.0.1:8080".into(), String::new())));
        assert_eq!(parsed("http://a/"), Ok(("a:80".into(), String::new())));
        assert_eq!(parsed("http://[::1]:1/x/"), Ok(("[::1]:1".into(), "/x".into())));
        for wrong in ["https://a", "ftp://a", "http://", "http:///x", "http://a b", "http://u@h", "127.0.0.1:80"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_answer_has_no_status() {
        for text in ["", "HTTP/1.1", "HTTP/1.1 abc", "hello", "HTTP/2 200 OK\r\n\r\n"] {
            assert_eq!(Answer::parse(text.as_bytes(), Duration::ZERO, false).status, 0, "{text}");
        }
        assert_eq!(Answer::parse(b"HTTP/1.0 429 x\r\na: b\r\n\r\nbody", Duration::ZERO, false).status, 429);
    }
}
