//! A run as server-sent events: `start`, then `stdout` and `stderr` as they come, then one `result` or `problem`.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Response, header};
use bytes::Bytes;
use futures_core::Stream;
use serde_json::json;
use tokio::sync::mpsc;

use crate::problem::{Kind, Problem};
use crate::runs::Begun;

/// Events that may wait for a client that reads slowly; output waits in its own bounds.
const AHEAD: usize = 4;
/// How often a silent run says that it is there, so that proxies keep the connection.
const SILENCE: Duration = Duration::from_secs(10);

/// A stream of what comes through a channel.
struct Received(mpsc::Receiver<Bytes>);

impl Stream for Received {
    type Item = Result<Bytes, std::convert::Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|piece| piece.map(Ok))
    }
}

/// The answer for a run that has begun.
pub(super) fn events(begun: Begun) -> Response<Body> {
    let (send, receive) = mpsc::channel(AHEAD);
    tokio::spawn(tell(begun, send));
    let mut response = Response::new(Body::from_stream(Received(receive)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    // Proxies that collect answers are told not to.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// Tells a run until it is over or nobody listens; then it is ended.
async fn tell(mut begun: Begun, to: mpsc::Sender<Bytes>) {
    let start = json!({ "run": begun.run.to_string() });
    if to.send(event("start", &start.to_string())).await.is_err() {
        return;
    }
    let (mut out, mut err) = (Text::default(), Text::default());
    let answer = loop {
        let answer = tokio::select! {
            answer = &mut begun.answer => Some(answer),
            () = begun.feed.come() => None,
            () = to.closed() => return,
            () = tokio::time::sleep(SILENCE) => {
                if to.send(Bytes::from_static(b":\n\n")).await.is_err() {
                    return;
                }
                None
            }
        };
        let last = answer.is_some();
        let (stdout, stderr) = begun.feed.take();
        for (name, text) in [("stdout", out.more(&stdout, last)), ("stderr", err.more(&stderr, last))] {
            if !text.is_empty() && to.send(event(name, &json!({ "text": text }).to_string())).await.is_err() {
                return;
            }
        }
        if let Some(answer) = answer {
            break answer;
        }
    };
    let failed =
        || Problem::new(Kind::RunFailed, "the executor or this host failed").with("run", begun.run.to_string());
    let last = match answer.map_err(|_| failed()).and_then(|answer| answer) {
        Ok(answer) => event("result", &serde_json::to_string(&answer).unwrap_or_default()),
        Err(problem) => event("problem", &String::from_utf8_lossy(&problem.body())),
    };
    let _ = to.send(last).await;
}

/// One event. JSON has no line break, so that one line of data holds it.
fn event(name: &str, data: &str) -> Bytes {
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

/// Bytes that become text piece by piece: a character that is cut in two waits for its other half.
#[derive(Default)]
struct Text(Vec<u8>);

impl Text {
    fn more(&mut self, bytes: &[u8], last: bool) -> String {
        self.0.extend_from_slice(bytes);
        let whole = if last { self.0.len() } else { whole(&self.0) };
        let rest = self.0.split_off(whole);
        let text = String::from_utf8_lossy(&self.0).into_owned();
        self.0 = rest;
        text
    }
}

/// How many bytes there are before a last character that is not complete.
fn whole(bytes: &[u8]) -> usize {
    for back in 1..=bytes.len().min(3) {
        let at = bytes.len() - back;
        let need = match bytes.get(at) {
            Some(0xC2..=0xDF) => 2,
            Some(0xE0..=0xEF) => 3,
            Some(0xF0..=0xF4) => 4,
            Some(0x80..=0xBF) => continue,
            _ => 1,
        };
        return if need > back { at } else { bytes.len() };
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_survive_being_cut_anywhere() {
        let given = "aé日😀z".as_bytes();
        for cut in 0..=given.len() {
            let mut text = Text::default();
            let told = text.more(&given[..cut], false) + &text.more(&given[cut..], true);
            assert_eq!(told.as_bytes(), given, "{cut}");
        }
        let mut text = Text::default();
        let hostile = text.more(b"\xff\xf0\x9f", false) + &text.more(b"", true);
        assert_eq!(hostile, "\u{fffd}\u{fffd}");
        assert!(text.0.is_empty());
    }

    #[test]
    fn output_cannot_forge_an_event() {
        let data = json!({ "text": "a\n\nevent: result\ndata: {}\n\n" }).to_string();
        let told = String::from_utf8(event("stdout", &data).to_vec()).unwrap();
        assert_eq!(told.matches("event:").count(), 2);
        assert_eq!(told.lines().filter(|line| line.starts_with("event:")).count(), 1);
    }
}
