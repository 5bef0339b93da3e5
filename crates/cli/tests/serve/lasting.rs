//! Load, ends and deaths.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use serde_json::json;

use super::programs;
use super::service::{Answer, Service, audit};

/// Starts a run that is streamed, and waits until it has written something.
fn begin(service: &Service, key: &str) -> impl Iterator<Item = String> + use<> {
    let body = programs::endless().to_string();
    let key = if key.is_empty() { String::new() } else { format!("Authorization: Bearer {key}\r\n") };
    let mut stream = TcpStream::connect(&service.address).unwrap();
    write!(
        stream,
        "POST /api/v1/execute HTTP/1.0\r\nHost: {}\r\nContent-Type: application/json\r\nAccept: text/event-stream\r\n{key}Content-Length: {}\r\n\r\n{body}",
        service.address,
        body.len()
    )
    .unwrap();
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    assert!(lines.any(|line| line == "event: stdout"));
    lines
}

#[test]
fn a_tenant_has_its_share_and_a_full_queue_says_so_at_once() {
    let service = Service::start(&["--runs", "1", "--queue", "0", "--concurrent", "1"]);
    let keys: Vec<String> = ["a", "b"].map(|tenant| service.admin(&["keys", "create", "--tenant", tenant])).into();
    let running = begin(&service, &keys[0]);
    let own = service.execute_as(&keys[0], &programs::hello());
    assert_eq!((own.status, own.problem().as_str()), (429, "too-many-runs"));
    let other: Answer = service.execute_as(&keys[1], &programs::hello());
    assert_eq!(
        other.header("retry-after").map(|seconds| seconds.parse::<u64>().unwrap() >= 1),
        Some(true),
        "{other:?}"
    );
    assert!(["queue-full", "too-many-runs"].contains(&other.problem().as_str()), "{other:?}");
    drop(running);
    let answer =
        std::iter::repeat_with(|| service.execute_as(&keys[1], &programs::hello())).find(|answer| answer.status == 200);
    assert_eq!(answer.unwrap().json()["stdout"], "hi\n");
}

#[test]
fn whoever_waits_too_long_is_told() {
    let service = Service::start(&["--runs", "1", "--queue", "4", "--patience", "50ms"]);
    let running = begin(&service, "");
    let waited = service.execute(&programs::hello());
    assert_eq!((waited.status, waited.problem().as_str()), (503, "waited-too-long"));
    assert!(waited.header("retry-after").is_some());
    drop(running);
}

#[test]
fn an_end_that_was_asked_for_waits_for_what_runs() {
    let mut service = Service::start(&[]);
    let running = begin(&service, "");
    let pid = rustix::process::Pid::from_child(&service.child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    // The program runs to its deadline, and its result still comes.
    let rest: Vec<String> = running.collect();
    assert!(rest.iter().any(|line| line == "event: result"), "{rest:?}");
    assert!(service.child.wait().unwrap().success());
    assert!(TcpStream::connect(&service.address).is_err());
    let lines = audit(service.data.path());
    assert!(lines.iter().any(|line| line["kind"] == "end" && line["ending"] == "limit-reached"), "{lines:?}");
}

#[test]
fn a_service_that_is_killed_loses_no_line_and_the_next_one_closes_what_was_open() {
    let mut service = Service::start(&[]);
    let done = service.execute(&programs::hello()).json()["run"].clone();
    let mut running = begin(&service, "");
    service.child.kill().unwrap();
    service.child.wait().unwrap();
    assert!(!running.any(|line| line == "event: result"));
    let before = audit(service.data.path());
    let started = before.iter().filter(|line| line["kind"] == "start").count();
    assert_eq!(started, 2, "{before:?}");
    let data = std::mem::replace(&mut service.data, tempfile::tempdir().unwrap());
    let next = Service::within(data, &[]);
    let after = next.audit();
    let ends: Vec<_> = after.iter().filter(|line| line["kind"] == "end").collect();
    assert_eq!(ends.len(), 2, "{after:?}");
    assert_eq!(ends[0]["run"], done);
    assert_eq!((&ends[1]["ending"], &ends[1]["recovered"]), (&json!("lost"), &json!(true)));
    assert_eq!(next.execute(&programs::hello()).status, 200);
}

#[test]
fn a_database_that_is_taken_away_is_a_problem_and_nothing_runs_unbooked() {
    let service = Service::start(&[]);
    service.admin(&["keys", "create", "--tenant", "acme"]);
    let key = service.admin(&["keys", "create", "--tenant", "acme"]);
    assert_eq!(service.execute_as(&key, &programs::hello()).status, 200);
    // Somebody writes over the file while it is in use.
    let file = service.data.path().join("serve.db");
    let length = std::fs::metadata(&file).unwrap().len();
    std::fs::write(&file, vec![b'x'; usize::try_from(length).unwrap()]).unwrap();
    let answer = service.execute_as(&key, &programs::hello());
    assert!(answer.status == 200 || answer.problem() == "store-unavailable", "{answer:?}");
    let starts = service.audit().iter().filter(|line| line["kind"] == "start").count();
    assert_eq!(starts, if answer.status == 200 { 2 } else { 1 });
    assert_eq!(service.get("/healthz").status, 200);
}

#[test]
fn compiled_code_that_is_not_what_it_was_is_not_run() {
    let service = Service::start(&[]);
    assert_eq!(service.execute(&programs::hello()).status, 200);
    fn spoil(directory: &std::path::Path) {
        for entry in std::fs::read_dir(directory).into_iter().flatten().map_while(Result::ok) {
            let path = entry.path();
            if path.is_dir() {
                spoil(&path);
            } else {
                let _ = std::fs::remove_file(&path);
                let _ = std::fs::write(&path, b"not code");
            }
        }
    }
    spoil(&service.data.path().join("code"));
    assert_eq!(service.execute(&programs::hello()).json()["stdout"], "hi\n");
}
