//! Everything that a stranger can send: a typed error each time, and a service that goes on.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::programs;
use super::service::Service;

const JSON: &str = "Content-Type: application/json\r\n";

fn post(service: &Service, head: &str, body: &[u8]) -> String {
    service.request("POST", "/api/v1/execute", head, body).problem()
}

#[test]
fn bodies_that_are_none_are_problems_of_one_shape() {
    let service = Service::start(&[]);
    let deep = "[".repeat(200_000);
    let nested =
        format!(r#"{{"language":"wasm","code":"","policy":{{"limits":{}1{}}}}}"#, "[".repeat(5000), "]".repeat(5000));
    let bodies: Vec<(&[u8], &str)> = vec![
        (b"", "invalid-body"),
        (b"not json", "invalid-body"),
        (b"{\"language\":\"wasm\",", "invalid-body"),
        (b"[]", "invalid-body"),
        (b"{\"language\":\"wasm\",\"code\":\"\xff\xfe\"}", "invalid-body"),
        (b"{\"language\":\"wasm\",\"code\":\"\\ud800\"}", "invalid-body"),
        (b"{\"language\":\"wasm\",\"code\":\"\",\"sudo\":true}", "invalid-body"),
        (b"{\"language\":[\"wasm\"],\"code\":\"\"}", "invalid-body"),
        (deep.as_bytes(), "invalid-body"),
        (nested.as_bytes(), "invalid-body"),
        (b"{\"language\":\"wasm\",\"code\":\"%%%\"}", "invalid-body"),
        (b"{\"language\":\"wasm\\u0000\",\"code\":\"\"}", "unknown-language"),
        (b"{\"language\":\"../../etc/passwd\",\"code\":\"\"}", "unknown-language"),
        (b"{\"language\":\"wasm\",\"code\":\"\",\"files\":{\"../x\":\"\"}}", "invalid-files"),
        (b"{\"language\":\"wasm\",\"code\":\"\",\"files\":{\"/etc/cron.d/x\":\"\"}}", "invalid-files"),
        (b"{\"language\":\"wasm\",\"code\":\"\",\"files\":{\"a\\u0000b\":\"\"}}", "invalid-files"),
        (b"{\"language\":\"wasm\",\"code\":\"\",\"policy\":{\"limits\":{\"memory\":\"lots\"}}}", "invalid-policy"),
        (b"{\"language\":\"wasm\",\"code\":\"\",\"policy\":{\"extends\":\"/etc/passwd\"}}", "policy-widens"),
        (
            b"{\"language\":\"wasm\",\"code\":\"\",\"policy\":{\"limits\":{\"deadline\":\"unlimited\"}}}",
            "policy-widens",
        ),
    ];
    for (body, problem) in bodies {
        assert_eq!(post(&service, JSON, body), problem, "{}", String::from_utf8_lossy(&body[..body.len().min(80)]));
    }
    assert_eq!(service.execute(&programs::hello()).status, 200);
}

#[test]
fn a_guest_that_is_no_module_is_an_ending_and_not_an_error() {
    let service = Service::start(&[]);
    for code in ["", "AGFzbQ==", "AGFzbQEAAAA=", "fkVMRg=="] {
        let answer = service.execute(&json!({ "language": "wasm", "code": code }));
        assert_eq!(answer.status, 200, "{answer:?}");
        let body = answer.json();
        assert_ne!(body["ending"], "worker-died", "{body}");
        assert_ne!(body["exit_code"], 0, "{body}");
    }
}

#[test]
fn what_is_too_large_or_of_another_kind_is_refused_before_it_is_read() {
    let service = Service::start(&["--max-request", "64KiB", "--max-code", "1KiB"]);
    let huge = format!(
        "POST /api/v1/execute HTTP/1.1\r\nHost: {}\r\n{JSON}Content-Length: 104857600\r\n\r\n{{",
        service.address
    );
    assert_eq!(service.raw(huge.as_bytes()).problem(), "too-large");
    // Without a length, it is counted as it comes.
    let mut chunked = format!(
        "POST /api/v1/execute HTTP/1.1\r\nHost: {}\r\n{JSON}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
        service.address
    )
    .into_bytes();
    for _ in 0..20 {
        chunked.extend_from_slice(b"2000\r\n");
        chunked.extend_from_slice(&[b' '; 0x2000]);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    let answer = service.raw(&chunked);
    // A client that still writes when it is answered may not get to read.
    assert!(answer.status == 413 || answer.status == 0, "{answer:?}");
    let long = json!({ "language": "wasm", "code": "A".repeat(1025) });
    let answer = service.execute(&long);
    assert_eq!(
        (answer.status, answer.problem().as_str(), &answer.json()["limit"]),
        (413, "code-too-long", &json!(1024))
    );
    for head in ["", "Content-Type: text/plain\r\n", "Content-Type: application/json\r\nContent-Encoding: gzip\r\n"] {
        assert_eq!(post(&service, head, b"{}"), "not-json", "{head}");
    }
    assert_eq!(service.get("/healthz").status, 200);
}

#[test]
fn paths_and_methods_that_do_not_exist_are_problems() {
    let service = Service::start(&[]);
    for path in [
        "/api/v1/execute/",
        "/../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/page.js/..",
        "//",
        "/api/v2/execute",
        "/serve.db",
        "/data/serve.db",
    ] {
        assert_eq!(service.get(path).problem(), "not-found", "{path}");
    }
    assert_eq!(service.get("/problems/../../etc/passwd").problem(), "not-found");
    assert_eq!(service.get("/api/v1/execute").problem(), "method-not-allowed");
    for method in ["DELETE", "PUT", "TRACE", "PATCH"] {
        assert_eq!(service.request(method, "/api/v1/languages", "", b"").problem(), "method-not-allowed", "{method}");
    }
}

#[test]
fn requests_that_are_not_well_formed_are_answered_or_closed_and_nobody_else_notices() {
    let service = Service::start(&[]);
    let many: String = (0..500).map(|i| format!("X-{i}: y\r\n")).collect();
    let long = format!("X-Long: {}\r\n", "y".repeat(200_000));
    let smuggled = format!(
        "POST /api/v1/execute HTTP/1.1\r\nHost: {0}\r\n{JSON}Content-Length: 4\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\nGET /api/v1/usage HTTP/1.1\r\nHost: {0}\r\n\r\n",
        service.address
    );
    let requests: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"\0\0\0\0".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        b"GET\r\n\r\n".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        b"GET /\r\n HTTP/1.1\r\n\r\n".to_vec(),
        format!("GET / HTTP/1.1\r\nHost: {}\r\n{many}\r\n", service.address).into_bytes(),
        format!("GET / HTTP/1.1\r\nHost: {}\r\n{long}\r\n", service.address).into_bytes(),
        format!("POST /api/v1/execute HTTP/1.1\r\nHost: {}\r\n{JSON}Content-Length: -1\r\n\r\n", service.address)
            .into_bytes(),
        format!(
            "POST /api/v1/execute HTTP/1.1\r\nHost: {}\r\n{JSON}Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
            service.address
        )
        .into_bytes(),
        smuggled.into_bytes(),
    ];
    for request in requests {
        let mut stream = TcpStream::connect(&service.address).unwrap();
        let _ = stream.write_all(&request);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        let shown = String::from_utf8_lossy(&request[..request.len().min(60)]).into_owned();
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.0 4"),
            "{shown:?}: {answer}"
        );
        assert!(answer.matches("HTTP/1").count() <= 1, "{shown:?}: {answer}");
    }
    assert_eq!(service.execute(&programs::hello()).status, 200);
}

#[test]
fn half_requests_and_a_thousand_idle_connections_keep_nobody_out() {
    let service = Service::start(&[]);
    let idle: Vec<TcpStream> = (0..1000)
        .map(|i| {
            let mut stream = TcpStream::connect(&service.address).unwrap();
            match i % 3 {
                0 => {}
                1 => stream.write_all(b"POST /api/v1/exe").unwrap(),
                _ => write!(
                    stream,
                    "POST /api/v1/execute HTTP/1.1\r\nHost: {}\r\n{JSON}Content-Length: 100\r\n\r\n{{",
                    service.address
                )
                .unwrap(),
            }
            stream
        })
        .collect();
    assert_eq!(service.get("/healthz").status, 200);
    assert_eq!(service.execute(&programs::hello()).status, 200);
    drop(idle);
    assert_eq!(service.execute(&programs::hello()).status, 200);
}

#[test]
fn a_page_of_somebody_elses_gets_nothing_run() {
    let service = Service::start(&[]);
    let body = programs::hello().to_string();
    for (head, problem) in [
        ("Host: evil.example\r\n", "wrong-host"),
        ("Host: localhost.evil.example:8080\r\n", "wrong-host"),
        ("Origin: https://evil.example\r\n", "cross-origin"),
        ("Origin: null\r\n", "cross-origin"),
        ("Sec-Fetch-Site: cross-site\r\n", "cross-origin"),
        ("Sec-Fetch-Site: same-site\r\n", "cross-origin"),
    ] {
        assert_eq!(post(&service, &format!("{JSON}{head}"), body.as_bytes()), problem, "{head}");
    }
    let preflight = service.request(
        "OPTIONS",
        "/api/v1/execute",
        "Origin: https://evil.example\r\nAccess-Control-Request-Method: POST\r\n",
        b"",
    );
    assert!(preflight.header("access-control-allow-origin").is_none(), "{preflight:?}");
    assert!(service.audit().is_empty() || service.audit().iter().all(|line| line["kind"] != "start"));
    let open = Service::start(&["--cors-origin", "https://learn.example"]);
    let allowed =
        open.request("POST", "/api/v1/execute", &format!("{JSON}Origin: https://learn.example\r\n"), body.as_bytes());
    assert_eq!((allowed.status, allowed.header("access-control-allow-origin")), (200, Some("https://learn.example")));
    assert_eq!(post(&open, &format!("{JSON}Origin: https://evil.example\r\n"), body.as_bytes()), "cross-origin");
}

#[test]
fn a_proxy_is_believed_only_where_it_was_named() {
    let head = |client: &str| format!("{JSON}X-Forwarded-For: {client}\r\n");
    // Nobody is a proxy: a client that names another address each time is one client.
    let alone = Service::start(&["--address-rate", "10"]);
    let spoofed: Vec<u16> =
        (0..25).map(|i| alone.request("POST", "/api/v1/execute", &head(&format!("10.0.0.{i}")), b"").status).collect();
    assert!(spoofed.contains(&429), "{spoofed:?}");
    // Behind a proxy, the last address is the proxy's word; what stands before it is the client's.
    let behind = Service::start(&["--address-rate", "10", "--trust-proxy", "127.0.0.1"]);
    let each: Vec<u16> =
        (0..25).map(|i| behind.request("POST", "/api/v1/execute", &head(&format!("10.0.0.{i}")), b"").status).collect();
    assert!(!each.contains(&429), "{each:?}");
    let prefixed: Vec<u16> = (0..25)
        .map(|i| behind.request("POST", "/api/v1/execute", &head(&format!("10.1.0.{i}, 10.9.9.9")), b"").status)
        .collect();
    assert!(prefixed.contains(&429), "{prefixed:?}");
}

#[test]
fn output_that_is_no_text_or_steers_is_still_json() {
    let service = Service::start(&[]);
    let hostile = programs::request(
        "\\ff\\fe\\1b[2J\\e2\\80\\ae\\00</script>",
        "(call $write (i32.const 1) (i32.const 64) (i32.const 19))",
    );
    let answer = service.execute(&hostile);
    let body: Value = answer.json();
    assert!(body["stdout"].as_str().unwrap().starts_with("\u{fffd}\u{fffd}\u{1b}[2J"), "{body}");
    assert!(!answer.body.contains('\u{1b}'), "a control character is not written raw");
}
