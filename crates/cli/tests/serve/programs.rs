//! Programs for the language `wasm`.

use serde_json::{Value, json};

const HEAD: &str = r#"
    (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_open"
        (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (func $write (param $fd i32) (param $at i32) (param $length i32)
        (i32.store (i32.const 0) (local.get $at))
        (i32.store (i32.const 4) (local.get $length))
        (drop (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8))))
    (func $read (param $fd i32) (result i32)
        (i32.store (i32.const 0) (i32.const 1024))
        (i32.store (i32.const 4) (i32.const 4096))
        (drop (call $fd_read (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8)))
        (i32.load (i32.const 8)))
"#;

/// A request for a program whose `_start` is this, with data at 64.
pub(crate) fn request(data: &str, body: &str) -> Value {
    let text = format!("(module {HEAD} (data (i32.const 64) \"{data}\") (func (export \"_start\") {body}))");
    let bytes = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    json!({ "language": "wasm", "code": base64(&bytes) })
}

/// Says `hi` on standard output and `oh` on standard error.
pub(crate) fn hello() -> Value {
    request(
        "hi\\noh\\n",
        "(call $write (i32.const 1) (i32.const 64) (i32.const 3)) (call $write (i32.const 2) (i32.const 67) (i32.const 3))",
    )
}

/// Says `hi` and goes on for ever.
pub(crate) fn endless() -> Value {
    request("hi\\n", "(call $write (i32.const 1) (i32.const 64) (i32.const 3)) (loop $l (br $l))")
}

/// Writes what it reads on standard input.
pub(crate) fn echo() -> Value {
    request("", "(call $write (i32.const 1) (i32.const 1024) (call $read (i32.const 0)))")
}

/// Writes a file that it was given.
pub(crate) fn show(name: &str) -> Value {
    let open = format!(
        "(call $path_open (i32.const 3) (i32.const 1) (i32.const 64) (i32.const {}) (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 32))",
        name.len()
    );
    request(
        name,
        &format!(
            "(if {open} (then (call $exit (i32.const 7)))) (call $write (i32.const 1) (i32.const 1024) (call $read (i32.load (i32.const 32))))"
        ),
    )
}

/// Writes for ever.
pub(crate) fn flood() -> Value {
    request(
        "\\u{1b}]0;owned\\07<script>alert(1)</script>\\n",
        "(loop $l (call $write (i32.const 1) (i32.const 64) (i32.const 40)) (br $l))",
    )
}

/// Ends with a code of its own.
pub(crate) fn exits(code: i32) -> Value {
    request("", &format!("(call $exit (i32.const {code}))"))
}

/// Base64, by hand: the least that a test needs.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for piece in bytes.chunks(3) {
        let mut number = 0_usize;
        for i in 0..3 {
            number = number << 8 | usize::from(piece.get(i).copied().unwrap_or(0));
        }
        for i in 0..4 {
            let digit = DIGITS[number >> (18 - 6 * i) & 63];
            text.push(if i <= piece.len() { char::from(digit) } else { '=' });
        }
    }
    text
}
