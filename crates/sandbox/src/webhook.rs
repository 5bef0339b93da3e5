//! Alerts by HTTP POST, each as one JSON object (`gauntlet.alert/1`).
//!
//! A thread of its own sends them, so that no run waits for a network. The queue is bounded: when it is full, the newest alert is dropped
//! and counted, and the next one that is sent says how many were. An attempt that fails is made again with a growing pause; an answer of
//! 4xx (other than 408 and 429) will not get better and ends the attempts. Redirects are not followed and no proxy is taken from the
//! environment: alerts go where they were sent to and nowhere else.
//!
//! Plain `http` is there always, for a relay on the same host or network; `https` comes with the Cargo feature `webhook-tls`.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::alerts::{Alert, AlertSink};

/// The schema of what is posted.
pub const ALERT_SCHEMA: &str = "gauntlet.alert/1";

/// How a webhook is called.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebhookRules {
    /// How many alerts may wait. Default: 256.
    pub queue: usize,
    /// How often each is tried. Default: 5.
    pub attempts: u32,
    /// The pause after the first failed attempt; it doubles with each further one, up to a minute. Default: 500 ms.
    pub pause: Duration,
    /// How long one attempt may take in all. Default: 5 s.
    pub timeout: Duration,
}

impl Default for WebhookRules {
    fn default() -> Self {
        Self { queue: 256, attempts: 5, pause: Duration::from_millis(500), timeout: Duration::from_secs(5) }
    }
}

impl WebhookRules {
    /// Sets how many alerts may wait.
    #[must_use]
    pub fn queue(mut self, alerts: usize) -> Self {
        self.queue = alerts;
        self
    }

    /// Sets how often each alert is tried, and the pause after the first failure.
    #[must_use]
    pub fn attempts(mut self, attempts: u32, pause: Duration) -> Self {
        self.attempts = attempts.max(1);
        self.pause = pause;
        self
    }

    /// Sets how long one attempt may take.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

/// A webhook that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// The address is none that can be posted to. It is not shown: it may hold a secret.
    #[error("the webhook's address is not an `http` or `https` URL with a host")]
    Address,
    /// The address asks for TLS, which this build does not have.
    #[error("`https` needs the Cargo feature `webhook-tls`")]
    NoTls,
    /// The thread that sends could not be started.
    #[error("cannot start the thread that sends alerts")]
    Thread(#[source] std::io::Error),
}

/// Sends alerts to an address. Dropping it ends the thread after the attempt that goes on; call [`Webhook::flush`] first to wait for the
/// rest.
pub struct Webhook {
    shared: Arc<Shared>,
}

struct Shared {
    rules: WebhookRules,
    state: Mutex<State>,
    changed: Condvar,
    delivered: AtomicU64,
    dropped: AtomicU64,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Alert>,
    /// An alert is on its way.
    sending: bool,
    stop: bool,
}

/// What is posted.
#[derive(Serialize)]
struct Posted<'a> {
    schema: &'static str,
    #[serde(flatten)]
    alert: &'a Alert,
    /// How many alerts were dropped before this one.
    dropped: u64,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("rules", &self.shared.rules)
            .field("delivered", &self.delivered())
            .field("dropped", &self.dropped())
            .finish_non_exhaustive()
    }
}

impl Webhook {
    /// Starts a thread that posts alerts to `url`, with headers such as `authorization`.
    ///
    /// # Errors
    ///
    /// If the address is none, needs TLS that this build does not have, or the thread cannot be started.
    pub fn new(url: &str, headers: &[(&str, &str)], rules: WebhookRules) -> Result<Self, WebhookError> {
        let uri: ureq::http::Uri = url.parse().map_err(|_| WebhookError::Address)?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") if cfg!(feature = "webhook-tls") => {}
            Some("https") => return Err(WebhookError::NoTls),
            _ => return Err(WebhookError::Address),
        }
        if uri.host().is_none_or(str::is_empty) {
            return Err(WebhookError::Address);
        }
        let mut request = ureq::http::Request::post(uri).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (request, ()) = request.body(()).map_err(|_| WebhookError::Address)?.into_parts();
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(rules.timeout))
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .proxy(None)
            .user_agent(concat!("gauntlet/", env!("CARGO_PKG_VERSION")))
            .build()
            .into();
        let shared = Arc::new(Shared {
            rules,
            state: Mutex::default(),
            changed: Condvar::new(),
            delivered: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        });
        let sender = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("alerts".into())
            .spawn(move || {
                sender.run(|body| {
                    let request = ureq::http::Request::from_parts(request.clone(), body.to_owned());
                    match agent.run(request) {
                        Ok(response) => Attempt::of_status(response.status().as_u16()),
                        Err(_) => Attempt::Failed,
                    }
                });
            })
            .map_err(WebhookError::Thread)?;
        Ok(Self { shared })
    }

    /// How many alerts arrived.
    #[must_use]
    pub fn delivered(&self) -> u64 {
        self.shared.delivered.load(Ordering::Acquire)
    }

    /// How many alerts were dropped: the queue was full, or every attempt failed.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Acquire)
    }

    /// Waits until every alert was delivered or dropped, but no longer than `at_most`. Says whether it came to that.
    #[must_use]
    pub fn flush(&self, at_most: Duration) -> bool {
        let until = Instant::now() + at_most;
        let mut state = self.shared.lock();
        while state.sending || !state.queue.is_empty() {
            let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
                return false;
            };
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl AlertSink for Webhook {
    fn alert(&self, alert: &Alert) {
        let mut state = self.shared.lock();
        if state.queue.len() >= self.shared.rules.queue {
            drop(state);
            self.shared.drop_one();
            return;
        }
        state.queue.push_back(alert.clone());
        drop(state);
        self.shared.changed.notify_all();
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.changed.notify_all();
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempt {
    Delivered,
    /// Worth another attempt.
    Failed,
    /// Will not get better.
    Rejected,
}

impl Attempt {
    fn of_status(status: u16) -> Self {
        match status {
            200..=299 => Self::Delivered,
            408 | 429 | 500..=599 => Self::Failed,
            _ => Self::Rejected,
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn drop_one(&self) {
        self.dropped.fetch_add(1, Ordering::AcqRel);
        crate::metrics::alert_dropped();
    }

    /// Sends what is queued until it is told to stop.
    fn run(&self, mut post: impl FnMut(&str) -> Attempt) {
        while let Some(alert) = self.next() {
            let posted = Posted { schema: ALERT_SCHEMA, alert: &alert, dropped: self.dropped.load(Ordering::Acquire) };
            let delivered = serde_json::to_string(&posted).is_ok_and(|body| self.deliver(&body, &mut post));
            if delivered {
                self.delivered.fetch_add(1, Ordering::AcqRel);
            } else {
                self.drop_one();
            }
            self.lock().sending = false;
            self.changed.notify_all();
        }
    }

    /// Waits for an alert; `None` is the end.
    fn next(&self) -> Option<Alert> {
        let mut state = self.lock();
        loop {
            if state.stop {
                return None;
            }
            if let Some(alert) = state.queue.pop_front() {
                state.sending = true;
                return Some(alert);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Tries until it arrives, will not, or the end has come.
    fn deliver(&self, body: &str, post: &mut impl FnMut(&str) -> Attempt) -> bool {
        let mut pause = self.rules.pause;
        for attempt in 1..=self.rules.attempts.max(1) {
            match post(body) {
                Attempt::Delivered => return true,
                Attempt::Rejected => return false,
                Attempt::Failed => {}
            }
            if attempt < self.rules.attempts && self.stopped_within(pause) {
                return false;
            }
            pause = pause.saturating_mul(2).min(Duration::from_secs(60));
        }
        false
    }

    /// Pauses; says whether the end came meanwhile.
    fn stopped_within(&self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        let mut state = self.lock();
        while !state.stop {
            let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
                return false;
            };
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::sync::mpsc;

    use gauntlet_record::Severity;

    use super::*;
    use crate::alerts::AlertKind;

    const LONG: Duration = Duration::from_secs(60);

    fn alert(count: u64) -> Alert {
        Alert {
            alert: AlertKind::LimitReached,
            severity: Severity::Medium,
            time: "2026-01-01T00:00:00Z".into(),
            run: "r".into(),
            tenant: "t".into(),
            tenant_sha256: "0".into(),
            module: "0".into(),
            cause: None,
            count,
            window: None,
            message: "a run ended at the limit `fuel`".into(),
        }
    }

    fn quick() -> WebhookRules {
        WebhookRules::default().attempts(3, Duration::from_millis(1)).timeout(LONG)
    }

    /// Reads one request, answers it, and gives back its head and body.
    fn answer(connection: TcpStream, status: &str) -> (String, serde_json::Value) {
        let mut reader = BufReader::new(connection);
        let mut head = String::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if line == "\r\n" {
                break;
            }
            head.push_str(&line.to_ascii_lowercase());
        }
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().trim().parse().unwrap();
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let mut connection = reader.into_inner();
        write!(connection, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\nlocation: /other\r\n\r\n")
            .unwrap();
        (head, serde_json::from_slice(&body).unwrap())
    }

    /// A listener that gives these answers, one a connection, and sends on what it was told.
    fn listener(answers: &'static [&'static str]) -> (String, mpsc::Receiver<(String, serde_json::Value)>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/alerts", listener.local_addr().unwrap());
        let (told, heard) = mpsc::channel();
        std::thread::spawn(move || {
            for status in answers {
                let (connection, _) = listener.accept().unwrap();
                told.send(answer(connection, status)).unwrap();
            }
        });
        (url, heard)
    }

    #[test]
    fn an_alert_arrives_as_json_with_the_headers() {
        let (url, heard) = listener(&["204 No Content"]);
        let webhook = Webhook::new(&url, &[("authorization", "Bearer secret")], quick()).unwrap();
        webhook.alert(&alert(1));
        let (head, body) = heard.recv_timeout(LONG).unwrap();
        assert!(head.starts_with("post /alerts http/1.1"), "{head}");
        assert!(head.contains("authorization: bearer secret") && head.contains("content-type: application/json"));
        assert_eq!((&body["schema"], &body["alert"]), (&"gauntlet.alert/1".into(), &"limit-reached".into()));
        assert!(webhook.flush(LONG));
        assert_eq!((webhook.delivered(), webhook.dropped()), (1, 0));
        assert!(!format!("{webhook:?}").contains("secret"));
    }

    #[test]
    fn what_fails_is_tried_again_and_what_is_rejected_is_not() {
        let (url, heard) = listener(&["500 No", "429 Slow", "200 OK", "403 Never", "302 Elsewhere", "200 OK"]);
        let webhook = Webhook::new(&url, &[], quick()).unwrap();
        for i in 1..=4 {
            webhook.alert(&alert(i));
        }
        let seen: Vec<(u64, u64)> = (0..6)
            .map(|_| heard.recv_timeout(LONG).unwrap().1)
            .map(|body| (body["count"].as_u64().unwrap(), body["dropped"].as_u64().unwrap()))
            .collect();
        assert_eq!(seen, [(1, 0), (1, 0), (1, 0), (2, 0), (3, 1), (4, 2)]);
        assert!(webhook.flush(LONG));
        assert_eq!((webhook.delivered(), webhook.dropped()), (2, 2));
    }

    #[test]
    fn a_full_queue_drops_and_counts_and_holds_nobody_up() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let webhook = Webhook::new(&url, &[], quick().queue(2)).unwrap();
        webhook.alert(&alert(0));
        // The first one is on its way and nobody answers it.
        let (connection, _) = listener.accept().unwrap();
        for i in 1..=10 {
            webhook.alert(&alert(i));
        }
        assert_eq!(webhook.dropped(), 8);
        answer(connection, "200 OK");
        let (_, first) = answer(listener.accept().unwrap().0, "200 OK");
        assert_eq!(first["dropped"], 8);
        answer(listener.accept().unwrap().0, "200 OK");
        assert!(webhook.flush(LONG));
        assert_eq!(webhook.delivered(), 3);
    }

    #[test]
    fn nobody_there_ends_after_the_attempts() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        let webhook = Webhook::new(&url, &[], quick()).unwrap();
        webhook.alert(&alert(1));
        assert!(webhook.flush(LONG));
        assert_eq!((webhook.delivered(), webhook.dropped()), (0, 1));
    }

    #[test]
    fn an_address_that_cannot_be_posted_to_is_a_typed_error() {
        let error = |url: &str| Webhook::new(url, &[], quick()).unwrap_err();
        for url in ["", "alerts", "ftp://host/", "file:///etc/passwd", "http://", "http:///x", "http://h/\n"] {
            assert!(matches!(error(url), WebhookError::Address), "{url:?}");
        }
        if cfg!(not(feature = "webhook-tls")) {
            assert!(matches!(error("https://host/"), WebhookError::NoTls));
        }
        assert!(matches!(
            Webhook::new("http://host/", &[("x", "a\r\nb: c")], quick()).unwrap_err(),
            WebhookError::Address
        ));
    }
}
