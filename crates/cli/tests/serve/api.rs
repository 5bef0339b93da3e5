//! What a client gets for what it asks.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::programs;
use super::service::Service;

fn with(mut request: Value, name: &str, value: Value) -> Value {
    request[name] = value;
    request
}

#[test]
fn a_program_runs_and_its_streams_come_apart() {
    let service = Service::start(&[]);
    let answer = service.execute(&programs::hello());
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = answer.json();
    assert_eq!((body["stdout"].as_str(), body["stderr"].as_str()), (Some("hi\n"), Some("oh\n")), "{body}");
    assert_eq!((&body["exit_code"], &body["error"], &body["truncated"]), (&json!(0), &Value::Null, &json!(false)));
    assert_eq!(body["ending"], "returned");
    let memory = body["usage"].as_array().unwrap().iter().find(|line| line["resource"] == "memory").unwrap();
    assert_eq!(memory["limit"], 128 << 20);
    let exited = service.execute(&programs::exits(3)).json();
    assert_eq!((&exited["exit_code"], &exited["ending"]), (&json!(3), &json!("exited")));
}

#[test]
fn standard_input_and_files_reach_the_program_and_nothing_else_does() {
    let service = Service::start(&[]);
    let echoed = service.execute(&with(programs::echo(), "stdin", json!("héllo"))).json();
    assert_eq!(echoed["stdout"], "héllo");
    let files = json!({ "a.txt": "from a file", "d/b": { "base64": "AAEC" } });
    let read = service.execute(&with(programs::show("a.txt"), "files", files.clone())).json();
    assert_eq!(read["stdout"], "from a file", "{read}");
    let nested = service.execute(&with(programs::show("d/b"), "files", files)).json();
    assert_eq!(nested["stdout"], "\u{0}\u{1}\u{2}");
    for outside in ["../audit.jsonl", "/etc/passwd", "../../serve.db"] {
        let denied = service.execute(&with(programs::show(outside), "files", json!({ "a.txt": "x" }))).json();
        assert_eq!((&denied["exit_code"], &denied["stdout"]), (&json!(7), &json!("")), "{outside}: {denied}");
    }
    // Files are gone with their run.
    assert_eq!(std::fs::read_dir(service.data.path().join("runs")).unwrap().count(), 0);
}

#[test]
fn a_deadline_is_124_beside_its_typed_ending() {
    let service = Service::start(&[]);
    let body = service.execute(&with(programs::endless(), "policy", json!({ "limits": { "deadline": "1s" } }))).json();
    assert_eq!(
        (&body["exit_code"], &body["ending"], &body["cause"]),
        (&json!(124), &json!("limit-reached"), &json!("limit-deadline"))
    );
    assert_eq!(body["stdout"], "hi\n");
    assert!(body["execution_time_ms"].as_u64().unwrap() >= 1000, "{body}");
    assert_eq!(body["error"], "the run was ended: it reached its limit `deadline` of 1 s");
}

#[test]
fn a_flood_is_cut_and_said_to_be() {
    let service = Service::start(&[]);
    let limits = json!({ "limits": { "output": "10KiB", "cpu-time": "300ms" } });
    let body = service.execute(&with(programs::flood(), "policy", limits)).json();
    assert_eq!(body["truncated"], true);
    assert_eq!(body["stdout"].as_str().unwrap().len(), 10 << 10);
}

#[test]
fn a_policy_can_only_tighten() {
    let service = Service::start(&[]);
    let answer = service.execute(&with(programs::hello(), "policy", json!({ "limits": { "memory": "1GiB" } })));
    assert_eq!((answer.status, answer.problem().as_str()), (403, "policy-widens"));
    assert_eq!((&answer.json()["key"], &answer.json()["ceiling"]), (&json!("limits.memory"), &json!("128 MiB")));
    let grants = json!({ "grants": { "filesystem": [{ "host": "/", "access": "read-only" }] } });
    assert_eq!(service.execute(&with(programs::hello(), "policy", grants)).problem(), "policy-widens");
}

#[test]
fn an_unknown_language_is_answered_with_the_list() {
    let service = Service::start(&[]);
    let answer = service.execute(&json!({ "language": "cobol", "code": "" }));
    assert_eq!((answer.status, answer.problem().as_str()), (400, "unknown-language"));
    assert!(answer.json()["languages"].as_array().unwrap().contains(&json!("wasm")));
    let listed = service.get("/api/v1/languages").json();
    assert!(listed["languages"].as_array().unwrap().iter().any(|language| language["id"] == "wasm"));
}

#[test]
fn output_comes_while_the_program_runs_and_leaving_ends_it() {
    let service = Service::start(&[]);
    let body = programs::endless().to_string();
    let mut stream = TcpStream::connect(&service.address).unwrap();
    write!(
        stream,
        "POST /api/v1/execute HTTP/1.0\r\nHost: {}\r\nContent-Type: application/json\r\nAccept: text/event-stream\r\nContent-Length: {}\r\n\r\n{body}",
        service.address,
        body.len()
    )
    .unwrap();
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    assert!(lines.any(|line| line == "event: start"));
    assert!(lines.any(|line| line == "event: stdout"));
    assert_eq!(lines.next().unwrap(), r#"data: {"text":"hi\n"}"#);
    // The program is in its endless loop, and we go away.
    drop(lines);
    wait_until(|| service.audit().iter().any(|line| line["kind"] == "end"));
    let end = service.audit().into_iter().find(|line| line["kind"] == "end").unwrap();
    assert_eq!(end["ending"], "failed", "{end}");
}

/// Waits for something that another process does; the test runner's own time limit is the only one.
fn wait_until(done: impl Fn() -> bool) {
    while !done() {
        std::thread::yield_now();
    }
}

#[test]
fn a_stream_ends_with_what_would_have_been_answered() {
    let service = Service::start(&[]);
    let head = "Content-Type: application/json\r\nAccept: text/event-stream\r\n";
    let answer = service.request("POST", "/api/v1/execute", head, programs::hello().to_string().as_bytes());
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    let last = answer.body.trim_end().rsplit_once("event: result\ndata: ").unwrap().1;
    let result: Value = serde_json::from_str(last).unwrap();
    assert_eq!((&result["stdout"], &result["exit_code"]), (&json!("hi\n"), &json!(0)));
}

#[test]
fn the_audit_log_has_one_start_and_one_end_a_run_and_no_code() {
    let service = Service::start(&[]);
    let code = programs::hello();
    for _ in 0..3 {
        service.execute(&code);
    }
    service.execute(&json!({ "language": "wasm", "code": "not base64!" }));
    let lines = service.audit();
    let of = |kind: &str| {
        lines.iter().filter(|line| line["kind"] == kind).map(|line| line["run"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(of("start").len(), 3);
    assert_eq!(of("start"), of("end"));
    let text = std::fs::read_to_string(service.data.path().join("audit.jsonl")).unwrap();
    assert!(!text.contains(code["code"].as_str().unwrap()));
    assert!(!service.data.path().join("code.jsonl").exists());
}

#[test]
fn code_is_logged_where_the_operator_asks_for_it() {
    let service = Service::start(&["--log-code"]);
    let run = service.execute(&programs::hello()).json()["run"].clone();
    let text = std::fs::read_to_string(service.data.path().join("code.jsonl")).unwrap();
    let line: Value = serde_json::from_str(text.trim()).unwrap();
    assert_eq!((&line["run"], &line["code"]), (&run, &programs::hello()["code"]));
}

#[test]
fn the_document_the_page_and_the_metrics_are_served() {
    let service = Service::start(&[]);
    service.execute(&programs::hello());
    assert_eq!(service.get("/api/v1/openapi.json").json()["openapi"], "3.1.0");
    let page = service.get("/");
    assert!(page.body.contains("<textarea id=\"code\""));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert!(!page.body.contains("<script>") && !page.body.contains("style="), "inline code or style");
    for path in ["/page.js", "/page.css", "/icon.svg"] {
        assert_eq!(service.get(path).status, 200);
    }
    let metrics = service.get("/metrics").body;
    assert!(metrics.contains("gauntlet_serve_responses_total"), "{metrics}");
    assert!(service.get("/problems/queue-full").body.contains("Retry-After"));
    for path in ["/", "/healthz", "/nothing", "/api/v1/languages"] {
        let answer = service.get(path);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert!(answer.header("content-security-policy").is_some(), "{path}");
        assert!(answer.header("access-control-allow-origin").is_none(), "{path}");
    }
}
